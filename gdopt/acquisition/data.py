"""A study's designs, as an `ask` sees them: what was told, what is pending, and which of its candidates are new."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.codecs.base import Codec, Encoder
from gdopt.trials.ranking import rank, ranked_trials
from gdopt.trials.state import State
from gdopt.trials.trial import Trial

__all__ = ["gradient_to_z", "pending_points", "ranked_trials", "training_data", "values_by_round"]


def training_data(state: State, codec: Encoder) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
    """What is known, the best first, in the codec's coordinates; a row for each design."""
    trials = ranked_trials(state)
    return codec.encode([t.params for t in trials]), torch.tensor([t.value for t in trials], dtype=torch.float64)


def gradient_to_z(trial: Trial, codec: Codec) -> Float[Tensor, " d"] | None:
    """The gradient that was told of a trial, by the codec's coordinates; None without one."""
    if trial.result is None or trial.result.gradient is None:
        return None
    return codec.gradient_to_z(trial.params, trial.result.gradient)


def pending_points(state: State, codec: Encoder) -> Float[Tensor, "p d"]:
    """What is being measured."""
    return codec.encode([t.params for t in state.pending])


def values_by_round(state: State, learned: Callable[[Trial], bool]) -> tuple[list[list[float]], float]:
    """The worth of each result of each learned round, and the best before the first of them.

    The worth is the value; with limits or several objectives it is the place among all results, the best the highest.
    """
    worth = _worth(state)
    of_rounds = [t for t in state.done if learned(t)]
    first = min((t.round for t in of_rounds), default=0)
    before = [worth[t.id] for t in state.done if not learned(t)]
    rounds = [[worth[t.id] for t in of_rounds if t.round == k] for k in range(first, len(state.notes))]
    return [r for r in rounds if r], max(before, default=float("-inf"))


def _worth(state: State) -> dict[int, float]:
    """What each result is worth, by its trial's id, higher the better."""
    if not state.config.outcome_constraints and not state.config.several:
        return {t.id: float(t.value or 0.0) for t in state.done}
    return {t.id: -float(place) for place, t in enumerate(rank(state.config, state.done))}
