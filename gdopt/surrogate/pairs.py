"""Sequences as vectors: which letters they have, and which pairs of letters at which distance."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["REACH", "pairs"]

# Distances of pairs, from neighbours on.
REACH = 8


def pairs(x: Int[Tensor, "n L"], tokens: int, reach: int = REACH) -> Float[Tensor, "n d"]:
    """1 for each letter that a row has anywhere, and for each pair of letters that it has d places apart, d <= reach.

    Gapped pairs say of motifs what matters, wherever they stand (Ghandi et al. 2014, gapped k-mers, of two letters
    here): d = tokens + reach tokens².

    Args:
        x: rows of token numbers; numbers of `tokens` and above are no letters.
        tokens: V.
        reach: the longest distance.
    """
    there = x < tokens
    # One column more, for what is no letter, which is dropped.
    found = torch.zeros(len(x), tokens + reach * tokens**2 + 1, dtype=torch.float64)
    nothing = found.shape[1] - 1
    found.scatter_(1, torch.where(there, x, nothing), 1.0)
    for distance in range(1, min(reach, x.shape[1] - 1) + 1):
        first = tokens + (distance - 1) * tokens**2
        column = first + x[:, :-distance] * tokens + x[:, distance:]
        both = there[:, :-distance] & there[:, distance:]
        found.scatter_(1, torch.where(both, column, nothing), 1.0)
    return found[:, :-1]
