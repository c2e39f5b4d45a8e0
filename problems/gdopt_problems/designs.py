"""Designs as rows of numbers, and the values of designs that break a constraint."""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from gdopt.space.parameters import Params
from gdopt.space.space import Space

__all__ = ["PENALTY", "checked", "deb", "matrix", "named_gradients", "rowwise"]

Array = np.ndarray


def checked(space: Space, batch: Sequence[Params]) -> Sequence[Params]:
    """The batch, all of whose designs are in the space."""
    for params in batch:
        space.check(params)
    return batch


def matrix(space: Space, batch: Sequence[Params]) -> Float[Array, "n d"]:
    """One design a row, in the order of the space, which must have numbers only and hold every design."""
    rows = [[float(params[name]) for name in space.names] for params in checked(space, batch)]
    return np.array(rows, dtype=float).reshape(len(batch), len(space.names))


def rowwise(
    space: Space, f: Callable[[Float[Array, "n d"]], Float[Array, " n"]]
) -> Callable[[Sequence[Params]], list[float]]:
    """The function of a batch of parameters that f is on rows."""

    def values(batch: Sequence[Params]) -> list[float]:
        found: list[float] = f(matrix(space, batch)).tolist() if batch else []
        return found

    return values


def named_gradients(
    space: Space, slopes: Callable[[Float[Array, "n d"]], Float[Array, "n d"]]
) -> Callable[[Sequence[Params]], list[dict[str, float]]]:
    """The gradients of a batch of parameters by name, of a function whose gradients at rows are `slopes`."""

    def gradient(batch: Sequence[Params]) -> list[dict[str, float]]:
        return [dict(zip(space.names, row, strict=True)) for row in slopes(matrix(space, batch)).tolist()]

    return gradient


# A design that is off the data's support is worth less by so much times its squared distance: enough that the best is
# within 0.05 of the support wherever the reward rises by at most 1 off it.
PENALTY = 10.0


def deb(value: Float[Array, " n"], violation: Float[Array, " n"], worst: float, per_unit: float) -> Float[Array, " n"]:
    """The value where nothing is violated, elsewhere `worst + per_unit * violation`.

    Deb's rule (Comput. Methods Appl. Mech. Eng. 186, 2000): any feasible design is better than any infeasible one,
    and of two infeasible ones the less so is better. `worst` is at least as bad as every feasible value; `per_unit`
    is negative where the value is maximized.
    """
    return np.where(violation > 0, worst + per_unit * violation, value)
