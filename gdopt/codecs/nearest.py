"""The nearest rows of a table, in chunks."""

from collections.abc import Collection

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["nearest"]

# Rows of a group, of which only the nearest is looked at first; queries and distances that are held at once (64 MB).
GROUP, QUERIES, DISTANCES = 64, 1024, 2**24


def nearest(
    rows: Float[Tensor, "n d"], z: Float[Tensor, "m d"], k: int, but: Collection[int] = ()
) -> Int[Tensor, "m j"]:
    """The places of the k rows nearest to each row of z, the nearest first, of those that `but` leaves.

    By products of matrices in single precision: in more than 15 dimensions a k-d tree looks at every row too, and takes
    fifty times as long. The k nearest are in the k groups with the nearest members, so only these are sorted.
    """
    k = min(k, len(rows) - len(but))
    squares = rows.square().sum(1)
    squares[torch.tensor([*but], dtype=torch.long)] = torch.inf
    return torch.cat([_nearest(rows, squares, part, k) for part in z.float().split(QUERIES)])


def _nearest(
    rows: Float[Tensor, "n d"], squares: Float[Tensor, " n"], z: Float[Tensor, "m d"], k: int
) -> Int[Tensor, "m k"]:
    size = GROUP * max(1, DISTANCES // (GROUP * max(1, len(z))))
    least: list[Tensor] = []
    for part, square in zip(rows.split(size), squares.split(size), strict=True):
        distances = torch.addmm(square.unsqueeze(0), z, part.T, alpha=-2)
        distances = torch.nn.functional.pad(distances, (0, -len(part) % GROUP), value=torch.inf)
        least.append(distances.unflatten(1, (-1, GROUP)).amin(2))
    groups = torch.cat(least, 1)
    members = groups.topk(min(k, groups.shape[1]), largest=False).indices.unsqueeze(2) * GROUP + torch.arange(GROUP)
    found = []
    for query, places in zip(z.unsqueeze(1).split(GROUP), members.flatten(1).split(GROUP), strict=True):
        beyond = places >= len(rows)
        places = places.clamp_max(len(rows) - 1)
        # By differences: what squares would lose to rounding decides between neighbours.
        distances = (rows[places] - query).square().sum(2)
        distances = distances.masked_fill(beyond | squares[places].isinf(), torch.inf)
        found.append(places.gather(1, distances.topk(k, largest=False).indices))
    return torch.cat(found)
