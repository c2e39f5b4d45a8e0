"""The Tanimoto kernel against its definition entry by entry, and its Gaussian process against dense linear algebra."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from gdopt.acquisition.noisy_ei import sequential_greedy
from gdopt.acquisition.thompson import thompson_sampling
from gdopt.surrogates import tanimoto
from gdopt.surrogates.base import Surrogate, SurrogateFactory
from gdopt.surrogates.gp import GaussianProcess
from gdopt.surrogates.multi_output import single_output
from gdopt.surrogates.tanimoto import Tanimoto, similarity
from tests.oracles import normal, seeded


def counts(*shape: int, seed: int) -> Tensor:
    """Whole numbers, most of them 0, as fingerprints have."""
    return torch.poisson(torch.full(shape, 0.4), generator=seeded(seed)).double()


def entry(x: np.ndarray, y: np.ndarray) -> float:
    shared = sum(a * b for a, b in zip(x, y, strict=True))
    either = sum(a * a for a in x) + sum(b * b for b in y) - shared
    return shared / either if either else 1.0


def by_hand(x: Tensor, y: Tensor) -> np.ndarray:
    return np.array([[entry(a, b) for b in y.numpy()] for a in x.numpy()])


X, Y = counts(7, 24, seed=0), counts(5, 24, seed=1)
X[3] = Y[2] = 0.0


def test_the_kernel_is_its_definition_entry_by_entry() -> None:
    np.testing.assert_allclose(Tanimoto()(X, Y).to_dense(), by_hand(X, Y), atol=1e-14)


def test_for_bits_it_is_the_shared_ones_over_all_ones() -> None:
    bits, others = (X > 0), (Y > 0)
    shared = (bits.unsqueeze(1) & others).sum(-1)
    either = (bits.unsqueeze(1) | others).sum(-1)
    found = similarity(bits.double(), others.double())
    np.testing.assert_allclose(found[either > 0], (shared / either)[either > 0], atol=1e-14)


def test_rows_of_zeros_are_like_each_other_and_unlike_all_else() -> None:
    found = similarity(X, Y)
    assert found[3, 2] == 1.0
    assert found[3, [0, 1, 3, 4]].abs().max() == 0.0


def test_the_diagonal_is_that_of_the_matrix() -> None:
    found, pairs = Tanimoto()(X, diag=True), Tanimoto()(X[:5], Y, diag=True)
    np.testing.assert_allclose(found, np.ones(7), atol=1e-14)
    np.testing.assert_allclose(pairs, by_hand(X, Y)[range(5), range(5)], atol=1e-14)


def test_batches_are_the_matrices_one_by_one() -> None:
    x, y = counts(3, 2, 6, 12, seed=2), counts(3, 2, 4, 12, seed=3)
    found = Tanimoto()(x, y).to_dense()
    assert found.shape == (3, 2, 6, 4)
    np.testing.assert_allclose(found[2, 1], by_hand(x[2, 1], y[2, 1]), atol=1e-14)
    assert Tanimoto()(x, diag=True).shape == (3, 2, 6)
    np.testing.assert_allclose(Tanimoto()(x, y[0, 0]).to_dense()[1, 0], by_hand(x[1, 0], y[0, 0]), atol=1e-14)


@given(st.integers(0, 1000), st.integers(1, 40), st.integers(1, 30), st.booleans())
def test_it_is_positive_semidefinite_on_counts_and_on_any_vectors(seed: int, n: int, d: int, whole: bool) -> None:
    rows = counts(n, d, seed=seed) if whole else normal(n, d, seed=seed)
    assert torch.linalg.eigvalsh(similarity(rows, rows)).min() > -1e-12


def test_the_gradient_is_that_of_differences_and_finite_at_zeros() -> None:
    x = X[:1].clone().requires_grad_(True)
    assert torch.autograd.gradcheck(lambda rows: similarity(rows, Y[[0, 1, 3, 4]]), x)
    zero = torch.zeros(1, 24).double().requires_grad_(True)
    (slope,) = torch.autograd.grad(similarity(zero, Y).sum(), zero)
    assert slope.isfinite().all()


# The Gaussian process.

Z, AT = counts(40, 60, seed=4), counts(9, 60, seed=5)
W = Z[:, 0] - Z[:, 1] + 0.1 * normal(40, seed=6)
W = (W - W.mean()) / W.std()


@pytest.fixture(scope="module", params=["inferred", "given"])
def fitted(request: pytest.FixtureRequest) -> GaussianProcess:
    variance = 0.01 + 0.1 * normal(40, seed=3).square()
    return tanimoto.fit(Z, W, variance if request.param == "given" else None)


def posterior(surrogate: GaussianProcess, z: Tensor, y: Tensor, at: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance by NumPy, from the multiple, the constant and the noise that were fitted."""
    model = surrogate.model
    scale = float(model.covar_module.outputscale.detach())
    noise = model.likelihood.noise.detach().numpy() * np.ones(len(z))
    constant = float(model.mean_module.constant.detach())
    inner, cross = scale * by_hand(z, z) + np.diag(noise), scale * by_hand(at, z)
    mean = constant + cross @ np.linalg.solve(inner, y.numpy() - constant)
    return mean, scale * by_hand(at, at) - cross @ np.linalg.solve(inner, cross.T)


