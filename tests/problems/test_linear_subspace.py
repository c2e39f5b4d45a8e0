"""The paper's linear subspace: its data, its rewards and what there is to be found, each by another way."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor

from gdopt_problems import load
from gdopt_problems.linear_subspace import (
    Distance,
    Parabola,
    off_support,
    optimum,
    problem,
    regularized_optimum,
    rewards,
    subspace,
)
from tests.oracles import normal, seeded

CASES = [(latent, name) for latent in ("gaussian", "mixture") for name in rewards()]
every_case = pytest.mark.parametrize(("latent", "name"), CASES)


def best_of(value: object, d: int) -> Tensor:
    """The maximizer over R^d by a general-purpose minimizer."""

    def loss(u: np.ndarray) -> tuple[float, np.ndarray]:
        at = torch.tensor(u, requires_grad=True)
        found = -value(at)  # type: ignore[operator]
        (slope,) = torch.autograd.grad(found, at)
        return float(found.detach()), slope.numpy()

    return torch.from_numpy(
        minimize(loss, np.zeros(d), jac=True, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-9}).x
    )


@pytest.mark.parametrize("latent", ["gaussian", "mixture"])
def test_designs_lie_on_the_subspace_with_the_laws_moments(latent: str) -> None:
    data = subspace(latent)
    x = data.draw(20_000, seeded())
    assert float(off_support(x, data.basis).max()) < 1e-12
    torch.testing.assert_close(x.mean(0), data.law.mean, rtol=0, atol=0.03)
    torch.testing.assert_close(torch.cov(x.T), data.law.cov, rtol=0, atol=0.04)


def test_the_basis_is_orthonormal() -> None:
    basis = subspace().basis
    torch.testing.assert_close(basis.T @ basis, torch.eye(16, dtype=torch.float64), rtol=0, atol=1e-12)


def test_theta_2_is_nine_times_as_long_off_the_subspace_as_on_it() -> None:
    theta = rewards()["f1_theta2"].theta
    assert float(theta.norm()) == pytest.approx(1)
    assert float(off_support(theta.unsqueeze(0), subspace().basis)) == pytest.approx(9)


@every_case
def test_gradients_are_autograds(latent: str, name: str) -> None:
    f, x = rewards(latent)[name], normal(5, 64, seed=1).requires_grad_(True)
    (expected,) = torch.autograd.grad(f(x).sum(), x)
    torch.testing.assert_close(f.gradient(x.detach()), expected, rtol=0, atol=1e-12)


@every_case
def test_no_point_of_the_subspace_is_better_than_the_optimum(latent: str, name: str) -> None:
    f, basis = rewards(latent)[name], subspace(latent).basis
    found = best_of(lambda u: f((basis @ u).unsqueeze(0))[0], 16)
    best = f(optimum(f, basis).unsqueeze(0))
    assert float(best) == pytest.approx(float(f((basis @ found).unsqueeze(0))), abs=1e-6)


@every_case
@pytest.mark.parametrize("strength", [0.01, 1.0])
def test_the_regularized_optimum_is_the_best_of_the_penalized_reward(latent: str, name: str, strength: float) -> None:
    f, data = rewards(latent)[name], subspace(latent)
    cov = data.basis.T @ data.law.cov @ data.basis
    mean, precision = data.basis.T @ data.law.mean, torch.linalg.inv(cov)

    def penalized(u: Tensor) -> Tensor:
        return f((data.basis @ u).unsqueeze(0))[0] - strength / 2 * (u - mean) @ precision @ (u - mean)

    found = data.basis.T @ regularized_optimum(f, data.law, strength)
    assert float(penalized(found)) == pytest.approx(float(penalized(best_of(penalized, 16))), abs=1e-6)


@every_case
def test_no_curvature_on_the_subspace_is_above_the_smoothness(latent: str, name: str) -> None:
    f, data = rewards(latent)[name], subspace(latent)
    root = data.basis @ torch.linalg.cholesky(data.basis.T @ data.law.cov @ data.basis)
    for at in (torch.zeros(16, dtype=torch.float64), 5 * normal(16, seed=2)):
        hessian = torch.autograd.functional.hessian(lambda u: f((root @ u).unsqueeze(0))[0], at)
        assert float(-torch.linalg.eigvalsh(hessian)[0]) <= f.smoothness(data.law, data.basis) * (1 + 1e-9)


def test_the_kinds_of_reward_are_those_of_the_paper() -> None:
    kinds = {name: type(f) for name, f in rewards().items()}
    assert kinds == {"f1_theta1": Parabola, "f1_theta2": Parabola, "f2_b1": Distance, "f2_b2": Distance}


@pytest.mark.parametrize("name", list(rewards()))
def test_the_problem_has_the_reward_and_its_gradient(name: str) -> None:
    p, x = problem(name), subspace().draw(2, seeded())
    batch = [dict(zip(p.space.names, row.tolist(), strict=True)) for row in x]
    f = rewards()[name]
    assert p.evaluate(batch) == pytest.approx(f(x).tolist())
    assert p.gradient is not None
    slopes = [list(g.values()) for g in p.gradient(batch)]
    np.testing.assert_allclose(slopes, f.gradient(x).numpy(), atol=1e-12)


@pytest.mark.parametrize("name", list(rewards()))
def test_nothing_is_better_than_the_problems_optimum_on_or_off_the_subspace(name: str) -> None:
    p, f, basis = problem(name), rewards()[name], subspace().basis

    def penalized(x: Tensor) -> Tensor:
        off = x - basis @ (basis.T @ x)
        return f(x.unsqueeze(0))[0] - 10 * off @ off

    best = best_of(penalized, 64)
    assert float(penalized(best)) == pytest.approx(p.optimum, abs=1e-6)
    assert p.evaluate([dict(zip(p.space.names, best.tolist(), strict=True))]) == pytest.approx([p.optimum], abs=1e-6)


def test_the_corpus_of_the_problem_is_in_its_space() -> None:
    p = load("linear_subspace")
    assert p.corpus is not None
    corpus = p.corpus()
    assert corpus.shape == (65_536, 64)
    assert np.abs(corpus).max() < 40
