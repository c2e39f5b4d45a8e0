"""What may be tried: named parameters, the box they span and the linear constraints on it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, SupportsFloat, SupportsIndex, cast, runtime_checkable

from gdopt import strings
from gdopt.arguments import Array, assign, flag, listed, number, row, shown, text, whole
from gdopt.errors import SpaceError

__all__ = [
    "Candidate",
    "Choice",
    "Conditions",
    "Constraint",
    "Integer",
    "Parameter",
    "Params",
    "Real",
    "Space",
    "Value",
    "conditions",
    "identity",
]

Value = float | int | str
Params = Mapping[str, Value]
# Of each parent, in order: its name and the levels at which a parameter counts; as people give it, a level or several.
Conditions = tuple[tuple[str, tuple[str | int, ...]], ...]
When = Mapping[str, str | int | Sequence[str | int]] | Conditions | None

# Rounding of a sum of products may exceed a bound by this share of the terms' size.
SLACK = 1e-9
# A number that was tried may lie outside its bounds by so many times their distance, and the sum of a constraint off by
# this share of the terms' size: a thermostat overshoots and a balance rounds, while more is a slip of the pen.
REACH, WEIGHING = 1.0, 0.1
# Sums of a few larger numbers overflow.
LARGEST = 1e300
# A value that is beyond a bound by this share of the width is that bound: the rounding of a computation.
ROUNDING = 1e-12
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
        when: it counts only at these levels of other parameters, such as `{"stages": 2}`; see `Space`.

    Raises:
        SpaceError: a bound is not finite, low is not below high, log with low <= 0, or `when` is no such mapping.
    """

    name: str
    low: float
    high: float
    log: bool = False
    unit: str = ""
    when: When = None

    def __init__(
        self,
        name: str,
        low: SupportsFloat,
        high: SupportsFloat,
        log: bool = False,
        unit: str = "",
        when: When = None,
    ) -> None:
        name = _name(name, 'Real("x", 0, 1)')
        least, most = number(low), number(high)
        if least is None or most is None:
            raise SpaceError(
                f"{name}: low and high must be numbers, got {shown(low)} and {shown(high)}; expected such as "
                f'Real("{name}", 0, 1)'
            )
        _check_bounds(name, least, most)
        assign(self, name=name, low=least, high=most, log=_flag(name, "log", log), unit=_unit(name, unit))
        assign(self, when=_conditions(name, when))
        if self.log and self.low <= 0:
            raise SpaceError(f"{name}: log needs low above 0, got low = {self.low}")

    def check(self, value: Value) -> None:
        """Raise `SpaceError` unless the value is a number within the bounds."""
        _check_number(self, value)

    def check_tried(self, value: Value, far: bool = False) -> None:
        """Raise `SpaceError` unless the value may have been tried: see `Space.check_tried`."""
        _check_tried(self, value, far)

    def plain(self, value: Value) -> float:
        """The value as Python's own number; the bound that it is, where it is beyond one by rounding."""
        return float(_snapped(self, value))


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole-number parameter on `low, low + 1, ..., high`; `when` as of `Real`."""

    name: str
    low: int
    high: int
    unit: str = ""
    when: When = None

    def __init__(self, name: str, low: SupportsIndex, high: SupportsIndex, unit: str = "", when: When = None) -> None:
        name = _name(name, 'Integer("n", 1, 8)')
        least, most = _whole_bound(name, low), _whole_bound(name, high)
        _check_bounds(name, least, most)
        assign(self, name=name, low=least, high=most, unit=_unit(name, unit), when=_conditions(name, when))

    def check(self, value: Value) -> None:
        """Raise `SpaceError` unless the value is a whole number within the bounds."""
        _check_number(self, value)
        if (found := _snapped(self, value)) != int(found):
            raise SpaceError(f"{self.name} = {shown(value)} is not a whole number")

    def check_tried(self, value: Value, far: bool = False) -> None:
        """Raise `SpaceError` unless the value may have been tried: see `Space.check_tried`."""
        _check_tried(self, value, far)
        if (found := _snapped(self, value)) != int(found):
            raise SpaceError(f"{self.name} = {shown(value)} is not a whole number")

    def plain(self, value: Value) -> int:
        """The value as Python's own number."""
        return int(_snapped(self, value))


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several levels, such as a base or a solvent.

    Args:
        name: what the parameter is called in `trial.params`.
        levels: two or more different strings.
        ordered: whether neighbours in the list are alike, as "low", "medium", "high" are.
        when: it counts only at these levels of other parameters, such as `{"metal": ["Pd", "Ni"]}`; see `Space`.

    Raises:
        SpaceError: fewer than two levels, two that are equal, one that is no string, or `when` is no such mapping.
    """

    name: str
    levels: tuple[str, ...]
    ordered: bool = False
    when: Conditions = ()

    def __init__(self, name: str, levels: Sequence[str], ordered: bool = False, when: When = None) -> None:
        name = _name(name, 'Choice("base", ["A", "B"])')
        given = listed(levels)
        found = [None] if given is None else [text(level) for level in given]
        if None in found:
            raise SpaceError(f"{name}: levels must be a list of strings, got {shown(levels)}")
        if len(found) < 2 or len(set(found)) < len(found):
            raise SpaceError(f"{name}: needs two or more different levels, got {shown(found)}")
        assign(self, name=name, levels=tuple(found), ordered=_flag(name, "ordered", ordered))
        assign(self, when=_conditions(name, when))

    def check(self, value: Value) -> None:
        """Raise `SpaceError` unless the value is one of the levels."""
        if text(value) not in self.levels:
            raise SpaceError(f"{self.name} = {shown(value)} is not one of {list(self.levels)}")

    def plain(self, value: Value) -> str:
        """The value as Python's own string."""
        return str(text(value))


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
            raise SpaceError(f"{self.name} = {shown(value)} is the id of none of the table's {self.rows} rows")
        return self.table, place


