"""The results of a study as training data: ranked, and in the coordinates of a codec."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.codecs.base import Codec, Encoder
from gdopt.trials.ranking import objective_values, rank, ranked_trials
from gdopt.trials.state import State
from gdopt.trials.trial import Trial

__all__ = ["TrainingData", "gradient_to_z", "ranked_trials", "values_by_round"]


@dataclass(frozen=True)
class TrainingData:
    """The results of a study in the coordinates of a codec: made once in an `ask`, each part computed at first use.

    Args:
        state: with the trials.
        codec: of the designs.
    """

    state: State
    codec: Encoder

    @cached_property
    def trials(self) -> list[Trial]:
        """`ranked_trials` of the state."""
        return ranked_trials(self.state)

    @cached_property
    def z(self) -> Float[Tensor, "n d"]:
        """The designs of the trials."""
        return self.codec.encode([t.params for t in self.trials])

    @cached_property
    def y(self) -> Float[Tensor, " n"]:
        """The values of the first objective."""
        return torch.tensor([t.value for t in self.trials], dtype=torch.float64)

    @cached_property
    def pending(self) -> Float[Tensor, "p d"]:
        """The designs of the pending trials."""
        return self.codec.encode([t.params for t in self.state.pending])

    @cached_property
    def n_complete(self) -> int:
        """The number of designs with values of all objectives."""
        return sum(objective_values(self.state.config, t) is not None for t in self.trials)

    def gradient(self, row: int) -> Float[Tensor, " d"] | None:
        """The reported gradient at a row of z, with respect to z; None without one."""
        return gradient_to_z(self.trials[row], self.codec) if isinstance(self.codec, Codec) else None


def gradient_to_z(trial: Trial, codec: Codec) -> Float[Tensor, " d"] | None:
    """The reported gradient of a trial with respect to z; None without one."""
    if trial.result is None or trial.result.gradient is None:
        return None
    return codec.gradient_to_z(trial.params, trial.result.gradient)


def values_by_round(state: State, learned: Callable[[Trial], bool]) -> tuple[list[list[float]], float]:
    """The merits of the results of each learned round, and the best merit before the first of these rounds.

    The merit is the value; with outcome constraints or several objectives it is minus the rank among all results.

    Args:
        state: with the trials.
        learned: whether a learned round proposed a trial.
    """
    merit = _merits(state)
    of_rounds = [t for t in state.done if learned(t)]
    first = min((t.round for t in of_rounds), default=0)
    before = [merit[t.id] for t in state.done if not learned(t)]
    rounds = [[merit[t.id] for t in of_rounds if t.round == k] for k in range(first, len(state.notes))]
    return [r for r in rounds if r], max(before, default=float("-inf"))


def _merits(state: State) -> dict[int, float]:
    """The merit of each result by the id of its trial, higher is better."""
    if not state.config.outcome_constraints and not state.config.several:
        return {t.id: float(t.value or 0.0) for t in state.done}
    return {t.id: -float(place) for place, t in enumerate(rank(state.config, state.done))}
