"""Algorithms 1 and 2 against the closed forms of Theorems 2 and 3."""

import math
from dataclasses import replace
from functools import partial
from itertools import islice, pairwise

import pytest
import torch
from torch import Tensor

from gdopt.diffusion.guidance import lookahead, white
from gdopt.diffusion.network import network
from gdopt.diffusion.sampler import ddpm, expected
from gdopt.errors import ResultError, SettingsError
from gdopt.paper.first_order import FirstOrder, rounds
from gdopt.paper.moments import gaussian, of_net
from gdopt.paper.rules import ascent, frozen, increment, newest, per_sample, pooled, theorem_3, trained
from tests import oracles
from tests.oracles import f64, normal, seeded

# f(x) = -(x - TOP)'H(x - TOP)/2 under N(mean, cov): everything is linear, and every answer a solved system.
LAW = oracles.gaussian(5, seed=0, floor=0.2)
PRIOR = gaussian(LAW.mean, LAW.cov)
ROOT = normal(5, 5, seed=2)
CURVATURE = ROOT @ ROOT.T / 20
TOP = LAW.mean + 3 * normal(5, seed=3)
PRECISION = torch.linalg.inv(LAW.cov)
# L in the metric of the inverse covariance: the largest eigenvalue of cov^1/2 H cov^1/2.
SMOOTHNESS = float(torch.linalg.eigvals(LAW.cov @ CURVATURE).real.max())


def f(x: Tensor) -> Tensor:
    gap = x - TOP
    return -((gap @ CURVATURE) * gap).sum(1) / 2


def gradient(x: Tensor) -> Tensor:
    return -(x - TOP) @ CURVATURE


def regularized(strength: float) -> Tensor:
    """argmax f(x) - strength/2 |x - mean|^2 in the metric of the precision."""
    total = CURVATURE + strength * PRECISION
    return torch.linalg.solve(total, CURVATURE @ TOP + strength * PRECISION @ LAW.mean)


def length(x: Tensor) -> float:
    return float((x @ PRECISION @ x).sqrt())


def means(algorithm: FirstOrder, count: int, batch: int = 1) -> list[Tensor]:
    return [r.samples.mean(0) for r in islice(rounds(algorithm, gradient, batch, seeded()), count)]


@pytest.mark.parametrize("strength", [0.2, 1.0])
def test_algorithm_1_ends_at_the_regularized_optimum(strength: float) -> None:
    damping = strength / (strength + SMOOTHNESS)
    algorithm = FirstOrder(PRIOR, ascent(1 / strength), damping=damping, sampler=expected)
    goal = regularized(strength)
    assert length(means(algorithm, 40)[-1] - goal) < 0.01 * length(goal - LAW.mean)


def test_algorithm_1_ends_there_with_finite_batches_too() -> None:
    algorithm = FirstOrder(PRIOR, ascent(1 / 0.5), damping=0.5 / (0.5 + SMOOTHNESS))
    end = torch.stack(means(algorithm, 24, batch=1024)[8:]).mean(0)
    goal = regularized(0.5)
    assert length(end - goal) < 0.02 * length(goal - LAW.mean)


@pytest.mark.parametrize("ratio", [1.05, 1.5, 3.0])
def test_undamped_errors_of_a_parabola_contract_by_smoothness_over_strength(ratio: float) -> None:
    direction = normal(5, seed=4)
    variance = float(direction @ LAW.cov @ direction)
    strength = ratio * 2 * variance  # L = 2 g'cov g of -(g'x - 3)^2
    algorithm = FirstOrder(PRIOR, ascent(1 / strength), sampler=expected)

    def slope(x: Tensor) -> Tensor:
        return -2 * (x @ direction - 3).unsqueeze(1) * direction

    at = [float(r.samples[0] @ direction) for r in islice(rounds(algorithm, slope, 1, seeded()), 6)]
    goal = (strength * float(direction @ LAW.mean) + 6 * variance) / (strength + 2 * variance)
    factors = [(after - goal) / (before - goal) for before, after in pairwise(at)]
    assert factors == pytest.approx([-1 / ratio] * 5, rel=1e-3)


