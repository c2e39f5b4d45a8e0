"""CSV files: what is written comes back, and what others wrote is read right or refused by row and column."""

import csv
import io

import hypothesis.strategies as st
import pytest
from hypothesis import given

from gdopt.errors import CorpusError, TableError
from gdopt.spreadsheet import parsed, written

GERMAN = "temp;load;base\r\n70,96;0,27;A\r\n1,234;5;B\r\n"
# A column stays in its place beside the delimiters and quotes of others.
cells = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8) | st.text(
    "'=+-@\t\r\n;,\" 1.", max_size=6
)


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=4), st.booleans())
def test_text_comes_back_without_the_blanks_around_it(rows: list[tuple[str, str]], comma: bool) -> None:
    text = written([["first", "second"], *rows], comma=comma)
    table = parsed(text.encode(), "it", ["first", "second"])
    kept = [[one.strip() for one in row] for row in rows]
    assert list(table.cells) == [row for row in kept if any(row)]


@given(cells, st.booleans())
def test_no_cell_of_text_begins_as_a_formula_does(text: str, comma: bool) -> None:
    ((found, _),) = csv.reader(
        io.StringIO(written([[text, "x"]], comma=comma), newline=""), delimiter=";" if comma else ","
    )
    assert not found.lstrip(" ").startswith(("=", "@", "\t", "\r", "\n")) or not found
    if found.lstrip(" ").startswith(("+", "-")):
        float(found.replace(",", "."))


def test_numbers_stay_numbers() -> None:
    assert written([[-1.5, -2, 0.1 + 0.2, None, "-1.5"]]) == "-1.5,-2,0.30000000000000004,,-1.5\r\n"
    assert written([[-1.5, "a.b"]], comma=True) == "-1,5;a.b\r\n"


@pytest.mark.parametrize(
    "content",
    [
        GERMAN.encode(),
        GERMAN.encode("utf-8-sig"),
        GERMAN.encode("utf-16"),
        GERMAN.replace(";", "\t").encode(),
        GERMAN.replace(";", "|").encode(),
        GERMAN.replace(",", ".").encode(),
        GERMAN.replace(",", ".").replace(";", ",").encode(),
        b'temp,load,base\n"70,96","0,27",A\n"1,234",5,B\n',
        b",temp,load,base\n0,70.96,0.27,A\n1,1.234,5,B\n",
        b"Unnamed: 0,temp,load,base\n0,70.96,0.27,A\n1,1.234,5,B\n",
        b"temp,load,base,,\n\n70.96,0.27,A,,\n,,,,\n1.234,5,B\n",
    ],
)
def test_columns_that_are_not_known_are_read_as_they_were_written(content: bytes) -> None:
    table = parsed(content, "it", others=True)
    assert table.columns == ("temp", "load", "base")
    assert [[table.finite(one) for one in table.column(name)] for name in table.columns[:2]] == [
        [70.96, 1.234],
        [0.27, 5.0],
    ]
    assert table.column("base") == ["A", "B"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty; expected a header and rows"),
        (b"a;b\n1;2;3\n", "row 2, has a cell without a column: '3'"),
        (b"a,b\n1,2\n50,5,0,1234\n", "row 3, has a cell without a column: '0', '1234'"),
        (b"x\n1,5\n", "row 2, has a cell without a column: '5'"),
        (b",a\n5,1\n6,2\n", "row 1, column 1: has cells, such as '5', and no name"),
        (b",a\n1,1\n2,2\n", "row 1, column 1: has cells, such as '1', and no name"),
        (b"a,,b\n1,0,2\n", "row 1, column 2: has cells, such as '0', and no name"),
        (b"a,a\n1,2\n", "row 1, column a: is there twice"),
        (b"0.5,2\n3,4\n5,6\n", "row 1, has numbers only: expected a header"),
        ("Temp, \N{DEGREE SIGN}C;Load\n70,5;1\n".encode(), "its header has ',' and ';', and which"),
        ("a;b\n1;2\n".encode("utf-16-le"), "it is no text in UTF-8, UTF-16 with its mark"),
        (b"\x81\x8d", "it is no text"),
        ("Größe,b\n1,2\n".encode() + b"\xff", "it is no text"),
        (b'a,b\n"1,2\n', "row 2, is no row of a CSV file"),
    ],
)
def test_what_is_not_clear_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(CorpusError, match=f"nothing of it was taken: {message}"):
        parsed(content, "it", others=True, error=CorpusError)


def test_a_header_with_two_delimiters_is_read_where_the_rows_say_which() -> None:
    table = parsed("Temp, \N{DEGREE SIGN}C;Load\n70,96;0,27\n".encode("cp1252"), "it", others=True)
    assert table.columns == ("Temp, \N{DEGREE SIGN}C", "Load")
    assert table.finite(table.column("Load")[0]) == 0.27


def test_a_long_list_of_problems_is_cut() -> None:
    with pytest.raises(TableError, match="and 5 more") as caught:
        parsed(b"a\n" + b"1,2\n" * 25, "it", others=True)
    assert str(caught.value).count("\n") == 21
