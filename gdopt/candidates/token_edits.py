"""What hides tokens of good designs, to be drawn again by the denoiser: contracted steps of a masked diffusion.

Noise of a masked diffusion hides single tokens anywhere. What a design owes its value to are pieces, so pieces are
hidden: a window, which may come back longer or shorter, or what joins the pieces of two parents.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gdopt.codecs.tokens import without_gaps
from gdopt.diffusion.masked import chosen

__all__ = ["mask_crossover", "mask_random", "mask_unimportant", "mask_window"]

# A window's length varies about the share by a log-normal factor; it comes back up to so many tokens longer or shorter.
SPREAD, STRETCH = 0.7, 3
# Tokens hidden between the pieces of two parents.
JOINT = 3


def mask_window(
    x: Int[Tensor, "n L"], tokens: int, share: float, generator: torch.Generator, *, stretch: bool
) -> Int[Tensor, "n L"]:
    """Each row with one window hidden, about a share of it.

    Args:
        x: rows, V + 1 beyond their ends.
        tokens: V.
        share: of a row's tokens.
        generator: of places and lengths.
        stretch: whether the hidden window may be longer or shorter than what was there.
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
    """Each row with a share of its tokens hidden, one of them at least."""
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
    """Each row with as many places hidden as cost no more, in sum, than a draw from 0 to `most`; one place at least.

    Places are gone through in random order, and one that would cost too much is left. Where little matters nearly all
    of a row is drawn anew at once: what is worth nothing is spared no change.

    Args:
        x: rows, V + 1 beyond their ends.
        costs: what it is believed to cost to lose the token at each place, 0 or more.
        most: of the costs of a row's hidden places.
        tokens: V.
        generator: of the order and the limits.
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
    """The head of each row of x and the tail of the same row of y, with a few hidden tokens between them.

    Without `stretch` both are cut at one place, so that lengths stay.
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
