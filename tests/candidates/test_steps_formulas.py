"""Each proposal step against its formula in NumPy, of the same random numbers.

The formulas and their constants are those of docs/algorithm.md and of the sources named below. PyTorch is used here to
draw the random numbers only, in the order in which the steps draw them.
"""

import numpy as np
import pytest
import torch

from gdopt.candidates.steps import (
    carried,
    centre_of,
    contracted,
    elite_of,
    elite_weights,
    noise_levels,
    parents,
    pool_size,
    refitted,
    scale_after,
)
from tests.oracles import normal, seeded

N, D = 200, 3
DRAWS, ELITE = normal(50, D, seed=0), normal(9, D, seed=1)
CENTRE = np.array([0.4, -1.0, 2.0])


class Stream:
    """The random numbers of one seed, as NumPy arrays."""

    def __init__(self, seed: int) -> None:
        self._generator = seeded(seed)

    def normal(self) -> np.ndarray:
        return torch.randn(N, 1, generator=self._generator, dtype=torch.float64).numpy()

    def uniform(self) -> np.ndarray:
        return torch.rand(N, 1, generator=self._generator, dtype=torch.float64).numpy()

    def pairs(self, rows: int) -> np.ndarray:
        return torch.randint(rows, (2, N), generator=self._generator).numpy()


def hansen(n: int) -> np.ndarray:
    """log(n + 1/2) - log(rank), scaled to sum to 1 (Hansen 2016, equation 49)."""
    raw = [np.log(n + 0.5) - np.log(rank) for rank in range(1, n + 1)]
    return np.array(raw) / sum(raw)


def contracted_steps(stream: Stream, scale: float) -> np.ndarray:
    """s exp(ε/2) (X - X')/√2."""
    factor = scale * np.exp(0.5 * stream.normal())
    one, other = stream.pairs(len(DRAWS))
    return factor * (DRAWS.numpy()[one] - DRAWS.numpy()[other]) / np.sqrt(2)


@pytest.mark.parametrize("scale", [0.05, 0.4, 0.7])
def test_contracted_candidates_are_centre_plus_scaled_differences_of_draws(scale: float) -> None:
    found = contracted(DRAWS, torch.from_numpy(CENTRE), scale, N, seeded(2))
    np.testing.assert_allclose(found, CENTRE + contracted_steps(Stream(2), scale), rtol=1e-12, atol=1e-12)


def test_refitted_candidates_are_elite_differences_and_a_share_of_a_contracted_step() -> None:
    found = refitted(ELITE, DRAWS, torch.from_numpy(CENTRE), 0.3, N, seeded(3))
    stream, elite = Stream(3), ELITE.numpy()
    factor = 0.7 * np.exp(0.6 * stream.normal())
    one, other = stream.pairs(len(elite))
    expected = CENTRE + factor * (elite[one] - elite[other]) / np.sqrt(2) + 0.3 * contracted_steps(stream, 0.3)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_refitted_steps_have_the_moments_of_the_elite_and_of_the_draws() -> None:
    n = 200_000
    elite, draws = ELITE * torch.tensor([3.0, 1.0, 0.1]).double(), 0.5 * DRAWS
    found = refitted(elite, draws, torch.from_numpy(CENTRE), 0.4, n, seeded(4)).numpy()
    # (X - X')/√2 of two independent draws has the covariance of X; E[exp(2jε)] = exp(2j²).
    expected = 0.7**2 * np.exp(2 * 0.6**2) * np.cov(elite.numpy().T, bias=True)
    expected += (0.3 * 0.4) ** 2 * np.exp(2 * 0.5**2) * np.cov(draws.numpy().T, bias=True)
    np.testing.assert_allclose(np.cov(found.T), expected, rtol=0, atol=0.03 * np.trace(expected))
    error = np.sqrt(np.diag(expected) / n)
    assert (np.abs(found.mean(0) - CENTRE) < 4 * error).all()


def test_each_candidate_can_have_a_centre_of_its_own() -> None:
    centres = normal(N, D, seed=5)
    one, other = (contracted(DRAWS, at, 0.4, N, seeded(6)) for at in (centres, torch.zeros(D).double()))
    np.testing.assert_allclose(one, centres + other, rtol=0, atol=1e-12)


def test_carried_candidates_move_along_the_drift_by_a_log_normal_factor() -> None:
    z, drift = normal(N, D, seed=7), np.array([1.0, -2.0, 0.5])
    found = carried(z, torch.from_numpy(drift), seeded(8))
    stream = Stream(8)
    chosen = stream.uniform() < 0.5
    expected = z.numpy() + chosen * np.exp(0.5 * stream.normal()) * drift
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("scale", [0.05, 0.4, 2.0])
def test_noise_levels_are_log_normal_about_the_scale_and_clipped(scale: float) -> None:
    found = noise_levels(scale, N, seeded(9))
    expected = np.clip(scale * np.exp(0.7 * Stream(9).normal()[:, 0]), 0.02, 3.0)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    # Both ends of the interval are reached by these scales.
    assert (scale == 0.4) or (found.min() == 0.02) == (scale == 0.05)


@pytest.mark.parametrize(("known", "elite"), [(2, 2), (3, 2), (5, 2), (9, 4), (24, 12), (25, 12), (400, 12)])
def test_the_elite_is_the_better_half_within_two_and_twelve(known: int, elite: int) -> None:
    z = torch.arange(known, dtype=torch.float64).unsqueeze(1)
    assert elite_of(z, 12).flatten().tolist() == list(range(elite))


def test_the_centre_is_the_mean_of_the_elite_by_hansens_weights() -> None:
    np.testing.assert_allclose(centre_of(ELITE), hansen(len(ELITE)) @ ELITE.numpy(), rtol=1e-12)
    np.testing.assert_allclose(centre_of(ELITE), np.average(ELITE.numpy(), axis=0, weights=hansen(9)), rtol=1e-12)


def test_parents_are_drawn_by_hansens_weights_of_the_better_half() -> None:
    n, z = 100_000, torch.arange(11, dtype=torch.float64).unsqueeze(1)
    counts = np.bincount(parents(z, n, seeded(10)).flatten().int().numpy(), minlength=11)
    expected = np.concatenate([hansen(5), np.zeros(6)])
    # Four standard errors of each share.
    assert (np.abs(counts / n - expected) <= 4 * np.sqrt(expected * (1 - expected) / n)).all()
    np.testing.assert_allclose(elite_weights(5), hansen(5), rtol=1e-12)


@pytest.mark.parametrize(("least", "n", "size"), [(1000, 1, 1000), (1000, 250, 1000), (1000, 251, 1004), (64, 20, 80)])
def test_the_pool_has_four_candidates_for_each_design_asked_for(least: int, n: int, size: int) -> None:
    assert pool_size(least, n) == size


@pytest.mark.parametrize("seed", range(5))
def test_the_scale_is_that_of_a_loop_over_success_and_failure(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rounds = [rng.normal(size=rng.integers(1, 40)).tolist() for _ in range(60)]
    scale, best = 0.4, -1.0
    for values in rounds:
        improved = max(values) > best
        scale *= 1.1 if improved else 0.85 ** min(1, len(values) / 20)
        scale, best = min(0.7, max(0.05, scale)), max(best, *values)
    assert scale_after(rounds, -1.0) == pytest.approx(scale, rel=1e-12)
