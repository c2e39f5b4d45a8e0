"""Strings as rows of tokens, which masked diffusion works on, and back.

A row has token numbers from 0; `V + 1` fills it up beyond the end of its string (`gdopt.diffusion.masked`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Int
from torch import Tensor

from gdopt.space import strings

__all__ = ["Letters", "Selfies", "Tokens", "missing_tokens", "tokens_of", "without_gaps"]


@runtime_checkable
class Tokens(Protocol):
    """How strings are written as rows of tokens."""

    @property
    def alphabet(self) -> tuple[str, ...]:
        """What each of the V tokens stands for."""
        ...

    @property
    def length(self) -> int:
        """L, the most tokens of a row."""
        ...

    def write(self, given: Sequence[str], generator: torch.Generator | None = None) -> Int[Tensor, "n L"]:
        """A row for each string; one of several that stand for it, at random, if there is a generator.

        What has no row with these tokens in this length has an empty one.
        """
        ...

    def read(self, x: Int[Tensor, "n L"]) -> list[str | None]:
        """The string of each row; None for a row that stands for none."""
        ...


@dataclass(frozen=True)
class Letters:
    """Each letter of a sequence is a token."""

    sequence: strings.Sequence

    @property
    def alphabet(self) -> tuple[str, ...]:
        """The letters."""
        return tuple(self.sequence.alphabet)

    @property
    def length(self) -> int:
        """Of the longest sequence."""
        return self.sequence.longest

    def write(self, given: Sequence[str], generator: torch.Generator | None = None) -> Int[Tensor, "n L"]:
        """A row for each sequence: there is one way to write it."""
        del generator
        return _rows(given, self.alphabet, self.length)

    def read(self, x: Int[Tensor, "n L"]) -> list[str | None]:
        """The sequence of each row."""
        return ["".join(row) for row in _spelled(x, self.alphabet)]


@dataclass(frozen=True)
class Selfies:
    """Molecules in SELFIES (Krenn et al. 2020, arXiv 1905.13741): every row is a molecule.

    A molecule has many SELFIES, by the atom that is written first and the order of branches: `write` takes one of them
    at random, so that neighbours in the molecule are neighbours in one row or another.

    Args:
        alphabet: the tokens, such as "[=C]".
        length: of the longest row.
    """

    alphabet: tuple[str, ...]
    length: int

    def write(self, given: Sequence[str], generator: torch.Generator | None = None) -> Int[Tensor, "n L"]:
        """A row for each SMILES, empty where the molecule has other tokens, or more of them than a row."""
        known = set(self.alphabet)
        spelled = _selfies(given, generator)
        return _rows(
            [row if len(row) <= self.length and known.issuperset(row) else () for row in spelled],
            self.alphabet,
            self.length,
        )

    def read(self, x: Int[Tensor, "n L"]) -> list[str | None]:
        """The canonical SMILES of each row; None where it is no single molecule that RDKit can read."""
        from gdopt.molecules import selfies

        return [selfies.molecule(row) for row in _spelled(x, self.alphabet)]

    @classmethod
    def of(cls, corpus: Sequence[str], generator: torch.Generator) -> "Selfies":
        """The tokens that molecules of a corpus have, and a length that all but the longest have room in."""
        rows = [row for _ in range(WRITINGS) for row in _selfies(corpus, generator)]
        lengths = torch.tensor([len(row) for row in rows], dtype=torch.float64)
        return cls(tuple(sorted({token for row in rows for token in row})), int(lengths.quantile(ROOM)))


# Writings of a molecule that are looked at for its tokens, and the share of them that a row has room for.
WRITINGS, ROOM = 2, 0.99
# What RDKit takes as a seed is below this.
SEEDS = 2**31


def tokens_of(parameter: object, corpus: Sequence[str], generator: torch.Generator) -> Tokens:
    """How strings of the parameter are written: the letters of its alphabet, or the tokens of the corpus' SELFIES."""
    return Letters(parameter) if isinstance(parameter, strings.Sequence) else Selfies.of(corpus, generator)


def _selfies(given: Sequence[str], generator: torch.Generator | None) -> list[tuple[str, ...]]:
    """The tokens of each molecule, in random order if there is a generator; none if it has no SELFIES."""
    from gdopt.molecules import selfies

    if generator is None:
        return [selfies.spelled(one) or () for one in given]
    seeds = torch.randint(1, SEEDS, (len(given),), generator=generator).tolist()
    return [selfies.spelled(one, seed) or () for one, seed in zip(given, seeds, strict=True)]


def _rows(spelled: Iterable[Sequence[str]], alphabet: Sequence[str], length: int) -> Int[Tensor, "n L"]:
    """Token numbers, filled up with V + 1."""
    number = {token: i for i, token in enumerate(alphabet)}
    beyond = len(alphabet) + 1
    rows = [[number[token] for token in one] + [beyond] * (length - len(one)) for one in spelled]
    return torch.tensor(rows, dtype=torch.int64).reshape(-1, length)


def _spelled(x: Int[Tensor, "n L"], alphabet: Sequence[str]) -> list[list[str]]:
    """The tokens of each row up to its end."""
    return [[alphabet[i] for i in row if i < len(alphabet)] for row in x.tolist()]


def missing_tokens(lengths: Sequence[int], tokens: int, most: int) -> Int[Tensor, "n L"]:
    """Rows of these lengths with nothing but hidden tokens."""
    return without_gaps([[tokens] * length for length in lengths], tokens, most)


def without_gaps(rows: Sequence[Sequence[int]], tokens: int, most: int) -> Int[Tensor, "n L"]:
    """The rows as a tensor, filled up with V + 1."""
    filled = [[*row, *[tokens + 1] * (most - len(row))] for row in rows]
    return torch.tensor(filled, dtype=torch.int64).reshape(-1, most)
