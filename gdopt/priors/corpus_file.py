"""Read files of unlabelled designs: a corpus with weights or outcomes, a table of candidates, sequences."""

import io
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Shaped

from gdopt import spreadsheet
from gdopt.errors import CorpusError, SettingsError, SpaceError
from gdopt.priors.weights import SHARE, outcome_weights
from gdopt.space.parameters import EXACT, Choice, Integer, Parameter, Real
from gdopt.space.space import Space
from gdopt.spreadsheet import Problems, is_number, looks_numeric

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CorpusTable", "candidates", "read", "sequences"]

# The cell of a missing outcome, in lower case.
UNKNOWN = ("", "nan")
HEADER, COMMENT = ">", "#"


@dataclass(frozen=True)
class CorpusTable:
    """The designs of a file.

    Args:
        names: names of the columns.
        designs: rows of numbers; rows of objects, if some columns are categories (strings).
        weights: weights of the rows, None if the file has none.
    """

    names: tuple[str, ...]
    designs: Shaped[np.ndarray, "n D"]
    weights: Float[np.ndarray, " n"] | None


def read(
    path: Path,
    space: Space | None = None,
    *,
    weights: str | None = None,
    outcome: str | None = None,
    direction: str = "maximize",
    share: float = SHARE,
) -> CorpusTable:
    """The designs of a CSV file with a header, and their weights.

    Args:
        path: path of a CSV file; any delimiter and decimal mark.
        space: the columns of its parameters are read, in its order. By default all columns but those of weights and
            outcome are read, and a column without numbers has categories.
        weights: the column of the weights.
        outcome: the column of an outcome of a related task, from which `outcome_weights` makes weights; an empty cell
            is a missing outcome.
        direction: direction of the outcome, "maximize" or "minimize".
        share: effective sample size of these weights, as a share of the designs.

    Raises:
        CorpusError: the file cannot be read, a column is missing, or cells are empty, no numbers or no categories;
            the message lists them by row and column.
        SettingsError: both weights and outcome are given.
    """
    if weights and outcome:
        raise SettingsError(f"weights = {weights!r} and outcome = {outcome!r}: expected one of them")
    beside = [one for one in (weights, outcome) if one]
    named = [*(() if space is None else space.names), *beside]
    numeric = None if space is None else [p.name for p in space.parameters if isinstance(p, Real | Integer)] + beside
    table = spreadsheet.parsed(_content(path), str(path), named, numeric, others=True, error=CorpusError)
    parameters = _parameters(path, table, space, beside)
    kinds = {} if space is None else {p.name: p for p in space.parameters}
    with Problems(str(path), CorpusError).raised() as problems:
        columns = [_column(table, name, kinds.get(name), problems) for name in parameters]
        known = [_numbers(table, name, problems, UNKNOWN if name == outcome else ()) for name in beside]
    words = any(isinstance(one, str) for column in columns for one in column[:1])
    designs = np.array(columns, dtype=object if words else float).reshape(len(parameters), -1).T
    if outcome:
        return CorpusTable(
            tuple(parameters), designs, outcome_weights(np.array(known[0]), direction=direction, share=share)
        )
    return CorpusTable(tuple(parameters), designs, np.array(known[0]) if weights else None)


def candidates(path: Path, id: str, descriptors: Sequence[str] | None = None) -> "pd.DataFrame":
    """The table of candidates of a CSV file, for `Space.from_table`.

    Args:
        path: path of a CSV file; any delimiter and decimal mark.
        id: the column that identifies rows; its text is kept unchanged, so that 007 is not 7.
        descriptors: the columns by which rows are similar; by default all that can be. Others are annotations.

    Raises:
        CorpusError: the file cannot be read, or a descriptor has both numbers and other cells.
        SpaceError: a column is missing.
    """
    # Imported here: other corpora need no pandas.
    import pandas as pd

    named = [id, *(descriptors or ())]
    table = spreadsheet.parsed(_content(path), str(path), named, others=True, error=CorpusError)
    if missing := [name for name in named if name not in table.columns]:
        raise SpaceError(f"{path} has no columns {missing}; there are {list(table.columns)}")
    frame = dict[str, Sequence[float | int | str] | Shaped[np.ndarray, " n"]]()
    with Problems(str(path), CorpusError).raised() as problems:
        for name in table.columns:
            cells = table.column(name)
            describes = name in named[1:] or (descriptors is None and name != id)
            if describes and any(map(looks_numeric, cells)):
                frame[name] = np.array(_whole(cells, _numbers(table, name, problems)))
            else:
                frame[name] = cells if name == id else _shown(table, cells)
    return pd.DataFrame(frame)


