"""Reference algorithms with the same protocol as gdopt's own: `baseline` returns them by name."""

from importlib import import_module
from typing import TYPE_CHECKING

from gdopt.errors import SettingsError

if TYPE_CHECKING:
    from gdopt.algorithms.base import Algorithm
    from gdopt.priors.diffusion import DiffusionPrior
    from gdopt.space.space import Space
    from gdopt.space.string_spaces import MoleculeSpace, SequenceSpace

__all__ = ["baseline", "kinds_of", "names", "string_baseline", "string_names"]

# Name: module, class, settings. Model-based baselines can also work in the coordinates of a prior.
LEARNERS: dict[str, tuple[str, str, dict[str, bool]]] = {
    "qlogei": ("expected_improvement", "ExpectedImprovement", {"noisy": False}),
    "qlognei": ("expected_improvement", "ExpectedImprovement", {"noisy": True}),
    "qlogei-constrained": ("outcome_improvement", "OutcomeImprovement", {}),
    "qlognehvi": ("outcome_improvement", "OutcomeImprovement", {}),
    "turbo": ("turbo", "TuRBO", {}),
    "cma": ("cma_es", "CMAES", {}),
    "ax": ("ax_client", "AxDefault", {}),
    "eda": ("eda", "ContractedEDA", {}),
    "corpus-steps-random": ("corpus_steps", "CorpusSteps", {"thompson": False}),
    "corpus-steps-thompson": ("corpus_steps", "CorpusSteps", {"thompson": True}),
    "pool-thompson": ("pool", "PoolThompson", {}),
    "diffusion-evolution": ("diffusion_evolution", "DiffusionEvolution", {}),
}
PCA = "-pca"

# Baselines of strings. Name: module, class or factory, settings, and the kind of strings.
MOLECULES, SEQUENCES, STRINGS = "molecules", "sequences of one length", "strings"
OF_STRINGS: dict[str, tuple[str, str, dict[str, bool], str]] = {
    "corpus-random": ("string_learner", "CorpusRandom", {}, STRINGS),
    "pool-thompson": ("string_pool", "CorpusThompson", {}, STRINGS),
    "graph-ga": ("genetic", "graph_ga", {}, MOLECULES),
    "graph-ga-thompson": ("genetic", "graph_ga", {"thompson": True}, MOLECULES),
    "selfies-ga": ("genetic", "selfies_ga", {}, MOLECULES),
    "selfies-ga-thompson": ("genetic", "selfies_ga", {"thompson": True}, MOLECULES),
    "genetic": ("genetic", "sequence_ga", {}, SEQUENCES),
    "genetic-thompson": ("genetic", "sequence_ga", {"thompson": True}, SEQUENCES),
    "vsd": ("vsd", "VSD", {}, SEQUENCES),
}


def names(prior: bool = False) -> list[str]:
    """The names that `baseline` accepts without a prior, or with one.

    Example:
        >>> names()[:3], len(names(prior=True))
        (['random', 'sobol', 'qlogei'], 27)
    """
    if not prior:
        return ["random", "sobol", *LEARNERS]
    return ["corpus-random", "sobol", "sobol-pca", *LEARNERS, *(name + PCA for name in LEARNERS)]


def baseline(name: str, prior: "DiffusionPrior | None" = None) -> "Algorithm":
    """The baseline of a name. With a prior, its first designs come from the prior's corpus.

    Args:
        name: one of `names`; with "-pca", the baseline works in the whitened principal directions of the corpus.
        prior: the source of the corpus; its diffusion model is not used.

    Raises:
        SettingsError: no baseline has the name, or the baseline needs a prior and none is given.
        MissingExtraError: the baseline needs a package that is not installed.

    Example:
        >>> baseline("sobol")
        Sobol(prior=None)
    """
    known = sorted({*names(), *names(prior=True)})
    if name not in known:
        raise SettingsError(f"baseline {name!r} is unknown; there are {', '.join(known)}")
    if prior is None and name not in names():
        raise SettingsError(f"baseline {name!r} needs a prior; without one there are {', '.join(names())}")
    if name in ("random", "corpus-random"):
        return _made("random", "RandomSearch", prior=prior)
    if name in ("sobol", "sobol-pca"):
        return _made("sobol", "Sobol", prior=prior if name.endswith(PCA) else None)
    module, kind, settings = LEARNERS[name.removesuffix(PCA)]
    return _made(module, kind, prior=prior, whitened=name.endswith(PCA), **settings)


def _made(module: str, kind: str, **settings: object) -> "Algorithm":
    algorithm: Algorithm = getattr(import_module(f"gdopt.baselines.{module}"), kind)(**settings)
    return algorithm


def string_names() -> dict[str, str]:
    """The names that `string_baseline` accepts, each with its kind: molecules, sequences of one length, or strings.

    Example:
        >>> string_names()["vsd"]
        'sequences of one length'
    """
    return {name: kind for name, (_, _, _, kind) in OF_STRINGS.items()}


def kinds_of(space: "Space") -> set[str]:
    """The kinds of a space in the terms of `string_names`; none if it is not a space of one string."""
    from gdopt.space import strings

    (*_, last) = space.parameters
    if len(space.parameters) > 1:
        return set()
    if isinstance(last, strings.Molecule):
        return {STRINGS, MOLECULES}
    if isinstance(last, strings.Sequence):
        return {STRINGS, SEQUENCES} if last.one_length else {STRINGS}
    return set()


def string_baseline(name: str, space: "MoleculeSpace | SequenceSpace") -> "Algorithm":
    """The baseline of a name for a space of strings. Its first strings come from the corpus of the space.

    Args:
        name: one of `string_names`.
        space: with a corpus.

    Raises:
        SettingsError: no baseline has the name, or the baseline is for strings of another kind.

    Example:
        >>> from gdopt import SequenceSpace
        >>> string_baseline("genetic", SequenceSpace("AB", 2, corpus=["AB", "BA"])).population
        10
    """
    if name not in OF_STRINGS:
        raise SettingsError(f"baseline {name!r} of strings is unknown; there are {', '.join(OF_STRINGS)}")
    module, maker, settings, kind = OF_STRINGS[name]
    if kind not in kinds_of(space):
        raise SettingsError(f"baseline {name!r} is for {kind}; the space is of {', '.join(space.names)}")
    return _made(module, maker, corpus=tuple(dict.fromkeys(space.corpus)), **settings)
