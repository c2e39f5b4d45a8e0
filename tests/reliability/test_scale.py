"""Large studies and long ones: how long calls take, and how much memory grows. Times are asserted in slow runs only."""

import math
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import gdopt
from gdopt.journal import Entry, Kind
from gdopt.study import Study
from tests.reliability import children
from tests.reliability.children import PROCESSES
from tests.reliability.conftest import Record, sizes

DIM = 50
SPACE = gdopt.Space.from_bounds([(-1, 1)] * DIM)
# Trials that are written in one transaction.
BATCH = 1000
TOLD = 100


def seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def tells(study: Study) -> list[float]:
    """How long each of some tells took, the shortest first."""
    return sorted(seconds(lambda id=t.id: study.tell(id, 1.0)) for t in study.ask(TOLD))


def fill(study: Study, trials: int) -> None:
    """Tell of many trials, as asking and telling would, but in large transactions."""
    chance, header = random.Random(0), study.store.header()
    assert header is not None
    first = len(study.trials)
    for start in range(first, trials, BATCH):
        count = min(BATCH, trials - start)
        with study.store.writing(header) as writer:
            new = [[{n: chance.uniform(-1, 1) for n in SPACE.names}, "random", None] for _ in range(count)]
            writer.append(Entry(Kind.ASKED, {"first": start, "trials": new, "note": {"seconds": 0.1}}, time.time()))
            for id in range(start, start + count):
                writer.append(Entry(Kind.TOLD, {str(id): {"value": chance.gauss(0, 1)}}, time.time()))


@pytest.mark.matrix("R12", "100,000 trials, d = 50: tell p99 < 60 ms and flat (< 1.5 times), open < 2 s, table < 5 s")
@sizes("trials", 2000, 100_000)
def test_a_large_study_is_opened_and_told_quickly(trials: int, storage: str, record_property: Record) -> None:
    study = Study(SPACE, direction="minimize", algorithm=gdopt.RandomSearch(), storage=storage)
    first = tells(study)
    fill(study, trials - TOLD)
    opened = min(seconds(lambda: Study.open(storage)) for _ in range(2))
    study = Study.open(storage)
    last = tells(study)
    table = seconds(study.to_frame)
    assert len(study.state.done) == trials
    p99, growth = last[math.ceil(0.99 * TOLD) - 1], last[TOLD // 2] / first[TOLD // 2]
    record_property("size", f"{trials} trials")
    record_property(
        "measured",
        f"tell {1000 * last[TOLD // 2]:.0f} ms, p99 {1000 * p99:.0f} ms, {growth:.2f} times the first; "
        f"open {opened:.1f} s; table {table:.1f} s",
    )
    if trials == 100_000:
        assert (p99 < 0.06, opened < 2.0, table < 5.0, growth < 1.5) == (True, True, True, True)


@pytest.mark.matrix("R13", "500 rounds of 16 at d = 100: less than 100 MB more memory after the first 50")
@sizes("rounds", 20, 500)
def test_memory_does_not_grow_with_the_rounds(rounds: int, tmp_path: Path, record_property: Record) -> None:
    said = PROCESSES.Queue()
    child = children.start(children.remember, str(tmp_path / "study"), rounds, said)
    grown = said.get(timeout=30 * children.PATIENCE)
    child.join()
    assert grown < 100
    record_property("size", f"{rounds} rounds, random designs")
    record_property("measured", f"{grown:.0f} MB more")
