"""Monotone output warps: what a Gaussian process is fitted to instead of the raw values."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from scipy.stats import rankdata
from torch import Tensor

__all__ = ["Warp", "rank_normal", "standardized"]

Warp = Callable[[Tensor], Tensor]


def rank_normal(y: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Normal scores Φ⁻¹((rank - ½)/n), of unit variance; equal values have equal scores.

    Heavy tails and cliffs, as penalties and failures make, lose their leverage; only the order of the values counts.
    """
    ranks = torch.from_numpy(rankdata(y.numpy())).to(y)
    return standardized(torch.special.ndtri((ranks - 0.5) / len(y)))


def standardized(y: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """The values at mean 0 and variance 1; zeros where all are equal."""
    # Divided by the largest first, so that huge values do not overflow when squared.
    size = y.abs().amax()
    unit = y / size if size > 0 else y
    spread = unit.std(correction=0)
    if spread <= torch.finfo(y.dtype).eps:
        return torch.zeros_like(y)
    return (unit - unit.mean()) / spread
