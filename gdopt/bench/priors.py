"""The prior of a problem that has designs without labels: fitted once, kept in the folder of the records.

Priors of numbers are kept by the problem's name. Those of strings are kept by the space and its corpus: problems of the
same molecules have the same prior, which takes minutes to fit.
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

# Of a hash, so many hexadecimal digits.
DIGITS = 12


def path_of(out: Path, name: str, problem: Problem) -> Path | None:
    """Where the prior of a problem that was loaded by a name is kept; None if it has no designs without labels."""
    if (space := strings_of(problem)) is not None:
        told = json.dumps([to_json(space), space.corpus], sort_keys=True).encode()
        return out / "priors" / f"{space.names[0]}-{sha256(told).hexdigest()[:DIGITS]}.safetensors"
    return None if problem.corpus is None else out / "priors" / f"{file_name(name)}.safetensors"


def fit_into(path: Path, problem: Problem) -> str:
    """Fit the prior of a problem and keep it; a line on what was done, empty if it was there."""
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
    """The prior that `fit_into` kept, of strings or of numbers."""
    return MaskedPrior.load(path) if strings else DiffusionPrior.load(path)
