"""The choices that Algorithms 1 and 2 of Guo et al. 2024 (arXiv 2404.14743) leave open, each a function.

Where the gradient is asked (anchor), what value the next batch is drawn to (target), what past batches count
(weights), and how the score is fine-tuned on them.
"""

import math
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.diffusion.network import PreconditionedNet
from gdopt.diffusion.training import fit
from gdopt.errors import SettingsError
from gdopt.paper.moments import GaussianMoments, gaussian, of_net

__all__ = [
    "Anchor",
    "Finetune",
    "Target",
    "Weights",
    "ascent",
    "batch_mean",
    "frozen",
    "increment",
    "newest",
    "per_sample",
    "pooled",
    "theorem_3",
    "trained",
]

Batch = Tensor
Anchor = Callable[[Batch], Tensor]


def batch_mean(samples: Float[Tensor, "n d"]) -> Float[Tensor, "1 d"]:
    """The mean of the batch: one gradient a round, as the paper has it."""
    return samples.mean(0, keepdim=True)


def per_sample(samples: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Every sample: n gradients a round and n chains that do not know of each other, as the public code runs."""
    return samples


Target = Callable[[GaussianMoments, Tensor, Tensor, float], Tensor]


def ascent(step: float | Callable[[GaussianMoments], float]) -> Target:
    """y = g'μ + step (noise² + g'Σg), which draws the next batch about μ + step·Σg when the law is Gaussian.

    For Algorithm 1, step = 1/λ: its fixed point is argmax f(x) - λ/2 |x - μ|²_{Σ⁻¹} (Theorem 2). For Algorithm 2 it is
    the step of gradient ascent in the metric of Σ⁻¹, from the fine-tuned mean (Theorem 3); where Σ is refitted, a
    function of the law gives it anew each round.
    """

    def target(
        law: GaussianMoments, anchors: Float[Tensor, "m d"], gradients: Float[Tensor, "m d"], noise_std: float
    ) -> Float[Tensor, " m"]:
        variance = ((gradients @ law.cov) * gradients).sum(1)
        length = step(law) if callable(step) else step
        return gradients @ law.mean + length * (noise_std**2 + variance)

    return target


def increment(delta: float | Float[Tensor, " m"]) -> Target:
    """y = g'z + δ, z the anchor: the public code's, which regularizes with λ = noise²/δ. Each chain may have its own δ.

    Where the gradient vanishes so does the guidance, and where the reward is curved the map can be unstable: see
    docs/paper.
    """

    def target(
        law: GaussianMoments, anchors: Float[Tensor, "m d"], gradients: Float[Tensor, "m d"], noise_std: float
    ) -> Float[Tensor, " m"]:
        return (gradients * anchors).sum(1) + delta

    return target


Weights = Callable[[int], Tensor]


def newest(share: float) -> Weights:
    """w_k0 = share for the pretraining data, the rest for the newest batch, as in the proof of Theorem 3."""

    def weights(k: int) -> Float[Tensor, " rounds"]:
        w = torch.zeros(k + 1, dtype=torch.float64)
        w[0], w[k] = share, 1 - share
        return w

    return weights


def theorem_3(smoothness: float, rounds: int) -> tuple[float, float]:
    """The step η = 1/(L + λ) and the share w_k0 = ηλ of the pretraining data, for λ = L log K/K.

    The mean then takes the step z ← (1 - ηλ)z + ηλμ + ηΣ∇f(z): gradient ascent on f - λ/2 |x - μ|²_{Σ⁻¹}, whose λ falls
    with the number K of rounds just fast enough for f* - f(z_K) = Õ(1/K).
    """
    regularization = smoothness * math.log(rounds) / rounds
    step = 1 / (smoothness + regularization)
    return step, step * regularization


# The pretrained law, the current one and all batches D_1 ... D_k, to the next law.
Finetune = Callable[[GaussianMoments, GaussianMoments, Sequence[Batch]], GaussianMoments]


def frozen(weights: Weights) -> Finetune:
    """The closed form of weighted score matching when only b_t of s = C_t x + b_t is refitted: the mean moves.

    The class of Theorem 3, by `moved`, and for any law: the shape of the pretrained one about the new mean.
    """

    def finetune(prior: GaussianMoments, law: GaussianMoments, batches: Sequence[Batch]) -> GaussianMoments:
        shares, counted = _counted(weights, batches)
        return prior.about(shares.to(prior.mean) @ _means(prior, counted))

    return finetune


def pooled(weights: Weights) -> Finetune:
    """The closed form of weighted score matching over all affine scores: mean and covariance of the weighted data.

    m = Σ_j w_j mean(D_j) and S = Σ_j w_j E_{D_j}(x - m)(x - m)', the spread between batches included. D_0 counts with
    the moments of the pretrained law.
    """

    def finetune(prior: GaussianMoments, law: GaussianMoments, batches: Sequence[Batch]) -> GaussianMoments:
        shares, counted = _counted(weights, batches)
        means = _means(prior, counted)
        covs = torch.stack([prior.cov, *(torch.cov(b.T, correction=0) for b in counted)])
        w = shares.to(means)
        gaps = means - w @ means
        return gaussian(w @ means, torch.einsum("j,jab->ab", w, covs + gaps.unsqueeze(2) * gaps.unsqueeze(1)))

    return finetune


def _counted(weights: Weights, batches: Sequence[Batch]) -> tuple[Float[Tensor, " k"], list[Batch]]:
    """The weights of D_0 and of the batches that count, and those batches."""
    w = weights(len(batches))
    rows = w[1:].nonzero().flatten().tolist()
    return w[[0, *(j + 1 for j in rows)]], [batches[j] for j in rows]


def _means(prior: GaussianMoments, batches: Sequence[Batch]) -> Float[Tensor, "k d"]:
    """The mean of D_0, which is the pretrained law's, and of every batch."""
    return torch.stack([prior.mean, *(b.mean(0) for b in batches)])


def trained(weights: Weights, corpus: Float[Tensor, "m d"], *, steps: int = 300, seed: int = 0) -> Finetune:
    """Weighted score matching of a network by training: D_0 is replayed, every batch D_j counts w_kj.

    The mean that the network is preconditioned with moves to that of the weighted data, as in closed form; training
    then finds what is not Gaussian about it.

    Args:
        weights: of the batches, D_0 the first.
        corpus: D_0.
        steps: optimizer steps in a round.
        seed: of rows, levels and noise.
    """

    def finetune(prior: GaussianMoments, law: GaussianMoments, batches: Sequence[Batch]) -> GaussianMoments:
        if not isinstance(law.denoiser, PreconditionedNet):
            raise SettingsError(f"only a PreconditionedNet can be trained on; the law's denoiser is {law.denoiser!r}")
        k = len(batches)
        w = weights(k).to(corpus)
        sets = [(rows, share / len(rows)) for rows, share in zip((corpus, *batches), w, strict=True) if share > 0]
        rows = torch.cat([s[0].to(corpus) for s in sets])
        each = torch.cat([s[1].expand(len(s[0])) for s in sets])
        net = law.denoiser.about(each @ rows)
        generator = torch.Generator().manual_seed(seed + k)
        net, _ = fit(net, rows, generator, weights=each, steps=steps, holdout=0.0)
        return of_net(net, corpus.dtype)

    return finetune
