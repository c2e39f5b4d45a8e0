"""A corpus in a CSV file: a design a row, with or without a weight or an outcome of a related task."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Shaped

from gdopt.errors import CorpusError, SettingsError
from gdopt.space import Choice, Space
from gdopt.weights import SHARE, outcome_weights

__all__ = ["Table", "read", "text"]


@dataclass(frozen=True)
class Table:
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
) -> Table:
    """The designs of a CSV file with a header, and their weights.

    Args:
        path: of the file.
        space: of the parameters, whose columns are taken in its order. By default these are all columns but those of
            weights and outcome, and one in which no cell is a number has levels.
        weights: the column that has them.
        outcome: the column of what was measured in a related task, of which `outcome_weights` makes weights; where
            it is empty nothing is known.
        direction: of the outcome, "maximize" or "minimize".
        share: the effective share that the outcome leaves.

    Raises:
        CorpusError: the file cannot be read, a column is missing, or a cell is no number, or empty.
        SettingsError: both a column of weights and one of outcomes were named.
    """
    if weights and outcome:
        raise SettingsError(f"weights = {weights!r} and outcome = {outcome!r}: expected one of them")
    header, *rows = [*csv.reader(text(path).splitlines())] or [[]]
    header = [one.strip() for one in header]
    beside = [one for one in (weights, outcome) if one]
    parameters = [one for one in header if one not in beside] if space is None else [*space.names]
    if missing := [name for name in [*parameters, *beside] if name not in header]:
        raise CorpusError(f"{path} has no columns {missing}; there are {header}")
    columns, others = ([header.index(name) for name in some] for some in (parameters, beside))
    numbered = [(number, row) for number, row in enumerate(rows, 2) if any(one.strip() for one in row)]
    if space is None:
        levels = [at for at in columns if numbered and not any(_is_number(row[at : at + 1]) for _, row in numbered)]
    else:
        levels = [header.index(p.name) for p in space.parameters if isinstance(p, Choice)]
    table, known = [], []
    for number, row in numbered:
        try:
            table.append([_level(row[at]) if at in levels else float(row[at]) for at in columns])
            known.append([float(row[at].strip() or "nan") for at in others])
        except (ValueError, IndexError) as error:
            wanted = [one for one in (*parameters, *beside) if header.index(one) not in levels]
            words = f" and words in {[header[at] for at in levels]}" if levels else ""
            raise CorpusError(f"{path}, row {number}: expected numbers in {wanted}{words}, got {row}") from error
    designs = np.array(table, dtype=object if levels else float).reshape(-1, len(parameters))
    last = np.array(known, dtype=float).reshape(len(known), len(others))[:, :1].ravel()
    if outcome:
        return Table(tuple(parameters), designs, outcome_weights(last, direction=direction, share=share))
    return Table(tuple(parameters), designs, last if weights else None)


def _level(cell: str) -> str:
    if not (found := cell.strip()):
        raise ValueError("an empty cell is no level")
    return found


def _is_number(cells: Sequence[str]) -> bool:
    """Whether there is a cell, and it is a number."""
    try:
        return [*map(float, cells)] != []
    except ValueError:
        return False


def text(path: Path) -> str:
    """The text of a file.

    Raises:
        CorpusError: it cannot be read, or is no text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CorpusError(f"cannot read the corpus {path}: {error.strerror}") from error
    except ValueError as error:
        raise CorpusError(f"the corpus {path} is no text: {error}") from error
