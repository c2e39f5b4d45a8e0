"""Graph GA: crossover and mutation of molecules by their graphs (Jensen 2019, Chem. Sci. 10, 3567).

The operators, their probabilities and the limits on size and rings are those of the paper and of its code. Molecules
are worked on in a Kekulé form, so that a bond has an order.
"""

from collections.abc import Collection, Sequence
from functools import cache, lru_cache
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float
from rdkit import Chem
from rdkit.Chem import Mol
from rdkit.Chem.rdChemReactions import ChemicalReaction, ReactionFromSmarts
from rdkit.rdBase import BlockLogs
from torch import Tensor

from gdopt.errors import SettingsError
from gdopt.molecules.breeding import PUBLISHED_SIZE, Size, bred, drawn_from, fragment
from gdopt.molecules.smiles import canonical

__all__ = ["CROSSOVER_RATE", "MUTATIONS", "MUTATION_RATE", "crossover", "mol_ga", "mutate", "offspring"]

# Of PMO's tuned Graph GA (Gao et al. 2022, arXiv 2206.12411), with 120 molecules and 70 offspring. Mol GA has
# crossover_rate=0.9 and mutation_rate=0.01 (Tripp and Hernández-Lobato 2023, arXiv 2310.09267).
CROSSOVER_RATE, MUTATION_RATE = 1.0, 0.067
# How often a move is tried in another place before it is given up.
TRIES = 10
LARGEST_RING = 6
# Reactions with one probability, alike among themselves; the probabilities of a kind of mutation sum to 1.
Group = tuple[float, tuple[str, ...]]


def _each(smarts: str, symbols: str) -> tuple[str, ...]:
    return tuple(smarts.format(symbol) for symbol in symbols.split())


# The probability of each kind, and its reactions; those of "change atom" depend on the molecule.
MUTATIONS: dict[str, tuple[float, tuple[Group, ...]]] = {
    "insert atom": (
        0.15,
        (
            (0.60, _each("[*:1]~[*:2]>>[*:1]{}[*:2]", "C N O S")),
            (0.35, _each("[*;!H0:1]~[*:2]>>[*:1]={}-[*:2]", "C N")),
            (0.05, _each("[*;!R;!H1;!H0:1]~[*:2]>>[*:1]#{}-[*:2]", "C")),
        ),
    ),
    "change bond order": (
        0.14,
        (
            (0.45, ("[*:1]!-[*:2]>>[*:1]-[*:2]",)),
            (0.45, ("[*;!H0:1]-[*;!H0:2]>>[*:1]=[*:2]",)),
            (0.05, ("[*:1]#[*:2]>>[*:1]=[*:2]",)),
            (0.05, ("[*;!R;!H1;!H0:1]~[*:2]>>[*:1]#[*:2]",)),
        ),
    ),
    "delete cyclic bond": (0.14, ((1.0, ("[*:1]@[*:2]>>([*:1].[*:2])",)),)),
    "add ring": (
        0.14,
        (
            (0.05, ("[*;!r;!H0:1]~[*;!r:2]~[*;!r;!H0:3]>>[*:1]1~[*:2]~[*:3]1",)),
            (0.05, ("[*;!r;!H0:1]~[*!r:2]~[*!r:3]~[*;!r;!H0:4]>>[*:1]1~[*:2]~[*:3]~[*:4]1",)),
            (0.45, ("[*;!r;!H0:1]~[*!r:2]~[*:3]~[*:4]~[*;!r;!H0:5]>>[*:1]1~[*:2]~[*:3]~[*:4]~[*:5]1",)),
            (
                0.45,
                ("[*;!r;!H0:1]~[*!r:2]~[*:3]~[*:4]~[*!r:5]~[*;!r;!H0:6]>>[*:1]1~[*:2]~[*:3]~[*:4]~[*:5]~[*:6]1",),
            ),
        ),
    ),
    "delete atom": (
        0.14,
        (
            (0.25, ("[*:1]~[D1]>>[*:1]",)),
            (0.25, ("[*:1]~[D2]~[*:3]>>[*:1]-[*:3]",)),
            (0.25, ("[*:1]~[D3](~[*;!H0:3])~[*:4]>>[*:1]-[*:3]-[*:4]",)),
            (0.1875, ("[*:1]~[D4](~[*;!H0:3])(~[*;!H0:4])~[*:5]>>[*:1]-[*:3]-[*:4]-[*:5]",)),
            (0.0625, ("[*:1]~[D4](~[*;!H0;!H1:3])(~[*:4])~[*:5]>>[*:1]-[*:3](-[*:4])-[*:5]",)),
        ),
    ),
    "change atom": (0.14, ()),
    "append atom": (
        0.15,
        (
            (0.60, _each("[*;!H0:1]>>[*:1]-{}", "C N O F S Cl Br")),
            (0.35, _each("[*;!H0;!H1:1]>>[*:1]={}", "C N O")),
            (0.05, _each("[*;H3:1]>>[*:1]#{}", "C N")),
        ),
    ),
}
# From what and to what an atom is changed, by atomic number.
ELEMENTS = {6: 0.15, 7: 0.15, 8: 0.14, 9: 0.14, 16: 0.14, 17: 0.14, 35: 0.14}
SINGLE_BOND = Chem.MolFromSmarts("[*]-;!@[*]")
# Two bonds of a ring with one between them, or beside each other at an atom that has another neighbour too.
RING_BONDS = (Chem.MolFromSmarts("[R]@[R]@[R]@[R]"), Chem.MolFromSmarts("[R]@[R;!D2]@[R]"))
JOIN_BOND = "[*:1]-[1*].[1*]-[*:2]>>[*:1]-[*:2]"
JOIN_RING = ("[*:1]~[1*].[1*]~[*:2]>>[*:1]-[*:2]", "[*:1]~[1*].[1*]~[*:2]>>[*:1]=[*:2]")
CLOSE_RING = ("([*:1]~[1*].[1*]~[*:2])>>[*:1]-[*:2]", "([*:1]~[1*].[1*]~[*:2])>>[*:1]=[*:2]")
RING_ALLENE, SMALL_RING_ALKENE = Chem.MolFromSmarts("[R]=[R]=[R]"), Chem.MolFromSmarts("[r3,r4]=[r3,r4]")
K = TypeVar("K")
T = TypeVar("T")


