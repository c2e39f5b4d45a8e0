"""Replicates of a design pooled into one result: the highest of noisy values would be too optimistic."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import fmean

from gdopt.space.parameters import Value, design_key
from gdopt.trials.trial import Measured, Result, Trial

__all__ = ["average_replicates", "pooled"]


def average_replicates(trials: Iterable[Trial]) -> list[Trial]:
    """One trial for each design: its first done trial, with the pooled result of all replicates.

    The trial of a design without replicates is unchanged.
    """
    found: dict[tuple[Value, ...], list[Trial]] = {}
    for trial in trials:
        if trial.result is not None:
            found.setdefault(design_key(trial.params), []).append(trial)
    return [
        of[0]
        if len(of) == 1
        else replace(of[0], result=pooled([t.result for t in of if t.result]), outcomes=_pooled(of))
        for of in found.values()
    ]


def _pooled(trials: Sequence[Trial]) -> dict[str, Measured]:
    """The pooled other outcomes of the replicates of a design."""
    names = dict.fromkeys(name for t in trials for name in t.outcomes)
    results = {n: pooled([Result(*t.outcomes[n]) for t in trials if n in t.outcomes]) for n in names}
    return {name: (one.value, one.sem) for name, one in results.items()}


def pooled(results: list[Result]) -> Result:
    """The mean of replicates, with its standard error where all of them have one.

    Σ wᵢ yᵢ / Σ wᵢ ± (Σ wᵢ)^-½ with wᵢ = 1/semᵢ²: more precise measurements have larger weights, and those with a
    standard error of 0 outweigh all others. If a standard error is missing, all weights are equal and the mean has no
    standard error: the spread of a few values is a poor estimate of it. The gradient is that of the first replicate.

    Example:
        >>> pooled([Result(1.0, 0.1), Result(3.0, 0.1)]).value
        2.0
    """
    sems = [r.sem for r in results if r.sem is not None]
    known = len(sems) == len(results)
    least = min(sems) if known else 0.0
    # In units of the least error, which may be 0.
    weights = [(least / s) ** 2 if s > 0 else 1.0 for s in sems] if known else [1.0] * len(results)
    # Divided by the largest first, so that huge values do not overflow when summed.
    size = max(abs(r.value) for r in results) or 1.0
    value = size * fmean([r.value / size for r in results], weights)
    return replace(results[0], value=value, sem=least / sum(weights) ** 0.5 if known else None)
