"""Selection of a batch from a pool of candidates."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.acquisition.noisy_ei import sequential_greedy
from gdopt.acquisition.thompson import thompson_sampling
from gdopt.randomness import seed_from
from gdopt.surrogates.multi_output import MultiOutputSurrogate

__all__ = [
    "BatchSelector",
    "SelectionInput",
    "exclude_pending",
    "select_batch",
    "select_by_qlognei",
    "select_by_thompson",
]

# Up to this batch size, designs are selected one by one by qLogNEI; larger batches by Thompson sampling.
GREEDY = 8
# Pending points whose distances to the pool are held at once.
CLAIMS = 1000


@dataclass(frozen=True)
class SelectionInput:
    """All that a batch is selected by.

    Args:
        surrogate: of the objectives and constraints.
        pool: the candidates, `m x d`.
        n: the size of the batch, at most m.
        pending: designs of pending trials, `p x d`.
        thompson_scale: factor on the posterior standard deviation in Thompson sampling.
        generator: of all random draws.
    """

    surrogate: MultiOutputSurrogate
    pool: Float[Tensor, "m d"]
    n: int
    pending: Float[Tensor, "p d"]
    thompson_scale: float
    generator: torch.Generator


# From the input to n different rows of the pool.
BatchSelector = Callable[[SelectionInput], list[int]]


def select_batch(given: SelectionInput) -> list[int]:
    """n different rows of the pool: by qLogNEI for up to 8 designs, by Thompson sampling for more.

    Both take pending trials into account: qLogNEI as its `X_pending`, Thompson sampling by `exclude_pending`.
    """
    return (select_by_qlognei if given.n <= GREEDY else select_by_thompson)(given)


def select_by_qlognei(given: SelectionInput) -> list[int]:
    """n different rows of the pool by sequential greedy qLogNEI, for any n."""
    return sequential_greedy(given.surrogate, given.pool, given.n, given.pending, seed_from(given.generator))


def select_by_thompson(given: SelectionInput) -> list[int]:
    """n different rows of the pool by Thompson sampling, for any n."""
    free = exclude_pending(given.pool, given.pending, given.n)
    chosen = thompson_sampling(given.surrogate, given.pool[free], given.n, given.thompson_scale, given.generator)
    return [free[i] for i in chosen]


def exclude_pending(pool: Float[Tensor, "m d"], pending: Float[Tensor, "p d"], n: int) -> list[int]:
    """The rows of the pool without the nearest row to each pending point, in turn; n rows at least.

    The pending points take the place of the first picks from this pool: two `ask` calls without a result between them
    select like one call for both batches. Conditioning on the surrogate's mean at pending points (kriging believer)
    does not have this effect: it only lowers the uncertainty where the mean is highest.
    """
    free = torch.ones(len(pool), dtype=torch.bool)
    for part in pending[: len(pool) - n].split(CLAIMS):
        for distances in torch.cdist(part, pool):
            free[distances.masked_fill(~free, torch.inf).argmin()] = False
    return free.nonzero().flatten().tolist()
