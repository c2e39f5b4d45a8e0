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
from gdopt.goals import Limit
from gdopt.outcomes import excess, satisfied, valued
from gdopt.space import Params
from gdopt.surrogate import gp, success
from gdopt.surrogate.joint import Joint
from gdopt.surrogate.model import Fit, Surrogate
from gdopt.surrogate.slopes import stepped
from gdopt.surrogate.warp import Warp, bilog, warped_sem

__all__ = ["allows", "feasible", "informed", "likely", "surrogate"]


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
    first = [None if t.result is None else (t.result.value, t.result.sem) for t in trials]
    others = [[_times(one.sign, t.outcomes.get(one.name)) for t in trials] for one in goals.objectives[1:]]
    scales, reference = [warp], None
    if goals.several:
        scales = [_scaling(column) for column in (first, *others)]
        given = pareto.reference(goals, valued(goals, trials)[1])
        reference = torch.stack([scale(one) for scale, one in zip(scales, given, strict=True)])
    models = [_fitted(fit, z, column, scale) for column, scale in zip((first, *others), scales, strict=True)]
    if not goals.limits and not goals.several:
        return models[0]
    limits = [one for one in goals.limits if any(one.outcome in t.outcomes for t in trials)]
    return Joint(
        tuple(models),
        tuple(_fitted(fit, z, _beyond(trials, one), bilog) for one in limits),
        sum(satisfied(goals.limits, t) is not False for t in trials),
        reference,
    )


def _fitted(fit: Fit, z: Float[Tensor, "n d"], measured: Sequence[Measured | None], warp: Warp) -> Surrogate:
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


def _beyond(trials: Sequence[Trial], limit: Limit) -> list[Measured | None]:
    """By how much an outcome is beyond its limit, None where it was not told."""
    measured = [t.outcomes.get(limit.outcome) for t in trials]
    return [None if one is None else (excess(limit, one[0]), one[1]) for one in measured]


def _scaling(measured: Sequence[Measured | None]) -> Warp:
    """The shift and the scale that give these values mean 0 and variance 1, for any values."""
    y = _values(measured)
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


def likely(state: State, codec: Encoder, z: Float[Tensor, "m d"], n: int, passed: Sequence[Params] = ()) -> list[int]:
    """The candidates that are twice as likely to be allowed and succeed as not, in order; the n likeliest, if more.

    All of them while trials failed nowhere in particular (`gdopt.surrogate.success`), or none succeeded. An abandoned
    trial is no failure. Of what is allowed, `allows` says how likely it is.
    """
    tried = [t for t in state.trials if t.status in (Status.DONE, Status.FAILED)][-LATEST:]
    good, bad = ([t.params for t in tried if t.status is status] for status in (Status.DONE, Status.FAILED))
    probability = _chance(codec, good, bad, z) * allows(state, codec, z, passed)
    count = max(n, int((probability >= LIKELY).sum()))
    return sorted(probability.argsort(descending=True, stable=True)[:count].tolist())


def allows(state: State, codec: Encoder, z: Float[Tensor, "m d"], passed: Sequence[Params] = ()) -> Float[Tensor, " m"]:
    """The probability that the user's function allows each candidate, by what it refused and what it let pass.

    Args:
        state: what was proposed has passed.
        codec: of z.
        z: the candidates.
        passed: designs that have passed beside.
    """
    proposed = [t.proposed or t.params for t in state.trials if t.round >= 0]
    return _chance(codec, [*proposed, *passed][-LATEST // 2 :], state.refused[-LATEST // 2 :], z)


def _chance(
    codec: Encoder, good: Sequence[Params], bad: Sequence[Params], z: Float[Tensor, "m d"]
) -> Float[Tensor, " m"]:
    """The probability that each candidate is good; 1 as long as it hangs on no place."""
    everywhere = torch.ones(len(z), dtype=torch.float64)
    if not good or not bad:
        return everywhere
    known = torch.arange(len(good) + len(bad)) < len(good)
    found = success.probability(codec.encode([*good, *bad]), known, z)
    return everywhere if found is None else found
