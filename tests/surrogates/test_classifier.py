"""Where trials succeed, on regions whose shape is known."""

import pytest
import torch
from torch import Tensor

from gdopt.surrogates.classifier import probability
from tests.oracles import seeded


def uniform(n: int, d: int, seed: int) -> Tensor:
    return 3**0.5 * (2 * torch.rand(n, d, generator=seeded(seed), dtype=torch.float64) - 1)


def half(z: Tensor) -> Tensor:
    return z[:, 0] < 0


def ball(z: Tensor) -> Tensor:
    return z.norm(dim=1) < z.shape[1] ** 0.5


@pytest.mark.parametrize(("region", "right"), [(half, 0.9), (ball, 0.8)])
def test_a_region_is_learned_from_its_trials(region, right: float) -> None:
    z, at = uniform(60, 4, seed=0), uniform(500, 4, seed=1)
    found = probability(z, region(z), at)
    assert found is not None
    assert float(((found >= 0.5) == region(at)).double().mean()) > right


def test_probabilities_are_those_of_outcomes() -> None:
    # Success is drawn with a probability that rises along one direction.
    z, at = uniform(300, 2, seed=7), uniform(200, 2, seed=8)
    found = probability(z, torch.rand(300, generator=seeded(9)).double() < (2 * z[:, 0]).sigmoid(), at)
    assert found is not None
    assert float((found - (2 * at[:, 0]).sigmoid()).abs().mean()) < 0.1


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.5])
@pytest.mark.parametrize("d", [2, 6, 30])
def test_failures_anywhere_have_no_place(d: int, rate: float) -> None:
    z = uniform(60, d, seed=2)
    succeeded = torch.rand(60, generator=seeded(3)) > rate
    assert not succeeded.all()
    assert probability(z, succeeded, z) is None


@pytest.mark.parametrize("n", [2, 5, 30])
def test_one_failure_has_no_place(n: int) -> None:
    z = uniform(n, 3, seed=5)
    succeeded = torch.ones(n, dtype=torch.bool)
    succeeded[0] = False
    assert probability(z, succeeded, z) is None


def test_success_and_failure_of_one_design_have_no_place() -> None:
    z = torch.zeros(2, 3, dtype=torch.float64)
    assert probability(z, torch.tensor([True, False]), z) is None


@pytest.mark.usefixtures("untouched_random_state")
def test_learning_where_trials_fail_moves_no_global_generator() -> None:
    z = uniform(20, 3, seed=6)
    probability(z, half(z), z)
