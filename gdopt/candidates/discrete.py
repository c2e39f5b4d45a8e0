"""Discrete parameters as a diffusion model draws them: levels hidden, and refilled under guidance.

Their law is a product over the parameters, refitted to the elite in closed form: the share of each level among the
best, and a share of the uniform law, or of a corpus' frequencies, that falls with the contraction. Masked diffusion of
a product law is exact: what is hidden is drawn from the share of its level, times how likely the surrogate takes the
result to be an improvement.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from gdopt.codecs.columns import Block
from gdopt.surrogates.base import ROWS

__all__ = ["CategoricalProduct", "Tilt", "frequencies", "hidden", "shares"]

# Rows of z, and for each the number of the row that it is tried for, to the log of how much likelier it is made.
Tilt = Callable[[Tensor, Tensor], Tensor]


def shares(
    elite: Float[Tensor, "e d"],
    weights: Float[Tensor, " e"],
    blocks: Sequence[Block],
    broad: float,
    prior: Sequence[Float[Tensor, " _levels"]] | None = None,
) -> list[Float[Tensor, " _levels"]]:
    """The probability of each level of each block: a share of the prior's law, the rest the elite's weighted counts.

    The prior's is that of each block, such as a corpus' `frequencies`; without one it is uniform.
    """
    laws = [torch.full((len(block.points),), 1 / len(block.points), dtype=torch.float64) for block in blocks]
    counts = [_counts(elite, weights, block) for block in blocks]
    return [(1 - broad) * own / weights.sum() + broad * law for own, law in zip(counts, prior or laws, strict=True)]


def frequencies(
    z: Float[Tensor, "n d"], weights: Float[Tensor, " n"], blocks: Sequence[Block]
) -> list[Float[Tensor, " _levels"]]:
    """The probability of each level of each block among weighted rows, one more of each added (Laplace's rule).

    So no level has a probability of 0, from which no result could ever bring it back.
    """
    counts = [_counts(z, weights, block) + 1 for block in blocks]
    return [one / one.sum() for one in counts]


def hidden(n: int, blocks: int, share: Float[Tensor, " n"], generator: torch.Generator) -> Bool[Tensor, "n blocks"]:
    """What is hidden in each of n rows: each block with the row's probability, one at least."""
    chance = torch.rand(n, blocks, generator=generator, dtype=torch.float64)
    return (chance < share.unsqueeze(1)) | (chance == chance.amin(1, keepdim=True))


# Of the level of noise, the share of the discrete parameters that are hidden to be drawn anew, at a contraction of 0.4
# a fifth of them, and to be refilled under guidance, which knows better what to put there.
HIDDEN, REFILLED = 0.5, 1.0
# Blocks of a row that are refilled one after the other, each knowing those before it; more are drawn by themselves.
GUIDED = 64
# Numbers of rows with levels that are tried at once: a choice of 500 levels has 500 columns, in 500 rows for each row.
TRIED = 2**22


@dataclass(frozen=True, slots=True)
class CategoricalProduct:
    """The law of the discrete parameters. Rows of z come back with those columns changed, and no others.

    Args:
        blocks: their columns.
        law: the probability of each level of each block.
        held: the columns that are no free numbers.
    """

    blocks: tuple[Block, ...]
    law: tuple[Float[Tensor, " _levels"], ...]
    held: Bool[Tensor, " d"]

    def drawn(self, z: Float[Tensor, "n d"], generator: torch.Generator) -> Float[Tensor, "n d"]:
        """Every level drawn by itself."""
        return self._redrawn(z, torch.ones(len(z), len(self.blocks), dtype=torch.bool), self.law, generator)

    def varied(
        self,
        z: Float[Tensor, "n d"],
        parents: Float[Tensor, "n d"],
        noise: Float[Tensor, " n"],
        generator: torch.Generator,
    ) -> Float[Tensor, "n d"]:
        """The levels of parents, but for what is hidden, which is drawn anew."""
        if not self.blocks:
            return z
        where = hidden(len(z), len(self.blocks), HIDDEN * noise, generator)
        return self._redrawn(torch.where(self.held, parents, z), where, self.law, generator)

    def refilled(
        self, z: Float[Tensor, "n d"], noise: Float[Tensor, " n"], tilt: Tilt, generator: torch.Generator
    ) -> Float[Tensor, "n d"]:
        """The rows' own levels, but for what is hidden, drawn anew from the law times exp(tilt).

        Block by block in random order, so that each is drawn knowing those before it.
        """
        if not self.blocks:
            return z
        where = hidden(len(z), len(self.blocks), REFILLED * noise, generator)
        order = torch.where(where, torch.rand(where.shape, generator=generator, dtype=torch.float64), torch.inf)
        turn = order.argsort(1).argsort(1)
        z = self._redrawn(z, where & (turn >= GUIDED), self.law, generator)
        for step in range(min(GUIDED, int(where.sum(1).amax()))):
            z = self._tilted(z, where & (turn == step), tilt, generator)
        return z

    def _redrawn(
        self,
        z: Float[Tensor, "n d"],
        where: Bool[Tensor, "n blocks"],
        law: Sequence[Float[Tensor, " _levels"]],
        generator: torch.Generator,
    ) -> Float[Tensor, "n d"]:
        """Some of the blocks of each row drawn from a law, each by itself."""
        z = z.clone()
        for j, (block, probability) in enumerate(zip(self.blocks, law, strict=True)):
            levels = torch.multinomial(probability, len(z), replacement=True, generator=generator)
            z[:, block.columns] = torch.where(where[:, j : j + 1], block.points[levels], z[:, block.columns])
        return z

    def _tilted(
        self, z: Float[Tensor, "n d"], where: Bool[Tensor, "n blocks"], tilt: Tilt, generator: torch.Generator
    ) -> Float[Tensor, "n d"]:
        """At most one block of each row drawn from the law times exp(tilt)."""
        rows = [column.nonzero().flatten() for column in where.T]
        sizes = [len(some) * len(block.points) for some, block in zip(rows, self.blocks, strict=True)]
        leaning = torch.cat([tilt(*part) for part in self._tried(z, rows)]).split(sizes)
        z = z.clone()
        for some, block, law, lean in zip(rows, self.blocks, self.law, leaning, strict=True):
            if len(some):
                likely = (law.log() + lean.reshape(len(some), -1)).softmax(1)
                z[some, block.columns] = block.points[torch.multinomial(likely, 1, generator=generator).squeeze(1)]
        return z

    def _tried(
        self, z: Float[Tensor, "n d"], rows: Sequence[Int[Tensor, " _"]]
    ) -> Iterator[tuple[Float[Tensor, "m d"], Int[Tensor, " m"]]]:
        """The rows of each block with each of its levels, and the number of the row each is tried for, in parts."""
        levels = torch.tensor([len(block.points) for block in self.blocks])
        blocks = torch.arange(len(rows)).repeat_interleave(torch.tensor([len(some) for some in rows]))
        times = levels[blocks]
        owners = torch.cat([*rows]).repeat_interleave(times)
        blocks = blocks.repeat_interleave(times)
        # The numbers of levels count up from 0 for each row.
        level = torch.arange(len(owners)) - (times.cumsum(0) - times).repeat_interleave(times)
        for some in torch.arange(len(owners)).split(max(1, TRIED // z.shape[1] // ROWS) * ROWS):
            tried = z[owners[some]]
            for number in blocks[some].unique().tolist():
                block, here = self.blocks[number], blocks[some] == number
                tried[here, block.columns] = block.points[level[some][here]]
            yield tried, owners[some]


def _counts(z: Float[Tensor, "n d"], weights: Float[Tensor, " n"], block: Block) -> Float[Tensor, " _levels"]:
    """The weight of the rows at each level."""
    return torch.zeros(len(block.points), dtype=torch.float64).index_add(0, _level(z, block), weights)


def _level(z: Float[Tensor, "n d"], block: Block) -> Int[Tensor, " n"]:
    """The level that each row is nearest to."""
    return torch.cdist(z[:, block.columns], block.points).argmin(1)
