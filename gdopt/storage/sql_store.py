"""A study in a database: one file of SQLite, or PostgreSQL for several machines.

Every call opens a connection of its own and closes it, so that threads, processes and forks share none.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa
from filelock import FileLock
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from gdopt.errors import StoreError
from gdopt.storage import migrations
from gdopt.storage.events import Event, EventType
from gdopt.storage.sql_engine import ALONE, APPLICATION, WRITES, copy_of, engine_of, make_file, url_of
from gdopt.storage.sql_schema import CONTENT, ENTRY, STUDY
from gdopt.storage.store import Header, chain_hash, content_hash, is_chained

__all__ = ["SqlStore"]

# Entries that are fetched at once.
FETCHED = 1000


class Begun(NamedTuple):
    """What the database says of a study: how many entries it has, and the sha256 of the last."""

    id: int
    header: str
    entries: int
    sha256: str


class SqlStore:
    """One study of a database. A file is made when there is something to keep.

    Args:
        where: the path of an SQLite file, or an URL such as postgresql://user@host/database.
        name: of the study, if the database holds several.

    Raises:
        StoreError: the file's folder is missing, there can be no such file or URL, the file is not gdopt's, or the
            database is of a newer version.
        MissingExtraError: the driver of PostgreSQL is not installed.
    """

    def __init__(self, where: str | Path, name: str = ALONE) -> None:
        self.name = name
        self.path = None if "://" in str(where) else Path(where)
        if "\0" in f"{where}{name}":
            raise StoreError(f"cannot keep a study in {str(where)!r} as {name!r}: a name has no zero bytes")
        self.url = url_of(where)
        if self.path is not None:
            with self._spoken("read"):
                is_there = self.path.parent.is_dir()
            if not is_there:
                raise StoreError(f"cannot keep a study in {self.path}: there is no folder {self.path.parent}")
        self._engine = engine_of(self.url)
        self._made = False

    @property
    def _lock(self) -> Path:
        """Beside the file, as SQLite's own locks would keep others from telling; the same for all links to the file."""
        assert self.path is not None
        real = self.path.resolve()
        return real.with_name(f".{real.name}.asking")

    def __str__(self) -> str:
        where = str(self.path or self.url.render_as_string())
        return where if self.name == ALONE else f"{where}#{self.name}"

    def header(self) -> Header | None:
        """What was said of the study when it began; None if it has not begun."""
        if not self._exists():
            return None
        with self._reading() as connection:
            row = self._row(connection)
            if row is None:
                self._check_pages(connection)
                return None
            self._read(connection, row, 0, most=1)
        header: Header = json.loads(row.header)
        return header

    def entries(self, after: int = 0, last: str | None = None) -> list[Event]:
        """All entries but the first `after`.

        Args:
            after: entries that are known already.
            last: the sha256 of the last known entry; None if it is not known.

        Raises:
            StoreError: the journal was changed or cannot be read, or its known part is that of another study.
        """
        if not self._exists():
            if after:
                raise self._gone()
            return []
        with self._reading() as connection:
            row = self._row(connection)
            if row is None and after:
                raise self._gone()
            return [] if row is None else self._read(connection, row, after, last)

    @contextmanager
    def transaction(
        self, header: Header, files: Sequence[bytes] = (), *, begun: bool = False
    ) -> Iterator["Transaction"]:
        """A transaction on the study, as `gdopt.storage.store.Store.writing`."""
        with self._spoken("write"):
            if not self._exists():
                if begun:
                    raise self._gone()
                self._make()
            with self._transaction() as connection:
                row = self._row(connection, alone=True)
                if row is None:
                    if begun:
                        raise self._gone()
                    row = self._begin(connection, header, files)
                if json.loads(row.header) != header:
                    raise self._replaced("it holds a study of something else")
                yield Transaction(self, connection, row)

    @contextmanager
    def ask_lock(self) -> Iterator[None]:
        """Only one at a time is in here, of all threads and processes: a lock that dies with who holds it."""
        with ExitStack() as held:
            # Errors of what is done under the lock are not the database's.
            with self._spoken("write"):
                if self.path is None:
                    self._lock_server(held)
                else:
                    self._lock.touch()  # says what is wrong where FileLock would wait
                    held.enter_context(FileLock(self._lock))
            yield

    def _lock_server(self, held: ExitStack) -> None:
        """Take the lock of the server's that all who ask for this study share."""
        connection = held.enter_context(self._engine.connect()).execution_options(isolation_level="AUTOCOMMIT")
        number = int(content_hash(f"gdopt {self.name}".encode())[:15], 16)
        connection.execute(sa.select(sa.func.pg_advisory_lock(number)))

    def content(self, sha256: str) -> bytes | None:
        """What was put; None if it is missing or was changed."""
        if not self._exists():
            return None
        with self._reading() as connection:
            found: bytes | None = connection.scalar(sa.select(CONTENT.c.bytes).where(CONTENT.c.sha256 == sha256))
        return found if found is not None and content_hash(found) == sha256 else None

    def check(self) -> None:
        """Read everything once: pages, entries of all studies of a file, and tensors.

        Raises:
            StoreError: something was changed or is missing.
        """
        if not self._exists():
            return
        with self._reading() as connection:
            self._check_pages(connection)
            self._check_contents(connection)
            names = [self.name] if self.path is None else connection.scalars(sa.select(STUDY.c.name)).all()
        for name in names:
            entries = SqlStore(self.path or self.url.render_as_string(hide_password=False), name).entries()
            learned = next((e.data["tensors"] for e in reversed(entries) if "tensors" in e.data), None)
            if learned is not None and self.content(learned) is None:
                raise StoreError(f"{self}: the tensors {learned} that study {name!r} has learned are missing")

    def _check_contents(self, connection: Connection) -> None:
        """Raise `StoreError` if priors, tables or learned tensors were changed."""
        query = sa.select(CONTENT.c.sha256, CONTENT.c.bytes).execution_options(yield_per=1)
        if changed := [sha256 for sha256, content in connection.execute(query) if content_hash(content) != sha256]:
            raise StoreError(f"{self}: the contents {changed} were changed after they were written")

    def backup(self, to: Path) -> None:
        """Write a copy of the file as of one moment, checked, while others may write to the original.

        Args:
            to: the copy, which must not exist.

        Raises:
            StoreError: there is no such study, the copy exists already or cannot be written, the file is damaged, or
                the study is kept in PostgreSQL, whose own `pg_dump` makes copies.
        """
        if self.path is None:
            raise StoreError(f"{self}: a database of PostgreSQL is copied by pg_dump; expected the path of a file")
        if self.header() is None:
            raise StoreError(f"there is no study {self.name!r} in {self}")
        try:
            to.touch(exist_ok=False)
        except FileExistsError:
            raise StoreError(f"{to} is there already: choose another name for the copy") from None
        except OSError as error:
            raise StoreError(f"cannot write {to}: {error.strerror}") from error
        try:
            with self._spoken("copy"):
                copy_of(self.path, to, check=lambda part: SqlStore(part, self.name).check())
        except BaseException:
            to.unlink(missing_ok=True)
            raise

    def _check_pages(self, connection: Connection) -> None:
        """Raise `StoreError` if the file is damaged: a study may only seem not to be there."""
        if self.path is not None:
            said = connection.exec_driver_sql("PRAGMA integrity_check").scalar()
            if said != "ok":
                raise StoreError(f"{self} is damaged: {said}")

    def _exists(self) -> bool:
        """Whether there is a database with gdopt's tables, of this version after the call."""
        with self._spoken("read"):
            if self.path is not None and not self.path.exists():
                return False
            if self._made:
                return True
            if self.path is not None and self.path.is_file() and self.path.stat().st_size == 0:
                raise StoreError(f"{self} is empty: expected a study")
            with self._engine.connect() as connection:
                found = migrations.version(connection)
        if found is None and self.path is not None:
            raise StoreError(f"{self} is a database of another program")
        if found is not None and found != migrations.HEAD:
            self._migrate(found)
        self._made = found is not None
        return self._made

    def _make(self) -> None:
        """The tables; of two processes that make them at once, one does."""
        if self.path is None:
            with self._transaction() as connection:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(APPLICATION)))
                if migrations.version(connection) is None:
                    migrations.upgrade(connection)
            return
        make_file(self.path)

    def _migrate(self, found: str) -> None:
        """Bring tables of an older version up to this one, a copy of the file beside it.

        Raises:
            StoreError: they are of a newer version.
        """
        if not migrations.known(found):
            raise StoreError(f"{self} was written by a newer gdopt (tables {found}, this one has {migrations.HEAD})")
        with self._spoken("migrate"), self._transaction() as connection:
            if self.path is None:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(APPLICATION)))
            # Of two processes that find the old tables, one brings them up, and the copy is of what it found.
            if migrations.version(connection) == found:
                if self.path is not None:
                    copy_of(self.path, self.path.with_name(f"{self.path.name}.before-{migrations.HEAD}"))
                migrations.upgrade(connection)

    def _begin(self, connection: Connection, header: Header, files: Sequence[bytes]) -> Begun:
        """The study, which begins here unless it has begun meanwhile: a row that is not there cannot be locked."""
        if self.path is None:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(APPLICATION)))
            if (row := self._row(connection, alone=True)) is not None:
                return row
        text = json.dumps(header, allow_nan=False)
        connection.execute(
            STUDY.insert().values(name=self.name, header=text, entries=0, sha256=content_hash(text.encode()))
        )
        for content in files:
            _put(connection, content)
        row = self._row(connection)
        assert row is not None
        return row

    def _row(self, connection: Connection, alone: bool = False) -> Begun | None:
        query = sa.select(*(STUDY.c[name] for name in Begun._fields)).where(STUDY.c.name == self.name)
        # SQLite ignores the lock of a row: a transaction that writes has the whole file.
        found = connection.execute(query.with_for_update() if alone else query).one_or_none()
        return None if found is None else Begun(*found)

    def _read(
        self, connection: Connection, row: Begun, after: int, last: str | None = None, most: int | None = None
    ) -> list[Event]:
        """The entries, at most some of them, checked against the sha256 of each and of the last."""
        if after > row.entries:
            raise self._replaced(f"it has {row.entries} entries where there were {after}")
        before = content_hash(row.header.encode())
        if after:
            query = sa.select(ENTRY.c.sha256).where(ENTRY.c.study == row.id, ENTRY.c.number == after - 1)
            before = connection.execute(query).scalar_one()
        if last is not None and before != last:
            raise self._replaced(f"its entry {after - 1} is another one")
        columns = (ENTRY.c[name] for name in ("number", "kind", "at", "worker", "key", "data", "sha256"))
        query = sa.select(*columns).where(ENTRY.c.study == row.id, ENTRY.c.number >= after)
        query = query.order_by(ENTRY.c.number).limit(most).execution_options(yield_per=FETCHED)
        found = []
        for expected, (number, kind, at, worker, key, data, sha256) in enumerate(connection.execute(query), after):
            try:
                entry = Event(EventType(kind), _parsed(data), at, worker, key, sha256)
                right = number == expected and is_chained(sha256, before, number, entry, data)
            except (TypeError, ValueError) as error:
                raise self._changed(expected) from error
            if not right:
                raise self._changed(expected)
            before = sha256
            found.append(entry)
        if most is not None and after + most < row.entries:
            whole = len(found) == most
        else:
            whole = after + len(found) == row.entries and before == row.sha256
        if not whole:
            raise self._changed(after + len(found))
        return found

    def _changed(self, number: int) -> StoreError:
        return StoreError(f"{self} was changed after it was written: entry {number} does not match its sha256")

    def _gone(self) -> StoreError:
        return StoreError(f"{self} is gone: put the file back, or open another study")

    def _replaced(self, how: str) -> StoreError:
        return StoreError(
            f"{self} is not the study that was open, {how}: it was replaced by an older copy or another study. "
            "Put the right file back, or open the study anew to go on with this one"
        )

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._spoken("read"), self._engine.connect() as connection:
            if self.path is None:
                # The study's row and its entries as of one moment.
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def _spoken(self, verb: str) -> Iterator[None]:
        """Errors of the database and of the disk as gdopt's own."""
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error, OSError, UnicodeError) as error:
            cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
            said = cause.strerror if isinstance(cause, OSError) else str(cause).strip()
            raise StoreError(f"cannot {verb} {self}: {said}") from error

    def __getstate__(self) -> dict[str, Any]:
        return {"where": str(self.path or self.url.render_as_string(hide_password=False)), "name": self.name}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        self.__init__(kept["where"], kept["name"])  # type: ignore[misc]  # an engine cannot be pickled


