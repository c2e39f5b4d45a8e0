"""From candidates to a batch."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.acquisition.noisy_ei import sequential_greedy
from gdopt.acquisition.thompson import thompson_sampling
from gdopt.randomness import seed_from
from gdopt.surrogates.base import Surrogate

__all__ = ["BatchSelector", "exclude_pending", "select_batch", "select_by_qlognei", "select_by_thompson"]

# What `batch` takes and gives: (surrogate, pool, n, pending, temper, generator) to n different rows of the pool.
BatchSelector = Callable[[Surrogate, Tensor, int, Tensor, float, torch.Generator], list[int]]
# Up to this many designs are selected one by one by qLogNEI, more by Thompson sampling.
GREEDY = 8


def select_batch(
    surrogate: Surrogate,
    pool: Float[Tensor, "m d"],
    n: int,
    pending: Float[Tensor, "p d"],
    temper: float,
    generator: torch.Generator,
) -> list[int]:
    """n different candidates of m: a few by `greedy`, more by `thompson` at a spread of `temper`.

    Both count in what is pending: `greedy` by its acquisition function, `thompson` among those `unclaimed`.
    """
    return (select_by_qlognei if n <= GREEDY else select_by_thompson)(surrogate, pool, n, pending, temper, generator)


def select_by_qlognei(
    surrogate: Surrogate,
    pool: Float[Tensor, "m d"],
    n: int,
    pending: Float[Tensor, "p d"],
    temper: float,
    generator: torch.Generator,
) -> list[int]:
    """n different candidates of m by `greedy`, however many."""
    del temper
    return sequential_greedy(surrogate, pool, n, pending, seed_from(generator))


def select_by_thompson(
    surrogate: Surrogate,
    pool: Float[Tensor, "m d"],
    n: int,
    pending: Float[Tensor, "p d"],
    temper: float,
    generator: torch.Generator,
) -> list[int]:
    """n different candidates of m by `thompson` at a spread of `temper`, however few."""
    free = exclude_pending(pool, pending, n)
    return [free[i] for i in thompson_sampling(surrogate, pool[free], n, temper, generator)]


def exclude_pending(pool: Float[Tensor, "m d"], pending: Float[Tensor, "p d"], n: int) -> list[int]:
    """The candidates but for the nearest one to each pending point, in turn; n of them at least.

    As if the pending points had been the first picks of this pool: asking twice without telling is like asking once
    for as many. Draws that take the surrogate's mean for the pending values (kriging believer) do not do that: they
    are only less uncertain where the mean is highest.
    """
    free = torch.ones(len(pool), dtype=torch.bool)
    for part in pending[: len(pool) - n].split(CLAIMS):
        for distances in torch.cdist(part, pool):
            free[distances.masked_fill(~free, torch.inf).argmin()] = False
    return free.nonzero().flatten().tolist()


# Pending points whose distances to the pool are held at once.
CLAIMS = 1000
