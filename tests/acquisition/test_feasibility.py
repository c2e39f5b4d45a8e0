"""The probability of success against scikit-learn's classifier, and which candidates are kept against brute force."""

import warnings
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

import gdopt
from gdopt.acquisition.feasibility import LATEST, likely_to_succeed, success_probability
from gdopt.codecs.box import BoxCodec
from gdopt.space.parameters import Params
from gdopt.trials.state import State
from gdopt.trials.trial import Result, Status, Trial

SQUARE = gdopt.Space.from_bounds([(-1, 1)] * 2)
CODEC = BoxCodec(SQUARE)


def designs(n: int, seed: int) -> list[Params]:
    return [{"x0": float(a), "x1": float(b)} for a, b in np.random.default_rng(seed).uniform(-1, 1, (n, 2))]


def trial(number: int, params: Params, status: Status, round: int = 0) -> Trial:
    return Trial(number, params, status, Result(0.0) if status is Status.DONE else None, round=round)


def failing(some: Sequence[Params]) -> State:
    """Trials that fail where x0 > 0.2."""
    status = [Status.FAILED if float(one["x0"]) > 0.2 else Status.DONE for one in some]
    return State(SQUARE, 0, tuple(trial(i, *pair) for i, pair in enumerate(zip(some, status, strict=True))))


def by_sklearn(good: Sequence[Params], bad: Sequence[Params], at: Sequence[Params]) -> np.ndarray:
    """P(good) of designs, by a Gaussian process: a constant and Matérn-5/2 of one length scale, with bounds."""

    def rows(some: Sequence[Params]) -> np.ndarray:
        # The box goes to ±√3.
        return 3**0.5 * np.array([[one["x0"], one["x1"]] for one in some])

    width = 2**0.5
    place = Matern(width, (0.25 * width, 10 * width), nu=2.5)
    kernel = ConstantKernel(1.0, (1e-2, 1e3)) + ConstantKernel(1.0, (1e-2, 1e3)) * place
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = GaussianProcessClassifier(kernel).fit(rows([*good, *bad]), [True] * len(good) + [False] * len(bad))
    return model.predict_proba(rows(at))[:, 1]


def kept(probability: np.ndarray, n: int) -> list[int]:
    """The rows with a probability of 2/3 at least, or the n likeliest where they are fewer: one row after the other."""
    likely = [row for row, p in enumerate(probability) if p >= 2 / 3]
    if len(likely) >= n:
        return likely
    return sorted(sorted(range(len(probability)), key=lambda row: -probability[row])[:n])


@pytest.mark.parametrize("n", [1, 5, 60])
def test_kept_candidates_are_those_twice_as_likely_to_succeed_by_sklearn(n: int) -> None:
    some, at = designs(40, 0), designs(80, 1)
    state = failing(some)
    good, bad = ([t.params for t in state.trials if t.status is s] for s in (Status.DONE, Status.FAILED))
    expected = kept(by_sklearn(good, bad, at), n)
    assert likely_to_succeed(state, CODEC, CODEC.encode(at), n) == expected
    assert 0 < len(expected) < len(at)


def refusing(some: Sequence[Params], failures: Sequence[Params] = ()) -> State:
    """Proposals of which those with x1 > 0 were refused, and the others were measured or failed."""
    passed = [one for one in some if float(one["x1"]) <= 0]
    trials = failing([*passed, *failures]).trials
    return State(SQUARE, 0, trials, refused=tuple(one for one in some if float(one["x1"]) > 0))


def test_the_probability_to_pass_is_sklearns_of_proposed_and_refused_designs() -> None:
    some, at = designs(40, 2), designs(60, 3)
    state = refusing(some)
    expected = by_sklearn([t.params for t in state.trials], state.refused, at)
    np.testing.assert_allclose(success_probability(state, CODEC, CODEC.encode(at)), expected, rtol=1e-9)


def test_designs_that_passed_in_this_ask_count_as_proposed_ones() -> None:
    some, more, at = designs(40, 4), designs(3, 5), designs(60, 6)
    state = refusing(some)
    expected = by_sklearn([*(t.params for t in state.trials), *more], state.refused, at)
    np.testing.assert_allclose(success_probability(state, CODEC, CODEC.encode(at), more), expected, rtol=1e-9)


def test_added_results_say_nothing_of_the_filter_and_amended_trials_count_as_proposed() -> None:
    some, at = designs(40, 7), CODEC.encode(designs(60, 8))
    state = refusing(some)
    added = trial(99, {"x0": 0.9, "x1": 0.9}, Status.DONE, round=-1)
    first = state.trials[0]
    moved = Trial(0, {"x0": 0.9, "x1": 0.9}, first.status, first.result, round=0, proposed=first.params)
    changed = State(SQUARE, 0, (moved, *state.trials[1:], added), refused=state.refused)
    assert torch.equal(success_probability(changed, CODEC, at), success_probability(state, CODEC, at))


def test_candidates_are_kept_by_the_product_of_both_probabilities() -> None:
    at = designs(80, 10)
    state = refusing(designs(40, 9), designs(30, 11))
    good, bad = ([t.params for t in state.trials if t.status is s] for s in (Status.DONE, Status.FAILED))
    of_filter = by_sklearn([t.params for t in state.trials], state.refused, at)
    product = by_sklearn(good, bad, at) * of_filter
    expected = kept(product, 1)
    assert likely_to_succeed(state, CODEC, CODEC.encode(at), 1) == expected
    assert expected != kept(of_filter, 1)


def test_only_the_latest_three_hundred_trials_count() -> None:
    some, at = designs(LATEST + 60, 12), CODEC.encode(designs(40, 13))
    state = failing(some)
    last = State(SQUARE, 0, state.trials[-LATEST:])
    # The first sixty say the opposite of all others.
    turned = [
        trial(t.id, t.params, Status.DONE if t.status is Status.FAILED else Status.FAILED) for t in state.trials[:60]
    ]
    other = State(SQUARE, 0, (*turned, *state.trials[60:]))
    assert LATEST == 300
    assert likely_to_succeed(other, CODEC, at, 3) == likely_to_succeed(last, CODEC, at, 3)
