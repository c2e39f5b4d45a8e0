"""Warps of values against scipy's normal quantiles."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from scipy.stats import norm

from gdopt.surrogate.warp import rank_normal, standardized
from tests.oracles import f64, normal, seeded

VALUES = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30)


@pytest.mark.parametrize("n", [2, 3, 10, 301])
def test_rank_normal_has_the_scores_of_normal_quantiles(n: int) -> None:
    order = torch.randperm(n, generator=seeded())
    scores = norm.ppf((np.arange(n) + 0.5) / n)
    np.testing.assert_allclose(rank_normal(order.double()), (scores / scores.std())[order], atol=1e-12)


def test_equal_values_have_equal_scores_between_their_neighbours() -> None:
    low, *tied, high = rank_normal(f64([1.0, 5.0, 5.0, 5.0, 9.0])).tolist()
    assert tied == pytest.approx([0, 0, 0], abs=1e-12)
    assert low == pytest.approx(-high)
    assert high > 0


@hypothesis.given(VALUES)
def test_rank_normal_depends_on_the_order_alone(values: list[float]) -> None:
    ranks = np.unique(values, return_inverse=True)[1].astype(float)
    assert torch.equal(rank_normal(f64(values)), rank_normal(torch.from_numpy(ranks)))


@hypothesis.given(VALUES)
def test_rank_normal_keeps_the_order(values: list[float]) -> None:
    scores = rank_normal(f64(values))[f64(values).argsort(stable=True)]
    assert scores.isfinite().all()
    assert (scores.diff() >= 0).all()


@pytest.mark.parametrize("scale", [1e-300, 1e-3, 1.0, 1e300])
def test_standardized_values_have_mean_0_and_variance_1_at_any_size(scale: float) -> None:
    y = normal(50, seed=0)
    expected = (y - y.mean()) / y.std(correction=0)
    torch.testing.assert_close(standardized(scale * y), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("value", [0.0, 0.1, -3.7, 1e300, 5e-324])
@pytest.mark.parametrize("n", [1, 3, 100])
def test_equal_values_are_standardized_to_zeros(value: float, n: int) -> None:
    assert standardized(f64([value] * n)).tolist() == [0.0] * n


@hypothesis.given(VALUES)
def test_standardized_values_are_finite(values: list[float]) -> None:
    assert standardized(f64(values)).isfinite().all()


@pytest.mark.parametrize("warp", [rank_normal, standardized])
def test_a_warp_leaves_its_values_alone(warp) -> None:
    y = normal(9, seed=0)
    warp(y)
    assert torch.equal(y, normal(9, seed=0))
