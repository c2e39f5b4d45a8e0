"""Variants of parts of the default algorithm by name, for ablation studies."""

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.acquisition.batch import BatchSelector, SelectionInput, select_by_qlognei, select_by_thompson
from gdopt.bench.problem import Problem
from gdopt.candidates.initial import codec_of
from gdopt.diffusion.denoiser import Denoiser
from gdopt.priors.diffusion import DiffusionPrior
from gdopt.surrogates import ensemble
from gdopt.surrogates.base import Surrogate
from gdopt.surrogates.outcome_transforms import power, rank_normal, standardized

__all__ = ["PARTS", "best_means", "oracle", "raw"]


def raw(denoiser: Denoiser, surrogate: Surrogate, best: float) -> Denoiser:
    """The denoiser tilted by ∇ log P(f(x) > best) at the noisy x: guidance without look-ahead."""

    def guided(x: Float[Tensor, "n d"], sigma: Float[Tensor, "*#n"]) -> Float[Tensor, "n d"]:
        with torch.enable_grad():
            at = x.detach().requires_grad_(True)
            mean, variance = surrogate.predict(at)
            chance = torch.special.log_ndtr((mean - best) / variance.sqrt())
            (pull,) = torch.autograd.grad(chance.sum(), at)
        return denoiser(x, sigma) + sigma.to(x).square().expand(len(x)).unsqueeze(1) * pull

    return guided


def best_means(given: SelectionInput) -> list[int]:
    """The candidates with the highest posterior mean: the pool is the only exploration."""
    return given.surrogate.mean(given.pool).argsort(descending=True, stable=True)[: given.n].tolist()


PARTS = {
    "ensemble": ensemble.fit,
    **{
        part.__name__: part
        for part in (power, rank_normal, standardized, raw, select_by_qlognei, select_by_thompson, best_means)
    },
}


def oracle(problem: Problem, prior: DiffusionPrior | None) -> BatchSelector:
    """A selection of the truly best candidates of a pool, by noise-free values outside the budget.

    Its result is an upper bound for all surrogates and selections with the same pools. The distance of a method to this
    bound is due to its surrogate and selection, the rest is due to its candidates.
    """
    codec = codec_of(problem.space, prior)
    sign = 1.0 if problem.direction == "maximize" else -1.0

    def best(given: SelectionInput) -> list[int]:
        values = sign * torch.tensor(problem.evaluate(codec.decode(given.pool)), dtype=torch.float64)
        return values.argsort(descending=True, stable=True)[: given.n].tolist()

    return best
