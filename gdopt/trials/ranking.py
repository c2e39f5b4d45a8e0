"""The order of trials by their objectives and by the outcome constraints that they violate."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from statistics import fmean

from gdopt.trials.objectives import OptimizationConfig, OutcomeConstraint
from gdopt.trials.pareto import (
    Row,
    crowding_distance,
    hypervolume,
    is_pareto_optimal,
    non_dominated_layers,
    reference_point,
)
from gdopt.trials.replicates import average_replicates
from gdopt.trials.state import State
from gdopt.trials.trial import Measured, Status, Trial

__all__ = [
    "hypervolume_history",
    "infeasible_as_failed",
    "is_feasible",
    "objective_values",
    "rank",
    "ranked_trials",
    "violation",
    "with_all_objectives",
]


def is_feasible(limits: tuple[OutcomeConstraint, ...], trial: Trial) -> bool | None:
    """Whether a trial's outcomes satisfy all limits; None as long as none is broken and not all were measured."""
    measured: Mapping[str, Measured] = trial.outcomes
    if any(not limit.holds(measured[limit.outcome][0]) for limit in limits if limit.outcome in measured):
        return False
    return True if all(limit.outcome in measured for limit in limits) else None


def objective_values(goals: OptimizationConfig, trial: Trial) -> Row | None:
    """The values of all objectives, higher is better; None if one of them is missing."""
    others = goals.objectives[1:]
    if trial.value is None or any(one.name not in trial.outcomes for one in others):
        return None
    return (trial.value, *(one.sign * trial.outcomes[one.name][0] for one in others))


def with_all_objectives(goals: OptimizationConfig, trials: Iterable[Trial]) -> tuple[list[Trial], list[Row]]:
    """The trials with values of all objectives, and these values, higher is better."""
    pairs = [(t, values) for t in trials if (values := objective_values(goals, t)) is not None]
    return [t for t, _ in pairs], [values for _, values in pairs]


def violation(limit: OutcomeConstraint, value: float) -> float:
    """By how much a value is beyond a limit, in the outcome's unit; negative where the limit holds."""
    return value - limit.bound if limit.sense == "<=" else limit.bound - value


def rank(goals: OptimizationConfig, trials: Iterable[Trial]) -> list[Trial]:
    """The trials, the best first; those that break a limit come last, the more the later (Deb 2000).

    Of several objectives the order is by layers of what is not dominated, within them by crowding distance (NSGA-II);
    trials that lack an objective come after those that have all.
    """
    known = list(trials)
    broken = [t for t in known if is_feasible(goals.outcome_constraints, t) is False]
    fit = [t for t in known if is_feasible(goals.outcome_constraints, t) is not False]
    by_value = sorted(fit, key=lambda t: -(t.value or 0.0))
    by_violation = [t for _, t in sorted(zip(_violations(goals, broken), broken, strict=True), key=lambda p: p[0])]
    return [*(_by_layers(goals, by_value) if goals.several else by_value), *by_violation]


def ranked_trials(state: State) -> list[Trial]:
    """A trial for each measured design, best first; repeated measurements are averaged."""
    return rank(state.config, average_replicates(state.done))


def _by_layers(goals: OptimizationConfig, trials: list[Trial]) -> list[Trial]:
    whole, rows = with_all_objectives(goals, trials)
    layers = non_dominated_layers(rows)
    distances = [0.0] * len(whole)
    for layer in set(layers):
        places = [i for i, found in enumerate(layers) if found == layer]
        for i, distance in zip(places, crowding_distance([rows[i] for i in places]), strict=True):
            distances[i] = distance
    order = sorted(range(len(whole)), key=lambda i: (layers[i], -distances[i]))
    ids = {t.id for t in whole}
    return [whole[i] for i in order] + [t for t in trials if t.id not in ids]


def _violations(goals: OptimizationConfig, trials: list[Trial]) -> list[float]:
    """The violation of each trial, summed over the constraints, each in units of its mean over the trials."""
    total = [0.0] * len(trials)
    for one in goals.outcome_constraints:
        column = [
            max(0.0, violation(one, t.outcomes[one.outcome][0])) if one.outcome in t.outcomes else 0.0 for t in trials
        ]
        scale = fmean(column) if column else 0.0
        if scale > 0:
            total = [sum(pair) for pair in zip(total, (value / scale for value in column), strict=True)]
    return total


def hypervolume_history(goals: OptimizationConfig, trials: Iterable[Trial]) -> list[float]:
    """The hypervolume after each trial, of the feasible trials up to it with values of all objectives."""
    rows = [objective_values(goals, t) if is_feasible(goals.outcome_constraints, t) else None for t in trials]
    known = [row for row in rows if row is not None]
    reference = reference_point(goals, known) if known else ()
    front: list[Row] = []
    volume, history = 0.0, []
    for row in rows:
        if row is not None:
            more = [*front, row]
            optimal = is_pareto_optimal(more)
            # A dominated row adds nothing.
            if optimal[-1]:
                front = [one for one, best in zip(more, optimal, strict=True) if best]
                volume = hypervolume(front, reference)
        history.append(volume)
    return history


def infeasible_as_failed(state: State) -> State:
    """The state of an algorithm that knows no limits: what breaks one has failed."""
    limits = state.config.outcome_constraints
    if not limits:
        return state
    trials = tuple(
        replace(t, status=Status.FAILED, result=None)
        if t.status is Status.DONE and is_feasible(limits, t) is False
        else t
        for t in state.trials
    )
    return replace(state, trials=trials)
