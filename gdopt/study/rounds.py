"""Summaries of rounds: the trials of each `ask` and their results."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import correlation, fmean, median

from gdopt.trials.incumbent import incumbent
from gdopt.trials.objectives import OptimizationConfig
from gdopt.trials.trial import Trial

__all__ = ["RoundSummary", "summarize_rounds"]

# A rank correlation of fewer values is not informative.
LEAST_RANKED = 3


@dataclass(frozen=True, slots=True)
class RoundSummary:
    """The summary of one `ask`.

    Args:
        number: of the round, from 0.
        asked: the number of proposed trials.
        told: the number of its trials that are done.
        best: the best value of its feasible trials, in the user's direction; None if there is none.
        median: of its values, in the user's direction.
        sources: the number of trials of each part of the algorithm.
        winner: the source of the best trial of the round.
        rank_correlation: Spearman's rank correlation of the predicted and the measured values; None with fewer than
            three values.
        mass_lift: the probability, by the surrogate, that a candidate is in the best tenth of the prior, divided by
            that of a sample of the prior.
        scale: the contraction of the prior.
        seconds: of the `ask`.
        feasible: the mean predicted probability of feasibility of its trials when they were proposed.
        hypervolume: with several objectives, of all trials up to those of this round.
    """

    number: int
    asked: int
    told: int
    best: float | None
    median: float | None
    sources: Mapping[str, int]
    winner: str | None
    rank_correlation: float | None
    mass_lift: float | None
    scale: float | None
    seconds: float
    feasible: float | None = None
    hypervolume: float | None = None


def summarize_rounds(
    goals: OptimizationConfig,
    trials: Sequence[Trial],
    notes: Sequence[Mapping[str, float]],
    volumes: Sequence[float] = (),
) -> list[RoundSummary]:
    """A summary for each `ask`.

    Args:
        goals: objectives and outcome constraints.
        trials: with values that are higher the better.
        notes: of each `ask`, in order.
        volumes: with several objectives, the hypervolume after each trial.
    """
    of: dict[int, list[Trial]] = {}
    for trial in trials:
        of.setdefault(trial.round, []).append(trial)
    made = [_round(goals, number, note, of.get(number, [])) for number, note in enumerate(notes)]
    if not volumes:
        return made
    last = {t.round: volume for t, volume in zip(trials, volumes, strict=True)}
    return [replace(one, hypervolume=last.get(one.number)) for one in made]


def _round(goals: OptimizationConfig, number: int, note: Mapping[str, float], trials: list[Trial]) -> RoundSummary:
    sign = goals.objectives[0].sign
    values = [t.value for t in trials if t.value is not None]
    best = incumbent(goals.outcome_constraints, trials)
    names = [t.source for t in trials]
    likely = [t.feasible for t in trials if t.feasible is not None]
    return RoundSummary(
        number=number,
        asked=len(trials),
        told=len(values),
        best=sign * best.value if best and best.value is not None else None,
        median=sign * median(values) if values else None,
        sources={name: names.count(name) for name in dict.fromkeys(names)},
        winner=best.source if best else None,
        rank_correlation=_rank_correlation(trials),
        mass_lift=note.get("mass_lift"),
        scale=note.get("scale"),
        seconds=note["seconds"],
        feasible=fmean(likely) if likely else None,
    )


def _rank_correlation(trials: list[Trial]) -> float | None:
    pairs = [(t.predicted, t.value) for t in trials if t.predicted is not None and t.value is not None]
    if len(pairs) < LEAST_RANKED or min(len(set(column)) for column in zip(*pairs, strict=True)) < 2:
        return None
    # As `scipy.stats.spearmanr`, whose import takes half a second.
    return correlation(*(_ranks(column) for column in zip(*pairs, strict=True)))


def _ranks(values: Sequence[float]) -> list[float]:
    """The rank of each value, from 1; equal values have the mean of their ranks."""
    ordered = sorted(values)
    return [(bisect_left(ordered, value) + bisect_right(ordered, value) + 1) / 2 for value in values]
