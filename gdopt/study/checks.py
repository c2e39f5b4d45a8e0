"""Arguments of `Study`, each checked and converted."""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from gdopt.algorithms.base import Algorithm
from gdopt.arguments import listed, number, plain_text, shown, text, whole
from gdopt.errors import SettingsError, SpaceError, TrialError
from gdopt.space.space import Space
from gdopt.storage.store import MemoryStore, Store
from gdopt.trials.objectives import OutcomeConstraint

__all__ = [
    "MAX_BATCH",
    "as_algorithm",
    "as_constraints",
    "as_count",
    "as_names",
    "as_rows",
    "as_seconds",
    "as_space",
    "as_store",
    "as_text",
    "check_distinct",
]

# A larger batch is a mistake, and does not fit into memory.
MAX_BATCH = 1_000_000


def as_store(storage: str | Path | Store | None, name: str) -> Store:
    """The store of a path, a URL or None, which is memory."""
    if storage is None:
        return MemoryStore()
    name = plain_text("name", name)
    if isinstance(storage, str | Path):
        # Imported here: a study in memory needs no database.
        from gdopt.storage.sql_store import SqlStore

        return SqlStore(storage, name)
    if not isinstance(storage, Store):
        raise SettingsError(
            f"storage = {shown(storage)}: expected the path of a file, the URL of a database, or a Store"
        )
    return storage


def as_text(name: str, given: str | None) -> str | None:
    """The text of an optional argument."""
    return None if given is None else plain_text(name, given)


def as_space(space: object) -> Space:
    """The space."""
    if not isinstance(space, Space):
        raise SpaceError(
            f'space = {shown(space)}: expected a Space, such as Space([Real("x", 0, 1)]) or Space.from_bounds([(0, 1)])'
        )
    return space


def as_algorithm(algorithm: object) -> Algorithm:
    """The algorithm."""
    if isinstance(algorithm, type) or not isinstance(algorithm, Algorithm):
        raise SettingsError(
            f"algorithm = {shown(algorithm)}: expected an algorithm, such as GuidedDiffusion() or RandomSearch()"
        )
    return algorithm


def as_constraints(constraints: Sequence[OutcomeConstraint | str]) -> tuple[OutcomeConstraint, ...]:
    """The outcome constraints, of objects or of text such as "impurity <= 2"."""
    if (given := listed(constraints)) is None:
        raise SettingsError(f"outcome_constraints = {shown(constraints)}: expected a list, such as ['impurity <= 2']")
    return tuple(one if isinstance(one, OutcomeConstraint) else OutcomeConstraint.of(one) for one in given)


def as_names(argument: str, given: object) -> list[str]:
    """The names in a list."""
    several = listed(given)
    found = [text(one) for one in ([None] if several is None else several)]
    if None in found:
        raise SettingsError(f"{argument} = {shown(given)}: expected a list of names, such as ['colour']")
    return [one for one in found if one is not None]


def as_rows(rows: object) -> list[tuple[str, Any, Any]]:
    """The key, the parameters and the value of each row of `Study.add_all`."""
    if not isinstance(rows, Mapping) or not all(isinstance(row, tuple) and len(row) == 2 for row in rows.values()):
        raise SettingsError(f"add_all({shown(rows)}): expected {{key: (params, value), ...}}")
    return [(key, *row) for key, row in rows.items()]


def check_distinct(*ids: Collection[int]) -> None:
    """Raise `TrialError` if one trial is in several collections of ids."""
    if both := sorted(id for id, times in Counter(chain(*ids)).items() if times > 1):
        raise TrialError(f"trials {both} are told, failed or abandoned at once")


def as_count(message: str, n: object) -> int:
    """A number of trials; the message has `{}` for the given value."""
    if (count := whole(n)) is None or not 1 <= count <= MAX_BATCH:
        too_many = count and count > MAX_BATCH
        expected = f"a whole number above 0, at most {MAX_BATCH}" if too_many else "a whole number above 0"
        raise SettingsError(f"{message.format(shown(n))}: expected {expected}")
    return count


def as_seconds(lease: object) -> float:
    """The seconds of a lease."""
    if (seconds := number(lease)) is None or not 0 < seconds < math.inf:
        raise SettingsError(f"lease = {shown(lease)}: expected seconds above 0")
    return seconds
