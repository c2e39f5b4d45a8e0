"""What the tests compare with: closed forms by dense linear algebra, and integrals to many digits.

Nothing here calls gdopt. The formulas are those of Guo et al. 2024 (arXiv 2404.14743) in its own variables,
x_t = a x0 + sqrt(h) eps with a = sqrt(abar) and h = 1 - abar; gdopt's are x = x_t/a and sigma = sqrt(h)/a.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import mpmath
import numpy as np
import torch
from scipy.special import ive
from torch import Tensor

ABARS = (0.999, 0.7, 0.3, 0.02)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def f64(values: float | list[float] | list[list[float]]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


def level(abar: float) -> Tensor:
    """The sigma of abar."""
    return torch.tensor(((1 - abar) / abar) ** 0.5, dtype=torch.float64)


@dataclass(frozen=True)
class Gaussian:
    """N(mean, cov), noised: section 4.1 of the closed forms, by dense inverses."""

    mean: Tensor
    cov: Tensor

    def precision(self, abar: float) -> Tensor:
        """P_t = (a^2 Sigma + h I)^-1."""
        eye = torch.eye(len(self.mean), dtype=torch.float64)
        return torch.linalg.inv(abar * self.cov + (1 - abar) * eye)

    def score(self, xt: Tensor, abar: float) -> Tensor:
        """s_t of every row, of the law of x_t."""
        return -(xt - abar**0.5 * self.mean) @ self.precision(abar)

    def clean(self, xt: Tensor, abar: float) -> Tensor:
        """E[x0|x_t] of every row."""
        return self.mean + (xt - abar**0.5 * self.mean) @ self.jacobian(abar).T

    def jacobian(self, abar: float) -> Tensor:
        """dE[x0|x_t]/dx_t = a Sigma P_t."""
        return abar**0.5 * self.cov @ self.precision(abar)

    def left(self, abar: float) -> Tensor:
        """Cov[x0|x_t] = Sigma - a^2 Sigma P_t Sigma."""
        return self.cov - abar * self.cov @ self.precision(abar) @ self.cov

    def given(self, gradient: Tensor, target: float, noise_std: float) -> "Gaussian":
        """The law of x0 given that g'x0 + noise is the target."""
        along = self.cov @ gradient
        total = noise_std**2 + gradient @ along
        shift = along * (target - gradient @ self.mean) / total
        return Gaussian(self.mean + shift, self.cov - torch.outer(along, along) / total)


def gaussian(d: int, seed: int, floor: float = 0.0) -> Gaussian:
    """A random one; no variance is below the floor."""
    root = normal(d, d, seed=seed)
    eye = torch.eye(d, dtype=torch.float64)
    return Gaussian(normal(d, seed=seed + 1), root @ root.T / d + floor * eye)


def orthonormal(rows: int, columns: int, seed: int) -> Tensor:
    basis: Tensor = torch.linalg.qr(normal(rows, columns, seed=seed))[0]
    return basis


