"""Where a study is kept between calls."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from gdopt import files
from gdopt.algorithm import Result, State, Status, Trial
from gdopt.errors import StoreError
from gdopt.space_json import read, written

__all__ = ["FileStore", "Store"]

FORMAT = "gdopt study 1"


@runtime_checkable
class Store(Protocol):
    """Keeps the last state of one study, and the direction of its values."""

    def load(self) -> tuple[State, str] | None:
        """The state and the direction that were saved last; None if there are none yet."""
        ...

    def save(self, state: State, direction: str) -> None:
        """Keep this state instead of the last one, whole or not at all."""
        ...


class FileStore:
    """One safetensors file with a checksum, written anew at every change. For one process at a time."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.parent.is_dir():
            raise StoreError(f"cannot keep a study in {self.path}: there is no folder {self.path.parent}")

    def load(self) -> tuple[State, str] | None:
        """The state and the direction in the file; None if there is no file.

        Raises:
            StoreError: it is not a study's file, or was changed.
        """
        if not self.path.exists():
            return None
        tensors, header = files.read(self.path)
        if header.get("format") != FORMAT:
            raise StoreError(f"{self.path} holds {header.get('format')!r}, not {FORMAT!r}")
        state = State(
            space=read(header["space"]),
            seed=header["seed"],
            trials=tuple(_trial(raw) for raw in header["trials"]),
            notes=tuple(header["notes"]),
            tensors=tensors,
        )
        return state, header["direction"]

    def save(self, state: State, direction: str) -> None:
        """Write the file whole, or leave the one before in place."""
        header = {
            "format": FORMAT,
            "direction": direction,
            "seed": state.seed,
            "space": written(state.space),
            "trials": [asdict(t) for t in state.trials],
            "notes": [dict(n) for n in state.notes],
        }
        files.write(self.path, state.tensors, header)


def _trial(raw: Mapping[str, Any]) -> Trial:
    result = None if raw["result"] is None else Result(**raw["result"])
    return Trial(**{**raw, "status": Status(raw["status"]), "result": result})
