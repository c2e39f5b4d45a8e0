"""Denoisers against dense linear algebra, integrals to 30 digits and Bessel functions."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.special import ive
from torch import Tensor

from gdopt.diffusion.closed_form import (
    BoxDenoiser,
    GaussianDenoiser,
    MixtureDenoiser,
    SphereDenoiser,
    TruncatedGaussianDenoiser,
)
from gdopt.diffusion.denoiser import Denoiser, lifted, score, translated_and_scaled
from tests.oracles import (
    ABARS,
    Mixture,
    box_moments,
    f64,
    gaussian,
    jacobian,
    level,
    mixture,
    normal,
    orthonormal,
    sphere_moments,
)

SIGMAS = (0.01, 0.3, 1.0, 7.0)


def close(found: Tensor, expected: Tensor, atol: float = 1e-8) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=atol)


# The Gaussian law, in the paper's variables.


@pytest.mark.parametrize("abar", ABARS)
def test_gaussian_score_is_the_papers(abar: float) -> None:
    law, xt = gaussian(6, seed=0), normal(5, 6, seed=2)
    found = score(GaussianDenoiser(law.mean, law.cov), xt / abar**0.5, level(abar))
    close(found, abar**0.5 * law.score(xt, abar))


@pytest.mark.parametrize("abar", ABARS)
def test_gaussian_denoiser_is_the_papers_conditional_mean(abar: float) -> None:
    law, xt = gaussian(6, seed=0), normal(5, 6, seed=2)
    close(GaussianDenoiser(law.mean, law.cov)(xt / abar**0.5, level(abar)), law.clean(xt, abar))


@pytest.mark.parametrize("abar", ABARS)
def test_gaussian_predicted_noise_is_the_papers(abar: float) -> None:
    law, xt = gaussian(6, seed=0), normal(5, 6, seed=2)
    x, sigma = xt / abar**0.5, level(abar)
    found = (x - GaussianDenoiser(law.mean, law.cov)(x, sigma)) / sigma
    close(found, -((1 - abar) ** 0.5) * law.score(xt, abar))


@pytest.mark.parametrize("abar", ABARS)
def test_gaussian_jacobian_is_a_sigma_p(abar: float) -> None:
    law, xt = gaussian(6, seed=0), normal(6, seed=2)
    found = jacobian(GaussianDenoiser(law.mean, law.cov), xt / abar**0.5, level(abar))
    close(found / abar**0.5, law.jacobian(abar))


@pytest.mark.parametrize("abar", ABARS)
def test_covariance_is_h_over_a_times_the_jacobian(abar: float) -> None:
    law, xt = gaussian(6, seed=0), normal(6, seed=2)
    in_paper = jacobian(GaussianDenoiser(law.mean, law.cov), xt / abar**0.5, level(abar)) / abar**0.5
    close((1 - abar) / abar**0.5 * in_paper, law.left(abar))


@pytest.mark.parametrize("abar", ABARS)
def test_singular_gaussian_is_the_papers_projection(abar: float) -> None:
    A, xt = orthonormal(10, 3, seed=0), normal(4, 10, seed=1)
    found = GaussianDenoiser(torch.zeros(10).double(), A @ A.T)(xt / abar**0.5, level(abar))
    close(found, abar**0.5 * xt @ A @ A.T)


@pytest.mark.parametrize("abar", ABARS)
def test_singular_gaussian_score_pulls_back_to_the_subspace(abar: float) -> None:
    A, xt = orthonormal(10, 3, seed=0), normal(4, 10, seed=1)
    found = score(GaussianDenoiser(torch.zeros(10).double(), A @ A.T), xt / abar**0.5, level(abar))
    on = xt @ A @ A.T
    close(found, abar**0.5 * (-on - (xt - on) / (1 - abar)))


@pytest.mark.parametrize("abar", ABARS)
def test_bayes_error_of_the_predicted_noise_is_its_share_of_directions(abar: float) -> None:
    A, sigma = orthonormal(10, 3, seed=0), level(abar)
    J = jacobian(GaussianDenoiser(torch.zeros(10).double(), A @ A.T), normal(10, seed=1), sigma)
    # Cov[eps|x] = Cov[x0|x]/sigma^2 = J; the mean square per coordinate is its trace over 10.
    assert float(J.trace() / 10) == pytest.approx(0.3 * abar, abs=1e-8)


# Every law: mean and covariance given x.


def gaussian_law() -> tuple[Denoiser, Callable[[Tensor, float], tuple[Tensor, Tensor]]]:
    law = gaussian(5, seed=3)

    def moments(x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        abar = 1 / (1 + sigma**2)
        return law.clean(abar**0.5 * x.unsqueeze(0), abar)[0], law.left(abar)

    return GaussianDenoiser(law.mean, law.cov), moments


def mixture_law() -> tuple[Denoiser, Callable[[Tensor, float], tuple[Tensor, Tensor]]]:
    law = mixture(4, 5, seed=4)
    return MixtureDenoiser(law.means, law.weights, law.scales), law.moments


def box_law() -> tuple[Denoiser, Callable[[Tensor, float], tuple[Tensor, Tensor]]]:
    low, width = normal(5, seed=5), normal(5, seed=6).exp()

    def moments(x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        pairs = zip((x - low).tolist(), width.tolist(), strict=True)
        mean, variance = np.array([box_moments(*pair, sigma) for pair in pairs]).T
        return low + torch.from_numpy(mean), torch.from_numpy(variance).diag()

    return BoxDenoiser(low, low + width), moments


def truncated_law() -> tuple[Denoiser, Callable[[Tensor, float], tuple[Tensor, Tensor]]]:
    low, high = normal(5, seed=5), normal(5, seed=5) + normal(5, seed=6).exp()
    mean, std = normal(5, seed=7), torch.tensor([0.3, 1.0, 5.0, 0.1, math.inf]).double()

    def moments(x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        """By quadrature of prior times likelihood, where it is not as good as zero."""
        found = []
        for at, a, b, m, s in zip(x.tolist(), low.tolist(), high.tolist(), mean.tolist(), std.tolist(), strict=True):
            grid = np.linspace(a, b, 4001)
            log = lambda u, at=at, m=m, s=s: -(((u - at) / sigma) ** 2 + ((u - m) / s) ** 2) / 2  # noqa: E731
            some = grid[log(grid) > log(grid).max() - 60]
            ends, top = (max(a, some[0] - grid[1] + a), min(b, some[-1] + grid[1] - a)), log(grid).max()
            nodes, weights = np.polynomial.legendre.leggauss(400)
            u = (ends[0] + ends[1] + (ends[1] - ends[0]) * nodes) / 2
            mass = weights * np.exp(log(u) - top)
            centre = mass @ u / mass.sum()
            found.append((centre, mass @ (u - centre) ** 2 / mass.sum()))
        means, variances = torch.tensor(found, dtype=torch.float64).T
        return means, variances.diag()

    return TruncatedGaussianDenoiser(low, high, mean, std), moments


def sphere_law() -> tuple[Denoiser, Callable[[Tensor, float], tuple[Tensor, Tensor]]]:
    return SphereDenoiser(), sphere_moments


def moved_law() -> tuple[Denoiser, Callable[[Tensor, float], tuple[Tensor, Tensor]]]:
    law, mean, centre, scale = mixture(4, 5, seed=7), normal(5, seed=8), normal(5, seed=9), 0.3
    points = Mixture(centre + scale * (law.means - mean), law.weights, scale * law.scales)
    return translated_and_scaled(
        MixtureDenoiser(law.means, law.weights, law.scales), mean, centre, scale
    ), points.moments


def embedded_law() -> tuple[Denoiser, Callable[[Tensor, float], tuple[Tensor, Tensor]]]:
    law, A, offset = mixture(4, 3, seed=10), orthonormal(5, 3, seed=11), normal(5, seed=12)

    def moments(x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        mean, cov = law.moments((x - offset) @ A, sigma)
        return offset + A @ mean, A @ cov @ A.T

    return lifted(MixtureDenoiser(law.means, law.weights, law.scales), A, offset), moments


LAWS = [gaussian_law, mixture_law, box_law, truncated_law, sphere_law, moved_law, embedded_law]


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("law", LAWS)
def test_every_denoiser_is_the_mean_of_x0_given_x(law: Callable, sigma: float) -> None:
    denoiser, moments = law()
    x = normal(5, seed=13)
    close(denoiser(x.unsqueeze(0), f64(sigma))[0], moments(x, sigma)[0])


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("law", LAWS)
def test_covariance_is_sigma_squared_times_every_denoisers_jacobian(law: Callable, sigma: float) -> None:
    denoiser, moments = law()
    x, s = normal(5, seed=13), f64(sigma)
    close(s**2 * jacobian(denoiser, x, s), moments(x, sigma)[1])


@pytest.mark.parametrize("law", LAWS)
def test_every_row_of_every_denoiser_has_its_own_noise_level(law: Callable) -> None:
    denoiser, _ = law()
    x, sigmas = normal(4, 5, seed=14), f64(SIGMAS)
    alone = torch.cat([denoiser(row.unsqueeze(0), sigma) for row, sigma in zip(x, sigmas, strict=True)])
    close(denoiser(x, sigmas), alone, atol=1e-12)


@pytest.mark.parametrize("law", LAWS)
def test_every_law_is_a_denoiser(law: Callable) -> None:
    assert isinstance(law()[0], Denoiser)


# What each is prone to get wrong.


@pytest.mark.parametrize("x", [-1e6, -30.0, -1.0, 0.0, 0.4, 1.0, 2.5, 3.0, 40.0, 1e6])
@pytest.mark.parametrize("sigma", [1e-4, 1e-2, 0.3, 1.0, 50.0, 1e3])
def test_box_denoiser_is_exact_to_rounding_near_and_far(x: float, sigma: float) -> None:
    box = BoxDenoiser(torch.zeros(1).double(), f64([2.5]))
    found = box(f64([[x]]), f64(sigma))
    assert float(found) == pytest.approx(box_moments(x, 2.5, sigma)[0], abs=2.5e-13, rel=0)


@pytest.mark.parametrize("sigma", [1e-4, 1e-2, 1.0, 1e3])
def test_box_denoiser_far_below_keeps_its_digits(sigma: float) -> None:
    box = BoxDenoiser(torch.zeros(1).double(), torch.ones(1).double())
    found = box(f64([[-1e6]]), f64(sigma))
    assert float(found) == pytest.approx(box_moments(-1e6, 1.0, sigma)[0], rel=1e-10)


@pytest.mark.parametrize("x", [-1e6, -1.0, 0.1, 0.5, 1.2, 1e6])
@pytest.mark.parametrize("sigma", [1e-4, 0.05, 1.0, 1e3])
def test_box_slope_is_the_variance_left(x: float, sigma: float) -> None:
    box = BoxDenoiser(torch.zeros(1).double(), torch.ones(1).double())
    s = f64(sigma)
    slope = jacobian(box, f64([x]), s)
    assert float(slope) == pytest.approx(box_moments(x, 1.0, sigma)[1] / sigma**2, rel=1e-8, abs=1e-10)


def test_an_expert_who_says_nothing_leaves_the_box() -> None:
    low, high, nothing = -torch.ones(3).double(), torch.ones(3).double(), torch.full((3,), math.inf).double()
    x = 3 * normal(20, 3, seed=0)
    open_minded = TruncatedGaussianDenoiser(low, high, normal(3, seed=1), nothing)
    close(open_minded(x, f64(0.5)), BoxDenoiser(low, high)(x, f64(0.5)), atol=1e-15)


def test_far_ends_leave_the_gaussian() -> None:
    mean, std, far = normal(3, seed=1), normal(3, seed=2).exp(), torch.full((3,), 60.0).double()
    x = 3 * normal(20, 3, seed=0)
    found = TruncatedGaussianDenoiser(mean - far, mean + far, mean, std)(x, f64(0.5))
    close(found, GaussianDenoiser(mean, std.square().diag())(x, f64(0.5)), atol=1e-12)


def test_box_denoiser_is_symmetric_about_its_middle() -> None:
    box, x = BoxDenoiser(-torch.ones(3).double(), torch.ones(3).double()), 5 * normal(20, 3, seed=0)
    close(box(-x, f64(0.5)), -box(x, f64(0.5)), atol=1e-14)


def test_mixture_far_from_the_origin_loses_no_digits() -> None:
    law, far, x = mixture(4, 3, seed=0), 2.0**26, normal(5, 3, seed=1)
    near = MixtureDenoiser(law.means, law.weights, law.scales)(x, f64(0.5))
    there = MixtureDenoiser(law.means + far, law.weights, law.scales)(x + far, f64(0.5))
    close(there - far, near, atol=1e-6)


def test_mixture_at_little_noise_is_the_nearest_point() -> None:
    points, x = normal(6, 3, seed=0), normal(10, 3, seed=1)
    found = MixtureDenoiser(points, torch.ones(6).double() / 6, torch.zeros(6).double())(x, f64(1e-3))
    close(found, points[torch.cdist(x, points).argmin(1)], atol=1e-12)


@pytest.mark.parametrize("d", [2, 3, 16, 64, 500])
def test_sphere_denoiser_is_von_mises_fishers_mean(d: int) -> None:
    x = normal(1, d, seed=d)
    kappas = np.logspace(np.log10(d / 10), 6, 12)  # smaller ones underflow in scipy
    sigmas = torch.from_numpy((float(x.norm()) / kappas) ** 0.5)
    found = SphereDenoiser()(x.expand(12, d), sigmas).norm(dim=1)
    np.testing.assert_allclose(found, ive(d / 2, kappas) / ive(d / 2 - 1, kappas), rtol=1e-9)


def test_sphere_denoiser_at_little_noise_has_norm_one() -> None:
    x = normal(10, 8, seed=0)
    close(SphereDenoiser()(x, f64(1e-5)).norm(dim=1), torch.ones(10).double())


def test_sphere_denoiser_of_the_centre_is_the_centre() -> None:
    assert SphereDenoiser()(torch.zeros(1, 4).double(), f64(1.0)).tolist() == [[0.0] * 4]


@pytest.mark.parametrize("sigma", SIGMAS)
def test_moved_gaussian_is_the_gaussian_of_the_moved_law(sigma: float) -> None:
    law, centre, x = gaussian(5, seed=0), normal(5, seed=2), normal(6, 5, seed=3)
    found = translated_and_scaled(GaussianDenoiser(law.mean, law.cov), law.mean, centre, 0.4)
    expected = GaussianDenoiser(centre, 0.16 * law.cov)
    close(found(x, f64(sigma)), expected(x, f64(sigma)))


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("scale", [0.05, 0.7, 3.0])
def test_moved_mixture_is_the_mixture_of_the_moved_points(scale: float, sigma: float) -> None:
    law, mean, centre, x = mixture(5, 4, seed=0), normal(4, seed=3), normal(4, seed=4), normal(6, 4, seed=5)
    found = translated_and_scaled(MixtureDenoiser(law.means, law.weights, law.scales), mean, centre, scale)
    expected = MixtureDenoiser(centre + scale * (law.means - mean), law.weights, scale * law.scales)
    close(found(x, f64(sigma)), expected(x, f64(sigma)))


def test_noise_off_the_subspace_says_nothing() -> None:
    law, A, offset = mixture(4, 3, seed=0), orthonormal(8, 3, seed=1), normal(8, seed=2)
    denoiser = lifted(MixtureDenoiser(law.means, law.weights, law.scales), A, offset)
    x, off = normal(5, 8, seed=3), normal(5, 8, seed=4)
    off = off - off @ A @ A.T
    close(denoiser(x + off, f64(0.5)), denoiser(x, f64(0.5)), atol=1e-12)
