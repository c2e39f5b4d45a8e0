"""Points of the box [-√3, √3]^d: a scrambled Sobol sequence, and uniform draws."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.quasirandom import SobolEngine

from gdopt.codecs.columns import SQRT_3

__all__ = ["sobol_points", "uniform_points"]


def sobol_points(dim: int, seed: int, skip: int, n: int) -> Float[Tensor, "n d"]:
    """n points of a scrambled Sobol sequence after the first `skip`; random beyond `SobolEngine.MAXDIM`."""
    if dim > SobolEngine.MAXDIM:
        generator = torch.Generator().manual_seed(seed)
        unit = torch.rand(skip + n, dim, generator=generator, dtype=torch.float64)[skip:]
    else:
        engine = SobolEngine(dim, scramble=True, seed=seed)
        unit = engine.fast_forward(skip).draw(n, dtype=torch.float64)
    return SQRT_3 * (2 * unit - 1)


def uniform_points(dim: int, n: int, generator: torch.Generator) -> Float[Tensor, "n d"]:
    """n draws of the uniform distribution on [-√3, √3]^dim."""
    return SQRT_3 * (2 * torch.rand(n, dim, generator=generator, dtype=torch.float64) - 1)
