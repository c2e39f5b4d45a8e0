"""Genetic operators on sequences: which positions they change, and how often."""

import pytest
import torch
from torch import Tensor

from gdopt.baselines.genes import offspring, point_mutated, uniform_crossed
from gdopt.errors import GdoptError, SettingsError

N, L, STATES = 20_000, 8, 5


def zeros() -> Tensor:
    return torch.zeros(N, L, dtype=torch.long)


def ones() -> Tensor:
    return torch.ones(N, L, dtype=torch.long)


def test_a_point_is_mutated_once_a_row_on_average_and_to_any_state(generator: torch.Generator) -> None:
    changed = point_mutated(torch.full((N, L), STATES), STATES, generator)
    counts = (changed < STATES).float()
    assert float(counts.sum(1).mean()) == pytest.approx(1, abs=0.03)
    # A binomial of 8 coins of 1/8.
    assert float((counts.sum(1) == 0).float().mean()) == pytest.approx((1 - 1 / L) ** L, abs=0.02)
    shares = torch.bincount(changed[changed < STATES], minlength=STATES) / counts.sum()
    assert torch.allclose(shares, torch.full((STATES,), 1 / STATES), atol=0.02)


def test_nothing_or_all_is_mutated_at_the_ends_of_the_rate(generator: torch.Generator) -> None:
    rows = torch.full((50, L), STATES)
    assert torch.equal(point_mutated(rows, STATES, generator, rate=0), rows)
    assert int(point_mutated(rows, STATES, generator, rate=1).max()) < STATES


def test_a_uniform_cross_has_the_fathers_share_in_every_position(generator: torch.Generator) -> None:
    crossed = uniform_crossed(zeros(), ones(), generator, rate=0.3).float()
    assert torch.allclose(crossed.mean(0), torch.full((L,), 0.3), atol=0.02)
    assert torch.allclose(crossed.T.cov(), 0.21 * torch.eye(L), atol=0.02)


def test_offspring_are_mutated_and_crossed_as_often_as_published(generator: torch.Generator) -> None:
    parents = torch.tensor([[0] * L, [1] * L])
    children = offspring(parents, None, N, STATES, generator)
    # A position is drawn anew with 1.1/L, and then 2 or more with 3/5.
    assert float((children > 1).float().mean()) == pytest.approx(1.1 / L * 3 / 5, abs=0.005)
    crossed = offspring(parents, None, N, STATES, generator, mutation_rate=0).float()
    assert float(crossed.mean()) == pytest.approx(0.5, abs=0.02)
    # Two positions differ if one of them alone is of another parent, of the other kind.
    rate = 1.1 / L
    assert float((crossed[:, 0] != crossed[:, 1]).float().mean()) == pytest.approx(rate * (1 - rate), abs=0.01)


def test_offspring_of_one_kind_and_weight_are_copies_without_mutation(generator: torch.Generator) -> None:
    parents = torch.tensor([[0] * L, [1] * L])
    children = offspring(parents, torch.tensor([0.0, 2.0]), 30, STATES, generator, mutation_rate=0)
    assert torch.equal(children, torch.ones(30, L, dtype=torch.long))
    assert offspring(parents, None, 0, STATES, generator).shape == (0, L)


def test_offspring_follow_the_generator() -> None:
    parents = torch.arange(24).reshape(4, 6) % STATES
    found = [offspring(parents, None, 9, STATES, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4)]
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_a_generation_after_another_finds_the_best_sequence(generator: torch.Generator) -> None:
    target = torch.randint(STATES, (L,), generator=generator)
    rows = torch.randint(STATES, (100, L), generator=generator)
    for _ in range(20):
        parents = rows[(rows == target).sum(1).argsort(descending=True, stable=True)[:20]]
        rows = torch.cat([parents, offspring(parents, None, 100, STATES, generator)])
    assert (rows == target).all(1).any()


def test_offspring_of_nobody_are_refused(generator: torch.Generator) -> None:
    with pytest.raises(GdoptError, match="parents have no rows: expected one or more"):
        offspring(torch.zeros(0, L, dtype=torch.long), None, 3, STATES, generator)


@pytest.mark.parametrize("weights", [[0.0, 0.0], [1.0, -1.0], [1.0, float("nan")]])
def test_weights_that_are_none_are_refused(weights: list[float], generator: torch.Generator) -> None:
    with pytest.raises(SettingsError, match="weights: expected finite numbers"):
        offspring(torch.zeros(2, L, dtype=torch.long), torch.tensor(weights), 3, STATES, generator)


def test_a_rate_that_is_no_probability_is_refused(generator: torch.Generator) -> None:
    with pytest.raises(SettingsError, match=r"rate = 1.5: expected a probability"):
        uniform_crossed(zeros(), ones(), generator, rate=1.5)
