"""The parameters of a design: real numbers, integers, choices and rows of a table."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, SupportsFloat, SupportsIndex, cast, runtime_checkable

from gdopt.arguments import assign, flag, listed, number, shown, text, whole
from gdopt.errors import SpaceError
from gdopt.renamed import renamed
from gdopt.space import strings

__all__ = [
    "EXACT",
    "LARGEST",
    "WEIGHING",
    "Choice",
    "Conditions",
    "Integer",
    "Parameter",
    "Params",
    "Real",
    "TableRow",
    "Value",
    "conditions",
    "design_key",
    "has_values",
]


Value = float | int | str
Params = Mapping[str, Value]
# The name of each parent, in order, and its categories or integers at which a parameter is active.
Conditions = tuple[tuple[str, tuple[str | int, ...]], ...]
When = Mapping[str, str | int | Sequence[str | int]] | Conditions | None
# An evaluated number may lie outside its bounds by this multiple of their distance, and a constraint may be violated by
# this share of the size of its terms: thermostats overshoot and balances round, but a larger difference is an error.
REACH, WEIGHING = 1.0, 0.1
# Sums of a few larger numbers overflow.
LARGEST = 1e300
# A value beyond a bound by this share of the width is set to the bound: it is the rounding of a computation.
ROUNDING = 1e-12
# Up to here every integer is a distinct floating-point number.
EXACT = 2**53


@renamed(arguments={"log": "log_scale", "when": "active_if"}, attributes={"log": "log_scale", "when": "active_if"})
@dataclass(frozen=True, slots=True)
class Real:
    """A real parameter on `[low, high]`.

    Args:
        name: of the parameter, as in `trial.params`.
        low: the lower bound.
        high: the upper bound.
        log_scale: whether the scale is logarithmic; needs low > 0.
        unit: of the values, such as "degC"; shown in messages and figures.
        active_if: the values of other parameters at which this one is active, such as `{"stages": 2}`; see `Space`.

    Raises:
        SpaceError: a bound is not finite, low is not below high, log_scale with low <= 0, or `active_if` is not such a
            mapping.

    Example:
        >>> Real("concentration", 0.01, 10, log_scale=True, unit="mol/L").high
        10
    """

    name: str
    low: float
    high: float
    log_scale: bool = False
    unit: str = ""
    active_if: When = None

    def __init__(
        self,
        name: str,
        low: SupportsFloat,
        high: SupportsFloat,
        log_scale: bool = False,
        unit: str = "",
        active_if: When = None,
    ) -> None:
        name = _name(name, 'Real("x", 0, 1)')
        least, most = number(low), number(high)
        if least is None or most is None:
            raise SpaceError(
                f"{name}: low and high must be numbers, got {shown(low)} and {shown(high)}; expected such as "
                f'Real("{name}", 0, 1)'
            )
        _check_bounds(name, least, most)
        assign(
            self, name=name, low=least, high=most, log_scale=_flag(name, "log_scale", log_scale), unit=_unit(name, unit)
        )
        assign(self, active_if=_conditions(name, active_if))
        if self.log_scale and self.low <= 0:
            raise SpaceError(f"{name}: log_scale needs low above 0, got low = {self.low}")

    def check(self, value: Value) -> None:
        """Raise `SpaceError` unless the value is a number within the bounds."""
        _check_number(self, value)

    def check_tried(self, value: Value, far: bool = False) -> None:
        """Raise `SpaceError` if the value is too far outside the bounds: see `Space.check_tried`."""
        _check_tried(self, value, far)

    def plain(self, value: Value) -> float:
        """The value as a `float`, set to the bound where it is beyond it by rounding."""
        return float(_snapped(self, value))


@renamed(arguments={"when": "active_if"}, attributes={"when": "active_if"})
@dataclass(frozen=True, slots=True)
class Integer:
    """An integer parameter on `low, low + 1, ..., high`; the arguments are as of `Real`.

    Example:
        >>> Integer("stages", 1, 8).low
        1
    """

    name: str
    low: int
    high: int
    unit: str = ""
    active_if: When = None

    def __init__(
        self, name: str, low: SupportsIndex, high: SupportsIndex, unit: str = "", active_if: When = None
    ) -> None:
        name = _name(name, 'Integer("n", 1, 8)')
        least, most = _whole_bound(name, low), _whole_bound(name, high)
        _check_bounds(name, least, most)
        assign(self, name=name, low=least, high=most, unit=_unit(name, unit), active_if=_conditions(name, active_if))

    def check(self, value: Value) -> None:
        """Raise `SpaceError` unless the value is an integer within the bounds."""
        _check_number(self, value)
        if (found := _snapped(self, value)) != int(found):
            raise SpaceError(f"{self.name} = {shown(value)} is not a whole number")

    def check_tried(self, value: Value, far: bool = False) -> None:
        """Raise `SpaceError` if the value is too far outside the bounds: see `Space.check_tried`."""
        _check_tried(self, value, far)
        if (found := _snapped(self, value)) != int(found):
            raise SpaceError(f"{self.name} = {shown(value)} is not a whole number")

    def plain(self, value: Value) -> int:
        """The value as an `int`."""
        return int(_snapped(self, value))


@renamed(
    arguments={"levels": "categories", "when": "active_if"}, attributes={"levels": "categories", "when": "active_if"}
)
@dataclass(frozen=True, slots=True)
class Choice:
    """A categorical parameter, such as a base or a solvent.

    Args:
        name: of the parameter, as in `trial.params`.
        categories: two or more different strings.
        ordered: whether neighbouring categories are similar, as in "low", "medium", "high".
        active_if: the values of other parameters at which this one is active, such as `{"metal": ["Pd", "Ni"]}`; see
            `Space`.

    Raises:
        SpaceError: there are fewer than two categories, two are equal, one is not a string, or `active_if` is not such
            a mapping.

    Example:
        >>> Choice("solvent", ["DMF", "toluene"]).categories
        ('DMF', 'toluene')
    """

    name: str
    categories: tuple[str, ...]
    ordered: bool = False
    active_if: Conditions = ()

    def __init__(self, name: str, categories: Sequence[str], ordered: bool = False, active_if: When = None) -> None:
        name = _name(name, 'Choice("base", ["A", "B"])')
        given = listed(categories)
        found = [None] if given is None else [text(level) for level in given]
        if None in found:
            raise SpaceError(f"{name}: categories must be a list of strings, got {shown(categories)}")
        if len(found) < 2 or len(set(found)) < len(found):
            raise SpaceError(f"{name}: needs two or more different categories, got {shown(found)}")
        assign(self, name=name, categories=tuple(found), ordered=_flag(name, "ordered", ordered))
        assign(self, active_if=_conditions(name, active_if))

    def check(self, value: Value) -> None:
        """Raise `SpaceError` unless the value is one of the categories."""
        if text(value) not in self.categories:
            raise SpaceError(f"{self.name} = {shown(value)} is not one of {list(self.categories)}")

    def plain(self, value: Value) -> str:
        """The value as a `str`."""
        return str(text(value))


@runtime_checkable
class RowLookup(Protocol):
    """The rows of a table of candidates: `gdopt.space.table.Table`."""

    def place(self, id: object) -> int | None:
        """The place of the row of an id; None if there is none."""
        ...

    def id(self, place: int) -> int | str:
        """The id of the row of a place."""
        ...

    def row(self, place: int) -> dict[str, Value]:
        """The columns of the row of a place."""
        ...

    @property
    def columns(self) -> Mapping[str, Any]:
        """The columns by their names."""
        ...

    def parts(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """The tensors and the header of the file of the table."""
        ...


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of a given table, by its id; `Space.from_table` makes it.

    Args:
        name: of the id in `trial.params`.
        rows: the number of rows.
        sha256: of the table.
        table: the rows, where they are loaded.
    """

    name: str
    rows: int
    sha256: str
    table: RowLookup | None = field(default=None, compare=False, repr=False)

    def check(self, value: Value) -> None:
        """Raise `SpaceError` unless a row has that id."""
        self._place(value)

    def plain(self, value: Value) -> int | str:
        """The id, as in the table."""
        table, place = self._place(value)
        return table.id(place)

    def row(self, value: Value) -> dict[str, Value]:
        """The columns of the row of an id."""
        table, place = self._place(value)
        return table.row(place)

    def _place(self, value: Value) -> tuple[RowLookup, int]:
        if self.table is None:
            raise SpaceError(f"{self.name}: the table of its {self.rows} rows is not at hand")
        if (place := self.table.place(value)) is None:
            raise SpaceError(f"{self.name} = {shown(value)} is the id of none of the table's {self.rows} rows")
        return self.table, place


