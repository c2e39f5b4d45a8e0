"""Priors of problems with unlabelled designs: fitted once, stored in the folder of the records.

The file name of a prior of numbers is from the problem's name. The file name of a prior of strings is from the space
and its corpus: problems of the same molecules share a prior, which takes minutes to fit.
"""

import json
from functools import cache
from hashlib import sha256
from pathlib import Path

from gdopt.bench.problem import Problem, file_name, strings_of
from gdopt.priors.diffusion import DiffusionPrior
from gdopt.priors.masked import MaskedPrior
from gdopt.space.serialization import to_json

__all__ = ["Prior", "fit_into", "loaded", "path_of"]

Prior = DiffusionPrior | MaskedPrior

# Number of hexadecimal digits of a hash.
DIGITS = 12


def path_of(out: Path, name: str, problem: Problem) -> Path | None:
    """The file of the prior of a problem, by the name it was loaded by; None without unlabelled designs."""
    if (space := strings_of(problem)) is not None:
        told = json.dumps([to_json(space), space.corpus], sort_keys=True).encode()
        return out / "priors" / f"{space.names[0]}-{sha256(told).hexdigest()[:DIGITS]}.safetensors"
    return None if problem.corpus is None else out / "priors" / f"{file_name(name)}.safetensors"


def fit_into(path: Path, problem: Problem) -> str:
    """Fit and save the prior of a problem; returns a line of progress, which is empty if the file existed."""
    if path.exists():
        return ""
    path.parent.mkdir(parents=True, exist_ok=True)
    if (space := strings_of(problem)) is not None:
        learned = MaskedPrior.fit(space)
        learned.save(path)
        return f"prior of {path.stem}: {len(learned.corpus)} strings, {learned.seconds:.0f} s"
    assert problem.corpus is not None
    prior = DiffusionPrior.fit(problem.corpus(), space=problem.space, commensurate=problem.commensurate)
    prior.save(path)
    return f"prior of {path.stem}: {len(prior.designs)} designs, {prior.codec.dim} directions, {prior.seconds:.0f} s"


@cache
def loaded(path: Path, strings: bool) -> Prior:
    """The prior that `fit_into` saved, of strings or of numbers."""
    return MaskedPrior.load(path) if strings else DiffusionPrior.load(path)
