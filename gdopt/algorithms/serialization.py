"""Serialization of algorithms: the class, the settings by name, and the file of the prior.

A file may name the algorithms and settings of the tables below, each in its place. Whatever the content of a file, no
other module is imported and nothing else is called.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

from gdopt import files
from gdopt.algorithms.base import Algorithm
from gdopt.algorithms.settings import TUNING, setting_names, settings_of
from gdopt.arguments import number
from gdopt.errors import SettingsError, StoreError
from gdopt.space.space import Space
from gdopt.trials.state import State

__all__ = [
    "ALGORITHMS",
    "PARTS",
    "PATHS_OF_0_1",
    "PLAIN",
    "Keep",
    "StoredAlgorithm",
    "default_algorithm",
    "deserialize",
    "prior_of",
    "serialize",
]

PLAIN = (bool, int, float, str, type(None))
# A function, such as an outcome transform, is stored as a mapping of "named" to its name; a prior as a mapping of
# "kept" to the name of its file.
NAMED, KEPT = "named", "kept"
PRIOR = "prior"
# The module and the attribute of each name: modules are imported by this table, not by the content of a file. A name
# stays the same when its module moves.
Homes = Mapping[str, tuple[str, str]]
# Other algorithms for strings than `MaskedDiffusion` have their corpus as a setting, which is too large for a header.
ALGORITHMS: Homes = {
    "GuidedDiffusion": ("gdopt.algorithms.guided", "GuidedDiffusion"),
    "MaskedDiffusion": ("gdopt.algorithms.masked", "MaskedDiffusion"),
    "AxDefault": ("gdopt.baselines.ax_client", "AxDefault"),
    "CMAES": ("gdopt.baselines.cma_es", "CMAES"),
    "ContractedEDA": ("gdopt.baselines.eda", "ContractedEDA"),
    "CorpusSteps": ("gdopt.baselines.corpus_steps", "CorpusSteps"),
    "DiffusionEvolution": ("gdopt.baselines.diffusion_evolution", "DiffusionEvolution"),
    "ExpectedImprovement": ("gdopt.baselines.expected_improvement", "ExpectedImprovement"),
    "OutcomeImprovement": ("gdopt.baselines.outcome_improvement", "OutcomeImprovement"),
    "PoolThompson": ("gdopt.baselines.pool", "PoolThompson"),
    "RandomSearch": ("gdopt.baselines.random", "RandomSearch"),
    "Sobol": ("gdopt.baselines.sobol", "Sobol"),
    "TuRBO": ("gdopt.baselines.turbo", "TuRBO"),
}
# The settings that are functions or callable objects, and the possible values of each.
PARTS: Mapping[str, Homes] = {
    "design_filter": {
        "makeable": ("gdopt.molecules.filters", "Makeable"),
        "named": ("gdopt.algorithms.user_functions", "FunctionReference"),
    },
    "features": {"fingerprints": ("gdopt.molecules.fingerprints", "counts")},
    "guidance": {"improvement": ("gdopt.algorithms.sources", "to_improvement"), "raw": ("gdopt.bench.variants", "raw")},
    "selection": {
        "automatic": ("gdopt.acquisition.batch", "select_batch"),
        "best_means": ("gdopt.bench.variants", "best_means"),
        "qlognei": ("gdopt.acquisition.batch", "select_by_qlognei"),
        "thompson": ("gdopt.acquisition.batch", "select_by_thompson"),
    },
    "surrogate": {
        "ensemble": ("gdopt.surrogates.ensemble", "fit"),
        "gp": ("gdopt.surrogates.gp", "fit"),
        "tanimoto": ("gdopt.surrogates.tanimoto", "fit"),
    },
    "outcome_transform": {
        "bilog": ("gdopt.surrogates.outcome_transforms", "bilog"),
        "power": ("gdopt.surrogates.outcome_transforms", "power"),
        "rank_normal": ("gdopt.surrogates.outcome_transforms", "rank_normal"),
        "standardized": ("gdopt.surrogates.outcome_transforms", "standardized"),
    },
}
# The priors; the format of a file of the second one begins with `MASKED_FORMAT`.
PRIORS: Homes = {
    "DiffusionPrior": ("gdopt.priors.diffusion", "DiffusionPrior"),
    "MaskedPrior": ("gdopt.priors.masked", "MaskedPrior"),
}
MASKED_FORMAT = "gdopt masked prior"
# Names by their import paths in version 0.1, which studies of that version have.
PATHS_OF_0_1: Mapping[str, str] = {
    "gdopt.guided.GuidedDiffusion": "GuidedDiffusion",
    "gdopt.masked.MaskedDiffusion": "MaskedDiffusion",
    "gdopt.baselines.ax_client.AxDefault": "AxDefault",
    "gdopt.baselines.cma_es.CMAES": "CMAES",
    "gdopt.baselines.eda.ContractedEDA": "ContractedEDA",
    "gdopt.baselines.corpus_steps.CorpusSteps": "CorpusSteps",
    "gdopt.baselines.diffusion_evolution.DiffusionEvolution": "DiffusionEvolution",
    "gdopt.baselines.expected_improvement.ExpectedImprovement": "ExpectedImprovement",
    "gdopt.baselines.outcome_improvement.OutcomeImprovement": "OutcomeImprovement",
    "gdopt.baselines.pool.PoolThompson": "PoolThompson",
    "gdopt.baselines.random.RandomSearch": "RandomSearch",
    "gdopt.baselines.sobol.Sobol": "Sobol",
    "gdopt.baselines.turbo.TuRBO": "TuRBO",
    "gdopt.chemistry.filters.Makeable": "makeable",
    "gdopt.named.Named": "named",
    "gdopt.chemistry.fingerprints.counts": "fingerprints",
    "gdopt.guided.to_improvement": "improvement",
    "gdopt.bench.arms.raw": "raw",
    "gdopt.select.batch": "automatic",
    "gdopt.bench.arms.best_means": "best_means",
    "gdopt.select.by_qlognei": "qlognei",
    "gdopt.select.by_thompson": "thompson",
    "gdopt.surrogate.ensemble.fit": "ensemble",
    "gdopt.surrogate.gp.fit": "gp",
    "gdopt.surrogate.tanimoto.fit": "tanimoto",
    "gdopt.surrogate.warp.bilog": "bilog",
    "gdopt.surrogate.warp.power": "power",
    "gdopt.surrogate.warp.rank_normal": "rank_normal",
    "gdopt.surrogate.warp.standardized": "standardized",
}
# New names of settings by their names in version 0.1: of all algorithms, and of one algorithm.
SETTINGS_OF_0_1: Mapping[str, str] = {
    "start": "n_initial",
    "elites": "n_elite",
    "family": "n_parents",
    "keep": "max_training_points",
    "most": "max_batch",
    "temper": "thompson_scale",
    "warp": "outcome_transform",
    "allowed": "design_filter",
    "broad": "share_broad",
}
OWN_SETTINGS_OF_0_1: Mapping[str, Mapping[str, str]] = {
    "GuidedDiffusion": {
        "refit": "share_refitted",
        "guide": "share_guided",
        "renoise": "share_sdedit",
        "strength": "guidance_scale",
        "climb": "gradient_step",
        "slopes": "gradient_radius",
        "checks": "max_filter_calls",
    },
    "MaskedDiffusion": {
        "bred": "share_bred",
        "crossed": "share_crossover",
        "spared": "share_unimportant",
        "scattered": "share_random",
        "drawn": "share_drawn",
        "hidden": "mask_fraction",
        "loss": "max_expected_loss",
        "guide": "guidance_scale",
    },
}

# A function that stores the content of a file and returns its name.
Keep = Callable[[bytes], str]


def serialize(algorithm: Algorithm, keep: Keep | None = None) -> dict[str, Any]:
    """The class and the settings of an algorithm as JSON data.

    Args:
        algorithm: one of `ALGORITHMS`.
        keep: a function that stores the file of a prior.

    Raises:
        SettingsError: the algorithm is not in that table, or a setting is neither plain, nor one of `PARTS`, nor a
            prior that can be stored.

    Example:
        >>> from gdopt import RandomSearch
        >>> serialize(RandomSearch())
        {'class': 'RandomSearch', 'settings': {'prior': None}}
    """
    if (name := _name(type(algorithm), ALGORITHMS)) is None:
        raise SettingsError(f"{type(algorithm).__qualname__} is not one of gdopt's own algorithms")
    return {"class": name, "settings": {k: _plain(k, v, keep) for k, v in setting_names(algorithm).items()}}


def deserialize(raw: Mapping[str, Any], content: Callable[[str], bytes | None] | None = None) -> Algorithm:
    """The algorithm of a result of `serialize`.

    Args:
        raw: the result of `serialize`.
        content: the stored files, by name.

    Raises:
        StoreError: gdopt has no such algorithm, it has no such setting, or a file is missing.
        MissingExtraError: the algorithm needs a package that is not installed.
    """
    kind, settings = _class_and_settings(raw)
    made = _made(kind, ALGORITHMS, {name: _setting(name, one, content) for name, one in settings.items()})
    assert isinstance(made, Algorithm)
    return made


def default_algorithm() -> Algorithm:
    """`GuidedDiffusion()`, imported when it is first needed."""
    made = _made("GuidedDiffusion", ALGORITHMS, {})
    assert isinstance(made, Algorithm)
    return made


class StoredAlgorithm:
    """The algorithm of a stored study, which is deserialized by `read` or at the first `ask`.

    The names in it are checked at once, and that the file of its prior is stored: neither imports the algorithm.

    Args:
        raw: the result of `serialize`.
        content: the stored files, by name.

    Raises:
        StoreError: gdopt has no algorithm or function of such a name, or the file of the prior is missing.
    """

    def __init__(self, raw: Mapping[str, Any], content: Callable[[str], bytes | None]) -> None:
        self.raw, self.content = raw, content
        name, settings = _class_and_settings(raw)
        _home(name, ALGORITHMS)
        for setting, value in settings.items():
            if setting == PRIOR and value is not None:
                _prior_content(_read(value).get(KEPT), content)
            elif setting in PARTS and value is not None:
                _home(_read(value).get(NAMED, _read(value).get("class")), PARTS[setting])

    # Checked when the study began, and again when the algorithm is read.
    several: ClassVar[bool] = True

    def init(self, space: Space, seed: int) -> State:
        """The state before the first `ask`; the space was checked when the study began."""
        return State(space, seed)

    def ask(self, state: State, n: int) -> State:
        """The state with n new pending trials of the algorithm."""
        return self.read().ask(state, n)

    def read(self) -> Algorithm:
        """The algorithm.

        Raises:
            StoreError: as `deserialize`.
            MissingExtraError: the algorithm needs a package that is not installed.
        """
        return deserialize(self.raw, self.content)


def _class_and_settings(raw: object) -> tuple[object, Mapping[str, Any]]:
    if not (isinstance(raw, Mapping) and {"class", "settings"} <= raw.keys()):
        raise StoreError(f"an algorithm has a class and settings, got {raw!r}")
    return raw["class"], _of_today(raw["class"], _read(raw["settings"]))


def _of_today(kind: object, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings of an algorithm by their new names."""
    if not isinstance(kind, str) or kind not in PATHS_OF_0_1:
        return settings
    names = {**SETTINGS_OF_0_1, **OWN_SETTINGS_OF_0_1.get(PATHS_OF_0_1[kind], {})}
    return {names.get(name, name): one for name, one in settings.items()}


