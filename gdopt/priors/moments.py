"""Means, covariances and principal directions of a corpus."""

import torch
from jaxtyping import Bool, Float
from sklearn.covariance import ledoit_wolf
from torch import Tensor

from gdopt.codecs.whitening import WhiteningCodec
from gdopt.linalg import explaining, principal_directions
from gdopt.priors.weights import effective_size
from gdopt.space.space import Space

__all__ = ["moments_of", "unit_of", "whitening_codec"]


def whitening_codec(
    rows: Float[Tensor, "n D"], weights: Float[Tensor, " n"], space: Space, commensurate: bool, unexplained: float
) -> WhiteningCodec:
    """The principal directions of the weighted corpus that carry all but a share `unexplained` of its variance."""
    mass = weights.unsqueeze(1)
    mean = (mass * rows).mean(0)
    # Rounding must not make a constant column vary.
    varies = rows.amax(0) > rows.amin(0)
    spread = varies * (mass * (rows - mean).square()).mean(0).sqrt()
    scale = torch.full_like(mean, float(spread.square().mean().sqrt()))
    if not commensurate:
        scale = torch.where(varies, spread, scale)
    # Rows times the root of their weight have the weighted covariance.
    unit = mass.sqrt() * (rows - mean) / scale
    values, vectors = principal_directions(_covariance(unit, weights) * torch.outer(varies, varies))
    keep = explaining(values, unexplained)
    # Contiguous, as a loaded one is: the rounding of a product depends on it.
    return WhiteningCodec(space, mean, vectors[:, :keep].contiguous(), values[:keep].sqrt(), scale)


def moments_of(
    z: Float[Tensor, "n d"], weights: Float[Tensor, " n"], unexplained: float
) -> tuple[Float[Tensor, " d"], Float[Tensor, "d r"], Float[Tensor, " r"]]:
    """The mean of the weighted rows, and the directions that carry all but a share `unexplained` of every column.

    Of every column, and not of all together: beside choices, a number that varies little in its bounds would be lost.
    """
    mass = weights.unsqueeze(1)
    mean = (mass * z).mean(0)
    varies = z.amax(0) > z.amin(0)
    spread = varies * (mass * (z - mean).square()).mean(0).sqrt()
    unit = mass.sqrt() * (z - mean) / torch.where(varies, spread, 1.0)
    cov = _covariance(unit, weights) * torch.outer(spread, spread)
    values, vectors = principal_directions(cov)
    rest = 1 - (vectors.square() * values).cumsum(1)[varies] / cov.diagonal()[varies].unsqueeze(1)
    keep = int((rest.amax(0) > unexplained).sum()) + 1
    return mean.float(), vectors[:, :keep].float().contiguous(), values[:keep].sqrt().float()


def unit_of(z: Float[Tensor, "n d"], weights: Float[Tensor, " n"], held: Bool[Tensor, " d"]) -> Float[Tensor, " d"]:
    """What makes the weighted spread of each number 1; of levels, where equally likely ones have it already, 1."""
    spread = (weights @ (z - weights @ z / weights.sum()).square() / weights.sum()).sqrt()
    return torch.where(held | (z.amax(0) == z.amin(0)), 1.0, 1 / spread)


def _covariance(unit: Float[Tensor, "n D"], weights: Float[Tensor, " n"]) -> Float[Tensor, "D D"]:
    """The covariance of rows about zero that are scaled by the roots of their weights.

    With no more rows than columns it is shrunk (Ledoit and Wolf 2004), or else the directions that few rows happen to
    span would be all that is ever searched.
    """
    if effective_size(weights.numpy()) > unit.shape[1]:
        return unit.T @ unit / len(unit)
    return torch.from_numpy(ledoit_wolf(unit.numpy(), assume_centered=True)[0])
