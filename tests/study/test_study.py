"""The study: what it is told, in which sense, and that an error leaves it as it was."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import gdopt
from gdopt import GdoptError, ResultError, SettingsError, SpaceError, Status, TrialError
from gdopt.storage.events import Report
from gdopt.study.study import Study
from gdopt.trials.trial import Result
from tests.strategies import (
    CONSTRAINED,
    LINE,
    MIXED,
    dna,
    drive,
    expert_prior,
    guided,
    masked,
    prior,
    tell,
    unchecked,
    weighted_prior,
)

GOOD = {"heat": 50.0, "cycles": 3, "base": "KOAc"}


def asked(space: gdopt.Space = LINE, direction: str = "maximize", n: int = 3, **settings: object) -> Study:
    study = Study(space, direction=direction, algorithm=gdopt.RandomSearch(), **settings)
    study.ask(n)
    return study


# Errors leave everything as it was.

both_directions = pytest.mark.parametrize("direction", ["maximize", "minimize"])


@contextmanager
def refused(study: Study, error: type[GdoptError], match: str) -> Iterator[None]:
    """The error is raised inside, and the study is as it was."""
    before = study.state
    with unchecked(), pytest.raises(error, match=match) as caught:
        yield
    assert isinstance(caught.value, GdoptError)
    assert study.state is before


@both_directions
@pytest.mark.parametrize(
    ("value", "match"),
    [
        (math.nan, "must be finite, got nan; a trial without a value has failed"),
        (math.inf, "must be finite, got inf"),
        (-math.inf, "must be finite, got -inf"),
        ((1.0, -0.1), "standard error must be finite and not negative, got -0.1"),
        ((1.0, math.nan), "standard error must be finite and not negative, got nan"),
        ("high", "must be a number or .number, standard error., got 'high'"),
        ([1.0, 0.1], r"got \[1.0, 0.1\]"),
        ((1.0, 0.1, 0.2), r"got \(1.0, 0.1, 0.2\)"),
        ((1.0, "wide"), r"got \(1.0, 'wide'\)"),
        ({"yield": 1.0}, r"outcomes \['yield'\] are unknown; told may be \['value'\]"),
        (None, "must be a number .* got None"),
    ],
)
def test_a_value_that_is_no_result_is_refused(direction: str, value: object, match: str) -> None:
    study = asked(direction=direction)
    with refused(study, ResultError, match):
        study.tell(0, value)


@both_directions
@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (({0: 1.0, 1: math.nan},), "must be finite"),
        (({0: 1.0}, 2.0), "a mapping of ids to results, or one id"),
        ((0,), "must be a number .* got None"),
    ],
)
def test_results_that_are_told_wrongly_are_all_refused(direction: str, arguments: tuple, match: str) -> None:
    study = asked(direction=direction)
    with refused(study, ResultError, match):
        study.tell(*arguments)


@both_directions
@pytest.mark.parametrize(
    ("gradient", "match"),
    [
        ({"y": 1.0}, r"gradient names \['y'\]"),
        ({"x": math.nan}, "gradient must be finite, got {'x': nan}"),
        ({"x": math.inf}, "gradient must be finite, got {'x': inf}"),
        ({"x": "up"}, "gradient"),
    ],
)
def test_a_gradient_of_other_names_or_no_finite_numbers_is_refused(
    direction: str, gradient: dict[str, object], match: str
) -> None:
    study = asked(direction=direction)
    with refused(study, ResultError, match):
        study.tell(0, 1.0, gradient=gradient)


@both_directions
def test_a_gradient_of_several_trials_at_once_is_refused(direction: str) -> None:
    study = asked(direction=direction)
    with refused(study, ResultError, "a mapping of ids to results, or one id"):
        study.tell({0: 1.0}, gradient={"x": 1.0})


@both_directions
@pytest.mark.parametrize(
    ("trial", "match"),
    [
        (7, r"trial 7 is unknown; pending are \[0, 1, 2\]"),
        (-1, "trial -1 is unknown"),
        ("0", "trial '0' is unknown"),
        (0.5, "trial 0.5 is unknown"),
    ],
)
def test_a_result_of_an_unknown_trial_is_refused(direction: str, trial: object, match: str) -> None:
    study = asked(direction=direction)
    with refused(study, TrialError, match):
        study.tell(trial, 1.0)


@both_directions
@pytest.mark.parametrize("method", ["tell", "fail", "abandon"])
def test_one_unknown_trial_among_others_refuses_them_all(direction: str, method: str) -> None:
    study = asked(direction=direction)
    with refused(study, TrialError, "trial 7 is unknown"):
        study.tell({0: 1.0, 7: 1.0}) if method == "tell" else getattr(study, method)(0, 7)


@both_directions
@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"x": 9.0}, r"x = 9.0 is far outside \[-2, 3\]"),
        ({"y": 0.0}, r"missing parameters \['x'\], unknown parameters \['y'\]"),
        ({"x": "low"}, "x = 'low': expected a number"),
    ],
)
def test_added_parameters_that_are_not_of_the_space_are_refused(
    direction: str, params: dict[str, object], match: str
) -> None:
    study = asked(direction=direction)
    with refused(study, SpaceError, match):
        study.add(params, 1.0)


@both_directions
@pytest.mark.parametrize(
    ("value", "gradient", "match"),
    [(math.nan, None, "must be finite"), (1.0, {"y": 1.0}, r"gradient names \['y'\]")],
)
def test_an_added_value_that_is_no_result_is_refused(
    direction: str, value: float, gradient: dict[str, float] | None, match: str
) -> None:
    study = asked(direction=direction)
    with refused(study, ResultError, match):
        study.add({"x": 0.0}, value, gradient=gradient)


@both_directions
@pytest.mark.parametrize("n", [0, -3, 1.5, True, "2"])
def test_a_number_of_trials_that_is_no_whole_number_above_0_is_refused(direction: str, n: object) -> None:
    study = asked(direction=direction)
    with refused(study, SettingsError, f"n = {n!r}: expected a whole number above 0"):
        study.ask(n)


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
@pytest.mark.parametrize(
    ("again", "match"),
    [
        (lambda s: s.tell(0, 2.5), r"trial 0 is done with 1.5 already; it was now told 2.5; amend corrects it$"),
        (
            lambda s: s.tell({0: -2.5, 3: 1.0}),
            r"trial 0 is done with 1.5 already; it was now told -2.5; amend corrects",
        ),
        (lambda s: s.fail(0), r"trial 0 is done with 1.5 already; it was now told failed; amend corrects it$"),
        (lambda s: s.tell(1, 2.5), r"trial 1 is failed already; it was now told 2.5; amend corrects it$"),
        (lambda s: s.tell(2, 2.5), r"trial 2 is abandoned already; it was now told 2.5; amend corrects it$"),
    ],
)
def test_telling_twice_names_both_values_in_the_users_sense(direction: str, again: Callable, match: str) -> None:
    study = asked(direction=direction)
    study.tell(0, 1.5)
    study.fail(1)
    study.abandon(2)
    before = study.state
    with pytest.raises(TrialError, match=match):
        again(study)
    assert study.state is before


def test_an_unknown_trial_of_many_lists_some_that_are_pending() -> None:
    with pytest.raises(
        TrialError, match=r"pending are \[0, 1, 2, 3, 4, 5, 6, 7\] \.\.\.; add takes results that were not asked for$"
    ):
        asked(n=20).tell(99, 1.0)


def test_an_unknown_trial_of_none_says_so() -> None:
    with pytest.raises(TrialError, match="trial 0 is unknown; pending are none"):
        Study(LINE, direction="maximize").tell(0, 1.0)


@pytest.mark.parametrize("direction", ["maximise", "", None, "MAXIMIZE"])
def test_a_wrong_direction_is_refused(direction: object) -> None:
    with unchecked(), pytest.raises(SettingsError, match=r"expected 'maximize' or 'minimize'"):
        Study(LINE, direction=direction)


@pytest.mark.parametrize("seed", [-1, 1.5, "0", 2**64, None])
def test_a_seed_that_is_none_is_refused(seed: object) -> None:
    with unchecked(), pytest.raises(SettingsError, match="seed = "):
        Study(LINE, direction="maximize", seed=seed)


def test_constraints_that_leave_nothing_are_refused_at_once() -> None:
    space = gdopt.Space([gdopt.Real("x", 0, 1)], [gdopt.Constraint({"x": 1}, -1)])
    with pytest.raises(SpaceError, match="no parameters within the bounds satisfy the constraints"):
        Study(space, direction="maximize")


def test_constraints_that_no_whole_number_satisfies_are_refused_by_ask() -> None:
    half = [gdopt.Constraint({"i": 1}, 2.6), gdopt.Constraint({"i": -1}, -2.4)]
    study = Study(gdopt.Space([gdopt.Integer("i", 1, 8)], half), direction="maximize")
    before = study.state
    with pytest.raises(SpaceError, match=r"no design is allowed by i <= 2\.6; -1 i <= -2\.4"):
        study.ask()
    assert study.state is before


def test_whole_numbers_in_an_equality_are_learned_of_and_it_holds_in_every_trial() -> None:
    space = gdopt.Space(
        [gdopt.Integer("n", 0, 9), gdopt.Real("a", 0, 1)], [gdopt.Constraint({"n": 0.1, "a": 1}, equal=1.0)]
    )
    study = Study(space, direction="maximize", algorithm=guided())
    drive(study, 2, 4, lambda p: -abs(p["n"] - 6))
    assert all(abs(0.1 * t.params["n"] + t.params["a"] - 1) < 1e-9 for t in study.trials)
    assert {t.source for t in study.trials} - {"start"}
    assert study.best.params == {"n": 6, "a": pytest.approx(0.4)}


@pytest.mark.parametrize("algorithm", [gdopt.RandomSearch, guided])
def test_a_prior_of_another_space_is_refused(algorithm: Callable) -> None:
    with pytest.raises(
        SpaceError, match=r"another space \(5 parameters, the study has 1, .*give the study prior.space"
    ):
        Study(LINE, direction="maximize", algorithm=algorithm(prior=prior()))


def test_best_of_nothing_says_what_to_do() -> None:
    with pytest.raises(TrialError, match=r"no trial has a value yet$"):
        _ = asked().best


# Records.


def test_results_come_back_as_they_were_told() -> None:
    study = asked(MIXED, "minimize")
    study.tell(2, (1.5, 0.25), gradient={"heat": 3.0})
    told = study.trials[2]
    assert (told.value, told.result.sem, told.result.gradient) == (1.5, 0.25, {"heat": 3.0})
    assert told.status is Status.DONE


def test_what_was_told_later_does_not_change_trials_already_in_hand() -> None:
    study = asked()
    before = study.trials[0]
    study.tell(0, 1.0)
    assert before.status is Status.PENDING
    assert before.value is None


@pytest.mark.parametrize(("direction", "best"), [("maximize", 2), ("minimize", 1)])
def test_best_is_the_best_in_the_users_sense(direction: str, best: int) -> None:
    study = asked(direction=direction)
    study.tell({0: 0.0, 1: -5.0, 2: 3.0})
    assert study.best == study.trials[best]


def test_pending_are_those_without_an_outcome() -> None:
    study = asked(n=5)
    study.tell(0, 1.0)
    study.fail(1)
    study.abandon(2)
    assert [t.id for t in study.pending] == [3, 4]
    assert [t.status for t in study.trials[:3]] == ["done", "failed", "abandoned"]


def test_an_added_result_is_kept_in_the_order_of_the_space() -> None:
    study = asked(MIXED)
    trial = study.add(dict(reversed(GOOD.items())), 1.0)
    assert list(trial.params.items()) == list(GOOD.items())
    assert (trial.id, trial.round, trial.source) == (3, -1, "added")


def test_an_added_result_is_not_the_callers_dict() -> None:
    given, study = dict(GOOD), asked(MIXED)
    study.add(given, 1.0)
    given["heat"] = 99.0
    assert study.trials[-1].params == GOOD


def test_adding_a_corner_of_the_space_and_of_its_constraints_is_allowed() -> None:
    study = asked(CONSTRAINED)
    assert study.add({"a": 1, "b": 0, "c": 0}, 1.0).value == 1.0


def test_telling_nothing_changes_nothing() -> None:
    study = asked()
    before = study.state
    study.tell({})
    study.fail()
    assert study.state == before


def test_whole_numbers_are_results() -> None:
    study = asked()
    study.tell({0: 1, 1: (2, 0)})
    assert [t.value for t in study.trials[:2]] == [1.0, 2.0]


def test_the_frame_has_a_row_for_each_trial() -> None:
    study = asked(MIXED, "minimize")
    study.tell(1, (1.5, 0.25))
    frame = study.to_frame()
    assert list(frame.columns) == [
        *("id", "round", "status", "source", "value", "sem"),
        "heat",
        "cycles",
        "base",
        "worker",
        "reason",
    ]
    assert frame.loc[1, ["id", "status", "value", "sem"]].tolist() == [1, "done", 1.5, 0.25]


def test_the_frame_of_an_empty_study_has_its_columns() -> None:
    frame = Study(LINE, direction="maximize").to_frame()
    assert frame.empty
    assert list(frame.columns)[6] == "x"


def test_rounds_are_summarized_in_the_users_sense() -> None:
    study = asked(direction="minimize", n=4)
    study.tell({0: 3.0, 1: 1.0, 2: 2.0})
    (found,) = study.rounds
    assert (found.number, found.asked, found.told, found.best, found.median) == (0, 4, 3, 1.0, 2.0)
    assert (found.sources, found.winner, found.rank_correlation) == ({"start": 4}, "start", None)


def test_a_round_without_results_has_neither_best_nor_winner() -> None:
    (found,) = asked().rounds
    assert (found.told, found.best, found.median, found.winner, found.mass_lift) == (0, None, None, None, None)
    assert found.seconds >= 0


def test_a_study_without_an_algorithm_is_guided() -> None:
    assert Study(LINE, direction="maximize").algorithm == gdopt.GuidedDiffusion()


def test_a_parameter_called_value_does_not_overwrite_the_value_column() -> None:
    study = asked(gdopt.Space([gdopt.Real("value", 0, 1)]), n=1)
    (trial,) = study.pending
    study.tell(trial.id, 7.0)
    frame = study.to_frame()
    assert frame["value"].tolist() == [7.0]
    assert frame["params.value"].tolist() == [trial.params["value"]]


# What the command line is made of.


def test_a_study_is_kept_before_anything_is_asked(tmp_path: Path) -> None:
    Study(LINE, direction="minimize", algorithm=gdopt.RandomSearch(), storage=tmp_path / "a.gdopt", batch=3).create()
    opened = Study.load(tmp_path / "a.gdopt")
    assert (opened.trials, opened.direction, opened.batch) == ([], "minimize", 3)
    assert len(opened.ask()) == 3


def test_the_batch_of_a_key_is_known_without_asking() -> None:
    study = Study(LINE, direction="maximize", algorithm=gdopt.RandomSearch(), batch=2)
    assert study.asked("plate") == []
    assert study.ask(3, key="plate") == study.asked("plate") == study.ask(key="plate")


def test_a_batch_that_is_none_is_refused() -> None:
    with unchecked(), pytest.raises(SettingsError, match="batch = 0: expected a whole number above 0"):
        Study(LINE, direction="maximize", batch=0)


def test_results_failures_and_abandoned_trials_are_one_call_with_reasons() -> None:
    study = Study(LINE, direction="maximize", algorithm=gdopt.RandomSearch())
    study.ask(4)
    assert study.tell({0: Report(Result(1.0), note="cloudy")}, failed={1: "spilled", 2: ""}, abandoned=[3])
    assert [(t.status, t.reason) for t in study.trials] == [
        ("done", "cloudy"), ("failed", "spilled"), ("failed", ""), ("abandoned", "")
    ]  # fmt: skip
    with pytest.raises(TrialError, match=r"trials \[1\] are told, failed or abandoned at once"):
        study.tell({}, failed=[1], abandoned=[1])


def test_many_results_are_added_each_once_or_none_at_all(tmp_path: Path) -> None:
    study = Study(LINE, direction="minimize", algorithm=gdopt.RandomSearch(), storage=tmp_path / "a.gdopt")
    params = [t.params for t in study.ask(2)]
    assert [t.id for t in study.add_all({"a": (params[0], 1.0), "b": (params[1], (2.0, 0.5))})] == [2, 3]
    assert [t.id for t in study.add_all({"b": (params[1], 2.0), "c": (params[0], 3.0)})] == [4]
    with pytest.raises(SpaceError, match="missing parameters"):
        study.add_all({"d": (params[0], 1.0), "e": ({}, 2.0)})
    assert [t.value for t in Study.load(tmp_path / "a.gdopt").trials] == [None, None, 1.0, 2.0, 3.0]


SOLVENTS = gdopt.Space([gdopt.Real("heat", 20, 120), gdopt.Choice("solvent", ["DMF", "THF", "water"])])


@pytest.mark.parametrize("algorithm", [gdopt.RandomSearch(), guided()])
def test_fixed_parameters_are_in_every_trial_of_the_ask(algorithm: gdopt.GuidedDiffusion) -> None:
    study = Study(SOLVENTS, direction="maximize", algorithm=algorithm)
    drive(study, 2, 6, lambda p: -abs(p["heat"] - 70) + 10 * (p["solvent"] == "water"))
    fixed = study.ask(5, fixed={"solvent": "THF"})
    assert {t.params["solvent"] for t in fixed} == {"THF"}
    assert len({t.params["heat"] for t in fixed}) == 5
    assert {t.params["heat"] for t in study.ask(3, fixed={"heat": 20})} == {20.0}
    assert "water" in {t.params["solvent"] for t in study.ask(8)}


@pytest.mark.parametrize("of", [prior, weighted_prior, expert_prior])
def test_fixed_parameters_of_a_prior_are_in_every_trial(of: Callable[[], gdopt.DiffusionPrior]) -> None:
    study = Study(of().space, direction="minimize", algorithm=guided(prior=of()))
    value = float(of().designs[0, 1])
    for _ in range(3):
        trials = study.ask(5, fixed={"x1": value})
        assert {t.params["x1"] for t in trials} == {value}
        assert len({tuple(t.params.values()) for t in trials}) == 5
        tell(study, trials)
    # The last of them were learned, and what is asked for without it is free.
    assert "start" not in {t.source for t in study.trials[-5:]}
    assert value not in {t.params["x1"] for t in study.ask(5)}


@pytest.mark.parametrize(
    ("fixed", "error", "match"),
    [
        ({"solvent": "DMSO"}, SpaceError, r"solvent = 'DMSO' is not one of"),
        ({"heat": 300}, SpaceError, r"heat = 300 is outside \[20, 120\]"),
        ({"cold": 1}, SpaceError, r"parameters \['cold'\] are unknown; there are \['heat', 'solvent'\]"),
    ],
)
def test_what_cannot_be_fixed_is_refused_and_nothing_is_asked(fixed: dict, error: type, match: str) -> None:
    study = Study(SOLVENTS, direction="maximize")
    with pytest.raises(error, match=match):
        study.ask(2, fixed=fixed)
    assert study.trials == []


def test_fixed_values_that_the_constraints_do_not_allow_are_refused() -> None:
    mixture = gdopt.Space(
        [gdopt.Real("a", 0, 1), gdopt.Real("b", 0, 1)], [gdopt.Constraint({"a": 1, "b": 1}, equal=1.0)]
    )
    thrice = gdopt.Space([gdopt.Real(n, 0, 1) for n in "abc"], [gdopt.Constraint({"a": 1, "b": 1, "c": 1}, equal=1.0)])
    study = Study(thrice, direction="maximize")
    with unchecked(), pytest.raises(SpaceError, match=r"a = 0.7; b = 0.7"):
        study.ask(2, fixed={"a": 0.7, "b": 0.7})
    (one,) = Study(mixture, direction="maximize").ask(1, fixed={"a": 0.25})
    assert one.params == {"a": 0.25, "b": pytest.approx(0.75)}


def test_a_key_is_of_one_batch_with_its_fixed_parameters() -> None:
    study = Study(SOLVENTS, direction="maximize")
    first = study.ask(2, fixed={"solvent": "THF"}, key="plate")
    assert study.ask(2, fixed={"solvent": "THF"}, key="plate") == first
    with pytest.raises(SettingsError, match="with that key other trials were asked for"):
        study.ask(2, fixed={"solvent": "DMF"}, key="plate")


def test_trials_that_are_given_out_again_have_the_fixed_parameters() -> None:
    study = Study(SOLVENTS, direction="maximize")
    given = study.ask(6, lease=1e-6)
    wanted = given[0].params["solvent"]
    again = study.ask(1, fixed={"solvent": wanted}, lease=60)
    assert again[0].id == given[0].id
    other = study.ask(2, fixed={"solvent": wanted, "heat": 33.0}, lease=60)
    assert {t.params["heat"] for t in other} == {33.0}


def test_an_algorithm_that_cannot_fix_parameters_says_so() -> None:
    study = Study(dna().space, direction="maximize", algorithm=masked(dna()))
    with pytest.raises(SettingsError, match="MaskedDiffusion cannot fix parameters"):
        study.ask(1, fixed={study.space.names[0]: "ACGTACGTAC"})
    assert study.trials == []
