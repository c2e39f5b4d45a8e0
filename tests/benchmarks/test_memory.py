"""How much memory one `ask` takes at most, printed beside its time. Nothing is asserted of either."""

import subprocess
import sys

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

# A process of its own, whose memory is that of one ask, PyTorch and all.
ASK = """
import resource
import sys

import gdopt
from gdopt.trials.proposals import append

kind, size = sys.argv[1], int(sys.argv[2])
numbers = gdopt.Space.from_bounds([(0, 1)] * 4)
levels = gdopt.Space([gdopt.Choice(name, [f"{name}{i}" for i in range(size)]) for name in "ab"])
space, results = (levels, 40) if kind == "levels" else (numbers, 200)


def some(n, seed):
    study = gdopt.Study(space, direction="maximize", algorithm=gdopt.RandomSearch(), seed=seed)
    return [t.params for t in study.ask(n)]


study = gdopt.Study(space, direction="maximize")
study.add_all({str(i): (one, float(hash(str(one)) % 1000)) for i, one in enumerate(some(results, 0))})
state = study.state
if kind == "pending":
    state = append(state, some(size, 1), ["start"] * size, [None] * size, {})
study.algorithm.ask(state, {"pending": 1, "levels": 4, "batch": size}[kind])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9)
"""


@pytest.mark.parametrize(
    ("kind", "size"),
    [("pending", 200), ("pending", 1000), ("levels", 300), ("levels", 500), ("batch", 2000), ("batch", 5000)],
)
def test_memory_of_one_ask(benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture, kind: str, size: int) -> None:
    command = [sys.executable, "-c", ASK, kind, str(size)]
    child = benchmark.pedantic(lambda: subprocess.run(command, check=True, capture_output=True, text=True), rounds=1)
    benchmark.extra_info["gigabytes"] = float(child.stdout)
    with capsys.disabled():
        sys.stdout.write(f"\n{kind} {size}: {float(child.stdout):.2f} GB at most\n")
