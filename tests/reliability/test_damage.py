"""What is not as it should be: input, files, disks, permissions, versions, and files that somebody made to do harm."""

import json
import os
import pickle
import random
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

import gdopt
from gdopt import GdoptError, StoreError
from gdopt.storage import migrations
from gdopt.storage.events import Event, EventType
from gdopt.storage.sql_store import SqlStore
from gdopt.storage.store import chain_hash, content_hash
from gdopt.study.study import Study
from tests.reliability import children
from tests.reliability.children import STOPPED
from tests.reliability.conftest import Record, sizes
from tests.strategies import MIXED, drive, guided, quick_prior, unchecked

FIXTURES = Path(__file__).parent / "fixtures"


def begun(path: Path, **settings: Any) -> Study:
    """A study of random designs, with results."""
    study = Study(
        MIXED, direction="minimize", objective="y", outcome_constraints=["c <= 2"], algorithm=gdopt.RandomSearch(),
        storage=path, seed=3, **settings,
    )  # fmt: skip
    study.ask(4, key="plate", worker="robot")
    study.tell({0: {"y": 1 / 3, "c": (1.0, 0.5)}, 1: 2.0})
    study.fail(2, reason="clogged")
    return study


def dump(path: Path) -> str:
    """The sha256 of all that is in a file of SQLite."""
    with closing(sqlite3.connect(path)) as connection:
        return content_hash("\n".join(connection.iterdump()).encode())


# R8

NASTY = st.sampled_from(
    [
        float("nan"), float("inf"), float("-inf"), 10**400, -(10**400), 1e308, None, "", "1,5", "nan", True, b"1", 1j,
        [], [1.0], {}, {"y": float("nan")}, {"y": None}, {"Y": 1.0}, {"y": (1.0, -1.0)}, {"c": "low"}, (1.0,),
        (1.0, 2.0, 3.0), (float("nan"), 1.0), (1.0, float("inf")), {"": 1.0}, {"größe\ud800": 1.0}, object(),
    ]
)  # fmt: skip
IDS = st.sampled_from([-1, 4, 10**30, 0.5, "0", None, True, (), float("nan")])
DESIGN = {"heat": 50.0, "cycles": 3, "base": "KOAc"}
DESIGNS = st.sampled_from(
    [
        {}, {"heat": 50.0}, {**DESIGN, "extra": 1}, {**DESIGN, "heat": float("nan")}, {**DESIGN, "heat": 1e308},
        {**DESIGN, "heat": "50"}, {**DESIGN, "heat": None}, {**DESIGN, "cycles": 2.5}, {**DESIGN, "cycles": 10**400},
        {**DESIGN, "base": "koac"}, {**DESIGN, "base": 3}, {**DESIGN, "base": ["KOAc"]}, None, 5, [50.0, 3, "KOAc"],
    ]
)  # fmt: skip
SLOPES = st.sampled_from(
    [{"heat": float("nan")}, {"heat": None}, {"heat": "steep"}, {"base": 1.0}, {"none": 1.0}, {"heat": [1.0]}, 5, [1.0]]
)
CALLS: dict[str, Callable[[Study, Any], object]] = {
    "tell": lambda study, bad: study.tell(3, bad),
    "tell many": lambda study, bad: study.tell({1: 2.0, 3: bad}),
    "amend": lambda study, bad: study.amend(0, bad, reason="again"),
    "add": lambda study, bad: study.add(DESIGN, bad),
    "id": lambda study, bad: study.tell({bad: 1.0}),
    "failed id": lambda study, bad: study.fail(bad),
    "design": lambda study, bad: study.add(bad, 1.0),
    "tried": lambda study, bad: study.tell(3, 1.0, params=bad),
    "slope": lambda study, bad: study.tell(3, 1.0, gradient=bad),
    "size": lambda study, bad: study.ask(bad),
    "worker": lambda study, bad: study.ask(1, worker=bad),
}
MALFORMED = (
    st.tuples(st.sampled_from(["tell", "tell many", "add"]), NASTY)
    | st.tuples(st.just("amend"), NASTY.filter(lambda bad: bad is not None))
    | st.tuples(st.sampled_from(["id", "failed id"]), IDS.filter(lambda bad: not isinstance(bad, tuple)))
    | st.tuples(st.just("design"), DESIGNS)
    | st.tuples(st.just("tried"), DESIGNS.filter(lambda bad: bad is not None))
    | st.tuples(st.just("slope"), SLOPES)
    | st.tuples(st.just("size"), st.sampled_from([0, -1, 2.0, "1", True, float("nan")]))
    | st.tuples(st.just("worker"), st.just("\ud800"))
)


