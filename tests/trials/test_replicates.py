"""Repeated measurements as one: the weighted mean in closed form, and what a study makes of it."""

import pytest

import gdopt
from gdopt.acquisition.data import TrainingData
from gdopt.codecs.box import BoxCodec
from gdopt.study.study import Study
from gdopt.trials.replicates import average_replicates, pooled
from gdopt.trials.state import State
from gdopt.trials.trial import Result, Status, Trial
from tests.strategies import LINE


def test_measurements_without_errors_have_their_plain_mean() -> None:
    assert pooled([Result(1.0), Result(2.0), Result(6.0)]) == Result(3.0)


def test_measurements_with_errors_are_weighted_by_their_precision() -> None:
    found = pooled([Result(1.0, 0.1), Result(2.0, 0.2)])
    assert found.value == pytest.approx((1.0 / 0.01 + 2.0 / 0.04) / (1 / 0.01 + 1 / 0.04))
    assert found.sem == pytest.approx((1 / 0.01 + 1 / 0.04) ** -0.5)


def test_the_error_of_n_alike_falls_with_the_root_of_n() -> None:
    assert pooled([Result(1.0, 0.3)] * 9).sem == pytest.approx(0.1)


def test_an_exact_measurement_outweighs_all_others() -> None:
    assert pooled([Result(5.0, 0.0), Result(1.0, 0.1)]) == Result(5.0, 0.0)


def test_one_missing_error_leaves_the_mean_without() -> None:
    assert pooled([Result(1.0, 0.001), Result(2.0)]) == Result(1.5)


@pytest.mark.parametrize("value", [1.7e308, -1.7e308, 0.1, 5e-324, 0.0])
def test_equal_values_of_any_size_have_themselves_for_a_mean(value: float) -> None:
    assert pooled([Result(value)] * 3).value == value


def test_errors_of_very_different_size_do_not_overflow() -> None:
    found = pooled([Result(1.0, 1e-200), Result(2.0, 1e200)])
    assert (found.value, found.sem) == (1.0, 1e-200)


def test_trials_of_one_design_are_one_and_others_are_left_as_they_are() -> None:
    once = Trial(0, {"x": 0.5}, Status.DONE, Result(7.0, 0.1))
    twice = [Trial(i, {"x": 1.0}, Status.DONE, Result(float(i))) for i in (1, 3)]
    waiting, failed = Trial(4, {"x": 1.0}), Trial(5, {"x": 1.0}, Status.FAILED)
    found = average_replicates([once, *twice, waiting, failed])
    assert found[0] is once
    assert [(t.id, t.value) for t in found[1:]] == [(1, 2.0)]


def test_the_luckiest_of_many_measurements_does_not_make_a_design_the_best() -> None:
    study = Study(LINE, direction="maximize")
    for value in (0.0, 9.0, 0.0):
        study.add({"x": 0.0}, value)
    steady = study.add({"x": 1.0}, 5.0)
    assert study.best == steady


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_best_has_the_mean_of_its_design_in_the_users_direction(direction: str) -> None:
    study = Study(LINE, direction=direction)
    for value in (1.0, 2.0):
        study.add({"x": 0.0}, (value, 0.2))
    best = study.best
    assert (best.id, best.value, best.result.sem) == (0, pytest.approx(1.5), pytest.approx(0.02**0.5))
    assert study.trials[0].value == 1.0


def test_a_design_told_often_is_one_row_of_what_is_known() -> None:
    done = [Trial(i, {"x": x}, Status.DONE, Result(y)) for i, (x, y) in enumerate([(0, 1.0), (1, 8.0), (0, 3.0)])]
    data = TrainingData(State(LINE, 0, tuple(done)), BoxCodec(LINE))
    z, y = data.z, data.y
    assert y.tolist() == [8.0, 2.0]
    assert z.tolist() == BoxCodec(LINE).encode([{"x": 1}, {"x": 0}]).tolist()


def test_learning_waits_for_different_designs() -> None:
    study = Study(LINE, direction="maximize", algorithm=gdopt.GuidedDiffusion(n_initial=4, candidates=16))
    for value in range(4):
        study.add({"x": 0.0}, float(value))
    assert study.ask()[0].source == "start"
