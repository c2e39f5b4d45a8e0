"""How well small screens are predicted: our covariance of categories against BoTorch's mixed model. About five minutes.

Three choices of eight categories and two numbers, drawn at random, and four kinds of responses with random effects.
Rank correlations with 300 other designs, means over six draws: the table in docs/explanation/mixed.md.
"""

import sys
import warnings
from collections.abc import Callable

import torch
from botorch.fit import fit_gpytorch_mll
from botorch.models import MixedSingleTaskGP
from gpytorch.mlls import ExactMarginalLogLikelihood
from scipy.stats import spearmanr
from torch import Tensor

from gdopt import Choice, Real, Space
from gdopt.codecs.box import BoxCodec

LEVELS, CHOICES, OTHERS, DRAWS = 8, "abc", 300, 6
SPACE = Space(
    [*(Choice(name, [str(at) for at in range(LEVELS)]) for name in CHOICES), Real("x", 0, 1), Real("y", 0, 1)]
)
CODEC = BoxCodec(SPACE)
COLUMNS = [block.columns for block in CODEC.blocks]
APART = float((CODEC.blocks[0].points[0] - CODEC.blocks[0].points[1]).square().sum())

Response = Callable[[Tensor, Tensor, torch.Generator], Tensor]


def normal(generator: torch.Generator, *size: int) -> Tensor:
    """Standard normal numbers."""
    return torch.randn(*size, generator=generator, dtype=torch.float64)


def additive(levels: Tensor, numbers: Tensor, generator: torch.Generator) -> Tensor:
    """An effect of each category, and a smooth one of the numbers."""
    effects = normal(generator, len(CHOICES), LEVELS)
    numeric = numbers[:, 1] - 4 * (numbers[:, 0] - 0.6).square()
    return effects[torch.arange(len(CHOICES)), levels].sum(1) + numeric


def saturating(levels: Tensor, numbers: Tensor, generator: torch.Generator) -> Tensor:
    """The same within a sigmoid, as yields are: most are low."""
    return torch.sigmoid(2 * (additive(levels, numbers, generator) - 1))


def interacting(levels: Tensor, numbers: Tensor, generator: torch.Generator) -> Tensor:
    """The additive response and an effect of each pair of categories of the first two choices."""
    return additive(levels, numbers, generator) + normal(generator, LEVELS, LEVELS)[levels[:, 0], levels[:, 1]]


def described(levels: Tensor, numbers: Tensor, generator: torch.Generator) -> Tensor:
    """Hidden descriptors: products of those of two choices, and a best x that the first choice moves."""
    one, other, third = normal(generator, LEVELS, 2), normal(generator, LEVELS, 2), normal(generator, LEVELS)
    moved = 0.6 + 0.3 * normal(generator, LEVELS)[levels[:, 0]]
    best = -4 * (numbers[:, 0] - moved).square()
    return (one[levels[:, 0]] * other[levels[:, 1]]).sum(1) + third[levels[:, 2]] + best


def correlations(response: Response, known: int, seed: int) -> tuple[float, float]:
    """Of BoTorch's mixed model and of ours, after so many results."""
    generator = torch.Generator().manual_seed(seed)
    levels = torch.randint(LEVELS, (known + OTHERS, len(CHOICES)), generator=generator)
    numbers = torch.rand(known + OTHERS, 2, generator=generator, dtype=torch.float64)
    y = response(levels, numbers, generator)
    y = (y - y[:known].mean()) / y[:known].std()
    rows = torch.cat([levels.double(), numbers], 1)
    mixed = MixedSingleTaskGP(rows[:known], y[:known].unsqueeze(1), cat_dims=[0, 1, 2], outcome_transform=None)
    fit_gpytorch_mll(ExactMarginalLogLikelihood(mixed.likelihood, mixed))
    theirs = mixed.posterior(rows[known:]).mean.detach().squeeze(1)
    z = CODEC.encode(
        [
            {**{name: str(at) for name, at in zip(CHOICES, row, strict=True)}, "x": x, "y": y}
            for row, (x, y) in zip(levels.tolist(), numbers.tolist(), strict=True)
        ]
    )
    ours = mixed.fit(COLUMNS, APART, z[:known], y[:known]).mean(z[known:])
    return spearmanr(theirs, y[known:]).statistic, spearmanr(ours, y[known:]).statistic


def main() -> None:
    """Write the table, line by line."""
    warnings.simplefilter("ignore")
    sys.stdout.write("| response | results | MixedSingleTaskGP | gdopt |\n| --- | --- | --- | --- |\n")
    for response in (additive, saturating, interacting, described):
        for known in (24, 48):
            found = torch.tensor([correlations(response, known, seed) for seed in range(DRAWS)])
            theirs, ours = found.mean(0).tolist()
            sys.stdout.write(f"| {response.__name__} | {known} | {theirs:.2f} | {ours:.2f} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
