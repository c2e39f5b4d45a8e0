"""The state of a study and the journal that it is replayed from, shared by any number of threads and processes."""

import gc
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from gdopt import files
from gdopt.arguments import counted
from gdopt.errors import SettingsError, StoreError, TrialError
from gdopt.space.parameters import Params, has_values
from gdopt.storage import events, replay
from gdopt.storage.events import Event, EventType, Report
from gdopt.storage.store import Header, Store
from gdopt.study.header import check_same
from gdopt.trials.state import State

__all__ = ["Session"]

log = logging.getLogger(__name__)

# The header of a new study, and the files that it names.
NewStudy = tuple[Header, list[bytes]]


class Session:
    """An open study: its state, replayed from the journal in a store, and the position in the journal.

    Args:
        store: of the journal.
        header: of the study, without the algorithm: a stored study has to agree with it.
        state: before the first event.
    """

    def __init__(self, store: Store, header: Header, state: State) -> None:
        self.store, self.header, self.state = store, header, state
        self.lock = threading.RLock()
        # The number of events that `state` includes, and the sha256 of the last one, where the store has one.
        self.count = 0
        self.last: str | None = None
        self.keys: dict[str, Event] = {}
        # The sha256 of the learned tensors: in the journal, and in `state`.
        self.learned: str | None = None
        self.restored: str | None = None
        self.stored_header: Header | None = None

    @property
    def sign(self) -> float:
        """1 where the first objective is maximized, otherwise -1."""
        return self.state.config.objectives[0].sign

    def refresh(self) -> None:
        """Replay the events that other threads and processes have appended since the last call.

        Raises:
            StoreError: the store holds another study, or it cannot be read.
        """
        with self.lock, _without_garbage_collection():
            self._check_header()
            self._replay(self.store.entries(self.count, self.last))

    def restore(self) -> None:
        """Put the last learned tensors of the journal into the state; they are read when they are first used."""
        if self.learned is not None and self.learned != self.restored:
            self.keep_tensors(StoredTensors(self.store, self.learned))

    def keep_tensors(self, tensors: Mapping[str, Any]) -> None:
        """Put learned tensors into the state, which are the last of the journal."""
        self.state, self.restored = replace(self.state, tensors=tensors), self.learned

    def write(
        self,
        change: Callable[[], Sequence[Event | None]],
        new_study: Callable[[], NewStudy],
        worker: str | None = None,
        key: str | None = None,
        tensors: bytes | None = None,
    ) -> list[Event]:
        """Append the events of a change to the journal, all of them or none, and replay them.

        Args:
            change: the events, of the state after all earlier events; no other process writes until they are appended.
            new_study: called where the store has no study yet.
            worker: of the events.
            key: of the events, if they have one key.
            tensors: a file of learned tensors, which replaces the last one.

        Returns:
            The events as the store has them.
        """
        with self.lock:
            stored = self.stored_header
            header, contents = new_study() if stored is None else (stored, [])
            with self.store.transaction(header, contents, begun=stored is not None) as writer:
                self._replay(writer.entries(self.count, self.last))
                now = time.time()
                new = [
                    replace(e, at=now, worker=worker, key=e.key if key is None else key)
                    for e in change()
                    if e is not None
                ]
                if tensors is not None:
                    name = writer.put(tensors, instead_of=self.learned)
                    new = [replace(e, data={**e.data, "tensors": name}) for e in new]
                kept = writer.append(*new)
            self.stored_header = header
            self._replay(kept)
            return kept

    def expired(self, n: int, fixed: Params) -> list[int]:
        """The ids of at most n pending trials with the fixed parameters whose lease has expired."""
        now = time.time()
        return [
            t.id for t in self.state.pending if t.lease is not None and t.lease <= now and has_values(t.params, fixed)
        ][:n]

    def asked_with(self, key: str, n: int | None, fixed: Params) -> list[int]:
        """The ids of the batch that was asked for with a key.

        Raises:
            SettingsError: the key is of another event, or of a batch of another size or with other parameters.
        """
        event = self.keys[key]
        if event.kind not in (EventType.ASKED, EventType.LEASED):
            raise SettingsError(f"key = {key!r}: something else was {event.kind.value} with it")
        if n not in (None, len(ids := events.given_out(event)), event.data.get("wanted")):
            raise SettingsError(f"key = {key!r}: {counted(len(ids), 'trial')} asked for with it before, now {n}")
        # The proposed parameters: the tried ones may differ.
        if not all(has_values(t.proposed or t.params, fixed) for t in (self.state.trials[id] for id in ids)):
            raise SettingsError(f"key = {key!r}: with that key other trials were asked for, not all with {dict(fixed)}")
        return ids

    def added_with(self, key: str, params: Params, report: Report) -> Event:
        """The event that was added with a key.

        Raises:
            TrialError: the key is of another event, or of another result.
        """
        event = self.keys[key]
        again = {**events.added(self.state, params, report, far=True).data, "id": event.data.get("id")}
        # Compared as JSON: one of the two may have been read from it.
        if event.kind is not EventType.ADDED or json.dumps(again) != json.dumps(dict(event.data)):
            raise TrialError(f"key = {key!r}: {event.kind.value} with it was {dict(event.data)}, now {again}")
        return event

    def _check_header(self) -> None:
        """Raise `StoreError` if the store holds another study, or no longer this one.

        Once there are events, the sha256 of the last one is checked in place of the header.
        """
        if self.count:
            return
        found = self.store.header()
        if self.stored_header is None and found is not None:
            check_same(self.store, found, self.header)
            self.stored_header = found
        elif found != self.stored_header:
            held = "nothing" if found is None else "another study"
            raise StoreError(f"{self.store} holds {held} in the place of the study that was open")

    def _replay(self, new: Sequence[Event]) -> None:
        self.state = replay.replay(self.state, new, self.sign)
        self.count += len(new)
        self.last = new[-1].sha256 if new else self.last
        self.keys |= {event.key: event for event in new if event.key is not None}
        self.learned = next((e.data["tensors"] for e in reversed(new) if "tensors" in e.data), self.learned)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "lock"}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        self.__dict__ |= kept
        self.lock = threading.RLock()


class StoredTensors(Mapping[str, Any]):
    """Learned tensors by name, read from a store at the first access; none if their file is missing or was changed.

    Only an `ask` uses them: a process that records results does not load PyTorch.

    Args:
        store: of the file.
        sha256: of the file.
    """

    def __init__(self, store: Store, sha256: str) -> None:
        self.store, self.sha256 = store, sha256
        self._tensors: dict[str, Any] | None = None

    def _read(self) -> dict[str, Any]:
        if self._tensors is None:
            content = self.store.content(self.sha256)
            if content is None:
                log.warning(
                    "the learned tensors (%s) are missing or were changed: the model is trained anew", self.sha256
                )
            self._tensors = {} if content is None else files.unpacked(content, self.sha256)[0]
        return self._tensors

    def __getitem__(self, name: str) -> Any:
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Without Python's garbage collector, which would traverse the events of a large study again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
