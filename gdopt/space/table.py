"""A table of candidates: rows that have a name and descriptors, of which a study tries some."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.arguments import listed, shown, text
from gdopt.errors import CorpusError, SpaceError, StoreError
from gdopt.linalg import explaining, principal_directions

__all__ = ["Table", "table_of"]

# A column of text of more levels describes nothing: it is kept for people.
FEW = 10
# Directions that together carry less than this share of the variance are dropped: columns that others determine.
UNEXPLAINED = 1e-6
# Numbers that are worked on at once: 128 MB of them.
ROOM = 2**24
FORMAT = "gdopt table 1"
# Rows that a message lists.
LISTED = 3


@dataclass(frozen=True, eq=False)
class Table:
    """The rows that may be tried. Two tables of one `sha256` are the same.

    Args:
        ids: whole numbers or strings, each once, by which people find a row.
        columns: all others, by name: numbers or strings.
        descriptors: names of the columns that say what is alike; those of strings have a number for each level.
    """

    ids: pd.Index
    columns: Mapping[str, np.ndarray]
    descriptors: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def place(self, id: object) -> int | None:
        """The place of the row of an id, from 0; None if there is none. Text that a cell has of a number will do."""
        try:
            return int(self.ids.get_loc(str(id) if self.ids.dtype == object else int(str(id))))
        except (KeyError, ValueError, OverflowError):
            return None

    def id(self, place: int) -> int | str:
        """The id of the row of a place, as plain Python."""
        found: int | str = self.ids[place]
        return found if isinstance(found, str) else int(found)

    def row(self, place: int) -> dict[str, float | int | str]:
        """The columns of the row of a place, as plain Python."""
        return {name: one[place].item() if one.dtype != object else one[place] for name, one in self.columns.items()}

    @cached_property
    def z(self) -> Float[Tensor, "n d"]:
        """The descriptors along their principal directions, each at a spread of 1, in single precision."""
        return _whitened([one for name in self.descriptors for one in _numbers(self.columns[name])])

    @cached_property
    def sha256(self) -> str:
        """Of all ids and columns, their names and order, and which are descriptors."""
        tensors, header = self.parts()
        digest = hashlib.sha256(repr(header).encode())
        for name, tensor in tensors.items():
            digest.update(f"{name} {tensor.dtype} {len(tensor)}".encode())
            digest.update(tensor.numpy().data)
        return digest.hexdigest()

    def parts(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors and a header that are all of the table: `gdopt.files` makes a file of them."""
        tensors = _packed("ids", self.ids.to_numpy(copy=True))
        for number, values in enumerate(self.columns.values()):
            tensors |= _packed(f"column {number}", values)
        return tensors, {"format": FORMAT, "columns": [*self.columns], "descriptors": [*self.descriptors]}

    @classmethod
    def of_parts(cls, tensors: Mapping[str, Tensor], header: Mapping[str, Any], name: str) -> "Table":
        """The table of what `parts` returned; `name` is what errors call the file.

        Raises:
            StoreError: these are not the parts of a table.
        """
        if header.get("format") != FORMAT:
            raise StoreError(f"{name} holds {header.get('format')!r}, not {FORMAT!r}")
        columns = {one: _unpacked(tensors, f"column {i}") for i, one in enumerate(header["columns"])}
        ids = _unpacked(tensors, "ids")
        return cls(pd.Index(ids, dtype=ids.dtype), columns, tuple(header["descriptors"]))


def table_of(frame: Any, id: str | None, descriptors: Sequence[str] | None) -> tuple[str, Table]:
    """What a row is called by, and the table of a frame.

    Args:
        frame: a row for each candidate.
        id: the column that names rows; by default the frame's index.
        descriptors: the columns that say what is alike; by default all that vary and are numbers, or text of at most
            10 levels.

    Raises:
        SpaceError: no such column, or two of a name; nothing describes the rows.
        CorpusError: fewer than two rows, ids that are missing or not unique, descriptors that are missing, infinite,
            constant, or text of more levels.
    """
    if not isinstance(frame, pd.DataFrame):
        raise SpaceError(f"a table of candidates is a pandas DataFrame, got {type(frame).__name__}")
    frame = frame.rename(columns=str)
    if twice := sorted(set(frame.columns[frame.columns.duplicated()])):
        raise SpaceError(f"columns {twice} appear more than once in the table")
    described = [] if descriptors is None else listed(descriptors)
    if described is None:
        raise SpaceError(f"descriptors = {shown(descriptors)}: expected a list of columns")
    if unknown := [one for one in [*([] if id is None else [id]), *described] if text(one) not in [*frame.columns]]:
        raise SpaceError(f"the table has no columns {shown(unknown)}; there are {[*frame.columns]}")
    if len(frame) < 2:
        raise CorpusError(f"a table of candidates needs two rows or more, got {len(frame)}")
    name = str(frame.index.name or "row") if id is None else id
    ids = _ids(frame.index if id is None else pd.Index(frame[id]), name)
    columns = {one: _plain(frame[one]) for one in frame.columns if one != id}
    if name in columns:
        raise SpaceError(f"the index and a column are both called {name!r}: give id = {name!r}, or rename one")
    if descriptors is None:
        chosen = [one for one, values in columns.items() if _describes(values)]
    else:
        chosen = [*dict.fromkeys(described)]
    _check(columns, chosen)
    return name, Table(ids, columns, tuple(chosen))


