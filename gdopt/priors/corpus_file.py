"""What CSV files without results have: designs with their weights or outcomes, candidates, sequences."""

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

# What stands in the cell of an outcome that is not known.
UNKNOWN = ("", "nan")
HEADER, COMMENT = ">", "#"


@dataclass(frozen=True)
class CorpusTable:
    """Designs of a file.

    Args:
        names: of the columns.
        designs: rows of numbers, or of objects where some columns have levels, which are strings.
        weights: of the rows, if the file says.
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
        path: of the file, as `gdopt.spreadsheet` reads it.
        space: of the parameters, whose columns are taken in its order. By default these are all columns but those of
            weights and outcome, and one in which no cell is a number has levels.
        weights: the column that has them.
        outcome: the column of what was measured in a related task, of which `outcome_weights` makes weights; where
            it is empty nothing is known.
        direction: of the outcome, "maximize" or "minimize".
        share: the effective share that the outcome leaves.

    Raises:
        CorpusError: the file cannot be read, a column is missing, or cells are no numbers, no levels or empty: all of
            them, by row and column.
        SettingsError: both a column of weights and one of outcomes were named.
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
    """The rows of a CSV file, of which some are to be tried, for `Space.from_table`.

    Args:
        path: of the file, as `gdopt.spreadsheet` reads it.
        id: the column that names rows, which is kept as it is written: 007 is not 7.
        descriptors: the columns that say what is alike; by default all that can. Others are kept for people.

    Raises:
        CorpusError: the file cannot be read, or a column that describes rows has numbers, and cells that are none.
        SpaceError: there is no such column.
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
    """The sequences of a file: FASTA, in which each header `>` begins one that may have several lines, or a line each.

    Empty lines and lines that begin with # are passed over.

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
        CorpusError: the table has not all of them, or none, or one of lines that were not split.
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
    """The values of a parameter: numbers, or levels."""
    cells = table.column(name)
    if isinstance(parameter, Real | Integer) or (parameter is None and any(map(looks_numeric, cells))):
        return _numbers(table, name, problems, check=None if parameter is None else parameter.check)
    for row, cell in zip(table.numbers, cells, strict=True):
        if not cell:
            problems.say(row, name, "is empty; expected a level")
    if not isinstance(parameter, Choice):
        return cells
    # A level may have blanks around it, which no cell has.
    written = {level.strip(): level for level in parameter.categories}
    levels = [written.get(cell, cell) for cell in cells]
    for row, level in zip(table.numbers, levels, strict=True):
        if level and level not in parameter.categories:
            problems.say(row, name, f"{level!r} is not one of {list(parameter.categories)}")
    return levels


def _numbers(
    table: spreadsheet.Table,
    name: str,
    problems: Problems,
    unknown: Collection[str] = (),
    check: Callable[[float], None] | None = None,
) -> list[float]:
    """The numbers in a column, NaN for what is not known; each other cell is a problem."""
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
    """The numbers, as whole ones where all are written so."""
    whole = all(cell.lstrip("+-").isdecimal() for cell in cells) and all(abs(one) < EXACT for one in numbers)
    return [int(one) for one in numbers] if whole else numbers


def _shown(table: spreadsheet.Table, cells: Sequence[str]) -> Sequence[float | int | str]:
    """A column that people are shown: numbers if all of its cells are, as they are written otherwise."""
    try:
        return _whole(cells, [table.finite(cell) for cell in cells])
    except ValueError:
        return cells


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CorpusError(f"cannot read the corpus {path}: {error.strerror}") from error
