"""The paper's simulated data: x = Au on a linear subspace, with a quadratic and a distance reward.

Guo et al. 2024 (arXiv 2404.14743), section 6.1: D = 64, d = 16, A of orthonormal columns. Here A is Haar-random from a
seed, and the latent u is N(0, I) or a mixture of five Gaussians, so that a linear score is not enough.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import brentq
from scipy.stats import ortho_group
from torch import Tensor

from gdopt.bench.problem import Problem
from gdopt.diffusion.closed_form import MixtureDenoiser
from gdopt.paper.gradients import exact
from gdopt.paper.moments import GaussianMoments, gaussian, on_subspace
from gdopt.space.parameters import Real
from gdopt.space.space import Space
from gdopt_problems.designs import PENALTY, named_gradients, rowwise

__all__ = [
    "Distance",
    "Parabola",
    "Reward",
    "Subspace",
    "off_support",
    "optimum",
    "problem",
    "regularized_optimum",
    "rewards",
]

DIMENSIONS, LATENT = 64, 16
PRETRAINING = 65_536  # designs
BOUND = 40.0  # of each coordinate; the optimum of f1/theta_2 on the subspace is 27 from the origin
OFF_TO_ON = 9.0  # of theta_2
PEAK, TOP = 3.0, 10.0  # of f1
HEIGHT, SLOPE = 5.0, 0.5  # of f2
COMPONENTS, BETWEEN, WITHIN = 5, 0.8, 0.6  # of the mixture: their number, standard deviations of centres and about them


# --- the data ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Subspace:
    """The law of x = Au.

    Args:
        basis: A.
        law: of x, in closed form.
        draw: n designs by a generator.
    """

    basis: Float[Tensor, "D d"]
    law: GaussianMoments
    draw: Callable[[int, torch.Generator], Tensor]


@cache
def subspace(latent: str = "gaussian", seed: int = 0) -> Subspace:
    """The data with a "gaussian" or a "mixture" latent."""
    generator = torch.Generator().manual_seed(seed)
    haar = ortho_group.rvs(DIMENSIONS, random_state=seed)
    basis = torch.from_numpy(haar[:LATENT].T.copy())
    if latent == "gaussian":
        law = gaussian(torch.zeros(LATENT, dtype=torch.float64), torch.eye(LATENT, dtype=torch.float64))
        return Subspace(basis, on_subspace(law, basis), lambda n, g: _normal(n, g) @ basis.T)
    centres = BETWEEN * _normal(COMPONENTS, generator)

    def draw(n: int, generator: torch.Generator) -> Tensor:
        rows = torch.randint(COMPONENTS, (n,), generator=generator)
        return (centres[rows] + WITHIN * _normal(n, generator)) @ basis.T

    return Subspace(basis, on_subspace(_mixture(centres), basis), draw)


def _mixture(centres: Float[Tensor, "k d"]) -> GaussianMoments:
    """The mixture's denoiser, mean and covariance."""
    mean = centres.mean(0)
    cov = torch.cov(centres.T, correction=0) + WITHIN**2 * torch.eye(centres.shape[1], dtype=centres.dtype)
    equal = torch.ones(len(centres), dtype=centres.dtype)
    return GaussianMoments(MixtureDenoiser(centres, equal / len(centres), WITHIN * equal), mean, cov)


def _normal(n: int, generator: torch.Generator) -> Float[Tensor, "n d"]:
    return torch.randn(n, LATENT, generator=generator, dtype=torch.float64)


def off_support(x: Float[Tensor, "n D"], basis: Float[Tensor, "D d"]) -> Float[Tensor, " n"]:
    """The length of each row off the subspace, over its length on it: the paper's measure of broken structure."""
    on = x @ basis
    ratio: Tensor = (x - on @ basis.T).norm(dim=1) / on.norm(dim=1)
    return ratio


# --- the rewards -------------------------------------------------------------------------------------


@runtime_checkable
class Reward(Protocol):
    """A concave function of the rows of x."""

    def __call__(self, x: Float[Tensor, "n D"]) -> Float[Tensor, " n"]:
        """f at each row."""
        ...

    def gradient(self, x: Float[Tensor, "n D"]) -> Float[Tensor, "n D"]:
        """∇f at each row, exact."""
        ...

    def smoothness(self, law: GaussianMoments, basis: Float[Tensor, "D d"]) -> float:
        """L: the largest curvature of f on the subspace, in the metric of Σ⁻¹."""
        ...


@dataclass(frozen=True)
class Parabola:
    """f1(x) = 10 - (θ'x - 3)²."""

    theta: Float[Tensor, " D"]

    def __call__(self, x: Float[Tensor, "n D"]) -> Float[Tensor, " n"]:
        """f1 at each row."""
        return TOP - (x @ self.theta - PEAK).square()

    def gradient(self, x: Float[Tensor, "n D"]) -> Float[Tensor, "n D"]:
        """-2(θ'x - 3)θ."""
        return -2 * (x @ self.theta - PEAK).unsqueeze(1) * self.theta

    def smoothness(self, law: GaussianMoments, basis: Float[Tensor, "D d"]) -> float:
        """2 θ'Σθ."""
        return float(2 * self.theta @ law.cov @ self.theta)


