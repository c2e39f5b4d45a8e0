"""The laws that stand in for the diffusion model: their mean and covariance against the formulas."""

import pytest
import torch

from gdopt.baselines.corpus_steps import CorpusSteps, corpus_of
from gdopt.baselines.diffusion_evolution import alpha, denoised, stepped
from gdopt.baselines.eda import drawn, levelled
from gdopt.baselines.pool import PoolThompson
from gdopt.codecs.box import BoxCodec
from gdopt.codecs.columns import Block
from gdopt.study.study import Study
from tests.strategies import drive, prior, quick_prior

N = 40_000


def test_the_gaussian_is_at_the_elites_weighted_mean_as_wide_as_a_share_of_the_best(generator: torch.Generator) -> None:
    family = (
        torch.randn(30, 3, generator=generator, dtype=torch.float64)
        @ torch.diag(torch.tensor([1.0, 0.1, 4.0])).double()
    )
    elite = family[:3]
    weights = torch.tensor([3.5, 3.5, 3.5]).log() - torch.tensor([1.0, 2.0, 3.0]).log()
    found = drawn(elite, family, 0.64, N, generator)
    mean = (weights / weights.sum()).double() @ elite
    width = 0.64 * (family - family.mean(0)).square().mean(0).sqrt()
    assert torch.allclose((found.mean(0) - mean) / width, torch.zeros(3).double(), atol=0.02)
    assert torch.allclose(found.T.cov() / torch.outer(width, width), torch.eye(3).double(), atol=0.03)


def test_levels_are_drawn_by_their_frequencies_in_the_elite_and_none_is_lost(generator: torch.Generator) -> None:
    # A number, a choice of three levels, a number; the third level is in no design.
    levels = 3**0.5 * torch.tensor([[1, -1, -1], [-1, 1, -1], [1, -1, -1]], dtype=torch.float64)
    elite = torch.cat([torch.ones(3, 1), levels, torch.ones(3, 1)], 1)
    pool = torch.zeros(N, 5, dtype=torch.float64)
    found = levelled(pool, elite, [Block(1, 3**0.5 * (2 * torch.eye(3).double() - 1), True)], generator)
    first, second, third = (torch.tensor([3.5, 3.5, 3.5]).log() - torch.tensor([1.0, 2.0, 3.0]).log()).tolist()
    share = 3 * torch.tensor([first + third, second, 0.0]) / (first + second + third)
    assert torch.allclose((found[:, 1:4] > 0).double().mean(0), (share.double() + 1 / 3) / 4, atol=0.01)
    assert torch.equal(found[:, [0, 4]], pool[:, [0, 4]])


def test_steps_have_the_covariance_of_the_corpus_contracted() -> None:
    algorithm = CorpusSteps(prior=quick_prior(), thompson=False, candidates=64, n_elite=2, n_initial=4)
    study = drive(Study(quick_prior().space, direction="maximize", algorithm=algorithm), 1, 4)
    best = sorted(study.trials, key=lambda t: -t.value)[:2]
    z = quick_prior().codec.encode([t.params for t in study.ask(2000)])
    weights = torch.tensor([2.5, 2.5]).log() - torch.tensor([1.0, 2.0]).log()
    mean = (weights / weights.sum()).double() @ quick_prior().codec.encode([t.params for t in best])
    # s = 0.4 times a log-normal factor of spread 0.5, whose square has the mean exp(2 · 0.5²).
    share = 0.4**2 * torch.tensor(2 * 0.5**2).exp().double()
    # The three directions that the bounds of the space, to which designs are clipped, leave alone.
    assert torch.allclose(z.mean(0)[:3], mean[:3], atol=0.03)
    assert torch.allclose(z.T.cov()[:3, :3], share * torch.eye(3).double(), atol=0.03)


def test_the_corpus_is_the_same_in_both_coordinates(generator: torch.Generator) -> None:
    box = BoxCodec(prior().space)
    rows = corpus_of(box, prior(), generator)
    assert torch.allclose(prior().codec.encode(box.decode(rows)), prior().z, atol=1e-9)


def test_the_pool_is_the_corpus() -> None:
    algorithm = PoolThompson(prior=quick_prior(), n_initial=4)
    study = drive(Study(quick_prior().space, direction="maximize", algorithm=algorithm), 4, 10)
    rows = {tuple(row) for row in quick_prior().designs.tolist()}
    assert all(tuple(t.params.values()) in rows for t in study.trials)


# Diffusion Evolution.


def test_the_clean_design_is_the_populations_mean_weighted_by_fitness_and_nearness() -> None:
    members = torch.tensor([[0.0, 1.0], [2.0, -1.0], [1.0, 1.0]], dtype=torch.float64)
    fitness = torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64)
    x, signal = torch.tensor([0.3, -0.2], dtype=torch.float64), 0.4
    weights = [
        float(g * torch.exp(-((x - signal**0.5 * one) ** 2).sum() / (2 * (1 - signal))))
        for g, one in zip(fitness, members, strict=True)
    ]
    expected = sum(w * one for w, one in zip(weights, members, strict=True)) / sum(weights)
    assert torch.allclose(denoised(x[None], members, fitness, signal)[0], expected)


@pytest.mark.parametrize("noise", [0.0, 0.5, 1.0])
def test_a_step_keeps_the_law_of_the_noised_design(noise: float, generator: torch.Generator) -> None:
    now, then = 0.3, 0.6
    clean = torch.full((N, 1), 2.0, dtype=torch.float64)
    x = now**0.5 * clean + (1 - now) ** 0.5 * torch.randn(N, 1, generator=generator, dtype=torch.float64)
    found = stepped(x, clean, now, then, noise, generator)
    assert float(found.mean()) == pytest.approx(2 * then**0.5, abs=0.02)
    assert float(found.var()) == pytest.approx(1 - then, rel=0.03)


def test_noise_falls_to_nothing() -> None:
    levels = [alpha(share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert levels == sorted(levels)
    assert levels[0] < 0.001 < 0.999 < levels[-1]
