"""What was measured of trials: limits, objectives, and the order of trials by both."""

import pytest

from gdopt import Real, Space
from gdopt.trials.objectives import Objective, OptimizationConfig, OutcomeConstraint
from gdopt.trials.ranking import infeasible_as_failed, is_feasible, objective_values, rank, violation
from gdopt.trials.state import State
from gdopt.trials.trial import Result, Status, Trial

LIMITS = (OutcomeConstraint.of("impurity <= 2"), OutcomeConstraint.of("purity >= 90"))
SEVERAL = OptimizationConfig((Objective("yield", "maximize"), Objective("cost", "minimize")))


def trial(id: int, value: float | None, **outcomes: float) -> Trial:
    measured = {name: (one, None) for name, one in outcomes.items()}
    result = None if value is None else Result(value)
    return Trial(id, {"x": float(id)}, Status.DONE, result, outcomes=measured)


def order(goals: OptimizationConfig, *trials: Trial) -> list[int]:
    return [t.id for t in rank(goals, trials)]


def test_limits_hold_are_broken_or_open() -> None:
    assert is_feasible(LIMITS, trial(0, 1.0, impurity=2.0, purity=90.0)) is True
    assert is_feasible(LIMITS, trial(0, 1.0, impurity=2.1)) is False
    assert is_feasible(LIMITS, trial(0, 1.0, impurity=1.0)) is None


def test_an_excess_is_positive_where_a_limit_is_broken() -> None:
    assert violation(LIMITS[0], 2.5) == 0.5
    assert violation(LIMITS[1], 85.0) == 5.0
    assert violation(LIMITS[1], 95.0) == -5.0


def test_objectives_are_turned_so_that_higher_is_better_and_wait_for_each_other() -> None:
    assert objective_values(SEVERAL, trial(0, 3.0, cost=7.0)) == (3.0, -7.0)
    assert objective_values(SEVERAL, trial(0, 3.0)) is None
    assert objective_values(SEVERAL, trial(0, None, cost=7.0)) is None


def test_what_breaks_limits_comes_after_the_rest_by_how_much_it_does() -> None:
    goals = OptimizationConfig(outcome_constraints=LIMITS[:1])
    worst, mild = trial(0, 99.0, impurity=9.0), trial(1, 0.0, impurity=3.0)
    poor, open_ = trial(2, -5.0, impurity=1.0), trial(3, -4.0)
    assert order(goals, worst, mild, poor, open_) == [3, 2, 1, 0]


def test_limits_in_different_units_weigh_alike() -> None:
    # Each breaks one limit by the mean of that limit's breaches, the last both by half of them.
    goals = OptimizationConfig(outcome_constraints=LIMITS)
    small, large = trial(0, 0.0, impurity=4.0, purity=95.0), trial(1, 0.0, impurity=1.0, purity=50.0)
    both = trial(2, 0.0, impurity=2.1, purity=89.0)
    assert order(goals, small, large, both)[0] == 2


def test_several_objectives_are_ordered_by_layers_and_then_by_how_lonely_a_trial_is() -> None:
    front = [trial(0, 0.0, cost=0.0), trial(1, 1.0, cost=1.0), trial(2, 5.0, cost=5.0), trial(3, 9.0, cost=9.0)]
    behind = trial(4, 0.5, cost=9.5)
    found = order(SEVERAL, *front, behind)
    assert set(found[:2]) == {0, 3}
    assert found[2:] == [2, 1, 4]


def test_a_trial_that_lacks_an_objective_comes_after_those_that_have_all() -> None:
    assert order(SEVERAL, trial(0, 99.0), trial(1, 0.0, cost=50.0)) == [1, 0]


def test_to_an_algorithm_that_knows_no_limits_what_breaks_one_has_failed() -> None:
    state = State(Space([Real("x", 0, 9)]), 0, (trial(0, 1.0, impurity=9.0), trial(1, 2.0, impurity=1.0)))
    assert infeasible_as_failed(state) is state
    seen = infeasible_as_failed(
        State(state.space, 0, state.trials, config=OptimizationConfig(outcome_constraints=LIMITS[:1]))
    )
    assert [(t.status, t.value) for t in seen.trials] == [(Status.FAILED, None), (Status.DONE, 2.0)]


@pytest.mark.parametrize("text", ["impurity < 2", "<= 2", "impurity <= much", "impurity 2"])
def test_a_limit_that_is_not_written_as_one_is_refused(text: str) -> None:
    from gdopt import SettingsError

    with pytest.raises(SettingsError, match="expected an outcome, <= or >=, and a number"):
        OutcomeConstraint.of(text)
