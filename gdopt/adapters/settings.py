"""An algorithm as plain data and back: its class and its settings by name, for storage that takes nothing else.

Only names within gdopt are looked up, so that what is loaded cannot run code.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import Any

from gdopt.algorithm import Algorithm
from gdopt.errors import SettingsError, StoreError

__all__ = ["from_plain", "to_plain"]

PLAIN = (bool, int, float, str, type(None))
# A setting that is a function, such as a warp, is a mapping of this to its name.
NAMED = "named"


def to_plain(algorithm: Algorithm) -> dict[str, Any]:
    """The class and the settings of an algorithm, as JSON takes them.

    Raises:
        SettingsError: it is not one of gdopt's own, or a setting is neither a plain value nor a function of gdopt's.
    """
    kind = type(algorithm)
    if not is_dataclass(algorithm) or not _is_ours(kind):
        raise SettingsError(f"{kind.__qualname__} is not one of gdopt's own algorithms")
    settings = {f.name: _plain(f.name, getattr(algorithm, f.name)) for f in fields(algorithm) if f.init}
    return {"class": _name(kind), "settings": settings}


def from_plain(raw: Mapping[str, Any]) -> Algorithm:
    """The algorithm that `to_plain` was given.

    Raises:
        StoreError: there is no such algorithm in gdopt, or it has no such setting.
    """
    kind = _found(raw["class"])
    if not (isinstance(kind, type) and is_dataclass(kind)):
        raise StoreError(f"{raw['class']} is not an algorithm")
    settings = {k: _found(v[NAMED]) if isinstance(v, Mapping) else v for k, v in raw["settings"].items()}
    try:
        made = kind(**settings)
    except TypeError as error:
        raise StoreError(f"{raw['class']}: {error}") from error
    if not isinstance(made, Algorithm):
        raise StoreError(f"{raw['class']} is not an algorithm")
    return made


def _plain(name: str, value: object) -> object:
    if isinstance(value, PLAIN):
        return value
    if callable(value) and _is_ours(value):
        return {NAMED: _name(value)}
    raise SettingsError(f"{name} is a {type(value).__name__}, which is no plain setting")


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
