"""Candidates moved to where a log potential is highest: the modes of the guided law, not draws of it.

Where limits are known sharply, all that is gained lies in a sliver along them, which draws seldom meet.
"""

import warnings
from collections.abc import Callable

import torch
from botorch.acquisition import AcquisitionFunction
from botorch.exceptions.warnings import OptimizationWarning
from botorch.generation.gen import gen_candidates_scipy
from jaxtyping import Bool, Float
from torch import Tensor

from gdopt.codecs.base import Codec
from gdopt.codecs.columns import SQRT_3

__all__ = ["ascend"]

# Rows of z, to a logarithm of how much is gained there.
Potential = Callable[[Tensor], Tensor]
# The best candidates that are moved; iterations of L-BFGS-B at most.
MOVED, ITERATIONS = 16, 50


def ascend(codec: Codec, z: Float[Tensor, "n d"], potential: Potential) -> Float[Tensor, "m d"]:
    """The best of the rows moved to maxima near them, by their real numbers; and the same rounded after a first move.

    In that, whole numbers are moved as if they were real, so that those are found which are worth it only beside other
    real ones. Levels and what is fixed stay. Of a prior's coordinates, all are moved.

    Args:
        codec: of z.
        z: candidates.
        potential: rows of z to the logarithm of what is gained there; differentiable.
    """
    with torch.no_grad():
        best = z[potential(z).argsort(descending=True)[:MOVED]]
    best = codec.encode(codec.decode(best))
    relaxed = codec.encode(codec.decode(_maxima(best, potential, ~codec.inpainting_mask)))
    return torch.cat([_maxima(start, potential, codec.continuous) for start in (best, relaxed)])


def _maxima(start: Float[Tensor, "n d"], potential: Potential, free: Bool[Tensor, " d"]) -> Float[Tensor, "n d"]:
    """Each row at a maximum by its free columns, within the box and the rows' own range beyond it."""
    if not free.any():
        return start
    own = start[:, free]
    with warnings.catch_warnings():
        # Where a line search ends early, what it found by then is taken.
        warnings.simplefilter("ignore", OptimizationWarning)
        found, _ = gen_candidates_scipy(
            own.unsqueeze(1),
            _Potential(start, potential, free),
            own.amin(0).clamp_max(-SQRT_3),
            own.amax(0).clamp_min(SQRT_3),
            options={"maxiter": ITERATIONS},
            # One problem of all rows, whose potentials know them by their places.
            use_parallel_mode=False,
        )
    moved = start.clone()
    moved[:, free] = found.squeeze(1)
    return moved


class _Potential(AcquisitionFunction):
    """A potential of the free columns of rows, as BoTorch's optimizer wants it."""

    def __init__(self, rows: Float[Tensor, "n d"], potential: Potential, free: Bool[Tensor, " d"]) -> None:
        torch.nn.Module.__init__(self)  # the acquisition function's own wants a model
        self._rows, self._potential, self._free = rows, potential, free

    def forward(self, X: Float[Tensor, "n 1 k"]) -> Float[Tensor, " n"]:
        moved = self._rows.clone()
        moved[:, self._free] = X.squeeze(1)
        return self._potential(moved)
