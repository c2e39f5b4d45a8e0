"""What the results of a study let one believe of designs that were not tried: their value, and whether they succeed."""

from collections.abc import Sequence
from itertools import islice

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt import pareto
from gdopt.algorithm import Measured, State, Status, Trial
from gdopt.codec import Codec, Encoder
from gdopt.designs import best_first, slope
from gdopt.goals import Goals, Limit
from gdopt.outcomes import excess, objectives, satisfied
from gdopt.surrogate import gp, success
from gdopt.surrogate.joint import Joint
from gdopt.surrogate.model import Fit, Surrogate
from gdopt.surrogate.slopes import stepped
from gdopt.surrogate.warp import Warp, bilog, warped_sem

__all__ = ["feasible", "informed", "likely", "surrogate"]


def surrogate(state: State, codec: Encoder, keep: int, warp: Warp, fit: Fit = gp.fit) -> Surrogate:
    """The model of the warped values of the best designs, with the standard errors that were told.

    A design that was measured repeatedly is one row, at its mean. A result without a standard error gets the median
    of all, where a missing one counts as 0: a typical error where most were told, none where most were not. On top of
    them `gdopt.surrogate.gp.fit` infers more.

    With limits or several objectives it is a `Joint`, whose models each know the designs of which their outcome was
    told. Several objectives are not warped but scaled: volumes would not be what they are.
    """
    goals = state.goals
    trials = best_first(state)[:keep]
    z = codec.encode([t.params for t in trials])
    first = [t.result for t in trials if t.result is not None]
    if not goals.limits and not goals.several:
        return _fitted(fit, z, [(r.value, r.sem) for r in first], warp)
    models, reference = [], []
    given = pareto.reference(goals, _complete(goals, trials)) if goals.several else None
    for place, objective in enumerate(goals.objectives):
        measured = [(r.value, r.sem) for r in first] if place == 0 else _measured(trials, objective.name)
        turned = measured if place == 0 else [_times(objective.sign, one) for one in measured]
        rows = [i for i, one in enumerate(turned) if one is not None]
        values = [one for one in turned if one is not None]
        scale = warp if given is None else _scaling(values)
        models.append(_fitted(fit, z[rows], values, scale))
        if given is not None:
            reference.append(float(scale(given[place : place + 1])))
    return Joint(
        tuple(models),
        tuple(_limited(fit, z, trials, one) for one in goals.limits if any(one.outcome in t.outcomes for t in trials)),
        sum(satisfied(goals.limits, t) is not False for t in trials),
        torch.tensor(reference, dtype=torch.float64) if reference else None,
    )


def _fitted(fit: Fit, z: Float[Tensor, "n d"], measured: Sequence[Measured], warp: Warp) -> Surrogate:
    y = torch.tensor([value for value, _ in measured], dtype=torch.float64)
    warped = warp(y)
    return fit(z, warped, _variance([sem for _, sem in measured], y, warped))


def _limited(fit: Fit, z: Float[Tensor, "n d"], trials: Sequence[Trial], limit: Limit) -> Surrogate:
    """The model of by how much an outcome is beyond its limit, on a scale that keeps 0 where it is."""
    measured = _measured(trials, limit.outcome)
    rows = [i for i, one in enumerate(measured) if one is not None]
    beyond = [(excess(limit, one[0]), one[1]) for one in measured if one is not None]
    return _fitted(fit, z[rows], beyond, bilog)


def _measured(trials: Sequence[Trial], name: str) -> list[Measured | None]:
    """An outcome of each trial, None where it was not told."""
    return [t.outcomes.get(name) for t in trials]


def _times(sign: float, measured: Measured | None) -> Measured | None:
    return None if measured is None else (sign * measured[0], measured[1])


def _complete(goals: Goals, trials: Sequence[Trial]) -> Float[Tensor, "n m"]:
    """All objectives of the trials that have them."""
    found = [values for t in trials if (values := objectives(goals, t)) is not None]
    return torch.tensor(found, dtype=torch.float64).reshape(len(found), len(goals.objectives))


def _scaling(measured: Sequence[Measured]) -> Warp:
    """The shift and the scale that give these values mean 0 and variance 1, for any values."""
    y = torch.tensor([value for value, _ in measured], dtype=torch.float64)
    mean, spread = y.mean(), y.std(correction=0)
    return lambda values: (values - mean) / (spread if spread > 0 else 1.0)


def feasible(model: Surrogate, z: Float[Tensor, "m d"]) -> list[float | None]:
    """The probability that each design satisfies the limits; None where there are none, or nothing is known of them."""
    if not isinstance(model, Joint) or not model.limits:
        return [None] * len(z)
    with torch.no_grad():
        return [*model.log_feasible(z).exp().tolist()]


# Gradients of so many of the best designs are learned from, at eight rows each.
SLOPES = 40


def informed(model: Surrogate, state: State, codec: Codec, step: float, generator: torch.Generator) -> Surrogate:
    """The surrogate with the gradients told of the best of its designs, as values a step away.

    As it is where no gradient was told, or the step is 0; see `gdopt.surrogate.slopes`.
    """
    trials = best_first(state)[: len(model.y)]
    told = ((row, g) for row, t in enumerate(trials) if (g := slope(t, codec)) is not None and g.any())
    slopes = dict(islice(told, SLOPES)) if step else {}
    if not slopes:
        return model
    y = torch.tensor([t.value for t in trials], dtype=torch.float64)
    return model.given(*stepped(model.z, y, model.y, slopes, step, generator))


def _variance(
    told: Sequence[float | None], y: Float[Tensor, " n"], warped: Float[Tensor, " n"]
) -> Float[Tensor, " n"] | None:
    """The variances of the warped values by the standard errors that were told; None if none was."""
    if all(sem is None for sem in told):
        return None
    typical = torch.tensor([sem or 0.0 for sem in told], dtype=torch.float64).median().item()
    sem = torch.tensor([typical if sem is None else sem for sem in told], dtype=torch.float64)
    return warped_sem(y, warped, sem).square()


# Whether designs succeed is learned from so many trials, the latest, as they lie where proposals are made.
LATEST = 300
# A candidate has to be twice as likely to succeed as to fail. At even chances half of the proposals along a border
# fail; at four to one what lies on it is no longer found.
LIKELY = 2 / 3


def likely(state: State, codec: Encoder, z: Float[Tensor, "m d"], n: int) -> list[int]:
    """The candidates that are twice as likely to succeed as to fail, in order; the n likeliest, if those are more.

    All of them while trials failed nowhere in particular (`gdopt.surrogate.success`), or none succeeded. An abandoned
    trial is no failure.
    """
    tried = [t for t in state.trials if t.status in (Status.DONE, Status.FAILED)][-LATEST:]
    succeeded = torch.tensor([t.status is Status.DONE for t in tried], dtype=torch.bool)
    if len(set(succeeded.tolist())) < 2:
        return list(range(len(z)))
    probability = success.probability(codec.encode([t.params for t in tried]), succeeded, z)
    if probability is None:
        return list(range(len(z)))
    count = max(n, int((probability >= LIKELY).sum()))
    return sorted(probability.argsort(descending=True, stable=True)[:count].tolist())