def _plain(name: str, value: object, keep: Keep | None) -> object:
    if isinstance(value, PLAIN):
        return value
    if (found := number(value)) is not None:
        return found
    homes = PARTS.get(name, {})
    if name == PRIOR and _name(type(value), PRIORS) is not None:
        if keep is not None:
            prior: Any = value
            return {KEPT: keep(files.packed(*prior.parts()))}
    elif (named := _name(value, homes)) is not None:
        return {NAMED: named}
    elif (kind := _name(type(value), homes)) is not None:
        return {"class": kind, "settings": settings_of(value)}
    raise SettingsError(f"{name} is a {type(value).__name__}, which is no plain setting")


def _setting(name: str, value: Any, content: Callable[[str], bytes | None] | None) -> object:
    if value is None:
        return None
    if name == PRIOR:
        return _prior(_read(value).get(KEPT), content)
    if name in PARTS:
        return _part(name, _read(value))
    if not isinstance(value, PLAIN):
        raise StoreError(f"{name} = {value!r} is no plain setting")
    return value


def _part(name: str, raw: Mapping[str, Any]) -> object:
    """The function of a name, or the object of a class with its settings."""
    if NAMED not in raw:
        return _made(raw.get("class"), PARTS[name], _read(raw.get("settings")))
    found = _found(raw[NAMED], PARTS[name])
    if isinstance(found, type):
        raise StoreError(f"{raw[NAMED]} is a class without its settings")
    return found


