"""From candidates to a batch, against sorting and brute force."""

from collections import Counter

import numpy as np
import pytest
import torch
from torch import Tensor

from gdopt.acquisition import noisy_ei
from gdopt.acquisition.batch import SelectionInput, exclude_pending, select_batch
from gdopt.acquisition.noisy_ei import sequential_greedy
from gdopt.acquisition.thompson import JOINT, thompson_sampling
from gdopt.surrogates.gp import GaussianProcess, fit
from gdopt.surrogates.multi_output import single_output
from tests.oracles import normal, seeded
from tests.strategies import unchecked

NONE = torch.zeros(0, 2, dtype=torch.float64)


@pytest.fixture(scope="module")
def told() -> Tensor:
    return normal(12, 2, seed=0)


@pytest.fixture(scope="module")
def surrogate(told: Tensor) -> GaussianProcess:
    """Of a bowl turned over, its top at (0.5, 0.5)."""
    y = -(told - 0.5).square().sum(1)
    return fit(told, (y - y.mean()) / y.std())


@pytest.mark.parametrize("n", [1, 7, 50])
def test_thompson_takes_different_candidates(surrogate: GaussianProcess, n: int) -> None:
    picks = thompson_sampling(surrogate, normal(50, 2, seed=1), n, 1.0, seeded())
    assert len(set(picks)) == n


def test_thompson_without_spread_takes_the_best_means(surrogate: GaussianProcess) -> None:
    pool = normal(100, 2, seed=1)
    picks = thompson_sampling(surrogate, pool, 10, 0.0, seeded())
    assert picks == np.argsort(-surrogate.mean(pool).numpy())[:10].tolist()


def test_thompson_picks_each_candidate_as_often_as_it_is_best(surrogate: GaussianProcess) -> None:
    pool = normal(5, 2, seed=2)
    with torch.no_grad():
        posterior = surrogate.model.posterior(pool / 3.0)
    law = np.random.default_rng(0).multivariate_normal(
        posterior.mean.flatten().numpy(), posterior.distribution.covariance_matrix.numpy(), size=20_000
    )
    expected = np.bincount(law.argmax(1), minlength=5) / 20_000
    generator = seeded()
    counts = Counter(thompson_sampling(surrogate, pool, 1, 1.0, generator)[0] for _ in range(1000))
    # Four standard errors of 1000 draws.
    assert [counts[i] / 1000 for i in range(5)] == pytest.approx(expected, abs=0.064)


@pytest.mark.parametrize(("m", "n"), [(2 * JOINT + 1, 10), (JOINT + 1, 1)])
def test_a_large_pool_gives_as_many_as_asked_for(surrogate: GaussianProcess, m: int, n: int) -> None:
    picks = thompson_sampling(surrogate, normal(m, 2, seed=3), n, 1.0, seeded())
    assert len(set(picks)) == n


def test_all_of_a_large_pool_can_be_taken(surrogate: GaussianProcess) -> None:
    with torch.no_grad():
        picks = thompson_sampling(surrogate, normal(JOINT + 1, 2, seed=3), JOINT + 1, 0.0, seeded())
    assert sorted(picks) == list(range(JOINT + 1))


def test_every_part_of_a_large_pool_has_its_chance(surrogate: GaussianProcess) -> None:
    # The good ones stand together, as the candidates of one source do: a hand of theirs alone would waste them.
    poor, good = -2 + 0.1 * normal(JOINT, 2, seed=4), 0.5 + 0.1 * normal(JOINT, 2, seed=5)
    picks = thompson_sampling(surrogate, torch.cat([poor, good]), 10, 0.0, seeded())
    assert min(picks) >= JOINT


def test_thompson_repeats_with_its_generator(surrogate: GaussianProcess) -> None:
    pool = normal(50, 2, seed=1)
    one, other = (thompson_sampling(surrogate, pool, 9, 1.0, seeded(4)) for _ in range(2))
    assert one == other


@pytest.mark.parametrize("n", [1, 4, 20])
def test_greedy_takes_different_candidates(surrogate: GaussianProcess, n: int) -> None:
    picks = sequential_greedy(single_output(surrogate), normal(20, 2, seed=1), n, NONE, seed=0)
    assert len(set(picks)) == n


def test_greedy_tells_candidates_apart_that_are_nearly_one(surrogate: GaussianProcess) -> None:
    pool = normal(1, 2, seed=6) + 1e-9 * normal(30, 2, seed=7)
    assert len(set(sequential_greedy(single_output(surrogate), pool, 30, NONE, seed=0))) == 30


