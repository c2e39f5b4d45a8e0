"""A study over weeks: what is repeated counts once, what was wrong is amended, what is lost is given out again."""

import pickle
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import gdopt
from gdopt import OutcomeConstraint, ResultError, SettingsError, Status, TrialError
from gdopt.baselines import baseline
from gdopt.storage.events import EventType, described
from gdopt.storage.replay import replay
from gdopt.study.study import Study
from gdopt.trials.state import State
from tests.strategies import LINE, MIXED, unchecked


def random_study(space: gdopt.Space = LINE, **settings: object) -> Study:
    return Study(space, **{"direction": "maximize", "algorithm": gdopt.RandomSearch(), **settings})


# Repeated.


def test_a_batch_that_is_asked_for_again_comes_back(tmp_path: Path) -> None:
    study = random_study(storage=tmp_path / "study")
    plate = study.ask(3, key="plate-7")
    study.ask(2, key="plate-8")
    assert study.ask(3, key="plate-7") == plate
    assert Study.load(tmp_path / "study").ask(3, key="plate-7") == plate
    assert len(study.trials) == 5


def test_a_batch_of_another_size_is_refused() -> None:
    study = random_study()
    study.ask(3, key="plate")
    with pytest.raises(SettingsError, match=r"key = 'plate': 3 trials asked for with it before, now 2"):
        study.ask(2, key="plate")


def test_a_key_that_is_of_a_result_is_refused() -> None:
    study = random_study()
    study.add({"x": 0.5}, 1.0, key="row 1")
    with pytest.raises(SettingsError, match="key = 'row 1': something else was added with it"):
        study.ask(1, key="row 1")


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_told_twice_is_told_once(direction: str) -> None:
    study = random_study(direction=direction)
    study.ask(3)
    assert study.tell({0: (1.5, 0.1)})
    before = study.state
    assert not study.tell({0: (1.5, 0.1)})
    assert study.state is before
    assert study.tell({0: (1.5, 0.1), 1: 2.0})
    assert [t.value for t in study.trials] == [1.5, 2.0, None]
    study.fail(2)
    study.fail(2)
    assert study.trials[2].status is Status.FAILED


def test_another_error_or_gradient_is_another_result() -> None:
    study = random_study()
    study.ask(2)
    study.tell(0, (1.5, 0.1))
    study.tell(1, 1.5, gradient={"x": 1.0})
    for call in (lambda: study.tell(0, 1.5), lambda: study.tell(1, 1.5, gradient={"x": 2.0})):
        with pytest.raises(TrialError, match=r"is done with 1\.5 already; it was now told 1\.5"):
            call()


def test_a_result_added_again_with_its_key_is_the_same_trial() -> None:
    study = random_study()
    first = study.add({"x": 0.5}, 1.0, key="row 1")
    assert study.add({"x": 0.5}, 1.0, key="row 1") == first
    assert study.add({"x": 0.5}, 1.0, key="row 2").id == 1
    with pytest.raises(TrialError, match=r"key = 'row 1': added with it was .*'value': 1\.0.*, now .*'value': 2\.0"):
        study.add({"x": 0.5}, 2.0, key="row 1")


# Amended.


def test_an_amended_value_takes_the_others_place_and_both_stay_in_the_history() -> None:
    study = random_study(direction="minimize")
    study.ask(2)
    study.tell({0: 1.5, 1: 3.0})
    study.amend(0, 5.1, reason="decimal point")
    assert (study.trials[0].value, study.trials[0].reason, study.best.id) == (5.1, "decimal point", 1)
    kinds = [entry.kind for entry in study.history(0)]
    assert kinds == [EventType.ASKED, EventType.TOLD, EventType.AMENDED]
    assert study.history(0)[1].data["0"]["value"] == 1.5
    assert [entry.kind for entry in study.history(1)] == [EventType.ASKED, EventType.TOLD]


