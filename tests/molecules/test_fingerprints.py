"""Count fingerprints: against RDKit's unfolded ones."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator

from gdopt import SpaceError
from gdopt.molecules.fingerprints import counts
from gdopt.molecules.smiles import nci

molecules = st.sampled_from(nci())


@given(molecules, st.sampled_from([64, 2048]))
def test_a_row_is_the_unfolded_counts_by_their_remainders(smiles: str, bits: int) -> None:
    unfolded = rdFingerprintGenerator.GetMorganGenerator(radius=2).GetSparseCountFingerprint(Chem.MolFromSmiles(smiles))
    expected = Counter[int]()
    for key, count in unfolded.GetNonzeroElements().items():
        expected[key % bits] += count
    assert dict(enumerate(counts([smiles], bits)[0].tolist())) == {j: expected[j] for j in range(bits)}


def test_rows_come_in_the_order_of_the_molecules_in_double_precision() -> None:
    some = nci()[:20]
    together = counts(some)
    assert together.dtype == torch.float64
    np.testing.assert_array_equal(together, torch.cat([counts([smiles]) for smiles in some]))


def test_no_molecules_are_no_rows() -> None:
    assert counts([]).shape == (0, 2048)


def test_counts_tell_chains_apart_that_bits_do_not() -> None:
    longer, shorter = counts(["CCCCCCCCCC", "CCCCCCCC"])
    assert torch.equal(longer > 0, shorter > 0)
    assert not torch.equal(longer, shorter)


def test_mirror_images_have_one_fingerprint() -> None:
    left, right = counts(["C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"])
    assert torch.equal(left, right)


def test_a_molecule_that_cannot_be_read_is_named() -> None:
    with pytest.raises(SpaceError, match="'C1CC' is no molecule"):
        counts(["CC", "C1CC"])
