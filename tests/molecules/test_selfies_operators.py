"""Moves on SELFIES, by what comes out."""

import pytest
import selfies
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gdopt.molecules.breeding import Size
from gdopt.molecules.selfies_operators import MUTATIONS, alphabet, crossover, mutate
from tests.molecules.nci import elements, is_clean, molecules

ANY_SIZE = Size(least=1, mean=1000, deviation=0)
SEEDS = st.integers(0, 2**40)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def mutants(smiles: str, kind: str, *tokens: str) -> set[str | None]:
    return {mutate(smiles, seeded(seed), kind=kind, tokens=tokens or None, size=ANY_SIZE) for seed in range(60)}


@settings(max_examples=100)
@given(st.sampled_from(molecules()), st.sampled_from(MUTATIONS), SEEDS)
def test_mutants_are_clean_and_new(smiles: str, kind: str, seed: int) -> None:
    child = mutate(smiles, seeded(seed), kind=kind)
    assert child is None or (is_clean(child) and child != smiles)


@settings(max_examples=100)
@given(st.sampled_from(molecules()), st.sampled_from(molecules()), SEEDS)
def test_crossed_are_clean_and_new(mother: str, father: str, seed: int) -> None:
    child = crossover(mother, father, seeded(seed))
    assert child is None or (is_clean(child) and child not in (mother, father))


def test_an_inserted_carbon_makes_heptane_octane() -> None:
    found = mutants("CCCCCCC", "insert", "[C]")
    assert "CCCCCCCC" in found
    assert all({*elements(child)} == {"C"} for child in found if child)


def test_a_replaced_carbon_makes_heptane_an_ether() -> None:
    found = mutants("CCCCCCC", "replace", "[O]")
    assert {"CCCCCCO", "CCCOCCC"} & found
    assert all(elements(child)["O"] == 1 for child in found if child)


def test_a_deleted_carbon_makes_heptane_hexane() -> None:
    assert "CCCCCC" in mutants("CCCCCCC", "delete")


def test_a_molecule_is_written_in_other_orders_before_it_is_changed() -> None:
    # In one order alone there are as many places as tokens, 6, and with one token not more mutants.
    assert len(mutants("CCC(C)CO", "replace", "[F]")) > 6


def test_a_crossed_chain_begins_like_one_parent_and_ends_like_the_other() -> None:
    found = {crossover("FCCCCCF", "ClCCCCCCl", seeded(seed), size=ANY_SIZE) for seed in range(60)} - {None}
    assert any({"F", "Cl"} <= {*elements(child)} for child in found)
    assert all({*elements(child)} <= {"C", "F", "Cl"} for child in found)


def test_the_alphabet_is_robust_neutral_and_has_the_corpus_tokens() -> None:
    plain, more = alphabet(), alphabet(["C[N+](C)(C)C", "CC[Si](C)C"])
    assert {*plain} <= selfies.get_semantic_robust_alphabet()
    assert not any("+" in token or "-" in token for token in plain)
    assert {*more} - {*plain} == {"[N+1]", "[Si]"}
    assert list(more) == sorted(more)


def test_what_selfies_cannot_write_has_no_offspring(generator: torch.Generator) -> None:
    heavy = "FI(F)(F)(F)F"
    with pytest.raises(selfies.EncoderError):
        selfies.encoder(heavy)
    assert alphabet([heavy]) == alphabet()
    assert mutate(heavy, generator) is None
    assert crossover(heavy, "CCCCCC", generator) is None
