"""Other parts for the default algorithm, by name, so that a benchmark can tell what its own are worth."""

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.diffusion.denoiser import Denoiser
from gdopt.select import by_qlognei, by_thompson
from gdopt.surrogate import ensemble
from gdopt.surrogate.model import Surrogate
from gdopt.surrogate.warp import power, rank_normal, standardized

__all__ = ["PARTS", "best_means", "raw"]


def raw(denoiser: Denoiser, surrogate: Surrogate, best: float) -> Denoiser:
    """The denoiser tilted by ∇ log P(f(x) > best) at the noisy x itself: guidance that does not look ahead."""

    def guided(x: Float[Tensor, "n d"], sigma: Float[Tensor, "*#n"]) -> Float[Tensor, "n d"]:
        with torch.enable_grad():
            at = x.detach().requires_grad_(True)
            mean, variance = surrogate.predict(at)
            chance = torch.special.log_ndtr((mean - best) / variance.sqrt())
            (pull,) = torch.autograd.grad(chance.sum(), at)
        return denoiser(x, sigma) + sigma.to(x).square().expand(len(x)).unsqueeze(1) * pull

    return guided


def best_means(
    surrogate: Surrogate, pool: Tensor, n: int, pending: Tensor, temper: float, generator: torch.Generator
) -> list[int]:
    """The candidates of the highest mean: no exploration but the pool's own."""
    del pending, temper, generator
    return surrogate.mean(pool).argsort(descending=True, stable=True)[:n].tolist()


PARTS = {
    "ensemble": ensemble.fit,
    **{part.__name__: part for part in (power, rank_normal, standardized, raw, by_qlognei, by_thompson, best_means)},
}