@pytest.mark.matrix("R8", "malformed input, by Python: an error of gdopt's own, and nothing in the file has changed")
@sizes("examples", 150, 2000)
def test_malformed_input_is_refused_and_changes_nothing(examples: int, tmp_path: Path, record_property: Record) -> None:
    study = begun(tmp_path / "study")
    before, state = dump(tmp_path / "study"), study.state

    @hypothesis.settings(max_examples=examples, deadline=None)
    @hypothesis.given(MALFORMED)
    def refused(malformed: tuple[str, Any]) -> None:
        call, bad = malformed
        with unchecked(), pytest.raises(GdoptError):
            CALLS[call](study, bad)
        assert dump(tmp_path / "study") == before

    refused()
    assert study.state.trials == state.trials
    record_property("size", f"{examples} calls")
    record_property("measured", "all refused, the file's dump unchanged")


# R9


@pytest.mark.matrix("R9", "a bit turned or the end missing: an error, or the right data; never wrong data")
@pytest.mark.parametrize("kind", ["study", "prior"])
@sizes("mutations", 30, 300)
def test_a_damaged_file_is_noticed_or_read_rightly(
    mutations: int, kind: str, tmp_path: Path, record_property: Record
) -> None:
    path = tmp_path / "file"
    if kind == "study":
        begun(path)
    else:
        quick_prior().save(path)

    def read() -> object:
        if kind == "prior":
            return gdopt.DiffusionPrior.load(path).designs.tolist()
        opened = Study.load(path)
        return opened.state, [(t.at, t.worker, t.key) for t in opened.store.entries()]

    right, whole, chance, noticed = read(), path.read_bytes(), random.Random(0), 0
    for number in range(mutations):
        content = bytearray(whole)
        if number % 5 == 4:
            content = content[: chance.randrange(len(content))]
        else:
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(content)
        try:
            assert read() == right, number
        except StoreError:
            noticed += 1
    record_property("size", f"{kind}: {mutations} files")
    record_property("measured", f"{noticed} refused, {mutations - noticed} read rightly")


@pytest.mark.matrix("R9", "a bit turned or the end missing: an error, or the right data; never wrong data")
def test_a_study_whose_name_is_damaged_is_not_begun_anew(tmp_path: Path, record_property: Record) -> None:
    begun(tmp_path / "study")
    content = (tmp_path / "study").read_bytes()
    # The index of the names: three bytes of header, a text of five bytes, row 1.
    row = b"\x03\x17\x09study"
    assert content.count(row) == 1
    (tmp_path / "study").write_bytes(content.replace(row, row[:-1] + b"Y"))
    with pytest.raises(StoreError, match="is damaged"):
        begun(tmp_path / "study")
    record_property("size", "the name of the study")
    record_property("measured", "refused")


# R10


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of a megabyte."""
    with tempfile.TemporaryDirectory() as folder:
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "gdopt", folder]
        if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
            pytest.skip("needs to be allowed to mount a small file system")
        yield Path(folder)
        subprocess.run(["umount", folder], check=True)


def filled(path: Path) -> None:
    """Write until there is no room."""
    with suppress(OSError), path.open("ab", buffering=0) as file:
        while True:
            file.write(bytes(512))


FULL = pytest.mark.matrix("R10", "full disk, no permission: an error of gdopt's own, and the study goes on afterwards")


@FULL
@pytest.mark.parametrize("operation", ["begin", "tell", "ask"])
def test_a_study_goes_on_after_a_full_disk(operation: str, small_disk: Path, record_property: Record) -> None:
    path = small_disk / "study"
    study = children.learner(str(path))
    if operation != "begin":
        study.ask(4)
    before = study.trials
    filled(small_disk / "ballast")
    with pytest.raises(StoreError, match=r"cannot write .*(full|space)"):
        study.tell(0, 1.0) if operation == "tell" else study.ask(4)
    assert study.trials == before
    (small_disk / "ballast").unlink()
    study.ask(4)
    study.tell(0, 1.0)
    study.store.check()
    assert children.learner(str(path)).trials == study.trials
    record_property("size", f"{operation}, on a full file system")
    record_property("measured", "refused, went on")


@pytest.fixture
def foreign() -> Iterator[Path]:
    """A folder that everybody may enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


def forbid_file(path: Path) -> None:
    path.chmod(0o444)


def forbid_folder(path: Path) -> None:
    path.parent.chmod(0o555)


