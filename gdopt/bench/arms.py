"""Other parts for the default algorithm, by name, so that a benchmark can tell what its own are worth."""

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt import select
from gdopt.diffusion.denoiser import Denoiser
from gdopt.surrogate.model import Surrogate
from gdopt.surrogate.warp import power, rank_normal, standardized

__all__ = ["PARTS", "best_means", "raw", "selected_by_qlognei", "selected_by_thompson"]


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


def selected_by_qlognei(
    surrogate: Surrogate, pool: Tensor, n: int, pending: Tensor, temper: float, generator: torch.Generator
) -> list[int]:
    """Batches of any size one by one by qLogNEI."""
    del temper
    return select.greedy(surrogate, pool, n, pending, int(torch.randint(2**31, (1,), generator=generator)))


def selected_by_thompson(
    surrogate: Surrogate, pool: Tensor, n: int, pending: Tensor, temper: float, generator: torch.Generator
) -> list[int]:
    """Batches of any size by Thompson sampling."""
    free = select.unclaimed(pool, pending, n)
    return [free[i] for i in select.thompson(surrogate, pool[free], n, temper, generator)]


def best_means(
    surrogate: Surrogate, pool: Tensor, n: int, pending: Tensor, temper: float, generator: torch.Generator
) -> list[int]:
    """The candidates of the highest mean: no exploration but the pool's own."""
    del pending, temper, generator
    return surrogate.mean(pool).argsort(descending=True, stable=True)[:n].tolist()


PARTS = {
    part.__name__: part
    for part in (power, rank_normal, standardized, raw, selected_by_qlognei, selected_by_thompson, best_means)
}
