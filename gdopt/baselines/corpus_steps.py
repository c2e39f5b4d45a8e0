"""Differences of corpus designs, contracted at the best: the prior's local density without a diffusion model."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.acquisition.data import TrainingData, values_by_round
from gdopt.acquisition.surrogate import fit_surrogate
from gdopt.acquisition.thompson import thompson_sampling
from gdopt.baselines.learner import Learner, Proposal
from gdopt.candidates.initial import distinct_new
from gdopt.candidates.steps import centre_of, contracted, elite_of, pool_size, scale_after
from gdopt.codecs.base import Codec
from gdopt.codecs.columns import as_params
from gdopt.codecs.points import uniform_points
from gdopt.priors.diffusion import DiffusionPrior
from gdopt.surrogates.outcome_transforms import OutcomeTransform, rank_normal
from gdopt.trials.state import State

__all__ = ["CorpusSteps", "corpus_of"]

# Number of uniform points of the box, where there is no corpus.
UNIFORM = 1024


@dataclass(frozen=True, kw_only=True)
class CorpusSteps(Learner):
    """m + s (xᵢ - xⱼ)/√2, xᵢ and xⱼ of the corpus (uniform points of the box without a corpus).

    m is the weighted mean of the elite, s follows the rounds as in `GuidedDiffusion`
    (`gdopt.candidates.steps.scale_after`).

    Args:
        thompson: whether Thompson sampling selects among the candidates; otherwise the selection is random.
        n_elite: number of best designs whose mean is m.
        candidates: size of the pool, at least; at least four for each design of the batch.
        max_training_points: number of best designs that the surrogate is fitted to.
        thompson_scale: factor on the posterior standard deviation in Thompson sampling.
        outcome_transform: of the values, before the surrogate is fitted.
    """

    thompson: bool = True
    n_elite: int = 12
    candidates: int = 1000
    max_training_points: int = 200
    thompson_scale: float = 0.5
    outcome_transform: OutcomeTransform = rank_normal

    source: ClassVar[str] = "steps"

    def propose(self, state: State, codec: Codec, n: int, generator: torch.Generator) -> Proposal:
        """Contracted steps, selected by Thompson sampling or at random."""
        data = TrainingData(state, codec)
        centre = centre_of(elite_of(data.z, self.n_elite))
        scale = scale_after(*values_by_round(state, lambda t: t.source == self.source))
        size = pool_size(self.candidates, n)
        pool = contracted(corpus_of(codec, self.prior, generator), centre, scale, size, generator)
        _, params = distinct_new(pool, state, codec)
        note = {"scale": scale}
        if len(params) <= n or not self.thompson:
            return Proposal(params[:n], note=note)
        surrogate = fit_surrogate(data, self.max_training_points, self.outcome_transform)
        choices = codec.encode(params)
        picks = thompson_sampling(surrogate, choices, n, self.thompson_scale, generator)
        return Proposal([params[i] for i in picks], surrogate.mean(choices[picks]).tolist(), note)


def corpus_of(codec: Codec, prior: DiffusionPrior | None, generator: torch.Generator) -> Float[Tensor, "k d"]:
    """The corpus in the codec's coordinates; without a corpus, uniform points of the box."""
    if prior is None:
        return uniform_points(codec.dim, UNIFORM, generator)
    designs = prior.redrawn(generator)
    if codec is prior.codec:
        return prior.codec.encode_array(designs)
    return codec.encode(as_params(prior.space, designs))
