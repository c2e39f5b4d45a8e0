"""The probability that a trial succeeds, learned from failed trials and from rejected designs."""

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

# Number of latest trials that the classifier is fitted to: they lie where proposals are made.
LATEST = 300
# A candidate has to be twice as likely to succeed as to fail. At even odds half of the proposals along a border fail;
# at odds of four to one, designs on the border are no longer found.
LIKELY = 2 / 3


def likely_to_succeed(
    state: State, codec: Encoder, z: Float[Tensor, "m d"], n: int, accepted: Sequence[Params] = ()
) -> list[int]:
    """The rows of candidates with P(success) · P(accepted) of at least 2/3, in order; the n likeliest, if they are
    more.

    All rows while failures do not depend on the design (`gdopt.surrogates.classifier`), or no trial succeeded.
    Abandoned trials are not failures. P(accepted) is `success_probability`.

    Args:
        state: with failed and successful trials.
        codec: of z.
        z: the candidates, `m x d`.
        n: number of rows, at least.
        accepted: designs of this batch that the design filter has accepted.
    """
    tried = [t for t in state.trials if t.status in (Status.DONE, Status.FAILED)][-LATEST:]
    good, bad = ([t.params for t in tried if t.status is status] for status in (Status.DONE, Status.FAILED))
    probability = _probability(codec, good, bad, z) * success_probability(state, codec, z, accepted)
    count = max(n, int((probability >= LIKELY).sum()))
    return sorted(probability.argsort(descending=True, stable=True)[:count].tolist())


def success_probability(
    state: State, codec: Encoder, z: Float[Tensor, "m d"], accepted: Sequence[Params] = ()
) -> Float[Tensor, " m"]:
    """P(the design filter accepts) of each candidate, from its earlier answers.

    Args:
        state: whose proposals were accepted, and whose `refused` designs were rejected.
        codec: of z.
        z: the candidates, `m x d`.
        accepted: further accepted designs.
    """
    proposed = [t.proposed or t.params for t in state.trials if t.round >= 0]
    return _probability(codec, [*proposed, *accepted][-LATEST // 2 :], state.refused[-LATEST // 2 :], z)


def _probability(
    codec: Encoder, good: Sequence[Params], bad: Sequence[Params], z: Float[Tensor, "m d"]
) -> Float[Tensor, " m"]:
    """P(good) of each candidate; 1 for all while the data do not show that it depends on the design."""
    everywhere = torch.ones(len(z), dtype=torch.float64)
    if not good or not bad:
        return everywhere
    labels = torch.arange(len(good) + len(bad)) < len(good)
    fitted = classifier.probability(codec.encode([*good, *bad]), labels, z)
    return everywhere if fitted is None else fitted
