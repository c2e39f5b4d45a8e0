"""What was really tried may lie a little outside of what may be proposed: it is kept, marked and learned from."""

import math

import pytest

import gdopt
from gdopt import Choice, Constraint, Integer, Real, Space, SpaceError, Study
from tests.strategies import unchecked

LAB = Space(
    [
        Real("heat", 20, 120, unit="degC"),
        Real("load", 0.1, 10, log_scale=True),
        Integer("cycles", 10, 30),
        Choice("base", ["u", "v"]),
    ]
)
PLAN = {"heat": 50.0, "load": 1.0, "cycles": 20, "base": "u"}
MIXTURE = Space(
    [Real(n, 0, 1) for n in ("water", "ethanol", "acetone")],
    [Constraint(dict.fromkeys(("water", "ethanol", "acetone"), 1.0), equal=1)],
)


def study_of(space: Space = LAB, **settings: object) -> Study:
    return Study(space, direction="maximize", algorithm=gdopt.RandomSearch(), **settings)


@pytest.mark.parametrize(
    "tried",
    [
        {"heat": 120.4},
        {"heat": -80.0},
        {"heat": 220},
        {"load": 1000.0},
        {"load": 0.001},
        {"cycles": 31},
        {"cycles": 50},
    ],
)
def test_a_number_outside_by_less_than_its_range_is_kept_and_marked(tried: dict, tmp_path) -> None:
    study = study_of(storage=tmp_path / "study")
    study.ask(2)
    study.tell(0, 5.0, params=PLAN | tried)
    study.tell(1, 4.0)
    study.amend(1, 3.0, params=PLAN | tried, reason="read again")
    added = study.add(PLAN | tried, 2.0)
    assert [t.outside for t in study.trials] == [True, True, True]
    assert (study.best.params, added.params) == (PLAN | tried, PLAN | tried)
    assert Study.load(tmp_path / "study").trials == study.trials


@pytest.mark.parametrize(
    ("tried", "match"),
    [
        (
            {"heat": 221},
            r"heat = 221 is far outside \[20, 120\] degC: .* may be outside by as much as the bounds are apart",
        ),
        ({"load": 1001.0}, "load = 1001.0 is far outside"),
        ({"load": 0.0}, "load = 0.0: expected a number that can have been tried"),
        ({"load": -1.0}, "load = -1.0: expected a number"),
        ({"heat": math.nan}, "heat = nan: expected a number"),
        ({"heat": math.inf}, "heat = inf: expected a number"),
        ({"heat": 10**400}, "heat = 10+\\.\\.\\.: expected a number"),
        ({"heat": "50"}, "heat = '50': expected a number"),
        ({"cycles": 31.5}, "cycles = 31.5 is not a whole number"),
        ({"cycles": 51}, "cycles = 51 is far outside"),
        ({"base": "w"}, "base = 'w' is not one of"),
    ],
)
def test_a_number_farther_outside_is_taken_for_a_mistake(tried: dict, match: str) -> None:
    study = study_of()
    study.ask()
    before = study.state
    for call in (lambda: study.tell(0, 5.0, params=PLAN | tried), lambda: study.add(PLAN | tried, 5.0)):
        with unchecked(), pytest.raises(SpaceError, match=match):
            call()
    assert study.state == before


def test_results_of_a_wider_space_are_taken_where_it_is_said() -> None:
    wide = study_of(Space([Real("heat", 20, 1200)]))
    wide.tell({t.id: t.params["heat"] for t in wide.ask(10)})
    narrow = study_of(Space([Real("heat", 80, 90)]))
    rows = {f"old {t.id}": (t.params, t.value) for t in wide.trials}
    with pytest.raises(SpaceError, match="is far outside"):
        narrow.add_all(rows)
    assert len(narrow.add_all(rows, outside=True)) == 10
    assert narrow.best.value == wide.best.value
    assert narrow.add(*rows["old 0"], key="old 0", outside=True).id == 0


def test_a_weighed_mixture_is_kept_as_it_was_weighed() -> None:
    study = study_of(MIXTURE)
    study.ask()
    weighed = {"water": 0.441, "ethanol": 0.452, "acetone": 0.106}
    study.tell(0, 5.0, params=weighed)
    assert (study.trials[0].params, study.trials[0].outside) == (weighed, True)
    assert all(math.isclose(sum(t.params.values()), 1) for t in study.ask(5))


def test_a_mixture_with_a_misplaced_point_is_refused() -> None:
    study = study_of(MIXTURE)
    study.ask()
    with pytest.raises(SpaceError, match=r"does not hold: the left side is 1\.558"):
        study.tell(0, 5.0, params={"water": 0.441, "ethanol": 0.452, "acetone": 0.665})


def test_what_was_tried_inside_the_space_is_not_marked() -> None:
    study = study_of()
    study.ask()
    study.tell(0, 5.0, params=PLAN)
    study.add(PLAN, 1.0)
    assert [t.outside for t in study.trials] == [False, False]


def test_a_correction_to_inside_takes_the_mark_away() -> None:
    study = study_of()
    study.add(PLAN | {"heat": 121.0}, 1.0)
    study.amend(0, 1.0, params=PLAN, reason="the probe was wrong")
    assert not study.trials[0].outside


def test_a_space_limits_what_may_be_fixed_as_before() -> None:
    with pytest.raises(SpaceError, match=r"heat = 120.4 is outside \[20, 120\]"):
        study_of().ask(fixed={"heat": 120.4})
