"""Algorithms by name, with settings: "gdopt", "turbo", "gdopt:share_guided=0.1,outcome_transform=rank_normal",
"gdopt-oracle".

Settings are literals or names of `gdopt.bench.variants`. With "+gradients" after the name, the method also gets the
problem's gradients.
"""

import ast
from functools import cache

from gdopt.algorithms.base import Algorithm, capabilities
from gdopt.algorithms.guided import GuidedDiffusion
from gdopt.algorithms.masked import MaskedDiffusion
from gdopt.algorithms.settings import with_settings
from gdopt.baselines import MOLECULES, PCA, baseline, kinds_of, names, string_baseline, string_names
from gdopt.bench.priors import Prior
from gdopt.bench.problem import Problem, strings_of
from gdopt.bench.variants import PARTS, oracle
from gdopt.errors import SettingsError
from gdopt.priors.diffusion import DiffusionPrior
from gdopt.priors.masked import MaskedPrior
from gdopt.space import strings
from gdopt.space.string_spaces import MoleculeSpace, SequenceSpace

__all__ = ["check", "lacking", "method", "needs_gradients", "uses_prior"]

GDOPT = "gdopt"
# The same algorithm with a selection by true values: the upper bound of its candidates.
ORACLE = "gdopt-oracle"
# Suffix of a name: results include the problem's gradients.
GRADIENTS = "+gradients"
# Methods for one objective, whatever their algorithm supports; methods for problems with outcome constraints only.
ONE = (ORACLE, "qlogei-constrained")
LIMITED = ("qlogei-constrained",)
# Counterparts without a corpus of methods that draw designs of a corpus.
CORPUS = {"corpus-random": "random"}


def method(name: str, problem: Problem, prior: Prior | None) -> Algorithm:
    """The algorithm of a name, with the settings after its colon, for a problem and its prior.

    Raises:
        SettingsError: the method or a setting does not exist, or the method does not support the problem.
    """
    base, settings = _split(name)
    if missing := lacking(name, problem):
        raise SettingsError(f"{name} needs {missing}, which {problem.name} lacks")
    return _with(_made(base, problem, prior), name, settings)


def _made(base: str, problem: Problem, prior: Prior | None) -> Algorithm:
    """The algorithm with its default settings."""
    space = strings_of(problem)
    if space is not None and base == GDOPT:
        if not isinstance(prior, MaskedPrior):
            raise SettingsError(f"{GDOPT} needs a prior of the strings of {problem.name}")
        return MaskedDiffusion(prior=prior)
    if space is not None and base in string_names():
        return string_baseline(base, space)
    of_numbers = prior if isinstance(prior, DiffusionPrior) else None
    if base == ORACLE:
        return GuidedDiffusion(prior=of_numbers, selection=oracle(problem, of_numbers))
    return GuidedDiffusion(prior=of_numbers) if base == GDOPT else baseline(base, of_numbers)


def check(name: str, problem: Problem) -> None:
    """Raise `SettingsError` if the name is no method with valid settings for a problem, given a prior if needed."""
    base, settings = _split(name)
    if strings_of(problem) is not None and (base == GDOPT or base in string_names()):
        _with(_made(base, problem, _stand_in(MOLECULES in kinds_of(problem.space))), name, settings)
        return
    _with(_plain(base), name, settings)


def _plain(base: str) -> Algorithm:
    """A method for numbers without a prior: its settings and capabilities are the same as with a prior."""
    name = base.removesuffix(PCA) if base not in names() else base
    return GuidedDiffusion() if name in (GDOPT, ORACLE) else baseline(CORPUS.get(name, name))


@cache
def _stand_in(molecules: bool) -> MaskedPrior:
    """A minimal prior, for checks of settings before any prior is fitted."""
    space = MoleculeSpace(["C", "CC"]) if molecules else SequenceSpace("AB", 2, corpus=["AB", "BA"])
    return MaskedPrior.fit(space, steps=1)


def lacking(name: str, problem: Problem) -> str:
    """The feature that a method needs and a problem lacks; empty if the method supports the problem."""
    base, _ = _split(name)
    if problem.objectives and not _several(base, problem):
        return "a single objective"
    if base in LIMITED and not problem.outcome_constraints:
        return "outcome constraints"
    if base == "qlognehvi" and not problem.objectives:
        return "several objectives"
    if needs_gradients(name) and problem.gradient is None:
        return "gradients"
    if strings_of(problem) is not None:
        kind = string_names().get(base)
        if base == GDOPT or kind in kinds_of(problem.space):
            return ""
        if kind is not None or base == ORACLE:
            return kind or "numbers"
    if any(isinstance(p, strings.Molecule) or _stretches(p) for p in problem.space.parameters):
        return "numbers"
    if base in (GDOPT, ORACLE) or base in names():
        return ""
    if base in names(prior=True):
        return "" if problem.corpus is not None else "a corpus"
    return string_names()[base]


def _several(base: str, problem: Problem) -> bool:
    """Whether a method supports several objectives."""
    if base in ONE or (base != GDOPT and base not in {*names(), *names(prior=True)}):
        return False
    of_strings = base == GDOPT and strings_of(problem) is not None
    return capabilities(MaskedDiffusion if of_strings else _plain(base)).several


def _stretches(parameter: object) -> bool:
    """Whether a parameter is a sequence of several lengths, which numbers cannot encode."""
    return isinstance(parameter, strings.Sequence) and not parameter.one_length


def uses_prior(name: str, problem: Problem) -> bool:
    """Whether a method uses the prior of a problem; for strings only `gdopt` does."""
    return strings_of(problem) is None or _split(name)[0] == GDOPT


def needs_gradients(name: str) -> bool:
    """Whether a method gets gradients; it then needs a problem that has them."""
    return name.partition(":")[0].endswith(GRADIENTS)


def _split(name: str) -> tuple[str, str]:
    """The method and its settings."""
    base, _, settings = name.partition(":")
    base = base.removesuffix(GRADIENTS)
    known = [GDOPT, ORACLE, *dict.fromkeys([*names(), *names(prior=True), *string_names()])]
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
        return with_settings(algorithm, changes)
    except (ValueError, TypeError, SyntaxError) as error:
        raise SettingsError(
            f"{name!r}: expected settings as name=number, or name=part of {', '.join(PARTS)}, after the colon; {error}"
        ) from error
