"""Monotone transforms of outcomes, before a Gaussian process is fitted to them."""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.stats import rankdata, yeojohnson
from torch import Tensor

__all__ = [
    "MOST_SEM",
    "OutcomeTransform",
    "bilog",
    "power",
    "rank_normal",
    "standardized",
    "warped_change",
    "warped_sem",
]

OutcomeTransform = Callable[[Tensor], Tensor]


def rank_normal(y: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Normal scores Φ⁻¹((rank - ½)/n), of unit variance; equal values have equal scores.

    Heavy tails and cliffs, as of penalties, have no leverage: only the order of the values matters.

    Example:
        >>> rank_normal(torch.tensor([1.0, 10.0, 1000.0]).double()).round(decimals=2).tolist()
        [-1.22, 0.0, 1.22]
    """
    ranks = torch.from_numpy(rankdata(y.numpy())).to(y)
    return standardized(torch.special.ndtri((ranks - 0.5) / len(y)))


def power(y: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """A power of each value's gap to the best (Yeo and Johnson 2000) at mean 0 and variance 1; smooth, unlike ranks.

    The gaps are in units of their median, and the power has the highest likelihood of normal values (scipy), so that a
    shift and a positive factor of the values change nothing. If half of the values or more equal the best, ranks are
    used.
    """
    # Halved, so that differences of huge values do not overflow.
    gap = y.amax() / 2 - y / 2
    unit = gap.median()
    if unit <= gap.amax() * torch.finfo(y.dtype).eps:
        return rank_normal(y)
    transformed, _ = yeojohnson((-gap / unit).numpy())
    return standardized(torch.from_numpy(transformed))


def bilog(y: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """sign(y) log(1 + |y|/u), with u the mean of |y|, divided by its root mean square; 0 stays 0.

    For outcomes with a constraint at 0 (Eriksson and Poloczek 2021, "SCBO"): values far from 0 lose their leverage. The
    unit is not the median: proposals accumulate at the constraint, and their small values would be stretched.
    """
    size = y.abs()
    unit = size.mean()
    if unit == 0:
        return y
    found = y.sign() * torch.log1p(size / unit)
    return found / found.square().mean().sqrt()


def standardized(y: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """The values at mean 0 and variance 1; zeros where all are equal."""
    # Divided by the largest first, so that huge values do not overflow when squared.
    size = y.abs().amax()
    unit = y / size if size > 0 else y
    spread = unit.std(correction=0)
    if spread <= torch.finfo(y.dtype).eps:
        return torch.zeros_like(y)
    return (unit - unit.mean()) / spread


# The largest standard error or change, in standard deviations of the transformed values: then nothing is known.
MOST_SEM = 10.0


def warped_sem(y: Float[Tensor, " n"], warped: Float[Tensor, " n"], sem: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """The standard errors of transformed values, by the slope of the transform over the error; see `warped_change`."""
    return warped_change(y, warped, torch.arange(len(y)), sem)


def warped_change(
    y: Float[Tensor, " n"], warped: Float[Tensor, " n"], rows: Int[Tensor, " m"], change: Float[Tensor, " m"]
) -> Float[Tensor, " m"]:
    """Changes of some values in units of the transformed values: the change times the mean slope over its range.

    c (w(b) - w(a)) / (b - a), with w the piecewise linear interpolation of the transformed values, and a and b the ends
    of y ± c within the range of the values. A transform by ranks has no derivative, but a mean slope over a range,
    which is steep where values are dense. The result is exact for a linear transform.

    Args:
        y: the values.
        warped: the monotonically transformed values.
        rows: of the values that change.
        change: the size of each change, 0 or more.
    """
    # Halved, so that differences of huge values do not overflow.
    knots, first = np.unique(y.numpy() / 2, return_index=True)
    low = ((y[rows] - change) / 2).clamp_min(knots[0])
    high = ((y[rows] + change) / 2).clamp_max(knots[-1])
    at_low, at_high = (np.interp(end.numpy(), knots, warped.numpy()[first]) for end in (low, high))
    reach = 2 * (high - low)
    slope = torch.where(reach > 0, torch.from_numpy(at_high - at_low) / reach, 0.0)
    # By rounding, a rise of 0 can be a fall of 1e-16.
    return (slope * change).clamp(0.0, MOST_SEM)
