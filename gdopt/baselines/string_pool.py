"""Strings that a surrogate chooses from a pool: of the corpus, or of whatever breeds them."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch

from gdopt.acquisition.batch import BatchSelector, SelectionInput, select_batch
from gdopt.acquisition.data import TrainingData, pending_points
from gdopt.acquisition.feasibility import likely_to_succeed
from gdopt.acquisition.string_features import Features, StringEncoder, encoder_and_surrogate
from gdopt.acquisition.surrogate import fit_surrogate
from gdopt.baselines.string_learner import StringLearner, seen
from gdopt.candidates.steps import pool_size
from gdopt.surrogates.base import Surrogate, SurrogateFactory
from gdopt.surrogates.outcome_transforms import OutcomeTransform, power
from gdopt.trials.state import State

__all__ = ["CorpusThompson", "StringPool"]


@dataclass(frozen=True, kw_only=True)
class StringPool(StringLearner):
    """The surrogate's choice from a pool: features, surrogate, warp and selection are those of `MaskedDiffusion`.

    Args:
        candidates: in the pool, about; four for each string asked for, if that is more.
        max_training_points: how many of the best strings the surrogate is fitted to.
        thompson_scale: factor on the surrogate's spread in Thompson sampling.
        features: what the surrogate sees.
        outcome_transform: of the values, before the surrogate sees them.
        surrogate: what is fitted to the features.
        selection: of a batch from the pool.
    """

    candidates: int = 1200
    max_training_points: int = 1000
    thompson_scale: float = 0.5
    features: Features | None = None
    outcome_transform: OutcomeTransform = power
    surrogate: SurrogateFactory | None = None
    selection: BatchSelector = select_batch

    def propose(self, state: State, n: int, generator: torch.Generator) -> tuple[list[str], list[float]]:
        """The surrogate's choice from the pool."""
        view, fitted = encoder_and_surrogate(state.space, self.features, self.surrogate)
        surrogate = fit_surrogate(TrainingData(state, view), self.max_training_points, self.outcome_transform, fitted)
        pool = self.pool(state, surrogate, view, pool_size(self.candidates, n), generator)
        if len(pool) <= n:
            return pool, []
        z = view.features(pool)
        usable = likely_to_succeed(state, view, z, n)
        chosen = self.selection(
            SelectionInput(surrogate, z[usable], n, pending_points(state, view), self.thompson_scale, generator)
        )
        picks = [usable[i] for i in chosen]
        return [pool[i] for i in picks], surrogate.mean(z[picks]).tolist()

    @abstractmethod
    def pool(
        self, state: State, surrogate: Surrogate, view: StringEncoder, size: int, generator: torch.Generator
    ) -> list[str]:
        """About as many new strings of the space, all different."""


@dataclass(frozen=True, kw_only=True)
class CorpusThompson(StringPool):
    """The strings of the corpus that the surrogate's draws like best, among all that are left: nothing new is made."""

    source: ClassVar[str] = "pool"

    def pool(
        self, state: State, surrogate: Surrogate, view: StringEncoder, size: int, generator: torch.Generator
    ) -> list[str]:
        """What is left of the corpus."""
        del surrogate, view, size, generator
        known = seen(state)
        return [one for one in self.corpus if one not in known]
