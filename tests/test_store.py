"""The file of a study: what it keeps, and what it refuses to read."""

import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import gdopt
from gdopt import StoreError, files
from gdopt.algorithm import State
from gdopt.store import FileStore, Store
from gdopt.study import Study
from tests.strategies import CONSTRAINED, LINE, LOG, MIXED, drive, prior, unchecked

SPACES = {"line": LINE, "log": LOG, "mixed": MIXED, "constrained": CONSTRAINED}


def random_study(path: Path, **changes: object) -> Study:
    settings = {"direction": "minimize", "algorithm": gdopt.RandomSearch(), "seed": 3} | changes
    return Study(settings.pop("space", MIXED), storage=path, **settings)


def touch(path: str) -> None:
    Path(path).touch()


class Bomb:
    """Unpickled, it leaves a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return touch, (str(self.path),)


@pytest.mark.parametrize("space", SPACES.values(), ids=list(SPACES))
def test_every_kind_of_trial_comes_back_equal(space: gdopt.Space, tmp_path: Path) -> None:
    study = random_study(tmp_path / "study", space=space)
    study.ask(5)
    name = next(p.name for p in space.parameters)
    study.tell(0, (1 / 3, 0.1), gradient={name: 0.1})
    study.fail(1)
    study.abandon(2)
    study.add(study.trials[3].params, 1e-300)
    assert random_study(tmp_path / "study", space=space).state == study.state


def test_tensors_come_back_with_their_bits_and_types(tmp_path: Path) -> None:
    tensors = {"a": torch.tensor([0.1, -0.0]), "b": torch.arange(6).reshape(2, 3).T, "c": torch.tensor(1e-310).double()}
    store = FileStore(tmp_path / "study")
    store.save(State(LINE, 0, tensors=tensors), "maximize")
    found = store.load()[0].tensors
    assert all(torch.equal(found[k], v) and found[k].dtype == v.dtype for k, v in tensors.items())


def test_a_store_without_a_file_is_empty(tmp_path: Path) -> None:
    assert FileStore(tmp_path / "study").load() is None
    assert isinstance(FileStore(tmp_path / "study"), Store)


def test_a_new_study_writes_nothing_before_it_has_something_to_keep(tmp_path: Path) -> None:
    random_study(tmp_path / "study")
    assert list(tmp_path.iterdir()) == []


def test_every_change_leaves_one_whole_file(tmp_path: Path) -> None:
    drive(random_study(tmp_path / "study"), 3, 2)
    assert [p.name for p in tmp_path.iterdir()] == ["study"]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"space": LINE}, "the file holds a study of another space"),
        ({"direction": "maximize"}, "another direction: minimize, this one has maximize"),
        ({"seed": 4}, "another seed: 3, this one has 4"),
    ],
)
def test_a_file_of_another_study_is_refused(changes: dict, match: str, tmp_path: Path) -> None:
    random_study(tmp_path / "study").ask()
    before = (tmp_path / "study").read_bytes()
    with pytest.raises(StoreError, match=match):
        random_study(tmp_path / "study", **changes)
    assert (tmp_path / "study").read_bytes() == before


# Files that are not what was written. `read` takes one to the error that it raises.


def study_file(path: Path) -> Callable[[], object]:
    drive(random_study(path), 1, 3)
    return lambda: random_study(path)


def prior_file(path: Path) -> Callable[[], object]:
    prior().save(path)
    return lambda: gdopt.DiffusionPrior.load(path)


KINDS = [study_file, prior_file]
every_file = pytest.mark.parametrize("kind", KINDS)


@every_file
@pytest.mark.parametrize("share", [0.02, 0.5, 0.999])
def test_a_changed_byte_anywhere_is_noticed(kind: Callable, share: float, tmp_path: Path) -> None:
    read = kind(tmp_path / "file")
    content = bytearray((tmp_path / "file").read_bytes())
    content[int(share * len(content))] ^= 1
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(StoreError, match=r"was changed after it was written|is not a file that gdopt wrote"):
        read()


@every_file
@pytest.mark.parametrize("length", [0, 1, 7, 8, 200, -1])
def test_a_file_cut_short_is_noticed(kind: Callable, length: int, tmp_path: Path) -> None:
    read = kind(tmp_path / "file")
    (tmp_path / "file").write_bytes((tmp_path / "file").read_bytes()[:length])
    with pytest.raises(StoreError, match="is not a file that gdopt wrote, or is cut short"):
        read()


@every_file
def test_a_value_edited_by_hand_is_noticed(kind: Callable, tmp_path: Path) -> None:
    read = kind(tmp_path / "file")
    content = (tmp_path / "file").read_bytes()
    assert b"gdopt" in content
    (tmp_path / "file").write_bytes(content.replace(b'\\"low\\"', b'\\"Low\\"').replace(b'\\"best\\"', b'\\"Best\\"'))
    with pytest.raises(StoreError, match="its sha256 does not match"):
        read()


@every_file
@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 64, b"id,value\n0,1.5\n", json.dumps({"a": 1}).encode(), b"\xff" * 99]
)
def test_a_foreign_file_is_refused(kind: Callable, content: bytes, tmp_path: Path) -> None:
    read = kind(tmp_path / "file")
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(StoreError, match="is not a file that gdopt wrote"):
        read()


@every_file
@pytest.mark.parametrize("metadata", [None, {"format": "pt"}, {"gdopt": "{}"}])
def test_another_programs_safetensors_file_is_refused(kind: Callable, metadata: dict | None, tmp_path: Path) -> None:
    read = kind(tmp_path / "file")
    save_file({"weight": torch.zeros(3)}, tmp_path / "file", metadata)
    with pytest.raises(StoreError, match="is not a file that gdopt wrote"):
        read()


@every_file
@pytest.mark.parametrize("dump", [lambda bomb, path: path.write_bytes(pickle.dumps(bomb)), torch.save])
def test_a_pickle_is_not_executed(kind: Callable, dump: Callable, tmp_path: Path) -> None:
    read = kind(tmp_path / "file")
    dump(Bomb(tmp_path / "flag"), tmp_path / "file")
    with pytest.raises(StoreError, match="is not a file that gdopt wrote"):
        read()
    assert not (tmp_path / "flag").exists()


def test_a_prior_is_no_study_and_a_study_no_prior(tmp_path: Path) -> None:
    read_study, read_prior = study_file(tmp_path / "study"), prior_file(tmp_path / "prior")
    (tmp_path / "study").rename(tmp_path / "swap")
    (tmp_path / "prior").rename(tmp_path / "study")
    (tmp_path / "swap").rename(tmp_path / "prior")
    with pytest.raises(StoreError, match="holds 'gdopt prior 1', not 'gdopt study 1'"):
        read_study()
    with pytest.raises(StoreError, match="holds 'gdopt study 1', not 'gdopt prior 1'"):
        read_prior()


def test_a_missing_prior_and_a_folder_in_its_place_are_store_errors(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot read .*missing: No such file"):
        gdopt.DiffusionPrior.load(tmp_path / "missing")
    with pytest.raises(StoreError, match=r"cannot read .*: Is a directory"):
        gdopt.DiffusionPrior.load(tmp_path)


def test_a_folder_is_no_study(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot read .*: Is a directory"):
        random_study(tmp_path)


def test_a_study_in_a_folder_that_is_not_there_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no folder .*nowhere"):
        random_study(tmp_path / "nowhere" / "study")


def test_a_folder_that_vanished_leaves_the_study_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    study = random_study(folder / "study")
    folder.rmdir()
    before = study.state
    with pytest.raises(StoreError, match=r"cannot write .*study: No such file"):
        study.ask(2)
    assert study.state is before


def test_a_prior_cannot_be_saved_to_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot write"):
        prior().save(tmp_path / "nowhere" / "prior")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that even root cannot write to")
def test_a_folder_that_cannot_be_written_to_is_a_store_error() -> None:
    study = random_study(Path("/proc/study"))
    with pytest.raises(StoreError, match="cannot write /proc/study"):
        study.ask()
    assert study.trials == []


def test_a_failed_write_leaves_the_old_file_and_no_scraps(tmp_path: Path) -> None:
    study = random_study(tmp_path / "study")
    study.ask()
    before = (tmp_path / "study").read_bytes()
    (tmp_path / "blocked").mkdir()
    with pytest.raises(StoreError, match="cannot write"):
        files.write(tmp_path / "blocked", {}, {})
    assert (tmp_path / "study").read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["blocked", "study"]


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64])
def test_numbers_of_numpy_can_be_kept(kind: type, tmp_path: Path) -> None:
    study = Study(LINE, direction="maximize", algorithm=gdopt.RandomSearch(), storage=tmp_path / "study")
    study.ask()
    with unchecked():
        study.tell(0, kind(2), gradient={"x": kind(1)})
        study.add({"x": kind(1)}, kind(3))
    again = Study(LINE, direction="maximize", algorithm=gdopt.RandomSearch(), storage=tmp_path / "study")
    assert [t.value for t in again.trials] == [2, 3]


KILLED = """
import os, signal, sys
import gdopt
space = gdopt.Space.from_bounds([(0, 1)])
study = gdopt.Study(space, direction="maximize", algorithm=gdopt.RandomSearch(), storage=sys.argv[1])
for k in range(3):
    study.tell({t.id: t.id for t in study.ask(2)})
study.ask(1)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_that_was_killed_left_all_that_it_was_told(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "study")], check=False)
    space = gdopt.Space.from_bounds([(0, 1)])
    study = Study(space, direction="maximize", algorithm=gdopt.RandomSearch(), storage=tmp_path / "study")
    assert [t.value for t in study.trials] == [0, 1, 2, 3, 4, 5, None]