Parameter = Real | Integer | Choice | Candidate | strings.Sequence | strings.Molecule


def identity(params: Params) -> tuple[Value, ...]:
    """What two designs of a space share only if they are the same: their values, in the order of the space."""
    return tuple(params.values())


def conditions(parameter: Parameter) -> Conditions:
    """At which levels of which other parameters a parameter counts; of one that always counts, none."""
    return cast(Conditions, parameter.when) if isinstance(parameter, Real | Integer | Choice) else ()


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
        self,
        coefficients: Mapping[str, SupportsFloat],
        upper: SupportsFloat | None = None,
        equal: SupportsFloat | None = None,
    ) -> None:
        if not isinstance(coefficients, Mapping):
            raise SpaceError(
                f"a constraint takes coefficients by the names of parameters, got {shown(coefficients)}; expected such "
                'as Constraint({"a": 1, "b": 1}, 1)'
            )
        if (upper is None) == (equal is None):
            raise SpaceError(
                f"a constraint needs either upper or equal, got upper = {shown(upper)} and equal = {shown(equal)}"
            )
        given = equal if upper is None else upper
        terms = [(text(name), number(one)) for name, one in coefficients.items()]
        bound = number(given)
        if not terms or not all(name is not None and _is_finite(one) for name, one in (*terms, ("", bound))):
            sign = "=" if upper is None else "<="
            raise SpaceError(
                f"a constraint needs finite coefficients and bound, got {shown(dict(coefficients))} {sign} "
                f"{shown(given)}"
            )
        assign(self, coefficients=tuple(terms), bound=bound, equality=upper is None)

    def __str__(self) -> str:
        sign = "=" if self.equality else "<="
        terms = [n if c == 1 else f"{c:g} {n}" for n, c in self.coefficients]
        return f"{' + '.join(terms)} {sign} {self.bound:g}"

    def check(self, params: Params, share: float = SLACK) -> None:
        """Raise `SpaceError` unless the parameters satisfy it, up to a share of the terms' size."""
        terms = [c * float(params[name]) for name, c in self.coefficients]
        slack = share * (abs(self.bound) + sum(map(abs, terms)))
        beyond = sum(terms) - self.bound
        if (abs(beyond) if self.equality else beyond) > slack:
            raise SpaceError(f"{self} does not hold: the left side is {sum(terms):g}")


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """Named parameters and linear constraints: what an algorithm may propose.

    Spaces that allow the same are equal, whatever corpus they came with.

    A parameter with `when` is conditional: it counts only where each of its parents, which are choices or whole numbers
    that stand before it, counts itself and has one of the given levels. Where it does not count, a design has no value
    of it.

    Args:
        parameters: in the order in which arrays of designs have their columns.
        constraints: linear inequalities and equalities of `Real` and `Integer` parameters that always count.

    Raises:
        SpaceError: no parameter, two of one name, a condition that cannot hold, or a constraint on something that is
            no number here, or not always.
    """

    parameters: tuple[Parameter, ...]
    constraints: tuple[Constraint, ...] = ()

    def __init__(self, parameters: Sequence[Parameter], constraints: Sequence[Constraint] = ()) -> None:
        parameters, constraints = _all_of(PARAMETERS, parameters), _all_of(CONSTRAINTS, constraints)
        names = [p.name for p in parameters]
        if not names:
            raise SpaceError("a space needs one parameter or more, got none")
        if repeated := sorted({n for n in names if names.count(n) > 1}):
            raise SpaceError(f"parameters {repeated} appear more than once")
        for at, parameter in enumerate(parameters):
            _check_conditions(parameter, parameters[:at], names)
        conditional = [p.name for p in parameters if conditions(p)]
        numbers = [p.name for p in parameters if isinstance(p, Real | Integer)]
        for constraint in constraints:
            if unknown := [n for n, _ in constraint.coefficients if n not in numbers]:
                raise SpaceError(f"constraint {constraint} names {unknown}; the numeric parameters are {numbers}")
            if sometimes := [n for n, _ in constraint.coefficients if n in conditional]:
                raise SpaceError(
                    f"constraint {constraint} names {sometimes}, of which a design may have no value to sum"
                )
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

    @property
    def conditional(self) -> bool:
        """Whether there are parameters that do not always count."""
        return any(conditions(p) for p in self.parameters)

    def active(self, params: Params) -> tuple[str, ...]:
        """The names of the parameters that count beside these values, in order; values of others do not matter."""
        if not self.conditional:
            return self.names
        counting: dict[str, None] = {}
        for parameter in self.parameters:
            if all(parent in counting and params.get(parent) in levels for parent, levels in conditions(parameter)):
                counting[parameter.name] = None
        return tuple(counting)

    def row(self, params: Params) -> tuple[Value | None, ...]:
        """The values in the order of `names`, None of what does not count."""
        return tuple(params.get(name) for name in self.names)

    def by_name(self, design: object) -> Params:
        """The values of a design by the names of the parameters.

        Args:
            design: such values, which are given back as they are; or a row of them in the order of the space, as an
                array or a tensor.

        Raises:
            SpaceError: neither of the two, or the row is not of one value for each parameter.
        """
        if isinstance(design, Mapping):
            return design
        values = row(design)
        if values is None or len(values) != len(self.names):
            example = ", ".join(f'"{name}": ...' for name in self.names[:2])
            raise SpaceError(
                f"expected a value for each of {list(self.names)} by its name, such as {{{example}}}, or an array of "
                f"them in this order; got {shown(design)}"
            )
        return dict(zip(self.names, values, strict=True))

    def check(self, params: Params) -> None:
        """Raise `SpaceError` unless `params` gives every parameter that counts, and no other, an allowed value."""
        self.check_names(params)
        for parameter in self.parameters:
            if parameter.name in params:
                parameter.check(params[parameter.name])
        for constraint in self.constraints:
            constraint.check(params)

    def check_tried(self, params: Params, far: bool = False) -> None:
        """Raise `SpaceError` unless the parameters may have been tried, though they need not be allowed.

        Bounds and constraints are on proposals. A number that was tried may lie outside its bounds by as much as these
        are apart (of a logarithmic parameter on that scale), and the sum of a constraint may be off by a tenth of the
        terms' size; more than that is taken for a mistake.

        Args:
            params: as of `check`.
            far: whether there is no limit to that, as for results of a wider space.
        """
        self.check_names(params)
        for parameter in self.parameters:
            if parameter.name not in params:
                continue
            if isinstance(parameter, Real | Integer):
                parameter.check_tried(params[parameter.name], far)
            else:
                parameter.check(params[parameter.name])
        for constraint in () if far else self.constraints:
            constraint.check(params, WEIGHING)

    def check_names(self, params: Params) -> None:
        """Raise `SpaceError` unless `params` names every parameter that counts, and no other."""
        if not isinstance(params, Mapping):
            raise SpaceError(f"expected a value for each of {list(self.names)} by its name, got {shown(params)}")
        missing = [n for n in self.active(params) if n not in params]
        unknown = sorted(set(params) - set(self.names), key=str)
        if missing or unknown:
            raise SpaceError(f"missing parameters {missing}, unknown parameters {unknown}")
        self._check_counting(params)

    def _check_counting(self, params: Params) -> None:
        """Raise `SpaceError` if a parameter is named that does not count beside the others."""
        if not self.conditional:
            return
        active = self.active(params)
        for parameter in self.parameters:
            if parameter.name in params and parameter.name not in active:
                needs = " and ".join(f"{name} in {list(levels)}" for name, levels in conditions(parameter))
                beside = {name: params.get(name) for name, _ in conditions(parameter)}
                value = params[parameter.name]
                raise SpaceError(f"{parameter.name} = {value!r} does not count beside {beside}: it needs {needs}")

    def check_some(self, params: Params) -> None:
        """Raise `SpaceError` unless each of some parameters counts, and has a value that its bounds or levels allow.

        A conditional parameter counts if its parents are among them, at levels at which it does.
        """
        if not isinstance(params, Mapping):
            raise SpaceError(f"expected values by the names of parameters, got {shown(params)}")
        if unknown := [n for n in params if n not in self.names]:
            raise SpaceError(f"parameters {unknown} are unknown; there are {list(self.names)}")
        for parameter in self.parameters:
            if parameter.name in params:
                parameter.check(params[parameter.name])
        self._check_counting(params)

    def allows(self, params: Params) -> bool:
        """Whether `check` would pass."""
        try:
            self.check(params)
        except SpaceError:
            return False
        return True

    def broken(self, params: Params) -> list[str]:
        """The bounds and constraints that tried parameters do not keep to, a sentence each; none if they do."""
        checks = [partial(p.check, params[p.name]) for p in self.parameters if p.name in params]
        found = []
        for check in [*checks, *(partial(one.check, params) for one in self.constraints)]:
            try:
                check()
            except SpaceError as error:
                found.append(str(error))
        return found

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
    def from_bounds(cls, bounds: Sequence[Sequence[SupportsFloat]] | Array) -> "Space":
        """A space of `Real` parameters x0, x1, ...

        Args:
            bounds: a (low, high) pair for each, as a list or an array of shape (d, 2); or an array or a tensor of shape
                (2, d), all lows before all highs, as BoTorch has bounds. An array of shape (2, 2) is read in the one
                way in which each low is below its high, and refused if both ways are right.

        Raises:
            SpaceError: neither of the two, or what `Real` refuses.
        """
        return cls([Real(f"x{i}", low, high) for i, (low, high) in enumerate(_pairs(bounds))])


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


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _all_of(wanted: tuple[Any, str], given: object) -> list[Any]:
    """The things of a list, all of one kind."""
    kind, examples = wanted
    things = listed(given)
    wrong = [given] if things is None else [one for one in things if not isinstance(one, kind)]
    if things is None or wrong:
        raise SpaceError(f"a space takes a list of {examples}; got {shown(wrong[0])}")
    return things


