"""Which designs a filter lets pass, and how often it is called, against brute force over random regions."""

from collections.abc import Callable

import numpy as np
import pytest

import gdopt
from gdopt.acquisition.design_filter import FilterSession
from gdopt.space.parameters import Params
from gdopt.trials.state import State

LINE = gdopt.Space.from_bounds([(0, 100)])
Order = Callable[[list[Params], list[int]], list[int]]


class Region:
    """A set of allowed designs, and the designs that it was asked about."""

    def __init__(self, allowed: set[float]) -> None:
        self._allowed = allowed
        self.asked: list[float] = []

    def __call__(self, params: Params) -> bool:
        self.asked.append(float(params["x0"]))
        return float(params["x0"]) in self._allowed


def rows_of(values: list[float]) -> list[Params]:
    return [{"x0": value} for value in values]


def case(seed: int) -> tuple[list[float], set[float], list[float], int]:
    """Designs, some of them twice; those that are allowed; those that were refused before; how many are wanted."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 40, size=rng.integers(1, 60)).astype(float).tolist()
    allowed = {float(v) for v in range(40) if rng.random() < rng.choice([0.1, 0.5, 0.9])}
    refused = [v for v in sorted(set(values) - allowed) if rng.random() < 0.3]
    return values, allowed, refused, int(rng.integers(1, 12))


SEEDS = pytest.mark.parametrize("seed", range(40))


@SEEDS
def test_the_first_allowed_designs_pass_with_one_call_for_each_design(seed: int) -> None:
    values, allowed, refused, n = case(seed)
    region = Region(allowed)
    gate = FilterSession(region, 1000, State(LINE, 0, refused=tuple(rows_of(refused))), n)
    rows = gate.accept(rows_of(values), lambda left, count: left[:count])

    expected = [row for row, value in enumerate(values) if value in allowed][:n]
    looked_at = values[: expected[-1] + 1] if len(expected) == n else values
    calls = [value for value in dict.fromkeys(looked_at) if value not in refused]
    assert rows == expected
    assert region.asked == calls
    assert [one["x0"] for one in gate.accepted] == [values[row] for row in expected]
    assert gate.missing == n - len(expected)
    # Each refused design is kept once, those of before first.
    kept = [one["x0"] for one in gate.state.refused]
    assert kept == refused + [value for value in calls if value not in allowed]


def nearest_to_passed(values: list[float], passed: list[float], left: list[int], count: int) -> list[int]:
    """An order that depends on the answers: the designs next to those that have passed."""
    return sorted(left, key=lambda row: (min((abs(values[row] - one) for one in passed), default=0.0), row))[:count]


@SEEDS
def test_designs_are_picked_anew_by_the_answers_so_far(seed: int) -> None:
    values, allowed, _, n = case(seed)
    values = list(dict.fromkeys(values))
    region = Region(allowed)
    gate = FilterSession(region, 1000, State(LINE, 0), n)

    def pick(left: list[int], count: int) -> list[int]:
        return nearest_to_passed(values, [float(one["x0"]) for one in gate.accepted], left, count)

    rows = gate.accept(rows_of(values), pick)

    # The same by hand: as many as are missing, or a fifth of the calls so far; what is left is picked from anew.
    passed: list[int] = []
    asked: list[float] = []
    left = list(range(len(values)))
    while left and len(passed) < n:
        batch = nearest_to_passed(values, [values[row] for row in passed], left, max(n - len(passed), len(asked) // 5))
        left = [row for row in left if row not in batch]
        for row in batch:
            if len(passed) < n:
                asked.append(values[row])
                passed += [row] * (values[row] in allowed)
    assert (rows, region.asked) == (passed, asked)


@pytest.mark.parametrize("most", [1, 7, 30])
def test_no_call_is_made_beyond_the_largest_number(most: int) -> None:
    region = Region({39.0})
    gate = FilterSession(region, most, State(LINE, 0), 1)
    with pytest.raises(gdopt.SettingsError, match=f"called on {most} designs and accepted 0"):
        gate.accept(rows_of([float(v) for v in range(40)]), lambda left, count: left[:count])
    assert region.asked == [float(v) for v in range(most)]


def test_the_largest_number_of_calls_is_that_of_all_pools_together() -> None:
    region = Region({3.0, 50.0})
    gate = FilterSession(region, 8, State(LINE, 0), 2)
    assert gate.accept(rows_of([0.0, 1.0, 2.0, 3.0]), lambda left, count: left[:count]) == [3]
    # Of the second pool, what was asked about before costs nothing.
    rest = gate.unchecked(rows_of([3.0, 2.0, 48.0, 49.0, 50.0]))
    assert [one["x0"] for one in rest] == [48.0, 49.0, 50.0]
    assert gate.accept(rest, lambda left, count: left[:count]) == [2]
    assert region.asked == [0.0, 1.0, 2.0, 3.0, 48.0, 49.0, 50.0]


def test_without_a_filter_the_picked_designs_pass() -> None:
    gate = FilterSession(None, 1, State(LINE, 0), 3)
    assert gate.accept(rows_of([5.0, 4.0, 3.0, 2.0]), lambda left, count: left[-count:]) == [1, 2, 3]


def test_a_whole_ask_proposes_the_first_allowed_points_of_the_initial_designs() -> None:
    """In a region that a start needs few calls for, so that nothing is learned: those of the sequence, in its order."""
    square = gdopt.Space.from_bounds([(-1, 1)] * 2)
    free = gdopt.Study(square, direction="maximize", algorithm=gdopt.GuidedDiffusion(n_initial=8), seed=3)
    points = [t.params for t in free.ask(64)]
    calls: list[Params] = []

    def allowed(params: Params) -> bool:
        calls.append(params)
        return float(params["x0"]) > -0.5

    algorithm = gdopt.GuidedDiffusion(n_initial=8, design_filter=allowed)
    study = gdopt.Study(square, direction="maximize", algorithm=algorithm, seed=3)
    proposed = [t.params for t in study.ask(4)]
    assert calls[:4] == points[:4]
    assert all(one in points for one in calls)
    assert proposed == [one for one in calls if float(one["x0"]) > -0.5][:4]
    assert list(study.state.refused) == [one for one in calls if float(one["x0"]) <= -0.5]