def test_a_failure_may_turn_out_a_success_and_the_other_way_round() -> None:
    study = random_study()
    study.ask(2)
    study.tell(0, 1.0)
    study.fail(1)
    study.amend(0, None, reason="wrong vial")
    study.amend(1, 2.0, reason="found it")
    assert [(t.status, t.value) for t in study.trials] == [("failed", None), ("done", 2.0)]


def test_what_is_pending_has_nothing_to_amend() -> None:
    study = random_study()
    study.ask()
    with pytest.raises(TrialError, match=r"trial 0 is still pending: tell it"):
        study.amend(0, 1.0, reason="again")


def test_other_parameters_than_proposed_are_learned_from_and_the_proposal_is_kept() -> None:
    study = random_study()
    (trial,) = study.ask()
    study.tell(0, 1.0, params={"x": 0.25})
    assert (study.trials[0].params, study.trials[0].proposed) == ({"x": 0.25}, trial.params)
    with pytest.raises(TrialError, match=r"was told as \{'x': 0.25\} already; it was now told as \{'x': 0.5\}"):
        study.tell(0, 1.0, params={"x": 0.5})
    with pytest.raises(gdopt.SpaceError, match="x = 99 is far outside"):
        study.amend(0, 1.0, params={"x": 99}, reason="again")


# Leases.


def test_a_trial_whose_lease_ran_out_is_given_to_the_next_worker() -> None:
    study = random_study()
    first = study.ask(2, worker="a", lease=1e-6)
    assert [t.worker for t in first] == ["a", "a"]
    again = study.ask(3, worker="b", lease=3600)
    assert [t.id for t in again] == [0, 1, 2]
    assert {t.worker for t in study.pending} == {"b"}
    assert len(study.rounds) == 2
    assert [t.id for t in study.ask(1, worker="c", lease=3600)] == [3]


def test_a_late_result_is_taken_and_a_second_one_refused() -> None:
    study = random_study()
    study.ask(1, worker="a", lease=1e-6)
    study.ask(1, worker="b", lease=3600)
    assert study.tell(0, 1.0)
    with pytest.raises(TrialError, match=r"trial 0 is done with 1\.0 already; it was now told 2\.0"):
        study.tell(0, 2.0)


def test_without_a_lease_nothing_is_given_out_twice() -> None:
    study = random_study()
    study.ask(2)
    assert [t.id for t in study.ask(2, lease=1e-6)] == [2, 3]
    assert [t.id for t in study.ask(2)] == [4, 5]


def test_released_trials_come_first_and_asked_again_by_key_the_same() -> None:
    study = random_study()
    study.ask(3, worker="a", lease=3600)
    study.release(1)
    got = study.ask(2, worker="b", lease=3600, key="b1")
    assert [t.id for t in got] == [1, 3]
    assert study.ask(2, worker="b", lease=3600, key="b1") == study.trials[1:4:2]
    study.release(1, 3)
    got = study.ask(2, worker="c", lease=3600, key="c1")
    assert study.ask(2, worker="c", lease=3600, key="c1") == got
    study.tell(1, 1.0)
    with pytest.raises(TrialError, match="trial 1 is done: only what is pending can be given out"):
        study.release(1)


@pytest.mark.parametrize("lease", [0.0, -1.0, float("nan")])
def test_a_lease_that_is_none_is_refused(lease: float) -> None:
    with pytest.raises(SettingsError, match=r"lease = .*: expected seconds above 0"):
        random_study().ask(1, lease=lease)


# Several outcomes.


def purity() -> Study:
    return random_study(objective="yield", outcome_constraints=["impurity <= 2"], tracking_metrics=["cost"])


