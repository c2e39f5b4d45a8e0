"""What verbs say of trials and entries, and the files that they write."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gdopt.errors import StoreError

if TYPE_CHECKING:
    from gdopt.storage.events import Event
    from gdopt.trials.trial import Trial

__all__ = ["check_replaceable", "event", "facts", "outcomes", "percent", "put"]

# With which every file of SQLite begins.
SQLITE = b"SQLite format 3\0"


def put(path: Path, text: str) -> None:
    """Write a file, whole or not at all; with a byte order mark, which Excel needs, if it is not all ASCII.

    Characters that UTF-8 has no bytes for, which earlier versions kept, are written as escapes.

    Raises:
        StoreError: it cannot be written.
    """
    from gdopt import files

    marked = path.suffix == ".csv" and not text.isascii()
    try:
        files.put(path, text.encode("utf-8-sig" if marked else "utf-8", errors="backslashreplace"))
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from error


def check_replaceable(path: Path) -> None:
    """Check that a file that is to be written is not there, or is none that is never overwritten.

    Raises:
        StoreError: a study, a prior or a campaign is there, or the file cannot be read.
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
    if trial.outside:
        said["outside"] = True
    return said if trial.proposed is None else {**said, "proposed": dict(trial.proposed)}


def percent(trial: "Trial") -> str | None:
    """How likely a trial seemed to satisfy the limits when it was proposed."""
    return None if trial.feasible is None else f"{trial.feasible:.0%}"


def outcomes(trial: "Trial") -> Mapping[str, Any]:
    """What was measured beside the objective, as JSON takes it."""
    return {name: {"value": value, "sem": sem} for name, (value, sem) in trial.outcomes.items()}


def event(entry: "Event") -> dict[str, Any]:
    """An entry of the journal as JSON takes it."""
    from gdopt.storage.events import described

    at = datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="seconds")
    return {"at": at, "kind": entry.kind.value, "worker": entry.worker, "key": entry.key, "data": described(entry)}
