"""The header of a study in its storage: space, objectives, seed, algorithm."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, SupportsFloat

from gdopt.algorithms.base import Algorithm
from gdopt.algorithms.serialization import serialize
from gdopt.arguments import shown, text
from gdopt.errors import SettingsError, StoreError
from gdopt.space.serialization import from_json, table_content, to_json, with_table
from gdopt.space.space import Space
from gdopt.storage.store import Header, Store, content_hash
from gdopt.trials.objectives import Direction, Objective, OptimizationConfig

__all__ = [
    "FORMAT",
    "check_same",
    "described",
    "directions_of",
    "new_study",
    "objectives_of",
    "outcome_names",
    "space_of",
]

FORMAT = "gdopt study 2"


def objectives_of(
    direction: Direction | Mapping[str, Direction], name: str, reference: Mapping[str, SupportsFloat]
) -> tuple[Objective, ...]:
    """The objective of a name, or one objective for each name with a direction."""
    if text(name) is None:
        raise SettingsError(f"objective = {shown(name)}: expected the name of an outcome, such as 'yield'")
    directions = direction if isinstance(direction, Mapping) else {name: direction}
    if not directions:
        raise SettingsError("direction = {}: expected a direction for each objective by its name")
    if not isinstance(reference, Mapping):
        raise SettingsError(f"reference = {shown(reference)}: expected a value for each objective by its name")
    if unknown := [one for one in reference if one not in directions]:
        raise SettingsError(f"reference of {shown(unknown)}: the objectives are {list(directions)}")
    return tuple(Objective(one, way, reference.get(one)) for one, way in directions.items())


def space_of(header: Header, store: Store) -> Space:
    """The space of a header, with its table of candidates if it has one.

    Raises:
        StoreError: the table is missing or was changed.
    """
    space = from_json(header["space"])
    if "table" not in header:
        return space
    content = store.content(header["table"])
    if content is None:
        raise StoreError(f"the file {header['table']} of the study's table is missing or was changed")
    return with_table(space, content, header["table"])


def directions_of(header: Header) -> dict[str, Any]:
    """The objectives of a header, as `Study` takes them."""
    if "objectives" not in header:
        return {"direction": header["direction"], "objective": header["objective"]}
    several = [objective_from_json(one) for one in header["objectives"]]
    reference = {one.name: one.reference_point for one in several if one.reference_point is not None}
    return {"direction": {one.name: one.direction for one in several}, "reference_point": reference}


def outcome_names(goals: OptimizationConfig, tracked: Sequence[str]) -> tuple[str, ...]:
    """All outcomes, the objectives first."""
    limited = dict.fromkeys(limit.outcome for limit in goals.outcome_constraints)
    names = [*(one.name for one in goals.objectives), *limited, *tracked]
    if "" in names or len(set(names)) < len(names):
        raise SettingsError(f"outcomes {names}: expected names, the objective, limited and tracked ones once each")
    return tuple(names)


def described(space: Space, config: OptimizationConfig, tracked: Sequence[str], seed: int) -> Header:
    """The header of a study, without the algorithm."""
    first = config.objectives[0]
    header = {
        "format": FORMAT,
        "space": to_json(space),
        "direction": first.direction,
        "objective": first.name,
        "limits": [asdict(limit) for limit in config.outcome_constraints],
        "tracked": list(tracked),
        "seed": seed,
    }
    if config.several:
        header["objectives"] = [objective_to_json(one) for one in config.objectives]
    # As it is read back: with lists in place of tuples.
    plain: Header = json.loads(json.dumps(header))
    return plain


def new_study(header: Header, space: Space, algorithm: Algorithm) -> tuple[Header, list[bytes]]:
    """The header of a new study with its algorithm, None if it is not gdopt's own, and the files that it names."""
    contents: list[bytes] = []

    def keep(content: bytes) -> str:
        contents.append(content)
        return content_hash(content)

    serialized: dict[str, Any] | None
    try:
        serialized = serialize(algorithm, keep)
    except SettingsError:
        serialized, contents = None, []
    rows = table_content(space)
    table = {}
    if rows is not None:
        contents.append(rows)
        table = {"table": content_hash(rows)}
    return {**header, **table, "algorithm": serialized}, contents


def objective_to_json(objective: Objective) -> dict[str, Any]:
    """An objective as the header of a study has it."""
    return {"name": objective.name, "direction": objective.direction, "reference": objective.reference_point}


def objective_from_json(raw: Mapping[str, Any]) -> Objective:
    """The objective of `objective_to_json`."""
    return Objective(raw["name"], raw["direction"], raw["reference"])


def check_same(store: Store, kept: Header, ours: Header) -> None:
    """Raise `StoreError` unless two headers describe the same study."""
    if kept.get("format") != FORMAT:
        raise StoreError(f"{store} holds {kept.get('format')!r}, not {FORMAT!r}")
    # Of one objective a header has no list.
    for name in {**ours, "objectives": None}:
        theirs, this = (from_json(said[name]) if name == "space" else said.get(name) for said in (kept, ours))
        if theirs != this:
            raise StoreError(f"the file holds a study of another {name}: {theirs}, this one has {this}")
