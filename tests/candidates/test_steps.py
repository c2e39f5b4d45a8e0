"""The law that is sampled: its weights, its covariance and its scale."""

import math

import numpy as np
import pytest
import torch

from gdopt.candidates.steps import (
    CARRIED,
    FIRST,
    FULL_ROUND,
    LEAST,
    MOST,
    SCALE_JITTER,
    carried,
    centre_of,
    contracted,
    elite_weights,
    noise_levels,
    parents,
    pooled,
    refitted,
    scale_after,
)
from tests.oracles import normal, seeded

# E[exp(2 j eps)] of the factor exp(j eps) on every step, eps standard normal.
JITTER = math.exp(2 * SCALE_JITTER**2)


@pytest.mark.parametrize("n", [1, 2, 5, 80])
def test_elite_weights_are_hansens(n: int) -> None:
    raw = np.log(n + 0.5) - np.log(np.arange(1, n + 1))
    np.testing.assert_allclose(elite_weights(n), raw / raw.sum(), rtol=1e-12)


def test_elite_weights_fall_and_sum_to_one() -> None:
    weights = elite_weights(12)
    assert float(weights.sum()) == pytest.approx(1)
    assert bool((weights.diff() < 0).all())


def test_the_centre_is_nearer_to_the_better_of_two() -> None:
    centre = centre_of(torch.tensor([[0.0], [1.0]], dtype=torch.float64))
    expected = math.log(2.5 / 2) / (math.log(2.5) + math.log(2.5 / 2))
    assert float(centre) == pytest.approx(expected)


@pytest.mark.parametrize("scale", [0.05, 0.4])
def test_contracted_steps_have_the_priors_covariance_times_the_squared_scale(scale: float) -> None:
    draws = normal(1024, 3, seed=0) @ normal(3, 3, seed=1)
    steps = contracted(draws, torch.zeros(3, dtype=torch.float64), scale, 200_000, seeded(2))
    # Of a finite set of draws, X - X' over √2 has the covariance with denominator k; both may be the same draw.
    expected = scale**2 * JITTER * torch.cov(draws.T, correction=0)
    torch.testing.assert_close(torch.cov(steps.T), expected, rtol=0, atol=0.03 * float(expected.trace()))


def test_contracted_steps_are_symmetric_about_the_centre() -> None:
    draws, centre = normal(200, 2, seed=0).exp(), torch.tensor([5.0, -5.0], dtype=torch.float64)
    steps = contracted(draws, centre, 0.4, 100_000, seeded(1)) - centre
    error = steps.std(0) / len(steps) ** 0.5
    assert bool((steps.mean(0).abs() < 4 * error).all())


def test_contracted_candidates_stay_on_the_priors_subspace() -> None:
    draws = normal(50, 2, seed=0) @ normal(2, 5, seed=1)
    found = contracted(draws, torch.zeros(5, dtype=torch.float64), 0.4, 100, seeded(2))
    assert int(torch.linalg.matrix_rank(found)) == 2


def test_refitted_steps_have_the_elites_shape() -> None:
    long = torch.tensor([10.0, 0.1], dtype=torch.float64)
    elite, draws = normal(40, 2, seed=0) * long, normal(500, 2, seed=1) * 0.01
    steps = refitted(elite, draws, torch.zeros(2, dtype=torch.float64), 0.4, 20_000, seeded(2))
    assert float(steps[:, 0].std() / steps[:, 1].std()) == pytest.approx(
        float(elite[:, 0].std() / elite[:, 1].std()), rel=0.05
    )


def test_refitted_steps_of_one_repeated_design_are_the_priors_own() -> None:
    elite, draws = torch.ones(5, 2, dtype=torch.float64), normal(500, 2, seed=1)
    steps = refitted(elite, draws, torch.zeros(2, dtype=torch.float64), 0.4, 1000, seeded(2))
    assert 0 < float(steps.std()) < 0.4


@pytest.mark.parametrize("law", ["contracted", "refitted"])
def test_none_can_be_drawn(law: str) -> None:
    draws, zero = normal(10, 2, seed=0), torch.zeros(2, dtype=torch.float64)
    found = (
        contracted(draws, zero, 0.4, 0, seeded())
        if law == "contracted"
        else refitted(draws, draws, zero, 0.4, 0, seeded())
    )
    assert found.shape == (0, 2)


