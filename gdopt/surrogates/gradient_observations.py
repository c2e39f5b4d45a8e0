"""Reported gradients as pseudo-observations: first-order predictions of values a step away from their designs."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.surrogates.outcome_transforms import warped_change

__all__ = ["DIRECTIONS", "stepped"]

# Directions of steps from each design: along its gradient, and orthogonal ones, along which the predicted value is the
# same. Eight directions are as good as all 31 of the airfoils, with a quarter of the rows.
DIRECTIONS = 8


def stepped(
    z: Float[Tensor, "n d"],
    y: Float[Tensor, " n"],
    warped: Float[Tensor, " n"],
    slopes: Mapping[int, Float[Tensor, " d"]],
    step: float,
    generator: torch.Generator,
) -> tuple[Float[Tensor, "m d"], Float[Tensor, " m"]]:
    """Points a step away from designs with gradients, `m x d`, and the predicted transformed values there.

    The value is y + step u'g at z + step u, for orthonormal directions u, the first one along g. The surrogate adds
    its own
    noise; the shorter the step, the less one gradient determines, and the more gradients are averaged. This matters for
    optima on kinks, where the gradient of either side misleads.

    Args:
        z: designs.
        y: their values.
        warped: the transformed values; the change along a gradient is transformed like a standard error.
        slopes: gradients of y, by the rows of their designs.
        step: length, in z.
        generator: of the orthogonal directions.
    """
    d = z.shape[1]
    points, changes = [], []
    for row, slope in slopes.items():
        others = torch.randn(d, min(DIRECTIONS, d) - 1, generator=generator, dtype=torch.float64)
        along, _ = torch.linalg.qr(torch.cat([slope.unsqueeze(1), others], 1))
        points.append(z[row] + step * along.T)
        changes.append(step * (along.T @ slope))
    change = torch.cat(changes)
    at = torch.tensor(list(slopes)).repeat_interleave(len(change) // len(slopes))
    return torch.cat(points), warped[at] + change.sign() * warped_change(y, warped, at, change.abs())
