"""The whole loop in one call."""

import math
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

import gdopt
from gdopt import ResultError, SettingsError, TrialError
from gdopt.study import runner
from gdopt.study.study import Study
from tests.strategies import LINE, TINY, guided, height, unchecked

RANDOM = gdopt.RandomSearch()


class Counted:
    """An objective that counts its calls, and can stop at one."""

    def __init__(self, stop: int | None = None) -> None:
        self.calls = 0
        self.stop = stop

    def __call__(self, params: gdopt.space.parameters.Params) -> float:
        if self.calls == self.stop:
            raise KeyboardInterrupt
        self.calls += 1
        return height(params)


@pytest.mark.parametrize(("budget", "batch"), [(1, 1), (7, 1), (10, 4), (3, 8), (8, 8)])
def test_the_budget_is_spent_exactly(budget: int, batch: int) -> None:
    objective = Counted()
    gdopt.maximize(objective, LINE, budget=budget, batch=batch, algorithm=RANDOM)
    assert objective.calls == budget


def test_progress_is_called_after_each_batch() -> None:
    told: list[int] = []
    gdopt.maximize(
        height, LINE, budget=10, batch=4, algorithm=RANDOM, progress=lambda study: told.append(len(study.state.done))
    )
    assert told == [4, 8, 10]


@pytest.mark.parametrize("call", [gdopt.maximize, gdopt.minimize])
def test_the_best_of_all_trials_comes_back(call: object) -> None:
    seen: list[float] = []
    best = call(lambda p: seen.append(height(p)) or seen[-1], LINE, budget=9, batch=3, algorithm=RANDOM)
    assert best.value == (max if call is gdopt.maximize else min)(seen)
    assert height(best.params) == best.value


def test_bounds_name_their_parameters() -> None:
    best = gdopt.maximize(lambda p: p["x0"] - p["x1"], [(0, 1), (5, 6)], budget=3, algorithm=RANDOM)
    assert list(best.params) == ["x0", "x1"]


def test_standard_errors_are_kept() -> None:
    best = gdopt.maximize(lambda p: (p["x"], 0.5), LINE, budget=2, algorithm=RANDOM)
    assert best.result.sem == 0.5


def test_minimizing_is_maximizing_the_negative() -> None:
    least = gdopt.minimize(lambda p: -height(p), LINE, budget=7, algorithm=guided(), seed=2)
    most = gdopt.maximize(height, LINE, budget=7, algorithm=guided(), seed=2)
    assert (least.params, least.value) == (most.params, -most.value)


def test_a_stopped_run_does_only_the_rest(tmp_path: Path) -> None:
    settings = {"batch": 2, "algorithm": guided(), "storage": tmp_path / "study"}
    gdopt.maximize(height, LINE, budget=4, **settings)
    rest = Counted()
    resumed = gdopt.maximize(rest, LINE, budget=8, **settings)
    assert rest.calls == 4
    assert resumed == gdopt.maximize(height, LINE, budget=8, batch=2, algorithm=guided())


def test_a_run_stopped_within_a_batch_first_measures_what_it_had_asked_for(tmp_path: Path) -> None:
    settings = {"batch": 4, "algorithm": RANDOM, "storage": tmp_path / "study"}
    with pytest.raises(KeyboardInterrupt):
        gdopt.maximize(Counted(stop=6), LINE, budget=8, **settings)
    rest = Counted()
    gdopt.maximize(rest, LINE, budget=8, **settings)
    # Six were measured and kept; of the second batch two were left.
    assert rest.calls == 2
    assert len(Study(LINE, direction="maximize", **{k: settings[k] for k in ("algorithm", "storage")}).trials) == 8


def test_pending_trials_do_not_overrun_the_budget(tmp_path: Path) -> None:
    settings = {"algorithm": RANDOM, "storage": tmp_path / "study"}
    Study(LINE, direction="maximize", **settings).ask(8)
    objective = Counted()
    gdopt.maximize(objective, LINE, budget=5, batch=8, **settings)
    assert objective.calls == 5


def test_a_finished_run_evaluates_nothing(tmp_path: Path) -> None:
    settings = {"budget": 4, "algorithm": RANDOM, "storage": tmp_path / "study"}
    best = gdopt.maximize(height, LINE, **settings)
    assert gdopt.maximize(Counted(stop=0), LINE, **settings) == best


@pytest.mark.parametrize(("budget", "batch"), [(0, 1), (-1, 1), (1, 0), (5, -2)])
def test_a_budget_or_batch_that_is_none_is_refused(budget: int, batch: int) -> None:
    with pytest.raises(SettingsError, match=f"budget = {budget}, batch = {batch}: expected whole numbers above 0"):
        gdopt.minimize(height, LINE, budget=budget, batch=batch)


