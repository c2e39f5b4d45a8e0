"""The surrogate of a study's results: objectives, outcome constraints, standard errors and gradients."""

from collections.abc import Sequence
from itertools import islice

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.acquisition.data import TrainingData
from gdopt.surrogates import gp
from gdopt.surrogates.base import Surrogate, SurrogateFactory
from gdopt.surrogates.gradient_observations import stepped
from gdopt.surrogates.multi_output import MultiOutputSurrogate
from gdopt.surrogates.outcome_transforms import OutcomeTransform, bilog, warped_sem
from gdopt.trials.objectives import OutcomeConstraint
from gdopt.trials.pareto import reference_point
from gdopt.trials.ranking import is_feasible, violation, with_all_objectives
from gdopt.trials.trial import Measured, Trial

__all__ = ["fit_surrogate", "probability_feasible", "with_gradients"]


def fit_surrogate(
    data: TrainingData, most: int, transform: OutcomeTransform, fit: SurrogateFactory = gp.fit
) -> MultiOutputSurrogate:
    """The surrogate of the transformed values of the best designs, with their reported standard errors.

    A result without a standard error gets the median of all standard errors, with missing ones as 0: a typical error
    where most results have one, none where most have none. `gdopt.surrogates.gp.fit` infers noise on top.

    The model of each outcome is fitted to the designs with a value of this outcome. Several objectives are not
    transformed but scaled, as a transform would change hypervolumes.

    Args:
        data: the results.
        most: number of best designs that are used.
        transform: of the values of a single objective.
        fit: makes the model of each outcome.
    """
    goals = data.state.config
    trials, z = data.trials[:most], data.z[:most]
    first = [None if t.result is None else (t.result.value, t.result.sem) for t in trials]
    others = [[_times(one.sign, t.outcomes.get(one.name)) for t in trials] for one in goals.objectives[1:]]
    scales, reference = [transform], None
    if goals.several:
        scales = [_scaling(column) for column in (first, *others)]
        given = torch.tensor(reference_point(goals, with_all_objectives(goals, trials)[1]), dtype=torch.float64)
        reference = torch.stack([scale(one) for scale, one in zip(scales, given, strict=True)])
    models = [_fitted(fit, z, column, scale) for column, scale in zip((first, *others), scales, strict=True)]
    limits = [one for one in goals.outcome_constraints if any(one.outcome in t.outcomes for t in trials)]
    return MultiOutputSurrogate(
        tuple(models),
        tuple(_fitted(fit, z, _beyond(trials, one), bilog) for one in limits),
        sum(is_feasible(goals.outcome_constraints, t) is not False for t in trials),
        reference,
    )


def _fitted(
    fit: SurrogateFactory, z: Float[Tensor, "n d"], measured: Sequence[Measured | None], transform: OutcomeTransform
) -> Surrogate:
    """The model of an outcome, of the designs with a value of it."""
    rows = [row for row, one in enumerate(measured) if one is not None]
    y, sems = _values(measured), [one[1] for one in measured if one is not None]
    transformed = transform(y)
    return fit(z[rows], transformed, _variance(sems, y, transformed))


def _values(measured: Sequence[Measured | None]) -> Float[Tensor, " n"]:
    """The measured values."""
    return torch.tensor([one[0] for one in measured if one is not None], dtype=torch.float64)


def _times(sign: float, measured: Measured | None) -> Measured | None:
    return None if measured is None else (sign * measured[0], measured[1])


def _beyond(trials: Sequence[Trial], limit: OutcomeConstraint) -> list[Measured | None]:
    """The violation of a constraint, negative where the constraint holds; None without a measurement."""
    measured = [t.outcomes.get(limit.outcome) for t in trials]
    return [None if one is None else (violation(limit, one[0]), one[1]) for one in measured]


def _scaling(measured: Sequence[Measured | None]) -> OutcomeTransform:
    """The shift and scale that give these values mean 0 and variance 1."""
    y = _values(measured)
    mean, spread = y.mean(), y.std(correction=0)
    return lambda values: (values - mean) / (spread if spread > 0 else 1.0)


def probability_feasible(model: MultiOutputSurrogate, z: Float[Tensor, "m d"]) -> list[float | None]:
    """P(all outcome constraints hold) of each design; None without a modelled constraint."""
    if not model.constraints:
        return [None] * len(z)
    with torch.no_grad():
        return [*model.log_feasible(z).exp().tolist()]


# Number of best designs whose gradients are used, at eight rows each.
MOST_GRADIENTS = 40


def with_gradients(
    model: MultiOutputSurrogate, data: TrainingData, step: float, generator: torch.Generator
) -> MultiOutputSurrogate:
    """The surrogate conditioned on reported gradients of its best designs, as values a step away.

    Unchanged without a reported gradient, or for a step of 0; see `gdopt.surrogates.gradient_observations`.
    """
    n = len(model.y)
    reported = ((row, g) for row in range(n) if (g := data.gradient(row)) is not None and g.any())
    gradients = dict(islice(reported, MOST_GRADIENTS)) if step else {}
    if not gradients:
        return model
    return model.condition_on_observations(*stepped(model.z, data.y[:n], model.y, gradients, step, generator))


def _variance(
    sems: Sequence[float | None], y: Float[Tensor, " n"], transformed: Float[Tensor, " n"]
) -> Float[Tensor, " n"] | None:
    """The variances of the transformed values by their standard errors; None without any."""
    if all(sem is None for sem in sems):
        return None
    typical = torch.tensor([sem or 0.0 for sem in sems], dtype=torch.float64).median().item()
    sem = torch.tensor([typical if sem is None else sem for sem in sems], dtype=torch.float64)
    return warped_sem(y, transformed, sem).square()
