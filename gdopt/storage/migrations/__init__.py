"""The tables of `gdopt.storage.sql_store`, version by version, by Alembic. Each version is a file in `versions`."""

import threading
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

__all__ = ["HEAD", "HERE", "known", "upgrade", "version"]

# The last of the versions.
HEAD = "0001"
HERE = Path(__file__).parent
# Alembic's `op` and `context` are of the whole process.
ALONE = threading.Lock()
VERSION = sa.table("alembic_version", sa.column("version_num"))


def version(connection: Connection) -> str | None:
    """Of which version the tables are; None if there are none."""
    if not sa.inspect(connection).has_table(VERSION.name):
        return None
    found: str | None = connection.scalar(sa.select(VERSION.c.version_num))
    return found


def known(version: str) -> bool:
    """Whether there is a way from a version to the last one."""
    return any(path.name.startswith(f"{version}_") for path in (HERE / "versions").glob("*.py"))


def upgrade(connection: Connection) -> None:
    """Bring the tables to the last version, within the connection's transaction."""
    # Imported here: it takes a quarter of a second and is needed once in a study's life.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.attributes["connection"] = connection
    with ALONE:
        command.upgrade(config, "head")
