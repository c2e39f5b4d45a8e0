"""Connections to SQLite and PostgreSQL."""

import sqlite3
import uuid
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from gdopt import files
from gdopt.errors import MissingExtraError, StoreError
from gdopt.storage import migrations

__all__ = ["ALONE", "APPLICATION", "WRITES", "copy_of", "engine_of", "make_file", "url_of"]

# What a study is called that has its database for itself.
ALONE = "study"
# Seconds that a transaction waits for another one to end.
PATIENCE = 60.0
# The first version of SQLite whose write-ahead log has no race that corrupts the file (before: "WAL-reset").
SAFE_LOG = (3, 51, 3)
# The option of a connection whose transaction writes.
WRITES = "gdopt_writes"
# Says of an SQLite file that it is gdopt's: "gdop" in ASCII.
APPLICATION = 0x67646F70


def url_of(where: str | Path) -> URL:
    """The URL of a file of SQLite or of a PostgreSQL database."""
    if "://" not in str(where):
        return URL.create("sqlite", database=str(where))
    try:
        url = make_url(str(where))
    except (SQLAlchemyError, ValueError) as error:
        raise StoreError(f"{str(where)!r} is no URL: expected postgresql://user@host/database") from error
    if url.get_backend_name() != "postgresql":
        raise StoreError(
            f"cannot keep a study in {url.render_as_string()}: expected the path of a file, or postgresql://"
        )
    return url.set(drivername="postgresql+psycopg")


def engine_of(url: URL) -> Engine:
    """An engine without a pool: threads and forks share no connection."""
    if url.get_backend_name() == "postgresql":
        try:
            return sa.create_engine(url, poolclass=NullPool)
        except ImportError as error:
            raise MissingExtraError("PostgreSQL needs its driver: pip install 'gdopt[postgresql]'") from error
    engine = sa.create_engine(url, poolclass=NullPool, connect_args={"timeout": PATIENCE})

    @sa.event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, record: object) -> None:
        # The driver would begin transactions late and by itself; they begin where `begin` says.
        connection.isolation_level = None
        # A result is on the disk when tell() returns, even if the power fails then. FULL would not force the folder to
        # disk after the rollback journal is deleted: with the journal back, the transaction would be rolled back.
        connection.execute("PRAGMA synchronous = EXTRA")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # At once, so that two that read before they write cannot wait for each other.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(WRITES) else "BEGIN")

    return engine


def copy_of(path: Path, to: Path, check: Callable[[Path], None] = lambda part: None) -> None:
    """Copy an SQLite file while others may use it; the copy is checked, and then gets its name."""
    part = to.with_name(f".{to.name}.{uuid.uuid4().hex}")
    try:
        with closing(sqlite3.connect(path, timeout=PATIENCE)) as old, closing(sqlite3.connect(part)) as new:
            old.backup(new)
        check(part)
        part.replace(to)
        files.sync_folder(to.parent)
    finally:
        part.unlink(missing_ok=True)


def make_file(path: Path) -> None:
    """An SQLite file with the tables, unless there is one by now.

    It is made elsewhere and gets its name when it is whole: so an empty file is always one that was cut short.
    """
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with engine_of(url_of(part)).connect() as connection:
            migrations.upgrade(connection)
            connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION}")
            connection.commit()
            if sqlite3.sqlite_version_info >= SAFE_LOG:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        with suppress(FileExistsError):
            path.hardlink_to(part)
        files.sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)
