"""Genetic operators on sequences of whole numbers, a row each: mutation, crossover, the next generation.

`offspring` is the step of the genetic algorithm that was published with Ehrlich functions (Stanton et al. 2024, arXiv
2407.00236, and their package holo-bench). The published algorithm also mutates the survivors; here survivors are kept
as they were measured.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gdopt.errors import SettingsError

__all__ = ["offspring", "point_mutated", "uniform_crossed"]

# Expected number of positions of a sequence that are mutated, or taken from the second parent.
EXPECTED = 1.1


def point_mutated(
    rows: Int[Tensor, "n L"], states: int, generator: torch.Generator, rate: float | None = None
) -> Int[Tensor, "n L"]:
    """The rows with each position redrawn uniformly from 0 to states - 1 with probability `rate`, by default 1/L.

    A redrawn value may equal the old one.

    Raises:
        SettingsError: the rate is no probability.

    Example:
        >>> point_mutated(torch.zeros(2, 3, dtype=torch.long), 4, torch.Generator().manual_seed(0), rate=0.0).tolist()
        [[0, 0, 0], [0, 0, 0]]
    """
    rate = 1 / max(1, rows.shape[1]) if rate is None else rate
    _check_rate("rate", rate)
    fresh = torch.randint(states, rows.shape, generator=generator, dtype=rows.dtype)
    return torch.where(_coins(rows, rate, generator), fresh, rows)


def uniform_crossed(
    mothers: Int[Tensor, "n L"], fathers: Int[Tensor, "n L"], generator: torch.Generator, rate: float = 0.5
) -> Int[Tensor, "n L"]:
    """Uniform crossover: each position comes from the same row of `fathers` with probability `rate`.

    Raises:
        SettingsError: the rate is no probability.
    """
    _check_rate("rate", rate)
    return torch.where(_coins(mothers, rate, generator), fathers, mothers)


def offspring(
    parents: Int[Tensor, "k L"],
    weights: Float[Tensor, " k"] | None,
    n: int,
    states: int,
    generator: torch.Generator,
    *,
    mutation_rate: float | None = None,
    recombination_rate: float | None = None,
) -> Int[Tensor, "n L"]:
    """n children: each is a parent with some positions of another parent, and some redrawn.

    Children may be equal, equal to a parent, or infeasible.

    Args:
        parents: the survivors, a row each.
        weights: selection probabilities up to a common factor; None for equal ones, as published.
        n: number of children.
        states: number of values of a position.
        generator: the random stream.
        mutation_rate: of each position; by default 1.1/L.
        recombination_rate: probability that a position comes from the second parent; by default 1.1/L.

    Raises:
        SettingsError: there are no parents, or the weights or a rate are no probabilities.
    """
    count, length = parents.shape
    if count == 0:
        raise SettingsError("parents have no rows: expected one or more")
    weights = torch.ones(count, dtype=torch.float64) if weights is None else weights
    if not (weights.isfinite().all() and (weights >= 0).all() and weights.sum() > 0):
        raise SettingsError("weights: expected finite numbers, none negative and not all zero")
    rate = min(1.0, EXPECTED / max(1, length))
    picks = torch.multinomial(weights, 2 * n, replacement=True, generator=generator) if n else torch.empty(0).long()
    mothers, fathers = parents[picks[:n]], parents[picks[n:]]
    crossed = uniform_crossed(mothers, fathers, generator, rate if recombination_rate is None else recombination_rate)
    return point_mutated(crossed, states, generator, rate if mutation_rate is None else mutation_rate)


def _coins(rows: Int[Tensor, "n L"], rate: float, generator: torch.Generator) -> Tensor:
    return torch.rand(rows.shape, generator=generator) < rate


def _check_rate(name: str, rate: float) -> None:
    if not 0 <= rate <= 1:
        raise SettingsError(f"{name} = {rate}: expected a probability, from 0 to 1")
