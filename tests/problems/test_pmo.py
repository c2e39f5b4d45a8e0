"""The tasks of PMO against arithmetic by hand on RDKit's numbers, and against RDKit's older fingerprints."""

import importlib
import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem, DataStructs, rdBase
from rdkit.Chem import Descriptors, rdMolDescriptors
from rdkit.Chem.rdMolDescriptors import CalcMolFormula

from gdopt import MissingExtraError, ProblemError, SpaceError
from gdopt.molecules.smiles import nci
from gdopt_problems import pmo
from gdopt_problems.pmo import TASKS, evaluate, score

# TDC's names of them, as in table 1 of Gao et al. 2022, without drd2, gsk3b and jnk3.
NAMES = [
    "albuterol_similarity",
    "amlodipine_mpo",
    "celecoxib_rediscovery",
    "deco_hop",
    "fexofenadine_mpo",
    "isomers_c7h8n2o2",
    "isomers_c9h10n2o2pf2cl",
    "median1",
    "median2",
    "mestranol_similarity",
    "osimertinib_mpo",
    "perindopril_mpo",
    "qed",
    "ranolazine_mpo",
    "scaffold_hop",
    "sitagliptin_mpo",
    "thiothixene_rediscovery",
    "troglitazone_rediscovery",
    "valsartan_smarts",
    "zaleplon_mpo",
]
OTHERS = nci()[::240]
# The hops look for pharmacophores, which takes a large molecule long.
QUICK = [name for name in TASKS if not name.endswith("hop")]


def test_the_tasks_are_those_of_the_benchmark_that_are_plain_formulas() -> None:
    assert sorted(TASKS) == NAMES


