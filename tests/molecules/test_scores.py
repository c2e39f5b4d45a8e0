"""What is printed beside a score: against published scores, names that chemists know, and counting by hand."""

import math
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem, DataStructs, RDConfig
from rdkit.Chem import Descriptors, rdMolDescriptors

from gdopt import CorpusError, SpaceError
from gdopt.molecules.scores import (
    PROPERTIES,
    Neighbours,
    alerts,
    novelty,
    properties,
    synthetic_accessibility,
    uniqueness,
    validity,
)
from gdopt.molecules.smiles import nci

ASPIRIN, CAFFEINE = "CC(=O)Oc1ccccc1C(=O)O", "Cn1c(=O)c2c(ncn2C)n(C)c1=O"


def test_accessibility_is_what_its_authors_published() -> None:
    lines = (Path(RDConfig.RDContribDir) / "SA_Score" / "data" / "zim.100.txt").read_text().splitlines()[1:]
    rows = [line.split("\t") for line in lines]
    found = [synthetic_accessibility(smiles) for smiles, *_ in rows]
    np.testing.assert_allclose(found, [float(row[-1]) for row in rows], rtol=0, atol=6e-4)  # of three decimals


@pytest.mark.parametrize(
    ("smiles", "names"),
    [
        (ASPIRIN, ("Brenk phenol_ester",)),
        (CAFFEINE, ()),
        ("O=CCC", ("Brenk aldehyde",)),
        ("O=C1C=CC(=O)C=C1", ("Brenk chinone_1", "PAINS_A quinone_A(370)")),
    ],
)
def test_alerts_are_the_names_of_what_is_warned_of(smiles: str, names: tuple[str, ...]) -> None:
    assert alerts(smiles) == names


def test_the_nearest_is_the_best_of_all_similarities() -> None:
    corpus = tuple(nci()[:300])
    prints = [
        rdMolDescriptors.GetMorganFingerprintAsBitVect(Chem.MolFromSmiles(s), 2, 2048) for s in (*corpus, ASPIRIN)
    ]
    expected = [DataStructs.TanimotoSimilarity(prints[-1], other) for other in prints[:-1]]
    assert Neighbours(corpus).nearest(ASPIRIN) == (corpus[int(np.argmax(expected))], max(expected))


def test_a_molecule_of_the_corpus_is_its_own_neighbour() -> None:
    assert Neighbours((CAFFEINE, ASPIRIN)).nearest("OC(=O)c1ccccc1OC(C)=O") == (ASPIRIN, 1.0)


def test_an_empty_corpus_has_no_neighbours() -> None:
    with pytest.raises(CorpusError, match="empty corpus"):
        Neighbours(())


PROPOSED = ["CCO", "OCC", "CCN", "c1ccccc1", "C1CC", "C.C"]


def test_shares_are_those_of_counting_by_hand() -> None:
    assert validity(PROPOSED) == 4 / 6
    assert uniqueness(PROPOSED) == 3 / 4
    assert novelty(PROPOSED, ["CCO", "CCC"]) == 2 / 3


@pytest.mark.parametrize("found", [validity([]), uniqueness(["C1CC"]), novelty(["C1CC"], ["CC"])])
def test_shares_of_nothing_are_not_numbers(found: float) -> None:
    assert math.isnan(found)


def test_properties_of_aspirin_are_those_of_textbooks() -> None:
    found = {name: column[0] for name, column in properties([ASPIRIN]).items()}
    assert found["molecular weight"] == pytest.approx(180.16, abs=0.005)
    assert found["polar surface"] == pytest.approx(63.6, abs=0.05)
    counted = ("heavy atoms", "rings", "aromatic rings", "hydrogen bond donors", "share of sp3 carbons")
    assert [found[name] for name in counted] == [13, 1, 1, 1, 1 / 9]


def test_properties_are_those_of_each_molecule_and_nan_where_one_cannot_be_read() -> None:
    found = properties([CAFFEINE, "C1CC", ASPIRIN])
    assert list(found) == [each.name for each in PROPERTIES]
    np.testing.assert_array_equal([np.isnan(column) for column in found.values()], [[False, True, False]] * len(found))
    expected = [Descriptors.MolLogP(Chem.MolFromSmiles(smiles)) for smiles in (CAFFEINE, ASPIRIN)]
    np.testing.assert_allclose(found["logP"][[0, 2]], expected)


@pytest.mark.parametrize("score", [synthetic_accessibility, alerts, Neighbours((ASPIRIN,)).nearest])
def test_a_molecule_that_cannot_be_read_has_no_score(score) -> None:
    with pytest.raises(SpaceError, match="'C1CC' is no molecule"):
        score("C1CC")
