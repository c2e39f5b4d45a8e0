"""Fronts and hypervolumes against brute force and sampling, crowding by hand."""

import pytest
import torch

from gdopt.trials.objectives import Objective, OptimizationConfig
from gdopt.trials.pareto import crowding_distance, hypervolume, is_pareto_optimal, non_dominated_layers, reference_point

DRAWS = 400_000


def rows(n: int, m: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, m, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def dominates(a: list[float], b: list[float]) -> bool:
    return all(x >= y for x, y in zip(a, b, strict=True)) and a != b


@pytest.mark.parametrize("m", [2, 3, 4])
def test_the_front_is_what_brute_force_finds(m: int) -> None:
    values = rows(60, m)
    every = values.tolist()
    expected = [not any(dominates(other, one) for other in every) for one in every]
    assert is_pareto_optimal(values).tolist() == expected


def test_equal_rows_are_all_on_the_front() -> None:
    values = torch.tensor([[1.0, 2.0], [1.0, 2.0], [0.0, 1.0]])
    assert is_pareto_optimal(values).tolist() == [True, True, False]


def test_layers_are_the_lengths_of_the_longest_chains_that_dominate() -> None:
    every = rows(40, 2).tolist()

    def depth(one: list[float]) -> int:
        return max((1 + depth(other) for other in every if dominates(other, one)), default=0)

    assert non_dominated_layers(torch.tensor(every, dtype=torch.float64)) == [depth(one) for one in every]


def test_crowding_is_what_is_worked_out_by_hand() -> None:
    # Ranges 4 and 8; the neighbours of the second are (0, 8) and (2, 3), of the third (1, 6) and (4, 0).
    values = torch.tensor([[0.0, 8.0], [1.0, 6.0], [2.0, 3.0], [4.0, 0.0]], dtype=torch.float64)
    assert crowding_distance(values).tolist() == pytest.approx([torch.inf, 2 / 4 + 5 / 8, 3 / 4 + 6 / 8, torch.inf])


def test_crowding_of_one_row_and_of_equal_rows_is_infinite() -> None:
    assert crowding_distance(torch.zeros(1, 2)).tolist() == [torch.inf]
    assert crowding_distance(torch.zeros(3, 2)).tolist() == [torch.inf] * 3


def test_the_hypervolume_of_steps_is_the_sum_of_their_rectangles() -> None:
    values = torch.tensor([[3.0, 1.0], [2.0, 2.0], [1.0, 3.0], [0.5, 0.5]], dtype=torch.float64)
    assert hypervolume(values, torch.zeros(2, dtype=torch.float64)) == pytest.approx(6.0)


@pytest.mark.parametrize("m", [2, 3])
def test_the_hypervolume_is_the_share_of_random_points_that_are_dominated(m: int) -> None:
    values, points = rows(12, m), rows(DRAWS, m, seed=1)
    share = (values.unsqueeze(0) >= points.unsqueeze(1)).all(-1).any(-1).double().mean().item()
    found = hypervolume(values, torch.zeros(m, dtype=torch.float64))
    assert found == pytest.approx(share, abs=4 * (share * (1 - share) / DRAWS) ** 0.5)


def test_what_does_not_dominate_the_reference_has_no_volume() -> None:
    values = torch.tensor([[3.0, -1.0]], dtype=torch.float64)
    assert hypervolume(values, torch.zeros(2, dtype=torch.float64)) == 0.0
    assert hypervolume(torch.empty(0, 2), torch.zeros(2)) == 0.0


def test_an_inferred_reference_is_a_tenth_of_the_range_below_the_front() -> None:
    goals = OptimizationConfig((Objective("a", "maximize"), Objective("b", "minimize", 7.0)))
    values = torch.tensor([[0.0, -2.0], [10.0, -4.0], [-5.0, -9.0]], dtype=torch.float64)
    assert reference_point(goals, values).tolist() == pytest.approx([-1.0, -7.0])


def test_equal_points_on_the_front_are_one_point() -> None:
    goals = OptimizationConfig((Objective("a", "maximize"), Objective("b", "minimize")))
    once = torch.tensor([[80.0, -1.0], [50.0, -3.0]], dtype=torch.float64)
    twice = once[[0, 0, 1]]
    assert torch.equal(reference_point(goals, twice), reference_point(goals, once))
    assert hypervolume(twice, reference_point(goals, twice)) == pytest.approx(8.0 * 0.1)


def test_an_objective_in_which_the_front_is_equal_has_a_reference_below_it() -> None:
    goals = OptimizationConfig(tuple(Objective(name, "maximize") for name in "abc"))
    values = torch.tensor([[1.0, 2.0, 5.0], [2.0, 1.0, 5.0]], dtype=torch.float64)
    assert reference_point(goals, values).tolist() == pytest.approx([0.9, 0.9, 4.5])
