"""What the results of a study let one believe of designs that were not tried: their value, and whether they succeed."""

from collections.abc import Sequence
from itertools import islice

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.algorithm import State, Status, Trial
from gdopt.codec import Codec, Encoder
from gdopt.designs import best_first, slope
from gdopt.surrogate import gp, success
from gdopt.surrogate.model import Fit, Surrogate
from gdopt.surrogate.slopes import stepped
from gdopt.surrogate.warp import Warp, warped_sem

__all__ = ["informed", "likely", "surrogate"]


def surrogate(state: State, codec: Encoder, keep: int, warp: Warp, fit: Fit = gp.fit) -> Surrogate:
    """The model of the warped values of the best designs, with the standard errors that were told.

    A design that was measured repeatedly is one row, at its mean. A result without a standard error gets the median
    of all, where a missing one counts as 0: a typical error where most were told, none where most were not. On top of
    them `gdopt.surrogate.gp.fit` infers more.
    """
    trials = best_first(state)[:keep]
    z = codec.encode([t.params for t in trials])
    y = torch.tensor([t.value for t in trials], dtype=torch.float64)
    warped = warp(y)
    return fit(z, warped, _variance(trials, y, warped))


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
    trials: Sequence[Trial], y: Float[Tensor, " n"], warped: Float[Tensor, " n"]
) -> Float[Tensor, " n"] | None:
    """The variances of the warped values by the standard errors that were told; None if none was."""
    told = [t.result.sem for t in trials if t.result is not None]
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
