"""The regression with 180 penalties: against a direct minimization, and what its penalties do."""

import numpy as np
import pytest
from scipy.optimize import minimize

from gdopt_problems import load
from gdopt_problems.lasso import FIT, LOW, coefficients, regression, values


def test_coefficients_are_the_minimizer_of_the_weighted_lasso() -> None:
    data = regression()
    x = np.random.default_rng(0).uniform(-0.6, 0.0, 180)
    features, y = data.x[:FIT], data.y[:FIT]
    penalties = np.abs(features.T @ y).max() / FIT * 10.0**x

    def loss(parts: np.ndarray) -> tuple[float, np.ndarray]:
        """Of the positive and the negative part of b, which makes it smooth."""
        off = features @ (parts[:180] - parts[180:]) - y
        slope = features.T @ off / FIT
        return off @ off / (2 * FIT) + np.tile(penalties, 2) @ parts, np.concatenate([slope, -slope]) + np.tile(
            penalties, 2
        )

    options = {"maxiter": 20_000, "maxfun": 50_000, "ftol": 1e-15, "gtol": 1e-10}
    parts = minimize(loss, np.zeros(360), jac=True, bounds=[(0, None)] * 360, options=options).x
    np.testing.assert_allclose(coefficients(x), parts[:180] - parts[180:], atol=1e-4)


def test_the_largest_penalty_leaves_nothing() -> None:
    assert not coefficients(np.zeros(180)).any()


def test_knowing_which_features_count_is_worth_much() -> None:
    told = np.where(regression().truth != 0, LOW, 0.0)
    same = np.full(180, -1.2)  # the best that all have alike
    assert values(told[None])[0] == pytest.approx(1.1186, abs=1e-3)
    assert values(same[None])[0] > 1.7


def test_the_lasso_problem_minimizes_the_error() -> None:
    problem = load("lasso180")
    design = dict.fromkeys(problem.space.names, -1.2)
    assert problem.evaluate([design]) == pytest.approx(values(np.full((1, 180), -1.2)).tolist())