def test_a_budget_or_batch_that_is_no_whole_number_is_refused() -> None:
    objective = Counted()
    with unchecked(), pytest.raises(SettingsError, match=r"budget = 2.5, batch = 1: expected whole numbers above 0"):
        gdopt.minimize(objective, LINE, budget=2.5, algorithm=RANDOM)
    assert objective.calls == 0


# Failures.


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, (math.nan, 0.1)])
def test_a_value_that_is_not_finite_fails_its_trial_alone(bad: object) -> None:
    seen: list[float] = []
    studies: list[Study] = []

    def objective(params: gdopt.space.parameters.Params) -> object:
        seen.append(height(params))
        return bad if len(seen) == 2 else seen[-1]

    gdopt.maximize(objective, LINE, budget=4, batch=4, algorithm=RANDOM, progress=studies.append)
    assert [t.status for t in studies[0].trials] == ["done", "failed", "done", "done"]
    assert [t.value for t in studies[0].trials] == [seen[0], None, *seen[2:]]


def test_failed_evaluations_count_in_the_budget() -> None:
    calls: list[gdopt.space.parameters.Params] = []

    def objective(params: gdopt.space.parameters.Params) -> float:
        calls.append(params)
        return math.nan if len(calls) % 2 else 1.0

    gdopt.maximize(objective, LINE, budget=7, batch=2, algorithm=RANDOM)
    assert len(calls) == 7


def test_an_objective_that_always_fails_ends_with_an_error() -> None:
    with pytest.raises(TrialError, match="all 3 evaluations failed; the last was trial 2: value nan"):
        gdopt.minimize(lambda p: math.nan, LINE, budget=3, algorithm=RANDOM)


@pytest.mark.parametrize("wrong", [None, "much"])
def test_what_is_no_number_is_an_error_and_no_failure(wrong: object) -> None:
    with unchecked(), pytest.raises(ResultError, match=r"value must be a number or \(number, standard error\)"):
        gdopt.maximize(lambda p: wrong, LINE, budget=3, algorithm=RANDOM)


def broken(params: gdopt.space.parameters.Params) -> float:
    if params["x"] > 0:
        raise ValueError("no convergence")
    return params["x"]


@pytest.mark.parametrize("executor", [None, lambda: ThreadPoolExecutor(2)])
def test_a_run_goes_on_after_an_exception_that_is_caught(executor: object) -> None:
    study = random_study()
    study.optimize(broken, budget=12, batch=2, catch=(ValueError,), executor=executor)
    failed = [t for t in study.trials if t.params["x"] > 0]
    assert failed
    assert {(t.status, t.reason) for t in failed} == {("failed", "ValueError: no convergence")}
    assert sum(t.status == "done" for t in study.trials) == 12 - len(failed)


@pytest.mark.parametrize("executor", [None, lambda: ThreadPoolExecutor(1)])
def test_another_exception_is_passed_on_and_its_design_is_not_tried_again(executor: object) -> None:
    study, tried = random_study(), list[float]()

    def once(params: gdopt.space.parameters.Params) -> float:
        tried.append(params["x"])
        return broken(params)

    raised = 0
    for _ in range(20):
        try:
            study.optimize(once, budget=8, catch=KeyError, executor=executor)
        except ValueError:
            raised += 1
    assert raised == sum(t.status == "failed" for t in study.trials) > 0
    assert len(tried) == len(set(tried)) == 8


def test_a_value_is_told_before_the_next_evaluation() -> None:
    study, known = random_study(), list[int]()

    def evaluate(params: gdopt.space.parameters.Params) -> float:
        known.append(len(study.state.done))
        return 1.0

    study.optimize(evaluate, budget=4, batch=4)
    assert known == [0, 1, 2, 3]


def test_an_objective_may_look_for_a_name_that_is_not_there() -> None:
    study = random_study()
    study.optimize(lambda params: params.get("y", 1.0), budget=1)
    with pytest.raises(KeyError, match="y"):
        study.optimize(lambda params: params["y"], budget=2)


# In an executor.


def slowly(params: gdopt.space.parameters.Params) -> float:
    time.sleep(0.01)
    return height(params)


def dying_once(params: gdopt.space.parameters.Params) -> float:
    """Kills its process the first time it is called in a folder."""
    marker = Path(os.environ["GDOPT_TEST_FOLDER"]) / "died"
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return height(params)


def deadly(params: gdopt.space.parameters.Params) -> float:
    """Kills its process for large x."""
    if params["x"] > 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return height(params)


def pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(2, mp_context=get_context("fork"))


def random_study(**settings: object) -> Study:
    return Study(LINE, direction="maximize", algorithm=RANDOM, **settings)


