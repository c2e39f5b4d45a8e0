"""What was measured of a trial, as far as it matters: its objectives, and whether it satisfies the limits."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.trials.objectives import OptimizationConfig, OutcomeConstraint
from gdopt.trials.pareto import crowding_distance, hypervolume, is_pareto_optimal, non_dominated_layers, reference_point
from gdopt.trials.state import State
from gdopt.trials.trial import Measured, Status, Trial

__all__ = [
    "hypervolume_history",
    "infeasible_as_failed",
    "is_feasible",
    "objective_values",
    "rank",
    "violation",
    "with_all_objectives",
]


def is_feasible(limits: tuple[OutcomeConstraint, ...], trial: Trial) -> bool | None:
    """Whether a trial's outcomes satisfy all limits; None as long as none is broken and not all were measured."""
    measured: Mapping[str, Measured] = trial.outcomes
    if any(not limit.holds(measured[limit.outcome][0]) for limit in limits if limit.outcome in measured):
        return False
    return True if all(limit.outcome in measured for limit in limits) else None


def objective_values(goals: OptimizationConfig, trial: Trial) -> tuple[float, ...] | None:
    """The values of all objectives, higher the better; None as long as one was not measured."""
    others = goals.objectives[1:]
    if trial.value is None or any(one.name not in trial.outcomes for one in others):
        return None
    return (trial.value, *(one.sign * trial.outcomes[one.name][0] for one in others))


def with_all_objectives(goals: OptimizationConfig, trials: Iterable[Trial]) -> tuple[list[Trial], Float[Tensor, "n m"]]:
    """The trials that have all objectives, and these, higher the better."""
    pairs = [(t, found) for t in trials if (found := objective_values(goals, t)) is not None]
    values = torch.tensor([found for _, found in pairs], dtype=torch.float64)
    return [t for t, _ in pairs], values.reshape(len(pairs), len(goals.objectives))


def violation(limit: OutcomeConstraint, value: float) -> float:
    """By how much a value is beyond a limit, in the outcome's unit; negative where the limit holds."""
    return value - limit.bound if limit.sense == "<=" else limit.bound - value


def rank(goals: OptimizationConfig, trials: Iterable[Trial]) -> list[Trial]:
    """The trials, the best first; those that break a limit come last, the more the later (Deb 2000).

    Of several objectives the order is by layers of what is not dominated, within them by crowding distance (NSGA-II);
    trials that lack an objective come after those that have all.
    """
    known = list(trials)
    broken = [t for t in known if is_feasible(goals.limits, t) is False]
    fit = [t for t in known if is_feasible(goals.limits, t) is not False]
    by_value = sorted(fit, key=lambda t: -(t.value or 0.0))
    by_excess = [known for _, known in sorted(zip(_broken_by(goals, broken), broken, strict=True), key=lambda p: p[0])]
    return [*(_by_layers(goals, by_value) if goals.several else by_value), *by_excess]


def _by_layers(goals: OptimizationConfig, trials: list[Trial]) -> list[Trial]:
    whole, rows = with_all_objectives(goals, trials)
    layers = torch.tensor(non_dominated_layers(rows), dtype=torch.int64)
    apart = torch.zeros(len(whole), dtype=torch.float64)
    for layer in layers.unique():
        apart[layers == layer] = crowding_distance(rows[layers == layer])
    order = sorted(range(len(whole)), key=lambda i: (layers[i].item(), -apart[i].item()))
    known = {t.id for t in whole}
    return [whole[i] for i in order] + [t for t in trials if t.id not in known]


def _broken_by(goals: OptimizationConfig, trials: list[Trial]) -> list[float]:
    """By how much each trial breaks the limits, summed, each in units of what the trials break it by on average."""
    beyond = torch.tensor(
        [
            [max(0.0, violation(one, t.outcomes[one.outcome][0])) if one.outcome in t.outcomes else 0.0 for t in trials]
            for one in goals.limits
        ],
        dtype=torch.float64,
    ).reshape(len(goals.limits), len(trials))
    scale: Float[Tensor, "k 1"] = beyond.mean(1, keepdim=True)
    found: list[float] = torch.where(scale > 0, beyond / scale, 0.0).sum(0).tolist()
    return found


def hypervolume_history(goals: OptimizationConfig, trials: Iterable[Trial]) -> list[float]:
    """The hypervolume of all trials up to each one that satisfy the limits and have all objectives."""
    rows = [objective_values(goals, t) if is_feasible(goals.limits, t) else None for t in trials]
    whole = torch.tensor([row for row in rows if row is not None], dtype=torch.float64)
    whole = whole.reshape(-1, len(goals.objectives))
    reference = reference_point(goals, whole) if len(whole) else whole.new_zeros(whole.shape[1])
    front, volume, found = whole[:0], 0.0, []
    for row in rows:
        if row is not None:
            more = torch.cat([front, whole.new_tensor(row).unsqueeze(0)])
            best = is_pareto_optimal(more)
            # What is dominated adds nothing.
            if best[-1]:
                front = more[best]
                volume = hypervolume(front, reference)
        found.append(volume)
    return found


def infeasible_as_failed(state: State) -> State:
    """The state of an algorithm that knows no limits: what breaks one has failed."""
    limits = state.goals.limits
    if not limits:
        return state
    trials = tuple(
        replace(t, status=Status.FAILED, result=None)
        if t.status is Status.DONE and is_feasible(limits, t) is False
        else t
        for t in state.trials
    )
    return replace(state, trials=trials)
