"""The tables of a study."""

import sqlalchemy as sa

__all__ = ["CONTENT", "ENTRY", "STUDY", "TABLES"]

TABLES = sa.MetaData()
STUDY = sa.Table(
    "study",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("header", sa.Text, nullable=False),
    # How many entries there are, and the sha256 of the last one, which stands for all of them.
    sa.Column("entries", sa.Integer, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
)
ENTRY = sa.Table(
    "entry",
    TABLES,
    sa.Column("study", sa.Integer, sa.ForeignKey("study.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    # Double precision, so that PostgreSQL keeps every bit.
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("worker", sa.Text),
    sa.Column("key", sa.Text),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.UniqueConstraint("study", "key"),
)
CONTENT = sa.Table(
    "content",
    TABLES,
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("bytes", sa.LargeBinary, nullable=False),
)
