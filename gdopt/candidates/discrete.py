"""Discrete parameters: masked, and redrawn under guidance, as in masked diffusion.

Their distribution is a product over the parameters, refitted to the elite in closed form: the weighted counts of each
category among the best, and a share of the uniform distribution, or of the frequencies in a corpus, which falls with
the
contraction. Masked diffusion of a product is exact: a masked category is drawn from its probability times exp(tilt),
with the surrogate's expected gain as the tilt.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from gdopt.codecs.columns import Block
from gdopt.surrogates.base import ROWS

__all__ = ["CategoricalProduct", "Tilt", "frequencies", "random_mask", "refitted_probabilities"]

# From rows of z, and for each the number of the row that it is tried for, to log weights.
Tilt = Callable[[Tensor, Tensor], Tensor]
# Share of the discrete parameters that are masked, per unit of noise: of those drawn without guidance (at a contraction
# of 0.4 a fifth of them), and of those drawn under guidance, which chooses better categories.
MASKED, MASKED_UNDER_GUIDANCE = 0.5, 1.0
# Blocks of a row that are redrawn one after the other, each given the blocks before it; further ones are independent.
GUIDED = 64
# Limit of the numbers in rows with tried categories: a choice of 500 categories has 500 columns, in 500 rows a row.
TRIED = 2**22


def refitted_probabilities(
    elite: Float[Tensor, "e d"],
    weights: Float[Tensor, " e"],
    blocks: Sequence[Block],
    prior_share: float,
    prior: Sequence[Float[Tensor, " _categories"]] | None = None,
) -> list[Float[Tensor, " _categories"]]:
    """Probabilities of the categories of each block: prior_share · prior + (1 - prior_share) · weighted counts.

    Args:
        elite: the best designs, `e x d`.
        weights: of the elite.
        blocks: of the discrete parameters.
        prior_share: from 0 to 1.
        prior: probabilities of each block, such as `frequencies` of a corpus; uniform by default.
    """
    uniform = [torch.full((len(block.points),), 1 / len(block.points), dtype=torch.float64) for block in blocks]
    counts = [_counts(elite, weights, block) for block in blocks]
    return [
        (1 - prior_share) * own / weights.sum() + prior_share * other
        for own, other in zip(counts, prior or uniform, strict=True)
    ]


def frequencies(
    z: Float[Tensor, "n d"], weights: Float[Tensor, " n"], blocks: Sequence[Block]
) -> list[Float[Tensor, " _categories"]]:
    """Probabilities of the categories of each block in weighted rows, with one row of each category added (Laplace).

    No category has probability 0, from which no result could bring it back.
    """
    counts = [_counts(z, weights, block) + 1 for block in blocks]
    return [one / one.sum() for one in counts]


def random_mask(
    n: int, blocks: int, share: Float[Tensor, " n"], generator: torch.Generator
) -> Bool[Tensor, "n blocks"]:
    """The masked blocks of each of n rows: each block with the row's probability, and at least one."""
    u = torch.rand(n, blocks, generator=generator, dtype=torch.float64)
    return (u < share.unsqueeze(1)) | (u == u.amin(1, keepdim=True))


