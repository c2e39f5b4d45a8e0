"""Algorithms by name, with settings: "gdopt", "turbo", "gdopt:guide=0.0,warp=rank_normal", "gdopt-oracle".

Settings are literals or names of `gdopt.bench.arms`. A "+gradients" after the name says that gradients are told too.
"""

import ast
from dataclasses import replace
from typing import Any, cast

from gdopt.algorithm import Algorithm
from gdopt.baselines import PCA, baseline, names
from gdopt.bench.arms import PARTS
from gdopt.bench.oracle import oracle
from gdopt.bench.problem import Problem
from gdopt.errors import SettingsError
from gdopt.guided import GuidedDiffusion
from gdopt.prior import DiffusionPrior

__all__ = ["check", "method", "needs_gradients", "needs_prior"]

GDOPT = "gdopt"
# The same with the true values in place of its selection: the ceiling of its proposals.
ORACLE = "gdopt-oracle"
# After a name: the problem's gradients are told with the values.
GRADIENTS = "+gradients"
# What draws designs of a corpus is, without one, what draws them of the box.
CORPUS = {"corpus-random": "random"}


def method(name: str, problem: Problem, prior: DiffusionPrior | None) -> Algorithm:
    """The algorithm of that name, with the settings after its colon, for a problem with this prior or none.

    Raises:
        SettingsError: there is no such method, it has no such setting, or it needs a prior.
    """
    base, settings = _split(name)
    if base == ORACLE:
        return _with(GuidedDiffusion(prior=prior, selection=oracle(problem, prior)), name, settings)
    return _with(GuidedDiffusion(prior=prior) if base == GDOPT else baseline(base, prior), name, settings)


def check(name: str) -> None:
    """Raise `SettingsError` unless a method can be made of the name, given a prior if it needs one."""
    base, settings = _split(name)
    # The settings of a method in the corpus' coordinates are those of the method.
    plain = base.removesuffix(PCA) if needs_prior(name) else base
    _with(GuidedDiffusion() if plain in (GDOPT, ORACLE) else baseline(CORPUS.get(plain, plain)), name, settings)


def needs_prior(name: str) -> bool:
    """Whether a method works on problems with a corpus only."""
    return _split(name)[0] in {*names(prior=True)} - {*names()}


def needs_gradients(name: str) -> bool:
    """Whether a method is told gradients, and works on problems that have them only."""
    return name.partition(":")[0].endswith(GRADIENTS)


def _split(name: str) -> tuple[str, str]:
    """The method and its settings."""
    base, _, settings = name.partition(":")
    base = base.removesuffix(GRADIENTS)
    known = [GDOPT, ORACLE, *dict.fromkeys([*names(), *names(prior=True)])]
    if base not in known:
        raise SettingsError(f"no method is called {base!r}; there are {', '.join(known)}")
    return base, settings


def _with(algorithm: Algorithm, name: str, settings: str) -> Algorithm:
    """The algorithm with other settings."""
    if not settings:
        return algorithm
    try:
        pairs = [s.split("=") for s in settings.split(",")]
        changes = {key: PARTS.get(value) or ast.literal_eval(value) for key, value in pairs}
        return cast(Algorithm, replace(cast(Any, algorithm), **changes))
    except (ValueError, TypeError, SyntaxError) as error:
        raise SettingsError(
            f"{name!r}: expected settings as name=number, or name=part of {', '.join(PARTS)}, after the colon; {error}"
        ) from error
