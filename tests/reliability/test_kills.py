"""Processes that die: killed at any instant, stopped at every point, and gone on from by others."""

import json
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gdopt.storage.sql_store import SqlStore
from gdopt.study.study import Study
from tests.reliability import children
from tests.reliability.children import OPERATIONS, SAID_TWICE, STOPPED, kept, learner
from tests.reliability.conftest import Record, sizes
from tests.strategies import quick_prior

# Where a test is as slow as a server, its short form is of a file only.
file_first = pytest.mark.parametrize(
    "storage", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True
)
# Seconds within which a study is opened again, asserted in the full size only, of so many kills.
REOPENED, FULL = 1.0, 200


def lines(log: Path) -> list[list]:
    """What a process that died has said; its last line may be torn."""
    said = log.read_text().split("\n")[:-1] if log.exists() else []
    return [json.loads(line) for line in said]


def until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.002)


@pytest.mark.matrix(
    "R1", "killed at a random instant: nothing acknowledged is lost, no batch is partial, open in < 1 s"
)
@sizes("kills", 10, FULL)
def test_nothing_acknowledged_is_lost_by_a_kill(
    kills: int, storage: str, tmp_path: Path, record_property: Record
) -> None:
    chance, opened, calls = random.Random(0), 0.0, 0
    told: dict[int, float] = {}
    asked: dict[str, list] = {}
    announced: set[str] = set()
    for number in range(kills):
        log = tmp_path / f"log{number}"
        child = children.start(children.work, storage, log, number)
        until(log.exists)
        time.sleep(0.5 * chance.random())
        child.kill()
        child.join()
        for what, *said in lines(log):
            calls += what in ("asked", "told", "failed")
            announced |= {said[0]} if what == "asking" else set()
            asked |= {said[0]: said[1]} if what == "asked" else {}
            told |= {said[0]: said[1]} if what == "told" else {}
        # Of the processor, which other programs do not change.
        began = time.process_time()
        study = learner(storage)
        opened = max(opened, time.process_time() - began)
    SqlStore(storage).check()
    by_key = {e.key: e for e in study.store.entries() if e.key is not None}
    assert set(asked) <= set(by_key) <= announced
    assert all(len(entry.data["trials"]) == 3 for entry in by_key.values())
    assert all([[t.id, t.params["x"]] for t in study.ask(3, key=key)] == said for key, said in asked.items())
    assert {id: study.trials[id].value for id in told} == told
    assert study.state.tensors["asks"][0] == len(study.rounds)
    record_property("size", f"{kills} kills, {calls} calls acknowledged")
    record_property("measured", f"0 lost, 0 partial batches, opened in {opened:.2f} s of the processor at most")
    assert kills < FULL or opened < REOPENED


@pytest.mark.matrix(
    "R2", "stopped at any point of an operation: all of it or nothing is kept, and repeated it is whole"
)
@file_first
@pytest.mark.parametrize("operation", list(OPERATIONS))
@sizes("every", 5, 1)
def test_an_operation_that_is_stopped_at_any_point_is_whole_or_nothing(
    every: int, operation: str, storage: str, new_storage: Callable[[], str], tmp_path: Path, record_property: Record
) -> None:
    def begun(name: str) -> tuple[str, list]:
        """Where the study is, and what is kept before."""
        if operation == "begin":
            return new_storage(), [{}]
        return storage, kept(children.prepare(storage, name).store)

    count = tmp_path / "count"
    where, _ = begun("whole")
    assert children.run(children.operate, where, "whole", operation, 0, str(count)) == 0
    whole = kept(SqlStore(where, "whole"))
    points = range(1, int(count.read_text()) + 1, every)
    for point in points:
        where, before = begun(f"point {point}")
        store = SqlStore(where, f"point {point}")
        assert children.run(children.operate, where, store.name, operation, point) == STOPPED
        store.check()
        found = kept(store)
        assert found in (before, whole), point
        if found == before or operation not in SAID_TWICE:
            OPERATIONS[operation](learner(where, store.name))
        assert kept(store) == whole, point
    record_property("size", f"{operation}: {len(points)} of {count.read_text()} points")
    record_property("measured", "before or after at each")


@pytest.mark.matrix("R5", "asked again with its key, from another process, a batch is the same")
@sizes("batches", 3, 50)
def test_a_batch_asked_for_again_after_a_kill_is_the_same(
    batches: int, storage: str, tmp_path: Path, record_property: Record
) -> None:
    for number in range(batches):
        log = tmp_path / f"log{number}"
        children.run(children.ask_with_key, storage, f"plate {number}", log, True)
        children.run(children.ask_with_key, storage, f"plate {number}", log, False)
        ((first,), (again,)) = lines(log)
        assert first == again
    assert len(learner(storage).trials) == 4 * batches
    record_property("size", f"{batches} batches")
    record_property("measured", "all identical")


SIZES = [
    pytest.param(2, False, 4, id="d=2-short"),
    pytest.param(5, True, 3, id="learned-short"),
    *(pytest.param(d, False, 20, id=f"d={d}-full", marks=pytest.mark.slow) for d in (2, 20, 100)),
    pytest.param(5, True, 20, id="learned-full", marks=pytest.mark.slow),
]


@pytest.mark.matrix("R7", "resumed in another process after every round: proposals are bit-identical")
@file_first
@pytest.mark.parametrize(("dim", "learned", "count"), SIZES)
def test_a_study_resumed_after_every_round_goes_on_bit_for_bit(
    dim: int, learned: bool, count: int, storage: str, new_storage: Callable, tmp_path: Path, record_property: Record
) -> None:
    other, prior = new_storage(), None
    if learned:
        prior = str(tmp_path / "prior")
        quick_prior().save(tmp_path / "prior")
    assert children.run(children.play, storage, dim, prior, count, 4) == 0
    for _ in range(count):
        assert children.run(children.play, other, dim, prior, 1, 4) == 0
    alone, resumed = Study.load(storage), Study.load(other)
    assert resumed.state.trials == alone.state.trials
    assert len(alone.state.done) == 4 * count
    record_property("size", f"d = {dim}, {count} rounds{', the network learned on' if learned else ''}")
    record_property("measured", "identical")
