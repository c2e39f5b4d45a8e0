"""Graph GA: what each move does to the graph, counted by RDKit."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.Chem.rdChemReactions import ReactionFromSmarts

from gdopt.molecules.breeding import PUBLISHED_SIZE, Size
from gdopt.molecules.graph_operators import MUTATIONS, crossover, mutate
from tests.molecules.nci import elements, is_clean, molecules

ANY_SIZE = Size(least=1, mean=1000, deviation=0)
SEEDS = st.integers(0, 2**40)
RING, RING_OF_THREE = Chem.MolFromSmarts("[R]"), Chem.MolFromSmarts("[r3]")

# Atoms, and bonds between them, that a mutation adds.
CHANGES = {
    "insert atom": (1, 1),
    "change bond order": (0, 0),
    "delete cyclic bond": (0, -1),
    "add ring": (0, 1),
    "delete atom": (-1, -1),
    "change atom": (0, 0),
    "append atom": (1, 1),
}


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def orders(smiles: str) -> float:
    """The sum of the bonds' orders."""
    mol = Chem.MolFromSmiles(smiles)
    Chem.Kekulize(mol, clearAromaticFlags=True)
    return sum(bond.GetBondTypeAsDouble() for bond in mol.GetBonds())


def without_small_rings() -> list[str]:
    """In which no two bonds become one when an atom between them is deleted."""
    return [smiles for smiles in molecules() if not Chem.MolFromSmiles(smiles).HasSubstructMatch(RING_OF_THREE)]


@pytest.mark.parametrize("kind", MUTATIONS)
def test_a_mutation_changes_one_thing(kind: str) -> None:
    counted = 0
    for seed, smiles in enumerate(without_small_rings()[::8]):
        child = mutate(smiles, seeded(seed), kind=kind, size=ANY_SIZE)
        if child is not None:
            before, after = Chem.MolFromSmiles(smiles), Chem.MolFromSmiles(child)
            added = after.GetNumHeavyAtoms() - before.GetNumHeavyAtoms(), after.GetNumBonds() - before.GetNumBonds()
            assert added == CHANGES[kind], (smiles, child)
            counted += 1
    assert counted > 30


def test_a_changed_atom_is_another_element() -> None:
    for seed, smiles in enumerate(molecules()[::10]):
        child = mutate(smiles, seeded(seed), kind="change atom", size=ANY_SIZE)
        if child is not None:
            gone, come = elements(smiles) - elements(child), elements(child) - elements(smiles)
            assert (gone.total(), come.total()) == (1, 1)


def test_a_changed_bond_leaves_the_elements_and_changes_the_orders() -> None:
    for seed, smiles in enumerate(molecules()[::10]):
        child = mutate(smiles, seeded(seed), kind="change bond order", size=ANY_SIZE)
        if child is not None:
            assert elements(child) == elements(smiles)
            assert abs(orders(child) - orders(smiles)) in (1, 2)


def test_all_mutations_are_drawn_with_their_probabilities() -> None:
    assert sum(p for p, _ in MUTATIONS.values()) == pytest.approx(1)
    assert all(sum(p for p, _ in groups) == pytest.approx(1) for _, groups in MUTATIONS.values() if groups)
    # Hexane has no ring to cut, and is changed by half of the reactions that delete an atom (those of D1 and D2) or
    # change a bond (to a double or a triple one): what is drawn in vain is drawn again.
    found = 0.15 + 0.14 / 2 + 0 + 0.14 + 0.14 / 2 + 0.14 + 0.15
    kinds: Counter[tuple[int, int]] = Counter()
    for seed in range(600):
        child = mutate("CCCCCC", seeded(seed), size=ANY_SIZE)
        assert child is not None
        mol = Chem.MolFromSmiles(child)
        kinds[mol.GetNumHeavyAtoms() - 6, mol.GetNumBonds() - 5] += 1
    assert kinds[-1, -1] / 600 == pytest.approx(0.07 / found, abs=0.04)
    assert kinds[0, 1] / 600 == pytest.approx(0.14 / found, abs=0.04)
    assert kinds[1, 1] / 600 == pytest.approx(0.30 / found, abs=0.05)


