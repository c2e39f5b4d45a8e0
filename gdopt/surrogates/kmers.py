"""Sequences as vectors: which letters they have, and which pairs of letters at which distance."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["REACH", "one_hot", "pairs"]

# Distances of pairs, from neighbours on.
REACH = 8


def one_hot(x: Int[Tensor, "n L"], tokens: int) -> Float[Tensor, "n L V"]:
    """1 for the token at each place of a row, 0 for all others, and for all where the number is none of a token."""
    return torch.nn.functional.one_hot(x.clamp_max(tokens), tokens + 1)[..., :tokens].double()


def pairs(laws: Float[Tensor, "n L V"], reach: int = REACH) -> Float[Tensor, "n d"]:
    """1 for each letter that a row has anywhere, and for each pair of letters that it has d places apart, d <= reach.

    Gapped pairs say of motifs what matters, wherever they stand (Ghandi et al. 2014, gapped k-mers, of two letters
    here): d = V + reach V². Where places are laws over letters it is how often each is expected, 1 at most.

    Args:
        laws: 1 for the letter at each place and 0 for all others, or a law over letters; zeros beyond a row's end.
        reach: the longest distance.
    """
    length = laws.shape[1]
    found = [laws.sum(1)]
    for distance in range(1, reach + 1):
        # Nothing is so far apart in a short row.
        first, second = laws[:, : max(0, length - distance)], laws[:, distance:]
        found.append((first.mT @ second).flatten(1))
    return torch.cat(found, 1).clamp_max(1)
