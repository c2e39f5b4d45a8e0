"""Samplers by affine propagation: where the denoiser is Gaussian a sampler is an affine map, and its law is exact."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from gdopt.diffusion.closed_form import GaussianDenoiser, MixtureDenoiser
from gdopt.diffusion.guidance import lookahead
from gdopt.diffusion.sampler import ancestral, ddpm, dpm_solver, expected, heun, sample, sdedit
from gdopt.diffusion.schedule import cosine, exponential, karras
from gdopt.errors import NumericsError
from tests.oracles import Gaussian, affine, cosine_abar, f64, mixture, seeded

# The problem of table 4.2: its draws follow one another in one stream, and g'Sigma g = 3.43.
D, NOISE = 8, 0.1
STREAM = seeded(0)
ROOT = torch.randn(D, D, generator=STREAM, dtype=torch.float64)
MEAN = torch.randn(D, generator=STREAM, dtype=torch.float64)
G = torch.randn(D, generator=STREAM, dtype=torch.float64)
PRIOR = Gaussian(MEAN, ROOT @ ROOT.T / D)
TARGET = float(G @ MEAN + 2 * (G @ PRIOR.cov @ G).sqrt())
POSTERIOR = PRIOR.given(G, TARGET, NOISE)
DENOISER = GaussianDenoiser(PRIOR.mean, PRIOR.cov)
GUIDED = lookahead(DENOISER, G, TARGET, NOISE)


def errors(mean: Tensor, cov: Tensor, law: Gaussian = POSTERIOR) -> tuple[float, float, float]:
    """Relative error of the mean and of the covariance, ratio of the standard deviations along g."""
    ratio = (G @ cov @ G / (G @ law.cov @ G)).sqrt()
    of_mean = (mean - law.mean).norm() / law.mean.norm()
    return float(of_mean), float((cov - law.cov).norm() / law.cov.norm()), float(ratio)


def solved(solver: Callable[..., Tensor], sigmas: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and covariance of a deterministic solver's output, started from x_T ~ N(0, I) as the paper does."""
    M, m = affine(lambda x: solver(GUIDED, x, sigmas), D)
    return m, (1 + sigmas[0] ** 2) * M @ M.T


def one_step(levels: Tensor, seed: int) -> tuple[Tensor, Tensor, float]:
    """M, m and the noise's factor of one ancestral step, whose noise is drawn a second time and taken off."""
    points = torch.cat([torch.zeros(1, D), torch.eye(D)]).double()
    runs = [ancestral(GUIDED, points, levels, seeded(s)) for s in (seed, seed + 1)]
    drawn = [torch.randn(D + 1, D, generator=seeded(s), dtype=torch.float64) for s in (seed, seed + 1)]
    factor = float(((runs[0] - runs[1]) / (drawn[0] - drawn[1])).mean())
    at_zero, *at_units = runs[0] - factor * drawn[0]
    return torch.stack(at_units, 1) - at_zero.unsqueeze(1), at_zero, factor