def _ids(given: pd.Index, name: str) -> pd.Index:
    """The ids as whole numbers or strings, each once."""
    blank = given.isna() if pd.api.types.is_numeric_dtype(given.dtype) else given.isna() | (given.astype(str) == "")
    if missing := np.flatnonzero(blank).tolist():
        raise CorpusError(f"column {name}: {len(missing)} rows have no id, such as rows {missing[:LISTED]}, from 0")
    ids = given if pd.api.types.is_integer_dtype(given.dtype) else pd.Index([str(one) for one in given], dtype=object)
    if not ids.is_unique:
        twice = ids[ids.duplicated()].unique()
        raise CorpusError(f"column {name}: {len(twice)} ids stand in several rows, such as {twice[:LISTED].tolist()}")
    return ids if ids.dtype == object else pd.Index(ids.to_numpy(np.int64))


def _plain(column: pd.Series) -> np.ndarray:
    """A copy of a column as 64-bit numbers, or as strings, empty where there is none."""
    kind = column.dtype
    if pd.api.types.is_numeric_dtype(kind):
        whole = pd.api.types.is_integer_dtype(kind) or pd.api.types.is_bool_dtype(kind)
        numbers = np.int64 if whole and not column.hasnans else np.float64
        found: np.ndarray = column.to_numpy(numbers, True, np.nan)
        return found
    cells = ["" if gone else str(one) for one, gone in zip(column, column.isna(), strict=True)]
    return np.array([*cells, None], dtype=object)[:-1]


def _describes(values: np.ndarray) -> bool:
    """Whether a column can say what is alike."""
    return 2 <= len(pd.unique(values)) <= FEW if values.dtype == object else bool((values != values[0]).any())


def _check(columns: Mapping[str, np.ndarray], chosen: Sequence[str]) -> None:
    """Raise `SpaceError` or `CorpusError` unless the chosen columns can describe rows."""
    if not chosen:
        raise SpaceError(f"nothing describes the rows: of {[*columns]} none varies and is a number or of few words")
    for name in chosen:
        values = columns[name]
        if values.dtype != object and len(bad := np.flatnonzero(~np.isfinite(values))):
            raise CorpusError(
                f"column {name}: {len(bad)} rows have no finite number, such as rows {bad[:LISTED].tolist()}, from 0; "
                "fill or drop them, or leave the column out of the descriptors"
            )
        if not _describes(values):
            raise CorpusError(
                f"column {name} describes nothing: it has {len(pd.unique(values))} different values; expected numbers "
                f"that vary, or text of 2 to {FEW} levels"
            )


def _numbers(values: np.ndarray) -> list[Float[np.ndarray, " n"]]:
    """A column as one of numbers, or as one for each level."""
    if values.dtype != object:
        return [values.astype(np.float64, copy=False)]
    return [(values == level).astype(np.float64) for level in sorted(set(pd.unique(values)))]


def _whitened(columns: Sequence[Float[np.ndarray, " n"]]) -> Float[Tensor, "n d"]:
    """Rows in the principal directions of the standardized columns, scaled to a standard deviation of 1 in each.

    Unlike the corpus of a prior, the table holds all candidates. Directions that its rows do not span need no search,
    so the covariance is not shrunk.
    """
    moments = [(float(one.mean()), float(one.std())) for one in columns]
    size = max(1, ROOM // len(columns))
    starts = range(0, len(columns[0]), size)

    def unit(start: int) -> Float[Tensor, "m D"]:
        parts = [(c[start : start + size] - mean) / std for c, (mean, std) in zip(columns, moments, strict=True)]
        return torch.from_numpy(np.stack(parts, axis=1))

    cov = sum(((part := unit(at)).T @ part for at in starts), torch.zeros(1, dtype=torch.float64)) / len(columns[0])
    values, vectors = principal_directions(cov)
    keep = explaining(values, UNEXPLAINED)
    onto = vectors[:, :keep] / values[:keep].sqrt()
    return torch.cat([(unit(at) @ onto).float() for at in starts])


def _packed(name: str, values: np.ndarray) -> dict[str, Tensor]:
    """A column as a tensor; text as the bytes of all cells and the length of each."""
    if values.dtype != object:
        return {name: torch.from_numpy(np.ascontiguousarray(values))}
    cells = [one.encode() for one in values]
    lengths = torch.tensor([len(one) for one in cells], dtype=torch.int32)
    return {
        f"{name} bytes": torch.frombuffer(bytearray(b"".join(cells)), dtype=torch.uint8),
        f"{name} lengths": lengths,
    }


def _unpacked(tensors: Mapping[str, Tensor], name: str) -> np.ndarray:
    if name in tensors:
        return tensors[name].numpy()
    content = tensors[f"{name} bytes"].numpy().tobytes()
    ends = np.cumsum(tensors[f"{name} lengths"].numpy(), dtype=np.int64).tolist()
    cells = [content[start:end].decode() for start, end in zip([0, *ends], ends, strict=False)]
    return np.array([*cells, None], dtype=object)[:-1]
