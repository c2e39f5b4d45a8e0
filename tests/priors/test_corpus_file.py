"""Files of designs, of candidates and of sequences: read as they were written, or refused by row and column."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import gdopt
from gdopt.priors import corpus_file

DESIGNS = pd.DataFrame({"temp": [70.96, 31.5, 1.234], "load": [0.27, 0.125, 0.5], "base": ["A", "B", "A"]})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "designs.csv"


@pytest.mark.parametrize(
    "written",
    [
        {"sep": ";", "decimal": ","},
        {"sep": "\t", "decimal": ","},
        {"sep": "\t"},
        {"sep": ";"},
        {"decimal": ","},
        {"encoding": "utf-16"},
        {"index": True},
    ],
)
def test_designs_are_read_as_any_spreadsheet_writes_them(path: Path, written: dict[str, object]) -> None:
    DESIGNS.to_csv(path, **{"index": False, **written})
    space = gdopt.Space([gdopt.Choice("base", ["B", "A"]), gdopt.Real("temp", 0, 100)])
    assert corpus_file.read(path).names == ("temp", "load", "base")
    assert corpus_file.read(path).designs.tolist() == DESIGNS.to_numpy().tolist()
    assert corpus_file.read(path, space).designs.tolist() == DESIGNS[["base", "temp"]].to_numpy().tolist()


def test_names_in_windows_code_page_are_read(path: Path) -> None:
    DESIGNS.rename(columns={"temp": "Größe"}).to_csv(path, index=False, encoding="cp1252")
    assert corpus_file.read(path).names[0] == "Größe"


def test_a_cell_may_have_several_lines(path: Path) -> None:
    path.write_text('a,b\n1,"two\nlines"\n2,x\n')
    assert corpus_file.read(path).designs.tolist() == [[1.0, "two\nlines"], [2.0, "x"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is empty; expected a header and rows"),
        ("a,b\n1,2\n50,5,0,1234\n", "row 3, has a cell without a column: '0', '1234'"),
        ("a,b\n1,2\n3\n", "row 3, column b: is empty; expected a number"),
        ("a,b\n1,2\nn.d.,3\n", "row 3, column a: 'n.d.' is not a number, as 1 is"),
        ("a,b\n1,2\nnan,3\n", "row 3, column a: 'nan' is not a number"),
        ('a,b\n1,2\n"1.234,5",3\n', "row 3, column a: '1.234,5' is not a number"),
        ("a,b\n1,2\n1e999,3\n", "row 3, column a: '1e999' is not finite"),
        ("a,b\n1,x\n2,\n", "row 3, column b: is empty; expected a category"),
        ("1,2\n3,4\n", "row 1, has numbers only: expected a header with a name for each column"),
        (",a\n7,1\n8,2\n", "row 1, column 1: has cells, such as '7', and no name"),
    ],
)
def test_what_is_wrong_with_designs_is_said_by_row_and_column(path: Path, text: str, message: str) -> None:
    path.write_text(text)
    with pytest.raises(gdopt.CorpusError, match=f"designs.csv was taken: {message}"):
        corpus_file.read(path)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("A,12", "row 2, column temp: temp = 12.0 is outside"),
        ("C,5", r"row 2, column base: 'C' is not one of \['A', 'B'\]"),
        ("A,x", "row 2, column temp: 'x' is not a number"),
    ],
)
def test_designs_that_the_space_does_not_have_are_refused(path: Path, row: str, message: str) -> None:
    path.write_text(f"base,temp\n{row}\n")
    with pytest.raises(gdopt.CorpusError, match=message):
        corpus_file.read(path, gdopt.Space([gdopt.Real("temp", 0, 10), gdopt.Choice("base", ["A", "B"])]))


def test_an_outcome_of_a_failure_is_refused_and_an_empty_one_is_not_known(path: Path) -> None:
    path.write_text("a;y\n" + "".join(f"{n};{n},5\n" for n in range(9)) + "9;\n10;nan\n")
    assert corpus_file.read(path, outcome="y").weights[-2:].tolist() == [0.0, 0.0]
    path.write_text("a,y\n1,2\n2,failed\n")
    with pytest.raises(gdopt.CorpusError, match="row 3, column y: 'failed' is not a number, as 2 is"):
        corpus_file.read(path, outcome="y")


def test_cells_with_blanks_between_them_are_no_column_of_words(path: Path) -> None:
    path.write_text("temp load\n1 2\n3 4\n")
    with pytest.raises(gdopt.CorpusError, match="one column, 'temp load': expected a comma, semicolon or tab"):
        corpus_file.read(path)


def test_columns_that_pandas_numbered_are_parameters(path: Path) -> None:
    pd.DataFrame([[1.5, 2.0], [3.0, 4.0]]).to_csv(path, index=False)
    assert corpus_file.read(path).names == ("0", "1")


# --- candidates ---


def test_candidates_keep_their_ids_and_the_types_of_their_columns(path: Path) -> None:
    path.write_text('id;mass;rings;shelf;"=note"\n007;10,5;1;top;12\nNA;11,25;2;low;a\n')
    frame = corpus_file.candidates(path, "id", ["mass", "rings", "shelf"])
    assert frame.to_dict("list") == {
        "id": ["007", "NA"], "mass": [10.5, 11.25], "rings": [1, 2], "shelf": ["top", "low"], "=note": ["12", "a"]
    }  # fmt: skip
    assert frame["rings"].dtype == np.int64


@pytest.mark.parametrize("cell", ["n.d.", "", "1.234,5"])
def test_a_descriptor_that_is_no_number_is_said_by_row_and_column(path: Path, cell: str) -> None:
    path.write_text(f'id,mass\nA,10.5\nB,"{cell}"\n')
    with pytest.raises(
        gdopt.CorpusError, match=r"row 3, column mass: .*expected a number|row 3, column mass: .* is not a"
    ):
        corpus_file.candidates(path, "id")


# --- sequences ---


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ACGT\n\n# a comment\nAC\n", ["ACGT", "AC"]),
        (">one\nACGT\nAC\n\n>two\nGG\r\nTT\r\n", ["ACGTAC", "GGTT"]),
        (">one of\u2028two\nACGT\n", ["ACGT"]),
    ],
)
def test_sequences_are_read_from_fasta_and_from_lines(path: Path, text: str, found: list[str]) -> None:
    path.write_bytes(text.encode())
    assert corpus_file.sequences(path) == found
    path.write_bytes(text.encode("utf-16"))
    assert corpus_file.sequences(path) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# mixed\nACGT\n>one\nAC\n", "line 2: 'ACGT' stands before the first header"),
        (">one\n>two\nAC\n", "line 1: the header has no sequence after it"),
        (">one\nAC\n>two\n", "line 3: the header has no sequence after it"),
    ],
)
def test_a_file_that_is_partly_fasta_is_refused_by_line(path: Path, text: str, message: str) -> None:
    path.write_text(text)
    with pytest.raises(gdopt.CorpusError, match=f"designs.csv, {message}"):
        corpus_file.sequences(path)