def test_greedy_takes_first_the_largest_expected_improvement(surrogate: GaussianProcess, told: Tensor) -> None:
    pool = normal(30, 2, seed=1)
    with torch.no_grad():
        law = surrogate.model.posterior(torch.cat([pool, told]) / 3.0).distribution
    draws = np.random.default_rng(0).multivariate_normal(
        law.mean.numpy(), law.covariance_matrix.numpy(), size=20_000, method="cholesky", check_valid="ignore"
    )
    gain = np.maximum(draws[:, :30] - draws[:, 30:].max(1, keepdims=True), 0).mean(0)
    (pick,) = sequential_greedy(single_output(surrogate), pool, 1, NONE, seed=0)
    assert gain[pick] > 0.9 * gain.max()


def test_greedy_takes_of_a_large_pool_what_it_would_take_of_all(
    surrogate: GaussianProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = normal(600, 2, seed=4)
    found = sequential_greedy(single_output(surrogate), pool, 3, NONE, seed=0)
    monkeypatch.setattr(noisy_ei, "LOOKED_AT", 600)
    assert sorted(found) == sorted(sequential_greedy(single_output(surrogate), pool, 3, NONE, seed=0))


@pytest.mark.parametrize("room", [2**40, 0])
def test_a_batch_by_greedy_improves_nearly_as_much_as_the_best_that_is_built_up(
    surrogate: GaussianProcess, told: Tensor, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    monkeypatch.setattr(noisy_ei, "ROOM", room)  # by BoTorch, and by draws
    pool = normal(30, 2, seed=1)
    draws = surrogate.sample_posterior(torch.cat([told, pool[:1], pool]), 20_000, 1.0, seeded(9))
    before = draws[:, : len(told) + 1].amax(1)

    def gain(rows: list[int]) -> float:
        best = draws[:, [len(told) + 1 + row for row in rows]].amax(1)
        return float((best - before).clamp_min(0).mean())

    built: list[int] = []
    for _ in range(3):
        built.append(max(set(range(30)) - set(built), key=lambda row: gain([*built, row])))
    found = sequential_greedy(single_output(surrogate), pool, 3, pool[:1], seed=0)
    assert len(set(found)) == 3
    assert gain(found) > 0.9 * gain(built)


def test_by_draws_a_whole_pool_can_be_taken(surrogate: GaussianProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noisy_ei, "ROOM", 0)
    assert sorted(sequential_greedy(single_output(surrogate), normal(20, 2, seed=1), 20, NONE, seed=0)) == list(
        range(20)
    )


def test_greedy_does_not_take_what_is_pending_already(surrogate: GaussianProcess) -> None:
    pool = torch.cat([normal(20, 2, seed=1), torch.tensor([[0.5, 0.5]]).double()])
    (first,) = sequential_greedy(single_output(surrogate), pool, 1, NONE, seed=0)
    (second,) = sequential_greedy(single_output(surrogate), pool, 1, pool[[first]], seed=0)
    assert second != first


def test_pending_points_claim_their_nearest_candidates_in_turn() -> None:
    pool = torch.tensor([[0.0, 0], [1, 0], [2, 0], [9, 9]]).double()
    pending = torch.tensor([[0.9, 0], [1.1, 0.1]]).double()
    assert exclude_pending(pool, pending, 1) == [0, 3]


def test_nothing_pending_claims_nothing() -> None:
    assert exclude_pending(normal(5, 2, seed=1), NONE, 2) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("n", [9, 20])
def test_as_many_candidates_are_left_as_are_asked_for(n: int) -> None:
    assert len(exclude_pending(normal(20, 2, seed=1), normal(50, 2, seed=2), n)) == n


def test_a_large_batch_passes_over_what_pending_points_claim(surrogate: GaussianProcess) -> None:
    pool = normal(100, 2, seed=1)
    best = surrogate.mean(pool).argsort(descending=True)
    # Without spread the best means are taken: those that are pending have been.
    picks = select_batch(SelectionInput(single_output(surrogate), pool, 10, pool[best[:15]], 0.0, seeded()))
    assert picks == best[15:25].tolist()


@pytest.mark.usefixtures("untouched_random_state")
def test_selection_moves_no_global_generator(surrogate: GaussianProcess) -> None:
    with unchecked():
        sequential_greedy(single_output(surrogate), normal(20, 2, seed=1), 2, NONE, seed=0)
        thompson_sampling(surrogate, normal(20, 2, seed=1), 9, 1.0, seeded())
