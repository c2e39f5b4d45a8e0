"""Evaluations on a local Ray of two CPUs."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import gdopt
from tests.strategies import LINE

ray = pytest.importorskip("ray")

from gdopt.adapters.ray import RayExecutor  # noqa: E402


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    yield
    ray.shutdown()


def study(**settings: object) -> gdopt.Study:
    return gdopt.Study(LINE, direction="maximize", algorithm=gdopt.RandomSearch(), **settings)


@pytest.mark.filterwarnings("ignore")
def test_ray_evaluates_in_other_processes_and_dead_ones_are_replaced(cluster: None, tmp_path: Path) -> None:
    folder = str(tmp_path)

    def evaluate(params: gdopt.space.parameters.Params) -> float:
        import pathlib

        pathlib.Path(folder, f"process-{os.getpid()}").touch()
        died = pathlib.Path(folder, "died")
        if not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return -abs(params["x"])

    found = study(storage=tmp_path / "study")
    best = found.optimize(evaluate, budget=6, batch=2, executor=RayExecutor(max_retries=0))
    assert [t.status for t in found.trials] == ["done"] * 6
    assert best.value == max(-abs(t.params["x"]) for t in found.trials)
    assert (tmp_path / "died").exists()
    assert not (tmp_path / f"process-{os.getpid()}").exists()

    def broken(params: gdopt.space.parameters.Params) -> float:
        raise KeyError("broken pipette")

    with pytest.raises(KeyError, match="broken pipette"):
        study().optimize(broken, budget=2, batch=2, executor=RayExecutor(num_cpus=1))
