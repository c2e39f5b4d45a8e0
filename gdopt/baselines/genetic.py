"""Genetic algorithms on strings: offspring of the best, proposed directly or selected by a surrogate.

`graph_ga`, `selfies_ga` and `sequence_ga` have the published operators. With `thompson=True` a surrogate selects from
a pool of their offspring in the same way as `MaskedDiffusion` selects from its pool: only the pools differ.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gdopt.acquisition.data import ranked_trials
from gdopt.acquisition.string_features import StringEncoder
from gdopt.acquisition.thompson import thompson_sampling
from gdopt.algorithms.base import Algorithm
from gdopt.baselines.genes import offspring
from gdopt.baselines.string_learner import StringLearner, seen
from gdopt.baselines.string_pool import StringPool
from gdopt.candidates.steps import elite_size, elite_weights
from gdopt.codecs.tokens import Letters
from gdopt.errors import SettingsError, SpaceError
from gdopt.space import strings
from gdopt.space.space import Space
from gdopt.surrogates.base import Surrogate
from gdopt.trials.state import State

__all__ = [
    "Breed",
    "Genetic",
    "GeneticThompson",
    "by_letters",
    "graph_ga",
    "held",
    "one_length",
    "selfies_ga",
    "sequence_ga",
]

# From (space, parents, weights or None, n, known, generator) to n new strings, or fewer if the search for them fails.
Breed = Callable[[Space, Sequence[str], Tensor | None, int, Collection[str], torch.Generator], list[str]]
# From values, best first, to selection weights of parents.
Weigh = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Genetic(StringLearner):
    """Offspring of the best strings with results, without a surrogate.

    Args:
        breed: the operator that generates offspring.
        population: number of parents, at most.
        weigh: selection weights of parents from their values; equal weights by default.
    """

    breed: Breed
    population: int
    weigh: Weigh | None = None

    source: ClassVar[str] = "offspring"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.population < 1:
            raise SettingsError(f"population = {self.population}: expected 1 or more")

    def propose(self, state: State, n: int, generator: torch.Generator) -> tuple[list[str], list[float]]:
        """n offspring."""
        parents = ranked_trials(state)[: self.population]
        values = torch.tensor([t.value for t in parents], dtype=torch.float64)
        weights = None if self.weigh is None else self.weigh(values)
        return self.breed(state.space, _strings(state, len(parents)), weights, n, seen(state), generator), []


@dataclass(frozen=True, kw_only=True)
class GeneticThompson(StringPool):
    """Selection from a pool of offspring that is built in several generations.

    The parents of the first generation are the best strings with results, weighted by rank. Thompson sampling selects
    the parents of the next ones from the pool so far, with equal weights. The settings are those of `MaskedDiffusion`.

    Args:
        breed: the operator that generates offspring.
        generations: number of generations of the pool.
        n_elite: number of parents, at most.
    """

    breed: Breed
    generations: int = 3
    n_elite: int = 60

    source: ClassVar[str] = "offspring"

    def pool(
        self, state: State, surrogate: Surrogate, view: StringEncoder, size: int, generator: torch.Generator
    ) -> list[str]:
        """The offspring of all generations."""
        told = len(ranked_trials(state))
        parents = _strings(state, elite_size(told, self.n_elite))
        weights = elite_weights(len(parents))
        found: list[str] = []
        for generation in range(self.generations):
            count = (generation + 1) * size // self.generations - len(found)
            found += self.breed(state.space, parents, weights, count, seen(state) | set(found), generator)
            if found and generation + 1 < self.generations:
                best = thompson_sampling(
                    surrogate, view.features(found), min(self.n_elite, len(found)), self.thompson_scale, generator
                )
                parents = [found[i] for i in best]
                weights = torch.ones(len(parents), dtype=torch.float64)
        return found


def _strings(state: State, n: int) -> list[str]:
    """The n best strings with results, best first."""
    (name,) = state.space.names
    return [str(t.params[name]) for t in ranked_trials(state)[:n]]


# Attempts to generate the missing strings, before fewer strings are returned.
TRIES = 20


def _allowed(
    space: Space, n: int, known: Collection[str], made: Callable[[int, Collection[str]], list[str]]
) -> list[str]:
    """n different new strings of a space among the ones that `made` returns; fewer after `TRIES` attempts."""
    (name,) = space.names
    found: list[str] = []
    for _ in range(TRIES):
        if len(found) >= n:
            break
        taken = {*known, *found}
        some = dict.fromkeys(made(n - len(found), taken))
        found += [one for one in some if one not in taken and space.allows({name: one})]
    return found[:n]


# --- molecules ---------------------------------------------------------------------------------------

# Of Mol GA (Tripp and Hernández-Lobato 2023, arXiv 2310.09267).
POPULATION = 10_000


def graph_ga(corpus: tuple[str, ...], thompson: bool = False) -> Algorithm:
    """Graph GA's operators (Jensen 2019) with the rates, population and parent selection of Mol GA, its best variant.

    Args:
        corpus: canonical SMILES.
        thompson: whether a surrogate chooses among the offspring.
    """
    return _of_molecules(by_graphs, corpus, thompson)


def selfies_ga(corpus: tuple[str, ...], thompson: bool = False) -> Algorithm:
    """Mutations of SELFIES (Nigam et al. 2020, arXiv 1909.11655; STONED), with Mol GA's population and parents.

    Args:
        corpus: canonical SMILES.
        thompson: whether a surrogate chooses among the offspring.
    """
    return _of_molecules(by_selfies, corpus, thompson)


def _of_molecules(breed: Breed, corpus: tuple[str, ...], thompson: bool) -> Algorithm:
    from gdopt.molecules.breeding import by_quantile

    if thompson:
        return GeneticThompson(corpus=corpus, breed=breed)
    return Genetic(corpus=corpus, breed=breed, population=POPULATION, weigh=by_quantile)


def by_graphs(
    space: Space,
    parents: Sequence[str],
    weights: Tensor | None,
    n: int,
    known: Collection[str],
    generator: torch.Generator,
) -> list[str]:
    """Offspring by crossover and mutation of molecular graphs."""
    from gdopt.molecules.graph_operators import mol_ga

    def made(count: int, taken: Collection[str]) -> list[str]:
        return mol_ga(parents, weights, count, generator, taken)

    return _allowed(space, n, known, made)


def by_selfies(
    space: Space,
    parents: Sequence[str],
    weights: Tensor | None,
    n: int,
    known: Collection[str],
    generator: torch.Generator,
) -> list[str]:
    """Mutants of SELFIES strings."""
    from gdopt.molecules import selfies_operators

    def made(count: int, taken: Collection[str]) -> list[str]:
        return selfies_operators.offspring(parents, weights, count, generator, without=taken)

    return _allowed(space, n, known, made)


# --- sequences ---------------------------------------------------------------------------------------

# Number of parents: 1 % of the thousand sequences of a published generation. It had the best values on `ehrlich` and
# `ehrlich_easy` over five seeds, compared with 5, 20 and 50 parents and with selection by quantile among all.
SURVIVORS = 10


def sequence_ga(corpus: tuple[str, ...], thompson: bool = False) -> Algorithm:
    """The genetic algorithm that was published with Ehrlich functions (Stanton et al. 2024, `gdopt.baselines.genes`).

    Args:
        corpus: sequences of one length.
        thompson: whether a surrogate chooses among the offspring.
    """
    if thompson:
        return GeneticThompson(corpus=corpus, breed=by_letters)
    return Genetic(corpus=corpus, breed=by_letters, population=SURVIVORS)


def by_letters(
    space: Space,
    parents: Sequence[str],
    weights: Float[Tensor, " k"] | None,
    n: int,
    known: Collection[str],
    generator: torch.Generator,
) -> list[str]:
    """Children in the space, with its fixed letters.

    Raises:
        SpaceError: the sequences of the space have several lengths.
    """
    sequence = one_length(space)
    letters = Letters(sequence)
    rows = letters.write(parents)

    def made(count: int, taken: Collection[str]) -> list[str]:
        del taken
        children = offspring(rows, weights, count, len(letters.alphabet), generator)
        return [one for one in letters.read(held(children, sequence)) if one is not None]

    return _allowed(space, n, known, made)


def held(x: Int[Tensor, "n L"], sequence: strings.Sequence) -> Int[Tensor, "n L"]:
    """The rows with the fixed letters of a sequence."""
    kept = x.clone()
    for at, letter in sequence.fixed:
        kept[:, at] = sequence.alphabet.index(letter)
    return kept


def one_length(space: Space) -> strings.Sequence:
    """The sequence parameter of a space.

    Raises:
        SpaceError: the space has other parameters, or sequences of several lengths.
    """
    only = space.parameters[0]
    if len(space.parameters) != 1 or not isinstance(only, strings.Sequence) or not only.one_length:
        raise SpaceError(f"parameters {list(space.names)}: expected one sequence, of one length")
    return only
