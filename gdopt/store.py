"""Where a study is kept between calls."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from gdopt import files
from gdopt.algorithm import Result, State, Status, Trial
from gdopt.errors import StoreError
from gdopt.space import Choice, Constraint, Integer, Parameter, Real, Space

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
            space=_space(header["space"]),
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
            "space": _raw_space(state.space),
            "trials": [asdict(t) for t in state.trials],
            "notes": [dict(n) for n in state.notes],
        }
        files.write(self.path, state.tensors, header)


KINDS: Mapping[str, type[Parameter]] = {"real": Real, "integer": Integer, "choice": Choice}


def _raw_space(space: Space) -> dict[str, Any]:
    kind = {cls: name for name, cls in KINDS.items()}
    return {
        "parameters": [{"kind": kind[type(p)], **asdict(p)} for p in space.parameters],
        "constraints": [[dict(c.coefficients), c.upper] for c in space.constraints],
    }


def _space(raw: Mapping[str, Any]) -> Space:
    parameters = [KINDS[p["kind"]](**{k: v for k, v in p.items() if k != "kind"}) for p in raw["parameters"]]
    return Space(parameters, [Constraint(*c) for c in raw["constraints"]])


def _trial(raw: Mapping[str, Any]) -> Trial:
    result = None if raw["result"] is None else Result(**raw["result"])
    return Trial(**{**raw, "status": Status(raw["status"]), "result": result})
