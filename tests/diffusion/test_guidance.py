"""Guidance against the closed forms of linear objectives, and the subspace it must not leave."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch import Tensor

from gdopt.diffusion.closed_form import GaussianDenoiser, MixtureDenoiser
from gdopt.diffusion.denoiser import Denoiser, lifted, score
from gdopt.diffusion.guidance import (
    acquisition,
    clipped,
    combined,
    improvement,
    lookahead,
    naive,
    tweedie,
    weighted,
    white,
)
from gdopt.diffusion.network import network
from gdopt.diffusion.sampler import sample
from tests.oracles import ABARS, Gaussian, f64, gaussian, level, mixture, normal, orthonormal, seeded

LAW, G = gaussian(6, seed=0), normal(6, seed=2)
PRIOR = GaussianDenoiser(LAW.mean, LAW.cov)
XT = normal(5, 6, seed=3)
TARGET, NOISE = 2.7, 0.3


def close(found: Tensor, expected: Tensor, atol: float = 1e-8) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=atol)


# The paper's guidance.


@pytest.mark.parametrize("abar", ABARS)
@pytest.mark.parametrize("noise_std", [0.01, 0.3, 3.0])
def test_guided_score_is_the_score_of_the_posterior(abar: float, noise_std: float) -> None:
    guided = lookahead(PRIOR, G, TARGET, noise_std)
    posterior = LAW.given(G, TARGET, noise_std)
    close(score(guided, XT / abar**0.5, level(abar)), abar**0.5 * posterior.score(XT, abar))


@pytest.mark.parametrize("abar", ABARS)
def test_guided_score_is_the_posteriors_where_the_prior_is_singular(abar: float) -> None:
    A, x = orthonormal(6, 2, seed=4), XT / abar**0.5
    law = Gaussian(LAW.mean, A @ A.T)
    guided = lookahead(GaussianDenoiser(law.mean, law.cov), G, TARGET, NOISE)
    close(score(guided, x, level(abar)), abar**0.5 * law.given(G, TARGET, NOISE).score(XT, abar))


@pytest.mark.parametrize("abar", ABARS)
def test_guidance_is_the_gradient_of_the_log_likelihood(abar: float) -> None:
    xt = XT.clone().requires_grad_(True)
    variance = NOISE**2 + G @ LAW.left(abar) @ G
    seen = torch.distributions.Normal(LAW.clean(xt, abar) @ G, variance.sqrt())
    (expected,) = torch.autograd.grad(seen.log_prob(f64(TARGET)).sum(), xt)
    x, sigma = XT / abar**0.5, level(abar)
    pull = score(lookahead(PRIOR, G, TARGET, NOISE), x, sigma) - score(PRIOR, x, sigma)
    close(pull / abar**0.5, expected)


@pytest.mark.parametrize("abar", ABARS)
def test_guidance_has_the_beta_of_lemma_1(abar: float) -> None:
    inside = torch.linalg.inv(torch.eye(6) + abar / (1 - abar) * LAW.cov)
    beta = 1 / (2 * (NOISE**2 + G @ LAW.cov @ inside @ G))
    miss = TARGET - LAW.clean(XT, abar) @ G
    expected = 2 * beta * torch.outer(miss, LAW.jacobian(abar).T @ G)
    x, sigma = XT / abar**0.5, level(abar)
    pull = score(lookahead(PRIOR, G, TARGET, NOISE), x, sigma) - score(PRIOR, x, sigma)
    close(pull / abar**0.5, expected)


@pytest.mark.parametrize("sigma", [0.05, 0.5, 3.0])
def test_guidance_of_a_mixture_uses_its_exact_covariance(sigma: float) -> None:
    law, x = mixture(5, 6, seed=5), normal(6, seed=6)
    prior = MixtureDenoiser(law.means, law.weights, law.scales)
    s = f64(sigma)
    mean, cov = law.moments(x, sigma)
    expected = mean + cov @ G * (TARGET - mean @ G) / (NOISE**2 + G @ cov @ G)
    close(lookahead(prior, G, TARGET, NOISE)(x.unsqueeze(0), s)[0], expected)


@pytest.mark.parametrize("abar", ABARS)
def test_naive_guidance_is_that_of_proposition_3(abar: float) -> None:
    h, clean = 1 - abar, LAW.clean(XT, abar)
    beta = abar**0.5 / (NOISE**2 + h * G @ G)
    pull = beta * torch.outer(TARGET - clean @ G, G)
    expected = (XT + h * (LAW.score(XT, abar) + pull)) / abar**0.5  # Tweedie's formula
    close(naive(PRIOR, G, TARGET, NOISE)(XT / abar**0.5, level(abar)), expected)


# The subspace.

A, OFFSET, SLOPE = orthonormal(20, 4, seed=7), normal(20, seed=8), normal(20, seed=9)
LATENT = mixture(5, 4, seed=10)
ON_SUBSPACE = lifted(MixtureDenoiser(LATENT.means, LATENT.weights, LATENT.scales), A, OFFSET)


def off(x: Tensor, basis: Tensor) -> Tensor:
    return x - x @ basis @ basis.T


def test_lookahead_samples_stay_on_the_subspace() -> None:
    guided = lookahead(ON_SUBSPACE, SLOPE, float(SLOPE @ OFFSET) + 3.0, 0.1)
    x0 = sample(guided, 16, OFFSET, 1.0, seeded())
    assert off(x0 - OFFSET, A).abs().max() < 1e-10


@pytest.mark.parametrize("sigma", [0.01, 0.3, 3.0])
def test_lookahead_pulls_along_the_subspace_only(sigma: float) -> None:
    x, s = normal(16, 20, seed=11), f64(sigma)
    pull = lookahead(ON_SUBSPACE, SLOPE, 3.0, 0.1)(x, s) - ON_SUBSPACE(x, s)
    assert off(pull, A).norm() < 1e-10 * (1 + pull.norm())


@pytest.mark.parametrize("sigma", [0.01, 0.3, 3.0])
def test_naive_guidance_pulls_off_the_subspace(sigma: float) -> None:
    x, s = normal(16, 20, seed=11), f64(sigma)
    pull = naive(ON_SUBSPACE, SLOPE, 3.0, 0.1)(x, s) - ON_SUBSPACE(x, s)
    assert (off(pull, A).norm(dim=1) > 0.5 * pull.norm(dim=1)).all()


def test_naive_samples_left_unguided_at_the_end_are_on_the_subspace() -> None:
    pulled = naive(ON_SUBSPACE, SLOPE, float(SLOPE @ OFFSET) + 3.0, 0.1)
    late = weighted(ON_SUBSPACE, pulled, lambda sigma: (sigma > 0.02).to(sigma))
    ends = [off(sample(one, 16, OFFSET, 1.0, seeded()) - OFFSET, A).norm() for one in (pulled, late)]
    assert ends[0] > 1e-4
    assert ends[1] < 1e-10


def test_a_network_of_any_weights_is_guided_within_its_directions() -> None:
    net = network(OFFSET, A, f64([2.0, 1.0, 0.5, 0.1]), width=32, blocks=2)
    torch.nn.init.normal_(net.net.out.weight, std=0.3, generator=seeded())
    x0 = sample(lookahead(net, SLOPE, 5.0, 0.1), 16, OFFSET, 2.0, seeded())
    assert off(x0 - OFFSET, A).abs().max() < 1e-10


# Improvement.

W, BIAS, VARIANCE, BEST = normal(6, seed=12), 0.4, 0.09, 1.5


def linear(z: Tensor) -> tuple[Tensor, Tensor]:
    return z @ W + BIAS, torch.full((len(z),), VARIANCE, dtype=z.dtype)


@pytest.mark.parametrize("abar", ABARS)
@pytest.mark.parametrize("margin", [0.0, 0.5, 40.0])
def test_improvement_is_the_gradient_of_the_log_chance(abar: float, margin: float) -> None:
    spread = float(VARIANCE + W @ LAW.left(abar) @ W) ** 0.5
    gap = (LAW.clean(XT, abar) @ W + BIAS - BEST - margin).numpy() / spread
    slope = np.exp(norm.logpdf(gap) - norm.logcdf(gap)) / spread
    expected = torch.outer(torch.from_numpy(slope), LAW.jacobian(abar).T @ W)
    x, sigma = XT / abar**0.5, level(abar)
    pull = score(improvement(PRIOR, linear, BEST, margin), x, sigma) - score(PRIOR, x, sigma)
    torch.testing.assert_close(pull / abar**0.5, expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("abar", ABARS)
def test_improvement_is_the_score_of_what_improves(abar: float) -> None:
    # p(x_t | f > best) for one dimension, by Bayes: N(x_t; a m, a^2 c + h) Phi(gap) up to a constant.
    prior = GaussianDenoiser(f64([0.2]), f64([[1.7]]))
    at = torch.linspace(-2, 2, 9).double().unsqueeze(1).requires_grad_(True)
    total = abar * 1.7 + 1 - abar
    clean = 0.2 + abar**0.5 * 1.7 / total * (at - abar**0.5 * 0.2)
    left = 1.7 * (1 - abar) / total
    log_chance = torch.special.log_ndtr((2 * clean + 0.1 - 1.0) / (0.04 + 4 * left) ** 0.5)
    density = -((at - abar**0.5 * 0.2) ** 2) / (2 * total) + log_chance
    (expected,) = torch.autograd.grad(density.sum(), at)
    guided = improvement(prior, lambda z: (2 * z[:, 0] + 0.1, 0.04 + 0 * z[:, 0]), 1.0)
    found = score(guided, at.detach() / abar**0.5, level(abar))
    close(found / abar**0.5, expected)


# The others, and what is made of them.


@pytest.mark.parametrize("abar", ABARS)
def test_acquisition_pulls_by_the_jacobian_times_its_gradient(abar: float) -> None:
    top = normal(6, seed=13)
    guided = acquisition(PRIOR, lambda z: -(z[:, 0] - top).square().sum(1))
    x, sigma = XT / abar**0.5, level(abar)
    pull = score(guided, x, sigma) - score(PRIOR, x, sigma)
    close(pull / abar**0.5, -2 * (LAW.clean(XT, abar) - top) @ LAW.jacobian(abar))


def test_two_uncorrelated_guidances_combine_to_the_posterior_of_both() -> None:
    one, other = torch.eye(6).double()[:2]
    prior = Gaussian(LAW.mean, LAW.cov.diag().diag())
    both = prior.given(one, 1.5, 0.3).given(other, -0.5, 0.2)
    law = GaussianDenoiser(prior.mean, prior.cov)
    pulls = lookahead(law, one, 1.5, 0.3), lookahead(law, other, -0.5, 0.2)
    close(score(combined(law, *pulls), XT / 0.3**0.5, level(0.3)), 0.3**0.5 * both.score(XT, 0.3))


def test_nothing_combined_is_the_denoiser_itself() -> None:
    close(combined(PRIOR)(XT, level(0.3)), PRIOR(XT, level(0.3)), atol=0)


def test_a_weight_multiplies_the_pull_of_each_row_by_its_level() -> None:
    sigmas = f64([0.1, 0.2, 0.5, 1.0, 2.0])
    guided = lookahead(PRIOR, G, TARGET, NOISE)
    found = weighted(PRIOR, guided, lambda sigma: 3 * sigma)(XT, sigmas) - PRIOR(XT, sigmas)
    pull = guided(XT, sigmas) - PRIOR(XT, sigmas)
    close(found, 3 * sigmas.unsqueeze(1) * pull, atol=1e-12)


def test_a_clipped_pull_is_as_long_as_allowed_in_its_own_direction() -> None:
    guided = lookahead(PRIOR, G, 50.0, NOISE)
    pull = guided(XT, level(0.3)) - PRIOR(XT, level(0.3))
    found = clipped(PRIOR, guided, 0.1)(XT, level(0.3)) - PRIOR(XT, level(0.3))
    close(found, 0.1 * pull / pull.norm(dim=1, keepdim=True), atol=1e-12)


def test_a_short_pull_is_not_clipped() -> None:
    guided = lookahead(PRIOR, G, TARGET, NOISE)
    close(clipped(PRIOR, guided, 1e6)(XT, level(0.3)), guided(XT, level(0.3)), atol=1e-12)


def test_no_pull_is_clipped_to_no_pull() -> None:
    close(clipped(PRIOR, PRIOR, 1.0)(XT, level(0.3)), PRIOR(XT, level(0.3)), atol=0)


def test_guided_denoisers_carry_no_graph() -> None:
    guided = (
        lookahead(PRIOR, G, TARGET, NOISE),
        improvement(PRIOR, linear, BEST),
        acquisition(PRIOR, lambda z: z[:, 0] @ G),
    )
    assert not any(one(XT.requires_grad_(False), level(0.3)).requires_grad for one in guided)


# A gradient and a target for each row.

GRADIENTS, TARGETS = normal(5, 6, seed=14), normal(5, seed=15)


@pytest.mark.parametrize("guidance", [naive, lookahead])
def test_each_row_is_guided_by_its_own_gradient_and_target(guidance: Callable[..., Denoiser]) -> None:
    found = guidance(PRIOR, GRADIENTS, TARGETS, NOISE)(XT, level(0.3))
    for row, gradient, target, expected in zip(XT, GRADIENTS, TARGETS, found, strict=True):
        alone = guidance(PRIOR, gradient, float(target), NOISE)(row.unsqueeze(0), level(0.3))
        close(alone[0], expected, atol=1e-12)


@pytest.mark.parametrize("abar", ABARS)
def test_white_variance_is_exact_for_a_white_latent(abar: float) -> None:
    A = orthonormal(6, 2, seed=4)
    prior = GaussianDenoiser(LAW.mean, A @ A.T)
    exact, public = (lookahead(prior, G, TARGET, NOISE, variance=v)(XT, level(abar)) for v in (tweedie, white))
    close(public, exact, atol=1e-9)


@pytest.mark.parametrize("abar", ABARS)
def test_white_variance_is_the_beta_of_the_papers_code(abar: float) -> None:
    slope = LAW.jacobian(abar).T @ G  # of g'E[x0|x_t], by x_t
    beta = abar / 2 / (abar * NOISE**2 + (1 - abar) * slope @ slope)
    expected = 2 * beta * torch.outer(TARGET - LAW.clean(XT, abar) @ G, slope)
    x, sigma = XT / abar**0.5, level(abar)
    pull = score(lookahead(PRIOR, G, TARGET, NOISE, variance=white), x, sigma) - score(PRIOR, x, sigma)
    close(pull / abar**0.5, expected)


@pytest.mark.parametrize("abar", ABARS)
def test_guidance_through_a_linear_decoder_is_that_of_the_decoded_gradient(abar: float) -> None:
    M, g = normal(4, 6, seed=16), normal(4, seed=17)
    through = lookahead(PRIOR, g, TARGET, NOISE, decoder=lambda z: z @ M.T)
    close(through(XT, level(abar)), lookahead(PRIOR, M.T @ g, TARGET, NOISE)(XT, level(abar)), atol=1e-10)
