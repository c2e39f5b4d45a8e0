"""Read a campaign from its TOML file; errors name the table and the key."""

import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gdopt.algorithms.user_functions import FunctionReference
from gdopt.errors import GdoptError, SettingsError, StoreError
from gdopt.lab.campaign import ENTRIES, ONE, SEVERAL, Campaign
from gdopt.renamed import CAMPAIGN
from gdopt.trials.objectives import OutcomeConstraint

__all__ = ["checked", "read_campaign"]


def read_campaign(path: Path) -> Campaign:
    """The campaign in a file.

    Raises:
        StoreError: the file cannot be read.
        SettingsError: the file is not TOML, or keys or values are invalid; the message lists all of them by table and
            key.
    """
    try:
        return checked(_tables(path), str(path))
    except RecursionError as error:
        raise SettingsError(f"{path} is no campaign: its lists or tables are nested too deeply") from error


def _tables(path: Path) -> dict[str, Any]:
    """The tables of a file."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"{path} is not TOML: {error}") from error


def checked(raw: dict[str, Any], file: str) -> Campaign:
    """The campaign of the tables of a TOML file.

    Args:
        raw: the tables.
        file: name of the file, for error messages.

    Raises:
        SettingsError: as in `read_campaign`.
    """
    try:
        campaign = Campaign.model_validate(raw)
    except ValidationError as error:
        problems = [_problem(raw, one["loc"], one["msg"], one["input"], one["type"]) for one in error.errors()]
        raise SettingsError(_message(file, problems)) from error
    if problems := _contradictions(raw, campaign):
        raise SettingsError(_message(file, problems))
    return campaign


def _message(file: str, problems: list[str]) -> str:
    """The error message of one problem or more."""
    if len(problems) == 1:
        return f"{file}: {problems[0]}"
    return "".join([f"{file}:", *(f"\n  {problem}" for problem in problems)])


def _problem(raw: dict[str, Any], loc: tuple[int | str, ...], expected: str, given: object, kind: str) -> str:
    """A validation error of pydantic in words: table, key, the value given and the value expected."""
    tables = [one for at, one in enumerate(loc) if not _of_pydantic(loc, at)]
    where = _where(raw, tables)
    if kind == "missing":
        return f"{where} is missing"
    if kind == "extra_forbidden":
        if (old := str(loc[-1])) in CAMPAIGN:
            return f"{where} was renamed to {CAMPAIGN[old]} in version 0.2"
        return f"{where} is unknown; it was given {given!r}"
    return f"{where}: got {given!r}; {expected[0].lower()}{expected[1:]}"


def _of_pydantic(loc: tuple[int | str, ...], at: int) -> bool:
    """Whether pydantic added this part of the location, the tag of a union; it is not in the file."""
    return (at == 2 and loc[0] == "parameters" and loc[at] in ENTRIES) or (
        at == 1 and loc[0] == "direction" and loc[at] in (ONE, SEVERAL)
    )


def _where(raw: dict[str, Any], loc: list[int | str]) -> str:
    """A key and its table, such as "[[parameters]] 2 (cycles), key low"."""
    top, *rest = loc
    if rest and isinstance(rest[0], int):
        one = raw[str(top)][rest[0]]
        called = f" ({one['name']})" if isinstance(one, dict) and "name" in one else ""
        name = f"[[{top}]] {rest[0] + 1}{called}" if isinstance(one, dict) else f"key {top}, entry {rest[0] + 1}"
        rest = rest[1:]
    elif rest:
        name = f"[{top}]"
    else:
        return f"key {top}"
    return ", ".join([name, *(f"key {one}" for one in rest if isinstance(one, str))])


def _contradictions(raw: dict[str, Any], campaign: Campaign) -> list[str]:
    """The problems of a campaign whose keys and types are valid: of values, and of tables that exclude each other."""
    checks: list[tuple[list[int | str], Callable[[], object]]] = []
    checks += [(["parameters", at], one.parameter) for at, one in enumerate(campaign.parameters)]
    checks += [
        (["outcome_constraints", at], partial(OutcomeConstraint.of, one))
        for at, one in enumerate(campaign.outcome_constraints)
    ]
    checks += [(["expert", name], one.belief) for name, one in campaign.expert.items()]
    if campaign.design_filter is not None:
        checks.append((["design_filter"], partial(FunctionReference, campaign.design_filter)))
    problems = [f"{_where(raw, loc)}: {error}" for loc, check in checks if (error := _error_of(check)) is not None]
    if (error := _error_of(lambda: _check_objectives(campaign))) is not None:
        problems.insert(0, str(error))
    if problems:
        return problems
    tables = [name for name in ("table", "corpus", "prior", "expert") if getattr(campaign, name)]
    if len(tables) > 1:
        return [f"{' and '.join(f'[{one}]' for one in tables)}: expected one of them"]
    if not campaign.parameters and tables in ([], ["expert"]):
        return ["[[parameters]]: there are none; expected one or more, or a [corpus], [prior] or [table] that has them"]
    if campaign.table and (campaign.parameters or campaign.constraints):
        return ["[table] and [[parameters]]: expected one of them"]
    error = _error_of(lambda: campaign.space)
    return [] if error is None else [f"[[parameters]] and [[constraints]]: {error}"]


def _check_objectives(campaign: Campaign) -> None:
    """Raise `SettingsError` unless one objective has a name, or several have a direction each."""
    if isinstance(campaign.direction, str):
        if not campaign.objective:
            raise SettingsError("key objective is missing")
        if campaign.reference_point:
            raise SettingsError("key reference_point: one objective has none")
    elif not campaign.direction or campaign.objective:
        raise SettingsError("of several objectives: expected a direction for each by its name, and no key objective")
    elif unknown := [name for name in campaign.reference_point if name not in campaign.direction]:
        raise SettingsError(f"key reference_point, keys {unknown}: the objectives are {list(campaign.direction)}")


def _error_of(check: Callable[[], object]) -> GdoptError | None:
    """The error that a call raises, None if it raises none."""
    try:
        check()
    except GdoptError as error:
        return error
    return None
