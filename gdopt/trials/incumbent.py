"""The incumbent: the best feasible trial, with the replicates of a design pooled."""

from collections.abc import Iterable

from gdopt.space.parameters import Value, design_key
from gdopt.trials.objectives import OutcomeConstraint
from gdopt.trials.ranking import is_feasible
from gdopt.trials.replicates import average_replicates
from gdopt.trials.trial import Trial

__all__ = ["incumbent", "incumbents"]


def incumbent(limits: tuple[OutcomeConstraint, ...], trials: Iterable[Trial]) -> Trial | None:
    """The best trial that is known to be feasible, with the pooled result of its design; None if there is none.

    Args:
        limits: the outcome constraints.
        trials: with values that are higher the better.
    """
    return max(average_replicates(t for t in trials if is_feasible(limits, t)), key=_value, default=None)


def incumbents(limits: tuple[OutcomeConstraint, ...], trials: Iterable[Trial]) -> list[Trial | None]:
    """The incumbent after each trial, None before the first feasible trial.

    A replicate may lower it: the mean of a design replaces its highest value.
    """
    measured: dict[tuple[Value, ...], list[Trial]] = {}
    designs: dict[tuple[Value, ...], Trial] = {}
    best: Trial | None = None
    found = []
    for trial in trials:
        if trial.value is not None and is_feasible(limits, trial):
            design = design_key(trial.params)
            again = design in measured
            measured.setdefault(design, []).append(trial)
            (designs[design],) = average_replicates(measured[design])
            if again:
                best = max(designs.values(), key=_value)
            elif best is None or _value(designs[design]) > _value(best):
                best = designs[design]
        found.append(best)
    return found


def _value(trial: Trial) -> float:
    assert trial.value is not None
    return trial.value
