"""SMILES: canonical whatever the order of the atoms, refused with the reason, read from files."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem, rdBase

from gdopt import CorpusError, SpaceError
from gdopt.molecules.smiles import canonical, nci, read
from tests.strategies import unchecked

molecules = st.sampled_from(nci())


@given(molecules)
def test_the_canonical_smiles_of_a_canonical_one_is_the_same(smiles: str) -> None:
    assert canonical(smiles) == smiles


@given(molecules, st.integers(1, 1000))
def test_the_order_of_the_atoms_does_not_matter(smiles: str, seed: int) -> None:
    (shuffled,) = Chem.MolToRandomSmilesVect(Chem.MolFromSmiles(smiles), 1, randomSeed=seed)
    assert canonical(shuffled) == smiles


def test_kekules_benzene_is_the_aromatic_one() -> None:
    assert canonical("C1=CC=CC=C1") == "c1ccccc1"


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("C1CC", "'C1CC' is no molecule: SMILES Parse Error: unclosed ring"),
        ("CC(C", "'CC\\(C' is no molecule: SMILES Parse Error: extra open parentheses"),
        ("ethanol", "'ethanol' is no molecule: SMILES Parse Error: syntax error"),
        ("CN(C)(C)(C)C", "Explicit valence for atom # 1 N, 5, is greater than permitted"),
        ("c1cccc1", "Can't kekulize mol"),
        ("", "'' is no molecule: it has no atoms"),
        ("[Na+].[Cl-]", r"'\[Na\+\]\.\[Cl-\]' is 2 molecules, as salts and mixtures are: expected one"),
        ("*CC", r"'\*CC' is a part of a molecule: it has an open place \*"),
    ],
)
def test_what_is_no_molecule_is_refused_with_the_reason(smiles: str, reason: str) -> None:
    with pytest.raises(SpaceError, match=reason):
        canonical(smiles)


def test_what_is_no_text_is_refused() -> None:
    with unchecked(), pytest.raises(SpaceError, match="7 is a int: expected a SMILES string"):
        canonical(7)


def test_rdkit_prints_nothing_of_it_and_its_own_log_stays_as_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    before = rdBase.LogStatus()
    for smiles in ("C1CC", "CN(C)(C)(C)C"):
        with pytest.raises(SpaceError):
            canonical(smiles)
    canonical("[H]")  # a warning of RDKit's
    assert capfd.readouterr().err == ""
    assert rdBase.LogStatus() == before
    Chem.MolFromSmiles("C1CC")
    assert "unclosed ring" in capfd.readouterr().err


# Corpora.


@pytest.mark.parametrize(
    "text",
    [
        "OCC\nC1=CC=CC=C1\n",
        "smiles\nOCC\nc1ccccc1\n",
        "SMILES,value\nOCC,1.5\nc1ccccc1,2\n",
        '"smiles","value"\r\n"OCC","1.5"\r\n"c1ccccc1","2"\r\n',
        "# of the shelf\nOCC ethanol\n\nc1ccccc1\tbenzene\nCCO again\n",
        "\ufeffsmiles\nOCC\nc1ccccc1\n",
    ],
    ids=["smi", "header", "csv", "quoted", "comments", "byte order mark"],
)
def test_a_file_is_its_first_column_in_canonical_smiles_each_once(tmp_path, text: str) -> None:
    path = tmp_path / "corpus.smi"
    path.write_text(text, encoding="utf-8", newline="")
    assert read(path) == read(str(path)) == ["CCO", "c1ccccc1"]


def test_a_list_is_read_as_the_lines_of_a_file() -> None:
    assert read(["OCC", "CCO", "c1ccccc1"]) == ["CCO", "c1ccccc1"]


WITH_ERRORS = ["smiles", "CCO", "C1CC", "", "CCN", "[Na+].[Cl-]"]


def test_lines_that_cannot_be_used_are_refused_with_their_numbers() -> None:
    with pytest.raises(
        CorpusError, match=r"^2 of 6 lines .*: line 3: 'C1CC' is .* unclosed ring.*; line 6: .* is 2 mol"
    ):
        read(WITH_ERRORS)


def test_of_many_refused_lines_some_are_listed_and_all_are_counted() -> None:
    with pytest.raises(CorpusError, match=r"^40 of 40 lines .* line 5: [^;]*; \.\.\.\. skip=True leaves them out$"):
        read(["C1CC"] * 40)


def test_lines_that_cannot_be_used_can_be_left_out_with_a_warning() -> None:
    with pytest.warns(UserWarning, match=r"2 of 6 lines are left out: line 3: .*; line 6: "):
        assert read(WITH_ERRORS, skip=True) == ["CCO", "CCN"]


def test_a_missing_value_in_a_list_is_refused_as_a_line() -> None:
    with unchecked(), pytest.raises(CorpusError, match="1 of 3 lines cannot be used: line 2: 'nan' is no molecule"):
        read(["CCO", float("nan"), "CCN"])


def test_only_the_first_line_is_a_header() -> None:
    with pytest.raises(CorpusError, match="1 of 3 lines cannot be used: line 2: 'smiles' is no molecule"):
        read(["CCO", "smiles", "CCN"])


@pytest.mark.parametrize(("lines", "left"), [([], 0), (["# nothing", "smiles"], 0), (["CCO", "OCC"], 1)])
def test_fewer_than_two_molecules_are_no_corpus(lines: list[str], left: int) -> None:
    with pytest.raises(CorpusError, match=f"two different molecules at least, this one has {left}"):
        read(lines)


def test_a_file_that_is_not_there_is_named(tmp_path) -> None:
    with pytest.raises(CorpusError, match=r"none\.smi cannot be read: No such file"):
        read(tmp_path / "none.smi")


def test_a_file_that_is_no_text_is_refused(tmp_path) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(bytes(range(256)))
    with pytest.raises(CorpusError, match="cannot be used"):
        read(path)


def test_the_nci_corpus_has_as_many_molecules_as_its_docstring_says() -> None:
    corpus = nci()
    assert f"{len(corpus):,} molecules" in nci.__doc__
    assert len(set(corpus)) == len(corpus)
    assert not any("." in smiles for smiles in corpus)


def test_the_nci_corpus_is_a_list_of_its_own_each_time() -> None:
    nci().clear()
    assert len(nci()) > 0


# The extra.


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_gdopt_does_not_import_rdkit() -> None:
    assert run("import sys, gdopt; gdopt.Study; print('rdkit' in sys.modules)") == "False"


@pytest.mark.parametrize("package", ["rdkit", "selfies"])
@pytest.mark.parametrize(
    "code",
    ["import gdopt.molecules.smiles", "gdopt.MoleculeSpace(['CCO'])", "gdopt.MoleculeSpace.from_smiles(['CCO', 'CC'])"],
)
def test_without_the_extra_what_to_install_is_named(package: str, code: str) -> None:
    script = f"""
import sys
sys.modules[{package!r}] = None
import gdopt
try:
    {code}
except gdopt.MissingExtraError as error:
    print(error)
"""
    assert run(script) == f"molecules need {package}: pip install 'gdopt[molecules]'"
