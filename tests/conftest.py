"""Shared by all tests."""

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import numpy as np
import pytest
import torch

from gdopt.surrogates import gp

# The same examples in every run, and no clock.
hypothesis.settings.register_profile("gdopt", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("gdopt")


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def untouched_random_state() -> Iterator[None]:
    """Fails the test if it moves a global random state; Python's own is moved by beartype, which checks at random."""

    def states() -> tuple[object, ...]:
        return torch.get_rng_state().tolist(), str(np.random.get_state())  # noqa: NPY002

    before = states()
    yield
    assert states() == before


@pytest.fixture(scope="module")
def quick_fits() -> Iterator[None]:
    """Gaussian processes are fitted in ten iterations, which halves the time of an `ask`.

    For tests that hold however good the fit is: of contracts, of storage, of what other libraries are told.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gp, "ITERATIONS", 10)
        yield


# Where Debian puts the server's programs, which are not on the path.
DEBIAN = Path("/usr/lib/postgresql")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Path]:
    """The folder of the socket of a PostgreSQL server of its own, which ends with the tests."""
    found = shutil.which("initdb") or next((str(p) for p in sorted(DEBIAN.glob("*/bin/initdb"))), None)
    if found is None:
        pytest.skip("needs PostgreSQL's server: apt-get install postgresql")
    programs = Path(found).resolve().parent
    # It refuses to run as root.
    user = "nobody" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="gdopt-pg-") as name:
        folder = Path(name)
        if user is not None:
            shutil.chown(folder, user)
        data = folder / "data"
        as_user = {"user": user, "cwd": folder, "check": True, "stdout": subprocess.DEVNULL}
        subprocess.run([programs / "initdb", "-D", data, "-A", "trust", "-U", "gdopt", "-N"], **as_user)
        options = f"-k {folder} -c listen_addresses= -c fsync=on"
        log = folder / "log"
        subprocess.run([programs / "pg_ctl", "-D", data, "-w", "-l", log, "-o", options, "start"], **as_user)
        yield folder
        subprocess.run([programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"], **as_user)


@pytest.fixture
def postgresql(postgresql_server: Path) -> str:
    """The URL of a database of the test's own."""
    import psycopg

    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(f"host={postgresql_server} user=gdopt dbname=postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"postgresql://gdopt@/{name}?host={postgresql_server}"
