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
    """Codec of the weighted corpus' principal directions that leave at most a share `unexplained` of its variance."""
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
    """Mean, principal directions and standard deviations of the weighted rows.

    The directions leave at most a share `unexplained` of the variance of each column. A share of the total variance
    would lose a numerical parameter that varies little within its bounds, beside choices.
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
    """Factors that scale the weighted standard deviation of each numerical column to 1.

    The factor of a categorical column is 1: equally likely categories already have a standard deviation of 1.
    """
    spread = (weights @ (z - weights @ z / weights.sum()).square() / weights.sum()).sqrt()
    return torch.where(held | (z.amax(0) == z.amin(0)), 1.0, 1 / spread)


def _covariance(unit: Float[Tensor, "n D"], weights: Float[Tensor, " n"]) -> Float[Tensor, "D D"]:
    """Covariance about zero of rows that are scaled by the square roots of their weights.

    If the effective number of rows is not above the number of columns, the covariance is shrunk (Ledoit and Wolf 2004).
    Without shrinkage, only the directions that these few rows span would be searched.
    """
    if effective_size(weights.numpy()) > unit.shape[1]:
        return unit.T @ unit / len(unit)
    return torch.from_numpy(ledoit_wolf(unit.numpy(), assume_centered=True)[0])