def sequences(path: Path) -> list[str]:
    """The sequences of a file: FASTA, or one sequence in each line.

    In FASTA a header `>` comes before each sequence, which may have several lines. Empty lines and lines that begin
    with # are skipped.

    Raises:
        CorpusError: the file cannot be read, or is FASTA with a line before the first header or a header without a
            sequence.
    """
    text = spreadsheet.decoded(_content(path), str(path), CorpusError)
    # Lines end as in a file: a header may have characters at which `splitlines` splits.
    lines = [(number, line.strip()) for number, line in enumerate(io.StringIO(text, newline=None), 1)]
    lines = [(number, line) for number, line in lines if line and not line.startswith(COMMENT)]
    if not any(line.startswith(HEADER) for _, line in lines):
        return [line for _, line in lines]
    if not lines[0][1].startswith(HEADER):
        raise CorpusError(
            f"{path}, line {lines[0][0]}: {lines[0][1]!r} stands before the first header; expected FASTA, in which "
            f"each sequence has a header {HEADER}, or no headers and a sequence a line"
        )
    records = list[tuple[int, list[str]]]()
    for number, line in lines:
        if line.startswith(HEADER):
            records.append((number, []))
        else:
            records[-1][1].append(line)
    if empty := [number for number, parts in records if not parts]:
        raise CorpusError(f"{path}, line {empty[0]}: the header has no sequence after it")
    return ["".join(parts) for _, parts in records]


def _parameters(path: Path, table: spreadsheet.Table, space: Space | None, beside: Sequence[str]) -> list[str]:
    """The names of the columns that are parameters.

    Raises:
        CorpusError: a column is missing, there are none, or the rows are not split into cells.
    """
    found = [one for one in table.columns if one not in beside] if space is None else [*space.names]
    if missing := [name for name in [*found, *beside] if name not in table.columns]:
        raise CorpusError(f"{path} has no columns {missing}; there are {list(table.columns)}")
    if not found:
        raise CorpusError(f"{path} has no columns of parameters; there are {list(table.columns)}")
    only = table.columns[0]
    if len(table.columns) == 1 and all(" " in one for one in [only, *table.column(only)]):
        raise CorpusError(f"{path} has one column, {only!r}: expected a comma, semicolon or tab between cells")
    return found


def _column(
    table: spreadsheet.Table, name: str, parameter: Parameter | None, problems: Problems
) -> Sequence[float | str]:
    """The values of a parameter: numbers or categories."""
    cells = table.column(name)
    if isinstance(parameter, Real | Integer) or (parameter is None and any(map(looks_numeric, cells))):
        return _numbers(table, name, problems, check=None if parameter is None else parameter.check)
    for row, cell in zip(table.numbers, cells, strict=True):
        if not cell:
            problems.say(row, name, "is empty; expected a category")
    if not isinstance(parameter, Choice):
        return cells
    # A category may have blanks around it; a cell has none.
    stripped = {category.strip(): category for category in parameter.categories}
    values = [stripped.get(cell, cell) for cell in cells]
    for row, value in zip(table.numbers, values, strict=True):
        if value and value not in parameter.categories:
            problems.say(row, name, f"{value!r} is not one of {list(parameter.categories)}")
    return values


def _numbers(
    table: spreadsheet.Table,
    name: str,
    problems: Problems,
    unknown: Collection[str] = (),
    check: Callable[[float], None] | None = None,
) -> list[float]:
    """The numbers in a column, NaN for missing ones; every other cell is added to the problems."""
    cells, found = table.column(name), list[float]()
    beside = next((cell for cell in cells if is_number(cell)), None)
    for row, cell in zip(table.numbers, cells, strict=True):
        if cell.lower() in unknown:
            found.append(math.nan)
            continue
        try:
            found.append(table.finite(cell))
            if check is not None:
                check(found[-1])
        except ValueError as error:
            said = error if cell else "is empty; expected a number"
            problems.say(row, name, said if beside is None or is_number(cell) else f"{said}, as {beside} is")
    return found


def _whole(cells: Sequence[str], numbers: Sequence[float]) -> Sequence[float | int]:
    """The numbers, as integers if all cells are integers."""
    whole = all(cell.lstrip("+-").isdecimal() for cell in cells) and all(abs(one) < EXACT for one in numbers)
    return [int(one) for one in numbers] if whole else numbers


def _shown(table: spreadsheet.Table, cells: Sequence[str]) -> Sequence[float | int | str]:
    """A column of annotations: numbers if all cells are numbers, otherwise the cells."""
    try:
        return _whole(cells, [table.finite(cell) for cell in cells])
    except ValueError:
        return cells


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CorpusError(f"cannot read the corpus {path}: {error.strerror}") from error