@pytest.mark.parametrize("batch", [1, 3])
def test_an_executor_measures_what_is_measured_here(batch: int) -> None:
    with ThreadPoolExecutor(4) as threads:
        best = random_study().optimize(slowly, budget=7, batch=batch, executor=threads)
    here = random_study()
    here.optimize(height, budget=7, batch=1)
    # Random search proposes the same whatever was told, if it is asked for one at a time.
    if batch == 1:
        assert best == here.best
    assert best.value is not None


def test_a_full_batch_runs_at_once_and_each_end_is_told() -> None:
    under_way, most, lock, told = 0, 0, threading.Lock(), list[int]()

    def evaluate(params: gdopt.space.parameters.Params) -> float:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.02)
        with lock:
            under_way -= 1
        return height(params)

    with ThreadPoolExecutor(8) as threads:
        study = random_study()
        study.optimize(
            evaluate, budget=12, batch=3, executor=threads, progress=lambda s: told.append(len(s.state.done))
        )
    assert most == 3
    assert len(study.state.done) == 12
    assert told[-1] == 12
    assert told == sorted(told)


def test_what_a_dead_worker_had_is_evaluated_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GDOPT_TEST_FOLDER", str(tmp_path))
    study = random_study(storage=tmp_path / "study")
    study.optimize(dying_once, budget=6, batch=2, executor=pool)
    assert (tmp_path / "died").exists()
    assert [t.status for t in study.trials] == ["done"] * 6


def test_a_trial_that_kills_its_workers_is_abandoned() -> None:
    study = random_study()
    study.optimize(deadly, budget=3, batch=1, executor=pool)
    assert {t.status for t in study.trials if t.params["x"] > 0} <= {"abandoned"}
    assert [t.status for t in study.trials if t.params["x"] <= 0] == ["done"] * 3
    assert {t.reason for t in study.trials if t.status == "abandoned"} <= {"its worker died 3 times"}


def test_a_run_after_a_pool_that_stayed_broken_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GDOPT_TEST_FOLDER", str(tmp_path))
    study = random_study(storage=tmp_path / "study")
    with pool() as processes, pytest.raises(BrokenExecutor, match="give a function that makes one"):
        study.optimize(dying_once, budget=4, batch=2, executor=processes)
    assert len(study.pending) >= 1
    study.optimize(height, budget=4, batch=2)
    assert [t.status for t in study.trials] == ["done"] * len(study.trials)


def test_an_error_in_a_worker_is_raised_after_the_others_are_told() -> None:
    def evaluate(params: gdopt.space.parameters.Params) -> float:
        if len(calls) == 3:
            raise KeyError("broken pipette")
        calls.append(params)
        return 1.0

    calls: list[gdopt.space.parameters.Params] = []
    study = random_study()
    with ThreadPoolExecutor(1) as threads, pytest.raises(KeyError, match="broken pipette"):
        study.optimize(evaluate, budget=8, batch=2, executor=threads)
    assert len(study.state.done) == 3
    assert {t.reason for t in study.trials if t.status == "failed"} == {"KeyError: 'broken pipette'"}


class Remote:
    """An executor of another kind: its jobs are no futures, and can only be looked at."""

    class Ticket:
        def __init__(self, call: Future) -> None:
            self.call, self.looks = call, 0

        def done(self) -> bool:
            self.looks += 1
            return self.looks > 1

        def result(self) -> object:
            return self.call.result()

    def submit(self, fn: Callable, *args: object) -> "Remote.Ticket":
        call: Future = Future()
        call.set_result(fn(*args))
        return self.Ticket(call)


def test_jobs_that_are_no_futures_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "LOOK", 0.001)
    assert random_study().optimize(height, budget=3, batch=2, executor=Remote()).value is not None


def test_several_outcomes_come_from_one_evaluation() -> None:
    study = Study(LINE, direction="maximize", objective="y", outcome_constraints=["c <= 0"], algorithm=RANDOM)
    best = study.optimize(lambda p: {"y": height(p), "c": p["x"]}, budget=9, batch=3)
    assert best.outcomes["c"][0] <= 0
    assert best.value == max(t.value for t in study.trials if t.params["x"] <= 0)


@pytest.mark.parametrize("executor", [None, lambda: ThreadPoolExecutor(2)], ids=["here", "threads"])
def test_a_run_ends_once_every_design_was_tried(
    executor: Callable[[], ThreadPoolExecutor] | None, caplog: pytest.LogCaptureFixture
) -> None:
    objective = Counted()
    best = gdopt.maximize(objective, TINY, budget=20, batch=3, algorithm=RANDOM, executor=executor)
    assert (objective.calls, best.value) == (8, max(height({"i": i, "c": "on"}) for i in range(1, 5)))
    assert "the run ends before its budget is spent: all 8 designs were tried" in caplog.text
