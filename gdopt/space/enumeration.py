"""The designs of a space that has no free numbers, one by one."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import product

from gdopt.space import strings
from gdopt.space.constraints import SLACK, Constraint
from gdopt.space.parameters import Choice, Integer, Parameter, Params, Real, Value, conditions
from gdopt.space.space import Space

__all__ = ["Designs", "all_designs", "first_designs"]

# Designs in an order of their own; None stands for a dead end, a choice of values that breaks a constraint.
Designs = Iterator[Params | None]
# Dead ends after which a search is given up: a second's worth of them.
DEAD_ENDS = 100_000


def all_designs(space: Space, given: Params) -> Designs | None:
    """Each design of the space that has the given values, once; None if a free number makes them infinitely many."""
    if any(_infinite(p, space, given) for p in space.parameters):
        return None
    return _beside({}, space.parameters, space, given)


def first_designs(designs: Designs | None, n: int, wanted: Callable[[Params], bool]) -> list[Params] | None:
    """The first n designs that are wanted, or all of them if there are fewer.

    Returns:
        None if the designs are infinitely many, or dead ends are so many that the search was given up.
    """
    if designs is None:
        return None
    found: list[Params] = []
    dead_ends = 0
    while len(found) < n:
        try:
            one = next(designs)
        except StopIteration:
            return found
        if one is None:
            dead_ends += 1
            if dead_ends == DEAD_ENDS:
                return None
        elif wanted(one):
            found.append(one)
    return found


def _infinite(parameter: Parameter, space: Space, given: Params) -> bool:
    """Whether a parameter has infinitely many values in designs with the given values."""
    if parameter.name in given or isinstance(parameter, Choice | Integer | strings.Sequence):
        return False
    return _may_count(parameter, space, given)


def _may_count(parameter: Parameter, space: Space, given: Params) -> bool:
    """Whether a parameter counts beside some values of those that are not given."""
    by_name = {p.name: p for p in space.parameters}
    return all(
        given.get(parent, levels[0]) in levels and _may_count(by_name[parent], space, given)
        for parent, levels in conditions(parameter)
    )


def _beside(params: dict[str, Value], left: Sequence[Parameter], space: Space, given: Params) -> Designs:
    """The designs that begin with these values."""
    if not left:
        yield params if space.allows(params) else None
        return
    parameter, rest = left[0], left[1:]
    if parameter.name not in space.active(params):
        yield from _beside(params, rest, space, given)
        return
    dead_end = True
    for value in _values(parameter, params, space, given):
        dead_end = False
        yield from _beside({**params, parameter.name: value}, rest, space, given)
    if dead_end:
        yield None


def _values(parameter: Parameter, params: Params, space: Space, given: Params) -> Iterator[Value]:
    """The values of a parameter, of a whole number those that the constraints allow beside the values before it."""
    if parameter.name in given:
        yield given[parameter.name]
    elif isinstance(parameter, Choice):
        yield from parameter.categories
    elif isinstance(parameter, Integer):
        yield from _whole(parameter, params, space, given)
    elif isinstance(parameter, strings.Sequence):
        yield from _words(parameter)


def _whole(parameter: Integer, params: Params, space: Space, given: Params) -> range:
    """The whole numbers that leave each constraint satisfiable by values of the parameters after it."""
    ranges = _ranges(params, space, given)
    low, high = float(parameter.low), float(parameter.high)
    for constraint in space.constraints:
        coefficient = dict(constraint.coefficients).get(parameter.name, 0.0)
        others = [(c, *ranges[name]) for name, c in constraint.coefficients if name != parameter.name]
        for sign in (1.0, -1.0) if constraint.equality else (1.0,):
            slope = sign * coefficient
            least = sum(min(sign * c * start, sign * c * end) for c, start, end in others)
            if slope:
                at = (sign * constraint.bound - least + _slack(constraint, ranges)) / slope
                low, high = (low, min(high, at)) if slope > 0 else (max(low, at), high)
    return range(math.ceil(low), math.floor(high) + 1)


def _ranges(params: Params, space: Space, given: Params) -> dict[str, tuple[float, float]]:
    """The least and the greatest value of each number of a constraint, beside these values."""
    known = {**given, **params}
    numbers = {name for constraint in space.constraints for name, _ in constraint.coefficients}
    bounds = {p.name: (float(p.low), float(p.high)) for p in space.parameters if isinstance(p, Integer | Real)}
    return {name: (float(known[name]),) * 2 if name in known else bounds[name] for name in numbers}


def _slack(constraint: Constraint, ranges: dict[str, tuple[float, float]]) -> float:
    """What rounding may exceed a bound by, as `Constraint.check` has it."""
    return SLACK * (abs(constraint.bound) + sum(abs(c) * max(map(abs, ranges[n])) for n, c in constraint.coefficients))


def _words(parameter: strings.Sequence) -> Iterator[str]:
    """The sequences that have the fixed letters; forbidden motifs are left to `Space.allows`."""
    fixed = dict(parameter.fixed)
    for length in range(parameter.shortest, parameter.longest + 1):
        yield from map("".join, product(*(fixed.get(at, parameter.alphabet) for at in range(length))))