class Transaction:
    """What `SqlStore.writing` gives: alone with the study until it ends."""

    def __init__(self, store: SqlStore, connection: Connection, row: Begun) -> None:
        self._store, self._connection, self._row = store, connection, row

    def entries(self, after: int, last: str | None = None) -> list[Event]:
        """All entries but the first `after`, as `SqlStore.entries`."""
        return self._store._read(self._connection, self._row, after, last)

    def append(self, *entries: Event) -> list[Event]:
        """The entries as they read back, each of which stands for all before it.

        Raises:
            StoreError: an entry would read back as another one; the transaction is undone.
        """
        if not entries:
            return []
        first, rows, digest = self._row, [], self._row.sha256
        for number, entry in enumerate(entries, first.entries):
            text = json.dumps(entry.data, allow_nan=False)
            digest = chain_hash(digest, number, entry, text)
            rows.append({
                "study": first.id, "number": number, "kind": entry.kind.value, "at": entry.at,
                "worker": entry.worker, "key": entry.key, "data": text, "sha256": digest,
            })  # fmt: skip
        self._connection.execute(ENTRY.insert(), rows)
        self._row = first._replace(entries=first.entries + len(rows), sha256=digest)
        self._connection.execute(
            STUDY.update().where(STUDY.c.id == first.id).values(entries=self._row.entries, sha256=digest)
        )
        kept = self.entries(first.entries, first.sha256)
        for given, one in zip(entries, kept, strict=True):
            # The sha256 of a number as a key is found again, but the key is not: it would come back as text.
            if (given.worker, given.key) != (one.worker, one.key):
                raise StoreError(f"cannot keep worker = {given.worker!r}, key = {given.key!r}: expected text")
        return kept

    def put(self, content: bytes, instead_of: str | None = None) -> str:
        """Keep a content, and another one no longer."""
        found = _put(self._connection, content)
        if instead_of is not None and instead_of != found:
            self._connection.execute(CONTENT.delete().where(CONTENT.c.sha256 == instead_of))
        return found


def _parsed(text: str) -> dict[str, Any]:
    """What an entry says, three times as fast as by `json`, which alone reads half of a surrogate pair."""
    try:
        found: dict[str, Any] = orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeError):
        found = json.loads(text)
    return found


def _put(connection: Connection, content: bytes) -> str:
    found = content_hash(content)
    if connection.scalar(sa.select(sa.func.count()).where(CONTENT.c.sha256 == found)) == 0:
        connection.execute(CONTENT.insert().values(sha256=found, bytes=content))
    return found