def test_predictions_are_the_posterior_by_hand(fitted: GaussianProcess) -> None:
    mean, cov = posterior(fitted, Z, W, AT)
    found = fitted.predict(AT)
    np.testing.assert_allclose(found[0].detach(), mean, atol=1e-8)
    np.testing.assert_allclose(found[1].detach(), cov.diagonal(), atol=1e-8)
    np.testing.assert_allclose(fitted.mean(AT), mean, atol=1e-8)


def test_draws_have_the_posteriors_joint_covariance(fitted: GaussianProcess) -> None:
    mean, cov = posterior(fitted, Z, W, AT)
    found = fitted.sample_posterior(AT, 9, 0.5, seeded())
    noise = torch.randn(9, 9, generator=seeded(), dtype=torch.float64)
    root = np.linalg.solve(noise.numpy(), found.numpy() - mean)
    np.testing.assert_allclose(root.T @ root, 0.25 * cov, atol=1e-6)


def test_values_that_are_given_later_join_the_posterior_by_hand() -> None:
    surrogate = tanimoto.fit(Z, W)
    more, values = counts(6, 60, seed=7), normal(6, seed=8)
    mean, cov = posterior(surrogate, torch.cat([Z, more]), torch.cat([W, values]), AT)
    found = surrogate.condition_on_observations(more, values)
    np.testing.assert_allclose(found.mean(AT), mean, atol=1e-7)
    np.testing.assert_allclose(found.predict(AT)[1].detach(), cov.diagonal(), atol=1e-7)


def test_the_parameters_are_the_likeliest_with_their_priors() -> None:
    surrogate = tanimoto.fit(Z, W)
    model = surrogate.model

    def density(scale: float, noise: float, constant: float) -> float:
        """Of the values and both parameters; the priors are LogNormal(0, 1) and LogNormal(-4, 1)."""
        inner = scale * by_hand(Z, Z) + noise * np.eye(len(Z))
        off = W.numpy() - constant
        likelihood = -0.5 * (off @ np.linalg.solve(inner, off) + np.linalg.slogdet(inner)[1])
        priors = [-np.log(v) - 0.5 * (np.log(v) - mu) ** 2 for v, mu in ((scale, 0.0), (noise, -4.0))]
        return float(likelihood + sum(priors))

    found = (
        float(model.covar_module.outputscale.detach()),
        float(model.likelihood.noise.detach()),
        float(model.mean_module.constant.detach()),
    )
    for i, value in enumerate(found):
        for step in (-0.02 * abs(value), 0.02 * abs(value)):
            assert density(*found[:i], value + step, *found[i + 1 :]) < density(*found)


def test_it_is_a_fit_and_gives_a_surrogate() -> None:
    fit: SurrogateFactory = tanimoto.fit
    assert isinstance(fit(Z, W, None), Surrogate)


@pytest.mark.parametrize("n", [1, 2])
def test_a_few_points_are_enough(n: int) -> None:
    assert tanimoto.fit(Z[:n], torch.tensor([1.0, -1.0]).double()[:n]).mean(AT).isfinite().all()


def test_equal_values_are_predicted_everywhere() -> None:
    np.testing.assert_allclose(tanimoto.fit(Z, torch.zeros(40).double()).mean(AT), np.zeros(9), atol=1e-6)


@pytest.mark.usefixtures("untouched_random_state")
def test_fitting_leaves_the_global_random_state_alone() -> None:
    tanimoto.fit(Z[:8], W[:8])


def test_batches_are_selected_from_a_pool() -> None:
    surrogate, pool = tanimoto.fit(Z, W), counts(80, 60, seed=9)
    best = surrogate.mean(pool).argsort(descending=True)
    assert thompson_sampling(surrogate, pool, 12, 0.0, seeded()) == best[:12].tolist()
    picks = sequential_greedy(single_output(surrogate), pool, 4, pool[:2], seed=0)
    assert len(set(picks)) == 4
    assert surrogate.mean(pool[picks]).mean() > surrogate.mean(pool).quantile(0.8)