Parameter = Real | Integer | Choice | TableRow | strings.Sequence | strings.Molecule


def design_key(params: Params) -> tuple[Value, ...]:
    """The values of a design in the order of the space, equal for equal designs only."""
    return tuple(params.values())


def has_values(params: Params, fixed: Params) -> bool:
    """Whether parameters have these values."""
    return all(params.get(name) == value for name, value in fixed.items())


def conditions(parameter: Parameter) -> Conditions:
    """The conditions of a parameter, none if it is not conditional."""
    return cast(Conditions, parameter.active_if) if isinstance(parameter, Real | Integer | Choice) else ()


def _name(name: object, example: str) -> str:
    if (found := text(name)) is None:
        raise SpaceError(f"the name of a parameter must be a string, got {shown(name)}; expected such as {example}")
    return found


def _unit(name: str, unit: object) -> str:
    if (found := text(unit)) is None:
        raise SpaceError(f"{name}: unit must be a string, got {shown(unit)}")
    return found


def _flag(name: str, said: str, value: object) -> bool:
    if (found := flag(value)) is None:
        raise SpaceError(f"{name}: {said} must be True or False, got {shown(value)}")
    return found


def _conditions(name: str, when: object) -> Conditions:
    """The conditions, sorted, so that equivalent conditions are equal.

    Raises:
        SpaceError: they are not values by the names of parameters.
    """
    try:
        given = dict(() if when is None else when)  # type: ignore[call-overload]  # whatever has pairs
        parents = [text(parent) for parent in given]
    except (TypeError, ValueError, RuntimeError):
        parents = [None]
    if None in parents:
        raise SpaceError(f"{name}: active_if = {shown(when)}: expected categories by the name of another parameter")
    found = [(str(text(parent)), _levels(name, parent, one)) for parent, one in given.items()]
    return tuple(sorted(found, key=lambda condition: condition[0]))