@pytest.mark.parametrize("kind", [kind for kind, (_, groups) in MUTATIONS.items() if groups])
def test_reactions_are_of_one_molecule(kind: str) -> None:
    for _, smarts in MUTATIONS[kind][1]:
        for one in smarts:
            reaction = ReactionFromSmarts(one)
            assert reaction.Validate(silent=True)[1] == 0
            assert (reaction.GetNumReactantTemplates(), reaction.GetNumProductTemplates()) == (1, 1)


@settings(max_examples=150)
@given(st.sampled_from(molecules()), SEEDS)
def test_mutants_are_clean_and_new(smiles: str, seed: int) -> None:
    child = mutate(smiles, seeded(seed))
    assert child is None or (is_clean(child) and child != smiles)


@settings(max_examples=150)
@given(st.sampled_from(molecules()), st.sampled_from(molecules()), SEEDS)
def test_crossed_are_clean_new_and_made_of_their_parents(mother: str, father: str, seed: int) -> None:
    child = crossover(mother, father, seeded(seed))
    if child is not None:
        assert is_clean(child)
        assert child not in (mother, father)
        assert elements(child) <= elements(mother) + elements(father)


def test_most_pairs_have_a_child() -> None:
    pairs = zip(molecules()[::6], molecules()[3::6], strict=False)
    found = [crossover(mother, father, seeded(seed)) for seed, (mother, father) in enumerate(pairs)]
    assert sum(child is not None for child in found) / len(found) > 0.9


def test_chains_are_cut_once_and_joined() -> None:
    # Each part ends where a chain was cut, so the oxygen or the nitrogen of either parent ends a chain of carbons.
    found = {crossover("OCCCCC", "NCCCCC", seeded(seed), size=ANY_SIZE) for seed in range(400)}
    chains = {"O" + "C" * k + "N" for k in range(2, 10)} | {"O" + "C" * k for k in range(2, 10)}
    chains |= {"N" + "C" * k for k in range(2, 10)} | {"C" * k for k in range(2, 11)} | {"ON", "OCN", "CO", "CN"}
    assert {Chem.CanonSmiles(chain) for chain in chains} >= found - {None}
    assert Chem.CanonSmiles("OCCCCCCCCN") in found


def test_rings_are_cut_through_and_closed() -> None:
    found = {crossover("c1ccncc1", "c1ccsc1", seeded(seed), size=ANY_SIZE) for seed in range(100)} - {None}
    assert all(Chem.MolFromSmiles(child).HasSubstructMatch(RING) for child in found)
    assert all(elements(child) <= Counter(C=9, N=1, S=1) for child in found)
    assert any({"N", "S"} <= {*elements(child)} for child in found)
    assert "c1cnsc1" in found or "c1cscn1" in found


def test_no_ring_that_was_made_is_large_or_strained() -> None:
    strained = Chem.MolFromSmarts("[r3,r4]=[r3,r4]")
    for seed, smiles in enumerate(molecules()[::10]):
        child = mutate(smiles, seeded(seed), kind="add ring")
        if child is not None:
            mol = Chem.MolFromSmiles(child)
            assert max(len(ring) for ring in mol.GetRingInfo().AtomRings()) <= 6
            assert not mol.HasSubstructMatch(strained)


def test_a_molecule_without_any_of_the_elements_has_no_changed_atom(generator: torch.Generator) -> None:
    assert mutate("[SiH3][SiH3]", generator, kind="change atom", size=ANY_SIZE) is None


def test_the_published_size_is_drawn_for_every_candidate() -> None:
    limits = torch.distributions.Normal(39.15, 3.5)
    rng = np.random.default_rng(0)
    share = sum(PUBLISHED_SIZE.allows(36, rng) for _ in range(4000)) / 4000
    assert share == pytest.approx(float(1 - limits.cdf(torch.tensor(36.0))), abs=0.03)
    assert not PUBLISHED_SIZE.allows(5, rng)
