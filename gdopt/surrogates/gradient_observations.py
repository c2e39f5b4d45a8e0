"""Told gradients as values: what a first-order step from a design would give, for a surrogate that learns of values."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.surrogates.outcome_transforms import warped_change

__all__ = ["DIRECTIONS", "stepped"]

# Directions that a step is taken in from each design: along its gradient, and others at right angles, along which the
# value stays as it is. Eight tell as much as all 31 of the airfoils do, at a quarter of the rows.
DIRECTIONS = 8


def stepped(
    z: Float[Tensor, "n d"],
    y: Float[Tensor, " n"],
    warped: Float[Tensor, " n"],
    slopes: Mapping[int, Float[Tensor, " d"]],
    step: float,
    generator: torch.Generator,
) -> tuple[Float[Tensor, "m d"], Float[Tensor, " m"]]:
    """Points a step away from designs whose gradients are known, and the warped values that these foretell there.

    y + step u'g at z + step u, for orthonormal directions u of which the first is along g. The surrogate takes them for
    values with its own noise; so the shorter the step, the less one gradient says, and the more of them are averaged.
    That matters where optima lie on kinks, where the gradient of either side misleads.

    Args:
        z: designs.
        y: their values.
        warped: what a monotone warp made of the values; the change along a slope is warped as a standard error is.
        slopes: gradients of y, by the rows of their designs.
        step: how far, in z.
        generator: of the directions at right angles.
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
