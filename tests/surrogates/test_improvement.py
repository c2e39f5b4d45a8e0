"""Expected improvement against its integral and its limits."""

import numpy as np
import pytest
import torch
from scipy.stats import norm

from gdopt.surrogates.base import log_expected_improvement
from tests.oracles import f64


def test_expected_improvement_is_its_integral() -> None:
    for gap, std in [(0.7, 0.3), (-0.4, 0.3), (0.0, 1.0), (-2.0, 0.5), (9.0, 0.2)]:
        normal_law = norm(1.5 + gap, std)
        integral = normal_law.expect(lambda f: f - 1.5, lb=1.5, ub=1.5 + gap + 12 * std)
        found = log_expected_improvement(f64([1.5 + gap]), f64([std**2]), 1.5)
        torch.testing.assert_close(found.exp(), f64([integral]), rtol=1e-8, atol=1e-12)


def test_expected_improvement_tells_designs_apart_that_are_all_but_certain_or_impossible() -> None:
    certain = log_expected_improvement(f64([20.0, 40.0]), f64([1.0, 1.0]), 0.0)
    torch.testing.assert_close(certain, f64([20.0, 40.0]).log())
    # Far below the incumbent, E = std^3 phi(gap/std)/gap^2, up to terms of (std/gap)^2.
    hopeless = log_expected_improvement(f64([-200.0]), f64([1.0]), 0.0)
    expected = norm.logpdf(200.0) - 2 * np.log(200.0)
    assert float(hopeless) == pytest.approx(expected, rel=1e-6)
