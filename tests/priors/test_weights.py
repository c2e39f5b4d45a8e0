"""Weights of designs and of what was measured of them: against closed forms, and what is refused."""

import math

import numpy as np
import pytest
from scipy.special import softmax

from gdopt import (
    CorpusError,
    DiffusionPrior,
    GdoptError,
    RandomSearch,
    SettingsError,
    Space,
    Study,
    outcome_weights,  # fmt: skip
)
from gdopt.priors.weights import effective_size
from tests.strategies import unchecked


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def test_a_linear_tilt_of_a_gaussian_moves_its_mean_by_the_covariance_times_the_slope() -> None:
    cov, slope = np.array([[1.0, 0.6], [0.6, 2.0]]), np.array([0.5, -1.0])
    designs = np.random.default_rng(0).multivariate_normal([3, -2], cov, size=20_000)
    values = designs @ slope
    # At the default share the temperature is the values' standard deviation, √(b'Σb).
    moved = np.array([3, -2]) + cov @ slope / math.sqrt(slope @ cov @ slope)
    weights = outcome_weights(values)
    assert np.average(designs, axis=0, weights=weights) == pytest.approx(moved, abs=0.07)
    assert np.cov(designs.T, aweights=weights) == pytest.approx(cov, abs=0.12)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.9])
def test_weights_leave_the_share_that_was_asked_for(share: float) -> None:
    assert effective_size(outcome_weights(normal(500), share=share)) == pytest.approx(500 * share)


def test_weights_are_the_exponential_of_the_values_at_one_temperature() -> None:
    values = normal(50)
    weights = outcome_weights(values)
    slope, _ = np.polyfit(values, np.log(weights), 1)
    np.testing.assert_allclose(weights / 50, softmax(slope * values))
    assert slope > 0


def test_weights_do_not_depend_on_the_unit_of_the_values() -> None:
    values = normal(50)
    np.testing.assert_allclose(outcome_weights(1e6 * values - 7e7), outcome_weights(values), rtol=1e-6)


def test_minimized_values_are_weighted_as_their_negatives() -> None:
    assert np.array_equal(outcome_weights(normal(20), direction="minimize"), outcome_weights(-normal(20)))


def test_unknown_values_have_no_weight_and_no_part_in_the_share() -> None:
    values = normal(40)
    some = np.concatenate([values, np.full(10, math.nan)])
    np.testing.assert_allclose(outcome_weights(some) * 40 / 50, [*outcome_weights(values), *[0.0] * 10])


def test_the_best_have_all_the_weight_where_more_than_the_share_are_equally_good() -> None:
    assert outcome_weights([0.0, 1.0, 0.0, 1.0], share=0.5).tolist() == [0, 2, 0, 2]


def test_a_share_that_is_just_that_of_the_best_leaves_them() -> None:
    # 0.1 · 30 is a little more than 3 in floating point.
    assert outcome_weights([*[1.0] * 3, *normal(27) - 5], share=0.1).tolist() == [10.0] * 3 + [0.0] * 27


def test_values_that_are_all_equal_weigh_alike() -> None:
    assert outcome_weights(np.full(9, 3.3)).tolist() == [1.0] * 9


def test_one_outlier_does_not_take_all_the_weight() -> None:
    weights = outcome_weights([*normal(99), 1e9])
    assert effective_size(weights) == pytest.approx(100 / math.e)


def test_history_of_a_study_is_a_weighted_corpus() -> None:
    space = Space.from_bounds([(-1, 1)] * 2)
    study = Study(space, direction="minimize", objective="loss", algorithm=RandomSearch())
    trials = study.ask(30)
    study.fail(trials[0].id, reason="spilled")
    study.tell({t.id: abs(t.params["x0"] - 0.5) for t in trials[1:]})
    study.ask(3)
    history = study.to_frame()
    weights = outcome_weights(history["loss"], direction=study.direction)
    with unchecked():
        prior = DiffusionPrior.fit(history[list(space.names)], weights=weights, space=space, steps=1)
    assert len(prior.designs) == 29
    assert prior.effective_size == pytest.approx(29 / math.e)
    assert prior.codec.mean[0] > 0.2 > abs(prior.codec.mean[1])


@pytest.mark.parametrize(
    ("values", "settings", "kind", "match"),
    [
        ([1.0, 2.0], {"direction": "up"}, SettingsError, "direction = 'up': expected one of maximize, minimize"),
        ([1.0, 2.0], {"share": 0}, SettingsError, "share = 0: expected more than 0 and at most 1"),
        ([1.0, 2.0], {"share": 1.5}, SettingsError, "share = 1.5"),
        ([1.0, math.inf, 2.0], {"share": 1}, CorpusError, r"must be finite, or NaN for unknown; those of rows \[1\]"),
        ([[1.0], [2.0]], {}, CorpusError, r"one number for each design, got float64 of shape \(2, 1\)"),
        (["good", "bad"], {}, CorpusError, "one number for each design, got <U4"),
        ([1.0, 2.0, 3.0], {}, CorpusError, "3 known values at a share of 0.368 are worth 1.1 designs"),
        ([math.nan] * 3, {}, CorpusError, "0 known values"),
        ([], {}, CorpusError, "0 known values"),
    ],
)
def test_values_without_weights_are_refused(values: list, settings: dict, kind: type, match: str) -> None:
    with pytest.raises(kind, match=match) as caught:
        outcome_weights(values, **settings)
    assert isinstance(caught.value, GdoptError)


@pytest.mark.parametrize(
    ("weights", "match"),
    [
        ([1.0, 2.0], r"one number for each of the 3 designs, got shape \(2,\)"),
        ([[1.0], [1.0], [1.0]], r"got shape \(3, 1\)"),
        ([1.0, -2.0, 1.0], r"not negative; those of rows \[1\] \(of 1\) are \[-2.0\]"),
        ([1.0, math.nan, math.inf], r"rows \[1, 2\] \(of 2\) are \[nan, inf\]"),
        ([0, 0, 0], "all weights are 0"),
        (["a", "b", "c"], "weights must be numbers, got <U1"),
        ([1.0, 0.0, 1e-3], "an effective size of 1.00 designs; a prior needs 2 or more"),
    ],
)
def test_weights_that_no_prior_can_be_fitted_by_are_refused(weights: list, match: str) -> None:
    with unchecked(), pytest.raises(CorpusError, match=match):
        DiffusionPrior.fit(normal(3, 2), weights=weights, steps=1)