def _levels(name: str, parent: str, given: object) -> tuple[str | int, ...]:
    """The values of a parent, sorted and without duplicates."""
    several = listed(given)
    levels = [text(one) if isinstance(one, str) else whole(one) for one in ([given] if several is None else several)]
    if not levels or None in levels:
        raise SpaceError(
            f"{name}: active_if {parent} = {shown(given)}: expected a string or a whole number, or a list of them"
        )
    plain = cast(list[str | int], levels)
    return tuple(sorted(set(plain), key=lambda one: (isinstance(one, str), one)))


def _whole_bound(name: str, bound: object) -> int:
    if (found := whole(bound)) is None:
        raise SpaceError(f"{name}: bounds must be whole numbers, got {shown(bound)}")
    if abs(found) > EXACT:
        raise SpaceError(f"{name}: bounds must be at most 2**53 in size, got {shown(bound)}")
    return found


def _check_bounds(name: str, low: float, high: float) -> None:
    if not -LARGEST <= low < high <= LARGEST:
        raise SpaceError(f"{name}: low must be below high, and both at most {LARGEST:g} in size, got [{low}, {high}]")


def _check_number(parameter: Real | Integer, value: Value) -> None:
    if number(value) is None or not parameter.low <= _snapped(parameter, value) <= parameter.high:
        said = value if isinstance(value, str) else shown(value)
        raise SpaceError(f"{parameter.name} = {said} is outside {_range(parameter)}")


def _check_tried(parameter: Real | Integer, value: Value, far: bool) -> None:
    """Raise `SpaceError` if an evaluated number is too far outside the bounds."""
    scale: Callable[[float], float] = math.log if isinstance(parameter, Real) and parameter.log_scale else float
    found = number(value)
    if found is None or not abs(found) <= LARGEST or (scale is math.log and found <= 0):
        raise SpaceError(f"{parameter.name} = {shown(value)}: expected a number that can have been tried")
    low, high, at = scale(parameter.low), scale(parameter.high), scale(found)
    if not far and max(low - at, at - high) > REACH * (high - low):
        raise SpaceError(
            f"{parameter.name} = {shown(value)} is far outside {_range(parameter)}: "
            "a value that was tried may be outside by as much as the bounds are apart"
        )


def _range(parameter: Real | Integer) -> str:
    """The bounds of a parameter with their unit."""
    return f"[{parameter.low}, {parameter.high}] {parameter.unit}".rstrip()


def _snapped(parameter: Real | Integer, value: object) -> float:
    """The number, set to a bound if it is beyond it by rounding only."""
    found, low, high = cast(float, number(value)), parameter.low, parameter.high
    slack = ROUNDING * (high - low)
    if low - slack <= found < low:
        return low
    return high if high < found <= high + slack else found