def test_half_of_the_candidates_are_carried_along_the_drift() -> None:
    z, drift = normal(20_000, 2, seed=0), torch.tensor([3.0, -1.0], dtype=torch.float64)
    moves = carried(z, drift, seeded(1)) - z
    moved = moves[:, 0] != 0
    # Four standard errors of 20,000 coins.
    assert float(moved.double().mean()) == pytest.approx(CARRIED, abs=0.015)
    torch.testing.assert_close(moves[:, 0], -3 * moves[:, 1], rtol=0, atol=1e-9)


def test_the_carried_are_moved_by_the_drift_in_the_median() -> None:
    z, drift = torch.zeros(20_000, 1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    moves = carried(z, drift, seeded(1))
    assert float(moves[moves > 0].median()) == pytest.approx(1, abs=0.03)


def test_no_drift_carries_nothing() -> None:
    z = normal(50, 3, seed=0)
    assert torch.equal(carried(z, torch.zeros(3, dtype=torch.float64), seeded(1)), z)


# The scale. FIRST is 0.4; a success multiplies by 1.1, a full round of failure by 0.85.


@pytest.mark.parametrize(
    ("rounds", "expected"),
    [
        ([], 0.4),
        ([[2.0]], 0.4 * 1.1),
        ([[0.5, 2.0, 1.5]], 0.4 * 1.1),
        ([[2.0], [3.0]], 0.4 * 1.1**2),
        ([[0.5] * 20], 0.4 * 0.85),
        ([[1.0] * 20], 0.4 * 0.85),
        ([[0.5] * 40], 0.4 * 0.85),
        ([[0.5] * 10], 0.4 * 0.85**0.5),
        ([[0.5]], 0.4 * 0.85**0.05),
        ([[2.0], [1.5] * 20], 0.4 * 1.1 * 0.85),
        ([[0.5] * 20, [2.0]], 0.4 * 0.85 * 1.1),
        ([[]], 0.4),
        ([[2.0]] + [[3.0 + k] for k in range(50)], 0.7),
        ([[0.0] * 20] * 50, 0.05),
    ],
)
def test_the_scale_follows_success_and_failure(rounds: list[list[float]], expected: float) -> None:
    assert scale_after(rounds, best=1.0) == pytest.approx(expected)


def test_the_scale_never_leaves_its_range() -> None:
    assert (FIRST, LEAST, MOST, FULL_ROUND) == (0.4, 0.05, 0.7, 20)
    rounds = np.random.default_rng(0).normal(size=(300, 4)).tolist()
    scales = [scale_after(rounds[:k], -math.inf) for k in range(300)]
    assert min(scales) >= LEAST
    assert max(scales) <= MOST


# The pool.


def test_a_pool_knows_where_each_candidate_is_from() -> None:
    pool = pooled(
        [("a", torch.zeros(2, 3).double()), ("b", torch.ones(1, 3).double()), ("a", torch.ones(2, 3).double())]
    )
    assert [pool.sources[i] for i in pool.source.tolist()] == ["a", "a", "b", "a", "a"]
    assert pool.z[:, 0].tolist() == [0, 0, 1, 1, 1]


def test_parents_are_elite_designs_and_the_best_of_them_most_often() -> None:
    z = torch.arange(100.0, dtype=torch.float64).unsqueeze(1)
    counts = parents(z, 4000, torch.Generator().manual_seed(0)).flatten().long().bincount()
    assert len(counts) == 24
    # The weights of CMA-ES, normalized: the best of 24 has 15 % and the last 0.1 %.
    torch.testing.assert_close(counts / 4000, elite_weights(24).float(), atol=0.02, rtol=0)


def test_noise_levels_lie_about_the_contraction() -> None:
    found = noise_levels(0.3, 5000, torch.Generator().manual_seed(0))
    assert float(found.median()) == pytest.approx(0.3, rel=0.05)
    assert float(found.min()) >= 0.02