def crossover(mother: str, father: str, generator: torch.Generator, *, size: Size = PUBLISHED_SIZE) -> str | None:
    """A part of each parent in one molecule, as canonical SMILES; None if no place was found where they fit.

    Both are cut at a single bond outside rings, or both through a ring, with even odds; a part of one is joined to a
    part of the other, where a ring was cut by two bonds, each single or double. The child is neither of the parents.

    Raises:
        SpaceError: a parent is not the SMILES of one molecule.
    """
    with BlockLogs():
        return _crossed(canonical(mother), canonical(father), drawn_from(generator), size)


def mutate(
    smiles: str, generator: torch.Generator, *, kind: str | None = None, size: Size = PUBLISHED_SIZE
) -> str | None:
    """The molecule with one change of its graph, as canonical SMILES; None if none was found that leaves a molecule.

    Args:
        smiles: what is changed.
        generator: the random stream.
        kind: one of `MUTATIONS`; drawn with their probabilities if it is left open.
        size: of what may come out.

    Raises:
        SettingsError: no mutation is of that kind.
        SpaceError: it is not the SMILES of one molecule.
    """
    if kind is not None and kind not in MUTATIONS:
        raise SettingsError(f"kind = {kind!r}: expected one of {', '.join(MUTATIONS)}")
    with BlockLogs():
        return _mutated(canonical(smiles), drawn_from(generator), size, kind)


