"""Noise levels: which to step through when sampling, and which to train on."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["cosine", "exponential", "karras", "log_normal", "variance_preserving"]


def karras(steps: int, sigma_min: float = 0.005, sigma_max: float = 60.0, rho: float = 7.0) -> Float[Tensor, " levels"]:
    """Decreasing levels that crowd at small noise, and a last 0 (Karras et al. 2022, eq. 5)."""
    ramp = torch.linspace(0, 1, steps, dtype=torch.float64)
    low, high = sigma_min ** (1 / rho), sigma_max ** (1 / rho)
    return _ending_in_zero((high + ramp * (low - high)) ** rho)


def exponential(steps: int, sigma_min: float = 0.005, sigma_max: float = 60.0) -> Float[Tensor, " levels"]:
    """Decreasing levels of equal ratio, and a last 0: equal steps for DPM-Solver++ (Lu et al. 2022)."""
    ends = math.log(sigma_max), math.log(sigma_min)
    return _ending_in_zero(torch.linspace(*ends, steps, dtype=torch.float64).exp())


def variance_preserving(alpha_bar: Float[Tensor, " steps"]) -> Float[Tensor, " levels"]:
    """The levels σ = √((1-ᾱ)/ᾱ) of a DDPM schedule ᾱ_1 > ... > ᾱ_T, from the noisiest, and a last 0."""
    return _ending_in_zero(((1 - alpha_bar) / alpha_bar).sqrt().flip(0))


def cosine(steps: int, offset: float = 0.008) -> Float[Tensor, " levels"]:
    """The cosine schedule of Nichol and Dhariwal (2021, eq. 17), its β clipped; the paper's code has 200 steps."""
    t = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    curve = torch.cos((t + offset) / (1 + offset) * math.pi / 2).square()
    beta = (1 - curve[1:] / curve[:-1]).clamp(0, 0.999)
    return variance_preserving((1 - beta).cumprod(0))


# Karras et al. 2022, Table 1: P_mean = -1.2, P_std = 1.2 for data of standard deviation 0.5; relative to the data's own
# spread the mean is -1.2 - log 0.5.
LOG_MEAN, LOG_STD = -1.2 - math.log(0.5), 1.2


def log_normal(n: int, spread: Float[Tensor, " d"], generator: torch.Generator) -> Float[Tensor, " n"]:
    """Random levels for training, log-normal about the data's spread along a random direction of d."""
    direction = torch.randint(len(spread), (n,), generator=generator)
    level = LOG_MEAN + LOG_STD * torch.randn(n, generator=generator, dtype=spread.dtype)
    return spread[direction] * level.exp()


def _ending_in_zero(levels: Float[Tensor, " n"]) -> Float[Tensor, " m"]:
    return torch.cat([levels, levels.new_zeros(1)])
