"""Mutation and crossover of molecules as SELFIES, of which almost every string is a molecule.

The mutations are those of the SELFIES GA (Nigam et al. 2020, arXiv 1909.11655) and of STONED (Nigam et al. 2021, Chem.
Sci. 12, 7079), which also writes a molecule in a new random order before each: what a token stands beside is then
another part of the molecule. The constraints on valences are those that the package selfies is set to; the limit on
size is Graph GA's, so that the two can be compared.
"""

from collections.abc import Collection, Iterable, Sequence

import numpy as np
import selfies
import torch
from jaxtyping import Float
from rdkit import Chem
from rdkit.rdBase import BlockLogs
from torch import Tensor

from gdopt.errors import SettingsError
from gdopt.molecules.breeding import PUBLISHED_SIZE, Size, bred, drawn_from, fragment
from gdopt.molecules.smiles import canonical

__all__ = ["CROSSOVER_RATE", "MUTATIONS", "MUTATION_RATE", "alphabet", "crossover", "mutate", "offspring"]

MUTATIONS = ("replace", "insert", "delete")
# The published algorithms only mutate.
CROSSOVER_RATE, MUTATION_RATE = 0.0, 0.0
# How often a move is tried in another place before it is given up.
TRIES = 10


def alphabet(corpus: Iterable[str] = ()) -> tuple[str, ...]:
    """The tokens that a mutation may bring in: those of selfies' robust alphabet without charge, and of the corpus.

    Args:
        corpus: SMILES. What SELFIES cannot write is left out.

    Raises:
        SpaceError: one is not the SMILES of one molecule.
    """
    tokens = {token for token in selfies.get_semantic_robust_alphabet() if not ("+" in token or "-" in token)}
    with BlockLogs():
        for smiles in corpus:
            tokens.update(_encoded(canonical(smiles)))
    return tuple(sorted(tokens))


def crossover(mother: str, father: str, generator: torch.Generator, *, size: Size = PUBLISHED_SIZE) -> str | None:
    """A part of each parent in one molecule, as canonical SMILES; None if none was found.

    With even odds it is the beginning of the mother's string with an end of the father's, cut once each, or the
    mother's with one of its fragments exchanged for one of the father's. The child is neither of the parents.

    Raises:
        SpaceError: a parent is not the SMILES of one molecule.
    """
    with BlockLogs():
        return _crossed(canonical(mother), canonical(father), drawn_from(generator), size)


def mutate(
    smiles: str,
    generator: torch.Generator,
    *,
    kind: str | None = None,
    tokens: Sequence[str] | None = None,
    size: Size = PUBLISHED_SIZE,
) -> str | None:
    """The molecule with one token replaced, inserted or deleted, as canonical SMILES; None if that never changed it.

    Args:
        smiles: what is changed.
        generator: the random stream.
        kind: one of `MUTATIONS`; any of them, all alike, if it is left open.
        tokens: that may come in, `alphabet()` if they are left open.
        size: of what may come out.

    Raises:
        SettingsError: no mutation is of that kind.
        SpaceError: it is not the SMILES of one molecule.
    """
    if kind is not None and kind not in MUTATIONS:
        raise SettingsError(f"kind = {kind!r}: expected one of {', '.join(MUTATIONS)}")
    with BlockLogs():
        return _mutated(canonical(smiles), tokens or alphabet(), drawn_from(generator), size, kind)


def offspring(
    parents: Sequence[str],
    weights: Sequence[float] | Float[Tensor, " k"] | None,
    n: int,
    generator: torch.Generator,
    *,
    crossover_rate: float = CROSSOVER_RATE,
    mutation_rate: float = MUTATION_RATE,
    tokens: Sequence[str] | None = None,
    size: Size = PUBLISHED_SIZE,
    without: Collection[str] = (),
) -> list[str]:
    """n canonical SMILES bred of the parents, all different and new; fewer if 20 n tries have not found as many.

    Args:
        parents: the population.
        weights: how much each is preferred, None for all alike; `gdopt.molecules.breeding` has the published ones.
        n: how many are wanted.
        generator: the random stream.
        crossover_rate: of crossing two parents; the others are mutants of one.
        mutation_rate: of mutating what was crossed.
        tokens: that mutations may bring in, `alphabet()` if they are left open.
        size: of what may come out.
        without: canonical SMILES that are not to come out, as they are known already.

    Raises:
        SettingsError: there are no parents, or the weights or a rate are no probabilities.
        SpaceError: a parent is not the SMILES of one molecule.
    """
    rng, tokens = drawn_from(generator), tokens or alphabet()
    with BlockLogs():
        return bred(
            lambda mother, father: _crossed(mother, father, rng, size),
            lambda smiles: _mutated(smiles, tokens, rng, size),
            parents,
            weights,
            n,
            rng,
            crossover_rate=crossover_rate,
            mutation_rate=mutation_rate,
            without=without,
        )


def _crossed(mother: str, father: str, rng: np.random.Generator, size: Size) -> str | None:
    for _ in range(TRIES):
        one, other = _written(mother, rng), _written(father, rng)
        if not (one and other):
            return None
        join = _ends_joined if rng.random() < 1 / 2 else _fragment_exchanged
        child = _molecule(join(one, other, rng), rng, size)
        if child is not None and child not in (mother, father):
            return child
    return None


def _mutated(
    smiles: str, tokens: Sequence[str], rng: np.random.Generator, size: Size, kind: str | None = None
) -> str | None:
    for _ in range(TRIES):
        string = _written(smiles, rng)
        if not string:
            return None
        edit = kind or MUTATIONS[rng.integers(len(MUTATIONS))]
        at = int(rng.integers(len(string) + (edit == "insert")))
        new = [] if edit == "delete" else [tokens[int(rng.integers(len(tokens)))]]
        child = _molecule(string[:at] + new + string[at + (edit != "insert") :], rng, size)
        if child is not None and child != smiles:
            return child
    return None


def _ends_joined(one: list[str], other: list[str], rng: np.random.Generator) -> list[str]:
    return one[: rng.integers(len(one) + 1)] + other[rng.integers(len(other) + 1) :]


def _fragment_exchanged(one: list[str], other: list[str], rng: np.random.Generator) -> list[str]:
    (start, stop), (first, last) = (sorted(rng.integers(len(string) + 1, size=2)) for string in (one, other))
    return one[:start] + other[first:last] + one[stop:]


def _written(smiles: str, rng: np.random.Generator) -> list[str]:
    """The molecule's tokens, written in a random order of its atoms; nothing if SELFIES cannot write it."""
    mol, seed = Chem.MolFromSmiles(smiles), int(rng.integers(1, 2**31 - 1))
    return _encoded(Chem.MolToRandomSmilesVect(mol, 1, randomSeed=seed, kekuleSmiles=True)[0])


def _encoded(smiles: str) -> list[str]:
    try:
        return list(selfies.split_selfies(selfies.encoder(smiles)))
    except selfies.EncoderError:
        return []


def _molecule(string: Sequence[str], rng: np.random.Generator, size: Size) -> str | None:
    found = fragment(selfies.decoder("".join(string)))
    if found is None or not size.allows(Chem.MolFromSmiles(found).GetNumHeavyAtoms(), rng):
        return None
    return found
