"""The probability that a trial succeeds, from trials that failed."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.codecs.base import Encoder
from gdopt.space.parameters import Params
from gdopt.surrogates import classifier
from gdopt.trials.state import State
from gdopt.trials.trial import Status

__all__ = ["likely_to_succeed", "success_probability"]

# Whether designs succeed is learned from so many trials, the latest, as they lie where proposals are made.
LATEST = 300
# A candidate has to be twice as likely to succeed as to fail. At even chances half of the proposals along a border
# fail; at four to one what lies on it is no longer found.
LIKELY = 2 / 3


def likely_to_succeed(
    state: State, codec: Encoder, z: Float[Tensor, "m d"], n: int, passed: Sequence[Params] = ()
) -> list[int]:
    """The candidates that are twice as likely to be allowed and succeed as not, in order; the n likeliest, if more.

    All of them while trials failed nowhere in particular (`gdopt.surrogates.classifier`), or none succeeded. An
    abandoned trial is no failure. Of what is allowed, `allows` says how likely it is.
    """
    tried = [t for t in state.trials if t.status in (Status.DONE, Status.FAILED)][-LATEST:]
    good, bad = ([t.params for t in tried if t.status is status] for status in (Status.DONE, Status.FAILED))
    probability = _chance(codec, good, bad, z) * success_probability(state, codec, z, passed)
    count = max(n, int((probability >= LIKELY).sum()))
    return sorted(probability.argsort(descending=True, stable=True)[:count].tolist())


def success_probability(
    state: State, codec: Encoder, z: Float[Tensor, "m d"], passed: Sequence[Params] = ()
) -> Float[Tensor, " m"]:
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
    found = classifier.probability(codec.encode([*good, *bad]), known, z)
    return everywhere if found is None else found
