"""SELFIES: random rows of tokens are molecules, and come back from what they are written as."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.rdBase import BlockLogs

from gdopt.molecules.fingerprints import counts
from gdopt.molecules.selfies import molecule, spelled
from gdopt.molecules.smiles import canonical
from tests.strategies import selfies_rows


@given(selfies_rows)
def test_a_molecule_that_is_read_is_in_canonical_form(row: list[str]) -> None:
    found = molecule(row)
    assume(found is not None)
    assert canonical(found) == found


@given(selfies_rows)
def test_decoding_what_was_encoded_is_a_fixed_point(row: list[str]) -> None:
    found = molecule(row)
    assume(found is not None)
    again = spelled(found)
    assume(again is not None)
    assert molecule(again) == found


@given(selfies_rows, st.integers(1, 1000))
def test_every_way_to_write_a_molecule_without_stereochemistry_is_the_same_molecule(row: list[str], seed: int) -> None:
    found = molecule([token for token in row if not set("@/\\") & set(token)])
    assume(found is not None)
    other = spelled(found, seed)
    assume(other is not None)
    assert molecule(other) == found


@given(selfies_rows)
def test_what_is_read_has_one_fragment_and_a_fingerprint(row: list[str]) -> None:
    found = molecule(row)
    assume(found is not None)
    with BlockLogs():
        assert len(Chem.GetMolFrags(Chem.MolFromSmiles(found))) == 1
    assert counts([found]).sum() > 0


@pytest.mark.parametrize("row", [[], ["[Branch1]"], ["[Ring1]", "[Ring1]"]])
def test_rows_without_an_atom_are_no_molecule(row: list[str]) -> None:
    assert molecule(row) is None
