"""What verbs say of trials and entries, and the files that they write."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gdopt.errors import StoreError

if TYPE_CHECKING:
    from gdopt.algorithm import Trial
    from gdopt.journal import Entry

__all__ = ["event", "facts", "outcomes", "percent", "put"]


def put(path: Path, text: str) -> None:
    """Write a file, whole or not at all; with a byte order mark, which Excel needs, if it is not all ASCII.

    Raises:
        StoreError: it cannot be written.
    """
    from gdopt import files

    marked = path.suffix == ".csv" and not text.isascii()
    try:
        files.put(path, text.encode("utf-8-sig" if marked else "utf-8"))
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from error


def facts(trial: "Trial") -> dict[str, Any]:
    """A trial as JSON takes it."""
    said = {
        "id": trial.id,
        "status": trial.status.value,
        "params": dict(trial.params),
        "value": trial.value,
        "sem": trial.result.sem if trial.result else None,
        "outcomes": outcomes(trial),
        "round": trial.round,
        "source": trial.source,
        "worker": trial.worker,
        "reason": trial.reason,
    }
    if trial.feasible is not None:
        said["feasible"] = trial.feasible
    return said if trial.proposed is None else {**said, "proposed": dict(trial.proposed)}


def percent(trial: "Trial") -> str | None:
    """How likely a trial seemed to satisfy the limits when it was proposed."""
    return None if trial.feasible is None else f"{trial.feasible:.0%}"


def outcomes(trial: "Trial") -> Mapping[str, Any]:
    """What was measured beside the objective, as JSON takes it."""
    return {name: {"value": value, "sem": sem} for name, (value, sem) in trial.outcomes.items()}


def event(entry: "Entry") -> dict[str, Any]:
    """An entry of the journal as JSON takes it."""
    from gdopt.journal import described

    at = datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="seconds")
    return {"at": at, "kind": entry.kind.value, "worker": entry.worker, "key": entry.key, "data": described(entry)}
