"""Masks of good strings, whose tokens the denoiser draws again: contracted steps of a masked diffusion.

The noise of masked diffusion masks single tokens anywhere. The value of a design depends on pieces, so pieces are
masked: a window, which may become longer or shorter, or the tokens between pieces of two parents.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gdopt.codecs.tokens import without_gaps
from gdopt.diffusion.masked import chosen

__all__ = ["mask_crossover", "mask_random", "mask_unimportant", "mask_window"]

# Standard deviation of the logarithm of the window length; the most tokens by which its length changes.
SPREAD, STRETCH = 0.7, 3
# The most masked tokens between the pieces of two parents.
JOINT = 3


def mask_window(
    x: Int[Tensor, "n L"], tokens: int, share: float, generator: torch.Generator, *, stretch: bool
) -> Int[Tensor, "n L"]:
    """Each row with one window masked, about a share of the row.

    Args:
        x: rows, V + 1 beyond their ends.
        tokens: V.
        share: of a row's tokens.
        generator: of places and lengths.
        stretch: whether the masked window may be longer or shorter than the original.
    """
    n, most = x.shape
    factor = (SPREAD * torch.randn(n, generator=generator)).exp()
    change = torch.randint(-STRETCH, STRETCH + 1, (n,), generator=generator)
    at = torch.rand(n, generator=generator)
    rows = []
    for row, f, c, u in zip(_lists(x, tokens), factor.tolist(), change.tolist(), at.tolist(), strict=True):
        width = min(len(row), max(1, round(share * f * len(row))))
        start = int(u * (len(row) - width + 1))
        new = max(0 if len(row) > width else 1, width + c) if stretch else width
        rows.append((row[:start] + [tokens] * new + row[start + width :])[:most])
    return without_gaps(rows, tokens, most)


def mask_random(x: Int[Tensor, "n L"], tokens: int, share: float, generator: torch.Generator) -> Int[Tensor, "n L"]:
    """Each row with a random share of its tokens masked, at least one."""
    there = x < tokens
    count = (share * there.sum(1, keepdim=True)).round().clamp_min(1)
    return torch.where(chosen(there, count, generator), tokens, x)


def mask_unimportant(
    x: Int[Tensor, "n L"],
    costs: Float[Tensor, "n L"],
    most: float,
    tokens: int,
    generator: torch.Generator,
) -> Int[Tensor, "n L"]:
    """Each row with random places masked, up to a total cost drawn from [0, most]; at least one place.

    Places are visited in random order, and a place that would exceed the total is skipped. Where most places cost
    nothing, nearly all of a row is drawn anew at once.

    Args:
        x: rows, V + 1 beyond their ends.
        costs: expected loss by a change of the token at each place, 0 or more.
        most: total cost of the masked places of a row, at most.
        tokens: V.
        generator: of the order and the totals.
    """
    n, length = x.shape
    costs = costs.masked_fill(x >= tokens, torch.inf)
    left = most * torch.rand(n, generator=generator, dtype=costs.dtype)
    hide = torch.zeros_like(x, dtype=torch.bool)
    rows = torch.arange(n)
    for place in torch.rand(n, length, generator=generator).argsort(1).T:
        cost = costs[rows, place]
        hide[rows, place] = cost <= left
        left = torch.where(cost <= left, left - cost, left)
    cheapest = costs.argmin(1)
    hide[rows, cheapest] |= ~hide.any(1)
    return x.masked_fill(hide, tokens)


def mask_crossover(
    x: Int[Tensor, "n L"], y: Int[Tensor, "n L"], tokens: int, generator: torch.Generator, *, stretch: bool
) -> Int[Tensor, "n L"]:
    """The head of each row of x and the tail of the same row of y, with a few masked tokens between them.

    Without `stretch` both are cut at the same place, which keeps the length.
    """
    n, most = x.shape
    u, v = torch.rand(2, n, generator=generator).tolist()
    joint = torch.randint(0, JOINT + 1, (n,), generator=generator).tolist()
    rows = []
    for one, other, a, b, gap in zip(_lists(x, tokens), _lists(y, tokens), u, v, joint, strict=True):
        cut = 1 + int(a * (len(one) - 1))
        then = int(b * len(other)) if stretch else cut
        head = one[:cut] if stretch else one[: max(0, cut - gap)]
        rows.append((head + [tokens] * gap + other[then:])[:most])
    return without_gaps(rows, tokens, most)


def _lists(x: Int[Tensor, "n L"], tokens: int) -> list[list[int]]:
    """The rows up to their ends."""
    return [[token for token in row if token <= tokens] for row in x.tolist()]
