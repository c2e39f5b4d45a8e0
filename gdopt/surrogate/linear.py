"""The slope of a black box about a point, from values near it: the cheapest surrogate of a gradient."""

import torch
from jaxtyping import Float
from sklearn.linear_model import BayesianRidge
from torch import Tensor

__all__ = ["local_linear"]

# Values that count, for each unknown of the plane: with twice as many, noise averages out and the data stay local.
PER_UNKNOWN = 2


def local_linear(
    z: Float[Tensor, "n d"], y: Float[Tensor, " n"], at: Float[Tensor, " d"], nearest: int | None = None
) -> Float[Tensor, " d"]:
    """The gradient at a point of a plane through the values nearest to it, by Bayesian ridge regression.

    Args:
        z: where values are known.
        y: the values.
        at: the point.
        nearest: how many values the plane is fitted to; 2(d + 1) by default.
    """
    n = PER_UNKNOWN * (z.shape[1] + 1) if nearest is None else nearest
    rows = (z - at).norm(dim=1).argsort()[:n]
    plane = BayesianRidge().fit((z[rows] - at).numpy(), y[rows].numpy())
    return torch.from_numpy(plane.coef_).to(z)
