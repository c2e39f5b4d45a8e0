"""Large studies and long ones: how long calls take, and how much memory grows. Times are asserted in slow runs only."""

import math
from pathlib import Path

import pytest

from tests.reliability import children
from tests.reliability.children import PATIENCE, PROCESSES
from tests.reliability.conftest import Record, sizes

FULL = 100_000


@pytest.mark.matrix("R12", "100,000 trials, d = 50: tell p99 < 60 ms and flat (< 1.5 times), open < 2 s, table < 5 s")
@sizes("trials, told", (400, 20), (FULL, 100))
def test_a_large_study_is_opened_and_told_quickly(
    trials: int, told: int, storage: str, record_property: Record
) -> None:
    said = PROCESSES.Queue()
    child = children.start(children.enlarge, storage, trials, told, said)
    first, last, opened, table = said.get(timeout=20 * PATIENCE)
    child.join()
    median, p99 = last[told // 2], last[math.ceil(0.99 * told) - 1]
    growth = median / first[told // 2]
    times = f"tell {1000 * median:.0f} ms, p99 {1000 * p99:.0f} ms, {growth:.2f} times the first"
    record_property("size", f"{trials} trials")
    record_property("measured", f"{times}; open {opened:.1f} s; table {table:.1f} s")
    assert len(last) == told
    if trials == FULL:
        assert (p99 < 0.06, opened < 2.0, table < 5.0, growth < 1.5) == (True, True, True, True)


@pytest.mark.matrix("R13", "500 rounds of 16 at d = 100: less than 100 MB more memory after the first 50")
@sizes("rounds", 20, 500)
def test_memory_does_not_grow_with_the_rounds(rounds: int, tmp_path: Path, record_property: Record) -> None:
    said = PROCESSES.Queue()
    child = children.start(children.remember, str(tmp_path / "study"), rounds, said)
    grown = said.get(timeout=20 * PATIENCE)
    child.join()
    record_property("size", f"{rounds} rounds, random designs")
    record_property("measured", f"{grown:.0f} MB more")
    assert grown < 100
