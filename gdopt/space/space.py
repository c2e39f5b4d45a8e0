"""Search spaces: named parameters with bounds, and linear constraints on them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, SupportsFloat

from gdopt.arguments import Array, listed, number, row, shown
from gdopt.errors import ResultError, SpaceError
from gdopt.renamed import renamed
from gdopt.space.constraints import Constraint
from gdopt.space.parameters import WEIGHING, Choice, Integer, Parameter, Params, Real, TableRow, Value, conditions

__all__ = ["Space", "check_gradient"]


@renamed(attributes={"beside": "annotations", "beside_names": "annotation_names"})
@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """A search space: named parameters and linear constraints.

    Spaces with equal parameters and constraints are equal, whatever their corpus.

    A parameter with `active_if` is conditional: it is active only if each of its parents is active and has one of the
    given values. Parents are `Choice` or `Integer` parameters before it. A design has no value of an inactive
    parameter.

    Args:
        parameters: in the order of the columns of arrays of designs.
        constraints: linear inequalities and equalities of `Real` and `Integer` parameters that are not conditional.

    Raises:
        SpaceError: there is no parameter, two have one name, a condition cannot hold, or a constraint names an unknown,
            a non-numeric or a conditional parameter.

    Example:
        >>> space = Space([Real("x", 0, 1), Integer("n", 1, 8)], [Constraint({"x": 1, "n": 0.1}, 1.5)])
        >>> space.names
        ('x', 'n')
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
        """The names of the parameters, in order."""
        return tuple(p.name for p in self.parameters)

    @property
    def conditional(self) -> bool:
        """Whether there are conditional parameters."""
        return any(conditions(p) for p in self.parameters)

    def active(self, params: Params) -> tuple[str, ...]:
        """The names of the active parameters of a design, in order; values of inactive parameters are ignored."""
        if not self.conditional:
            return self.names
        counting: dict[str, None] = {}
        for parameter in self.parameters:
            if all(parent in counting and params.get(parent) in levels for parent, levels in conditions(parameter)):
                counting[parameter.name] = None
        return tuple(counting)

    def row(self, params: Params) -> tuple[Value | None, ...]:
        """The values in the order of `names`, None for inactive parameters."""
        return tuple(params.get(name) for name in self.names)

    def by_name(self, design: object) -> Params:
        """The values of a design by the names of the parameters.

        Args:
            design: values by name, which are returned unchanged; or a row of values in the order of the space, as an
                array or a tensor.

        Raises:
            SpaceError: the design is neither of the two, or the row does not have one value for each parameter.
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
        """Raise `SpaceError` unless `params` has an allowed value for each active parameter, and for no other one."""
        self.check_names(params)
        for parameter in self.parameters:
            if parameter.name in params:
                parameter.check(params[parameter.name])
        for constraint in self.constraints:
            constraint.check(params)

    def check_tried(self, params: Params, far: bool = False) -> None:
        """Raise `SpaceError` if evaluated parameters are too far outside the space.

        Bounds and constraints are on proposals. An evaluated number may lie outside its bounds by the distance between
        them (on the scale of the parameter), and a constraint may be violated by a tenth of the size of its terms; a
        larger difference is taken as an error of input.

        Args:
            params: as of `check`.
            far: whether any distance is allowed, as for results of a wider space.
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
        """Raise `SpaceError` unless `params` names each active parameter, and no other one."""
        if not isinstance(params, Mapping):
            raise SpaceError(f"expected a value for each of {list(self.names)} by its name, got {shown(params)}")
        missing = [n for n in self.active(params) if n not in params]
        unknown = sorted(set(params) - set(self.names), key=str)
        if missing or unknown:
            raise SpaceError(f"missing parameters {missing}, unknown parameters {unknown}")
        self._check_active(params)

    def _check_active(self, params: Params) -> None:
        """Raise `SpaceError` if an inactive parameter has a value."""
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
        """Raise `SpaceError` unless each of some parameters is active and has an allowed value.

        A conditional parameter is active if its parents are among them, at values at which it is active.
        """
        if not isinstance(params, Mapping):
            raise SpaceError(f"expected values by the names of parameters, got {shown(params)}")
        if unknown := [n for n in params if n not in self.names]:
            raise SpaceError(f"parameters {unknown} are unknown; there are {list(self.names)}")
        for parameter in self.parameters:
            if parameter.name in params:
                parameter.check(params[parameter.name])
        self._check_active(params)

    def allows(self, params: Params) -> bool:
        """Whether the space allows the parameters: `check` raises no error.

        Example:
            >>> Space([Real("x", 0, 1)]).allows({"x": 2})
            False
        """
        try:
            self.check(params)
        except SpaceError:
            return False
        return True

    def broken(self, params: Params) -> list[str]:
        """The violated bounds and constraints of evaluated parameters, a sentence each."""
        checks = [partial(p.check, params[p.name]) for p in self.parameters if p.name in params]
        found = []
        for check in [*checks, *(partial(one.check, params) for one in self.constraints)]:
            try:
                check()
            except SpaceError as error:
                found.append(str(error))
        return found

    def annotations(self, params: Params) -> dict[str, Value]:
        """Values that are shown to people with the parameters: the columns of a row of a table, otherwise none."""
        found: dict[str, Value] = {}
        for parameter in self.parameters:
            if isinstance(parameter, TableRow):
                found |= parameter.row(params[parameter.name])
        return found

    @property
    def annotation_names(self) -> tuple[str, ...]:
        """The names of the values of `annotations`."""
        tables = [p.table for p in self.parameters if isinstance(p, TableRow) and p.table is not None]
        return tuple(name for table in tables for name in table.columns)

    @classmethod
    def from_table(cls, table: Any, id: str | None = None, descriptors: Sequence[str] | None = None) -> "Space":
        """A space of the rows of a table: `trial.params` has the id of a row, and `annotations` its columns.

        Args:
            table: a data frame of pandas, a row for each candidate.
            id: the column of integers or strings that identify the rows; by default the index of the table.
            descriptors: the columns that measure similarity; by default all columns that vary and are numbers, or text
                of at most 10 categories, which become one number for each category. The other columns are annotations.

        Raises:
            SpaceError: there is no such column, two columns have one name, or there is no descriptor.
            CorpusError: there are fewer than two rows, an id is missing or not unique, or a descriptor is missing,
                infinite, constant, or text of more categories.
        """
        # Imported here: only spaces with a table need pandas and PyTorch.
        from gdopt.space.table import table_of

        name, rows = table_of(table, id, descriptors)
        return cls([TableRow(name, len(rows), rows.sha256, rows)])

    @classmethod
    def from_bounds(cls, bounds: Sequence[Sequence[SupportsFloat]] | Array) -> "Space":
        """A space of `Real` parameters x0, x1, ...

        Args:
            bounds: a (low, high) pair for each parameter, as a list or an array of shape (d, 2); or an array or a
                tensor of shape (2, d), as in BoTorch, with all lower bounds in the first row. An array of shape (2, 2)
                is read such that each lower bound is below its upper bound, and refused if both ways are possible.

        Raises:
            SpaceError: the bounds have none of these shapes, or `Real` refuses them.

        Example:
            >>> Space.from_bounds([(0, 1), (-1, 1)]).names
            ('x0', 'x1')
        """
        return cls([Real(f"x{i}", low, high) for i, (low, high) in enumerate(_pairs(bounds))])


