"""Guidance: a denoiser in, a denoiser that leans towards better values out.

A guided score s + G is the guided denoiser D + σ²G; so samplers never see guidance: they are handed another denoiser.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.diffusion.denoiser import Denoiser

__all__ = [
    "acquisition",
    "clipped",
    "combined",
    "improvement",
    "lookahead",
    "naive",
    "tweedie",
    "weighted",
    "white",
]

Predict = Callable[[Tensor], tuple[Tensor, Tensor]]
Decoder = Callable[[Tensor], Tensor]
Variance = Callable[[Tensor, Tensor, Tensor], Tensor]


def naive(
    denoiser: Denoiser, gradient: Float[Tensor, "*#n d"], target: Float[Tensor, "#n"] | float, noise_std: float
) -> Denoiser:
    """The raw gradient added to the score: for comparison, as it leaves the data's subspace.

    Guo et al. 2024 (arXiv 2404.14743), Proposition 3: G = β(y - g'E[x₀|x_t]) g, β = α/(noise² + h|g|²). One gradient
    and target guide all rows, or each row has its own.
    """

    def guided(x: Float[Tensor, "n d"], sigma: Float[Tensor, "*#n"]) -> Float[Tensor, "n d"]:
        clean = denoiser(x, sigma)
        noise = sigma.to(x).square().expand(len(x))
        h = noise / (1 + noise)
        pull = h * (target - (clean * gradient).sum(1)) / (noise_std**2 + h * gradient.square().sum(-1))
        return clean + pull.unsqueeze(1) * gradient

    return guided


def tweedie(slope: Float[Tensor, "n d"], direction: Float[Tensor, "*#n d"], noise: Float[Tensor, " n"]) -> Tensor:
    """g'Cov[x₀|x]g = σ² g'(∂D/∂x)g, of each row: exact for every law (Tweedie's formula, second order).

    Where an imperfect network makes it negative it counts as 0, and the pull is as strong as noise_std lets it be;
    `white` is never negative.
    """
    return noise * (slope * direction).sum(1).clamp_min(0)


def white(slope: Float[Tensor, "n d"], direction: Float[Tensor, "*#n d"], noise: Float[Tensor, " n"]) -> Tensor:
    """σ²(1 + σ²)|(∂D/∂x)'g|², of each row: what the paper's code takes for g'Cov[x₀|x]g, right for Σ = AA' only.

    There β = (α²/2)/(α²noise² + h|∇g'E[x₀|x_t]|²), the gradient taken by x_t = αx.
    """
    return noise * (1 + noise) * slope.square().sum(1)


def lookahead(
    denoiser: Denoiser,
    gradient: Float[Tensor, "*#n k"],
    target: Float[Tensor, "#n"] | float,
    noise_std: float,
    *,
    decoder: Decoder | None = None,
    variance: Variance = tweedie,
) -> Denoiser:
    """The score plus the gradient of the look-ahead loss (y - g'E[x₀|x])², which stays on the data's subspace.

    Guo et al. 2024 (arXiv 2404.14743), Definition 1: G = -β ∇ₓ(y - g'D(x))², with the exact β = 1/(2(noise² +
    g'Cov[x₀|x]g)) of Lemma 1, where g'Cov[x₀|x]g = σ² g'(∂D/∂x)g for every law and costs nothing more than the
    gradient. For a Gaussian law the samples are then draws of p(x₀ | g'x₀ + noise = y). One gradient and target guide
    all rows, or each row has its own.

    Args:
        denoiser: the unguided law.
        gradient: g, the ascent direction, in units of y per unit of x, or of what the decoder makes of x.
        target: y, the value that g'x₀ is drawn to.
        noise_std: standard deviation of the observation y of g'x₀; the smaller, the stronger the pull.
        decoder: (n, d) to (n, k) where the denoiser is of a latent space: the loss is then (y - g'Dec(D(x)))², and
            the variance that of the decoder linearized at D(x).
        variance: g'Cov[x₀|x]g; `white` is the paper's code's.
    """

    def guided(x: Float[Tensor, "n d"], sigma: Float[Tensor, "*#n"]) -> Float[Tensor, "n d"]:
        direction = gradient
        with torch.enable_grad():
            x = x.detach().requires_grad_(True)
            clean = denoiser(x, sigma)
            value = ((clean if decoder is None else decoder(clean)) * gradient).sum(1)
            if decoder is not None:
                (direction,) = torch.autograd.grad(value.sum(), clean, retain_graph=True)
            (slope,) = torch.autograd.grad(value.sum(), x)
        noise = sigma.to(x).square().expand(len(x))
        pull = noise * (target - value) / (noise_std**2 + variance(slope, direction, noise))
        return (clean + pull.unsqueeze(1) * slope).detach()

    return guided


def improvement(
    denoiser: Denoiser, predict: Predict, incumbent: float | Float[Tensor, " n"], margin: float = 0.0
) -> Denoiser:
    """The score plus ∇ₓ log P(f(x₀) > incumbent + margin), by a surrogate at the look-ahead D(x).

    The surrogate's variance is inflated by ∇μ'Cov[x₀|x]∇μ = σ² ∇μ'(∂D/∂x)∇μ, what is still unknown of x₀ itself: the
    guidance is weak where noise is high and calibrated where it is low, with no strength to tune. For a linear
    surrogate with constant variance and a Gaussian law, samples are draws of p(x₀ | f(x₀) > incumbent + margin).

    Args:
        denoiser: the unguided law.
        predict: mean and variance of f at the rows of x₀, differentiable.
        incumbent: the value to beat, in the surrogate's units; one for all rows, or one for each.
        margin: by how much.
    """

    def guided(x: Float[Tensor, "n d"], sigma: Float[Tensor, "*#n"]) -> Float[Tensor, "n d"]:
        noise = sigma.to(x).square().expand(len(x))
        with torch.enable_grad():
            x = x.detach().requires_grad_(True)
            clean = denoiser(x, sigma)
            mean, variance = predict(clean)
            (direction,) = torch.autograd.grad(mean.sum(), clean, retain_graph=True)
            (slope,) = torch.autograd.grad((clean * direction).sum(), x, retain_graph=True)
            spread = (noise * (slope * direction).sum(1)).clamp_min(0)
            gap = (mean - incumbent - margin) / (variance + spread).sqrt()
            chance = torch.special.log_ndtr(gap)
            (pull,) = torch.autograd.grad(chance.sum(), x)
        return (clean + noise.unsqueeze(1) * pull).detach()

    return guided


def acquisition(denoiser: Denoiser, acqf: Callable[[Tensor], Tensor]) -> Denoiser:
    """The score plus the gradient of an acquisition function at the look-ahead D(x).

    Args:
        denoiser: the unguided law.
        acqf: of BoTorch's shape, (n, 1, d) to (n,); its value is added to the log density, so one that is itself a
            logarithm (LogEI, qLogNEI) tilts the law by the improvement it stands for.
    """

    def guided(x: Float[Tensor, "n d"], sigma: Float[Tensor, "*#n"]) -> Float[Tensor, "n d"]:
        with torch.enable_grad():
            x = x.detach().requires_grad_(True)
            clean = denoiser(x, sigma)
            (pull,) = torch.autograd.grad(acqf(clean.unsqueeze(1)).sum(), x)
        noise = sigma.to(x).square().expand(len(x)).unsqueeze(1)
        return (clean + noise * pull).detach()

    return guided


def combined(denoiser: Denoiser, *guided: Denoiser) -> Denoiser:
    """All the guidances of one denoiser at once: their pulls add, as log potentials do."""

    def both(x: Float[Tensor, "n d"], sigma: Float[Tensor, "*#n"]) -> Float[Tensor, "n d"]:
        clean = denoiser(x, sigma)
        pulls = [one(x, sigma) - clean for one in guided]
        total: Tensor = sum(pulls, clean)
        return total

    return both


def weighted(denoiser: Denoiser, guided: Denoiser, weight: Callable[[Tensor], Tensor]) -> Denoiser:
    """A guidance whose pull is multiplied by weight(σ): a strength schedule.

    `lambda sigma: (sigma > 0.02).to(sigma)` leaves the last steps unguided, which is what removes naive guidance's
    step off the subspace at the end of sampling.
    """

    def scheduled(x: Float[Tensor, "n d"], sigma: Float[Tensor, "*#n"]) -> Float[Tensor, "n d"]:
        clean = denoiser(x, sigma)
        strength = weight(sigma.to(x)).expand(len(x)).unsqueeze(1)
        return clean + strength * (guided(x, sigma) - clean)

    return scheduled


def clipped(denoiser: Denoiser, guided: Denoiser, longest: float) -> Denoiser:
    """A guidance whose pull on the denoised point is at most `longest` long."""

    def short(x: Float[Tensor, "n d"], sigma: Float[Tensor, "*#n"]) -> Float[Tensor, "n d"]:
        clean = denoiser(x, sigma)
        pull = guided(x, sigma) - clean
        norm = pull.norm(dim=1, keepdim=True).clamp_min(torch.finfo(x.dtype).tiny)
        shortened: Tensor = clean + pull * (longest / norm).clamp_max(1)
        return shortened

    return short