def _pairs(bounds: Any) -> list[list[Any]]:
    """The low and the high of each parameter."""
    rows = [listed(one) for one in listed(bounds) or [None]]
    pairs = [one for one in rows if one is not None]
    if len(getattr(bounds, "shape", ())) == 2 and len(pairs) == 2:
        turned = [list(one) for one in zip(*pairs, strict=True)]
        if len(turned) == 2 and _rising(pairs) and _rising(turned):
            raise SpaceError(
                f"bounds = {shown(bounds)} are two (low, high) pairs, or two lows and two highs: give a list of "
                "pairs, such as [(0, 1), (0, 1)]"
            )
        pairs = turned if len(turned) != 2 or _rising(turned) else pairs
    if len(pairs) < len(rows) or any(len(one) != 2 for one in pairs):
        raise SpaceError(f"bounds = {shown(bounds)}: expected a (low, high) pair for each parameter, such as [(0, 1)]")
    return pairs


def _rising(pairs: Sequence[Sequence[Any]]) -> bool:
    """Whether each low is below its high."""
    ends = [(number(low), number(high)) for low, high in pairs]
    return all(low is not None and high is not None and low < high for low, high in ends)


def _conditions(name: str, when: object) -> Conditions:
    """The conditions in an order of their own, so that those that say the same are equal.

    Raises:
        SpaceError: they are not a level or several by the name of a parameter.
    """
    try:
        given = dict(() if when is None else when)  # type: ignore[call-overload]  # whatever has pairs
        parents = [text(parent) for parent in given]
    except (TypeError, ValueError, RuntimeError):
        parents = [None]
    if None in parents:
        raise SpaceError(f"{name}: when = {shown(when)}: expected levels by the name of another parameter")
    found = [(str(text(parent)), _levels(name, parent, one)) for parent, one in given.items()]
    return tuple(sorted(found, key=lambda condition: condition[0]))


