"""Gradients of the objective that are not a model's: exact ones, and finite differences."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from sklearn.linear_model import BayesianRidge
from torch import Tensor

__all__ = ["exact", "finite_differences", "local_linear"]


def exact(objective: Callable[[Tensor], Tensor], z: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """∇f at each row, of a differentiable f: (n, d) to (n)."""
    at = z.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(objective(at).sum(), at)
    return gradient


# Central differences balance truncation (step²) and rounding (eps/step) at the cube root of eps.
STEP = torch.finfo(torch.float64).eps ** (1 / 3)


def finite_differences(
    objective: Callable[[Tensor], Tensor], z: Float[Tensor, " d"], step: float = STEP
) -> Float[Tensor, " d"]:
    """∇f at a point by central differences: 2d values of f, asked for in one batch of (2d, d).

    Args:
        objective: (n, d) to (n); need not be differentiable.
        z: the point.
        step: half the distance between the two values of a difference; larger for a noisy f.
    """
    steps = step * torch.eye(len(z), dtype=z.dtype)
    ahead, behind = objective(torch.cat([z + steps, z - steps])).chunk(2)
    return (ahead - behind) / (2 * step)


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
