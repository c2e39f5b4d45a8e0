"""Strings that a surrogate selects from a pool: of the corpus, or of offspring."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch

from gdopt.acquisition.batch import BatchSelector, SelectionInput, select_batch
from gdopt.acquisition.data import TrainingData
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
    """Selection from a pool, with the features, surrogate, transform and selection of `MaskedDiffusion`.

    Args:
        candidates: number of strings in the pool, about; at least four for each string of the batch.
        max_training_points: number of best strings that the surrogate is fitted to.
        thompson_scale: factor on the posterior standard deviation in Thompson sampling.
        features: inputs of the surrogate.
        outcome_transform: of the values, before the surrogate is fitted.
        surrogate: the factory of the surrogate.
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
        """The selected strings of the pool, with their posterior means."""
        view, fitted = encoder_and_surrogate(state.space, self.features, self.surrogate)
        data = TrainingData(state, view)
        surrogate = fit_surrogate(data, self.max_training_points, self.outcome_transform, fitted)
        pool = self.pool(state, surrogate, view, pool_size(self.candidates, n), generator)
        if len(pool) <= n:
            return pool, []
        z = view.features(pool)
        usable = likely_to_succeed(state, view, z, n)
        chosen = self.selection(SelectionInput(surrogate, z[usable], n, data.pending, self.thompson_scale, generator))
        picks = [usable[i] for i in chosen]
        return [pool[i] for i in picks], surrogate.mean(z[picks]).tolist()

    @abstractmethod
    def pool(
        self, state: State, surrogate: Surrogate, view: StringEncoder, size: int, generator: torch.Generator
    ) -> list[str]:
        """About `size` new strings of the space, all different."""


@dataclass(frozen=True, kw_only=True)
class CorpusThompson(StringPool):
    """Selection among all untried strings of the corpus; no new strings are generated."""

    source: ClassVar[str] = "pool"

    def pool(
        self, state: State, surrogate: Surrogate, view: StringEncoder, size: int, generator: torch.Generator
    ) -> list[str]:
        """The untried strings of the corpus."""
        del surrogate, view, size, generator
        known = seen(state)
        return [one for one in self.corpus if one not in known]
