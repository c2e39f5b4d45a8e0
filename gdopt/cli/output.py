"""Trials and events as JSON, and the writing of files."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gdopt.errors import StoreError

if TYPE_CHECKING:
    from gdopt.storage.events import Event
    from gdopt.trials.trial import Trial

__all__ = ["check_replaceable", "event", "facts", "outcomes", "percent", "put"]

# The first bytes of every SQLite file.
SQLITE = b"SQLite format 3\0"


def put(path: Path, text: str) -> None:
    """Write a file atomically. A CSV file that is not ASCII gets a byte order mark, which Excel needs.

    Lone surrogates, which earlier versions stored and UTF-8 cannot encode, are written as escapes.

    Raises:
        StoreError: the file cannot be written.
    """
    from gdopt import files

    marked = path.suffix == ".csv" and not text.isascii()
    try:
        files.put(path, text.encode("utf-8-sig" if marked else "utf-8", errors="backslashreplace"))
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from error


def check_replaceable(path: Path) -> None:
    """Raise `StoreError` if a file that would be overwritten is a study, a prior or a campaign, or cannot be read.

    Raises:
        StoreError: see above.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(SQLITE))
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error
    # A safetensors file begins with the length of its JSON part, 8 bytes, little end first.
    is_prior = start[8:10] == b'{"' and int.from_bytes(start[:8], "little") <= path.stat().st_size
    kinds = {"a study": start == SQLITE, "a prior": is_prior, "a campaign": path.suffix.lower() == ".toml"}
    for kind, found in kinds.items():
        if found:
            raise StoreError(f"{path} is {kind}, which is not overwritten: choose another file")


def facts(trial: "Trial") -> dict[str, Any]:
    """A trial as JSON."""
    data = {
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
        data["feasible"] = trial.feasible
    if trial.outside:
        data["outside"] = True
    return data if trial.proposed is None else {**data, "proposed": dict(trial.proposed)}


def percent(trial: "Trial") -> str | None:
    """The predicted probability of feasibility of a trial when it was proposed, in percent."""
    return None if trial.feasible is None else f"{trial.feasible:.0%}"


def outcomes(trial: "Trial") -> Mapping[str, Any]:
    """The outcomes other than the objective as JSON."""
    return {name: {"value": value, "sem": sem} for name, (value, sem) in trial.outcomes.items()}


def event(entry: "Event") -> dict[str, Any]:
    """An event of the journal as JSON."""
    from gdopt.storage.events import described

    at = datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="seconds")
    return {"at": at, "kind": entry.kind.value, "worker": entry.worker, "key": entry.key, "data": described(entry)}
