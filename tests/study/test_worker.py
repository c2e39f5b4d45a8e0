"""Workers that share a study: each trial is evaluated, by whoever is there."""

import math
import subprocess
import sys
from pathlib import Path

import pytest

import gdopt
from gdopt import SettingsError
from gdopt.service.client import Client
from gdopt.study.study import Study
from gdopt.study.worker import TrialSource, run_worker
from tests.service.serving import TOKEN, served
from tests.strategies import LINE, TINY, height


def random_study(**settings: object) -> Study:
    return Study(LINE, direction="maximize", algorithm=gdopt.RandomSearch(), **settings)


def test_a_worker_evaluates_as_many_as_wanted_under_its_name() -> None:
    study, lines = random_study(), list[str]()
    assert isinstance(study, TrialSource)
    assert run_worker(study, height, evaluations=3, worker="robot", say=lines.append) == 3
    assert [(t.worker, t.value) for t in study.trials] == [("robot", height(t.params)) for t in study.trials]
    assert lines[0] == f"trial 0: {study.trials[0].value}"


WORKER = """
import sys
import gdopt
from gdopt.study.worker import run_worker
run_worker(gdopt.Study.load(sys.argv[1]), lambda p: -abs(p["x"]), evaluations=5)
"""


def test_workers_in_processes_share_the_trials(tmp_path: Path) -> None:
    random_study(storage=tmp_path / "study").abandon(*[t.id for t in random_study(storage=tmp_path / "study").ask()])
    running = [subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path / "study")]) for _ in range(2)]
    assert [process.wait(60) for process in running] == [0, 0]
    study = Study.load(tmp_path / "study")
    assert [t.status for t in study.trials[1:]] == ["done"] * 10
    assert len({t.worker for t in study.trials[1:]}) == 2


def test_what_a_dead_worker_had_comes_first() -> None:
    study = random_study()
    study.ask(2, worker="dead", lease=1e-6)
    run_worker(study, height, evaluations=3, worker="alive")
    assert [t.worker for t in study.trials] == ["alive"] * 3
    assert len(study.state.done) == 3


def test_failures_are_told_with_their_reason_and_the_worker_goes_on() -> None:
    study = random_study()
    outcomes = iter([math.nan, KeyError("tip lost"), 1.0, {"value": math.inf}, 2.0])

    def evaluate(params: gdopt.space.parameters.Params) -> object:
        if isinstance(one := next(outcomes), Exception):
            raise one
        return one

    run_worker(study, evaluate, evaluations=5)
    assert [t.status for t in study.trials] == ["failed", "failed", "done", "failed", "done"]
    assert study.trials[1].reason == "KeyError: 'tip lost'"


def test_a_worker_that_fails_three_times_in_a_row_stops() -> None:
    study = random_study()

    def evaluate(params: gdopt.space.parameters.Params) -> float:
        raise OSError("no signal")

    with pytest.raises(OSError, match="no signal"):
        run_worker(study, evaluate, evaluations=9)
    assert [t.status for t in study.trials] == ["failed"] * 3


def test_a_trial_that_another_worker_told_first_stays_as_it_is() -> None:
    study, lines = random_study(), list[str]()

    def slower(params: gdopt.space.parameters.Params) -> float:
        study.tell(0, 7.0)
        return 8.0

    run_worker(study, slower, evaluations=1, say=lines.append)
    assert study.trials[0].value == 7.0
    assert "trial 0 is done with 7.0 already; it was now told 8.0" in lines[0]


def test_a_failure_after_another_workers_result_does_not_end_the_worker() -> None:
    study, lines = random_study(), list[str]()

    def slower(params: gdopt.space.parameters.Params) -> float:
        if len(study.trials) == 1:
            study.tell(0, 7.0)
            raise OSError("no signal")
        return 8.0

    assert run_worker(study, slower, evaluations=2, say=lines.append) == 2
    assert [t.value for t in study.trials] == [7.0, 8.0]
    assert "trial 0 is done with 7.0 already; it was now told failed" in lines[0]


class SilentError(Exception):
    """Has no text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (ValueError("long " * 10_000), f"ValueError: {'long ' * 10_000}"[:2000] + " ..."),
        (ValueError("a\0b"), "ValueError: ab"),
        (ValueError("half \ud800"), "ValueError: half ?"),
        (SilentError(), "SilentError: "),
    ],
)
@pytest.mark.parametrize("beside", ["study", "service"])
def test_an_exception_of_any_text_is_a_reason(raised: Exception, reason: str, beside: str, tmp_path: Path) -> None:
    study = random_study(storage=tmp_path / "study")
    outcomes = iter([raised, 1.0])

    def evaluate(params: gdopt.space.parameters.Params) -> float:
        if isinstance(one := next(outcomes), Exception):
            raise one
        return one

    if beside == "service":
        with served(study) as url:
            run_worker(Client(url, TOKEN), evaluate, evaluations=2)
    else:
        run_worker(study, evaluate, evaluations=2)
    study.refresh()
    assert [t.status for t in study.trials] == ["failed", "done"]
    assert study.trials[0].reason == reason


def test_no_evaluations_are_no_work() -> None:
    with pytest.raises(SettingsError, match="evaluations = 0: expected a whole number above 0"):
        run_worker(random_study(), height, evaluations=0)


def test_a_worker_ends_once_every_design_was_tried() -> None:
    study, lines = Study(TINY, direction="maximize", algorithm=gdopt.RandomSearch()), list[str]()
    assert run_worker(study, height, say=lines.append) == 8
    assert "all 8 designs were tried" in lines[-1]