@dataclass(frozen=True)
class Distance:
    """f2(x) = 5 - |x - b|/2."""

    b: Float[Tensor, " D"]

    def __call__(self, x: Float[Tensor, "n D"]) -> Float[Tensor, " n"]:
        """f2 at each row."""
        value: Tensor = HEIGHT - SLOPE * (x - self.b).norm(dim=1)
        return value

    def gradient(self, x: Float[Tensor, "n D"]) -> Float[Tensor, "n D"]:
        """(b - x)/(2|b - x|)."""
        gap = self.b - x
        gradient: Tensor = SLOPE * gap / gap.norm(dim=1, keepdim=True)
        return gradient

    def smoothness(self, law: GaussianMoments, basis: Float[Tensor, "D d"]) -> float:
        """Σ's largest eigenvalue over 2|b_off|: on the subspace nothing is nearer to b than b_off is long."""
        return SLOPE * law.spread**2 / float((self.b - basis @ (basis.T @ self.b)).norm())


@cache
def rewards(latent: str = "gaussian", seed: int = 0) -> dict[str, Parabola | Distance]:
    """The four: "f1_theta1" (θ on the subspace), "f1_theta2" (nine times as long off it), "f2_b1" and "f2_b2".

    θ is of length 1; b_1 = 4·1, b_2 ~ N(4, 9 I).
    """
    basis = subspace(latent, seed).basis
    generator = torch.Generator().manual_seed(seed + 1)
    on = basis @ torch.randn(LATENT, generator=generator, dtype=torch.float64)
    free = torch.randn(DIMENSIONS, generator=generator, dtype=torch.float64)
    off = free - basis @ (basis.T @ free)
    oblique = on / on.norm() + OFF_TO_ON * off / off.norm()
    b2 = 4 + 3 * torch.randn(DIMENSIONS, generator=generator, dtype=torch.float64)
    return {
        "f1_theta1": Parabola(on / on.norm()),
        "f1_theta2": Parabola(oblique / oblique.norm()),
        "f2_b1": Distance(torch.full((DIMENSIONS,), 4.0, dtype=torch.float64)),
        "f2_b2": Distance(b2),
    }


# --- what there is to be found -----------------------------------------------------------------------


def optimum(reward: Parabola | Distance, basis: Float[Tensor, "D d"]) -> Float[Tensor, " D"]:
    """The nearest maximizer to the origin on the subspace: the goal of Algorithm 2."""
    if isinstance(reward, Distance):
        return basis @ (basis.T @ reward.b)
    on = basis @ (basis.T @ reward.theta)
    return on * (PEAK / (on @ on))


def regularized_optimum(reward: Parabola | Distance, law: GaussianMoments, strength: float) -> Float[Tensor, " D"]:
    """argmax f(x) - λ/2 |x - μ|²_{Σ⁻¹} over the law's support: the goal of Algorithm 1 (Theorem 2).

    x - μ = Σ∇f(x)/λ. For f1 it is linear in θ'x; for f2 in x, given |x - b|, which is found by bisection.
    """
    if isinstance(reward, Parabola):
        along = law.cov @ reward.theta
        variance = float(reward.theta @ along)
        u = (strength * float(reward.theta @ law.mean) + 2 * PEAK * variance) / (strength + 2 * variance)
        return law.mean + along * (2 * (PEAK - u) / strength)
    values, vectors = torch.linalg.eigh(law.cov)
    gap = vectors.T @ (reward.b - law.mean)

    def at(radius: float) -> Float[Tensor, " D"]:
        pull = values.clamp_min(0) * (SLOPE / (radius * strength))
        point: Tensor = law.mean + vectors @ (pull / (1 + pull) * gap)
        return point

    def excess(radius: float) -> float:
        return float((at(radius) - reward.b).norm()) - radius

    far = float(gap.norm())
    return at(brentq(excess, 1e-9 * far, 2 * far, xtol=1e-13))


# --- as a benchmark problem --------------------------------------------------------------------------


def problem(reward: str = "f1_theta2", latent: str = "gaussian", seed: int = 0) -> Problem:
    """The problem `linear_subspace`: maximize f(x) - 10|x_off|²; 65,536 designs without labels lie on the subspace.

    Without the penalty a black box would be best off the subspace. The optimum of f1 is 10, that of f2 where the
    penalty's slope is that of the distance: SLOPE²/(4·10) above f2's on the subspace.
    """
    data, f = subspace(latent, seed), rewards(latent, seed)[reward]

    def value(x: Float[Tensor, "n D"]) -> Float[Tensor, " n"]:
        off: Tensor = x - x @ data.basis @ data.basis.T
        return f(x) - PENALTY * off.square().sum(1)

    def corpus() -> np.ndarray:
        return data.draw(PRETRAINING, torch.Generator().manual_seed(seed)).numpy()

    space = Space([Real(f"x{i}", -BOUND, BOUND) for i in range(DIMENSIONS)])
    best = float(f(optimum(f, data.basis).unsqueeze(0)))
    if isinstance(f, Distance):
        best += SLOPE**2 / (4 * PENALTY)
    return Problem(
        name="linear_subspace",
        space=space,
        evaluate=rowwise(space, lambda x: value(torch.from_numpy(x)).numpy()),
        gradient=named_gradients(space, lambda x: exact(value, torch.from_numpy(x)).numpy()),
        direction="maximize",
        corpus=corpus,
        optimum=best,
        best_known=best,
        start=20,
        budget=200,
        batch=20,
        source="Guo et al. 2024, arXiv 2404.14743, section 6.1",
    )