def forbid_reading(path: Path) -> None:
    path.chmod(0)


@FULL
@pytest.mark.parametrize("forbid", [forbid_file, forbid_folder, forbid_reading])
def test_a_study_goes_on_after_permission_was_missing(
    forbid: Callable[[Path], None], foreign: Path, record_property: Record
) -> None:
    path = foreign / "study"
    assert children.run(children.as_nobody, str(path), "begin") == 0
    modes = {p: p.stat().st_mode for p in (path, foreign)}
    forbid(path)
    assert children.run(children.as_nobody, str(path), "refused") == 0
    for p, mode in modes.items():
        p.chmod(mode)
    assert children.run(children.as_nobody, str(path), "go on") == 0
    record_property("size", forbid.__name__.replace("_", " "))
    record_property("measured", "refused, went on")


# R11


@pytest.mark.matrix(
    "R11", "files of every released version are read; older tables are brought up, with a copy beside them"
)
def test_a_file_of_each_released_version_has_the_same_data(tmp_path: Path, record_property: Record) -> None:
    released = sorted(FIXTURES.glob("*.study"))
    assert [path.stem for path in released] == sorted(p.name[:4] for p in migrations.HERE.glob("versions/*.py"))
    for path in released:
        shutil.copy(path, tmp_path / path.name)
        opened = Study.load(tmp_path / path.name)
        found = [[t.id, t.status.value, t.value, dict(t.params)] for t in opened.trials]
        assert found == json.loads(path.with_suffix(".json").read_text())
        opened.store.check()
        assert [t.id for t in opened.ask(2)] == [len(found), len(found) + 1]
    record_property("size", f"{len(released)} versions")
    record_property("measured", "data equal")


NEXT = '''
"""One more column."""

import sqlalchemy as sa
from alembic import op

revision = "9998"
down_revision = "{before}"


def upgrade() -> None:
    op.add_column("study", sa.Column("remark", sa.Text))
    op.execute("UPDATE study SET remark = 'moved'")
    {last}
'''


def versions(folder: Path, last: str = "pass") -> Path:
    """A folder of gdopt's versions and one after them."""
    shutil.copytree(migrations.HERE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "9998_next.py").write_text(NEXT.format(before=migrations.HEAD, last=last))
    return folder


MIGRATED = pytest.mark.matrix("R11", "older tables are brought up or left as they were, at any point; a copy is kept")


@MIGRATED
@sizes("every", 4, 1)
def test_a_migration_that_is_stopped_at_any_point_is_whole_or_nothing(
    every: int, tmp_path: Path, record_property: Record
) -> None:
    begun(tmp_path / "study")
    old, next = (tmp_path / "study").read_bytes(), versions(tmp_path / "next")
    before, entries, count = dump(tmp_path / "study"), SqlStore(tmp_path / "study").entries(), tmp_path / "count"
    assert children.run(children.migrate, str(tmp_path / "study"), str(next), 0, str(count)) == 0
    after = dump(tmp_path / "study")
    assert dump(tmp_path / "study.before-9998") == before
    points = range(1, int(count.read_text()) + 1, every)
    for point in points:
        path = tmp_path / f"study {point}"
        path.write_bytes(old)
        assert children.run(children.migrate, str(path), str(next), point) == STOPPED
        assert dump(path) in (before, after), point
        if dump(path) == after:
            assert dump(path.with_name(f"{path.name}.before-9998")) == before
        assert children.run(children.migrate, str(path), str(next), 0) == 0
        assert dump(path) == after
    assert entries == SqlStore(tmp_path / "study.before-9998").entries()
    record_property("size", f"{len(points)} of {count.read_text()} points")
    record_property("measured", "before or after at each; the copy is what was before")


@MIGRATED
def test_a_migration_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Record
) -> None:
    begun(tmp_path / "study")
    before = dump(tmp_path / "study")
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "HERE", versions(tmp_path / "next", "op.drop_table('missing')"))
        patched.setattr(migrations, "HEAD", "9998")
        with pytest.raises(StoreError, match=r"cannot migrate .*no such table: missing"):
            Study.load(tmp_path / "study")
    assert dump(tmp_path / "study") == before
    assert len(Study.load(tmp_path / "study").trials) == 4
    record_property("size", "an error in the last step")
    record_property("measured", "the file unchanged, and it opens")


