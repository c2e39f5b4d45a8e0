"""Spaces as what JSON has, and back."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from gdopt import files
from gdopt.space import strings
from gdopt.space.constraints import Constraint
from gdopt.space.parameters import Choice, Integer, Parameter, Real, TableRow, conditions
from gdopt.space.space import Space

__all__ = ["from_json", "table_content", "to_json", "with_table"]

KINDS: Mapping[str, type[Parameter]] = {
    "real": Real,
    "integer": Integer,
    "choice": Choice,
    "candidate": TableRow,
    "sequence": strings.Sequence,
    "molecule": strings.Molecule,
}


# Fields that files of version 0.1 call otherwise.
FIELDS_OF_0_1: Mapping[str, str] = {"levels": "categories", "log": "log_scale", "when": "active_if"}


def to_json(space: Space) -> dict[str, Any]:
    """Numbers, strings, lists and dictionaries that say all of a space; of a table of candidates, which it is."""
    kind = {cls: name for name, cls in KINDS.items()}
    return {
        "parameters": [{"kind": kind[type(p)], **_said(p)} for p in space.parameters],
        "constraints": [[dict(c.coefficients), *_bounds(c)] for c in space.constraints],
    }


def from_json(raw: Mapping[str, Any]) -> Space:
    """The space that was written so."""
    parameters = [
        KINDS[p["kind"]](**{FIELDS_OF_0_1.get(k, k): v for k, v in p.items() if k != "kind"}) for p in raw["parameters"]
    ]
    return Space(parameters, [Constraint(*c) for c in raw["constraints"]])


def table_content(space: Space) -> bytes | None:
    """The file of the space's table of candidates, if it has one."""
    for parameter in space.parameters:
        if isinstance(parameter, TableRow) and parameter.table is not None:
            return files.packed(*parameter.table.parts())
    return None


def with_table(space: Space, content: bytes, name: str) -> Space:
    """The space with the table of candidates that a file has; `name` is what errors call it.

    Raises:
        StoreError: it is no file of a table, or is not what was written.
    """
    # Imported here: only spaces with a table need pandas and PyTorch.
    from gdopt.space.table import Table

    found = Table.of_parts(*files.unpacked(content, name), name)
    parameters = [replace(p, table=found) if isinstance(p, TableRow) else p for p in space.parameters]
    return Space(parameters, space.constraints)


def _said(parameter: Parameter) -> dict[str, Any]:
    """What makes a parameter the one that it is; `when` only of those that do not always count."""
    said = {f.name: getattr(parameter, f.name) for f in fields(parameter) if f.compare and f.name != "active_if"}
    return said | ({"active_if": {n: list(levels) for n, levels in when}} if (when := conditions(parameter)) else {})


def _bounds(constraint: Constraint) -> list[float | None]:
    """The bounds as `Constraint` takes them."""
    return [None, constraint.bound] if constraint.equality else [constraint.bound]
