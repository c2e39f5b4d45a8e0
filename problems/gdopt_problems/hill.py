"""A quadratic hill in eight dimensions, its top off the centre: for tests and examples."""

from collections.abc import Sequence
from functools import cache

from gdopt.bench.problem import Problem
from gdopt.space.parameters import Params, Real
from gdopt.space.space import Space

__all__ = ["problem"]

DIMENSIONS = 8
LOW, HIGH, TOP = -1.0, 1.0, 0.6


@cache
def problem() -> Problem:
    """The problem `hill`: maximize minus the squared distance to (0.6, ..., 0.6) on [-1, 1]^8."""
    return Problem(
        name="hill",
        space=Space([Real(f"x{i}", LOW, HIGH) for i in range(DIMENSIONS)]),
        evaluate=evaluate,
        direction="maximize",
        best_known=0.0,
        optimum=0.0,
        source="made for gdopt's tests and examples",
    )


def evaluate(batch: Sequence[Params]) -> list[float]:
    """The height of the hill at each design: `-sum((x_i - 0.6)^2)`."""
    space = problem().space
    return [height(params, space) for params in batch]


def height(params: Params, space: Space) -> float:
    """The height of the hill at one design, which must lie in the space."""
    space.check(params)
    return sum(-((float(params[name]) - TOP) ** 2) for name in space.names)
