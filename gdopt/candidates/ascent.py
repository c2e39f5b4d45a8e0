"""Local ascent: the best candidates moved to local maxima of the expected gain, by L-BFGS-B.

With sharp outcome constraints, the gain lies in a thin region along them, which draws seldom hit.
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

# From rows of z to the logarithm of their expected gain; differentiable.
Potential = Callable[[Tensor], Tensor]
# Number of best candidates that are moved, and the most iterations of L-BFGS-B.
MOVED, ITERATIONS = 16, 50


def ascend(codec: Codec, z: Float[Tensor, "n d"], potential: Potential) -> Float[Tensor, "m d"]:
    """The best rows at local maxima of their real parameters; then the same after a move of whole numbers too.

    In the second move, whole numbers are relaxed and then rounded: it finds whole numbers that are good only with other
    values of the real parameters. Categories and fixed parameters stay. In the coordinates of a prior all columns move.

    Args:
        codec: of z.
        z: the candidates, `n x d`.
        potential: from rows of z to the logarithm of their expected gain; differentiable.
    """
    with torch.no_grad():
        best = z[potential(z).argsort(descending=True)[:MOVED]]
    best = codec.encode(codec.decode(best))
    relaxed = codec.encode(codec.decode(_maxima(best, potential, ~codec.inpainting_mask)))
    return torch.cat([_maxima(start, potential, codec.continuous) for start in (best, relaxed)])


def _maxima(start: Float[Tensor, "n d"], potential: Potential, free: Bool[Tensor, " d"]) -> Float[Tensor, "n d"]:
    """Each row at a local maximum over its free columns, within the box and the rows' own range outside of it."""
    if not free.any():
        return start
    own = start[:, free]
    with warnings.catch_warnings():
        # The best point before a failed line search is a result too.
        warnings.simplefilter("ignore", OptimizationWarning)
        found, _ = gen_candidates_scipy(
            own.unsqueeze(1),
            _Potential(start, potential, free),
            own.amin(0).clamp_max(-SQRT_3),
            own.amax(0).clamp_min(SQRT_3),
            options={"maxiter": ITERATIONS},
            # One problem of all rows: the potential of a row depends on its place.
            use_parallel_mode=False,
        )
    moved = start.clone()
    moved[:, free] = found.squeeze(1)
    return moved


class _Potential(AcquisitionFunction):
    """A potential of the free columns of rows, as an acquisition function for BoTorch's optimizer."""

    def __init__(self, rows: Float[Tensor, "n d"], potential: Potential, free: Bool[Tensor, " d"]) -> None:
        torch.nn.Module.__init__(self)  # AcquisitionFunction.__init__ needs a model
        self._rows, self._potential, self._free = rows, potential, free

    def forward(self, X: Float[Tensor, "n 1 k"]) -> Float[Tensor, " n"]:
        moved = self._rows.clone()
        moved[:, self._free] = X.squeeze(1)
        return self._potential(moved)
