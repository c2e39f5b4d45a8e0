"""Genetic algorithms on strings: offspring of the best, asked for as they are or chosen by a surrogate.

`graph_ga`, `selfies_ga` and `sequence_ga` have the published operators; with `thompson=True` their offspring are the
pool from which a surrogate chooses, as `MaskedDiffusion` chooses from its own: then only the proposal differs.
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

# (space, parents, weights or None, n, known, generator) to n new strings, fewer where they are not found.
Breed = Callable[[Space, Sequence[str], Tensor | None, int, Collection[str], torch.Generator], list[str]]
# Values, best first, to how much each is preferred as a parent.
Weigh = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Genetic(StringLearner):
    """Offspring of the best strings that were told, as they come.

    Args:
        breed: what makes offspring.
        population: how many of the best are parents, at most.
        weigh: how much each is preferred by its value; all alike if left out.
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
        """n of the next generation."""
        parents = ranked_trials(state)[: self.population]
        values = torch.tensor([t.value for t in parents], dtype=torch.float64)
        weights = None if self.weigh is None else self.weigh(values)
        return self.breed(state.space, _strings(state, len(parents)), weights, n, seen(state), generator), []


@dataclass(frozen=True, kw_only=True)
class GeneticThompson(StringPool):
    """The surrogate's choice from a pool of offspring, which is made in several generations.

    The parents of the first are the best that were told, weighted by rank; those of the next are what Thompson sampling
    likes of the pool so far, all alike. Numbers are those of `MaskedDiffusion`.

    Args:
        breed: what makes offspring.
        generations: that the pool is made in.
        n_elite: parents, at most.
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
    """The n best that were told, best first."""
    (name,) = state.space.names
    return [str(t.params[name]) for t in ranked_trials(state)[:n]]


# How often what is missing is made again, before what was found has to do.
TRIES = 20


def _allowed(
    space: Space, n: int, known: Collection[str], made: Callable[[int, Collection[str]], list[str]]
) -> list[str]:
    """n different strings that a space allows and that are not known, of what is made; fewer after some tries."""
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
    """Graph GA's operators (Jensen 2019) with Mol GA's rates, population and choice of parents, its strongest setting.

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
    """Offspring by crossing and changing graphs."""
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

# Of the sequences told, so many of the best are parents: 1 % of the thousand of a published generation. It had the best
# values on `ehrlich` and `ehrlich_easy` over five seeds, of 5, 10, 20 and 50, and of all by quantile.
SURVIVORS = 10


def sequence_ga(corpus: tuple[str, ...], thompson: bool = False) -> Algorithm:
    """The genetic algorithm that Ehrlich functions came with (Stanton et al. 2024): see `gdopt.baselines.genes`.

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
    """Children that the space allows, with the letters that it fixes.

    Raises:
        SpaceError: sequences have more than one length.
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
    """The rows with the letters that a sequence fixes."""
    kept = x.clone()
    for at, letter in sequence.fixed:
        kept[:, at] = sequence.alphabet.index(letter)
    return kept


def one_length(space: Space) -> strings.Sequence:
    """The sequence of a space.

    Raises:
        SpaceError: the space is of something else, or of sequences of several lengths.
    """
    only = space.parameters[0]
    if len(space.parameters) != 1 or not isinstance(only, strings.Sequence) or not only.one_length:
        raise SpaceError(f"parameters {list(space.names)}: expected one sequence, of one length")
    return only
