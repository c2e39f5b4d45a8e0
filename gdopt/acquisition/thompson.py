"""Thompson sampling: the best candidates of posterior samples."""

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.surrogates.base import Surrogate

__all__ = ["JOINT", "thompson_sampling"]

# The joint posterior of more candidates at once than this costs more than it tells.
JOINT = 2000


def thompson_sampling(
    surrogate: Surrogate,
    pool: Float[Tensor, "m d"],
    n: int,
    spread: float,
    generator: torch.Generator,
) -> list[int]:
    """n different candidates of m: the best of each of n joint draws of the surrogate that no draw before it took.

    A large pool is dealt into hands of at most 2,000 candidates, each of which gives its share of the n.

    Args:
        surrogate: of the objective.
        pool: the candidates.
        n: how many to take, at most m.
        spread: factor on the draws' deviation from the mean: 1 is Thompson sampling, 0 takes the n best means.
        generator: of the draws.
    """
    count = -(-len(pool) // JOINT)
    picks: list[int] = []
    for first in range(min(count, n)):
        # Dealt one by one, as candidates of one source stand together.
        hand = torch.arange(first, len(pool), count)
        draws = surrogate.draw(pool[hand], len(range(first, n, count)), spread, generator)
        picks += hand[_best_of_each(draws)].tolist()
    return picks


def _best_of_each(draws: Float[Tensor, "n m"]) -> list[int]:
    taken = torch.zeros(draws.shape[1], dtype=torch.bool)
    picks: list[int] = []
    for values in draws:
        pick = int(values.masked_fill(taken, -torch.inf).argmax())
        taken[pick] = True
        picks.append(pick)
    return picks