def test_named_outcomes_are_told_together_or_one_after_the_other() -> None:
    study = purity()
    study.ask(2)
    study.tell(0, {"yield": (80.0, 1.0), "impurity": 1.5, "cost": 3.0})
    study.tell(1, {"impurity": (2.5, 0.1)})
    assert (study.trials[1].status, study.trials[1].outcomes) == ("pending", {"impurity": (2.5, 0.1)})
    study.tell(1, 90.0)
    assert (study.trials[1].status, study.trials[1].value) == ("done", 90.0)
    study.tell(1, {"cost": 4.0})
    assert study.to_frame()["cost"].tolist() == [3.0, 4.0]
    assert study.to_frame()["yield"].tolist() == [80.0, 90.0]
    assert not study.tell(1, {"cost": 4.0, "impurity": (2.5, 0.1)})
    with pytest.raises(TrialError, match=r"trial 1 has cost = 4.0 already; it was now told 5.0; amend corrects it"):
        study.tell(1, {"cost": 5.0})


def test_the_best_satisfies_the_limits() -> None:
    study = purity()
    study.ask(3)
    study.tell({0: {"yield": 80.0, "impurity": 1.5}, 1: {"yield": 90.0, "impurity": 2.5}, 2: 95.0})
    assert study.best.id == 0
    study.tell(2, {"impurity": 2.0})
    assert study.best.id == 2
    study.amend(2, {"yield": 95.0, "impurity": 2.1}, reason="second run")
    assert study.best.id == 0


def test_no_best_is_known_as_long_as_no_limit_is() -> None:
    study = purity()
    study.ask()
    study.tell(0, 80.0)
    with pytest.raises(TrialError, match="no trial is known to satisfy impurity <= 2"):
        _ = study.best


def test_what_breaks_a_limit_is_a_failure_to_an_algorithm_that_knows_no_limits() -> None:
    eda = baseline("eda")
    broken = Study(LINE, direction="maximize", objective="y", outcome_constraints=["c <= 0"], algorithm=eda, seed=1)
    failed = Study(LINE, direction="maximize", algorithm=eda, seed=1)
    for study in (broken, failed):
        study.ask(6)
    broken.tell({i: {"y": float(i), "c": float(i % 2)} for i in range(6)})
    failed.tell({i: float(i) for i in (0, 2, 4)})
    failed.fail(1, 3, 5)
    assert [t.params for t in broken.ask(3)] == [t.params for t in failed.ask(3)]


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda s: s.tell(0, {"yeild": 1.0}), r"outcomes \['yeild'\] are unknown; told may be \['yield', 'impurity',"),
        (lambda s: s.tell(0, {}), "a result has no outcome"),
        (lambda s: s.tell(0, {"impurity": "low"}), "impurity must be a number or .* got 'low'"),
        (lambda s: s.tell(0, {"impurity": True}), "impurity must be a number or .* got True"),
        (lambda s: s.tell(0, {"impurity": float("nan")}), "must be finite"),
        (lambda s: s.tell(0, {"impurity": 1.0}, gradient={"x": 1.0}), "a gradient is told with a value of yield"),
        (lambda s: s.add({"x": 0.1}, {"impurity": 1.0}), "a result that is added needs a value of yield"),
    ],
)
def test_a_wrong_outcome_is_named_and_changes_nothing(call: Callable, match: str) -> None:
    study = purity()
    study.ask()
    before = study.state
    with unchecked(), pytest.raises(ResultError, match=match):
        call(study)
    assert study.state is before


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("impurity <= 2", OutcomeConstraint("impurity", "<=", 2.0)),
        (" turnover number>=1e3 ", OutcomeConstraint("turnover number", ">=", 1e3)),
    ],
)
def test_a_limit_reads_as_it_is_written(text: str, limit: OutcomeConstraint) -> None:
    assert OutcomeConstraint.of(text) == limit
    assert OutcomeConstraint.of(str(limit)) == limit


@pytest.mark.parametrize("text", ["impurity < 2", "impurity <= low", "<= 2", "impurity", "impurity <= nan"])
def test_a_limit_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"limit .*(expected an outcome, <= or >=, and a number|must be finite)"):
        OutcomeConstraint.of(text)


