"""The surrogate of a study's results against formulas in NumPy: its training data, its posterior, its feasibility."""

import numpy as np
import pytest
import torch
from scipy.stats import norm
from sklearn.preprocessing import PowerTransformer

import gdopt
from gdopt.acquisition.data import TrainingData
from gdopt.acquisition.surrogate import fit_surrogate, probability_feasible, with_gradients
from gdopt.codecs.box import BoxCodec
from gdopt.surrogates import gp
from gdopt.surrogates.multi_output import MultiOutputSurrogate
from gdopt.surrogates.outcome_transforms import power, standardized
from gdopt.trials.objectives import Objective, OptimizationConfig, OutcomeConstraint
from gdopt.trials.state import State
from gdopt.trials.trial import Measured, Result, Status, Trial
from tests.oracles import gp_posterior, seeded

D = 3
SPACE = gdopt.Space.from_bounds([(-1, 1)] * D)
CODEC = BoxCodec(SPACE)
X = np.random.default_rng(0).uniform(-1, 1, (30, D))
Y = np.sin(3 * X).sum(1) + 0.1 * np.random.default_rng(1).normal(size=30)
AT = np.random.default_rng(2).uniform(-1, 1, (20, D))
# The box goes to ±√3, and 3 of that is 1 in the model's coordinates.
WIDE = 3**0.5
VALUE = (Objective("value", "maximize"),)


def trial(number: int, x: np.ndarray, result: Result, outcomes: dict[str, Measured] | None = None) -> Trial:
    params = dict(zip(SPACE.names, x.tolist(), strict=True))
    return Trial(number, params, Status.DONE, result, outcomes=outcomes or {})


def state(
    trials: list[Trial], limits: tuple[OutcomeConstraint, ...] = (), objectives: tuple[Objective, ...] = VALUE
) -> State:
    return State(SPACE, 0, tuple(trials), config=OptimizationConfig(objectives, limits))


def plain() -> State:
    return state([trial(i, x, Result(float(y))) for i, (x, y) in enumerate(zip(X, Y, strict=True))])


