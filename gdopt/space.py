"""What may be tried: named parameters, the box they span and the linear constraints on it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real as Number
from typing import Any, Protocol, runtime_checkable

from gdopt import strings
from gdopt.errors import SpaceError

__all__ = ["Candidate", "Choice", "Constraint", "Integer", "Parameter", "Params", "Real", "Space", "Value"]

Value = float | int | str
Params = Mapping[str, Value]

# Rounding of a sum of products may exceed a bound by this share of the terms' size.
SLACK = 1e-9
# Up to here every whole number is a floating point number of its own.
EXACT = 2**53


@dataclass(frozen=True, slots=True)
class Real:
    """A real parameter on `[low, high]`, in the unit its values are given in.

    Args:
        name: what the parameter is called in `trial.params`.
        low: the smallest value that may be tried.
        high: the largest value that may be tried.
        log: whether equal ratios, rather than equal differences, are equal steps; needs low > 0.
        unit: for people, such as "degC"; shown in messages and figures.

    Raises:
        SpaceError: a bound is not finite, low is not below high, or log with low <= 0.
    """

    name: str
    low: float
    high: float
    log: bool = False
    unit: str = ""

    def __post_init__(self) -> None:
        _check_bounds(self.name, self.low, self.high)
        if self.log and self.low <= 0:
            raise SpaceError(f"{self.name}: log needs low above 0, got low = {self.low}")

    def check(self, value: Value) -> None:
        """Raise `SpaceError` unless the value is a number within the bounds."""
        _check_number(self, value)

    def plain(self, value: Value) -> float:
        """The value as Python's own number."""
        return float(value)


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole-number parameter on `low, low + 1, ..., high`."""

    name: str
    low: int
    high: int
    unit: str = ""

    def __post_init__(self) -> None:
        for bound in (self.low, self.high):
            if not isinstance(bound, int):
                raise SpaceError(f"{self.name}: bounds must be whole numbers, got {bound!r}")
            if abs(bound) > EXACT:
                raise SpaceError(f"{self.name}: bounds must be at most 2**53 in size, got {bound}")
        _check_bounds(self.name, self.low, self.high)

    def check(self, value: Value) -> None:
        """Raise `SpaceError` unless the value is a whole number within the bounds."""
        _check_number(self, value)
        if int(value) != value:
            raise SpaceError(f"{self.name} = {value} is not a whole number")

    def plain(self, value: Value) -> int:
        """The value as Python's own number."""
        return int(value)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several levels, such as a base or a solvent.

    Args:
        name: what the parameter is called in `trial.params`.
        levels: two or more different strings.
        ordered: whether neighbours in the list are alike, as "low", "medium", "high" are.

    Raises:
        SpaceError: fewer than two levels, two that are equal, or one that is no string.
    """

    name: str
    levels: tuple[str, ...]
    ordered: bool = False

    def __init__(self, name: str, levels: Sequence[str], ordered: bool = False) -> None:
        if isinstance(levels, str) or not all(isinstance(v, str) for v in levels):
            raise SpaceError(f"{name}: levels must be a list of strings, got {levels!r}")
        if len(levels) < 2 or len(set(levels)) < len(levels):
            raise SpaceError(f"{name}: needs two or more different levels, got {list(levels)}")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "levels", tuple(levels))
        object.__setattr__(self, "ordered", ordered)

    def check(self, value: Value) -> None:
        """Raise `SpaceError` unless the value is one of the levels."""
        if value not in self.levels:
            raise SpaceError(f"{self.name} = {value!r} is not one of {list(self.levels)}")

    def plain(self, value: Value) -> str:
        """The value as Python's own string."""
        return str(value)


