"""Storage of a study: its header, its journal of events, and files by the hash of their content."""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from datetime import date, datetime
from enum import Enum
from itertools import product
from typing import Any, Protocol, runtime_checkable

from gdopt.errors import StoreError
from gdopt.storage.events import Event

__all__ = ["Header", "MemoryStore", "Store", "Writer", "chain_hash", "content_hash", "is_chained"]

Header = Mapping[str, Any]


class Writer(Protocol):
    """An exclusive transaction on a study: all of it is stored or nothing."""

    def entries(self, after: int, last: str | None = None) -> list[Event]:
        """All events after the first ones, as `Store.entries`."""
        ...

    def append(self, *entries: Event) -> list[Event]:
        """Append events to the journal; returns them as they are read back.

        Raises:
            StoreError: an event would be read back differently; nothing is stored.
        """
        ...

    def put(self, content: bytes, instead_of: str | None = None) -> str:
        """Store a file, and delete another one; returns the sha256 of the stored file."""
        ...


@runtime_checkable
class Store(Protocol):
    """The storage of one study, for any number of threads and processes."""

    def header(self) -> Header | None:
        """The header of the study; None if there is no study yet."""
        ...

    def entries(self, after: int = 0, last: str | None = None) -> list[Event]:
        """All events after the first ones.

        Args:
            after: the number of events to skip.
            last: the sha256 of the last skipped event, which is compared; None if it is unknown.

        Raises:
            StoreError: the journal was changed or cannot be read, or the skipped events are of another study.
        """
        ...

    def transaction(
        self, header: Header, files: Sequence[bytes] = (), *, begun: bool = False
    ) -> AbstractContextManager[Writer]:
        """A transaction on the study.

        Args:
            header: of the study.
            files: that are stored with the header of a new study.
            begun: whether the study is stored already; if not, it begins with this transaction.

        Raises:
            StoreError: nothing can be written, or the stored study is gone; the transaction is rolled back.
        """
        ...

    def ask_lock(self) -> AbstractContextManager[None]:
        """A lock for one `ask` at a time, of all threads and processes; results can be recorded meanwhile."""
        ...

    def content(self, sha256: str) -> bytes | None:
        """The content of a stored file; None if it is missing or was changed."""
        ...


def content_hash(content: bytes) -> str:
    """The sha256 of a content, as hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def chain_hash(before: str, number: int, entry: Event, data: str) -> str:
    """The sha256 of an event and all earlier ones: it shows whether one was changed, lost or reordered.

    Args:
        before: the sha256 of the event before; for the first event, the sha256 of the header.
        number: of the event, from 0.
        entry: the event; its data are not used.
        data: of the event, as they are written.
    """
    return _digest(before, number, entry, repr(entry.worker), repr(entry.key), data)


def _digest(before: str, number: int, entry: Event, worker: str, key: str, data: str) -> str:
    words = (before, str(number), entry.kind.value, repr(entry.at), worker, key, "")
    found = hashlib.sha256(" ".join(words).encode())
    found.update(data.encode())
    return found.hexdigest()


def is_chained(sha256: str, before: str, number: int, entry: Event, data: str) -> bool:
    """Whether a sha256 is of an event and all earlier ones.

    Earlier versions hashed a worker or a key that was not a plain string, such as a number, a date or a member of a
    `StrEnum`, by its `repr` and stored it as text: the possible spellings are tried too. Members of an enumeration are
    recognized in programs that have imported it.

    Args:
        sha256: as it is stored.
        before, number, entry, data: as of `chain_hash`.
    """
    if sha256 == chain_hash(before, number, entry, data):
        return True
    spelled = product(_spellings(entry.worker), _spellings(entry.key))
    return any(sha256 == _digest(before, number, entry, worker, key, data) for worker, key in spelled)


def _spellings(text: str | None) -> list[str]:
    """The possible `repr`s of the object that is stored as this text."""
    if not isinstance(text, str):
        return [repr(text)]
    found = [repr(text), text, f"np.str_({text!r})", f"np.float64({text})"]
    # SQLite keeps True as 1.
    found += {"1": ["True"], "0": ["False"]}.get(text, [])
    for kind in (date, datetime):
        with suppress(ValueError):
            found.append(repr(kind.fromisoformat(text)))
    return found + [repr(one) for kind in _enumerations(Enum) for one in kind if one.value == text]


def _enumerations(kind: type[Enum]) -> Iterator[type[Enum]]:
    """The enumerations of strings in this program."""
    for one in kind.__subclasses__():
        if issubclass(one, str):
            yield one
        yield from _enumerations(one)


class MemoryStore:
    """The storage of a study in memory."""

    def __init__(self) -> None:
        self._header: Header | None = None
        self._entries: list[Event] = []
        self._contents: dict[str, bytes] = {}
        self._alone, self._asker = threading.RLock(), threading.RLock()

    def header(self) -> Header | None:
        """The header of the study."""
        return self._header

    def entries(self, after: int = 0, last: str | None = None) -> list[Event]:
        """All events after the first ones; no other process can have changed those."""
        return self._entries[after:]

    @contextmanager
    def transaction(
        self, header: Header, files: Sequence[bytes] = (), *, begun: bool = False
    ) -> Iterator["MemoryStore"]:
        """A transaction on the study."""
        with self._alone:
            before = (self._header, len(self._entries), dict(self._contents))
            if self._header is None:
                self._header = header
                for content in files:
                    self.put(content)
            try:
                yield self
            except BaseException:
                self._header, count, self._contents = before
                del self._entries[count:]
                raise

    @contextmanager
    def ask_lock(self) -> Iterator[None]:
        """A lock for one thread at a time."""
        with self._asker:
            yield

    def append(self, *entries: Event) -> list[Event]:
        """Append events; returns them as a file would read them back."""
        keys = [entry.key for entry in entries if entry.key is not None]
        # Searched only where there is a key: most events have none.
        known = {one.key for one in self._entries} if keys else set()
        for key in keys:
            if key in known:
                raise StoreError(f"there is an entry with the key {key!r} already")
            known.add(key)
        kept = [replace(entry, data=json.loads(json.dumps(entry.data, allow_nan=False))) for entry in entries]
        self._entries += kept
        return kept

    def put(self, content: bytes, instead_of: str | None = None) -> str:
        """Store a file, and delete another one; returns its sha256."""
        found = content_hash(content)
        self._contents[found] = content
        if instead_of is not None and instead_of != found:
            self._contents.pop(instead_of, None)
        return found

    def content(self, sha256: str) -> bytes | None:
        """The content of a stored file."""
        return self._contents.get(sha256)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("_alone", "_asker")}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        self.__dict__ |= kept
        self._alone, self._asker = threading.RLock(), threading.RLock()