@dataclass(frozen=True)
class Mixture:
    """Isotropic Gaussians; moments of x0 given x component by component, for one x."""

    means: Tensor
    weights: Tensor
    scales: Tensor

    def moments(self, x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        """Mean and covariance of x0 given x = x0 + sigma eps."""
        d = len(x)
        logs, centres, lefts = [], [], []
        for mean, weight, scale in zip(self.means, self.weights, self.scales, strict=True):
            total = sigma**2 + scale**2
            law = torch.distributions.Normal(mean, total.sqrt())
            logs.append(weight.log() + law.log_prob(x).sum())
            centres.append(mean + scale**2 / total * (x - mean))
            lefts.append(scale**2 * sigma**2 / total)
        share = torch.softmax(torch.stack(logs), 0)
        mean = sum((s * c for s, c in zip(share, centres, strict=True)), torch.zeros_like(x))
        second = torch.zeros(d, d, dtype=torch.float64)
        for s, centre, left in zip(share, centres, lefts, strict=True):
            gap = centre - mean
            second += s * (torch.outer(gap, gap) + left * torch.eye(d, dtype=torch.float64))
        return mean, second


def mixture(k: int, d: int, seed: int) -> Mixture:
    """A random one whose first component is a point."""
    means, weights = normal(k, d, seed=seed), normal(k, seed=seed + 1).exp()
    scales = 0.3 * normal(k, seed=seed + 2).abs()
    scales[0] = 0
    return Mixture(means, weights / weights.sum(), scales)


DIGITS = 30


def box_moments(x: float, width: float, sigma: float) -> tuple[float, float]:
    """Mean and variance of N(x, sigma^2) truncated to [0, width], by integration to 30 digits."""
    with mpmath.workdps(DIGITS):
        x, width, sigma = mpmath.mpf(x), mpmath.mpf(width), mpmath.mpf(sigma)
        peak = min(max(x, mpmath.mpf(0)), width)
        slope = abs(x - peak) / sigma**2
        scale = 1 / (slope + 1 / sigma)
        ends = {mpmath.mpf(0), peak, width}
        for k in range(8):
            ends |= {min(max(peak + sign * scale * 2**k, 0), width) for sign in (-1, 1)}
        points = sorted(ends)

        def density(v: mpmath.mpf) -> mpmath.mpf:
            return mpmath.exp(-(v - peak) * (v + peak - 2 * x) / (2 * sigma**2))

        mass, first = (mpmath.quad(lambda v, k=k: v**k * density(v), points) for k in (0, 1))
        mean = first / mass
        second = mpmath.quad(lambda v: (v - mean) ** 2 * density(v), points)
        return float(mean), float(second / mass)


def sphere_moments(x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    """Mean and covariance of the von Mises-Fisher law of direction x and kappa = |x|/sigma^2."""
    d, norm = len(x), float(x.norm())
    kappa = norm / sigma**2
    ratio = ive(d / 2, kappa) / ive(d / 2 - 1, kappa)
    along = torch.outer(x, x) / norm**2
    across = torch.eye(d, dtype=torch.float64) - along
    radial = 1 - ratio**2 - (d - 1) * ratio / kappa
    return ratio * x / norm, ratio / kappa * across + radial * along


def jacobian(denoiser: Callable[[Tensor, Tensor], Tensor], x: Tensor, sigma: Tensor) -> Tensor:
    """dD/dx at one point."""
    found: Tensor = torch.autograd.functional.jacobian(lambda v: denoiser(v.unsqueeze(0), sigma)[0], x)
    return found


def affine(function: Callable[[Tensor], Tensor], d: int) -> tuple[Tensor, Tensor]:
    """M and m of an affine function of rows, x to M x + m, from its values at 0 and the unit vectors."""
    at_zero, *at_units = function(torch.cat([torch.zeros(1, d), torch.eye(d)]).double())
    return torch.stack(at_units, 1) - at_zero.unsqueeze(1), at_zero


def cosine_abar(steps: int) -> list[float]:
    """abar_1 ... abar_T of the cosine schedule, beta clipped at 0.999 (Nichol and Dhariwal 2021, eq. 17)."""
    curve = [np.cos((t / steps + 0.008) / 1.008 * np.pi / 2) ** 2 for t in range(steps + 1)]
    abar, found = 1.0, []
    for before, after in pairwise(curve):
        abar *= 1 - min(1 - after / before, 0.999)
        found.append(abar)
    return found


def matern52(a: np.ndarray, b: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The Matern-5/2 kernel of unit variance."""
    r = np.sqrt(5 * (((a[:, None] - b[None]) / lengths) ** 2).sum(-1))
    return (1 + r + r**2 / 3) * np.exp(-r)


def gp_posterior(
    x: np.ndarray, y: np.ndarray, at: np.ndarray, lengths: np.ndarray, constant: float, noise: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the noise-free function at some points (Rasmussen and Williams 2006, eq. 2.23)."""
    cross = matern52(at, x, lengths)
    inverse = np.linalg.inv(matern52(x, x, lengths) + np.diag(noise))
    return constant + cross @ inverse @ (y - constant), matern52(at, at, lengths) - cross @ inverse @ cross.T
