"""The whole loop in one call."""

import math
from pathlib import Path

import pytest

import gdopt
from gdopt import ResultError, SettingsError, TrialError
from gdopt.study import Study
from tests.strategies import LINE, guided, height, unchecked

RANDOM = gdopt.RandomSearch()


class Counted:
    """An objective that counts its calls, and can stop at one."""

    def __init__(self, stop: int | None = None) -> None:
        self.calls = 0
        self.stop = stop

    def __call__(self, params: gdopt.space.Params) -> float:
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
def test_a_value_that_is_not_finite_is_a_failed_trial_and_the_others_of_its_batch_are_told(bad: object) -> None:
    seen: list[float] = []
    studies: list[Study] = []

    def objective(params: gdopt.space.Params) -> object:
        seen.append(height(params))
        return bad if len(seen) == 2 else seen[-1]

    gdopt.maximize(objective, LINE, budget=4, batch=4, algorithm=RANDOM, progress=studies.append)
    assert [t.status for t in studies[0].trials] == ["done", "failed", "done", "done"]
    assert [t.value for t in studies[0].trials] == [seen[0], None, *seen[2:]]


def test_failed_evaluations_count_in_the_budget() -> None:
    calls: list[gdopt.space.Params] = []

    def objective(params: gdopt.space.Params) -> float:
        calls.append(params)
        return math.nan if len(calls) % 2 else 1.0

    gdopt.maximize(objective, LINE, budget=7, batch=2, algorithm=RANDOM)
    assert len(calls) == 7


def test_an_objective_that_always_fails_ends_with_an_error() -> None:
    with pytest.raises(TrialError, match="no trial has a value"):
        gdopt.minimize(lambda p: math.nan, LINE, budget=3, algorithm=RANDOM)


@pytest.mark.parametrize("wrong", [None, "much"])
def test_what_is_no_number_is_an_error_and_no_failure(wrong: object) -> None:
    with unchecked(), pytest.raises(ResultError, match=r"value must be a number or \(number, standard error\)"):
        gdopt.maximize(lambda p: wrong, LINE, budget=3, algorithm=RANDOM)
