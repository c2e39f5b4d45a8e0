"""Designs as rows of numbers within bounds: the x of a BoTorch loop."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.codecs.columns import as_array
from gdopt.errors import SettingsError, SpaceError
from gdopt.space.parameters import Integer, Params, Real, conditions
from gdopt.space.space import Space

__all__ = ["Box"]

# Rounding errors may put x outside its bounds by this share of their width.
ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Box:
    """Designs as rows x: a column for each parameter of a space, in its order, scaled linearly to the bounds.

    Args:
        space: of `Real` and `Integer` parameters.
        bounds: lower and upper bounds of x, `2 x d`, as of BoTorch; by default the space's own, so that x are the
            parameters' own values. With 0 and 1, x is in the unit cube.

    Raises:
        SpaceError: the space has a choice, which is no number, or a conditional parameter.
        SettingsError: the bounds are not (2, d) finite numbers of double precision, each lower below its upper bound.

    Example:
        >>> from gdopt import Real
        >>> box = Box(Space([Real("heat", 20, 80)]), torch.tensor([[0.0], [1.0]], dtype=torch.float64))
        >>> box.encode([{"heat": 35.0}]).tolist()
        [[0.25]]
        >>> box.decode(torch.tensor([[0.5]], dtype=torch.float64))
        [{'heat': 50.0}]
    """

    space: Space
    bounds: Tensor

    def __init__(self, space: Space, bounds: Tensor | None = None) -> None:
        if others := [p.name for p in space.parameters if not isinstance(p, Real | Integer)]:
            raise SpaceError(f"{others} are no numbers: rows of numbers need Real and Integer parameters only")
        if conditional := [p.name for p in space.parameters if conditions(p)]:
            raise SpaceError(f"{conditional} are conditional: rows of numbers need parameters that are always active")
        object.__setattr__(self, "space", space)
        object.__setattr__(self, "bounds", self.own if bounds is None else bounds)
        _check_bounds(self.bounds, len(space.parameters))

    @property
    def own(self) -> Float[Tensor, "2 d"]:
        """The bounds of the parameters' own values."""
        ends = [[getattr(p, end) for p in self.space.parameters] for end in ("low", "high")]
        return torch.tensor(ends, dtype=torch.float64)

    def encode(self, params: Sequence[Params]) -> Float[Tensor, "n d"]:
        """The row of each design.

        Raises:
            SpaceError: a design is not in the space.
        """
        for design in params:
            self.space.check(design)
        return self.scaled(as_array(self.space, params))

    def scaled(self, values: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Rows of the parameters' own values, within the space, as x within the bounds."""
        return _rescaled(values, self.own, self.bounds).clamp(*self.bounds)

    def decode(self, x: Tensor) -> list[Params]:
        """The design of each row, with whole numbers rounded: to be measured, or for `Study.add`.

        Raises:
            SettingsError: x is not (n, d) finite numbers of double precision within the bounds.
            SpaceError: a design violates a constraint of the space.
        """
        self._check(x)
        designs = [self._design(row) for row in _rescaled(x, self.bounds, self.own).clamp(*self.own).tolist()]
        for design in designs:
            self.space.check(design)
        return designs

    def _design(self, row: Sequence[float]) -> Params:
        pairs = zip(self.space.parameters, row, strict=True)
        return {p.name: round(value) if isinstance(p, Integer) else value for p, value in pairs}

    def _check(self, x: Tensor) -> None:
        d = len(self.space.parameters)
        if x.ndim != 2 or x.shape[1] != d or x.dtype != torch.float64:
            raise SettingsError(
                f"x is {_kind(x)}: expected torch.float64 of shape (n, {d}), a column for each parameter"
            )
        low, high = self.bounds
        slack = ROUNDING * (high - low)
        inside = (x >= low - slack) & (x <= high + slack)
        if not inside.all():
            row, column = (~inside).nonzero()[0].tolist()
            raise SettingsError(
                f"x[{row}, {column}] = {float(x[row, column]):g} is outside [{float(low[column]):g}, "
                f"{float(high[column]):g}], the bounds of {self.space.names[column]}"
            )


def _check_bounds(bounds: Tensor, d: int) -> None:
    if bounds.shape != (2, d) or bounds.dtype != torch.float64:
        raise SettingsError(
            f"bounds are {_kind(bounds)}: expected torch.float64 of shape (2, {d}), a column for each parameter"
        )
    low, high = bounds
    if not (bounds.isfinite().all() and (low < high).all()):
        raise SettingsError(f"bounds = {bounds.tolist()}: expected finite numbers, each low below its high")


def _kind(given: Tensor) -> str:
    return f"{given.dtype} of shape {tuple(given.shape)}"


def _rescaled(values: Tensor, here: Tensor, there: Tensor) -> Tensor:
    """Values between the bounds `here`, scaled linearly to the bounds `there`."""
    if torch.equal(here, there):
        return values
    (low, high), (first, last) = here, there
    rescaled: Tensor = first + (values - low) / (high - low) * (last - first)
    return rescaled
