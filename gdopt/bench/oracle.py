"""The ceiling of a proposal: the batch that the truth would select from the pool."""

import torch
from torch import Tensor

from gdopt.bench.problem import Problem
from gdopt.prior import DiffusionPrior
from gdopt.select import Selection
from gdopt.start import codec_of
from gdopt.surrogate.model import Surrogate

__all__ = ["oracle"]


def oracle(problem: Problem, prior: DiffusionPrior | None) -> Selection:
    """A selection that takes the truly best candidates of a pool, by noise-free values that it is not charged for.

    What a method reaches with it is what no surrogate could better with the same pools: the distance to it is the
    surrogate's and the selection's, the rest is the proposal's.
    """
    codec = codec_of(problem.space, prior)
    sign = 1.0 if problem.direction == "maximize" else -1.0

    def best(
        surrogate: Surrogate,
        pool: Tensor,
        n: int,
        pending: Tensor,
        temper: float,
        generator: torch.Generator,
    ) -> list[int]:
        del surrogate, pending, temper, generator
        values = sign * torch.tensor(problem.evaluate(codec.decode(pool)), dtype=torch.float64)
        return values.argsort(descending=True, stable=True)[:n].tolist()

    return best
