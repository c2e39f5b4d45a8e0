"""Settings of an algorithm by name: its own and those of its `tuning`."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from gdopt.arguments import number, shown
from gdopt.errors import SettingsError

__all__ = ["checked_shares", "require", "setting_names", "settings_of", "with_settings"]

TUNING = "tuning"

A = TypeVar("A")


def settings_of(thing: Any) -> dict[str, object]:
    """The settings of a dataclass by name, in the order of its fields."""
    return {f.name: getattr(thing, f.name) for f in fields(thing) if f.init}


def setting_names(algorithm: object) -> dict[str, object]:
    """The values of all settings by name, those of the tuning among them.

    Example:
        >>> from gdopt import GuidedDiffusion
        >>> setting_names(GuidedDiffusion())["n_elite"]
        12
    """
    own = settings_of(algorithm)
    tuning = own.pop(TUNING, None)
    return own if tuning is None else {**own, **settings_of(tuning)}


def with_settings(algorithm: A, changes: Mapping[str, object]) -> A:
    """The algorithm with other values of settings, which may be settings of its tuning.

    Raises:
        SettingsError: a value is out of its range.
        TypeError: the algorithm has no such setting.

    Example:
        >>> from gdopt import GuidedDiffusion
        >>> with_settings(GuidedDiffusion(), {"candidates": 500, "momentum": 0.5}).tuning.momentum
        0.5
    """
    made: Any = algorithm
    tuning = getattr(made, TUNING, None)
    inner = settings_of(tuning) if is_dataclass(tuning) else {}
    own = {name: value for name, value in changes.items() if name not in inner}
    if len(own) < len(changes):
        own[TUNING] = replace(made.tuning, **{name: value for name, value in changes.items() if name in inner})
    changed: A = replace(made, **own)
    return changed


def checked_shares(given: Mapping[str, object]) -> dict[str, float]:
    """The shares as numbers.

    Raises:
        SettingsError: one is no number from 0 on, or their sum is above 1.
    """
    shares = {name: share for name, one in given.items() if (share := number(one)) is not None and share >= 0}
    fits = len(shares) == len(given) and sum(shares.values()) <= 1
    require(fits, ", ".join(given), tuple(given.values()), "shares, together <= 1")
    return shares


def require(holds: bool, name: str, given: object, expected: str) -> None:
    """Raise `SettingsError` unless a condition on a setting holds."""
    if not holds:
        raise SettingsError(f"{name} = {shown(given)}: expected {expected}")