def _levels(name: str, parent: str, given: object) -> tuple[str | int, ...]:
    """The levels of a parent, each once, in an order of their own."""
    several = listed(given)
    levels = [text(one) if isinstance(one, str) else whole(one) for one in ([given] if several is None else several)]
    if not levels or None in levels:
        raise SpaceError(
            f"{name}: when {parent} = {shown(given)}: expected a string or a whole number, or a list of them"
        )
    plain = cast(list[str | int], levels)
    return tuple(sorted(set(plain), key=lambda one: (isinstance(one, str), one)))


def _check_conditions(parameter: Parameter, before: Sequence[Parameter], names: Sequence[str]) -> None:
    """Raise `SpaceError` unless the parents of a parameter are discrete, stand before it and have the levels."""
    for parent, levels in conditions(parameter):
        if parent not in names:
            raise SpaceError(f"{parameter.name}: when names {parent!r}, which is unknown; there are {list(names)}")
        found = next((p for p in before if p.name == parent), None)
        if found is None:
            raise SpaceError(f"{parameter.name}: when names {parent!r}, which has to stand before it")
        if not isinstance(found, Choice | Integer):
            raise SpaceError(f"{parameter.name}: when names {parent!r}, which is neither a choice nor a whole number")
        for level in levels:
            try:
                found.check(level)
            except SpaceError as error:
                raise SpaceError(f"{parameter.name}: when can never hold, as {error}") from error


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
    """Raise `SpaceError` unless a number may have been tried."""
    scale: Callable[[float], float] = math.log if isinstance(parameter, Real) and parameter.log else float
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
    """The bounds of a number with their unit."""
    return f"[{parameter.low}, {parameter.high}] {parameter.unit}".rstrip()


def _snapped(parameter: Real | Integer, value: object) -> float:
    """The number; the bound that it is beyond by no more than rounding."""
    found, low, high = cast(float, number(value)), parameter.low, parameter.high
    slack = ROUNDING * (high - low)
    if low - slack <= found < low:
        return low
    return high if high < found <= high + slack else found


# The kinds of things that a space is of, with examples for people.
PARAMETERS = (Parameter, 'parameters, such as Real("x", 0, 1), Integer("n", 1, 8) or Choice("base", ["A", "B"])')
CONSTRAINTS = (Constraint, 'constraints, such as Constraint({"a": 1, "b": 1}, 1)')
