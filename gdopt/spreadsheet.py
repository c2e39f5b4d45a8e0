"""Read and write CSV files of spreadsheets, with any delimiter, encoding and decimal mark; errors name each cell."""

import csv
import io
import math
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gdopt.errors import GdoptError, TableError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Problems",
    "Row",
    "Table",
    "cells",
    "decoded",
    "harmless",
    "is_number",
    "looks_numeric",
    "parsed",
    "written",
]

DELIMITERS = ",;\t|"
# The typographic minus sign is accepted too.
NUMBER = re.compile("[+\\-\N{MINUS SIGN}]?" r"(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d{1,4})?")
# A number whose mark may be a decimal mark or a separator of thousands.
THOUSANDS = re.compile("[+\\-\N{MINUS SIGN}]?" r"[1-9]\d{0,2}[.,]\d{3}")
# Intended as a number or a date: digits and marks only, such as 1.234,5.
DIGITS = re.compile("[+\\-\N{MINUS SIGN}]?" r"[\d.,]*\d[\d.,]*([eE][+-]?\d+)?")
# The beginning of a formula in a spreadsheet (OWASP, CSV Injection), full-width characters included. Leading
# apostrophes match too, so that `harmless` adds one more, and reading removes only this one.
FORMULA = re.compile(" *'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
# pandas writes its index without a name, and reads it back under this name.
NAMELESS = re.compile(r"(Unnamed: \d+)?")
# A file is no text if at least one character in this many is a zero byte.
NULS = 4
# Maximum number of problems in a message.
LISTED = 20


@dataclass
class Problems:
    """Collects the problems of a file by row and column; the context `raised` raises them in one error.

    Args:
        file: name of the file, for error messages.
        error: class of the error.
        found: the problems so far.
    """

    file: str
    error: type[GdoptError] = TableError
    found: list[str] = field(default_factory=list)

    def say(self, row: int, column: str | None, text: object) -> None:
        """Add the problem of a cell, or of a row if there is no column."""
        self.found.append(f"row {row}, {f'column {column}: ' if column else ''}{text}")

    def fatal(self, text: object) -> GdoptError:
        """An error of the file; nothing of the file is used."""
        return self.error(f"nothing of {self.file} was taken: {text}")

    @contextmanager
    def raised(self) -> Iterator["Problems"]:
        """Raise all collected problems at the end of the context.

        Raises:
            TableError, or the class `error`: there are problems.
        """
        yield self
        if len(self.found) == 1:
            raise self.fatal(self.found[0])
        if self.found:
            more = [f"and {len(self.found) - LISTED} more"] if len(self.found) > LISTED else []
            raise self.fatal("".join(f"\n  {one}" for one in [*self.found[:LISTED], *more]))


@dataclass(frozen=True)
class Row:
    """One row that is not blank.

    Args:
        number: number of the row in a spreadsheet, in which the first row is 1.
        cells: text by column, stripped of blanks.
    """

    number: int
    cells: dict[str, str]


@dataclass(frozen=True)
class Table:
    """The columns and rows of a file, and its decimal marks.

    Args:
        header: row number of the header, as in a spreadsheet.
        columns: names of the columns, in order.
        numbers: row numbers of the rows that are not blank, as in a spreadsheet.
        cells: the cells of these rows, in the order of the columns.
        comma: whether a comma before three digits is certainly a decimal mark.
        point: whether a point before three digits is certainly a decimal mark.
    """

    header: int
    columns: tuple[str, ...]
    numbers: tuple[int, ...]
    cells: tuple[list[str], ...]
    comma: bool
    point: bool

    @property
    def rows(self) -> Iterator[Row]:
        """The rows that are not blank."""
        for number, cells in zip(self.numbers, self.cells, strict=True):
            yield Row(number, dict(zip(self.columns, cells, strict=True)))

    def column(self, name: str) -> list[str]:
        """The cells of a column."""
        at = self.columns.index(name)
        return [cells[at] for cells in self.cells]

    def number(self, text: str) -> Decimal:
        """The number in a cell, with all its digits.

        Raises:
            ValueError: the cell is no number, or the mark may be a decimal mark or a separator of thousands.
        """
        return Decimal(self._pointed(text))

    def finite(self, text: str) -> float:
        """The number in a cell.

        Raises:
            ValueError: as in `number`, or the number is too large.
        """
        if not math.isfinite(value := float(self._pointed(text))):
            raise ValueError(f"{text!r} is not finite")
        return value

    def _pointed(self, text: str) -> str:
        """The text of a number with a point as its decimal mark."""
        if not NUMBER.fullmatch(text):
            raise ValueError(f"{text!r} is not a number")
        if not (self.comma if "," in text else self.point) and THOUSANDS.fullmatch(text):
            whole = re.sub("[,.]", "", text)
            raise ValueError(f"{text!r} may be {text.replace(',', '.')} or {whole}; one digit more says which: {text}0")
        return text.replace(",", ".").replace("\N{MINUS SIGN}", "-")


def is_number(text: str) -> bool:
    """Whether a cell is a number, with either decimal mark.

    Example:
        >>> is_number("12,5"), is_number("12.5 g")
        (True, False)
    """
    return NUMBER.fullmatch(text) is not None


def looks_numeric(text: str) -> bool:
    """Whether a cell is intended as a number or a date: true for 1.234,5, false for the word "1,4-dioxane"."""
    return DIGITS.fullmatch(text) is not None


# --- reading ---


def parsed(
    content: bytes,
    file: str,
    known: Collection[str] = (),
    numeric: Collection[str] | None = None,
    *,
    others: bool = False,
    error: type[GdoptError] = TableError,
) -> Table:
    """The table in a CSV file.

    The delimiter is the one by which the header has the most known columns; without known columns, the only one that
    the header contains. A first column without a name that numbers the rows from 0, as written by pandas, is left out.

    Args:
        content: bytes of the file, in UTF-8, UTF-16 with its byte order mark, or Windows' western code page.
        file: name of the file, for error messages.
        known: names of the expected columns.
        numeric: names of the columns of numbers; by default the columns with numbers only.
        others: whether other columns than the known ones are accepted.
        error: class of the error.

    Raises:
        TableError, or the class `error`: the file is no table, a column is unknown, has no name or is repeated, or a
            cell has no column.

    Example:
        >>> table = parsed(b"t;yield\\n20;1,5\\n", "it.csv", ["t", "yield"])
        >>> [table.finite(cell) for cell in table.column("yield")]
        [1.5]
    """
    problems = Problems(file, error)
    text = decoded(content, file, error)
    delimiter = _delimiter(text, known, problems)
    with problems.raised():
        records = _records(text, delimiter, problems)
    if not records:
        raise problems.fatal("it is empty; expected a header and rows")
    with problems.raised():
        table = _named(records, known, problems)
        for name in table.columns:
            if name not in known and not others:
                problems.say(table.header, name, f"is unknown; there may be {', '.join(known)}")
        if not _has_header(table.columns, known):
            problems.say(table.header, None, "has numbers only: expected a header with a name for each column")
    return _marked(table, delimiter, numeric)


def decoded(content: bytes, file: str, error: type[GdoptError] = TableError) -> str:
    """The text of a file, by its byte order mark if it has one; Excel may write western text in Windows' code page.

    Raises:
        TableError, or the class `error`: the file is no text.
    """
    for encoding in _encodings(content):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        # Of western text in UTF-16 without its mark every other byte is a zero.
        if NULS * text.count("\0") < len(text) or not text:
            return text
    raise Problems(file, error).fatal("it is no text in UTF-8, UTF-16 with its mark or Windows' western code page")


def _encodings(content: bytes) -> tuple[str, ...]:
    """The possible encodings of a text, most likely first."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ("utf-16",)
    # A file with some valid characters of UTF-8 is damaged UTF-8, and no text in Windows' code page.
    damaged = not content.decode("utf-8-sig", errors="ignore").isascii()
    return ("utf-8-sig",) if damaged else ("utf-8-sig", "cp1252")


def _read(text: str, delimiter: str) -> Iterator[list[str]]:
    for record in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
        yield [_plain(one) for one in record]


def _plain(cell: str) -> str:
    """A cell without blanks around it and without the apostrophe of `harmless`."""
    text = cell.strip()
    if not text.startswith("'"):
        return text
    # What follows it may begin with a blank, which is no longer there where all was stripped.
    written = cell.lstrip(" ")
    return written[1:].strip() if FORMULA.match(written, 1) else text


def _header(text: str, delimiter: str) -> list[str]:
    try:
        return next((record for record in _read(text, delimiter) if any(record)), [])
    except csv.Error:
        return []


def _delimiter(text: str, known: Collection[str], problems: Problems) -> str:
    """The delimiter by which the header has the known names, or else the one that the header has."""
    headers = {one: _header(text, one) for one in DELIMITERS}
    counts = {one: len(set(names) & set(known)) for one, names in headers.items()}
    most = max(counts.values())
    if most:
        found = [one for one, count in counts.items() if count == most]
    else:
        found = [one for one, names in headers.items() if len(names) > 1]
    if all(headers[one] == headers[found[0]] for one in found):
        return found[0] if found else DELIMITERS[0]
    even = [one for one in found if _even(text, one)]
    if len(even) != 1:
        raise problems.fatal(
            f"its header has {' and '.join(map(repr, found))}, and which of them stands between cells is not clear: "
            "put names and cells that contain one into quotes"
        )
    return even[0]


def _even(text: str, delimiter: str) -> bool:
    """Whether all rows have as many cells as the header."""
    try:
        return len({len(record) for record in _read(text, delimiter) if any(record)}) == 1
    except csv.Error:
        return False


def _records(text: str, delimiter: str, problems: Problems) -> list[tuple[int, list[str]]]:
    """The records that are not blank, with the numbers of their rows."""
    found, number = [], 0
    try:
        for number, cells in enumerate(_read(text, delimiter), 1):
            if any(cells):
                found.append((number, cells))
    except csv.Error as error:
        problems.say(number + 1, None, f"is no row of a CSV file: {error}")
    return found


def _named(records: Sequence[tuple[int, list[str]]], known: Collection[str], problems: Problems) -> Table:
    """The columns that have a name, each once; spreadsheets leave out empty cells at the end of a row."""
    (first, names), *others = records
    numbers = tuple(number for number, _ in others)
    rows = [[*cells, *[""] * (len(names) - len(cells))] if len(cells) < len(names) else cells for _, cells in others]
    kept = [at for at, name in enumerate(names) if name in known or not NAMELESS.fullmatch(name)]
    columns = tuple(names[at] for at in kept)
    for at in set(range(len(names))) - {*kept}:
        found = [row[at] for row in rows]
        if any(found) and not (at == 0 and found == [*map(str, range(len(rows)))]):
            problems.say(first, f"{at + 1}", f"has cells, such as {next(filter(None, found))!r}, and no name")
    for name in dict.fromkeys(one for one in columns if columns.count(one) > 1):
        problems.say(first, name, "is there twice")
    for number, row in zip(numbers, rows, strict=True):
        if beyond := [one for one in row[len(names) :] if one]:
            problems.say(number, None, f"has a cell without a column: {', '.join(map(repr, beyond))}")
    whole = len(kept) == len(names)
    cells = tuple(row[: len(names)] if whole else [row[at] for at in kept] for row in rows)
    return Table(first, columns, numbers, cells, comma=False, point=False)


def _has_header(names: Sequence[str], known: Collection[str]) -> bool:
    """Whether a first row is a header, and not of numbers; of columns without names pandas writes 0, 1, 2 and so on."""
    return not all(map(is_number, names)) or [*names] == [*map(str, range(len(names)))] or bool({*names} & {*known})


def _marked(table: Table, delimiter: str, numeric: Collection[str] | None) -> Table:
    """The table with the decimal marks that its numbers have."""
    columns = [table.column(name) for name in table.columns if numeric is None or name in numeric]
    if numeric is None:
        columns = [cells for cells in columns if all(not one or is_number(one) for one in cells)]
    commas, points = (any(mark in one and _clear(one) for cells in columns for one in cells) for mark in ",.")
    # Where numbers have decimal commas, semicolons are between cells.
    comma = not points and (commas or delimiter == ";")
    point = not commas and (points or delimiter != ";")
    return replace(table, comma=comma, point=point)


def _clear(text: str) -> bool:
    """Whether a cell is a number whose mark can only be a decimal mark."""
    return is_number(text) and not THOUSANDS.fullmatch(text)


# --- writing ---


def cells(frame: "pd.DataFrame") -> list[list[Any]]:
    """The header and the rows of a data frame as Python values, None for missing values."""
    plain = frame.astype(object).where(frame.notna(), None)
    return [[str(one) for one in frame.columns], *plain.to_numpy().tolist()]


def written(rows: Iterable[Sequence[object]], *, comma: bool = False) -> str:
    """The CSV text of rows of text, numbers and None (an empty cell). No cell is a formula for a spreadsheet.

    Args:
        rows: the rows, the header first.
        comma: whether to write decimal commas and semicolons between cells, for European spreadsheets.

    Example:
        >>> written([["x"], [0.5]], comma=True)
        'x\\r\\n0,5\\r\\n'
    """
    out = io.StringIO()
    lines = csv.writer(out, delimiter=";" if comma else ",", lineterminator="\r\n")
    lines.writerows([_cell(value, comma) for value in row] for row in rows)
    return out.getvalue()


def _cell(value: object, comma: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return harmless(value)
    return str(value).replace(".", ",") if comma and isinstance(value, float) else str(value)


def harmless(text: str) -> str:
    """The text, with an apostrophe in front if a spreadsheet would read a formula; `parsed` removes the apostrophe."""
    return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text) else text