def ancestral_moments(sigmas: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and covariance of ancestral sampling from x_T ~ N(0, I), step by step."""
    eye = torch.eye(D, dtype=torch.float64)
    mean, cov = torch.zeros(D, dtype=torch.float64), (1 + sigmas[0] ** 2) * eye
    for k in range(len(sigmas) - 1):
        M, m, factor = one_step(sigmas[k : k + 2], seed=2 * k)
        mean, cov = M @ mean + m, M @ cov @ M.T + factor**2 * eye
    return mean, cov


def test_the_problem_is_that_of_the_table() -> None:
    assert float(G @ PRIOR.cov @ G) == pytest.approx(3.43, abs=0.005)


@pytest.mark.parametrize(
    ("steps", "cov", "ratio"), [(25, 0.149, 0.525), (50, 0.080, 0.677), (100, 0.042, 0.786), (200, 0.021, 0.865)]
)
def test_ancestral_sampling_has_the_errors_of_table_4_2(steps: int, cov: float, ratio: float) -> None:
    found = errors(*ancestral_moments(cosine(steps)))
    assert found == pytest.approx((0, cov, ratio), abs=6e-4)


def test_ancestral_sampling_keeps_the_mean_exactly() -> None:
    mean, _ = ancestral_moments(cosine(50))
    # The start's own mean, 0 where it should be a_T mu, is the one thing left.
    torch.testing.assert_close(mean, POSTERIOR.mean, rtol=0, atol=1e-4)


def test_ancestral_sampling_is_ddpm_in_the_papers_variables() -> None:
    abar, start = [1.0, *cosine_abar(20)], seeded(0)
    xt = torch.randn(3, D, generator=start, dtype=torch.float64)
    found = ancestral(DENOISER, xt / abar[-1] ** 0.5, cosine(20), start)
    again = seeded(0)
    torch.randn(3, D, generator=again, dtype=torch.float64)
    for now, before in zip(abar[:0:-1], abar[-2::-1], strict=True):  # Ho et al. 2020, eq. 6 and 7
        beta, h = 1 - now / before, 1 - now
        mean = before**0.5 * beta / h * PRIOR.clean(xt, now) + (now / before) ** 0.5 * (1 - before) / h * xt
        noise = torch.randn(3, D, generator=again, dtype=torch.float64)
        xt = mean + (beta * (1 - before) / h) ** 0.5 * noise
    torch.testing.assert_close(found, xt, rtol=0, atol=1e-8)


@pytest.mark.parametrize(("steps", "cov", "ratio"), [(10, 0.073, 1.006), (20, 0.025, 1.006), (50, 0.004, 0.997)])
def test_dpm_solver_has_the_errors_of_table_4_2(steps: int, cov: float, ratio: float) -> None:
    found = errors(*solved(dpm_solver, exponential(steps + 1)))
    assert found == pytest.approx((0.013, cov, ratio), abs=6e-4)


@pytest.mark.parametrize("solver", [heun, dpm_solver])
def test_many_steps_sample_the_posterior(solver: Callable[..., Tensor]) -> None:
    levels = exponential(400, 1e-4, 1e4)
    _, cov, ratio = errors(*solved(solver, levels))
    assert (cov, ratio) == pytest.approx((0, 1), abs=1e-3)


# Order of convergence, without the last step to 0.


def flow(start: Tensor, first: float, last: float) -> Tensor:
    """Where the probability-flow ODE of the Gaussian prior carries x: each direction by the ratio of its spreads."""
    values, vectors = torch.linalg.eigh(PRIOR.cov)
    factor = ((values + last**2) / (values + first**2)).sqrt()
    return PRIOR.mean + (factor * ((start - PRIOR.mean) @ vectors)) @ vectors.T


def uneven(steps: int, last: float, first: float) -> Tensor:
    """Long and short steps in turn, 3 to 1 in log sigma, and a last 0."""
    parts = torch.tensor([0.0] + [3.0, 1.0] * (steps // 2), dtype=torch.float64).cumsum(0)
    levels = first * (last / first) ** (parts / parts[-1])
    return torch.cat([levels, f64([0.0])])


@pytest.mark.parametrize("levels", [exponential, karras, uneven])
@pytest.mark.parametrize("solver", [heun, dpm_solver])
def test_half_the_step_leaves_a_quarter_of_the_error(solver: Callable[..., Tensor], levels: Callable) -> None:
    start = 10 * torch.randn(4, D, generator=seeded(1), dtype=torch.float64)
    exact = flow(start, 10.0, 0.2)
    coarse, fine = (float((solver(DENOISER, start, levels(n + 1, 0.2, 10.0)[:-1]) - exact).norm()) for n in (100, 200))
    assert coarse / fine == pytest.approx(4, abs=0.4)


def test_dpm_solver_is_algorithm_2_of_its_paper_on_uneven_levels() -> None:
    levels = uneven(9, 0.2, 10.0)[:-1]
    start = 10 * torch.randn(4, D, generator=seeded(1), dtype=torch.float64)
    alphas, lambdas = 1 / (1 + levels**2).sqrt(), -levels.log()
    xt, h = alphas[0] * start, lambdas.diff()
    clean = [PRIOR.clean(xt, float(alphas[0] ** 2))]
    for i in range(1, len(levels)):
        r = h[i - 2] / h[i - 1] if i > 1 else torch.inf
        ahead = (1 + 1 / (2 * r)) * clean[-1] - 1 / (2 * r) * clean[-2 if i > 1 else -1]
        ratio = levels[i] * alphas[i] / (levels[i - 1] * alphas[i - 1])
        xt = ratio * xt - alphas[i] * torch.expm1(-h[i - 1]) * ahead
        clean.append(PRIOR.clean(xt, float(alphas[i] ** 2)))
    torch.testing.assert_close(dpm_solver(DENOISER, start, levels), xt / alphas[-1], rtol=0, atol=1e-9)


@pytest.mark.parametrize("solver", [heun, dpm_solver])
def test_solvers_follow_the_flow_of_a_mixture(solver: Callable[..., Tensor]) -> None:
    law = mixture(3, 2, seed=0)
    start = 5 * torch.randn(1, 2, generator=seeded(1), dtype=torch.float64)

    def slope(sigma: float, x: np.ndarray) -> np.ndarray:
        point = torch.from_numpy(x)
        return ((point - law.moments(point, sigma)[0]) / sigma).numpy()

    exact = solve_ivp(slope, (5.0, 0.2), start[0].numpy(), rtol=1e-8, atol=1e-9).y[:, -1]
    denoiser = MixtureDenoiser(law.means, law.weights, law.scales)
    found = solver(denoiser, start, exponential(401, 0.2, 5.0)[:-1])
    np.testing.assert_allclose(found[0], exact, atol=2e-4)


@pytest.mark.parametrize("solver", [heun, dpm_solver])
def test_the_last_step_ends_on_the_denoised_point(solver: Callable[..., Tensor]) -> None:
    x = torch.randn(4, D, generator=seeded(2), dtype=torch.float64)
    found = solver(DENOISER, x, f64([0.5, 0.0]))
    torch.testing.assert_close(found, DENOISER(x, f64(0.5)), rtol=0, atol=1e-12)


# sample()


def drawn(denoiser: Callable[..., Tensor], mean: Tensor, steps: int = 24) -> tuple[Tensor, Tensor]:
    """Mean and covariance of sample(), from draws whose noise is drawn a second time and regressed on."""
    n = D + 2
    x0 = sample(denoiser, n, mean, 1.5, seeded(3), steps).numpy()
    noise = torch.randn(n, D, generator=seeded(3), dtype=torch.float64).numpy()
    fitted, residual, rank, _ = np.linalg.lstsq(np.column_stack([np.ones(n), noise]), x0, rcond=None)
    assert (rank, residual.max() < 1e-18) == (D + 1, True)
    return torch.from_numpy(fitted[0]), torch.from_numpy(fitted[1:].T @ fitted[1:])


def test_samples_have_the_laws_mean_and_nearly_its_covariance() -> None:
    mean, cov, ratio = errors(*drawn(DENOISER, PRIOR.mean), PRIOR)
    assert mean < 1e-10
    assert (cov, ratio) == pytest.approx((0, 1), abs=0.03)


def test_guided_samples_in_24_steps_are_nearly_the_posteriors() -> None:
    assert errors(*drawn(GUIDED, PRIOR.mean)) == pytest.approx((0, 0, 1), abs=0.05)


def test_a_sample_that_is_not_finite_says_what_to_lower(generator: torch.Generator) -> None:
    def strong(x: Tensor, sigma: Tensor) -> Tensor:
        return x * torch.inf

    with pytest.raises(NumericsError, match="lower the guidance's strength"):
        sample(strong, 3, torch.zeros(2), 1.0, generator)


@pytest.mark.usefixtures("untouched_random_state")
def test_sampling_leaves_the_global_random_state_alone(generator: torch.Generator) -> None:
    ancestral(DENOISER, sample(DENOISER, 3, PRIOR.mean, 1.0, generator), cosine(5), generator)


def test_sampling_builds_no_graph(generator: torch.Generator) -> None:
    mean = PRIOR.mean.clone().requires_grad_(True)
    leaky = GaussianDenoiser(mean, PRIOR.cov)
    assert not sample(leaky, 3, PRIOR.mean, 1.0, generator).requires_grad


def test_expected_is_the_mean_of_the_guided_posterior() -> None:
    found = expected(GUIDED, 3, MEAN, 2.0, seeded())
    torch.testing.assert_close(found, POSTERIOR.mean.expand(3, -1), rtol=1e-4, atol=0)


def test_ddpm_draws_have_the_moments_of_the_law() -> None:
    law = Gaussian(torch.zeros(2, dtype=torch.float64), f64([[1.0, 0.5], [0.5, 1.0]]))
    x = ddpm(GaussianDenoiser(law.mean, law.cov), 20_000, law.mean, 1.0, seeded())
    torch.testing.assert_close(x.mean(0), law.mean, rtol=0, atol=0.03)
    torch.testing.assert_close(torch.cov(x.T), law.cov, rtol=0, atol=0.05)  # 200 steps: 2 % off


def test_renoised_rows_of_a_subspace_stay_on_it() -> None:
    basis = torch.linalg.qr(torch.randn(6, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64))[0]
    law = GaussianDenoiser(torch.zeros(6, dtype=torch.float64), basis @ basis.T)
    start = torch.randn(200, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64) @ basis.T
    found = sdedit(law, start, torch.full((200,), 0.5, dtype=torch.float64), torch.Generator().manual_seed(0))
    assert float((found - found @ basis @ basis.T).norm(dim=1).max()) < 1e-12
    assert float((found - start).norm(dim=1).median()) > 0.3


@pytest.mark.parametrize("sigma", [0.1, 0.5, 2.0])
def test_renoised_rows_have_the_mean_and_spread_that_the_flow_gives_them(sigma: float) -> None:
    # For N(0, 1) the probability flow takes x at level s to x/√(1 + s²): start and noise shrink by that alike.
    start = torch.full((20_000, 1), 3.0, dtype=torch.float64)
    law = GaussianDenoiser(torch.zeros(1, dtype=torch.float64), torch.eye(1, dtype=torch.float64))
    level = torch.full((len(start),), sigma, dtype=torch.float64)
    found = sdedit(law, start, level, torch.Generator().manual_seed(0))
    shrink = 1 / (1 + sigma**2) ** 0.5
    # Four first-order steps are right to a fifth at most.
    assert float(found.mean()) == pytest.approx(3 * shrink, rel=0.2)
    assert float(found.std()) == pytest.approx(sigma * shrink, rel=0.2)


def test_each_row_has_a_noise_level_of_its_own() -> None:
    start = torch.zeros(2000, 3, dtype=torch.float64)
    law = GaussianDenoiser(torch.zeros(3, dtype=torch.float64), torch.eye(3, dtype=torch.float64))
    level = torch.cat([torch.full((1000,), 0.05), torch.full((1000,), 0.5)]).double()
    found = sdedit(law, start, level, torch.Generator().manual_seed(0))
    assert float(found[1000:].std() / found[:1000].std()) > 5
