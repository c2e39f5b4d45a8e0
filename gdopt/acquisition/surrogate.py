"""The surrogate of a study's results: objectives, outcome constraints, standard errors and gradients."""

from collections.abc import Sequence
from itertools import islice

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.acquisition.data import gradient_to_z, ranked_trials
from gdopt.codecs.base import Codec, Encoder
from gdopt.surrogates import gp
from gdopt.surrogates.base import Surrogate, SurrogateFactory
from gdopt.surrogates.gradient_observations import stepped
from gdopt.surrogates.multi_output import MultiOutputSurrogate
from gdopt.surrogates.outcome_transforms import OutcomeTransform, bilog, warped_sem
from gdopt.trials.objectives import OutcomeConstraint
from gdopt.trials.pareto import reference_point
from gdopt.trials.ranking import is_feasible, violation, with_all_objectives
from gdopt.trials.state import State
from gdopt.trials.trial import Measured, Trial

__all__ = ["fit_surrogate", "probability_feasible", "with_gradients"]


def fit_surrogate(
    state: State, codec: Encoder, keep: int, warp: OutcomeTransform, fit: SurrogateFactory = gp.fit
) -> Surrogate:
    """The model of the warped values of the best designs, with the standard errors that were told.

    A design that was measured repeatedly is one row, at its mean. A result without a standard error gets the median
    of all, where a missing one counts as 0: a typical error where most were told, none where most were not. On top of
    them `gdopt.surrogates.gp.fit` infers more.

    With limits or several objectives it is a `Joint`, whose models each know the designs of which their outcome was
    told. Several objectives are not warped but scaled: volumes would not be what they are.
    """
    goals = state.config
    trials = ranked_trials(state)[:keep]
    z = codec.encode([t.params for t in trials])
    first = [None if t.result is None else (t.result.value, t.result.sem) for t in trials]
    others = [[_times(one.sign, t.outcomes.get(one.name)) for t in trials] for one in goals.objectives[1:]]
    scales, reference = [warp], None
    if goals.several:
        scales = [_scaling(column) for column in (first, *others)]
        given = torch.tensor(reference_point(goals, with_all_objectives(goals, trials)[1]), dtype=torch.float64)
        reference = torch.stack([scale(one) for scale, one in zip(scales, given, strict=True)])
    models = [_fitted(fit, z, column, scale) for column, scale in zip((first, *others), scales, strict=True)]
    if not goals.outcome_constraints and not goals.several:
        return models[0]
    limits = [one for one in goals.outcome_constraints if any(one.outcome in t.outcomes for t in trials)]
    return MultiOutputSurrogate(
        tuple(models),
        tuple(_fitted(fit, z, _beyond(trials, one), bilog) for one in limits),
        sum(is_feasible(goals.outcome_constraints, t) is not False for t in trials),
        reference,
    )


def _fitted(
    fit: SurrogateFactory, z: Float[Tensor, "n d"], measured: Sequence[Measured | None], warp: OutcomeTransform
) -> Surrogate:
    """The model of an outcome, over the designs of which it was told."""
    rows = [row for row, one in enumerate(measured) if one is not None]
    y, told = _values(measured), [one[1] for one in measured if one is not None]
    warped = warp(y)
    return fit(z[rows], warped, _variance(told, y, warped))


def _values(measured: Sequence[Measured | None]) -> Float[Tensor, " n"]:
    """The values that were told."""
    return torch.tensor([one[0] for one in measured if one is not None], dtype=torch.float64)


def _times(sign: float, measured: Measured | None) -> Measured | None:
    return None if measured is None else (sign * measured[0], measured[1])


def _beyond(trials: Sequence[Trial], limit: OutcomeConstraint) -> list[Measured | None]:
    """By how much an outcome is beyond its limit, None where it was not told."""
    measured = [t.outcomes.get(limit.outcome) for t in trials]
    return [None if one is None else (violation(limit, one[0]), one[1]) for one in measured]


def _scaling(measured: Sequence[Measured | None]) -> OutcomeTransform:
    """The shift and the scale that give these values mean 0 and variance 1, for any values."""
    y = _values(measured)
    mean, spread = y.mean(), y.std(correction=0)
    return lambda values: (values - mean) / (spread if spread > 0 else 1.0)


def probability_feasible(model: Surrogate, z: Float[Tensor, "m d"]) -> list[float | None]:
    """The probability that each design satisfies the limits; None where there are none, or nothing is known of them."""
    if not isinstance(model, MultiOutputSurrogate) or not model.constraints:
        return [None] * len(z)
    with torch.no_grad():
        return [*model.log_feasible(z).exp().tolist()]


# Gradients of so many of the best designs are learned from, at eight rows each.
SLOPES = 40


def with_gradients(model: Surrogate, state: State, codec: Codec, step: float, generator: torch.Generator) -> Surrogate:
    """The surrogate with the gradients told of the best of its designs, as values a step away.

    As it is where no gradient was told, or the step is 0; see `gdopt.surrogates.gradient_observations`.
    """
    trials = ranked_trials(state)[: len(model.y)]
    told = ((row, g) for row, t in enumerate(trials) if (g := gradient_to_z(t, codec)) is not None and g.any())
    slopes = dict(islice(told, SLOPES)) if step else {}
    if not slopes:
        return model
    y = torch.tensor([t.value for t in trials], dtype=torch.float64)
    return model.condition_on_observations(*stepped(model.z, y, model.y, slopes, step, generator))


def _variance(
    told: Sequence[float | None], y: Float[Tensor, " n"], warped: Float[Tensor, " n"]
) -> Float[Tensor, " n"] | None:
    """The variances of the warped values by the standard errors that were told; None if none was."""
    if all(sem is None for sem in told):
        return None
    typical = torch.tensor([sem or 0.0 for sem in told], dtype=torch.float64).median().item()
    sem = torch.tensor([typical if sem is None else sem for sem in told], dtype=torch.float64)
    return warped_sem(y, warped, sem).square()
