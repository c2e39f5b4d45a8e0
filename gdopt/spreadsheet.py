"""A CSV file as spreadsheets write it, of any delimiter, encoding and decimal mark, read or refused cell by cell."""

import csv
import io
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal

from gdopt.errors import TableError

__all__ = ["Problems", "Row", "Table", "parsed"]

DELIMITERS = ",;\t"
NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d{1,4})?")
# A number that might as well have a separator of thousands.
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")


@dataclass
class Problems:
    """What is wrong with a file, by row and column; as a context it raises them all at its end.

    Args:
        file: its name, for people.
    """

    file: str
    found: list[str] = field(default_factory=list)

    def say(self, row: int, column: str | None, text: object) -> None:
        """Note what is wrong with a cell, or with a row."""
        self.found.append(f"row {row}, {f'column {column}: ' if column else ''}{text}")

    @contextmanager
    def raised(self) -> Iterator["Problems"]:
        """Raises, when the context ends, what was noted in it.

        Raises:
            TableError: anything was.
        """
        yield self
        if self.found:
            listed = self.found[0] if len(self.found) == 1 else "".join(f"\n  {one}" for one in self.found)
            raise TableError(f"nothing of {self.file} was taken: {listed}")


@dataclass(frozen=True)
class Row:
    """One row that is not blank.

    Args:
        number: as a spreadsheet counts, the header being 1.
        cells: text by column, without blanks around it.
    """

    number: int
    cells: dict[str, str]


@dataclass(frozen=True)
class Table:
    """The columns and rows of a file, and which decimal marks it has.

    Args:
        columns: their names, in order.
        rows: those that are not blank.
        comma: whether a comma before three digits is known to be a decimal one.
        point: the same of a point.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    comma: bool
    point: bool

    def number(self, text: str) -> Decimal:
        """The number in a cell.

        Raises:
            ValueError: it is none, or might be either of two.
        """
        text = text.replace("\N{MINUS SIGN}", "-")
        if not NUMBER.fullmatch(text):
            raise ValueError(f"{text!r} is not a number")
        if THOUSANDS.fullmatch(text) and not (self.comma if "," in text else self.point):
            whole = re.sub("[,.]", "", text)
            raise ValueError(f"{text!r} may be {text.replace(',', '.')} or {whole}; one digit more says which: {text}0")
        return Decimal(text.replace(",", "."))


def parsed(content: bytes, file: str, known: Collection[str], numeric: Collection[str]) -> Table:
    """The table in a file.

    Args:
        content: of the file, in UTF-8, UTF-16 with its mark, or Windows' western code page.
        file: its name, for people.
        known: names of columns; any other is refused.
        numeric: those that hold numbers.

    Raises:
        TableError: it is no table, a column is unknown or there twice, or a cell has no column.
    """
    text = _decoded(content, file)
    delimiter = max(DELIMITERS, key=lambda one: len(set(_header(text, one)) & set(known)))
    with Problems(file).raised() as problems:
        records = _records(text, delimiter, problems)
    if not records:
        raise TableError(f"nothing of {file} was taken: it is empty; expected a header and rows")
    (first, names), *others = records
    with Problems(file).raised() as problems:
        for name in dict.fromkeys(filter(None, names)):
            if name not in known:
                problems.say(first, name, f"is unknown; there may be {', '.join(known)}")
            elif names.count(name) > 1:
                problems.say(first, name, "is there twice")
        rows = [Row(number, _cells(number, names, cells, problems)) for number, cells in others]
    written = [row.cells[name] for row in rows for name in numeric if name in row.cells]
    clear = [one for one in written if NUMBER.fullmatch(one) and not THOUSANDS.fullmatch(one)]
    commas, points = (any(mark in one for one in clear) for mark in ",.")
    # Where numbers have decimal commas, semicolons are between cells.
    comma = not points and (commas or delimiter == ";")
    point = not commas and (points or delimiter != ";")
    return Table(tuple(filter(None, names)), tuple(rows), comma, point)


def _decoded(content: bytes, file: str) -> str:
    """The text, by its byte order mark if it has one; Excel writes western text without one in Windows' code page."""
    marked = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise TableError(f"nothing of {file} was taken: it is no text; expected a CSV file")


def _read(text: str, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)


def _header(text: str, delimiter: str) -> list[str]:
    try:
        return next(([one.strip() for one in record] for record in _read(text, delimiter) if any(record)), [])
    except csv.Error:
        return []


def _records(text: str, delimiter: str, problems: Problems) -> list[tuple[int, list[str]]]:
    """The records that are not blank, with the numbers of their rows."""
    found, number = [], 0
    try:
        for number, record in enumerate(_read(text, delimiter), 1):
            cells = [one.strip() for one in record]
            if any(cells):
                found.append((number, cells))
    except csv.Error as error:
        problems.say(number + 1, None, f"is no row of a CSV file: {error}")
    return found


def _cells(row: int, names: list[str], cells: list[str], problems: Problems) -> dict[str, str]:
    if any(cells[len(names) :]) or any(cell for name, cell in zip(names, cells, strict=False) if not name):
        problems.say(row, None, f"has a cell without a column: {[one for one in cells if one]}")
    padded = cells + [""] * (len(names) - len(cells))
    return {name: cell for name, cell in zip(names, padded, strict=False) if name}
