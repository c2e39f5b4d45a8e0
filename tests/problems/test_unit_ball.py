"""The unit sphere with a linear reward."""

import numpy as np
import pytest
import torch

from gdopt.diffusion.sampler import sample
from gdopt_problems import load
from gdopt_problems.unit_ball import distance, draw, law, reward
from tests.oracles import f64, normal, seeded


def test_designs_lie_on_the_sphere_with_the_laws_moments() -> None:
    x = draw(20_000, seeded())
    assert float(distance(x).max()) < 1e-12
    torch.testing.assert_close(torch.cov(x.T), law().cov, rtol=0, atol=2e-3)
    torch.testing.assert_close(x.mean(0), law().mean, rtol=0, atol=5e-3)


def test_the_distance_counts_inside_and_outside_alike() -> None:
    x = draw(2, seeded())
    torch.testing.assert_close(distance(x * f64([[0.75], [1.25]])), f64([0.25, 0.25]))


def test_the_best_point_of_the_sphere_has_the_optimum() -> None:
    f = reward()
    assert float(f(f.theta.unsqueeze(0))) == pytest.approx(1.0)
    assert float(f(draw(1000, seeded(5))).max()) < 0.9


def test_the_optimum_is_not_in_the_corpus() -> None:
    corpus = load("unit_ball").corpus
    assert corpus is not None
    assert float(reward()(torch.from_numpy(corpus())).max()) < 0.9


def test_the_gradient_is_theta_everywhere() -> None:
    f, x = reward(), normal(3, 64, seed=1)
    assert torch.equal(f.gradient(x), f.theta.expand(3, 64))


def test_draws_of_the_closed_form_lie_near_the_sphere() -> None:
    one = law()
    x = sample(one.denoiser, 64, one.mean, one.spread, seeded())
    assert float(distance(x).max()) < 1e-4


def test_the_problem_has_the_reward_and_its_gradient() -> None:
    p, x = load("unit_ball"), draw(2, seeded())
    batch = [dict(zip(p.space.names, row.tolist(), strict=True)) for row in x]
    assert p.evaluate(batch) == pytest.approx(reward()(x).tolist())
    assert p.gradient is not None
    np.testing.assert_allclose([list(g.values()) for g in p.gradient(batch)], reward().gradient(x).numpy(), atol=1e-12)


def test_off_the_sphere_the_problem_is_worth_less_than_at_its_optimum() -> None:
    p, theta = load("unit_ball"), reward().theta
    radii = (0.9, 1.0, 1.05, 1.1, 2.0)
    values = p.evaluate([dict(zip(p.space.names, (r * theta).tolist(), strict=True)) for r in radii])
    assert values == pytest.approx([r - 10 * (r - 1) ** 2 for r in radii])
    assert max(values) == pytest.approx(p.optimum)
