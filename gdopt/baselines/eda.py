"""A Gaussian at the best designs in place of the diffusion model: a local density without the shape of a prior."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.acquisition.batch import SelectionInput, select_batch
from gdopt.acquisition.data import TrainingData
from gdopt.acquisition.feasibility import likely_to_succeed
from gdopt.acquisition.surrogate import fit_surrogate
from gdopt.baselines.learner import Learner, Proposal
from gdopt.candidates.discrete import CategoricalProduct, refitted_probabilities
from gdopt.candidates.initial import distinct_new
from gdopt.candidates.steps import centre_of, elite_of, elite_weights, pool_size
from gdopt.codecs.base import Codec
from gdopt.codecs.columns import Block
from gdopt.surrogates.outcome_transforms import OutcomeTransform, rank_normal
from gdopt.trials.state import State

__all__ = ["ContractedEDA", "drawn", "levelled"]


@dataclass(frozen=True, kw_only=True)
class ContractedEDA(Learner):
    """N(m, (0.64 s)²), m the weighted mean of the elite and s the best designs' spread in each coordinate.

    Categories are drawn by their weighted frequencies in the elite instead, each choice independently (a univariate
    marginal distribution algorithm, Mühlenbein and Paaß 1996). The surrogate and the selection are those of
    `GuidedDiffusion`.

    Args:
        spread: the factor on s.
        n_elite: number of best designs whose mean is m.
        n_parents: number of best designs whose standard deviation is s.
        candidates: size of the pool, at least; at least four for each design of the batch.
        max_training_points: number of best designs that the surrogate is fitted to.
        thompson_scale: factor on the posterior standard deviation in Thompson sampling.
        outcome_transform: of the values, before the surrogate is fitted.
    """

    spread: float = 0.64
    n_elite: int = 12
    n_parents: int = 80
    candidates: int = 1000
    max_training_points: int = 200
    thompson_scale: float = 0.5
    outcome_transform: OutcomeTransform = rank_normal

    source: ClassVar[str] = "gaussian"

    def propose(self, state: State, codec: Codec, n: int, generator: torch.Generator) -> Proposal:
        """Selection among draws of the Gaussian."""
        data = TrainingData(state, codec)
        z = codec.impute_inactive(data.z, generator)
        elite = elite_of(z, self.n_elite)
        pool = drawn(elite, z[: self.n_parents], self.spread, pool_size(self.candidates, n), generator)
        pool = levelled(pool, elite, [one for one in codec.blocks if one.nominal], generator)
        _, params = distinct_new(pool, state, codec)
        if len(params) <= n:
            return Proposal(params)
        surrogate = fit_surrogate(data, self.max_training_points, self.outcome_transform)
        choices = codec.encode(params)
        usable = likely_to_succeed(state, codec, choices, n)
        scale = self.thompson_scale
        chosen = select_batch(SelectionInput(surrogate, choices[usable], n, data.pending, scale, generator))
        picks = [usable[i] for i in chosen]
        return Proposal([params[i] for i in picks], surrogate.mean(choices[picks]).tolist())


def drawn(
    elite: Float[Tensor, "e d"], family: Float[Tensor, "f d"], spread: float, n: int, generator: torch.Generator
) -> Float[Tensor, "n d"]:
    """n draws of the Gaussian at the weighted mean of the elite; std is `spread` times the std of the family."""
    noise = torch.randn(n, elite.shape[1], generator=generator, dtype=torch.float64)
    return centre_of(elite) + spread * family.std(0, correction=0) * noise


def levelled(
    pool: Float[Tensor, "n d"], elite: Float[Tensor, "e d"], blocks: Sequence[Block], generator: torch.Generator
) -> Float[Tensor, "n d"]:
    """The pool with categories redrawn by their frequencies in the elite and one more design with uniform ones.

    The further design gives categories without a trial in the elite a probability above 0.

    Args:
        pool: of a `BoxCodec`.
        elite: rows of the same codec, best first.
        blocks: the columns of the categories.
        generator: of the draws.
    """
    law = refitted_probabilities(elite, elite_weights(len(elite)), blocks, 1 / (len(elite) + 1))
    return CategoricalProduct(tuple(blocks), tuple(law), torch.zeros(pool.shape[1], dtype=torch.bool)).sample(
        pool, generator
    )