@dataclass(frozen=True, slots=True)
class CategoricalProduct:
    """Independent categorical distributions of the discrete parameters. Methods change the columns of these only.

    Args:
        blocks: their columns.
        probabilities: of the categories of each block.
        inpainting_mask: columns that are not drawn by the denoiser: discrete and fixed ones.
    """

    blocks: tuple[Block, ...]
    probabilities: tuple[Float[Tensor, " _categories"], ...]
    inpainting_mask: Bool[Tensor, " d"]

    def sample(self, z: Float[Tensor, "n d"], generator: torch.Generator) -> Float[Tensor, "n d"]:
        """The rows with every category drawn independently."""
        return self._redrawn(z, torch.ones(len(z), len(self.blocks), dtype=torch.bool), generator)

    def resample_masked(
        self,
        z: Float[Tensor, "n d"],
        parents: Float[Tensor, "n d"],
        noise: Float[Tensor, " n"],
        generator: torch.Generator,
    ) -> Float[Tensor, "n d"]:
        """The rows with the categories of parents, random ones of them drawn anew."""
        if not self.blocks:
            return z
        masked = random_mask(len(z), len(self.blocks), MASKED * noise, generator)
        return self._redrawn(torch.where(self.inpainting_mask, parents, z), masked, generator)

    def resample_guided(
        self, z: Float[Tensor, "n d"], noise: Float[Tensor, " n"], tilt: Tilt, generator: torch.Generator
    ) -> Float[Tensor, "n d"]:
        """The rows with random categories drawn anew, from their probabilities times exp(tilt).

        Block by block in random order, each given the blocks before it.
        """
        if not self.blocks:
            return z
        masked = random_mask(len(z), len(self.blocks), MASKED_UNDER_GUIDANCE * noise, generator)
        order = torch.where(masked, torch.rand(masked.shape, generator=generator, dtype=torch.float64), torch.inf)
        turn = order.argsort(1).argsort(1)
        z = self._redrawn(z, masked & (turn >= GUIDED), generator)
        for step in range(min(GUIDED, int(masked.sum(1).amax()))):
            z = self._tilted(z, masked & (turn == step), tilt, generator)
        return z

    def _redrawn(
        self, z: Float[Tensor, "n d"], masked: Bool[Tensor, "n blocks"], generator: torch.Generator
    ) -> Float[Tensor, "n d"]:
        """The rows with masked blocks drawn independently."""
        z = z.clone()
        for j, (block, probability) in enumerate(zip(self.blocks, self.probabilities, strict=True)):
            drawn = torch.multinomial(probability, len(z), replacement=True, generator=generator)
            z[:, block.columns] = torch.where(masked[:, j : j + 1], block.points[drawn], z[:, block.columns])
        return z

    def _tilted(
        self, z: Float[Tensor, "n d"], masked: Bool[Tensor, "n blocks"], tilt: Tilt, generator: torch.Generator
    ) -> Float[Tensor, "n d"]:
        """The rows with at most one masked block each, drawn from its probabilities times exp(tilt)."""
        rows = [column.nonzero().flatten() for column in masked.T]
        sizes = [len(some) * len(block.points) for some, block in zip(rows, self.blocks, strict=True)]
        tilts = torch.cat([tilt(*part) for part in self._tried(z, rows)]).split(sizes)
        z = z.clone()
        for some, block, prior, log_weight in zip(rows, self.blocks, self.probabilities, tilts, strict=True):
            if len(some):
                posterior = (prior.log() + log_weight.reshape(len(some), -1)).softmax(1)
                z[some, block.columns] = block.points[torch.multinomial(posterior, 1, generator=generator).squeeze(1)]
        return z

    def _tried(
        self, z: Float[Tensor, "n d"], rows: Sequence[Int[Tensor, " _"]]
    ) -> Iterator[tuple[Float[Tensor, "m d"], Int[Tensor, " m"]]]:
        """In parts: the rows of each block with each of its categories, and the number of each one's row."""
        sizes = torch.tensor([len(block.points) for block in self.blocks])
        blocks = torch.arange(len(rows)).repeat_interleave(torch.tensor([len(some) for some in rows]))
        times = sizes[blocks]
        owners = torch.cat([*rows]).repeat_interleave(times)
        blocks = blocks.repeat_interleave(times)
        # The categories count up from 0 for each row.
        category = torch.arange(len(owners)) - (times.cumsum(0) - times).repeat_interleave(times)
        for some in torch.arange(len(owners)).split(max(1, TRIED // z.shape[1] // ROWS) * ROWS):
            tried = z[owners[some]]
            for number in blocks[some].unique().tolist():
                block, here = self.blocks[number], blocks[some] == number
                tried[here, block.columns] = block.points[category[some][here]]
            yield tried, owners[some]


def _counts(z: Float[Tensor, "n d"], weights: Float[Tensor, " n"], block: Block) -> Float[Tensor, " _categories"]:
    """The weight of the rows in each category."""
    return torch.zeros(len(block.points), dtype=torch.float64).index_add(0, _category(z, block), weights)


def _category(z: Float[Tensor, "n d"], block: Block) -> Int[Tensor, " n"]:
    """The nearest category of each row."""
    return torch.cdist(z[:, block.columns], block.points).argmin(1)
