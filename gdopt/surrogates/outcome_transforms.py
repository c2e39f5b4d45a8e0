"""Monotone output warps: what a Gaussian process is fitted to instead of the raw values."""

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

    Heavy tails and cliffs, as penalties and failures make, lose their leverage; only the order of the values counts.
    """
    ranks = torch.from_numpy(rankdata(y.numpy())).to(y)
    return standardized(torch.special.ndtri((ranks - 0.5) / len(y)))


def power(y: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """A power of each value's gap to the best (Yeo and Johnson 2000) at mean 0 and variance 1; smooth, unlike ranks.

    The gaps are in units of their median, and the power is the likeliest for normal values (scipy), so that a shift and
    a factor of the values change nothing. Where half of the values or more are the best one, ranks decide.
    """
    # Halved, so that differences of huge values do not overflow.
    gap = y.amax() / 2 - y / 2
    unit = gap.median()
    if unit <= gap.amax() * torch.finfo(y.dtype).eps:
        return rank_normal(y)
    transformed, _ = yeojohnson((-gap / unit).numpy())
    return standardized(torch.from_numpy(transformed))


def bilog(y: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """sign(y) log(1 + |y|/u), u the mean of |y|, in units of its own root mean square; 0 stays where it is.

    For outcomes that have a limit at 0 (Eriksson and Poloczek 2021, "SCBO"): what is far from it loses its leverage.
    Not the median: proposals gather at the limit, and what is near it would be stretched the more of them there are.
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


# In spreads of the warped values: an error, or a change, of so many says that nothing is known there.
MOST_SEM = 10.0


def warped_sem(y: Float[Tensor, " n"], warped: Float[Tensor, " n"], sem: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """The standard errors of warped values, by the warp's slope over the errors' own reach; see `warped_change`."""
    return warped_change(y, warped, torch.arange(len(y)), sem)


def warped_change(
    y: Float[Tensor, " n"], warped: Float[Tensor, " n"], rows: Int[Tensor, " m"], change: Float[Tensor, " m"]
) -> Float[Tensor, " m"]:
    """What changes of some of the values are of the warped ones: the change times the warp's slope over its reach.

    c (w(b) - w(a)) / (b - a), with w the piecewise linear line through the warped values, and a and b the ends of
    y ± c as far as there are values. A warp by ranks has no derivative; over a reach it has a slope, steep
    where values stand close. It is exact for a linear warp.

    Args:
        y: the values.
        warped: what a monotone warp made of them.
        rows: which values change.
        change: the size of each change, 0 or more.
    """
    # Halved, so that differences of huge values do not overflow.
    knots, first = np.unique(y.numpy() / 2, return_index=True)
    low = ((y[rows] - change) / 2).clamp_min(knots[0])
    high = ((y[rows] + change) / 2).clamp_max(knots[-1])
    at_low, at_high = (np.interp(end.numpy(), knots, warped.numpy()[first]) for end in (low, high))
    reach = 2 * (high - low)
    slope = torch.where(reach > 0, torch.from_numpy(at_high - at_low) / reach, 0.0)
    # Interpolation rounds, so that a rise of nothing can be a fall of 1e-16.
    return (slope * change).clamp(0.0, MOST_SEM)
