"""The paper's data of nonlinear structure: the unit sphere in 64 dimensions, with a linear reward.

Guo et al. 2024 (arXiv 2404.14743), section 6.1: x = z/|z|, z ~ N(0, I), and f(x) = θ'x.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.bench.problem import Problem
from gdopt.diffusion.closed_form import SphereDenoiser
from gdopt.paper.gradients import exact
from gdopt.paper.moments import GaussianMoments
from gdopt.space.parameters import Real
from gdopt.space.space import Space
from gdopt_problems.designs import PENALTY, named_gradients, rowwise

__all__ = ["Linear", "distance", "draw", "law", "problem", "reward"]

DIMENSIONS = 64
PRETRAINING = 65_536  # designs
BOUND = 1.5  # of each coordinate


def law() -> GaussianMoments:
    """The uniform law on the sphere, in closed form: mean 0, covariance I/64."""
    mean = torch.zeros(DIMENSIONS, dtype=torch.float64)
    return GaussianMoments(SphereDenoiser(), mean, torch.eye(DIMENSIONS, dtype=torch.float64) / DIMENSIONS)


def draw(n: int, generator: torch.Generator) -> Float[Tensor, "n 64"]:
    """n designs."""
    z = torch.randn(n, DIMENSIONS, generator=generator, dtype=torch.float64)
    points: Tensor = z / z.norm(dim=1, keepdim=True)
    return points


def distance(x: Float[Tensor, "n 64"]) -> Float[Tensor, " n"]:
    """The distance of each row from the sphere, | |x| - 1 |: absolute, so that inside and outside do not cancel."""
    gap: Tensor = (x.norm(dim=1) - 1).abs()
    return gap


@dataclass(frozen=True)
class Linear:
    """f(x) = θ'x, |θ| = 1: on the sphere at most 1, at θ."""

    theta: Float[Tensor, " 64"]

    def __call__(self, x: Float[Tensor, "n 64"]) -> Float[Tensor, " n"]:
        """f at each row."""
        return x @ self.theta

    def gradient(self, x: Float[Tensor, "n 64"]) -> Float[Tensor, "n 64"]:
        """θ at each row."""
        return self.theta.expand_as(x)


@cache
def reward(seed: int = 0) -> Linear:
    """A random direction's reward."""
    # Not the corpus' own seed: its first design would be θ, the optimum.
    return Linear(draw(1, torch.Generator().manual_seed(seed + 1))[0])


def problem(seed: int = 0) -> Problem:
    """The problem `unit_ball`: maximize θ'x - 10(|x| - 1)²; 65,536 designs without labels lie on the unit sphere.

    Without the penalty a black box would be best far off the sphere. Its optimum is at |x| = 1 + 1/20.
    """
    f = reward(seed)

    def value(x: Float[Tensor, "n 64"]) -> Float[Tensor, " n"]:
        return f(x) - PENALTY * distance(x).square()

    def corpus() -> np.ndarray:
        return draw(PRETRAINING, torch.Generator().manual_seed(seed)).numpy()

    space = Space([Real(f"x{i}", -BOUND, BOUND) for i in range(DIMENSIONS)])
    return Problem(
        name="unit_ball",
        space=space,
        evaluate=rowwise(space, lambda x: value(torch.from_numpy(x)).numpy()),
        gradient=named_gradients(space, lambda x: exact(value, torch.from_numpy(x)).numpy()),
        direction="maximize",
        corpus=corpus,
        optimum=1 + 1 / (4 * PENALTY),
        best_known=1 + 1 / (4 * PENALTY),
        start=20,
        budget=200,
        batch=20,
        source="Guo et al. 2024, arXiv 2404.14743, section 6.1",
    )
