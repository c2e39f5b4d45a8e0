"""The choices of the paper's algorithms, each against its formula."""

import math

import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor

from gdopt.diffusion.closed_form import MixtureDenoiser
from gdopt.diffusion.network import network
from gdopt.errors import SettingsError
from gdopt.paper.moments import GaussianMoments, gaussian, of_net
from gdopt.paper.rules import ascent, batch_mean, frozen, increment, newest, per_sample, pooled, theorem_3, trained
from tests import oracles
from tests.oracles import f64, normal

LAW = oracles.gaussian(3, seed=0, floor=0.1)
PRIOR = gaussian(LAW.mean, LAW.cov)
BATCHES = [normal(6, 3, seed=1) + 1, 0.5 * normal(4, 3, seed=2) - 2]


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


def test_the_batch_mean_is_one_anchor_and_per_sample_are_all() -> None:
    x = normal(5, 3, seed=3)
    close(batch_mean(x), x.sum(0, keepdim=True) / 5)
    close(per_sample(x), x)


def test_ascent_draws_the_mean_of_the_next_batch_a_step_along_the_covariance_times_the_gradient() -> None:
    g = normal(3, seed=4)
    target = float(ascent(0.7)(PRIOR, LAW.mean.unsqueeze(0), g.unsqueeze(0), 0.3)[0])
    close(LAW.given(g, target, 0.3).mean, LAW.mean + 0.7 * LAW.cov @ g)


def test_a_step_that_depends_on_the_law_is_taken_of_the_law() -> None:
    g, at = normal(1, 3, seed=4), LAW.mean.unsqueeze(0)
    by_law = ascent(lambda law: float(law.cov.trace()))(PRIOR, at, g, 0.3)
    close(by_law, ascent(float(LAW.cov.trace()))(PRIOR, at, g, 0.3))


def test_increment_is_delta_above_the_gradient_times_the_anchor() -> None:
    g, z = normal(4, 3, seed=5), normal(4, 3, seed=6)
    close(increment(0.2)(PRIOR, z, g, 0.1), 0.2 + torch.einsum("ij,ij->i", g, z))


def test_newest_leaves_the_past_out_but_for_the_pretraining_data() -> None:
    close(newest(0.1)(3), f64([0.1, 0, 0, 0.9]))


@pytest.mark.parametrize("rounds", [10, 1000])
def test_the_settings_of_theorem_3_are_those_of_its_proof(rounds: int) -> None:
    step, share = theorem_3(0.5, rounds)
    strength = 0.5 * math.log(rounds) / rounds
    assert (1 / step, share / step) == pytest.approx((0.5 + strength, strength))


# Fine-tuning in closed form.


def weights(k: int) -> Tensor:
    return f64([0.2, 0.3, 0.5])[: k + 1]


def dsm(C: Tensor, b: Tensor, abar: float) -> Tensor:
    """The weighted score-matching loss of s = Cx + b at one level, D_0 by its moments; the noise integrated out.

    E|(x_t - a x0)/h + C x_t + b|^2 with x_t = a x0 + sqrt(h) e: a quadratic form in the moments of x0.
    """
    a, h, eye = abar**0.5, 1 - abar, torch.eye(3, dtype=torch.float64)
    moments = [(LAW.mean, LAW.cov)] + [(x.mean(0), torch.cov(x.T, correction=0)) for x in BATCHES]
    total = f64(0.0)
    for w, (mean, cov) in zip(weights(2), moments, strict=True):
        inside = a * C @ mean + b
        spread = a**2 * (C @ cov @ C.T).trace() + ((eye / h**0.5 + h**0.5 * C) @ (eye / h**0.5 + h**0.5 * C).T).trace()
        total = total + w * (inside @ inside + spread)
    return total


def minimized(free_matrix: bool, abar: float) -> tuple[Tensor, Tensor]:
    """C and b of the smallest loss by a general-purpose minimizer; C that of the prior unless it is free."""
    frozen_matrix = -torch.linalg.inv(abar * LAW.cov + (1 - abar) * torch.eye(3, dtype=torch.float64))

    def split(v: Tensor) -> tuple[Tensor, Tensor]:
        return (v[3:].reshape(3, 3), v[:3]) if free_matrix else (frozen_matrix, v)

    def loss(values: object) -> tuple[float, object]:
        v = torch.tensor(values, dtype=torch.float64, requires_grad=True)
        found = dsm(*split(v), abar)
        (slope,) = torch.autograd.grad(found, v)
        return float(found.detach()), slope.numpy()

    start = torch.zeros(12 if free_matrix else 3, dtype=torch.float64).numpy()
    return split(torch.from_numpy(minimize(loss, start, jac=True, tol=1e-14).x))


@pytest.mark.parametrize("abar", [0.9, 0.3])
@pytest.mark.parametrize(("finetune", "free_matrix"), [(frozen, False), (pooled, True)])
def test_the_closed_form_minimizes_weighted_score_matching(finetune: object, free_matrix: bool, abar: float) -> None:
    law = finetune(weights)(PRIOR, PRIOR, BATCHES)  # type: ignore[operator]
    matrix, offset = minimized(free_matrix, abar)
    expected = -torch.linalg.inv(abar * law.cov + (1 - abar) * torch.eye(3, dtype=torch.float64))
    torch.testing.assert_close(matrix, expected, rtol=0, atol=1e-4)
    torch.testing.assert_close(offset, -(abar**0.5) * expected @ law.mean, rtol=0, atol=1e-4)


def test_the_shape_of_any_law_is_kept_about_the_new_mean() -> None:
    points = oracles.mixture(4, 3, seed=7)
    mean = points.weights @ points.means
    law = GaussianMoments(
        MixtureDenoiser(points.means, points.weights, points.scales), mean, torch.eye(3, dtype=torch.float64)
    )
    tuned = frozen(newest(0.0))(law, law, BATCHES)
    x, shift = normal(5, 3, seed=8), BATCHES[-1].mean(0) - mean
    close(tuned.denoiser(x + shift, f64(0.5)), law.denoiser(x, f64(0.5)) + shift)


def test_training_moves_the_gaussian_part_to_the_weighted_mean() -> None:
    corpus = normal(200, 3, seed=9)
    prior = of_net(
        network(corpus.mean(0), torch.eye(3, dtype=torch.float64), f64([1.0] * 3).float(), width=8, blocks=1)
    )
    tuned = trained(newest(0.25), corpus, steps=3)(prior, prior, BATCHES)
    close(tuned.mean, 0.25 * corpus.mean(0) + 0.75 * BATCHES[-1].mean(0))


def test_only_a_network_can_be_trained_on() -> None:
    with pytest.raises(SettingsError, match=r"only a PreconditionedNet can be trained on; .*GaussianDenoiser"):
        trained(newest(0.1), normal(9, 3, seed=1))(PRIOR, PRIOR, BATCHES)