def test_undamped_algorithm_1_diverges_where_the_strength_is_below_the_smoothness() -> None:
    algorithm = FirstOrder(PRIOR, ascent(1 / (0.5 * SMOOTHNESS)), sampler=expected)
    goal = regularized(0.5 * SMOOTHNESS)
    errors = [length(m - goal) for m in means(algorithm, 12)]
    assert errors[-1] > 10 * errors[0]


def test_the_increment_ends_where_noise_over_delta_regularizes() -> None:
    delta, noise_std = 0.3, 0.5
    algorithm = FirstOrder(PRIOR, increment(delta), noise_std=noise_std, sampler=expected)
    goal = regularized(noise_std**2 / delta)
    assert length(means(algorithm, 100)[-1] - goal) < 1e-2 * length(goal - LAW.mean)


@pytest.mark.parametrize("strength", [0.0, 0.05])
def test_algorithm_2_takes_the_steps_of_gradient_ascent_in_the_priors_metric(strength: float) -> None:
    step = 1 / (SMOOTHNESS + strength)
    algorithm = FirstOrder(PRIOR, ascent(step), finetune=frozen(newest(step * strength)), sampler=expected)
    at = LAW.mean
    for found in means(algorithm, 8):
        torch.testing.assert_close(found, at, rtol=0, atol=1e-4)
        pull = LAW.cov @ gradient(at.unsqueeze(0))[0] - strength * (at - LAW.mean)
        at = at + step * pull


def test_algorithm_2_passes_the_regularized_optimum_on_the_way_to_the_optimum() -> None:
    step = 1 / SMOOTHNESS
    first = FirstOrder(PRIOR, ascent(step), damping=0.5, sampler=expected)
    second = replace(first, finetune=frozen(newest(0.0)), damping=1.0)
    ends = [float(f(means(a, 60)[-1].unsqueeze(0))) for a in (first, second)]
    assert ends[0] == pytest.approx(float(f(regularized(SMOOTHNESS).unsqueeze(0))), abs=1e-3)
    assert ends[1] > 0.5 * ends[0]


@pytest.mark.parametrize("count", [10, 30, 100])
def test_the_gap_of_algorithm_2_is_below_the_bound_of_theorem_3(count: int) -> None:
    step, share = theorem_3(SMOOTHNESS, count)
    algorithm = FirstOrder(PRIOR, ascent(step), finetune=frozen(newest(share)), sampler=expected)
    gap = -float(f(means(algorithm, count + 1)[-1].unsqueeze(0)))
    cost = SMOOTHNESS * math.log(count) / (2 * count) * length(TOP - LAW.mean) ** 2
    assert 0 < gap < cost + (1 - share) ** count * -float(f(LAW.mean.unsqueeze(0)))


def test_pooled_batches_reach_the_optimum_as_well() -> None:
    def step(law: object) -> float:
        return 1 / float(torch.linalg.eigvals(law.cov @ CURVATURE).real.max())  # type: ignore[attr-defined]

    algorithm = FirstOrder(PRIOR, ascent(step), finetune=pooled(newest(0.02)), noise_std=2.0)
    ends = means(algorithm, 16, batch=1024)
    assert float(f(ends[-1].unsqueeze(0))) > 0.1 * float(f(LAW.mean.unsqueeze(0)))


def test_a_network_that_is_trained_on_climbs_too() -> None:
    corpus = LAW.mean + normal(2000, 5, seed=5) @ torch.linalg.cholesky(LAW.cov).T
    values, vectors = torch.linalg.eigh(torch.cov(corpus.T))
    prior = of_net(network(corpus.mean(0), vectors, values.sqrt().float(), width=32, blocks=1))
    tuned = trained(newest(0.02), corpus, steps=20)
    algorithm = FirstOrder(prior, ascent(1 / SMOOTHNESS), finetune=tuned, noise_std=2.0)
    values = [float(f(m.unsqueeze(0))) for m in means(algorithm, 6, batch=512)]
    assert values[-1] > 0.3 * values[0]


