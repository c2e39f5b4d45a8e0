"""An algorithm as plain data and back: its class, its settings by name, and its prior as a file beside them.

A file may name the algorithms and the settings of the tables below, each in its place, and nothing else: whatever a
file says, no other module is imported and nothing else is called.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from torch import Tensor

from gdopt import files
from gdopt.algorithms.base import Algorithm
from gdopt.arguments import number
from gdopt.errors import SettingsError, StoreError
from gdopt.priors import masked
from gdopt.priors.diffusion import DiffusionPrior
from gdopt.priors.masked import MaskedPrior

__all__ = ["ALGORITHMS", "PARTS", "PATHS_OF_0_1", "PLAIN", "Keep", "deserialize", "prior_of", "serialize"]

PLAIN = (bool, int, float, str, type(None))
# A setting that is a function, such as a warp, is a mapping of this to its name; a prior, to that of its file.
NAMED, KEPT = "named", "kept"
PRIOR = "prior"
# The name in a file to the module and the attribute: modules are imported by this table, not by what a file says. A
# name stays when its module moves.
Homes = Mapping[str, tuple[str, str]]
# Those of strings other than `MaskedDiffusion` have their corpus as a setting, which no header has room for.
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
# The settings that are functions, or objects that are called, and which ones each may be.
PARTS: Mapping[str, Homes] = {
    "allowed": {
        "makeable": ("gdopt.molecules.filters", "Makeable"),
        "named": ("gdopt.algorithms.user_functions", "FunctionReference"),
    },
    "features": {"fingerprints": ("gdopt.molecules.fingerprints", "counts")},
    "guidance": {"improvement": ("gdopt.algorithms.guided", "to_improvement"), "raw": ("gdopt.bench.variants", "raw")},
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
    "warp": {
        "bilog": ("gdopt.surrogates.outcome_transforms", "bilog"),
        "power": ("gdopt.surrogates.outcome_transforms", "power"),
        "rank_normal": ("gdopt.surrogates.outcome_transforms", "rank_normal"),
        "standardized": ("gdopt.surrogates.outcome_transforms", "standardized"),
    },
}
# Studies of version 0.1 name things by their import paths of that version.
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
# Takes the content of a file, and gives the name by which it will be found.
Keep = Callable[[bytes], str]


def serialize(algorithm: Algorithm, keep: Keep | None = None) -> dict[str, Any]:
    """The class and the settings of an algorithm, as JSON takes them.

    Args:
        algorithm: one of `ALGORITHMS`.
        keep: keeps the file of a prior.

    Raises:
        SettingsError: the algorithm is not in that table, or a setting is neither plain, nor one of `PARTS`, nor a
            prior that can be kept.
    """
    if (name := _name(type(algorithm), ALGORITHMS)) is None:
        raise SettingsError(f"{type(algorithm).__qualname__} is not one of gdopt's own algorithms")
    return {"class": name, "settings": {k: _plain(k, v, keep) for k, v in _settings(algorithm).items()}}


def deserialize(raw: Mapping[str, Any], content: Callable[[str], bytes | None] | None = None) -> Algorithm:
    """The algorithm that `to_plain` was given.

    Args:
        raw: the result of `to_plain`.
        content: the files that it kept, by name.

    Raises:
        StoreError: there is no such algorithm in gdopt, it has no such setting, or a file is missing.
        MissingExtraError: the algorithm needs a package that is not installed.
    """
    if not (isinstance(raw, Mapping) and {"class", "settings"} <= raw.keys()):
        raise StoreError(f"an algorithm has a class and settings, got {raw!r}")
    settings = _read(raw["settings"])
    made = _made(raw["class"], ALGORITHMS, {name: _setting(name, one, content) for name, one in settings.items()})
    assert isinstance(made, Algorithm)
    return made


def _settings(thing: Any) -> dict[str, object]:
    return {f.name: getattr(thing, f.name) for f in fields(thing) if f.init}


def _plain(name: str, value: object, keep: Keep | None) -> object:
    if isinstance(value, PLAIN):
        return value
    if (found := number(value)) is not None:
        return found
    homes = PARTS.get(name, {})
    if isinstance(value, DiffusionPrior | MaskedPrior):
        if keep is not None:
            return {KEPT: keep(files.packed(*value.parts()))}
    elif (named := _name(value, homes)) is not None:
        return {NAMED: named}
    elif (kind := _name(type(value), homes)) is not None:
        return {"class": kind, "settings": _settings(value)}
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
    """The function of a name, or the object of a class and its settings."""
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
    try:
        return kind(**settings)
    # Settings of other types, or out of the range of those that were written.
    except (TypeError, AttributeError, SettingsError) as error:
        raise StoreError(f"{name}: {error}") from error


def _prior(name: object, content: Callable[[str], bytes | None] | None) -> DiffusionPrior | MaskedPrior:
    found = content(name) if isinstance(name, str) and content is not None else None
    if found is None:
        raise StoreError(f"the file {name} of the algorithm's prior is missing or was changed")
    return prior_of(*files.unpacked(found, str(name)), str(name))


def prior_of(
    tensors: Mapping[str, Tensor], header: Mapping[str, Any], name: str | Path
) -> DiffusionPrior | MaskedPrior:
    """The prior of the parts of its file, of numbers or of strings; `name` is what errors call the file.

    Raises:
        StoreError: these are not the parts of a prior.
    """
    if header.get("format") == masked.FORMAT:
        return MaskedPrior.of_parts(tensors, header, name)
    return DiffusionPrior.of_parts(tensors, header, name)


def _read(raw: object) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        raise StoreError(f"{raw!r} is neither settings nor one of gdopt's own")
    return raw


def _name(thing: object, homes: Homes) -> str | None:
    """The name by which a table has a thing; None if it has not."""
    home = getattr(thing, "__module__", ""), getattr(thing, "__qualname__", "")
    return next((name for name, place in homes.items() if place == home and _found(name, homes) is thing), None)


def _found(name: object, homes: Homes) -> object:
    short = PATHS_OF_0_1.get(name, name) if isinstance(name, str) else None
    if short is None or short not in homes:
        raise StoreError(f"{name!r} is none of gdopt's own: expected one of {', '.join(homes) or 'none'}")
    module, attribute = homes[short]
    return getattr(import_module(module), attribute)