def _made(name: object, homes: Homes, settings: Mapping[str, object]) -> object:
    kind = _found(name, homes)
    if not (isinstance(kind, type) and is_dataclass(kind)):
        raise StoreError(f"{name} is a function and has no settings")
    tuning = next((f.default_factory for f in fields(kind) if f.name == TUNING), None)
    inner = {f.name for f in fields(tuning)} if isinstance(tuning, type) and is_dataclass(tuning) else set()
    try:
        if isinstance(tuning, type) and inner:
            fine = {name: one for name, one in settings.items() if name in inner}
            settings = {name: one for name, one in settings.items() if name not in inner} | {TUNING: tuning(**fine)}
        return kind(**settings)
    # Settings of wrong types or out of their range.
    except (TypeError, AttributeError, SettingsError) as error:
        raise StoreError(f"{name}: {error}") from error


def _prior(name: object, content: Callable[[str], bytes | None] | None) -> Any:
    return prior_of(*files.unpacked(_prior_content(name, content), str(name)), str(name))


def _prior_content(name: object, content: Callable[[str], bytes | None] | None) -> bytes:
    found = content(name) if isinstance(name, str) and content is not None else None
    if found is None:
        raise StoreError(f"the file {name} of the algorithm's prior is missing or was changed")
    return found