@runtime_checkable
class Rows(Protocol):
    """The rows of a table of candidates, as a parameter sees them: `gdopt.table.Table`."""

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


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row of a given table, by its id; `Space.from_table` makes it.

    Args:
        name: what the id is called in `trial.params`.
        rows: how many there are.
        sha256: of the table.
        table: the rows, where they are at hand.
    """

    name: str
    rows: int
    sha256: str
    table: Rows | None = field(default=None, compare=False, repr=False)

    def check(self, value: Value) -> None:
        """Raise `SpaceError` unless a row has that id."""
        self._place(value)

    def plain(self, value: Value) -> int | str:
        """The id as the table has it."""
        table, place = self._place(value)
        return table.id(place)

    def row(self, value: Value) -> dict[str, Value]:
        """The columns of the row of an id."""
        table, place = self._place(value)
        return table.row(place)

    def _place(self, value: Value) -> tuple[Rows, int]:
        if self.table is None:
            raise SpaceError(f"{self.name}: the table of its {self.rows} rows is not at hand")
        if (place := self.table.place(value)) is None:
            raise SpaceError(f"{self.name} = {value!r} is the id of none of the table's {self.rows} rows")
        return self.table, place


Parameter = Real | Integer | Choice | Candidate | strings.Sequence | strings.Molecule


@dataclass(frozen=True, slots=True)
class Constraint:
    """`sum of coefficient * parameter <= upper`, or `= equal`, in the parameters' units.

    Args:
        coefficients: of `Real` and `Integer` parameters, by name.
        upper: what the sum is at most.
        equal: what the sum is exactly, instead: such as 1 for shares of a mixture.

    Raises:
        SpaceError: a coefficient or the bound is not finite, or not one of the two bounds is given.
    """

    coefficients: tuple[tuple[str, float], ...]
    bound: float
    equality: bool

    def __init__(
        self, coefficients: Mapping[str, float], upper: float | None = None, equal: float | None = None
    ) -> None:
        if (upper is None) == (equal is None):
            raise SpaceError(f"a constraint needs either upper or equal, got upper = {upper} and equal = {equal}")
        bound = equal if upper is None else upper
        assert bound is not None
        if not coefficients or not all(map(math.isfinite, [*coefficients.values(), bound])):
            sign = "=" if upper is None else "<="
            raise SpaceError(
                f"a constraint needs finite coefficients and bound, got {dict(coefficients)} {sign} {bound}"
            )
        object.__setattr__(self, "coefficients", tuple(coefficients.items()))
        object.__setattr__(self, "bound", bound)
        object.__setattr__(self, "equality", upper is None)

    def __str__(self) -> str:
        sign = "=" if self.equality else "<="
        return f"{' + '.join(f'{c:g} {n}' for n, c in self.coefficients)} {sign} {self.bound:g}"

    def check(self, params: Params) -> None:
        """Raise `SpaceError` unless the parameters satisfy it."""
        terms = [c * float(params[name]) for name, c in self.coefficients]
        slack = SLACK * (abs(self.bound) + sum(map(abs, terms)))
        beyond = sum(terms) - self.bound
        if (abs(beyond) if self.equality else beyond) > slack:
            raise SpaceError(f"{self} does not hold: the left side is {sum(terms):g}")


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """Named parameters and linear constraints: what an algorithm may propose.

    Spaces that allow the same are equal, whatever corpus they came with.

    Args:
        parameters: in the order in which arrays of designs have their columns.
        constraints: linear inequalities and equalities of `Real` and `Integer` parameters.

    Raises:
        SpaceError: no parameter, two of one name, or a constraint on something that is no number here.
    """

    parameters: tuple[Parameter, ...]
    constraints: tuple[Constraint, ...] = ()

    def __init__(self, parameters: Sequence[Parameter], constraints: Sequence[Constraint] = ()) -> None:
        names = [p.name for p in parameters]
        if not names:
            raise SpaceError("a space needs one parameter or more, got none")
        if repeated := sorted({n for n in names if names.count(n) > 1}):
            raise SpaceError(f"parameters {repeated} appear more than once")
        numbers = [p.name for p in parameters if isinstance(p, Real | Integer)]
        for constraint in constraints:
            if unknown := [n for n, _ in constraint.coefficients if n not in numbers]:
                raise SpaceError(f"constraint {constraint} names {unknown}; the numeric parameters are {numbers}")
        object.__setattr__(self, "parameters", tuple(parameters))
        object.__setattr__(self, "constraints", tuple(constraints))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Space):
            return NotImplemented
        return (self.parameters, self.constraints) == (other.parameters, other.constraints)

    def __hash__(self) -> int:
        return hash((self.parameters, self.constraints))

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters' names, in order."""
        return tuple(p.name for p in self.parameters)

    def check(self, params: Params) -> None:
        """Raise `SpaceError` unless `params` gives every parameter a value that is allowed."""
        if not isinstance(params, Mapping):
            raise SpaceError(f"expected a value for each of {list(self.names)} by its name, got {params!r}")
        if set(params) != set(self.names):
            missing = [n for n in self.names if n not in params]
            unknown = sorted(set(params) - set(self.names), key=str)
            raise SpaceError(f"missing parameters {missing}, unknown parameters {unknown}")
        for parameter in self.parameters:
            parameter.check(params[parameter.name])
        for constraint in self.constraints:
            constraint.check(params)

    def check_some(self, params: Params) -> None:
        """Raise `SpaceError` unless each of some parameters has a value that its bounds or levels allow."""
        if not isinstance(params, Mapping):
            raise SpaceError(f"expected values by the names of parameters, got {params!r}")
        if unknown := [n for n in params if n not in self.names]:
            raise SpaceError(f"parameters {unknown} are unknown; there are {list(self.names)}")
        for parameter in self.parameters:
            if parameter.name in params:
                parameter.check(params[parameter.name])

    def allows(self, params: Params) -> bool:
        """Whether `check` would pass."""
        try:
            self.check(params)
        except SpaceError:
            return False
        return True

    def beside(self, params: Params) -> dict[str, Value]:
        """What people are shown beside the parameters: the columns of a table's row; else nothing."""
        found: dict[str, Value] = {}
        for parameter in self.parameters:
            if isinstance(parameter, Candidate):
                found |= parameter.row(params[parameter.name])
        return found

    @property
    def beside_names(self) -> tuple[str, ...]:
        """The names of what `beside` gives."""
        tables = [p.table for p in self.parameters if isinstance(p, Candidate) and p.table is not None]
        return tuple(name for table in tables for name in table.columns)

    @classmethod
    def from_table(cls, table: Any, id: str | None = None, descriptors: Sequence[str] | None = None) -> "Space":
        """A space of the rows of a table: `trial.params` has the id of one, and `beside` its columns.

        Args:
            table: a DataFrame of pandas, a row for each candidate.
            id: the column whose whole numbers or strings name the rows; by default the table's index.
            descriptors: the columns that say what is alike; by default all that vary and are numbers, or text of at
                most 10 levels, each of which counts as a number. The other columns are kept for people.

        Raises:
            SpaceError: there is no such column, or two of a name, or nothing describes the rows.
            CorpusError: there are fewer than two rows, or an id is missing or stands in two of them, or a descriptor
                is missing, infinite, the same in all rows, or text of more levels.
        """
        from gdopt.table import table_of

        name, rows = table_of(table, id, descriptors)
        return cls([Candidate(name, len(rows), rows.sha256, rows)])

    @classmethod
    def from_bounds(cls, bounds: Sequence[tuple[float, float]]) -> "Space":
        """A space of `Real` parameters x0, x1, ... with the given (low, high)."""
        return cls([Real(f"x{i}", low, high) for i, (low, high) in enumerate(bounds)])


def _check_bounds(name: str, low: float, high: float) -> None:
    # The width as well: of [-1e308, 1e308] it is infinite.
    if not (math.isfinite(low) and math.isfinite(high) and low < high and math.isfinite(high - low)):
        raise SpaceError(f"{name}: low must be below high, both and their difference finite, got [{low}, {high}]")


def _check_number(parameter: Real | Integer, value: Value) -> None:
    if not isinstance(value, Number) or not parameter.low <= value <= parameter.high:
        raise SpaceError(
            f"{parameter.name} = {value} is outside [{parameter.low}, {parameter.high}] {parameter.unit}".rstrip()
        )
