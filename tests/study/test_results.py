"""What people tell: by ids, by trials, in a row; and the first mistakes, which are answered with the right call."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import gdopt
from gdopt import (
    Constraint,
    GdoptError,
    Integer,
    OutcomeConstraint,
    Real,
    ResultError,
    SettingsError,
    Space,
    SpaceError,
    TrialError,
)
from gdopt.storage.events import Report
from gdopt.study.study import Study
from gdopt.trials.objectives import Objective
from gdopt.trials.trial import Result
from tests.strategies import unchecked

SPACE = Space([Real("x", 0, 1), Integer("n", 1, 8)])


def random_study(**settings: object) -> Study:
    return Study(SPACE, direction="maximize", algorithm=gdopt.RandomSearch(), **settings)


def values(study: Study) -> list[float | None]:
    return [t.value for t in study.trials]


# --- taken -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tell",
    [
        lambda s, a, b: s.tell(a, 1.0) and s.tell(b, 2.0),
        lambda s, a, b: s.tell([(a, 1.0), (b, 2.0)]),
        lambda s, a, b: s.tell([(0, 1.0), [1, 2.0]]),
        lambda s, a, b: s.tell([1.0, 2.0]),
        lambda s, a, b: s.tell(np.array([1.0, 2.0])),
        lambda s, a, b: s.tell(torch.tensor([1.0, 2.0])),
        lambda s, a, b: s.tell({np.int64(0): np.float32(1), 1: torch.tensor(2.0)}),
    ],
)
def test_results_are_told_by_trials_by_ids_and_in_the_order_of_the_last_ask(tell: object) -> None:
    study = random_study()
    assert tell(study, *study.ask(2))
    assert values(study) == [1.0, 2.0]


def test_a_row_of_values_is_of_the_last_ask_of_the_same_thread() -> None:
    study = random_study()
    study.ask(2)
    with ThreadPoolExecutor(1) as other:
        other.submit(study.ask, 2).result()
    study.tell([1.0, 2.0])
    assert values(study) == [1.0, 2.0, None, None]
    with pytest.raises(ResultError, match="of the last ask: there was none here"):
        pickle.loads(pickle.dumps(study)).tell([1.0, 2.0])


def test_trials_are_taken_where_ids_are() -> None:
    study = random_study()
    a, b, c, d = study.ask(4)
    study.fail(a, reason="spilled")
    study.abandon(b)
    study.release(c)
    study.tell(c, 1.0, failed=(one for one in [d]))
    study.amend(c, 2.0, reason="typo")
    assert [t.status for t in study.trials] == ["failed", "abandoned", "done", "failed"]
    assert study.history(c) == study.history(2)
    assert study.add(c, 3.0).params == c.params


def test_a_trial_of_another_study_is_refused() -> None:
    study, other = random_study(), random_study(seed=1)
    study.ask(1)
    (trial,) = other.ask(1)
    with pytest.raises(TrialError, match=r"trial 0 is of another study, with .*; here 0 has"):
        study.tell(trial, 1.0)


def test_a_trial_that_was_tried_as_something_else_is_still_itself() -> None:
    study = random_study()
    (trial,) = study.ask(1)
    study.tell(trial, 1.0, params={"x": 0.25, "n": 2})
    study.amend(trial, 2.0, reason="typo")
    assert values(study) == [2.0]


@pytest.mark.parametrize("design", [np.array([0.5, 3]), torch.tensor([0.5, 3.0]), np.array([0.5, 3], dtype=object)])
def test_a_design_may_be_a_row_in_the_order_of_the_space(design: object) -> None:
    study = random_study()
    (trial,) = study.ask(1)
    study.tell(trial, 1.0, params=design)
    assert study.add(design, 1.0).params == study.trials[0].params == {"x": 0.5, "n": 3}
    assert type(study.trials[0].params["n"]) is int


def test_failed_designs_from_before_the_study_are_added_and_come_back_from_the_file(tmp_path: Path) -> None:
    study = random_study(storage=tmp_path / "study")
    failed = study.add({"x": 0.5, "n": 3}, failed=True, reason="no product", key="a")
    assert (failed.status, failed.reason, failed.value) == ("failed", "no product", None)
    assert study.add({"x": 0.5, "n": 3}, failed=True, reason="no product", key="a") == failed
    assert Study.load(tmp_path / "study").trials == [failed]
    with pytest.raises(ResultError, match="a design that failed has no value"):
        study.add({"x": 0.5, "n": 3}, 1.0, failed=True)
    with pytest.raises(ResultError, match=r"needs a value of value, got None; a design without one has failed"):
        study.add({"x": 0.5, "n": 3})


def test_a_value_beyond_a_bound_by_rounding_is_that_bound() -> None:
    study = random_study()
    assert study.add({"x": 1 + 1e-13, "n": 8}, 1.0).params["x"] == 1
    assert study.add({"x": -1e-13, "n": 1}, 1.0).params["x"] == 0
    assert not SPACE.allows({"x": 1 + 1e-9, "n": 1})


def test_numbers_of_numpy_are_taken_wherever_numbers_are(tmp_path: Path) -> None:
    space = Space(
        [
            Real("x", np.int64(0), np.float32(5)),
            Integer("n", np.array(1), np.int32(8)),
            gdopt.Choice("c", ["a", np.str_("b")], active_if={"n": 3}),
        ],
        [Constraint({"x": np.float32(1), "n": torch.tensor(1.0)}, np.float64(9))],
    )
    study = Study(
        space, direction="maximize", outcome_constraints=[OutcomeConstraint("i", "<=", np.float32(2))],
        seed=np.int64(3), batch=np.int64(2),
        algorithm=gdopt.RandomSearch(), storage=tmp_path / "study",
    )  # fmt: skip
    assert len(study.ask(lease=np.float32(60))) == 2
    opened = Study.load(tmp_path / "study")
    assert (opened.space, opened.outcome_constraints, opened.batch) == (space, study.outcome_constraints, 2)
    assert len(opened.ask(np.int64(1))) == 1
    best = gdopt.minimize(lambda p: np.float32(p["x0"]), np.array([[0, 1], [0, 2]]), budget=np.int64(2))
    assert 0 <= best.value <= 1


def test_bounds_are_pairs_or_lows_and_highs_as_botorch_has_them() -> None:
    pairs = Space.from_bounds([(0, 1), (0, 2), (0, 3)])
    assert Space.from_bounds(np.array([[0, 1], [0, 2], [0, 3]])) == pairs
    assert Space.from_bounds(torch.tensor([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]])) == pairs
    assert Space.from_bounds(np.array([[0, 1], [0, 2]])) == Space.from_bounds([(0, 1), (0, 2)])
    assert Space.from_bounds(torch.tensor([[0.0, 0.0], [1.0, 2.0]])) == Space.from_bounds([(0, 1), (0, 2)])
    with pytest.raises(SpaceError, match=r"are two \(low, high\) pairs, or two lows and two highs"):
        Space.from_bounds(np.array([[-5, 0], [10, 15]]))


@pytest.mark.parametrize("name", ["id", "round", "status", "source", "sem", "worker", "reason"])
def test_columns_of_a_frame_have_different_names(name: str) -> None:
    space = Space([Real(name, 0, 1), Real("params.id", 0, 1)])
    study = Study(space, direction="maximize", objective=name, algorithm=gdopt.RandomSearch())
    study.tell({t.id: 2.0 for t in study.ask(1)})
    frame = study.to_frame()
    assert not frame.columns.duplicated().any()
    assert frame[f"outcomes.{name}"].tolist() == [2.0]


# --- refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda s, t: s.tell([1.0]), r"expected tell\(trial, 1.5\), .*; of the last ask: it has 2 trials, \[0, 1\]"),
        (lambda s, t: s.tell([1.0, (0, 2.0)]), r"expected tell\(trial, 1.5\)"),
        (lambda s, t: s.tell((0, 5)), r"tell\(\(0, 5\)\): expected tell\(trial, 1.5\)"),
        (lambda s, t: s.tell([(0, 1.0), (0, 2.0)]), r"trials \[0\] are told"),
        (lambda s, t: s.tell([(1.5, 0.1), (2.5, 0.1)]), "trial 1.5 is unknown"),
        (lambda s, t: s.tell(pd.Series([1.0, 2.0])), r"expected tell\(trial, 1.5\)"),
        (lambda s, t: s.tell({0: 1.0}, failed=0), r"failed = 0: expected trials or their ids, such as failed=\[3\]"),
        (lambda s, t: s.tell({0: 1.0}, failed={1: 5}), "reason = 5: expected text"),
        (lambda s, t: s.tell({0: 1.0}, failed=(i for i in [0])), r"trials \[0\] are told, failed or abandoned at once"),
        (lambda s, t: s.fail(0, reason=float("nan")), "reason = nan: expected text"),
        (lambda s, t: s.fail(0, reason=(1,)), r"reason = \(1,\): expected text"),
        (lambda s, t: s.history("0"), "trial '0' is unknown"),
        (lambda s, t: s.add_all([({"x": 1.0}, 1.0)]), r"expected \{key: \(params, value\), ...\}"),
        (lambda s, t: s.ask(lease=float("inf")), r"^lease = inf: expected seconds above 0"),
        (lambda s, t: s.ask(lease="1"), r"^lease = '1': expected seconds above 0"),
        (lambda s, t: s.ask(lease=10**400), "expected seconds above 0"),
        (lambda s, t: s.ask(10**9), "expected a whole number above 0, at most 1000000"),
        (lambda s, t: s.add([0.5, 3], 1.0), r'such as \{"x": ..., "n": ...\}, or an array of them in this order'),
        (lambda s, t: s.add(np.array([0.5]), 1.0), "or an array of them in this order"),
        (lambda s, t: s.tell(t, Report(5.0)), r"expected such as Report\(Result\(1.5\)"),
        (lambda s, t: s.tell(t, Report(Result(1e301))), r"expected 1e\+300 or less in size"),
        (lambda s, t: s.tell(t, Report(None, {"mass": (1.0, None)})), r"outcomes \['mass'\] are unknown"),
        (lambda s, t: s.tell(t, Report(Result(1.0), {"value": (2.0, None)})), "value is told twice"),
        (lambda s, t: s.tell({0: Report(Result(1.0), note=5)}), "note = 5: expected text"),
    ],
)
def test_what_is_no_result_is_refused_with_what_was_expected(call: object, match: str) -> None:
    study = random_study()
    trial, _ = study.ask(2)
    before = study.state, study.revision
    with unchecked(), pytest.raises(GdoptError, match=match):
        call(study, trial)
    assert (study.state, study.revision) == before


def with_algorithm(algorithm: object) -> Study:
    return Study(SPACE, direction="maximize", algorithm=algorithm)


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: Study([("x", 0, 1)], direction="maximize"), SpaceError, r'such as Space\(\[Real\("x", 0, 1\)\]\)'),
        (lambda: Space([("x", 0, 1)]), SpaceError, r'parameters, such as Real\("x", 0, 1\).*; got \(.x., 0, 1\)'),
        (lambda: random_study(seed=1.5), SettingsError, "seed = 1.5: expected a whole number"),
        (lambda: with_algorithm("guided"), SettingsError, r"expected an algorithm, such as GuidedDiffusion\(\)"),
        (lambda: with_algorithm(gdopt.RandomSearch), SettingsError, "expected an algorithm, such as"),
        (
            lambda: random_study(tracking_metrics="colour"),
            SettingsError,
            r"tracking_metrics = 'colour': expected a list of names",
        ),
        (
            lambda: random_study(outcome_constraints="i <= 2"),
            SettingsError,
            r"outcome_constraints = 'i <= 2': expected a list, such as",
        ),
        (lambda: random_study(storage=5), SettingsError, "storage = 5: expected the path of a file"),
        (lambda: Real("x", "0", "1"), SpaceError, "x: low and high must be numbers, got '0' and '1'; expected such as"),
        (lambda: Real(5, 0, 1), SpaceError, r'must be a string, got 5; expected such as Real\("x", 0, 1\)'),
        (lambda: Objective("y", "up"), SettingsError, "direction = 'up': expected 'maximize' or 'minimize'"),
        (lambda: OutcomeConstraint("y", "<=", "2"), SettingsError, "limit on y: the bound must be finite, got '2'"),
        (lambda: Constraint(["x"], 1), SpaceError, r'expected such as Constraint\(\{"a": 1, "b": 1\}, 1\)'),
        (lambda: gdopt.minimize(5, [(0, 1)], budget=1), SettingsError, "evaluate = 5: expected a function"),
        (lambda: gdopt.minimize(abs, [(0, 1)], budget=1, catch="x"), SettingsError, "catch = 'x': expected exceptions"),
        (lambda: gdopt.minimize(lambda x: x[0] ** 2, [(-1, 1)], budget=1), SpaceError, r'such as params\["x0"\]'),
    ],
)
def test_a_first_mistake_is_answered_with_the_right_call(make: object, error: type, match: str) -> None:
    with unchecked(), pytest.raises(error, match=match):
        make()


def test_a_second_reason_is_refused_and_the_same_one_is_no_news() -> None:
    study = random_study()
    study.ask(1)
    study.fail(0, reason="x")
    study.fail(0, reason="x")
    study.fail(0)
    with pytest.raises(TrialError, match=r"trial 0 is failed already, for 'x', not 'y'; amend\(\) changes it"):
        study.fail(0, reason="y")
    assert [t.reason for t in study.trials] == ["x"]
    assert study.revision == 2
