"""Conversions of arguments to plain Python, also from numbers of NumPy, torch and pandas.

A conversion returns None for a value of another kind; the caller then raises one error with the expected kind.
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

# `float` accepts them, but they are not numbers.
TEXTS = (str, bytes, bytearray)
# A float represents every integer up to here.
EXACT = 2**53
# Raised by conversions of objects that are not numbers, and by torch for tensors of several numbers.
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
        """The values as nested lists; without dimensions, the one value."""
        ...


def number(value: object) -> float | int | None:
    """The value as a `float`, or as an `int` that a `float` represents exactly; None for other values.

    Example:
        >>> number("1.5") is None, number(2)
        (True, 2)
    """
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
    """The value as an `int`; None if its type is not an integer type: neither 2.0 nor True is one."""
    try:
        bare = _bare(value)
        return None if isinstance(bare, bool) else int(operator.index(bare))
    except REFUSED:
        return None


def flag(value: object) -> bool | None:
    """The value as a `bool`; None if it is not one."""
    try:
        bare = _bare(value)
    except REFUSED:
        return None
    return bare if isinstance(bare, bool) else None


def text(value: object) -> str | None:
    """The value as a plain `str`, not a subclass such as NumPy's; None if it is not text."""
    return str.__str__(value) if isinstance(value, str) else None


def plain_text(said: str, value: object) -> str:
    """The value as a `str` that any text file can contain.

    Args:
        said: the name of the argument.
        value: of the argument; also a subclass of `str`, such as a member of a `StrEnum` or NumPy's string.

    Raises:
        SettingsError: it is not text, or it has a lone surrogate or a zero byte.
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
    """The values in their order; None for a value without order or of one item: a set, a mapping, text, a number."""
    if isinstance(value, str | bytes | bytearray | Mapping | set | frozenset) or not isinstance(value, Iterable):
        return None
    try:
        return list(value)
    except REFUSED:
        return None


def row(value: Any) -> list[Any] | None:
    """The values of an array or a tensor of one dimension; None for other values, such as a pandas Series."""
    # The values of a Series have names, and their order is not that of the parameters.
    if not isinstance(value, Array) or value.ndim != 1 or hasattr(value, "iloc"):
        return None
    return list(value.tolist())


def at_least(least: float, said: str, value: object, kind: Callable[[object], float | None]) -> float:
    """The setting as a finite number, converted by `number` or `whole`.

    Raises:
        SettingsError: it is not such a number, or it is below the least.
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
    """The value as text for a message: on one line, and shortened."""
    try:
        # Not "np.int64(3)".
        said = " ".join(repr(value if getattr(value, "ndim", 0) else _bare(value)).split())
    # Python refuses to convert integers of thousands of digits to text, and the class of an object may too.
    except Exception:
        said = f"a {type(value).__name__}"
    return said if len(said) <= SHOWN else f"{said[:SHOWN]}..."


def assign(thing: object, **values: object) -> None:
    """Set attributes of a frozen object."""
    for name, value in values.items():
        object.__setattr__(thing, name, value)


def _bare(value: Any) -> Any:
    """The number in a scalar, an array or a tensor of one element; other values unchanged."""
    return value.item() if hasattr(value, "item") and hasattr(value, "dtype") else value


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number and a noun, such as "1 trial" or "3 trials"; the plural has an s unless it is given.

    Example:
        >>> counted(3, "trial")
        '3 trials'
    """
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


# Seeds are below this number: the limit of the random generators.
SEEDS = 2**63


def checked_seed(seed: SupportsIndex) -> int:
    """The seed as an `int`.

    Raises:
        SettingsError: it is not an integer from 0 to below 2**63.
    """
    found = whole(seed)
    if found is None or not 0 <= found < SEEDS:
        raise SettingsError(f"seed = {shown(seed)}: expected a whole number, 0 or above and below 2**63")
    return found