def offspring(
    parents: Sequence[str],
    weights: Sequence[float] | Float[Tensor, " k"] | None,
    n: int,
    generator: torch.Generator,
    *,
    crossover_rate: float = CROSSOVER_RATE,
    mutation_rate: float = MUTATION_RATE,
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
        size: of the offspring.
        without: canonical SMILES that are not to come out, as they are known already.

    Raises:
        SettingsError: there are no parents, or the weights or a rate are no probabilities.
        SpaceError: a parent is not the SMILES of one molecule.
    """
    rng = drawn_from(generator)
    with BlockLogs():
        return bred(
            lambda mother, father: _crossed(mother, father, rng, size),
            lambda smiles: _mutated(smiles, rng, size),
            parents,
            weights,
            n,
            rng,
            crossover_rate=crossover_rate,
            mutation_rate=mutation_rate,
            without=without,
        )


# Of Mol GA (Tripp and Hernández-Lobato 2023, arXiv 2310.09267), the strongest rates for these moves that were measured.
MOL_GA_CROSSOVER, MOL_GA_MUTATION = 0.9, 0.01


def mol_ga(
    parents: Sequence[str],
    weights: Sequence[float] | Float[Tensor, " k"] | None,
    n: int,
    generator: torch.Generator,
    without: Collection[str] = (),
) -> list[str]:
    """What `offspring` gives at the rates of Mol GA."""
    return offspring(
        parents,
        weights,
        n,
        generator,
        crossover_rate=MOL_GA_CROSSOVER,
        mutation_rate=MOL_GA_MUTATION,
        without=without,
    )


def _crossed(mother: str, father: str, rng: np.random.Generator, size: Size) -> str | None:
    mols = _kekulized(mother), _kekulized(father)
    for _ in range(TRIES):
        cross = _across_bonds if rng.random() < 1 / 2 else _through_rings
        child = cross(*mols, rng, size)
        if child is not None and child not in (mother, father):
            return child
    return None


def _across_bonds(mother: Mol, father: Mol, rng: np.random.Generator, size: Size) -> str | None:
    """Parts of both, cut at a single bond outside rings."""
    for _ in range(TRIES):
        mothers, fathers = _cut_bond(mother, rng), _cut_bond(father, rng)
        if not (mothers and fathers):
            return None
        for pair in _shuffled([(one, other) for one in mothers for other in fathers], rng):
            for (child,) in _reaction(JOIN_BOND).RunReactants(pair):
                found = _accepted(child, rng, size, rings=False)
                if found is not None:
                    return found
    return None


def _through_rings(mother: Mol, father: Mol, rng: np.random.Generator, size: Size) -> str | None:
    """Parts of both, cut at two bonds of a ring."""
    for _ in range(TRIES):
        mothers, fathers = _cut_ring(mother, rng), _cut_ring(father, rng)
        if not (mothers and fathers):
            return None
        ways = [((m, f), join, close) for m in mothers for f in fathers for join in JOIN_RING for close in CLOSE_RING]
        for pair, join, close in _shuffled(ways, rng):
            # Which ends are joined first says which way round a part is; the two that are left have one way.
            for (opened,) in _shuffled(_reaction(join).RunReactants(pair), rng)[:1]:
                for (child,) in _reaction(close).RunReactants((opened,))[:1]:
                    found = _accepted(child, rng, size)
                    if found is not None:
                        return found
    return None


def _mutated(smiles: str, rng: np.random.Generator, size: Size, kind: str | None = None) -> str | None:
    mol = _kekulized(smiles)
    for _ in range(TRIES):
        smarts = _drawn_reaction(kind or _drawn({k: p for k, (p, _) in MUTATIONS.items()}, rng), mol, rng)
        if smarts is None:
            continue
        # The first that is accepted, in a random order, is any that is accepted, all alike.
        for (child,) in _shuffled(_reaction(smarts).RunReactants((mol,)), rng):
            found = _accepted(child, rng, size)
            if found is not None and found != smiles:
                return found
    return None


def _drawn_reaction(kind: str, mol: Mol, rng: np.random.Generator) -> str | None:
    groups = MUTATIONS[kind][1]
    if groups:
        reactions = groups[_drawn({i: p for i, (p, _) in enumerate(groups)}, rng)][1]
        return reactions[rng.integers(len(reactions))]
    there = {atom.GetAtomicNum() for atom in mol.GetAtoms()}
    before = {element: p for element, p in ELEMENTS.items() if element in there}
    if not before:
        return None
    old = _drawn(before, rng)
    new = _drawn({element: p for element, p in ELEMENTS.items() if element != old}, rng)
    return f"[#{old}:1]>>[#{new}:1]"


def _accepted(mol: Mol, rng: np.random.Generator, size: Size, *, rings: bool = True) -> str | None:
    """The canonical SMILES of what a reaction made, if it is one molecule of an allowed size, with allowed rings."""
    if not size.allows(mol.GetNumHeavyAtoms(), rng) or Chem.SanitizeMol(mol, catchErrors=True):
        return None
    return None if rings and not _allowed_rings(mol) else fragment(Chem.MolToSmiles(mol))


def _allowed_rings(mol: Mol) -> bool:
    """Whether no ring is large, has a double bond though it is small, or two beside each other."""
    if any(len(ring) > LARGEST_RING for ring in mol.GetRingInfo().AtomRings()):
        return False
    return not (mol.HasSubstructMatch(RING_ALLENE) or mol.HasSubstructMatch(SMALL_RING_ALKENE))


def _cut_bond(mol: Mol, rng: np.random.Generator) -> Sequence[Mol]:
    """Both parts at a single bond outside rings, if there is one."""
    found = mol.GetSubstructMatches(SINGLE_BOND)
    return _parts(mol, [found[rng.integers(len(found))]]) if found else ()


def _cut_ring(mol: Mol, rng: np.random.Generator) -> Sequence[Mol]:
    """Both parts at two bonds of a ring, if there are two that take it apart."""
    for _ in range(TRIES):
        found = mol.GetSubstructMatches(RING_BONDS[rng.integers(len(RING_BONDS))])
        if found:
            atoms = found[rng.integers(len(found))]
            parts = _parts(mol, [atoms[:2], atoms[-2:]])
            if len(parts) == 2:
                return parts
    return ()


def _parts(mol: Mol, bonds: Sequence[Sequence[int]]) -> Sequence[Mol]:
    """What is left when the bonds between pairs of atoms are cut, with an atom [1*] at each end of them."""
    indices = [mol.GetBondBetweenAtoms(*pair).GetIdx() for pair in bonds]
    cut = Chem.FragmentOnBonds(mol, indices, addDummies=True, dummyLabels=[(1, 1)] * len(bonds))
    parts: Sequence[Mol] = Chem.GetMolFrags(cut, asMols=True, sanitizeFrags=False)
    return parts


@lru_cache(maxsize=1024)
def _kekulized(smiles: str) -> Mol:
    mol = Chem.MolFromSmiles(smiles)
    Chem.Kekulize(mol, clearAromaticFlags=True)
    return mol


@cache
def _reaction(smarts: str) -> ChemicalReaction:
    return ReactionFromSmarts(smarts)


def _drawn(probabilities: dict[K, float], rng: np.random.Generator) -> K:
    names, shares = list(probabilities), np.array(list(probabilities.values()))
    return names[int(np.searchsorted(np.cumsum(shares), rng.random() * shares.sum(), side="right"))]


def _shuffled(items: Sequence[T], rng: np.random.Generator) -> list[T]:
    return [items[i] for i in rng.permutation(len(items))]
