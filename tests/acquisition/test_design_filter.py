"""A function that says which designs are allowed: none but those are proposed, and it is asked about few."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import gdopt
from gdopt.acquisition.design_filter import FilterSession
from gdopt.algorithms.settings import with_settings
from gdopt.space.parameters import Params
from gdopt.study.study import Study
from gdopt.trials.state import State
from tests.strategies import TABLE, quick_prior

SQUARE = gdopt.Space.from_bounds([(-1, 1)] * 2)


@dataclass
class Counted:
    """A region, and all that it was asked about."""

    region: Callable[[Params], bool]
    asked: list[Params] = field(default_factory=list)

    def __call__(self, params: Params) -> bool:
        self.asked.append(params)
        return self.region(params)


def radius(params: Params) -> float:
    return math.hypot(*map(float, params.values()))


def disc(params: Params) -> bool:
    """A share of π 0.3² / 4 = 0.071 of the square."""
    return math.hypot(float(params["x0"]) - 0.5, float(params["x1"]) + 0.5) < 0.3


def ring(params: Params) -> bool:
    """A share of π (0.85² - 0.8²) / 4 = 0.065 of the square."""
    return 0.8 < radius(params) < 0.85


def study_of(allowed: Callable[[Params], bool], space: gdopt.Space = SQUARE, **settings: object) -> Study:
    settings = {"design_filter": allowed, "candidates": 200, "n_initial": 4, **settings}
    algorithm = with_settings(gdopt.GuidedDiffusion(), settings)
    return Study(space, direction="maximize", algorithm=algorithm)


def driven(study: Study, rounds: int, n: int, fixed: Mapping[str, float] | None = None) -> list[int]:
    """How often the function was asked in each round."""
    counted = study.algorithm.design_filter
    calls = []
    for _ in range(rounds):
        before = len(counted.asked)
        trials = study.ask(n, fixed=fixed)
        calls.append(len(counted.asked) - before)
        study.tell({t.id: sum(float(v) for v in t.params.values() if not isinstance(v, str)) for t in trials})
    return calls


@cache
def of_region(region: Callable[[Params], bool]) -> tuple[Study, list[int]]:
    """Four rounds of six, and how often the function was asked in each."""
    study = study_of(Counted(region))
    return study, driven(study, 4, 6)


# What rejection takes of draws of the box: of so many calls, one is of an allowed design.
@pytest.mark.parametrize(("region", "rejection"), [(disc, 1 / 0.071), (ring, 1 / 0.065)])
def test_only_allowed_designs_are_proposed_with_fewer_calls_than_rejection(region: Callable, rejection: float) -> None:
    study, calls = of_region(region)
    assert all(region(t.params) for t in study.trials)
    assert sum(calls) < 0.75 * 24 * rejection


@pytest.mark.parametrize("region", [disc, ring])
def test_a_learned_region_is_asked_about_less_than_an_unknown_one(region: Callable) -> None:
    _, calls = of_region(region)
    assert sum(calls[2:]) < calls[0]


def test_no_design_is_asked_about_twice() -> None:
    asked = [tuple(one.values()) for one in of_region(disc)[0].algorithm.design_filter.asked]
    assert len(set(asked)) == len(asked)


def test_without_refusals_the_trials_are_those_without_the_function() -> None:
    free = Study(SQUARE, direction="maximize", algorithm=gdopt.GuidedDiffusion(candidates=200, n_initial=4))
    study = study_of(Counted(lambda _: True))
    for one in (study, free):
        one.tell({t.id: radius(t.params) for t in one.ask(5)})
    assert [t.params for t in study.ask(3)] == [t.params for t in free.ask(3)]


def test_a_resumed_study_asks_and_proposes_as_one_that_was_not_stopped(tmp_path: Path) -> None:
    def rounds(study: Study, count: int) -> None:
        for _ in range(count):
            study.tell({t.id: float(t.params["x0"]) for t in study.ask(4)})

    algorithm = [gdopt.GuidedDiffusion(design_filter=Counted(disc), candidates=64, n_initial=4) for _ in range(3)]
    whole = Study(SQUARE, direction="maximize", algorithm=algorithm[0])
    rounds(whole, 2)
    first = Study(SQUARE, direction="maximize", algorithm=algorithm[1], storage=tmp_path / "s.gdopt")
    rounds(first, 1)
    second = Study.load(tmp_path / "s.gdopt", algorithm=algorithm[2])
    rounds(second, 1)
    assert (second.state.trials, second.state.refused) == (whole.state.trials, whole.state.refused)
    assert algorithm[1].design_filter.asked + algorithm[2].design_filter.asked == algorithm[0].design_filter.asked
    assert len(second.state.refused) == sum(not disc(one) for one in algorithm[0].design_filter.asked) > 0


# Where nothing, or too little, is allowed.


def test_a_function_that_refuses_everything_ends_with_what_was_found_and_changes_nothing() -> None:
    study = study_of(Counted(lambda _: False), max_filter_calls=30)
    before = study.state
    with pytest.raises(
        gdopt.SettingsError,
        match=r"n = 4: design_filter was called on 30 designs and accepted 0; max_filter_calls = 30 is the limit",
    ):
        study.ask(4)
    assert study.state is before
    assert len(study.algorithm.design_filter.asked) == 30


def test_a_learned_ask_that_finds_too_few_changes_nothing() -> None:
    study = study_of(Counted(lambda p: float(p["x0"]) < 0.9))
    driven(study, 2, 4)
    study.algorithm = gdopt.GuidedDiffusion(
        design_filter=lambda _: False, candidates=64, n_initial=4, tuning=gdopt.GuidedTuning(max_filter_calls=10)
    )
    before = study.state
    with pytest.raises(gdopt.SettingsError, match="was called on 10 designs and accepted 0"):
        study.ask(4)
    assert study.state is before


def test_what_the_function_raises_is_passed_on_with_the_design() -> None:
    def allowed(params: Params) -> bool:
        raise ZeroDivisionError("mesh")

    study = study_of(allowed)
    with pytest.raises(ZeroDivisionError, match="mesh") as raised:
        study.ask(2)
    assert "raised by design_filter on {'x0': " in raised.value.__notes__[0]
    assert study.trials == []


def test_an_answer_that_is_neither_is_refused() -> None:
    with pytest.raises(gdopt.SettingsError, match=r"returned None for \{'x0': .*\}: expected True or False"):
        study_of(lambda _: None).ask(2)


def test_answers_of_numpy_are_taken() -> None:
    assert len(study_of(lambda p: np.float64(p["x0"]) > 0).ask(3)) == 3


def test_the_function_cannot_change_what_is_proposed() -> None:
    def allowed(params: dict) -> bool:
        params["x0"] = 7.0
        return True

    assert all(abs(float(t.params["x0"])) <= 1 for t in study_of(allowed).ask(3))


def test_no_checks_are_refused() -> None:
    with pytest.raises(gdopt.SettingsError, match="max_filter_calls = 0: expected 1 or more"):
        gdopt.GuidedDiffusion(tuning=gdopt.GuidedTuning(max_filter_calls=0))


# With all else that a space and a study can have.


def test_choices_fixed_parameters_and_constraints_hold_beside_it() -> None:
    space = gdopt.Space(
        [
            gdopt.Choice("base", ["KOAc", "Cs2CO3", "Et3N"]),
            gdopt.Integer("cycles", 1, 8),
            gdopt.Real("water", 0, 1),
            gdopt.Real("ethanol", 0, 1),
        ],
        [gdopt.Constraint({"water": 1, "ethanol": 1}, 1)],
    )

    def mixes(params: Params) -> bool:
        return params["base"] != "KOAc" and float(params["water"]) > 0.5

    study = study_of(Counted(mixes), space)
    driven(study, 1, 4)
    driven(study, 1, 2, {"cycles": 3})
    assert all(mixes(t.params) and space.allows(t.params) for t in study.trials)
    assert {t.params["cycles"] for t in study.trials[-2:]} == {3}


def test_limits_and_failed_trials_are_learned_beside_it() -> None:
    algorithm = gdopt.GuidedDiffusion(design_filter=Counted(disc), candidates=200, n_initial=4)
    study = Study(SQUARE, direction="maximize", outcome_constraints=["heat <= 0.5"], algorithm=algorithm)
    for _ in range(3):
        for t in study.ask(4):
            if float(t.params["x1"]) > -0.4:
                study.fail(t.id)
            else:
                study.tell(t.id, {"value": float(t.params["x1"]), "heat": float(t.params["x0"])})
    assert all(disc(t.params) for t in study.trials)


def test_a_small_space_is_used_up_where_it_is_allowed_and_then_exhausted() -> None:
    space = gdopt.Space([gdopt.Integer("i", 1, 4), gdopt.Choice("c", ["on", "off"])])
    counted = Counted(lambda p: p["c"] == "on" and p["i"] != 2)
    study = study_of(counted, space)
    driven(study, 1, 2)
    assert len(study.ask(2)) == 1
    assert {(t.params["i"], t.params["c"]) for t in study.trials} == {(1, "on"), (3, "on"), (4, "on")}
    assert len({tuple(one.values()) for one in study.state.refused}) == len(study.state.refused) <= 5
    with pytest.raises(gdopt.ExhaustedError, match="no other is left"):
        study.ask(1)


def test_designs_of_a_prior_are_asked_about() -> None:
    half = float(np.median(quick_prior().designs[:, 0]))
    study = study_of(Counted(lambda p: float(p["x0"]) > half), quick_prior().space, prior=quick_prior())
    driven(study, 3, 4)
    assert all(float(t.params["x0"]) > half for t in study.trials)


def test_rows_of_a_table_are_asked_about() -> None:
    counted = Counted(lambda p: int(p["row"]) % 3 == 0)
    study = study_of(counted, TABLE)
    driven(study, 3, 4)
    assert {int(t.params["row"]) % 3 for t in study.trials} == {0}
    assert len({one["row"] for one in counted.asked}) == len(counted.asked)


def test_maximize_finds_the_best_of_what_is_allowed() -> None:
    algorithm = gdopt.GuidedDiffusion(design_filter=disc, candidates=200, n_initial=4)
    found = gdopt.maximize(lambda p: p["x0"], [(-1, 1)] * 2, budget=24, batch=8, algorithm=algorithm)
    assert 0.75 < found.value < 0.8  # the disc ends at 0.8


def test_the_gate_stops_asking_when_it_has_enough() -> None:
    counted = Counted(lambda p: float(p["x0"]) > 0)
    designs = [{"x0": x} for x in (-0.5, 0.5, -0.5, 0.7, 0.9)]
    gate = FilterSession(counted, 10, State(SQUARE, 0), 2)
    rows = gate.accept(designs, lambda left, count: left[:count])
    assert (rows, counted.asked) == ([1, 3], [{"x0": -0.5}, {"x0": 0.5}, {"x0": 0.7}])
    assert gate.state.refused == ({"x0": -0.5},)


def test_a_space_is_exhausted_where_all_that_is_left_is_refused() -> None:
    space = gdopt.Space([gdopt.Choice("c", list("uvwxyz"))])
    study = study_of(Counted(lambda p: p["c"] in "uvw"), space, n_initial=2)
    for c in "uvw":
        study.add({"c": c}, 1.0)
    with pytest.raises(gdopt.ExhaustedError, match="all 6 designs were tried"):
        study.ask(2)
