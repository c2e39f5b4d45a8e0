"""Thompson sampling: the best candidates of posterior samples."""

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.surrogates.base import Surrogate

__all__ = ["JOINT", "thompson_sampling"]

# The joint posterior of more candidates at once is not worth its time.
JOINT = 2000


def thompson_sampling(
    surrogate: Surrogate,
    pool: Float[Tensor, "m d"],
    n: int,
    spread: float,
    generator: torch.Generator,
) -> list[int]:
    """n different rows of the pool: of each of n joint posterior samples the best row that is not taken yet.

    A large pool is divided into groups of at most 2,000 candidates, each of which gives its share of the n.

    Args:
        surrogate: of the objective.
        pool: the candidates, `m x d`.
        n: the size of the batch, at most m.
        spread: factor on the deviation of samples from the mean: 1 is Thompson sampling, 0 takes the n best means.
        generator: of the samples.
    """
    count = -(-len(pool) // JOINT)
    picks: list[int] = []
    for first in range(min(count, n)):
        # Interleaved, as candidates of one source are neighbours in the pool.
        group = torch.arange(first, len(pool), count)
        draws = surrogate.sample_posterior(pool[group], len(range(first, n, count)), spread, generator)
        picks += group[_best_of_each(draws)].tolist()
    return picks


def _best_of_each(draws: Float[Tensor, "n m"]) -> list[int]:
    taken = torch.zeros(draws.shape[1], dtype=torch.bool)
    picks: list[int] = []
    for values in draws:
        pick = int(values.masked_fill(taken, -torch.inf).argmax())
        taken[pick] = True
        picks.append(pick)
    return picks
