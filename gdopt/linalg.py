"""Principal directions of a covariance matrix."""

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["explaining", "principal_directions"]


def principal_directions(covariance: Float[Tensor, "d d"]) -> tuple[Float[Tensor, " d"], Float[Tensor, "d d"]]:
    """Variances along the principal directions, in descending order, and these directions as columns.

    Rounding errors of the eigenvalues below 0 are cut off.

    Example:
        >>> variances, directions = principal_directions(torch.diag(torch.tensor([1.0, 4.0])))
        >>> variances.tolist()
        [4.0, 1.0]
    """
    values, vectors = torch.linalg.eigh(covariance)
    return values.flip(0).clamp_min(0), vectors.flip(1)


def explaining(variances: Float[Tensor, " d"], unexplained: float) -> int:
    """Number of leading directions that leave at most a share `unexplained` of the total variance.

    Args:
        variances: along the principal directions, in descending order.
        unexplained: the share of the total variance that may be left out, from 0 to 1.

    Example:
        >>> explaining(torch.tensor([8.0, 1.5, 0.5]), 0.1)
        2
    """
    rest = 1 - variances.cumsum(0) / variances.sum()
    return int((rest > unexplained).sum()) + 1
