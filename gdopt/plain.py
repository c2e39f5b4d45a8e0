"""An algorithm as plain data and back: its class, its settings by name, and its prior as a file beside them.

Only names within gdopt are looked up, so that what is loaded cannot run code.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from torch import Tensor

from gdopt import files, masked_prior
from gdopt.algorithm import Algorithm
from gdopt.errors import SettingsError, StoreError
from gdopt.masked_prior import MaskedPrior
from gdopt.prior import DiffusionPrior

__all__ = ["Keep", "from_plain", "prior_of", "to_plain"]

PLAIN = (bool, int, float, str, type(None))
# A setting that is a function, such as a warp, is a mapping of this to its name; a prior, to that of its file.
NAMED, KEPT = "named", "kept"

# Takes the content of a file, and gives the name by which it will be found.
Keep = Callable[[bytes], str]


def to_plain(algorithm: Algorithm, keep: Keep | None = None) -> dict[str, Any]:
    """The class and the settings of an algorithm, as JSON takes them.

    Args:
        algorithm: one of gdopt's own.
        keep: keeps the file of a prior.

    Raises:
        SettingsError: it is not one of gdopt's own, or a setting is neither plain, nor a function or a class of
            gdopt's, nor a prior that can be kept.
    """
    return _settings(algorithm, keep)


def from_plain(raw: Mapping[str, Any], content: Callable[[str], bytes | None] | None = None) -> Algorithm:
    """The algorithm that `to_plain` was given.

    Args:
        raw: what `to_plain` gave.
        content: the files that it kept, by name.

    Raises:
        StoreError: there is no such algorithm in gdopt, it has no such setting, or a file is missing.
    """
    made = _made(raw, content)
    if not isinstance(made, Algorithm):
        raise StoreError(f"{raw['class']} is not an algorithm")
    return made


def _settings(thing: object, keep: Keep | None) -> dict[str, Any]:
    kind = type(thing)
    if not is_dataclass(thing) or not _is_ours(kind):
        raise SettingsError(f"{kind.__qualname__} is not one of gdopt's own algorithms")
    settings = {f.name: _plain(f.name, getattr(thing, f.name), keep) for f in fields(thing) if f.init}
    return {"class": _name(kind), "settings": settings}


def _plain(name: str, value: object, keep: Keep | None) -> object:
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, DiffusionPrior | MaskedPrior):
        if keep is not None:
            return {KEPT: keep(files.packed(*value.parts()))}
    elif callable(value) and _is_ours(value):
        return {NAMED: _name(value)}
    elif is_dataclass(value) and _is_ours(type(value)):
        return _settings(value, keep)
    raise SettingsError(f"{name} is a {type(value).__name__}, which is no plain setting")


def _made(raw: Mapping[str, Any], content: Callable[[str], bytes | None] | None) -> object:
    kind = _found(raw["class"])
    if not (isinstance(kind, type) and is_dataclass(kind)):
        raise StoreError(f"{raw['class']} is not an algorithm")
    try:
        return kind(**{name: _setting(value, content) for name, value in raw["settings"].items()})
    except TypeError as error:
        raise StoreError(f"{raw['class']}: {error}") from error


def _setting(value: Any, content: Callable[[str], bytes | None] | None) -> object:
    if not isinstance(value, Mapping):
        return value
    if NAMED in value:
        return _found(value[NAMED])
    if KEPT not in value:
        return _made(value, content)
    found = None if content is None else content(value[KEPT])
    if found is None:
        raise StoreError(f"the file {value[KEPT]} of the algorithm's prior is missing or was changed")
    return prior_of(*files.unpacked(found, value[KEPT]), value[KEPT])


def prior_of(
    tensors: Mapping[str, Tensor], header: Mapping[str, Any], name: str | Path
) -> DiffusionPrior | MaskedPrior:
    """The prior of the parts of its file, of numbers or of strings; `name` is what errors call the file.

    Raises:
        StoreError: these are not the parts of a prior.
    """
    if header.get("format") == masked_prior.FORMAT:
        return MaskedPrior.of_parts(tensors, header, name)
    return DiffusionPrior.of_parts(tensors, header, name)


def _is_ours(thing: object) -> bool:
    """Whether it is found by its name, in gdopt."""
    try:
        return _found(_name(thing)) is thing
    except StoreError:
        return False


def _name(thing: object) -> str:
    return f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', '')}"


def _found(name: str) -> object:
    module, _, attribute = name.rpartition(".")
    if not module.startswith("gdopt."):
        raise StoreError(f"{name} is not in gdopt")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise StoreError(f"{name} is not in gdopt") from error
