"""The best trial so far: of those that satisfy the limits, repeated measurements of a design counting as one."""

from collections.abc import Iterable

from gdopt.algorithm import Trial
from gdopt.goals import Limit
from gdopt.outcomes import satisfied
from gdopt.replicates import merged
from gdopt.space import Value, identity

__all__ = ["incumbent", "incumbents"]


def incumbent(limits: tuple[Limit, ...], trials: Iterable[Trial]) -> Trial | None:
    """The best of the trials that are known to satisfy the limits, with the pooled result of its design; None of none.

    Args:
        limits: that count.
        trials: with values that are higher the better.
    """
    return max(merged(t for t in trials if satisfied(limits, t)), key=_value, default=None)


def incumbents(limits: tuple[Limit, ...], trials: Iterable[Trial]) -> list[Trial | None]:
    """The incumbent after each of the trials, None as long as there is none.

    A repeated measurement may lower it: the mean of a design replaces its luckiest value.
    """
    measured: dict[tuple[Value, ...], list[Trial]] = {}
    designs: dict[tuple[Value, ...], Trial] = {}
    best: Trial | None = None
    found = []
    for trial in trials:
        if trial.value is not None and satisfied(limits, trial):
            design = identity(trial.params)
            again = design in measured
            measured.setdefault(design, []).append(trial)
            (designs[design],) = merged(measured[design])
            if again:
                best = max(designs.values(), key=_value)
            elif best is None or _value(designs[design]) > _value(best):
                best = designs[design]
        found.append(best)
    return found


def _value(trial: Trial) -> float:
    assert trial.value is not None
    return trial.value
