"""Power failures: what returned is on the disk, names of files too. Shown by the order of system calls."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gdopt import files
from tests.reliability.conftest import Record

pytestmark = pytest.mark.matrix("R21", "power fails after a call returned: data and names of files were forced to disk")
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace: apt-get install strace")
TOLD = """
import sys
from gdopt.study.study import Study
study = Study.load(sys.argv[1])
study.tell(0, 0.75)
print("told")
"""
BEGUN = """
import sys, gdopt
line = gdopt.Space([gdopt.Real("x", 0, 1)])
gdopt.Study(line, direction="maximize", algorithm=gdopt.RandomSearch(), storage=sys.argv[1]).ask()
"""


def run(code: str, path: Path, *before: str) -> str:
    """The error stream of a program of its own."""
    command = [*before, sys.executable, "-c", code, str(path)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    if before and ended.returncode != 0 and "ptrace" in ended.stderr:
        pytest.skip("needs to be allowed to trace a process")
    assert ended.returncode == 0, ended.stderr
    return ended.stderr


@needs_strace
def test_the_folder_is_forced_to_disk_after_the_journal_is_deleted(tmp_path: Path, record_property: Record) -> None:
    path = tmp_path / "study"
    run(BEGUN, path)
    calls = run(TOLD, path, "strace", "-f", "-y", "-e", "trace=unlink,unlinkat,fsync,fdatasync,write")
    assert "unlink" in calls, "the journal mode is another one"
    deleted = max(m.end() for m in re.finditer(r"unlink(at)?\(.*study-journal", calls))
    returned = calls.index("told", deleted)
    assert re.search(rf"f(data)?sync\(\d+<{re.escape(str(tmp_path))}>", calls[deleted:returned])
    record_property("size", "a tell, traced")
    record_property("measured", "the folder is forced to disk after the journal's end and before the call returns")


@needs_strace
def test_a_new_study_has_its_name_on_the_disk(tmp_path: Path, record_property: Record) -> None:
    calls = run(BEGUN, tmp_path / "study", "strace", "-f", "-y", "-e", "trace=link,linkat,fsync,fdatasync")
    linked = max(m.end() for m in re.finditer(r"link(at)?\(", calls))
    assert re.search(rf"fsync\(\d+<{re.escape(str(tmp_path))}>", calls[linked:])
    record_property("size", "a study begun, traced")
    record_property("measured", "the folder is forced to disk after the file got its name")


def test_a_file_gets_its_name_before_its_folder_is_forced_to_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Record
) -> None:
    seen: list[tuple[str, bool]] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        name = Path(f"/proc/self/fd/{descriptor}").resolve().name
        seen.append(("folder" if name == tmp_path.name else "file", (tmp_path / "prior").exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    files.put(tmp_path / "prior", b"content")
    assert seen == [("file", False), ("folder", True)]
    record_property("size", "a prior, a report or a plate written")
    record_property("measured", "the content is forced to disk, then the name")
