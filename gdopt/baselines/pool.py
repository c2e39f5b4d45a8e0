"""Thompson sampling over a given pool, such as the corpus: no designs are generated."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from gdopt.acquisition.data import TrainingData
from gdopt.acquisition.surrogate import fit_surrogate
from gdopt.acquisition.thompson import thompson_sampling
from gdopt.baselines.learner import Learner, Proposal
from gdopt.candidates.initial import new_rows
from gdopt.candidates.steps import pool_size
from gdopt.codecs.base import Codec
from gdopt.codecs.columns import as_params
from gdopt.codecs.points import sobol_points
from gdopt.codecs.table import TableCodec
from gdopt.randomness import seed_from
from gdopt.surrogates.outcome_transforms import OutcomeTransform, rank_normal
from gdopt.trials.state import State

__all__ = ["PoolThompson"]


@dataclass(frozen=True, kw_only=True)
class PoolThompson(Learner):
    """Thompson sampling by a Gaussian process among designs of the corpus, rows of a table, or Sobol points.

    Args:
        candidates: size of the pool in an `ask`, at most.
        max_training_points: number of best designs that the surrogate is fitted to.
        thompson_scale: factor on the posterior standard deviation; 1 is Thompson sampling.
        outcome_transform: of the values, before the surrogate is fitted.
    """

    candidates: int = 4000
    max_training_points: int = 400
    thompson_scale: float = 1.0
    outcome_transform: OutcomeTransform = rank_normal

    source: ClassVar[str] = "pool"
    tables: ClassVar[bool] = True

    def propose(self, state: State, codec: Codec, n: int, generator: torch.Generator) -> Proposal:
        """Thompson sampling among the untried designs of the pool."""
        if isinstance(codec, TableCodec):
            pool = codec.untried(state.known, pool_size(self.candidates, n), generator)
        elif self.prior is None:
            pool = codec.decode(sobol_points(codec.dim, seed_from(generator), 0, pool_size(self.candidates, n)))
        else:
            pool = as_params(state.space, self.prior.designs[self.prior.order(generator)])
        params = [pool[row] for row in new_rows(pool, state)][: max(self.candidates, n)]
        if len(params) <= n:
            return Proposal(params)
        surrogate = fit_surrogate(TrainingData(state, codec), self.max_training_points, self.outcome_transform)
        choices = codec.encode(params)
        picks = thompson_sampling(surrogate, choices, n, self.thompson_scale, generator)
        return Proposal([params[i] for i in picks], surrogate.mean(choices[picks]).tolist())
