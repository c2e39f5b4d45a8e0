"""From noise to samples: solvers of the reverse process, all in x = x₀ + σε."""

from itertools import pairwise
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.diffusion.denoiser import Denoiser
from gdopt.diffusion.schedule import cosine, exponential
from gdopt.errors import NumericsError

__all__ = ["Sampler", "ancestral", "ddpm", "dpm_solver", "expected", "heun", "sample", "sdedit"]


@torch.no_grad()
def heun(denoiser: Denoiser, x: Float[Tensor, "n d"], sigmas: Float[Tensor, " levels"]) -> Float[Tensor, "n d"]:
    """Samples by second-order steps of the probability-flow ODE (Karras et al. 2022, Algorithm 1)."""
    for now, then in pairwise(sigmas):
        slope = (x - denoiser(x, now)) / now
        ahead = x + (then - now) * slope
        if then > 0:
            slope = (slope + (ahead - denoiser(ahead, then)) / then) / 2
        x = x + (then - now) * slope
    return x


@torch.no_grad()
def dpm_solver(denoiser: Denoiser, x: Float[Tensor, "n d"], sigmas: Float[Tensor, " levels"]) -> Float[Tensor, "n d"]:
    """Samples by DPM-Solver++(2M) (Lu et al. 2022b, Algorithm 2): second order, one denoiser call a step."""
    before, last_step = None, 0.0
    for now, then in pairwise(sigmas):
        clean = denoiser(x, now)
        if then == 0:
            return clean
        step = float((now / then).log())
        ahead = clean
        if before is not None:
            ahead = clean + (clean - before) * (step / last_step / 2)
        x = (then / now) * x + (1 - then / now) * ahead
        before, last_step = clean, step
    return x


@torch.no_grad()
def ancestral(
    denoiser: Denoiser,
    x: Float[Tensor, "n d"],
    sigmas: Float[Tensor, " levels"],
    generator: torch.Generator,
) -> Float[Tensor, "n d"]:
    """Samples by DDPM's steps, fresh noise at each level (Ho et al. 2020, Algorithm 2, the smaller variance)."""
    for now, then in pairwise(sigmas):
        share = (then / now).square()
        x = denoiser(x, now) * (1 - share) + x * share
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = x + then * (1 - share).sqrt() * noise.to(x)
    return x


@runtime_checkable
class Sampler(Protocol):
    """Draws of a denoiser's law whose mean and largest standard deviation are known, or nearly."""

    def __call__(
        self, denoiser: Denoiser, n: int, mean: Float[Tensor, " d"], spread: float, generator: torch.Generator
    ) -> Float[Tensor, "n d"]:
        """n draws."""
        ...


# The noise a sampler starts from, in units of the law's spread: the start N(mean, σ²) is then off by 1/SIGMA_MAX² in
# variance. The last level before 0 is below what a step of any search resolves.
SIGMA_MAX, SIGMA_MIN = 40.0, 0.01


def sample(
    denoiser: Denoiser,
    n: int,
    mean: Float[Tensor, " d"],
    spread: float,
    generator: torch.Generator,
    steps: int = 24,
) -> Float[Tensor, "n d"]:
    """n draws of the denoiser's law, by DPM-Solver++(2M) in the given number of denoiser calls.

    Args:
        denoiser: the law.
        n: how many draws.
        mean: of the law, or near it: where the noise is centred.
        spread: the law's largest standard deviation, or near it: the unit of the noise levels.
        generator: of the starting noise.
        steps: denoiser calls; 2 or more.

    Raises:
        NumericsError: a sample is not finite, which a guidance that is too strong can cause.
    """
    sigmas = exponential(steps, SIGMA_MIN * spread, SIGMA_MAX * spread).to(mean)
    noise = torch.randn(n, len(mean), generator=generator, dtype=mean.dtype)
    return _finite(dpm_solver(denoiser, mean + sigmas[0] * noise, sigmas))


def _finite(x0: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    if not x0.isfinite().all():
        raise NumericsError("sampling left the finite numbers: lower the guidance's strength")
    return x0


# Each step but the last keeps this share of the noise: the last of four starts at 0.06 of it.
KEPT, RENOISED_STEPS = 0.4, 4


@torch.no_grad()
def sdedit(
    denoiser: Denoiser,
    x0: Float[Tensor, "n d"],
    sigma: Float[Tensor, " n"],
    generator: torch.Generator,
    steps: int = RENOISED_STEPS,
) -> Float[Tensor, "n d"]:
    """Draws of the law near x0: each row noised to a level of its own and denoised again (Meng et al. 2022, SDEdit).

    The way back is the probability-flow ODE in a few steps of first order (DDIM). Along the data a row moves about as
    far as its noise, and across them hardly: what lies off them is removed again. For N(0, I) in exact steps, the row
    becomes (x₀ + σε)/√(1 + σ²). It is no draw of p(x₀ | x₀ + σε), which the way back would have to add noise for.

    Args:
        denoiser: the law, guided or not.
        x0: where to start.
        sigma: the level of each row, positive.
        generator: of the noise.
        steps: denoiser calls.

    Raises:
        NumericsError: a sample is not finite, which a guidance that is too strong can cause.
    """
    x = x0 + sigma.unsqueeze(1) * torch.randn(x0.shape, generator=generator, dtype=x0.dtype)
    for step in range(steps):
        clean = denoiser(x, sigma * KEPT**step)
        x = clean + (KEPT if step < steps - 1 else 0.0) * (x - clean)
    return _finite(x)


# Without noise nothing is lost by starting so far out that the law is a point there.
FAR, FINE_STEPS = 1e5, 32


def expected(
    denoiser: Denoiser,
    n: int,
    mean: Float[Tensor, " d"],
    spread: float,
    generator: torch.Generator,
) -> Float[Tensor, "n d"]:
    """n copies of the mean of the draws, for a denoiser that is affine in x: `sample` without its noise.

    What an infinite batch would have as its mean, for a Gaussian law, guided or not.
    """
    sigmas = exponential(FINE_STEPS, SIGMA_MIN * spread, FAR * spread).to(mean)
    return dpm_solver(denoiser, mean.unsqueeze(0), sigmas).expand(n, -1)


# Those of the paper's code.
DDPM_STEPS = 200


def ddpm(
    denoiser: Denoiser,
    n: int,
    mean: Float[Tensor, " d"],
    spread: float,
    generator: torch.Generator,
    steps: int = DDPM_STEPS,
) -> Float[Tensor, "n d"]:
    """n draws by ancestral steps along the cosine schedule, from x_T ~ N(0, I): as the paper's code samples.

    The mean and the spread are not used; data should have about unit variance and mean 0.
    """
    sigmas = cosine(steps).to(mean)
    noise = torch.randn(n, len(mean), generator=generator, dtype=mean.dtype)
    return ancestral(denoiser, noise * (1 + sigmas[0].square()).sqrt(), sigmas, generator)
