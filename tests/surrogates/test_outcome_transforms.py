"""Warps of values against scipy's normal quantiles."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from scipy.stats import norm

from gdopt.surrogates.outcome_transforms import MOST_SEM, power, rank_normal, standardized, warped_sem
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


@pytest.mark.parametrize(("scale", "shift"), [(1e-300, 0.0), (1.0, 1e6), (-3.0, 2.0), (1e300, -1e300)])
def test_a_power_of_the_values_takes_no_notice_of_their_unit_and_zero(scale: float, shift: float) -> None:
    y = normal(50, seed=0).exp() * np.sign(scale)
    torch.testing.assert_close(power(abs(scale) * y + shift), power(y), rtol=0, atol=1e-5)


@hypothesis.given(VALUES)
def test_a_power_of_the_values_keeps_their_order_and_is_finite(values: list[float]) -> None:
    scores = power(f64(values))[f64(values).argsort(stable=True)]
    assert scores.isfinite().all()
    assert (scores.diff() >= -1e-9).all()


def test_a_power_makes_a_long_tail_of_bad_values_short() -> None:
    y = -normal(300, seed=0).mul(3).exp()
    assert float(standardized(y).amin()) < -8
    assert float(power(y).amin()) > -4


def test_values_of_which_most_are_the_best_are_ranked() -> None:
    y = f64([0.0] * 6 + [-1.0, -2.0])
    assert torch.equal(power(y), rank_normal(y))


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


@pytest.mark.parametrize("warp", [power, rank_normal, standardized])
def test_a_warp_leaves_its_values_alone(warp) -> None:
    y = normal(9, seed=0)
    warp(y)
    assert torch.equal(y, normal(9, seed=0))


@pytest.mark.parametrize("sem", [0.2, 0.5])
def test_warped_errors_are_the_spread_of_warped_replicates(sem: float) -> None:
    replicates = torch.exp(normal(150, seed=0)) + sem * normal(300, 150, seed=1)
    warped = torch.stack([rank_normal(y) for y in replicates])
    found = torch.stack([warped_sem(y, w, torch.full_like(y, sem)) for y, w in zip(replicates, warped, strict=True)])
    expected, found = warped.std(0), found.square().mean(0).sqrt()
    assert float(np.corrcoef(found, expected)[0, 1]) > 0.95
    assert float((found / expected).median()) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
def test_warped_errors_of_a_linear_warp_are_divided_by_its_spread(scale: float) -> None:
    y, sem = normal(50, seed=0), normal(50, seed=1).abs()
    found = warped_sem(scale * y, standardized(scale * y), scale * sem)
    torch.testing.assert_close(found, sem / y.std(correction=0), rtol=1e-9, atol=0)


def test_errors_of_nothing_are_nothing() -> None:
    y = normal(20, seed=0)
    assert warped_sem(y, rank_normal(y), torch.zeros(20).double()).tolist() == [0.0] * 20


@hypothesis.example(values=[0.0, -1.0, -1.0], sem=1.4283565658453045e-18)
@hypothesis.given(VALUES, st.floats(0, allow_nan=False, allow_infinity=False))
def test_warped_errors_are_finite_and_not_negative(values: list[float], sem: float) -> None:
    y = f64(values)
    found = warped_sem(y, rank_normal(y), torch.full_like(y, sem))
    assert ((found >= 0) & (found <= MOST_SEM)).all()
