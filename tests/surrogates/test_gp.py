"""The Gaussian process against its posterior by dense linear algebra, from the hyperparameters that were fitted."""

import numpy as np
import pytest
import torch

from gdopt.surrogates import gp
from gdopt.surrogates.base import ROWS
from gdopt.surrogates.gp import GaussianProcess
from tests.oracles import gp_posterior, normal, seeded

# z is divided by the three standard deviations that the model's unit box stands for.
BOX = 3.0
Z, AT = normal(30, 4, seed=0), normal(9, 4, seed=1)
Y = (Z[:, 0].sin() + 0.3 * Z[:, 1] ** 2 - 0.5 + 0.1 * normal(30, seed=2)).clone()


@pytest.fixture(scope="module", params=["inferred", "given"])
def fitted(request: pytest.FixtureRequest) -> GaussianProcess:
    variance = 0.01 + 0.1 * normal(30, seed=3).square()
    return gp.fit(Z, Y, variance if request.param == "given" else None)


def by_hand(surrogate: GaussianProcess, at: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance from the model's length scales, constant and noise."""
    model = surrogate.model
    lengths = model.covar_module.lengthscale.detach().numpy().ravel()
    noise = model.likelihood.noise.detach().numpy() * np.ones(len(Z))
    constant = float(model.mean_module.constant.detach())
    return gp_posterior(Z.numpy() / BOX, Y.numpy(), at.numpy() / BOX, lengths, constant, noise)


def test_predictions_are_the_posterior_by_hand(fitted: GaussianProcess) -> None:
    mean, cov = by_hand(fitted, AT)
    found = fitted.predict(AT)
    np.testing.assert_allclose(found[0].detach(), mean, atol=1e-8)
    np.testing.assert_allclose(found[1].detach(), cov.diagonal(), atol=1e-8)


def test_the_mean_is_that_of_the_prediction(fitted: GaussianProcess) -> None:
    np.testing.assert_allclose(fitted.mean(AT), by_hand(fitted, AT)[0], atol=1e-8)


def test_the_gradient_is_that_of_the_posterior_mean(fitted: GaussianProcess) -> None:
    step = 1e-5
    steps = step * torch.eye(4).double()
    ahead, behind = (by_hand(fitted, AT[0] + sign * steps)[0] for sign in (1, -1))
    np.testing.assert_allclose(fitted.gradient(AT[0]), (ahead - behind) / (2 * step), atol=1e-7)


def test_predictions_can_be_differentiated(fitted: GaussianProcess) -> None:
    at = AT[:1].clone().requires_grad_(True)
    (found,) = torch.autograd.grad(fitted.predict(at)[1].sum(), at)
    step = 1e-5
    steps = step * torch.eye(4).double()
    ahead, behind = (by_hand(fitted, AT[0] + sign * steps)[1].diagonal() for sign in (1, -1))
    np.testing.assert_allclose(found[0], (ahead - behind) / (2 * step), atol=1e-7)


def test_draws_without_spread_are_the_mean(fitted: GaussianProcess) -> None:
    found = fitted.sample_posterior(AT, 3, 0.0, seeded())
    np.testing.assert_allclose(found, np.tile(by_hand(fitted, AT)[0], (3, 1)), atol=1e-8)


@pytest.mark.parametrize("spread", [0.5, 1.0])
def test_draws_have_the_posteriors_joint_covariance(fitted: GaussianProcess, spread: float) -> None:
    # Draws are the mean plus a root of the covariance times noise, which is drawn a second time and divided out.
    mean, cov = by_hand(fitted, AT)
    found = fitted.sample_posterior(AT, 9, spread, seeded())
    noise = torch.randn(9, 9, generator=seeded(), dtype=torch.float64)
    root = np.linalg.solve(noise.numpy(), found.numpy() - mean)
    np.testing.assert_allclose(root.T @ root, spread**2 * cov, atol=1e-6)


def test_draws_at_one_point_agree(fitted: GaussianProcess) -> None:
    values = fitted.sample_posterior(AT[:1].expand(4, 4), 5, 1.0, seeded())
    assert float((values - values[:, :1]).abs().max()) < 1e-2 * float(values.std())


@pytest.mark.parametrize("variance", [0.0, 1e-12])
def test_exact_values_can_be_told(variance: float) -> None:
    surrogate = gp.fit(Z, Y, torch.full((30,), variance).double())
    assert float((surrogate.mean(Z) - Y).square().mean()) < 0.05


def test_values_known_better_are_followed_closer() -> None:
    variance = torch.full((30,), 1.0).double()
    variance[7] = 1e-4
    mean = gp.fit(Z, Y, variance).mean(Z)
    assert (mean - Y).abs()[7] < 0.05


@pytest.mark.usefixtures("untouched_random_state")
def test_fitting_and_drawing_leave_the_global_random_state_alone() -> None:
    gp.fit(Z[:8], Y[:8]).sample_posterior(AT, 2, 1.0, seeded())


def test_the_same_values_give_the_same_model() -> None:
    torch.testing.assert_close(gp.fit(Z, Y).mean(AT), gp.fit(Z, Y).mean(AT), rtol=0, atol=0)


def test_a_smooth_function_is_learned() -> None:
    def wave(z: torch.Tensor) -> torch.Tensor:
        return (1.5 * z[:, 0]).sin() - z[:, 1]

    z, at = normal(60, 2, seed=4), normal(200, 2, seed=5).clamp(-1.5, 1.5)
    assert float((gp.fit(z, wave(z)).mean(at) - wave(at)).square().mean()) < 0.01


def test_equal_values_are_predicted_everywhere() -> None:
    mean, variance = gp.fit(Z, torch.zeros(30).double()).predict(AT)
    np.testing.assert_allclose(mean.detach(), np.zeros(9), atol=1e-6)
    assert (variance > 0).all()


@pytest.mark.parametrize("n", [1, 2])
def test_a_few_points_are_enough(n: int) -> None:
    surrogate = gp.fit(Z[:n], torch.tensor([1.0, -1.0]).double()[:n])
    assert surrogate.mean(AT).isfinite().all()
    assert surrogate.gradient(AT[0]).isfinite().all()


def test_a_point_told_twice_with_two_values_has_a_mean_between() -> None:
    z, y = torch.cat([Z, Z[:1]]), torch.cat([Y, Y[:1] + 1.0])
    mean = float(gp.fit(z, y).mean(Z[:1]))
    assert float(Y[0]) - 0.5 < mean < float(Y[0]) + 1.5


def test_more_dimensions_than_points_work() -> None:
    z = normal(6, 40, seed=6)
    assert gp.fit(z, z[:, 0]).mean(normal(3, 40, seed=7)).isfinite().all()


def test_values_that_are_given_later_join_the_posterior_by_hand() -> None:
    surrogate = gp.fit(Z, Y)
    more, values = normal(7, 4, seed=5), normal(7, seed=6)
    model = surrogate.model
    lengths = model.covar_module.lengthscale.detach().numpy().ravel()
    noise = model.likelihood.noise.detach().numpy() * np.ones(len(Z) + 7)
    x, y = np.vstack([Z, more]) / BOX, np.hstack([Y, values])
    constant = float(model.mean_module.constant.detach())
    mean, cov = gp_posterior(x, y, AT.numpy() / BOX, lengths, constant, noise)
    found = surrogate.condition_on_observations(more, values)
    np.testing.assert_allclose(found.mean(AT), mean, atol=1e-7)
    np.testing.assert_allclose(found.predict(AT)[1].detach(), cov.diagonal(), atol=1e-7)
    # What is known, and so the best of it, stays what was measured.
    assert torch.equal(found.z, Z)
    assert torch.equal(found.y, Y)


def test_values_given_beside_known_errors_have_the_typical_one() -> None:
    variance = 0.01 + 0.1 * normal(30, seed=3).square()
    found = gp.fit(Z, Y, variance).condition_on_observations(AT, torch.zeros(9).double())
    noise = found.model.likelihood.noise.detach()
    assert noise.shape == (39,)
    np.testing.assert_allclose(noise[30:], noise[:30].median().expand(9), rtol=1e-6)


def test_many_rows_are_predicted_as_one_by_one() -> None:
    surrogate = gp.fit(Z, Y)
    rows = normal(ROWS + 3, 4, seed=7)
    with torch.no_grad():
        together, alone = surrogate.predict(rows), surrogate.predict(rows[-1:])
    np.testing.assert_allclose([v[-1] for v in together], [v[0] for v in alone], atol=1e-10)