def old(smiles: str, kind: str):
    """The fingerprints that GuacaMol and TDC call."""
    mol = Chem.MolFromSmiles(smiles)
    with rdBase.BlockLogs():  # they are deprecated
        if kind == "atom pairs":
            return rdMolDescriptors.GetAtomPairFingerprint(mol, maxLength=10)
        return rdMolDescriptors.GetMorganFingerprint(mol, int(kind[-1]) // 2, useFeatures=kind.startswith("F"))


def likeness(one: str, other: str, kind: str) -> float:
    return DataStructs.TanimotoSimilarity(old(one, kind), old(other, kind))


@pytest.mark.parametrize(
    ("task", "target", "kind", "enough"),
    [
        ("albuterol_similarity", pmo.ALBUTEROL, "FCFP4", 0.75),
        ("mestranol_similarity", pmo.MESTRANOL, "atom pairs", 0.75),
        ("celecoxib_rediscovery", pmo.CELECOXIB, "ECFP4", 1.0),
        ("thiothixene_rediscovery", pmo.THIOTHIXENE, "ECFP4", 1.0),
        ("troglitazone_rediscovery", pmo.TROGLITAZONE, "ECFP4", 1.0),
    ],
)
def test_likeness_to_a_drug_is_that_of_the_older_fingerprints_and_1_at_the_drug(task, target, kind, enough) -> None:
    assert score(task, target) == 1.0
    expected = [min(likeness(smiles, target, kind) / enough, 1.0) for smiles in OTHERS]
    np.testing.assert_allclose(evaluate(task)(OTHERS), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("task", "targets", "kind"),
    [
        ("median1", (pmo.CAMPHOR, pmo.MENTHOL), "ECFP4"),
        ("median2", (pmo.TADALAFIL, pmo.SILDENAFIL), "ECFP6"),
    ],
)
def test_a_median_is_the_root_of_two_likenesses(task, targets, kind) -> None:
    expected = [math.sqrt(likeness(s, targets[0], kind) * likeness(s, targets[1], kind)) for s in OTHERS]
    np.testing.assert_allclose(evaluate(task)(OTHERS), expected, atol=1e-12)


def bell(x: float, mu: float, sigma: float) -> float:
    return math.exp(-((x - mu) ** 2) / (2 * sigma**2))


def root(*terms: float) -> float:
    return math.prod(terms) ** (1 / len(terms))


def described(smiles: str) -> tuple[Chem.Mol, float, float]:
    mol = Chem.MolFromSmiles(smiles)
    return mol, Descriptors.MolLogP(mol), Descriptors.TPSA(mol)


def osimertinib(smiles: str) -> float:
    _, logp, tpsa = described(smiles)
    like, unlike = (likeness(smiles, pmo.OSIMERTINIB, kind) for kind in ("FCFP4", "ECFP6"))
    off = bell(unlike, 0.85, 0.1) if unlike > 0.85 else 1.0
    polar = bell(tpsa, 100, 10) if tpsa < 100 else 1.0
    return root(min(like / 0.8, 1), off, polar, bell(logp, 1, 1) if logp > 1 else 1.0)


def fexofenadine(smiles: str) -> float:
    _, logp, tpsa = described(smiles)
    like = likeness(smiles, pmo.FEXOFENADINE, "atom pairs")
    polar = bell(tpsa, 90, 10) if tpsa < 90 else 1.0
    return root(min(like / 0.8, 1), polar, bell(logp, 4, 1) if logp > 4 else 1.0)


def ranolazine(smiles: str) -> float:
    mol, logp, tpsa = described(smiles)
    like = likeness(smiles, pmo.RANOLAZINE, "atom pairs")
    polar = bell(tpsa, 95, 20) if tpsa < 95 else 1.0
    fluorine = bell(len(mol.GetSubstructMatches(Chem.MolFromSmarts("F"))), 1, 1)
    return root(min(like / 0.7, 1), polar, bell(logp, 7, 1) if logp < 7 else 1.0, fluorine)


def perindopril(smiles: str) -> float:
    aromatic = Descriptors.NumAromaticRings(Chem.MolFromSmiles(smiles))
    return root(likeness(smiles, pmo.PERINDOPRIL, "ECFP4"), bell(aromatic, 2, 0.5))


def amlodipine(smiles: str) -> float:
    return root(
        likeness(smiles, pmo.AMLODIPINE, "ECFP4"), bell(Descriptors.RingCount(Chem.MolFromSmiles(smiles)), 3, 0.5)
    )


def isomer(smiles: str, **wanted: int) -> float:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    numbers = Chem.GetPeriodicTable().GetAtomicNumber
    counts = [sum(a.GetAtomicNum() == numbers(element) for a in mol.GetAtoms()) for element in wanted]
    terms = [bell(have, want, 1) for have, want in zip(counts, wanted.values(), strict=True)]
    return root(*terms, bell(mol.GetNumAtoms(), sum(wanted.values()), 2))


def zaleplon(smiles: str) -> float:
    return root(likeness(smiles, pmo.ZALEPLON, "ECFP4"), isomer(smiles, C=19, H=17, N=3, O=2))


# Of sitagliptin: logP, polar surface, and Bertz' complexity.
LOGP, TPSA, BERTZ = 2.0165, 77.04, 896.38


def sitagliptin(smiles: str) -> float:
    _, logp, tpsa = described(smiles)
    unlike = bell(likeness(smiles, pmo.SITAGLIPTIN, "ECFP4"), 0, 0.1)
    return root(unlike, bell(logp, LOGP, 0.2), bell(tpsa, TPSA, 5), isomer(smiles, C=16, H=15, F=6, N=5, O=1))


def valsartan(smiles: str) -> float:
    mol, logp, tpsa = described(smiles)
    part = mol.HasSubstructMatch(Chem.MolFromSmarts("CN(C=O)Cc1ccc(-c2ccccc2)cc1"))
    return part * root(1.0, bell(logp, LOGP, 0.2), bell(tpsa, TPSA, 5), bell(Descriptors.BertzCT(mol), BERTZ, 30))


# With the part of valsartan's that counts, and near to sitagliptin in what counts.
BIPHENYLS = (
    "OCCN(C=O)Cc1ccc(cc1)-c1ccc(C(F)(F)F)c(C(N)=O)c1",
    "CNC(=O)CCN(C(C)=O)Cc1ccc(cc1)-c1cccc(N)c1",
)
VALSARTAN = "CCCCC(=O)N(Cc1ccc(cc1)-c1ccccc1-c1nnn[nH]1)C(C(C)C)C(=O)O"


@pytest.mark.parametrize(
    ("task", "by_hand", "drug"),
    [
        ("osimertinib_mpo", osimertinib, pmo.OSIMERTINIB),
        ("fexofenadine_mpo", fexofenadine, pmo.FEXOFENADINE),
        ("ranolazine_mpo", ranolazine, pmo.RANOLAZINE),
        ("perindopril_mpo", perindopril, pmo.PERINDOPRIL),
        ("amlodipine_mpo", amlodipine, pmo.AMLODIPINE),
        ("zaleplon_mpo", zaleplon, pmo.ZALEPLON),
        ("sitagliptin_mpo", sitagliptin, pmo.SITAGLIPTIN),
        ("valsartan_smarts", valsartan, VALSARTAN),
    ],
)
def test_several_wishes_are_the_mean_by_hand(task, by_hand, drug) -> None:
    molecules = [drug, *BIPHENYLS, *OTHERS]
    expected = [by_hand(smiles) for smiles in molecules]
    np.testing.assert_allclose(evaluate(task)(molecules), expected, rtol=2e-3, atol=1e-9)


@pytest.mark.parametrize(
    ("task", "smiles", "formula"),
    [
        ("isomers_c7h8n2o2", "Nc1ccc(C(N)=O)cc1O", "C7H8N2O2"),
        ("isomers_c9h10n2o2pf2cl", "NCC(O)C(N)c1cc(F)c(P=O)c(F)c1Cl", "C9H10ClF2N2O2P"),
    ],
)
def test_an_isomer_scores_1(task: str, smiles: str, formula: str) -> None:
    assert CalcMolFormula(Chem.MolFromSmiles(smiles)) == formula
    assert score(task, smiles) == 1.0


def test_other_formulas_score_the_mean_by_hand() -> None:
    expected = [isomer(smiles, C=9, H=10, N=2, O=2, P=1, F=2, Cl=1) for smiles in OTHERS]
    np.testing.assert_allclose(evaluate("isomers_c9h10n2o2pf2cl")(OTHERS), expected, rtol=1e-12)


def test_the_inhibitor_itself_keeps_what_a_hop_should_leave() -> None:
    # Alike, with the scaffold, but with both decorations; and alike, with the decoration, but with the scaffold.
    assert score("deco_hop", pmo.HOPPED_FROM) == pytest.approx((1 + 0 + 0 + 1) / 4)
    assert score("scaffold_hop", pmo.HOPPED_FROM) == pytest.approx((1 + 1 + 0) / 3)


def test_an_unrelated_molecule_has_left_what_a_hop_should_leave() -> None:
    # Methane has no pharmacophores at all.
    assert score("deco_hop", "C") == pytest.approx((0 + 1 + 1 + 0) / 4)
    assert score("scaffold_hop", "C") == pytest.approx((0 + 0 + 1) / 3)


def test_qed_of_a_drug_is_the_published_one() -> None:
    # Bickerton et al. 2012, supplementary: aspirin's is 0.55.
    assert score("qed", "CC(=O)Oc1ccccc1C(=O)O") == pytest.approx(0.55, abs=0.005)


@given(st.sampled_from(nci()), st.integers(1, 1000), st.sampled_from(QUICK))
def test_a_score_is_of_the_molecule_and_between_0_and_1(smiles: str, seed: int, task: str) -> None:
    (shuffled,) = Chem.MolToRandomSmilesVect(Chem.MolFromSmiles(smiles), 1, randomSeed=seed)
    assert 0 <= score(task, smiles) <= 1
    assert score(task, shuffled) == pytest.approx(score(task, smiles), rel=1e-9)


@pytest.mark.parametrize("task", TASKS)
def test_what_is_no_molecule_is_an_error_and_not_0(task: str) -> None:
    with pytest.raises(SpaceError, match="'C1CC' is no molecule"):
        evaluate(task)(["CC", "C1CC"])


def test_without_rdkit_what_to_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rdkit", None)
    monkeypatch.delitem(sys.modules, "gdopt_problems.pmo")
    with pytest.raises(MissingExtraError, match=r"the tasks of PMO need RDKit: pip install 'gdopt\[molecules\]'"):
        importlib.import_module("gdopt_problems.pmo")


def test_an_unknown_task_is_named_beside_those_there_are() -> None:
    with pytest.raises(ProblemError, match="'drd2' is not a task of PMO: expected one of albuterol_similarity, aml"):
        evaluate("drd2")
