"""Arguments as people give them, as plain Python: numbers of NumPy, torch and pandas among them.

A conversion answers None where the value is not of its kind, so that the caller says in one error what was expected.
"""

import math
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, SupportsIndex, runtime_checkable

from gdopt.errors import SettingsError

__all__ = [
    "Array",
    "assign",
    "at_least",
    "check_calls",
    "check_flags",
    "checked_seed",
    "counted",
    "flag",
    "listed",
    "number",
    "plain_text",
    "row",
    "shown",
    "text",
    "whole",
]

# `float` takes them, and nobody means a number by them.
TEXTS = (str, bytes, bytearray)
# A float has every whole number up to here.
EXACT = 2**53
# Raised by the conversions of objects that are no number; by torch, of tensors of several.
REFUSED = (TypeError, ValueError, OverflowError, RuntimeError, AttributeError)
# Characters of a value in a message.
SHOWN = 200


@runtime_checkable
class Array(Protocol):
    """An array of NumPy or a tensor of torch."""

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        ...

    def tolist(self) -> Any:
        """The values as lists, or as the one value that it is."""
        ...


def number(value: object) -> float | int | None:
    """The value as a `float`, or an `int` that a `float` holds exactly; None if it is no number, or larger than any."""
    if type(value) is float:
        return value
    try:
        bare = _bare(value)
        if isinstance(bare, TEXTS):
            return None
        if hasattr(bare, "__index__") and abs(found := operator.index(bare)) <= EXACT:
            return int(found)
        return float(bare)
    except REFUSED:
        return None


def whole(value: object) -> int | None:
    """The value as an `int`; None if it is no whole number by its type: neither 2.0 nor True is one."""
    try:
        bare = _bare(value)
        return None if isinstance(bare, bool) else int(operator.index(bare))
    except REFUSED:
        return None


def flag(value: object) -> bool | None:
    """The value as a `bool`; None if it is none."""
    try:
        bare = _bare(value)
    except REFUSED:
        return None
    return bare if isinstance(bare, bool) else None


def text(value: object) -> str | None:
    """The value as a `str` and no subclass of it, such as NumPy's; None if it is none."""
    return str.__str__(value) if isinstance(value, str) else None


def plain_text(said: str, value: object) -> str:
    """The value as a `str` that any file of text can hold.

    Args:
        said: how the argument is called.
        value: of the argument; also a subclass of `str`, such as a member of a `StrEnum` or NumPy's string.

    Raises:
        SettingsError: it is no text, or has half of a surrogate pair or a zero byte.
    """
    if (found := text(value)) is None:
        raise SettingsError(f"{said} = {shown(value)}: expected text")
    try:
        found.encode()
    except UnicodeEncodeError as error:
        raise SettingsError(f"{said} = {shown(value)} is no text: it cannot be written in UTF-8") from error
    if "\0" in found:
        raise SettingsError(f"{said} = {shown(value)}: expected text without zero bytes")
    return found


def listed(value: object) -> list[Any] | None:
    """The values in their order; None of what has no order or is one thing: a set, a mapping, text, a number."""
    if isinstance(value, str | bytes | bytearray | Mapping | set | frozenset) or not isinstance(value, Iterable):
        return None
    try:
        return list(value)
    except REFUSED:
        return None


def row(value: Any) -> list[Any] | None:
    """The values of an array or a tensor of one dimension; None of anything else, such as a pandas Series."""
    # The values of a Series have names of their own, and are in no order that was agreed on.
    if not isinstance(value, Array) or value.ndim != 1 or hasattr(value, "iloc"):
        return None
    return list(value.tolist())


def at_least(least: float, said: str, value: object, kind: Callable[[object], float | None]) -> float:
    """The setting as a finite number of a kind, `number` or `whole`.

    Raises:
        SettingsError: it is none, or below the least.
    """
    if (found := kind(value)) is None or not least <= found < math.inf:
        raise SettingsError(f"{said} = {shown(value)}: expected {least:g} or more")
    return found


def check_calls(**functions: object) -> None:
    """Raise `SettingsError` unless each can be called, or is None."""
    for said, one in functions.items():
        if one is not None and not callable(one):
            raise SettingsError(f"{said} = {shown(one)}: expected a function")


def check_flags(**flags: object) -> None:
    """Raise `SettingsError` unless each is True or False."""
    for said, one in flags.items():
        if flag(one) is None:
            raise SettingsError(f"{said} = {shown(one)}: expected True or False")


def shown(value: object) -> str:
    """The value in a message: on one line, and shortened."""
    try:
        # Not "np.int64(3)".
        said = " ".join(repr(value if getattr(value, "ndim", 0) else _bare(value)).split())
    # Of a number of thousands of digits Python refuses to make text, and of an object its class may.
    except Exception:
        said = f"a {type(value).__name__}"
    return said if len(said) <= SHOWN else f"{said[:SHOWN]}..."


def assign(thing: object, **values: object) -> None:
    """Give a frozen object its attributes."""
    for name, value in values.items():
        object.__setattr__(thing, name, value)


def _bare(value: Any) -> Any:
    """The one number in a scalar, an array or a tensor; what is none of these as it is."""
    return value.item() if hasattr(value, "item") and hasattr(value, "dtype") else value


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number and a noun, such as "1 trial" or "3 trials"; the plural adds an s unless it is given."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


# What the generators take.
SEEDS = 2**63


def checked_seed(seed: SupportsIndex) -> int:
    """The seed as Python's own number.

    Raises:
        SettingsError: it is no whole number that the random streams can be derived from.
    """
    found = whole(seed)
    if found is None or not 0 <= found < SEEDS:
        raise SettingsError(f"seed = {shown(seed)}: expected a whole number, 0 or above and below 2**63")
    return found
