"""Spaces as JSON data, and back."""

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


# New names of fields by their names in files of version 0.1.
FIELDS_OF_0_1: Mapping[str, str] = {"levels": "categories", "log": "log_scale", "when": "active_if"}


def to_json(space: Space) -> dict[str, Any]:
    """The JSON data of a space; a table of candidates is named by its sha256.

    Example:
        >>> from_json(to_json(Space([Real("x", 0, 1)]))).names
        ('x',)
    """
    kind = {cls: name for name, cls in KINDS.items()}
    return {
        "parameters": [{"kind": kind[type(p)], **_said(p)} for p in space.parameters],
        "constraints": [[dict(c.coefficients), *_bounds(c)] for c in space.constraints],
    }


def from_json(raw: Mapping[str, Any]) -> Space:
    """The space of the JSON data of `to_json`."""
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
    """The space with the table of candidates of a file; `name` is the name of the file in errors.

    Raises:
        StoreError: it is not the file of a table, or it was changed.
    """
    # Imported here: only spaces with a table need pandas and PyTorch.
    from gdopt.space.table import Table

    found = Table.of_parts(*files.unpacked(content, name), name)
    parameters = [replace(p, table=found) if isinstance(p, TableRow) else p for p in space.parameters]
    return Space(parameters, space.constraints)


def _said(parameter: Parameter) -> dict[str, Any]:
    """The settings of a parameter; `active_if` only of conditional parameters."""
    said = {f.name: getattr(parameter, f.name) for f in fields(parameter) if f.compare and f.name != "active_if"}
    return said | ({"active_if": {n: list(levels) for n, levels in when}} if (when := conditions(parameter)) else {})


def _bounds(constraint: Constraint) -> list[float | None]:
    """The bounds as `Constraint` takes them."""
    return [None, constraint.bound] if constraint.equality else [constraint.bound]
