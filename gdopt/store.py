"""Where a study is kept between calls: its header, its journal, and files by the hash of their content."""

import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol, runtime_checkable

from gdopt.errors import StoreError
from gdopt.journal import Entry

__all__ = ["MemoryStore", "Store", "Writer", "chained", "identity"]

Header = Mapping[str, Any]


class Writer(Protocol):
    """One transaction on a study, alone: all of it or nothing is kept."""

    def entries(self, after: int) -> list[Entry]:
        """All entries but the first `after`."""
        ...

    def append(self, entry: Entry) -> None:
        """Add an entry."""
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

    def entries(self, after: int = 0) -> list[Entry]:
        """All entries but the first `after`.

        Raises:
            StoreError: what is kept was changed, or cannot be read.
        """
        ...

    def writing(self, header: Header, files: Sequence[bytes] = ()) -> AbstractContextManager[Writer]:
        """A transaction on the study, which begins with this header and these files if it has not begun.

        Raises:
            StoreError: nothing can be written; what was begun is undone.
        """
        ...

    def asking(self) -> AbstractContextManager[None]:
        """Only one at a time is in here, of all threads and processes; results are told meanwhile."""
        ...

    def content(self, sha256: str) -> bytes | None:
        """What was put; None if it is missing or was changed."""
        ...


def identity(content: bytes) -> str:
    """The sha256 of a content, as hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def chained(before: str, number: int, entry: Entry, data: str) -> str:
    """The sha256 of an entry and of all before it: it shows whether any was changed, lost or swapped.

    Args:
        before: that of the entry before; of the first one, the sha256 of the header.
        number: of the entry, from 0.
        entry: all but its data counts.
        data: as it is written.
    """
    words = (before, str(number), entry.kind.value, repr(entry.at), repr(entry.worker), repr(entry.key), "")
    found = hashlib.sha256(" ".join(words).encode())
    found.update(data.encode())
    return found.hexdigest()


class MemoryStore:
    """Keeps a study as long as the program runs."""

    def __init__(self) -> None:
        self._header: Header | None = None
        self._entries: list[Entry] = []
        self._contents: dict[str, bytes] = {}
        self._alone, self._asker = threading.RLock(), threading.RLock()

    def header(self) -> Header | None:
        """What was said of the study when it began."""
        return self._header

    def entries(self, after: int = 0) -> list[Entry]:
        """All entries but the first `after`."""
        return self._entries[after:]

    @contextmanager
    def writing(self, header: Header, files: Sequence[bytes] = ()) -> Iterator["MemoryStore"]:
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
    def asking(self) -> Iterator[None]:
        """Only one thread at a time is in here."""
        with self._asker:
            yield

    def append(self, entry: Entry) -> None:
        """Add an entry."""
        if entry.key is not None and any(entry.key == one.key for one in self._entries):
            raise StoreError(f"there is an entry with the key {entry.key!r} already")
        self._entries.append(entry)

    def put(self, content: bytes, instead_of: str | None = None) -> str:
        """Keep a content, and another one no longer."""
        found = identity(content)
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
