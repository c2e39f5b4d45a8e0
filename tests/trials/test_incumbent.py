"""The best trial so far: limits, repeats and the order of results, and everything that shows it."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdopt import RandomSearch, Real, Space, Study
from gdopt.cli.look import status
from gdopt.lab.report import page
from gdopt.plotting import BEYOND
from gdopt.study.figures import progress
from gdopt.trials.incumbent import incumbent, incumbents
from gdopt.trials.objectives import OutcomeConstraint
from gdopt.trials.trial import Result, Status, Trial

LIMITS = (OutcomeConstraint.of("impurity <= 2"),)


def trial(id: int, value: float | None, impurity: float | None, x: float | None = None) -> Trial:
    """A trial of a design of its own, unless another one is given."""
    outcomes = {} if impurity is None else {"impurity": (impurity, None)}
    result = None if value is None else Result(value)
    ended = Status.FAILED if value is None else Status.DONE
    return Trial(id, {"x": float(id) if x is None else x}, status=ended, result=result, outcomes=outcomes)


def ids(trials: Sequence[Trial | None]) -> list[int | None]:
    return [None if one is None else one.id for one in trials]


def test_what_breaks_a_limit_or_is_not_known_to_keep_it_is_no_incumbent() -> None:
    trials = [trial(0, 90.0, 5.0), trial(1, 80.0, None), trial(2, 10.0, 1.0), trial(3, None, None), trial(4, 20.0, 1.0)]
    assert ids(incumbents(LIMITS, trials)) == [None, None, 2, 2, 4]
    assert incumbent(LIMITS, trials[:2]) is None


def test_a_repeated_measurement_can_take_the_lead_away() -> None:
    trials = [trial(0, 5.0, 1.0), trial(1, 9.0, 1.0, x=7.0), trial(2, 0.0, 1.0, x=7.0)]
    found = incumbents(LIMITS, trials)
    assert ids(found) == [0, 1, 0]
    assert found[2] is not None
    assert found[2].value == 5.0


MEASURED = st.tuples(st.sampled_from([None, 1.0, 2.0, 3.0]), st.sampled_from([None, 1.0, 5.0]), st.integers(0, 3))


@given(st.lists(MEASURED, max_size=12))
def test_the_incumbent_after_each_trial_is_the_best_of_all_up_to_it(rows: list[tuple]) -> None:
    trials = [trial(i, value, impurity, float(x)) for i, (value, impurity, x) in enumerate(rows)]
    assert incumbents(LIMITS, trials) == [incumbent(LIMITS, trials[: i + 1]) for i in range(len(trials))]


def told(direction: str = "maximize") -> Study:
    """A study whose best value breaks the limit, whose second best is not known to keep it, and of which one failed."""
    study = Study(
        Space([Real("x", 0, 1)]),
        direction=direction,
        objective="yield",
        outcome_constraints=["impurity <= 2"],
        algorithm=RandomSearch(),
    )
    sign = 1 if direction == "maximize" else -1
    study.ask(3)
    study.ask(3)
    first = {0: {"yield": sign * 10, "impurity": 1}, 1: {"yield": sign * 90, "impurity": 5}}
    study.tell(first | {2: {"yield": sign * 20, "impurity": 1}, 3: sign * 80, 4: {"yield": sign * 15, "impurity": 2}})
    study.fail(5)
    return study


@pytest.mark.parametrize(("direction", "sign"), [("maximize", 1), ("minimize", -1)])
def test_a_rounds_best_satisfies_the_limits_as_the_studys_does(direction: str, sign: int) -> None:
    study = told(direction)
    assert study.best.value == sign * 20
    assert [one.best for one in study.rounds] == [sign * 20, sign * 15]
    assert [one.told for one in study.rounds] == [3, 2]


def test_a_round_in_which_nothing_satisfies_the_limits_has_neither_best_nor_winner() -> None:
    study = Study(
        Space([Real("x", 0, 1)]), direction="maximize", outcome_constraints=["impurity <= 2"], algorithm=RandomSearch()
    )
    study.ask(2)
    study.tell({0: 80.0, 1: {"value": 90.0, "impurity": 3}})
    (one,) = study.rounds
    assert (one.told, one.best, one.winner, one.median) == (2, None, None, 85.0)


@pytest.mark.parametrize(("direction", "sign"), [("maximize", 1), ("minimize", -1)])
def test_the_line_of_the_figure_is_of_trials_that_satisfy_the_limits(direction: str, sign: int) -> None:
    study = told(direction)
    (axes,) = progress(study.state.trials, study.config).axes
    (line,) = axes.lines
    assert line.get_ydata()[0] == sign * 10
    assert set(line.get_ydata()) == {sign * 10, sign * 20}
    points = {one.get_label(): one.get_offsets()[:, 0].tolist() for one in axes.collections}
    assert points == {"start": [1, 3, 5], BEYOND: [2, 4], "failed": [6]}
    assert axes.get_ylabel() == f"yield ({direction}d)"


def test_the_figure_has_no_line_as_long_as_nothing_satisfies_the_limits() -> None:
    study = told()
    study.amend(0, None, reason="broken")
    study.amend(2, {"yield": 20.0, "impurity": 3.0}, reason="typo")
    study.amend(4, None, reason="broken")
    (axes,) = progress(study.state.trials, study.config).axes
    assert not axes.lines
    assert "best so far" not in [one.get_text() for one in axes.get_legend().get_texts()]


def test_the_report_has_the_figure_with_what_breaks_a_limit() -> None:
    text = page(told(), "two")
    assert BEYOND in text
    assert "<td>90</td>" in text


def test_the_status_has_no_best_that_breaks_a_limit(tmp_path, monkeypatch) -> None:
    path = tmp_path / "study.gdopt"
    study = Study(
        Space([Real("x", 0, 1)]),
        direction="maximize",
        outcome_constraints=["impurity <= 2"],
        algorithm=RandomSearch(),
        storage=path,
    )
    study.ask(1)
    study.tell(0, 80.0)
    found = status(str(path))
    assert found.data["best"] is None
    assert found.data["rounds"][0]["best"] is None
    assert "best: none is known to satisfy impurity <= 2" in found.text
