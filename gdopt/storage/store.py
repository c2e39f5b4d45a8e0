"""Where a study is kept between calls: its header, its journal, and files by the hash of their content."""

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
    """One transaction on a study, alone: all of it or nothing is kept."""

    def entries(self, after: int, last: str | None = None) -> list[Event]:
        """All entries but the first `after`, as `Store.entries`."""
        ...

    def append(self, *entries: Event) -> list[Event]:
        """The entries as they read back, which are kept from now on.

        Raises:
            StoreError: an entry would read back as another one; nothing is kept.
        """
        ...

    def put(self, content: bytes, instead_of: str | None = None) -> str:
        """The sha256 of a content that is kept from now on, and another one no longer."""
        ...


@runtime_checkable
class Store(Protocol):
    """Keeps one study, for any number of threads and processes."""

    def header(self) -> Header | None:
        """What was said of the study when it began; None if it has not begun."""
        ...

    def entries(self, after: int = 0, last: str | None = None) -> list[Event]:
        """All entries but the first `after`.

        Args:
            after: entries that are known already.
            last: the sha256 of the last known entry; None if it is not known.

        Raises:
            StoreError: the journal was changed or cannot be read, or its known part is that of another study.
        """
        ...

    def transaction(
        self, header: Header, files: Sequence[bytes] = (), *, begun: bool = False
    ) -> AbstractContextManager[Writer]:
        """A transaction on the study.

        Args:
            header: of the study.
            files: that are kept with the header when the study begins.
            begun: whether the study has begun already; if not, it begins with this transaction.

        Raises:
            StoreError: nothing can be written, or the study has begun and is gone; the transaction is undone.
        """
        ...

    def ask_lock(self) -> AbstractContextManager[None]:
        """Only one at a time is in here, of all threads and processes; results are told meanwhile."""
        ...

    def content(self, sha256: str) -> bytes | None:
        """What was put; None if it is missing or was changed."""
        ...


def content_hash(content: bytes) -> str:
    """The sha256 of a content, as hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def chain_hash(before: str, number: int, entry: Event, data: str) -> str:
    """The sha256 of an entry and of all before it: it shows whether any was changed, lost or swapped.

    Args:
        before: that of the entry before; of the first one, the sha256 of the header.
        number: of the entry, from 0.
        entry: all but its data counts.
        data: as it is written.
    """
    return _digest(before, number, entry, repr(entry.worker), repr(entry.key), data)


def _digest(before: str, number: int, entry: Event, worker: str, key: str, data: str) -> str:
    words = (before, str(number), entry.kind.value, repr(entry.at), worker, key, "")
    found = hashlib.sha256(" ".join(words).encode())
    found.update(data.encode())
    return found.hexdigest()


def is_chained(sha256: str, before: str, number: int, entry: Event, data: str) -> bool:
    """Whether a sha256 is that of an entry and of all before it.

    A worker or a key that was no plain string, such as a number, a date or a member of a `StrEnum`, was once hashed as
    Python writes that object, and is kept as text: its possible spellings count too. Members of an enumeration are
    recognized in programs that have imported it.

    Args:
        sha256: as it was kept.
        before, number, entry, data: as `chained` takes them.
    """
    if sha256 == chain_hash(before, number, entry, data):
        return True
    spelled = product(_spellings(entry.worker), _spellings(entry.key))
    return any(sha256 == _digest(before, number, entry, worker, key, data) for worker, key in spelled)


def _spellings(text: str | None) -> list[str]:
    """How Python may have written the object that is kept as this text."""
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
    """The enumerations of strings that are known to this program."""
    for one in kind.__subclasses__():
        if issubclass(one, str):
            yield one
        yield from _enumerations(one)


class MemoryStore:
    """Keeps a study as long as the program runs."""

    def __init__(self) -> None:
        self._header: Header | None = None
        self._entries: list[Event] = []
        self._contents: dict[str, bytes] = {}
        self._alone, self._asker = threading.RLock(), threading.RLock()

    def header(self) -> Header | None:
        """What was said of the study when it began."""
        return self._header

    def entries(self, after: int = 0, last: str | None = None) -> list[Event]:
        """All entries but the first `after`; nobody else can have changed those."""
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
        """Only one thread at a time is in here."""
        with self._asker:
            yield

    def append(self, *entries: Event) -> list[Event]:
        """The entries as a file would give them back."""
        keys = [entry.key for entry in entries if entry.key is not None]
        # Looked for only where there is a key: most entries have none.
        known = {one.key for one in self._entries} if keys else set()
        for key in keys:
            if key in known:
                raise StoreError(f"there is an entry with the key {key!r} already")
            known.add(key)
        kept = [replace(entry, data=json.loads(json.dumps(entry.data, allow_nan=False))) for entry in entries]
        self._entries += kept
        return kept

    def put(self, content: bytes, instead_of: str | None = None) -> str:
        """Keep a content, and another one no longer."""
        found = content_hash(content)
        self._contents[found] = content
        if instead_of is not None and instead_of != found:
            self._contents.pop(instead_of, None)
        return found

    def content(self, sha256: str) -> bytes | None:
        """What was put."""
        return self._contents.get(sha256)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("_alone", "_asker")}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        self.__dict__ |= kept
        self._alone, self._asker = threading.RLock(), threading.RLock()
