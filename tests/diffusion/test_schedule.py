"""Noise levels against their formulas."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import kstest, norm

from gdopt.diffusion.schedule import cosine, exponential, karras, log_normal, variance_preserving
from tests.oracles import cosine_abar, f64, seeded


@pytest.mark.parametrize("levels", [karras(20), exponential(20), cosine(20)])
def test_levels_fall_strictly_and_end_in_zero(levels: torch.Tensor) -> None:
    assert (levels.diff() < 0).all()
    assert (len(levels), float(levels[-1])) == (21, 0.0)


@pytest.mark.parametrize("levels", [karras, exponential])
def test_levels_begin_and_end_where_they_are_told(levels) -> None:
    found = levels(17, 0.03, 42.0)
    assert found[[0, -2]].tolist() == pytest.approx([42.0, 0.03], rel=1e-12)


def test_karras_levels_are_equation_5_of_the_paper() -> None:
    ends = 60 ** (1 / 7), 0.005 ** (1 / 7)
    expected = [(ends[0] + i / 11 * (ends[1] - ends[0])) ** 7 for i in range(12)]
    assert karras(12)[:-1].tolist() == pytest.approx(expected, rel=1e-12)


def test_exponential_levels_have_one_ratio() -> None:
    levels = exponential(12, 0.01, 30.0)[:-1]
    ratios = (levels[1:] / levels[:-1]).tolist()
    assert ratios == pytest.approx([(0.01 / 30.0) ** (1 / 11)] * 11, rel=1e-12)


def test_one_level_is_the_largest() -> None:
    assert exponential(1, 0.01, 30.0).tolist() == pytest.approx([30.0, 0.0])


@pytest.mark.parametrize("steps", [25, 200])
def test_cosine_levels_are_those_of_the_alpha_bar_formula(steps: int) -> None:
    abar = np.array(cosine_abar(steps))[::-1]
    np.testing.assert_allclose(cosine(steps)[:-1], ((1 - abar) / abar) ** 0.5, rtol=1e-9)


def test_the_noisiest_cosine_level_has_its_beta_clipped() -> None:
    noisiest, next_one = (1 / (1 + cosine(200)[:2].square())).tolist()
    assert noisiest == pytest.approx(next_one * 0.001, rel=1e-9)


def test_cosine_levels_are_nearly_a_tangent() -> None:
    # Without the offset sqrt((1 - cos^2)/cos^2) is the tangent.
    angles = (torch.arange(1, 200) / 200 * math.pi / 2).flip(0).double()
    torch.testing.assert_close(cosine(200, offset=0.0)[1:-1], angles.tan(), rtol=1e-5, atol=0)


def test_variance_preserving_levels_give_back_their_alpha_bar() -> None:
    abar = f64([0.99, 0.7, 0.2, 0.01])
    found = 1 / (1 + variance_preserving(abar)[:-1].square())
    torch.testing.assert_close(found.flip(0), abar, rtol=1e-12, atol=0)


def test_training_levels_are_log_normal_as_karras_has_them(generator: torch.Generator) -> None:
    # P_mean = -1.2, P_std = 1.2 for data of spread 0.5.
    levels = log_normal(20_000, f64([0.5]), generator)
    assert kstest(levels.log().numpy(), norm(-1.2, 1.2).cdf).pvalue > 0.01


def test_training_levels_scale_with_the_spread() -> None:
    one, three = (log_normal(50, torch.full((4,), s).double(), seeded()) for s in (1.0, 3.0))
    torch.testing.assert_close(three, 3 * one, rtol=1e-12, atol=0)


def test_training_levels_visit_every_direction_alike(generator: torch.Generator) -> None:
    levels = log_normal(20_000, f64([1e-6, 1.0, 1e6]), generator)
    shares = torch.bucketize(levels, f64([1e-3, 1e3])).bincount() / 20_000
    assert shares.tolist() == pytest.approx([1 / 3] * 3, abs=0.015)