def _all_of(wanted: tuple[Any, str], given: object) -> list[Any]:
    """The items of a list, all of one type."""
    kind, examples = wanted
    things = listed(given)
    wrong = [given] if things is None else [one for one in things if not isinstance(one, kind)]
    if things is None or wrong:
        raise SpaceError(f"a space takes a list of {examples}; got {shown(wrong[0])}")
    return things


def _pairs(bounds: Any) -> list[list[Any]]:
    """The bounds of each parameter."""
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
    """Whether each lower bound is below its upper bound."""
    ends = [(number(low), number(high)) for low, high in pairs]
    return all(low is not None and high is not None and low < high for low, high in ends)


def _check_conditions(parameter: Parameter, before: Sequence[Parameter], names: Sequence[str]) -> None:
    """Raise `SpaceError` unless the parents of a parameter are discrete, are before it and have the given values."""
    for parent, levels in conditions(parameter):
        if parent not in names:
            raise SpaceError(f"{parameter.name}: active_if names {parent!r}, which is unknown; there are {list(names)}")
        found = next((p for p in before if p.name == parent), None)
        if found is None:
            raise SpaceError(f"{parameter.name}: active_if names {parent!r}, which has to stand before it")
        if not isinstance(found, Choice | Integer):
            raise SpaceError(
                f"{parameter.name}: active_if names {parent!r}, which is neither a choice nor a whole number"
            )
        for level in levels:
            try:
                found.check(level)
            except SpaceError as error:
                raise SpaceError(f"{parameter.name}: active_if can never hold, as {error}") from error


# The types of the items of a space, with examples for messages.
PARAMETERS = (Parameter, 'parameters, such as Real("x", 0, 1), Integer("n", 1, 8) or Choice("base", ["A", "B"])')
CONSTRAINTS = (Constraint, 'constraints, such as Constraint({"a": 1, "b": 1}, 1)')


def check_gradient(space: Space, gradient: Mapping[str, float]) -> None:
    """Raise `ResultError` unless the gradient names numeric parameters and is finite."""
    numbers = [p.name for p in space.parameters if isinstance(p, Real | Integer)]
    if unknown := sorted(set(gradient) - set(numbers)):
        raise ResultError(f"gradient names {unknown}; the numeric parameters are {numbers}")
    if bad := {k: v for k, v in gradient.items() if not math.isfinite(v)}:
        raise ResultError(f"gradient must be finite, got {bad}")
