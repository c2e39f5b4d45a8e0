"""Fronts and hypervolumes against brute force and sampling, crowding by hand."""

import math

import numpy as np
import pytest

from gdopt.trials.objectives import Objective, OptimizationConfig
from gdopt.trials.pareto import (
    Row,
    crowding_distance,
    hypervolume,
    is_pareto_optimal,
    non_dominated_layers,
    reference_point,
)

DRAWS = 400_000


def rows(n: int, m: int, seed: int = 0) -> list[Row]:
    return [tuple(row) for row in np.random.default_rng(seed).random((n, m)).tolist()]


def dominates(a: Row, b: Row) -> bool:
    return all(x >= y for x, y in zip(a, b, strict=True)) and a != b


@pytest.mark.parametrize("m", [2, 3, 4])
def test_the_front_is_what_brute_force_finds(m: int) -> None:
    values = rows(60, m)
    expected = [not any(dominates(other, one) for other in values) for one in values]
    assert is_pareto_optimal(values) == expected


def test_equal_rows_are_all_on_the_front() -> None:
    values = [(1.0, 2.0), (1.0, 2.0), (0.0, 1.0)]
    assert is_pareto_optimal(values) == [True, True, False]


def test_layers_are_the_lengths_of_the_longest_chains_that_dominate() -> None:
    every = rows(40, 2)

    def depth(one: Row) -> int:
        return max((1 + depth(other) for other in every if dominates(other, one)), default=0)

    assert non_dominated_layers(every) == [depth(one) for one in every]


def test_crowding_is_what_is_worked_out_by_hand() -> None:
    # Ranges 4 and 8; the neighbours of the second are (0, 8) and (2, 3), of the third (1, 6) and (4, 0).
    values = [(0.0, 8.0), (1.0, 6.0), (2.0, 3.0), (4.0, 0.0)]
    assert crowding_distance(values) == pytest.approx([math.inf, 2 / 4 + 5 / 8, 3 / 4 + 6 / 8, math.inf])


def test_crowding_of_one_row_and_of_equal_rows_is_infinite() -> None:
    assert crowding_distance([(0.0, 0.0)]) == [math.inf]
    assert crowding_distance([(0.0, 0.0)] * 3) == [math.inf] * 3


def test_the_hypervolume_of_steps_is_the_sum_of_their_rectangles() -> None:
    values = [(3.0, 1.0), (2.0, 2.0), (1.0, 3.0), (0.5, 0.5)]
    assert hypervolume(values, (0.0, 0.0)) == pytest.approx(6.0)


@pytest.mark.parametrize("m", [2, 3])
def test_the_hypervolume_is_the_share_of_random_points_that_are_dominated(m: int) -> None:
    values, points = rows(12, m), rows(DRAWS, m, seed=1)
    share = float(np.mean((np.array(values) >= np.array(points)[:, None]).all(axis=2).any(axis=1)))
    found = hypervolume(values, (0.0,) * m)
    assert found == pytest.approx(share, abs=4 * (share * (1 - share) / DRAWS) ** 0.5)


def test_what_does_not_dominate_the_reference_has_no_volume() -> None:
    values = [(3.0, -1.0)]
    assert hypervolume(values, (0.0, 0.0)) == 0.0
    assert hypervolume([], (0.0, 0.0)) == 0.0


def test_an_inferred_reference_is_a_tenth_of_the_range_below_the_front() -> None:
    goals = OptimizationConfig((Objective("a", "maximize"), Objective("b", "minimize", 7.0)))
    values = [(0.0, -2.0), (10.0, -4.0), (-5.0, -9.0)]
    assert reference_point(goals, values) == pytest.approx([-1.0, -7.0])


def test_equal_points_on_the_front_are_one_point() -> None:
    goals = OptimizationConfig((Objective("a", "maximize"), Objective("b", "minimize")))
    once = [(80.0, -1.0), (50.0, -3.0)]
    twice = [once[0], once[0], once[1]]
    assert reference_point(goals, twice) == reference_point(goals, once)
    assert hypervolume(twice, reference_point(goals, twice)) == pytest.approx(8.0 * 0.1)


def test_an_objective_in_which_the_front_is_equal_has_a_reference_below_it() -> None:
    goals = OptimizationConfig(tuple(Objective(name, "maximize") for name in "abc"))
    values = [(1.0, 2.0, 5.0), (2.0, 1.0, 5.0)]
    assert reference_point(goals, values) == pytest.approx([0.9, 0.9, 4.5])
