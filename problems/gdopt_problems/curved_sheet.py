"""The problem `curved_sheet`: 48-dimensional designs on a curved sheet of four dimensions, the best outside the data.

The sheet is x = G(u) = A u + a B sin(W u + b) for u in R^4. [A B] is a Haar-random orthonormal matrix of 48 rows, A
has 4 of its columns and B 44; the rows of W are N(0, w^2 I), the entries of b uniform on [0, 2 pi); a = `AMPLITUDE`,
w = `FREQUENCY`. A design's own place is u(x) = A'x, and its offset |x - G(u(x))|: both in closed form, as A'G(u) = u.
The offset is 0 on the sheet and nowhere else, and never less than the distance to the sheet. The value (maximized) is

    f(x) = -|u(x) - u*|^2 - 10 offset(x)^2

so the optimum is 0, at G(u*) alone. The corpus is 4,000 designs G(u), u ~ N(0, I), without values; |u*| = 4 in a random
direction, farther out than all but three in a thousand of them. The best value in the corpus is -2.02.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from jaxtyping import Float
from scipy.stats import ortho_group
from torch import Tensor

from gdopt.bench.problem import Problem
from gdopt.paper.gradients import exact
from gdopt.space.space import Space
from gdopt_problems.designs import PENALTY, named_gradients, rowwise

__all__ = ["Sheet", "offset", "problem", "sheet", "value"]

DIMENSIONS, LATENT = 48, 4
CORPUS = 4000  # designs
AMPLITUDE, FREQUENCY = 0.5, 0.6
FAR = 4.0  # |u*|
BOUND = 4.0  # of each coordinate
SEED = 0


@dataclass(frozen=True)
class Sheet:
    """G and u*.

    Args:
        along: A.
        across: B.
        frequencies: W.
        phases: b.
        best: u*.
    """

    along: Float[Tensor, "48 4"]
    across: Float[Tensor, "48 44"]
    frequencies: Float[Tensor, "44 4"]
    phases: Float[Tensor, " 44"]
    best: Float[Tensor, " 4"]

    def __call__(self, u: Float[Tensor, "n 4"]) -> Float[Tensor, "n 48"]:
        """G at each row."""
        bent = AMPLITUDE * torch.sin(u @ self.frequencies.T + self.phases)
        return u @ self.along.T + bent @ self.across.T


@cache
def sheet() -> Sheet:
    """The one sheet of the problem."""
    generator = torch.Generator().manual_seed(SEED)
    basis = torch.from_numpy(ortho_group.rvs(DIMENSIONS, random_state=SEED))
    across = DIMENSIONS - LATENT
    frequencies = FREQUENCY * torch.randn(across, LATENT, generator=generator, dtype=torch.float64)
    phases = 2 * math.pi * torch.rand(across, generator=generator, dtype=torch.float64)
    direction = torch.randn(LATENT, generator=generator, dtype=torch.float64)
    best = FAR * direction / direction.norm()
    return Sheet(basis[:, :LATENT].contiguous(), basis[:, LATENT:].contiguous(), frequencies, phases, best)


def offset(x: Float[Tensor, "n 48"]) -> Float[Tensor, " n"]:
    """How far each row is from the point of the sheet that has its u."""
    g = sheet()
    length: Tensor = (x - g(x @ g.along)).norm(dim=1)
    return length


def value(x: Float[Tensor, "n 48"]) -> Float[Tensor, " n"]:
    """f at each row."""
    g = sheet()
    u = x @ g.along
    found: Tensor = -((u - g.best) ** 2).sum(dim=1) - PENALTY * ((x - g(u)) ** 2).sum(dim=1)
    return found


def corpus() -> Float[np.ndarray, "4000 48"]:
    """Designs of the sheet."""
    generator = torch.Generator().manual_seed(SEED + 1)
    found: np.ndarray = sheet()(torch.randn(CORPUS, LATENT, generator=generator, dtype=torch.float64)).numpy()
    return found


@cache
def problem() -> Problem:
    """The problem `curved_sheet`."""
    space = Space.from_bounds([(-BOUND, BOUND)] * DIMENSIONS)
    return Problem(
        name="curved_sheet",
        space=space,
        evaluate=rowwise(space, lambda x: value(torch.from_numpy(x)).numpy()),
        direction="maximize",
        gradient=named_gradients(space, lambda x: exact(value, torch.from_numpy(x)).numpy()),
        corpus=corpus,
        optimum=0.0,
        best_known=0.0,
        start=40,
        budget=300,
        batch=20,
        source="own; the sheet and its optimum in closed form",
    )