def prior_of(tensors: Mapping[str, Any], header: Mapping[str, Any], name: str | Path) -> Any:
    """The prior of the parts of its file, a `DiffusionPrior` or a `MaskedPrior`.

    Args:
        tensors: by name.
        header: with the format.
        name: of the file, for errors.

    Raises:
        StoreError: these are not the parts of a prior.
    """
    kind = "MaskedPrior" if str(header.get("format")).startswith(MASKED_FORMAT) else "DiffusionPrior"
    return _found(kind, PRIORS).of_parts(tensors, header, name)


def _read(raw: object) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        raise StoreError(f"{raw!r} is neither settings nor one of gdopt's own")
    return raw


def _name(thing: object, homes: Homes) -> str | None:
    """The name of a thing in a table; None if it is not there."""
    home = getattr(thing, "__module__", ""), getattr(thing, "__qualname__", "")
    return next((name for name, place in homes.items() if place == home and _found(name, homes) is thing), None)


def _found(name: object, homes: Homes) -> Any:
    module, attribute = _home(name, homes)
    return getattr(import_module(module), attribute)


def _home(name: object, homes: Homes) -> tuple[str, str]:
    """The module and the attribute of a name in a table."""
    short = PATHS_OF_0_1.get(name, name) if isinstance(name, str) else None
    if short is None or short not in homes:
        raise StoreError(f"{name!r} is none of gdopt's own: expected one of {', '.join(homes) or 'none'}")
    return homes[short]
