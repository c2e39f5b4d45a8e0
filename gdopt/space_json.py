"""Spaces as what JSON has, and back."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from gdopt import strings
from gdopt.space import Choice, Constraint, Integer, Parameter, Real, Space

__all__ = ["read", "written"]

KINDS: Mapping[str, type[Parameter]] = {
    "real": Real,
    "integer": Integer,
    "choice": Choice,
    "sequence": strings.Sequence,
    "molecule": strings.Molecule,
}


def written(space: Space) -> dict[str, Any]:
    """Numbers, strings, lists and dictionaries that say all of a space."""
    kind = {cls: name for name, cls in KINDS.items()}
    return {
        "parameters": [{"kind": kind[type(p)], **asdict(p)} for p in space.parameters],
        "constraints": [[dict(c.coefficients), *_bounds(c)] for c in space.constraints],
    }


def read(raw: Mapping[str, Any]) -> Space:
    """The space that was written so."""
    parameters = [KINDS[p["kind"]](**{k: v for k, v in p.items() if k != "kind"}) for p in raw["parameters"]]
    return Space(parameters, [Constraint(*c) for c in raw["constraints"]])


def _bounds(constraint: Constraint) -> list[float | None]:
    """The bounds as `Constraint` takes them."""
    return [None, constraint.bound] if constraint.equality else [constraint.bound]
