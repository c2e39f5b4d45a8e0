"""A corpus in a CSV file: a design a row, with or without a weight or an outcome of a related task."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from gdopt.errors import CorpusError, SettingsError
from gdopt.weights import SHARE, outcome_weights

__all__ = ["Table", "read", "text"]


@dataclass(frozen=True)
class Table:
    """Designs of a file.

    Args:
        names: of the columns.
        designs: rows of numbers.
        weights: of the rows, if the file says.
    """

    names: tuple[str, ...]
    designs: Float[np.ndarray, "n D"]
    weights: Float[np.ndarray, " n"] | None


def read(
    path: Path,
    names: Sequence[str] | None = None,
    *,
    weights: str | None = None,
    outcome: str | None = None,
    direction: str = "maximize",
    share: float = SHARE,
) -> Table:
    """The designs of a CSV file with a header, and their weights.

    Args:
        path: of the file.
        names: of the columns that are parameters, in this order; by default all but those of weights and outcome.
        weights: the column that has them.
        outcome: the column of what was measured in a related task, of which `outcome_weights` makes weights; where
            it is empty nothing is known.
        direction: of the outcome, "maximize" or "minimize".
        share: the effective share that the outcome leaves.

    Raises:
        CorpusError: the file cannot be read, a column is missing, or a cell is no number.
        SettingsError: both a column of weights and one of outcomes were named.
    """
    if weights and outcome:
        raise SettingsError(f"weights = {weights!r} and outcome = {outcome!r}: expected one of them")
    header, *rows = [*csv.reader(text(path).splitlines())] or [[]]
    header = [one.strip() for one in header]
    beside = [one for one in (weights, outcome) if one]
    parameters = [one for one in header if one not in beside] if names is None else [*names]
    if missing := [name for name in [*parameters, *beside] if name not in header]:
        raise CorpusError(f"{path} has no columns {missing}; there are {header}")
    columns, others = ([header.index(name) for name in some] for some in (parameters, beside))
    table = []
    for number, row in enumerate(rows, 2):
        if not any(one.strip() for one in row):
            continue
        try:
            unknown = [row[at].strip() or "nan" for at in others]
            table.append([float(cell) for cell in (*(row[at] for at in columns), *unknown)])
        except (ValueError, IndexError) as error:
            wanted = [*parameters, *beside]
            raise CorpusError(f"{path}, row {number}: expected numbers in {wanted}, got {row}") from error
    numbers = np.array(table, dtype=float).reshape(-1, len(parameters) + len(beside))
    designs, last = numbers[:, : len(parameters)], numbers[:, -1]
    if outcome:
        return Table(tuple(parameters), designs, outcome_weights(last, direction=direction, share=share))
    return Table(tuple(parameters), designs, last if weights else None)


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