def test_an_outcome_is_declared_once() -> None:
    with pytest.raises(SettingsError, match=r"outcomes \['y', 'c', 'y'\]: expected names"):
        random_study(objective="y", outcome_constraints=["c <= 1"], tracking_metrics=["y"])


# For many at once.


def test_two_that_have_a_study_open_know_of_each_other(tmp_path: Path) -> None:
    one, two = (random_study(MIXED, storage=tmp_path / "study") for _ in range(2))
    assert [t.id for study in (one, two, one) for t in study.ask(2)] == [0, 1, 2, 3, 4, 5]
    one.tell(3, 1.0)
    with pytest.raises(TrialError, match=r"trial 3 is done with 1\.0 already; it was now told 2\.0"):
        two.tell(3, 2.0)
    two.refresh()
    assert two.state == replace(one.state, trials=two.state.trials)
    assert two.trials[3].value == 1.0


def test_asks_of_two_processes_are_what_one_alone_would_ask(tmp_path: Path) -> None:
    one, two = (random_study(MIXED, storage=tmp_path / "study") for _ in range(2))
    alone = random_study(MIXED)
    assert [t.params for study in (one, two, one) for t in study.ask(2)] == [
        t.params for _ in range(3) for t in alone.ask(2)
    ]


class Slow(gdopt.RandomSearch):
    """Lets something happen while it proposes."""

    meanwhile: Callable[[], None] = staticmethod(lambda: None)

    def ask(self, state: State, n: int) -> State:
        type(self).meanwhile()
        return super().ask(state, n)


def test_results_are_told_while_an_ask_computes() -> None:
    study = Study(LINE, direction="maximize", algorithm=Slow())
    study.ask(2)

    def tell() -> None:
        thread = threading.Thread(target=lambda: (study.tell(0, 1.0), study.add({"x": 0.5}, 2.0)))
        thread.start()
        thread.join(10)
        assert not thread.is_alive()

    Slow.meanwhile = staticmethod(tell)
    try:
        asked = study.ask(2)
    finally:
        Slow.meanwhile = staticmethod(lambda: None)
    assert [t.id for t in asked] == [3, 4]
    assert [t.value for t in study.trials] == [1.0, None, 2.0, None, None]


def test_a_pickled_study_goes_on() -> None:
    study = random_study()
    study.ask(2)
    copy = pickle.loads(pickle.dumps(study))
    copy.tell(0, 1.0)
    assert copy.trials[0].value == 1.0
    assert study.trials[0].value is None


def test_the_state_is_what_the_entries_add_up_to() -> None:
    study = random_study(direction="minimize")
    study.ask(4, worker="a", lease=10)
    study.tell({0: (1.0, 0.5), 2: 3.0})
    study.fail(1)
    study.amend(1, 2.0, reason="late")
    study.release(3)
    study.add({"x": 0.5}, 4.0)
    fresh = random_study(direction="minimize").state
    assert replay(fresh, study.store.entries(), -1.0) == study.state


def test_the_history_names_who_told_failed_and_corrected_a_trial() -> None:
    study = random_study()
    study.ask(2, worker="ann")
    study.tell(0, 5.0, worker="bob")
    study.fail(1, reason="burst", worker="cem")
    study.amend(1, 2.0, reason="it was measured", worker="dora")
    study.amend(1, None, reason="of another vial", worker="eve")
    events = [(e.kind.value, e.worker, described(e).get("status")) for e in study.history(1)]
    assert events == [
        ("asked", "ann", None),
        ("failed", "cem", None),
        ("amended", "dora", None),
        ("amended", "eve", "failed"),
    ]
    assert study.history(0)[-1].worker == "bob"
    assert [t.worker for t in study.trials] == ["ann", "ann"]


def test_a_correction_without_a_reason_is_refused() -> None:
    study = random_study()
    study.ask(1)
    study.tell(0, 1.0)
    with pytest.raises(SettingsError, match="reason = ' ': expected why the result of the trial is corrected"):
        study.amend(0, 2.0, reason=" ")
    assert study.best.value == 1.0