def posterior(model: gp.GaussianProcess, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance at AT of the process with the fitted parameters, by a dense inverse."""
    lengths = model.model.covar_module.lengthscale.detach().numpy()[0]
    constant = model.model.mean_module.constant.item()
    noise = model.model.likelihood.noise.detach().expand(len(y)).numpy()
    mean, covariance = gp_posterior(WIDE * x / 3, y, WIDE * AT / 3, lengths, constant, noise)
    return mean, np.diag(covariance)


def predicted(model: object) -> tuple[np.ndarray, np.ndarray]:
    with torch.no_grad():
        return tuple(v.numpy() for v in model.predict(WIDE * torch.from_numpy(AT)))


@pytest.mark.parametrize("keep", [30, 12])
def test_predictions_are_the_posterior_of_the_best_results_as_sklearn_warps_them(keep: int) -> None:
    model = fit_surrogate(TrainingData(plain(), CODEC), keep, power)
    best = np.argsort(-Y)[:keep]
    gap = Y.max() - Y[best]
    unit = np.sort(gap)[(keep - 1) // 2]
    y = PowerTransformer().fit_transform((-gap / unit).reshape(-1, 1))[:, 0]
    np.testing.assert_allclose(model.z, WIDE * X[best], rtol=1e-12)
    np.testing.assert_allclose(model.y, y, rtol=0, atol=1e-5)
    expected = posterior(model.objectives[0], X[best], model.y.numpy())
    for found, one in zip(predicted(model), expected, strict=True):
        np.testing.assert_allclose(found, one, rtol=1e-6, atol=1e-8)


def test_replicates_are_one_row_at_their_weighted_mean_and_its_error() -> None:
    sems = 0.1 + np.random.default_rng(3).random(30)
    once = [trial(i, x, Result(float(y), float(s))) for i, (x, y, s) in enumerate(zip(X, Y, sems, strict=True))]
    again = [trial(30, X[4], Result(2.5, 0.2)), trial(31, X[4], Result(-1.0, 0.7))]
    model = fit_surrogate(TrainingData(state([*once, *again]), CODEC), 100, standardized)
    weights = np.array([sems[4], 0.2, 0.7]) ** -2.0
    y, errors = Y.copy(), sems.copy()
    y[4], errors[4] = np.average([Y[4], 2.5, -1.0], weights=weights), weights.sum() ** -0.5
    order = np.argsort(-y)
    np.testing.assert_allclose(model.z, WIDE * X[order], rtol=1e-12)
    np.testing.assert_allclose(model.y, (y[order] - y.mean()) / y.std(), rtol=0, atol=1e-12)
    # More noise of one variance is inferred beside the known errors.
    beside = model.objectives[0].model.likelihood.noise.detach().numpy() - (errors[order] / y.std()) ** 2
    np.testing.assert_allclose(beside, beside[0], rtol=1e-6)
    assert beside[0] > 0


# Outcomes that have limits, and several objectives.

HEAT = np.cos(2 * X[:, 0]) + X[:, 1]
LIMITS = (OutcomeConstraint("heat", "<=", 0.6), OutcomeConstraint("flow", ">=", 0.31))


def constrained() -> State:
    outcomes = [{"heat": (float(h), None), "flow": (float(x[2]), None)} for h, x in zip(HEAT, X, strict=True)]
    rows = enumerate(zip(X, Y, outcomes, strict=True))
    return state([trial(i, x, Result(float(y)), one) for i, (x, y, one) in rows], LIMITS)


def test_the_probability_that_limits_hold_is_a_product_of_normal_probabilities() -> None:
    model = fit_surrogate(TrainingData(constrained(), CODEC), 100, power)
    assert isinstance(model, MultiOutputSurrogate)
    chances = np.ones(len(AT))
    for one, outcome in zip(model.constraints, (HEAT - 0.6, 0.31 - X[:, 2]), strict=True):
        # sign(y) log(1 + |y|/u), u the mean of |y|, in units of its root mean square: in the order of the model's rows.
        bent = np.sign(outcome) * np.log1p(np.abs(outcome) / np.abs(outcome).mean())
        bent /= np.sqrt((bent**2).mean())
        rows = np.array([np.abs(WIDE * X - z).sum(1).argmin() for z in one.z.numpy()])
        np.testing.assert_allclose(one.y, bent[rows], rtol=0, atol=1e-12)
        mean, variance = posterior(one, X[rows], bent[rows])
        chances *= norm.cdf(0.0, mean, np.sqrt(variance))
    found = probability_feasible(model, WIDE * torch.from_numpy(AT))
    np.testing.assert_allclose(np.array(found, dtype=float), chances, rtol=1e-6, atol=1e-9)


def test_results_that_break_a_limit_come_last_and_are_no_incumbent() -> None:
    model = fit_surrogate(TrainingData(constrained(), CODEC), 100, power)
    feasible = (HEAT <= 0.6) & (X[:, 2] >= 0.31)
    order = [i for i in np.argsort(-Y) if feasible[i]]
    np.testing.assert_allclose(model.z[: len(order)], WIDE * X[order], rtol=1e-12)
    assert model.n_feasible == feasible.sum() == len(order) < 30
    assert model.incumbent == pytest.approx(float(model.y[: len(order)].max()))
    assert Y[order[0]] < Y.max()


def test_an_outcome_that_was_measured_of_some_designs_is_learned_from_those() -> None:
    trials = [
        trial(i, x, Result(float(y)), {"heat": (float(h), None)} if i % 2 else {})
        for i, (x, y, h) in enumerate(zip(X, Y, HEAT, strict=True))
    ]
    model = fit_surrogate(TrainingData(state(trials, LIMITS[:1]), CODEC), 100, power)
    (heat,) = model.constraints
    assert (len(model.z), len(heat.z)) == (30, 15)
    assert {tuple(z) for z in heat.z.tolist()} == {
        tuple(z) for z in CODEC.encode([t.params for t in trials[1::2]]).tolist()
    }


def test_without_limits_no_probability_is_given() -> None:
    model = fit_surrogate(TrainingData(plain(), CODEC), 100, power)
    assert probability_feasible(model, torch.zeros(3, D, dtype=torch.float64)) == [None] * 3


def test_several_objectives_are_scaled_to_mean_0_and_variance_1_each_in_its_direction() -> None:
    goals = (Objective("yield", "maximize"), Objective("cost", "minimize"))
    trials = [
        trial(i, x, Result(float(y)), {"cost": (float(h), None)})
        for i, (x, y, h) in enumerate(zip(X, Y, HEAT, strict=True))
    ]
    model = fit_surrogate(TrainingData(state(trials, objectives=goals), CODEC), 100, power)
    rows = np.array([np.abs(WIDE * X - z).sum(1).argmin() for z in model.z.numpy()])
    for one, values in zip(model.objectives, (Y, -HEAT), strict=True):
        np.testing.assert_allclose(one.y, ((values - values.mean()) / values.std())[rows], rtol=0, atol=1e-12)


# Gradients.


def test_forty_gradients_become_values_in_eight_directions_each() -> None:
    space = gdopt.Space.from_bounds([(-1, 1)] * 10)
    rows = np.random.default_rng(4).uniform(-1, 1, (50, 10))
    trials = []
    for i, x in enumerate(rows):
        told = dict.fromkeys(space.names, 1.0)
        trials.append(
            Trial(
                i, dict(zip(space.names, x.tolist(), strict=True)), Status.DONE, Result(float(x.sum()), gradient=told)
            )
        )
    codec, step = BoxCodec(space), 0.2
    data = TrainingData(State(space, 0, tuple(trials)), codec)
    before = fit_surrogate(data, 100, standardized)
    after = with_gradients(before, data, step, seeded(5)).objectives[0]
    inputs, values = (3 * after.model.train_inputs[0]).numpy(), after.model.train_targets.numpy()
    assert len(inputs) == 50 + 40 * 8
    moved = inputs[50:].reshape(40, 8, 10) - np.repeat(before.z[:40].numpy()[:, None], 8, 1)
    # Steps of one length at right angles, the first along the gradient, which rises by √10/√3 for each unit of z.
    for steps in moved:
        np.testing.assert_allclose(steps @ steps.T, step**2 * np.eye(8), rtol=0, atol=1e-12)
    np.testing.assert_allclose(np.abs(moved[:, 0]), step / 10**0.5, rtol=1e-9)
    rise = moved.sum(2) / 3**0.5 / rows.sum(1).std()
    expected = np.repeat(before.y[:40].numpy()[:, None], 8, 1) + rise
    np.testing.assert_allclose(values[50:].reshape(40, 8), expected, rtol=0, atol=1e-9)
