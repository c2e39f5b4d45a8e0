"""The base class of baselines of strings: equal initial strings of a corpus for all, and no string twice."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar

import torch

from gdopt.acquisition.data import ranked_trials
from gdopt.candidates.initial import START, is_initialized
from gdopt.errors import CorpusError, SettingsError, SpaceError
from gdopt.randomness import stream
from gdopt.space import strings
from gdopt.space.enumeration import all_designs, first_designs
from gdopt.space.space import Space
from gdopt.trials.proposals import append
from gdopt.trials.ranking import infeasible_as_failed
from gdopt.trials.state import State

__all__ = ["CorpusRandom", "StringLearner", "name_of", "seen", "unused"]


@dataclass(frozen=True, kw_only=True)
class StringLearner(ABC):
    """Strings of the corpus until there are enough results, then the strings of `propose`.

    Args:
        corpus: unlabelled strings, each once; the initial ones are the same as of `MaskedDiffusion`.
        n_initial: number of results before the first learned proposal.

    Raises:
        SettingsError: a setting is out of its range.
    """

    corpus: tuple[str, ...]
    n_initial: int = 10

    # `Trial.source` of its proposals.
    source: ClassVar[str]

    def __post_init__(self) -> None:
        if self.n_initial < 2:
            raise SettingsError(f"n_initial = {self.n_initial}: expected 2 or more")

    def init(self, space: Space, seed: int) -> State:
        """The state before the first `ask`.

        Raises:
            SpaceError: the space is not of one molecule or one sequence.
        """
        name_of(space)
        return State(space, seed)

    def ask(self, state: State, n: int) -> State:
        """The state with n new pending trials, proposed from the results so far; fewer if fewer strings are left.

        Raises:
            ExhaustedError: all strings were tried.
        """
        known = infeasible_as_failed(state)
        if not is_initialized(state, len(ranked_trials(known)), self.n_initial):
            return _started(state, self.corpus, n)
        found, means = self.propose(known, n, stream(state.seed, len(state.notes)))
        found = found[:n]
        more = unused(state, self.corpus, n - len(found), found)
        predicted: list[float | None] = [*means[:n]] or [None] * len(found)
        name = name_of(state.space)
        return append(
            state,
            [{name: one} for one in found + more],
            [self.source] * len(found) + [START] * len(more),
            [*predicted, *[None] * len(more)],
            {},
        )

    @abstractmethod
    def propose(self, state: State, n: int, generator: torch.Generator) -> tuple[list[str], list[float]]:
        """New strings, and the surrogate's predictions if there is a surrogate; the corpus fills the batch."""


@dataclass(frozen=True, kw_only=True)
class CorpusRandom:
    """Strings of the corpus in random order.

    Args:
        corpus: unlabelled strings, each once.

    Example:
        >>> from gdopt import SequenceSpace
        >>> algorithm = CorpusRandom(corpus=("AB", "BA"))
        >>> state = algorithm.ask(algorithm.init(SequenceSpace("AB", 2), seed=0), 2)
        >>> sorted(t.params["sequence"] for t in state.trials)
        ['AB', 'BA']
    """

    corpus: tuple[str, ...]

    def init(self, space: Space, seed: int) -> State:
        """The state before the first `ask`."""
        name_of(space)
        return State(space, seed)

    def ask(self, state: State, n: int) -> State:
        """Append n new pending trials."""
        return _started(state, self.corpus, n)


def name_of(space: Space) -> str:
    """The name of the string parameter of a space.

    Raises:
        SpaceError: the space has other parameters.
    """
    if len(space.parameters) != 1 or not isinstance(space.parameters[0], strings.Sequence | strings.Molecule):
        raise SpaceError(f"parameters {list(space.names)}: expected one string, a molecule or a sequence")
    return space.names[0]


def seen(state: State) -> set[str]:
    """The strings of all trials."""
    name = name_of(state.space)
    return {str(t.params[name]) for t in state.trials}


def unused(state: State, corpus: Sequence[str], n: int, beside: Collection[str] = ()) -> list[str]:
    """n strings without a trial, or all that are left: of the corpus, in an order that depends on the seed only.

    After the corpus, other sequences of the space follow; spaces of molecules have no list of further molecules.

    Raises:
        CorpusError: no string of the corpus is in the space.
    """
    name, known = name_of(state.space), seen(state) | set(beside)
    order = torch.randperm(len(corpus), generator=torch.Generator().manual_seed(state.seed)).tolist()
    # Lazy: parsing a molecule takes a while.
    of_corpus = (one for i in order if (one := corpus[i]) not in known and state.space.allows({name: one}))
    found = list(islice(of_corpus, max(n, 0)))
    if n > 0 and not found and known.isdisjoint(corpus):
        raise CorpusError("the corpus has no string that the space allows")
    known |= {*found}
    rest = first_designs(all_designs(state.space, {}), n - len(found), lambda one: one[name] not in known)
    return found + [str(one[name]) for one in rest or []]


def _started(state: State, corpus: Sequence[str], n: int) -> State:
    some = unused(state, corpus, n)
    return append(state, [{name_of(state.space): one} for one in some], [START] * len(some), [None] * len(some), {})
