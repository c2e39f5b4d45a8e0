"""The problems `ehrlich`, `ehrlich_easy` and `ehrlich_long`: sequences of which most are infeasible; the best have 1.

Ehrlich functions are of Stanton et al. 2024 (arXiv 2407.00236): a sequence is feasible if a Markov chain, some of whose
transitions are banned, can have made it; its value is the product over c motifs of

    h_q(x, a, s) = max over places l of floor(q #{i: x[l + s_i] = a_i} / k) / q

the best share of a motif's k tokens a, at its spacings s, in steps of 1/q. This is an implementation of our own, and
its chain and motifs are drawn in our own way:

* The chain may stay in a state, and may follow a random cycle through all states, so that it gets everywhere; of the
  others, `banned` transitions from each state are banned. The log-odds of what is left are N(0, 1).
* The motifs are consecutive pieces of one walk through c k different states that the chain allows.
* The spacings are random, within L // c tokens a motif.

So `Ehrlich.solution()` is feasible and has the value 1: each motif in a block of its own, gaps filled with the token
before. An infeasible sequence has minus the number of its banned transitions as its value, which no feasible one is
as bad as.

A state is a letter. The space has a corpus of 500 feasible sequences without values.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from jaxtyping import Bool, Float, Int

from gdopt.bench.problem import Problem
from gdopt.space.parameters import Params
from gdopt.space.string_spaces import SequenceSpace
from gdopt_problems.designs import checked, deb

__all__ = ["Ehrlich", "as_strings", "draw", "function", "problem", "states_of"]

Array = np.ndarray

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
CORPUS = 500  # sequences


@dataclass(frozen=True)
class Ehrlich:
    """An Ehrlich function of sequences of states 0, 1, ..., one a row.

    Args:
        length: L, of a sequence.
        transitions: probabilities of the chain, 0 where banned.
        motifs: a, one a row.
        spacings: s, one a row, each from 0 upwards.
        quantization: q.
    """

    length: int
    transitions: Float[Array, "v v"]
    motifs: Int[Array, "c k"]
    spacings: Int[Array, "c k"]
    quantization: int

    def violations(self, x: Int[Array, "n L"]) -> Int[Array, " n"]:
        """The number of banned transitions of each row."""
        found: Array = (self.transitions[x[:, :-1], x[:, 1:]] == 0).sum(axis=1)
        return found

    def qualities(self, x: Int[Array, "n L"]) -> Float[Array, "n c"]:
        """h_q of each row and motif."""
        pairs = zip(self.motifs, self.spacings, strict=True)
        return np.stack([self.quality(x, motif, spacing) for motif, spacing in pairs], axis=1)

    def quality(self, x: Int[Array, "n L"], motif: Int[Array, " k"], spacing: Int[Array, " k"]) -> Float[Array, " n"]:
        """h_q of each row and one motif."""
        places = np.arange(self.length - spacing[-1])[:, None] + spacing
        present = (x[:, places] == motif).sum(axis=2).max(axis=1)
        found: Array = (self.quantization * present // len(motif)) / self.quantization
        return found

    def __call__(self, x: Int[Array, "n L"]) -> Float[Array, " n"]:
        """The product of the qualities of each row; where it is infeasible, minus its banned transitions."""
        return deb(self.qualities(x).prod(axis=1), self.violations(x), worst=0.0, per_unit=-1.0)

    def solution(self) -> Int[Array, " L"]:
        """A feasible sequence of value 1."""
        block = self.length // len(self.motifs)
        x = np.empty(self.length, dtype=np.int64)
        for row, (motif, spacing) in enumerate(zip(self.motifs, self.spacings, strict=True)):
            end = self.length if row == len(self.motifs) - 1 else (row + 1) * block
            within = np.arange(end - row * block)
            x[row * block : end] = motif[np.searchsorted(spacing, within, side="right") - 1]
        return x

    def sample(self, n: int, generator: np.random.Generator) -> Int[Array, "n L"]:
        """n feasible sequences of the chain, from a uniform first state."""
        x = np.empty((n, self.length), dtype=np.int64)
        x[:, 0] = generator.integers(len(self.transitions), size=n)
        reached = self.transitions.cumsum(axis=1)
        for t in range(1, self.length):
            u = generator.random(n)[:, None] * reached[x[:, t - 1], -1:]
            x[:, t] = (reached[x[:, t - 1]] <= u).sum(axis=1)  # a banned state adds nothing, so it is passed over
        return x


def draw(
    states: int, length: int, motifs: int, motif_length: int, quantization: int, banned: int, seed: int = 0
) -> Ehrlich:
    """A random Ehrlich function.

    Args:
        states: v, at least `motifs * motif_length` of them.
        length: L, at least `motifs * motif_length`.
        motifs: c.
        motif_length: k.
        quantization: q, at most k.
        banned: transitions from each state, at most v - 2.
        seed: of the chain, the motifs and the spacings.
    """
    generator = np.random.default_rng(seed)
    cycle = generator.permutation(states)
    allowed = np.ones((states, states), dtype=bool)
    for state, following in zip(cycle, np.roll(cycle, -1), strict=True):
        others = np.setdiff1d(np.arange(states), [state, following])
        allowed[state, generator.choice(others, banned, replace=False)] = False
    odds = np.where(allowed, np.exp(generator.standard_normal((states, states))), 0.0)
    walk = _walk(allowed, motifs * motif_length, generator)
    room = length // motifs
    later = [np.sort(generator.choice(room - 1, motif_length - 1, replace=False)) + 1 for _ in range(motifs)]
    return Ehrlich(
        length=length,
        transitions=odds / odds.sum(axis=1, keepdims=True),
        motifs=walk.reshape(motifs, motif_length),
        spacings=np.array([[0, *offsets] for offsets in later]),
        quantization=quantization,
    )


def _walk(allowed: Bool[Array, "v v"], steps: int, generator: np.random.Generator) -> Int[Array, " steps"]:
    """Different states, each allowed after the one before: tried again until no dead end is met."""
    while True:
        walk = [int(generator.integers(len(allowed)))]
        while len(walk) < steps:
            ahead = np.setdiff1d(np.flatnonzero(allowed[walk[-1]]), walk)
            if not len(ahead):
                break
            walk.append(int(generator.choice(ahead)))
        else:
            return np.array(walk)


# Arguments of `draw`.
SIZES = {
    "ehrlich": {"states": 32, "length": 32, "motifs": 4, "motif_length": 4, "quantization": 4, "banned": 6},
    "ehrlich_easy": {"states": 16, "length": 16, "motifs": 2, "motif_length": 4, "quantization": 4, "banned": 3},
    "ehrlich_long": {"states": 32, "length": 64, "motifs": 4, "motif_length": 4, "quantization": 4, "banned": 6},
}


@cache
def function(name: str) -> Ehrlich:
    """The function of a problem."""
    return draw(**SIZES[name])


def as_strings(x: Int[Array, "n L"]) -> list[str]:
    """Rows of states as strings of letters."""
    return ["".join(LETTERS[state] for state in row) for row in x.tolist()]


def states_of(some: Sequence[str]) -> Int[Array, "n L"]:
    """Strings of one length as rows of states."""
    return np.array([[LETTERS.index(letter) for letter in one] for one in some], dtype=np.int64)


@cache
def space(name: str) -> SequenceSpace:
    """The sequences of a problem, with those of its corpus."""
    f = function(name)
    drawn = f.sample(CORPUS, np.random.default_rng(1))
    return SequenceSpace(LETTERS[: len(f.transitions)], f.length, corpus=as_strings(drawn))


def rows_of(name: str, batch: Sequence[Params]) -> Int[Array, "n L"]:
    """Parameters as rows of states."""
    own = space(name)
    found = states_of([str(params[own.names[0]]) for params in checked(own, batch)])
    return found.reshape(len(batch), function(name).length)


def evaluate(name: str, batch: Sequence[Params]) -> list[float]:
    """The value of each sequence."""
    found: list[float] = function(name)(rows_of(name, batch)).tolist()
    return found


def violations(name: str, batch: Sequence[Params]) -> list[float]:
    """The number of banned transitions of each sequence."""
    found: list[float] = function(name).violations(rows_of(name, batch)).astype(float).tolist()
    return found


@cache
def problem(name: str) -> Problem:
    """The problem of a name: maximize over sequences of one length."""
    return Problem(
        name=name,
        space=space(name),
        evaluate=partial(evaluate, name),
        direction="maximize",
        optimum=1.0,
        best_known=1.0,
        start=100,
        budget=1000,
        batch=50,
        violations=partial(violations, name),
        source="Stanton et al. 2024, arXiv 2407.00236; own implementation, own random chain",
    )
