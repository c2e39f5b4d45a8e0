"""Files that come back as they were written or not at all, and never run code."""

import json
import pickle
import resource
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import pytest
import torch

from gdopt import files
from gdopt.errors import StoreError

TENSORS = {
    "double": torch.arange(6.0, dtype=torch.float64).reshape(2, 3).T,  # not contiguous
    "single": torch.tensor(1.5),
    "whole": torch.tensor([-1, 2**60]),
    "truth": torch.tensor([True, False]),
    "nothing": torch.zeros(0, 4),
    "not finite": torch.tensor([torch.nan, -torch.inf]),
}
HEADER = {"format": "test 1", "losses": [1.0, 0.1 + 0.2], "nested": {"β": None}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "one.gdopt"


@pytest.fixture
def written(path: Path) -> Path:
    files.write(path, TENSORS, HEADER)
    return path


def test_tensors_come_back_with_their_type_and_every_bit(written: Path) -> None:
    found, _ = files.read(written)
    assert found.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        torch.testing.assert_close(found[name], tensor, rtol=0, atol=0, equal_nan=True)


def test_the_header_comes_back(written: Path) -> None:
    assert files.read(written)[1] == HEADER


def test_a_header_alone_can_be_written(path: Path) -> None:
    files.write(path, {}, HEADER)
    assert files.read(path) == ({}, HEADER)


def test_tensors_that_share_memory_are_written_one_by_one(path: Path) -> None:
    whole = torch.arange(4.0)
    files.write(path, {"whole": whole, "again": whole, "part": whole[1:]}, {})
    assert {k: v.tolist() for k, v in files.read(path)[0].items()} == {
        "whole": [0, 1, 2, 3],
        "again": [0, 1, 2, 3],
        "part": [1, 2, 3],
    }


# Damage.


@pytest.mark.parametrize("flip", [1, 128, 255])
def test_a_change_of_any_byte_is_noticed(path: Path, flip: int) -> None:
    files.write(path, {"z": torch.arange(3.0)}, {"k": 1})
    content = path.read_bytes()
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ flip]) + content[place + 1 :])
        with pytest.raises(StoreError, match=r"not a file that gdopt wrote|was changed after it was written"):
            files.read(path)


def test_a_changed_value_is_noticed_by_the_checksum(written: Path) -> None:
    content = bytearray(written.read_bytes())
    content[-1] ^= 1
    written.write_bytes(content)
    with pytest.raises(StoreError, match="was changed after it was written: its sha256 does not match"):
        files.read(written)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 100, -1])
def test_a_file_cut_short_is_noticed(written: Path, length: int) -> None:
    written.write_bytes(written.read_bytes()[:length])
    with pytest.raises(StoreError, match="cut short"):
        files.read(written)


def test_a_missing_file_is_named(path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot read .*one.gdopt: No such file"):
        files.read(path)


def test_a_folder_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot read .*: Is a directory"):
        files.read(tmp_path)


@pytest.mark.parametrize("metadata", [None, {}, {"gdopt": "{}"}, {"sha256": "0"}])
def test_a_safetensors_file_of_someone_else_is_refused(path: Path, metadata: dict[str, str] | None) -> None:
    table = {"__metadata__": metadata, "z": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
    text = json.dumps(table).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(4))
    with pytest.raises(StoreError, match="not a file that gdopt wrote"):
        files.read(path)


@hypothesis.given(st.binary(max_size=60), st.booleans())
def test_no_bytes_raise_anything_but_a_store_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, sized: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(len(content).to_bytes(8, "little") + content if sized else content)
    with pytest.raises(StoreError, match="not a file that gdopt wrote"):
        files.read(path)


# Code.


class Payload:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("dump", [lambda it, path: path.write_bytes(pickle.dumps(it)), torch.save])
def test_a_pickle_is_refused_and_not_run(path: Path, tmp_path: Path, dump) -> None:
    dump(Payload(tmp_path / "ran"), path)
    with pytest.raises(StoreError, match="not a file that gdopt wrote"):
        files.read(path)
    assert not (tmp_path / "ran").exists()


# Failed writes.


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file can grow beyond 64 KiB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("full_disk")
def test_a_failed_write_leaves_the_old_file_and_nothing_else(written: Path) -> None:
    before = written.read_bytes()
    with pytest.raises(StoreError, match=r"cannot write .*one.gdopt: File too large"):
        files.write(written, {"big": torch.zeros(2**20)}, HEADER)
    assert written.read_bytes() == before
    assert list(written.parent.iterdir()) == [written]


def test_a_header_that_is_not_json_leaves_the_old_file(written: Path) -> None:
    before = written.read_bytes()
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write(written, {}, {"loss": float("nan")})
    assert written.read_bytes() == before


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot write .*gone/one.gdopt: No such file"):
        files.write(tmp_path / "gone" / "one.gdopt", {}, {})


def test_a_folder_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "one.gdopt").mkdir()
    with pytest.raises(StoreError, match=r"cannot write .*: Is a directory"):
        files.write(tmp_path / "one.gdopt", {}, {})
    assert [p.name for p in tmp_path.iterdir()] == ["one.gdopt"]


def test_colleagues_may_read_a_file_as_the_umask_says(tmp_path: Path) -> None:
    files.write(tmp_path / "a", {"x": torch.zeros(1)}, {})
    (tmp_path / "b").touch()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode
