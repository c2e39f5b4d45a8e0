"""Other algorithms behind the same protocol, to compare with: `baseline` makes them by name."""

from importlib import import_module
from typing import TYPE_CHECKING

from gdopt.errors import SettingsError

if TYPE_CHECKING:
    from gdopt.algorithm import Algorithm
    from gdopt.prior import DiffusionPrior

__all__ = ["baseline", "names"]

# Name: module, class, settings. Those that learn can also work in the coordinates of a prior.
LEARNERS: dict[str, tuple[str, str, dict[str, bool]]] = {
    "qlogei": ("expected_improvement", "ExpectedImprovement", {"noisy": False}),
    "qlognei": ("expected_improvement", "ExpectedImprovement", {"noisy": True}),
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


def names(prior: bool = False) -> list[str]:
    """The names that `baseline` knows without a prior, or with one."""
    if not prior:
        return ["random", "sobol", *LEARNERS]
    return ["corpus-random", "sobol", "sobol-pca", *LEARNERS, *(name + PCA for name in LEARNERS)]


def baseline(name: str, prior: "DiffusionPrior | None" = None) -> "Algorithm":
    """The baseline of a name, which starts with designs of the prior's corpus where there is one.

    Args:
        name: one of `names`; with "-pca", it works in the whitened principal directions of the corpus.
        prior: of which the corpus is; its diffusion model is not used.

    Raises:
        SettingsError: no baseline has that name, or it needs a prior and none is given.
        MissingExtraError: it needs a package that is not installed.
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