@MIGRATED
def test_a_file_of_a_newer_version_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Record
) -> None:
    begun(tmp_path / "study")
    assert children.run(children.migrate, str(tmp_path / "study"), str(versions(tmp_path / "next")), 0) == 0
    before = dump(tmp_path / "study")
    with pytest.raises(StoreError, match="was written by a newer gdopt"):
        Study.load(tmp_path / "study")
    assert dump(tmp_path / "study") == before
    record_property("size", "1 file")
    record_property("measured", "refused, unchanged")


# R15


class Bomb:
    """Unpickled, it leaves a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, bytes]]:
        return write_flag, (str(self.path), b"")


def write_flag(path: str, content: bytes) -> None:
    Path(path).write_bytes(content)


def forge(path: Path, change: Callable[[dict, list[Event], dict[str, bytes]], None]) -> None:
    """Change what is in a study, with every sha256 right again."""
    with closing(sqlite3.connect(path)) as connection:
        header = json.loads(connection.execute("SELECT header FROM study").fetchone()[0])
        contents = dict(connection.execute("SELECT sha256, bytes FROM content").fetchall())
        entries = SqlStore(path).entries()
        change(header, entries, contents)
        text = json.dumps(header)
        last = content_hash(text.encode())
        connection.execute("DELETE FROM entry")
        for number, e in enumerate(entries):
            data = json.dumps(e.data)
            last = chain_hash(last, number, e, data)
            row = (1, number, e.kind.value, e.at, e.worker, e.key, data, last)
            connection.execute("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        connection.execute("UPDATE study SET header = ?, entries = ?, sha256 = ?", (text, len(entries), last))
        connection.execute("DELETE FROM content")
        connection.executemany("INSERT INTO content VALUES (?, ?)", list(contents.items()))
        connection.commit()


def pickled_prior(header: dict, entries: list, contents: dict, bomb: bytes) -> None:
    header["algorithm"]["settings"]["prior"]["kept"] = content_hash(bomb)
    contents[content_hash(bomb)] = bomb


def pickled_tensors(header: dict, entries: list, contents: dict, bomb: bytes) -> None:
    entries.append(Event(EventType.LEASED, {"ids": [], "until": 0.0, "tensors": content_hash(bomb)}))
    contents[content_hash(bomb)] = bomb


def named_class(header: dict, entries: list, contents: dict, bomb: bytes) -> None:
    header["algorithm"] = {"class": "os.system", "settings": {"command": "touch flag"}}


def imported_name(header: dict, entries: list, contents: dict, bomb: bytes) -> None:
    header["algorithm"] = {"class": "gdopt.files.os.system", "settings": {"command": "touch flag"}}


def named_loader(header: dict, entries: list, contents: dict, bomb: bytes) -> None:
    header["algorithm"]["settings"]["design_filter"] = {"named": "gdopt.algorithms.user_functions.function"}


def pickled_header(header: dict, entries: list, contents: dict, bomb: bytes) -> None:
    header["space"] = bomb.decode("latin-1")


def pickled_entry(header: dict, entries: list, contents: dict, bomb: bytes) -> None:
    entries.append(Event(EventType.TOLD, {"0": bomb.decode("latin-1")}))


FORGED = [pickled_prior, pickled_tensors, named_class, imported_name, named_loader, pickled_header, pickled_entry]


@pytest.mark.matrix("R15", "a pickle in any place that is read is not run, even where every sha256 fits")
@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_study_runs_no_code(
    forged: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Record
) -> None:
    monkeypatch.chdir(tmp_path)
    algorithm = guided(prior=quick_prior())
    study = Study(quick_prior().space, direction="minimize", algorithm=algorithm, storage=tmp_path / "study")
    drive(study, 1, 2)
    bomb = pickle.dumps(Bomb(tmp_path / "flag"))
    forge(tmp_path / "study", lambda header, entries, contents: forged(header, entries, contents, bomb))
    with unchecked(), suppress(GdoptError):
        Study.load(tmp_path / "study").ask()
    assert not (tmp_path / "flag").exists()
    record_property("size", forged.__name__.replace("_", " "))
    record_property("measured", "nothing run")


# R20


@pytest.mark.matrix("R20", "a study whose header says more, as later versions may, is opened and goes on")
def test_a_header_that_says_more_is_no_hindrance(tmp_path: Path, record_property: Record) -> None:
    begun(tmp_path / "study")
    forge(tmp_path / "study", lambda header, *_: header.update(versions={"gdopt": "0.0.1", "torch": "1.0"}))
    opened = Study.load(tmp_path / "study")
    opened.ask(2)
    assert len(begun(tmp_path / "study").trials) == 6
    record_property("size", "a header of other versions")
    record_property("measured", "opened, went on")
