"""The reliability matrix: what each row promises, where it is tried, and what was measured.

A test says which row it belongs to by the marker `matrix`. What it measured goes with `record_property` into pytest's
report in JUnit's format, of which `tests.reliability.report` makes docs/reliability.md.
"""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

# Of each row that a test belongs to, and what it measured.
Record = Callable[[str, object], None]


def sizes(names: str, short: object, full: object) -> pytest.MarkDecorator:
    """A test in two sizes: the short one for every day, the full one for the matrix."""
    return pytest.mark.parametrize(
        names,
        [
            pytest.param(*_several(short), id="short"),
            pytest.param(*_several(full), id="full", marks=pytest.mark.slow),
        ],
    )


def _several(size: object) -> tuple[object, ...]:
    return size if isinstance(size, tuple) else (size,)


@pytest.fixture(autouse=True)
def in_the_matrix(request: pytest.FixtureRequest, record_property: Record) -> None:
    """Says in pytest's report which row a test belongs to, whether it passes or not."""
    marker = request.node.get_closest_marker("matrix")
    assert marker is not None, "a test of this folder has the marker matrix(row, promise)"
    row, promise = marker.args
    record_property("row", row)
    record_property("promise", promise)


@pytest.fixture(params=["sqlite", "postgresql"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, record_property: Record) -> str:
    """Where a study can be kept."""
    record_property("storage", request.param)
    if request.param == "sqlite":
        return str(tmp_path / "study")
    where: str = request.getfixturevalue("postgresql")
    return where


@pytest.fixture
def new_storage(storage: str, tmp_path: Path) -> Callable[[], str]:
    """Another one of the same kind at each call, without tables."""
    numbers = count()
    if "://" not in storage:
        return lambda: str(tmp_path / f"study{next(numbers)}")
    import psycopg

    address, _, folder = storage.partition("?host=")

    def new() -> str:
        another = f"{address}_{next(numbers)}"
        with psycopg.connect(f"host={folder} user=gdopt dbname=postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {another.rpartition('/')[2]}")
        return f"{another}?host={folder}"

    return new