# The public code's reading: chains that do not know of each other.


def test_a_chain_follows_the_exact_law_of_the_public_code() -> None:
    # u = g'x of one chain: u' | u ~ N(A t^2 y/(s^2 + A^2 t^2), t^2 s^2/(s^2 + A^2 t^2)), A = 2(3 - u), y = delta + A u.
    direction, tau, noise, delta, chains = f64([0.6, 0.8]), 0.5, 0.1, 0.2, 4096
    prior = gaussian(torch.zeros(2, dtype=torch.float64), tau**2 * torch.eye(2, dtype=torch.float64))
    algorithm = FirstOrder(
        prior, increment(delta), guidance=partial(lookahead, variance=white), anchor=per_sample,
        noise_std=noise, sampler=partial(ddpm, steps=400),
    )  # fmt: skip
    # The white variance is for cov = I: the same chain in units of tau.
    algorithm = replace(algorithm, prior=gaussian(prior.mean, torch.eye(2, dtype=torch.float64)))

    def slope(x: Tensor) -> Tensor:
        return 2 * (3 - tau * x @ direction).unsqueeze(1) * tau * direction

    found = [tau * r.samples @ direction for r in islice(rounds(algorithm, slope, chains, seeded(1)), 6)]
    u, generator = tau * torch.randn(400_000, generator=seeded(2), dtype=torch.float64), seeded(3)
    for sampled in found:
        assert float(sampled.mean()) == pytest.approx(float(u.mean()), abs=0.03)
        a = 2 * (3 - u)
        total = noise**2 + (a * tau).square()
        draw = torch.randn(len(u), generator=generator, dtype=torch.float64)
        u = a * tau**2 * (delta + a * u) / total + tau * noise / total.sqrt() * draw


def test_per_sample_chains_ask_for_a_gradient_each() -> None:
    algorithm = FirstOrder(PRIOR, increment(0.2), anchor=per_sample)
    played = list(islice(rounds(algorithm, gradient, 7, seeded()), 2))
    assert [len(r.anchors) for r in played] == [7, 7]


# Errors change nothing and name what was wrong.


@pytest.mark.parametrize(
    ("setting", "message"),
    [({"noise_std": 0.0}, "noise_std must be positive, got 0.0"), ({"damping": 1.5}, r"in \(0, 1\], got 1.5")],
)
def test_a_setting_out_of_its_range_is_refused(setting: dict[str, float], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        FirstOrder(PRIOR, ascent(1.0), **setting)


def test_gradients_of_another_shape_are_refused() -> None:
    algorithm = FirstOrder(PRIOR, ascent(1.0))
    samples = algorithm.ask(algorithm.init(), 4, seeded())
    with pytest.raises(ResultError, match=r"the shape \(4, 5\), the anchors \(1, 5\)"):
        algorithm.tell(algorithm.init(), samples, gradient(samples))


def test_a_gradient_that_is_not_finite_is_refused() -> None:
    algorithm = FirstOrder(PRIOR, ascent(1.0))
    samples = algorithm.ask(algorithm.init(), 4, seeded())
    with pytest.raises(ResultError, match=r"gradients must be finite; rows \[0\] are not"):
        algorithm.tell(algorithm.init(), samples, f64([[math.nan] * 5]))


def test_chains_cannot_go_on_in_another_number() -> None:
    algorithm = FirstOrder(PRIOR, increment(0.2), anchor=per_sample)
    samples = algorithm.ask(algorithm.init(), 4, seeded())
    state = algorithm.tell(algorithm.init(), samples, gradient(samples))
    with pytest.raises(SettingsError, match="4 chains, each with its gradient, go on in batches of 4, not 3"):
        algorithm.ask(state, 3, seeded())


def test_the_same_generator_gives_the_same_rounds(untouched_random_state: None) -> None:
    algorithm = FirstOrder(PRIOR, ascent(1.0), finetune=frozen(newest(0.1)))
    one, other = (torch.stack(means(algorithm, 4, batch=3)) for _ in range(2))
    assert torch.equal(one, other)
