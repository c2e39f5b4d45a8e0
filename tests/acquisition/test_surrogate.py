"""What a study's results say of new designs: standard errors told, and trials that failed."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

import gdopt
from gdopt.acquisition.data import TrainingData
from gdopt.acquisition.feasibility import likely_to_succeed
from gdopt.acquisition.surrogate import fit_surrogate, with_gradients
from gdopt.codecs.box import BoxCodec
from gdopt.surrogates import gp
from gdopt.surrogates.outcome_transforms import standardized
from gdopt.trials.state import State
from gdopt.trials.trial import Result, Status, Trial
from tests.strategies import guided

CUBE = gdopt.Space.from_bounds([(-1, 1)] * 3)
CODEC = BoxCodec(CUBE)


def state_of(sems: list[float | None], noise: float = 0.0) -> State:
    """Results along a diagonal, with these errors."""
    rng = np.random.default_rng(0)
    trials = []
    for i, (x, sem) in enumerate(zip(rng.uniform(-1, 1, (len(sems), 3)), sems, strict=True)):
        params = dict(zip(CUBE.names, x.tolist(), strict=True))
        trials.append(Trial(i, params, Status.DONE, Result(float(x[0] + noise * rng.normal()), sem)))
    return State(CUBE, 0, tuple(trials))


def noise_of(state: State) -> torch.Tensor:
    """The variances of the surrogate's noise, in order of the trials."""
    surrogate = fit_surrogate(TrainingData(state, CODEC), 100, standardized)
    order = np.argsort([-t.value for t in state.trials])
    found = torch.empty(len(order), dtype=torch.float64)
    found[torch.from_numpy(order)] = surrogate.model.likelihood.noise.detach().expand(len(order))
    return found


# Gradients.


def with_gradients_told(count: int, every: int = 1) -> State:
    """A bowl in eight dimensions, with the gradient of every so many results."""
    space = gdopt.Space.from_bounds([(-1, 1)] * 8)
    rows = np.random.default_rng(0).uniform(-1, 1, (count, 8))
    trials = []
    for i, x in enumerate(rows):
        told = dict(zip(space.names, (-2 * (x - 0.3)).tolist(), strict=True)) if i % every == 0 else None
        params = dict(zip(space.names, x.tolist(), strict=True))
        trials.append(Trial(i, params, Status.DONE, Result(-float(((x - 0.3) ** 2).sum()), gradient=told)))
    return State(space, 0, tuple(trials))


@pytest.mark.parametrize("every", [1, 3])
def test_told_gradients_turn_the_surrogates_gradient_towards_the_true_one(every: int) -> None:
    state = with_gradients_told(12, every)
    codec = BoxCodec(state.space)
    at = torch.zeros(8, dtype=torch.float64)
    true = torch.full((8,), 0.3, dtype=torch.float64)

    def cosine(step: float) -> float:
        fitted = fit_surrogate(TrainingData(state, codec), 100, standardized)
        found = with_gradients(fitted, TrainingData(state, codec), step, torch.Generator().manual_seed(0))
        slope = found.predict(at.requires_grad_(True).unsqueeze(0))[0]
        (gradient,) = torch.autograd.grad(slope.sum(), at)
        return float(torch.nn.functional.cosine_similarity(gradient, true, dim=0))

    # 0.62 by the twelve values alone.
    assert cosine(0.3) > 0.7 > cosine(0.0)


def test_a_gradient_of_zeros_is_no_direction() -> None:
    state = state_of([None] * 8)
    flat = dict.fromkeys(CUBE.names, 0.0)
    told = tuple(Trial(t.id, t.params, t.status, Result(t.value, gradient=flat)) for t in state.trials)
    without = fit_surrogate(TrainingData(state, CODEC), 100, standardized)
    with_it = with_gradients(without, TrainingData(State(CUBE, 0, told), CODEC), 0.3, torch.Generator())
    at = torch.zeros(1, 3).double()
    assert torch.equal(with_it.mean(at), without.mean(at))


# Standard errors.


def test_told_errors_are_the_surrogates_noise_in_the_warps_units() -> None:
    sems = [0.1, 0.5] * 10
    state = state_of(sems)
    spread = float(torch.tensor([t.value for t in state.done], dtype=torch.float64).std(correction=0))
    noise = noise_of(state)
    difference = noise[1::2].mean() - noise[::2].mean()
    assert float(difference) == pytest.approx((0.5**2 - 0.1**2) / spread**2, rel=1e-6)


def test_without_told_errors_noise_is_inferred_as_before() -> None:
    state = state_of([None] * 20)
    order = torch.tensor([t.value for t in state.done], dtype=torch.float64).argsort(descending=True)
    z = CODEC.encode([t.params for t in state.trials])[order]
    before = gp.fit(z, standardized(torch.tensor([t.value for t in state.done], dtype=torch.float64)[order]))
    assert torch.equal(fit_surrogate(TrainingData(state, CODEC), 100, standardized).mean(z), before.mean(z))


def test_a_missing_error_among_told_ones_is_taken_to_be_typical() -> None:
    noise = noise_of(state_of([0.3] * 19 + [None]))
    assert float(noise[-1]) == pytest.approx(float(noise[:-1].mean()))


def test_one_told_error_makes_that_result_alone_count_less() -> None:
    noise = noise_of(state_of([None] * 19 + [0.5]))
    assert noise[:-1].max() < 0.1 * noise[-1]


@pytest.mark.parametrize("sems", [[0.0] * 20, [0.0] * 10 + [0.2] * 10, [1e-300] * 20, [1e300] * 20, [0.0, None] * 10])
def test_no_told_error_breaks_the_surrogate(sems: list[float | None]) -> None:
    mean, variance = fit_surrogate(TrainingData(state_of(sems), CODEC), 100, standardized).predict(
        torch.zeros(5, 3).double()
    )
    assert mean.isfinite().all()
    assert (variance > 0).all()


def test_a_wild_value_of_large_error_is_not_believed() -> None:
    state = state_of([0.05] * 20, noise=0.05)
    wild = Trial(20, {"x0": -0.9, "x1": 0.0, "x2": 0.0}, Status.DONE, Result(3.0, 5.0))
    with_it = State(CUBE, 0, (*state.trials, wild))
    at = CODEC.encode([wild.params, {"x0": 0.9, "x1": 0.0, "x2": 0.0}])
    low, high = fit_surrogate(TrainingData(with_it, CODEC), 100, standardized).mean(at).tolist()
    assert low < high - 1


# Failures.


def after(trials: list[tuple[list[float], Status]]) -> State:
    return State(
        CUBE,
        0,
        tuple(
            Trial(i, dict(zip(CUBE.names, x, strict=True)), s, Result(0.0) if s is Status.DONE else None)
            for i, (x, s) in enumerate(trials)
        ),
    )


@pytest.mark.parametrize("status", [Status.ABANDONED, Status.PENDING, Status.DONE])
def test_what_has_not_failed_rules_nothing_out(status: Status) -> None:
    state = after([([0.1 * i, 0, 0], Status.DONE) for i in range(5)] + [([0.9, 0, 0], status)] * 5)
    assert likely_to_succeed(state, CODEC, torch.zeros(7, 3).double(), 2) == list(range(7))


def test_where_all_failed_nothing_is_ruled_out() -> None:
    state = after([([0.1 * i, 0, 0], Status.FAILED) for i in range(5)])
    assert likely_to_succeed(state, CODEC, torch.zeros(7, 3).double(), 2) == list(range(7))


def test_as_many_as_are_asked_for_are_left_though_all_are_likely_to_fail() -> None:
    rng = np.random.default_rng(0)
    state = after([(x.tolist(), Status.DONE if x[0] < 0 else Status.FAILED) for x in rng.uniform(-1, 1, (40, 3))])
    bad = CODEC.encode([{"x0": 0.5 + 0.01 * i, "x1": 0, "x2": 0} for i in range(20)])
    assert likely_to_succeed(state, CODEC, bad, 3) == [0, 1, 2]


Rule = Callable[[np.ndarray], bool]
TOP = np.array([0.3, 0.3, 0.3])


def failing(fails: Rule, seed: int, *, told: bool) -> float:
    """The share of learned proposals that fail where values are higher the nearer to the top."""
    study = gdopt.Study(CUBE, direction="maximize", algorithm=guided(n_initial=8), seed=seed)
    failed: list[bool] = []
    for _ in range(5):
        for trial in study.ask(10):
            x = np.array(list(trial.params.values()))
            failed += [fails(x)] * (trial.source != "start")
            if fails(x):
                (study.fail if told else study.abandon)(trial.id)
            else:
                study.tell(trial.id, -float(np.square(x - TOP).sum()))
    return float(np.mean(failed))


# What fails holds the top, so that the best that can be measured lies on its border.
RULES: dict[str, Rule] = {
    "half-space": lambda x: bool(x[0] > 0.1),
    "ball": lambda x: float(np.linalg.norm(x - TOP)) < 0.8,
}


@pytest.mark.parametrize("name", RULES)
def test_proposals_fail_half_as_often_when_failures_are_told(name: str) -> None:
    told, untold = (np.mean([failing(RULES[name], seed, told=told) for seed in range(2)]) for told in (True, False))
    assert told < 0.5 * untold


def test_proposals_fail_well_below_the_share_of_the_space_that_fails() -> None:
    # 45 % of the cube.
    assert np.mean([failing(RULES["half-space"], seed, told=True) for seed in range(3)]) < 0.25


@pytest.mark.parametrize("seed", [0, 1])
def test_failures_that_have_no_place_change_no_proposal(seed: int) -> None:
    def proposals(*, failures: bool) -> list[dict[str, float | int | str]]:
        study = gdopt.Study(CUBE, direction="maximize", algorithm=guided(n_initial=8), seed=seed)
        rng = np.random.default_rng(seed)
        for _ in range(5):
            for trial in study.ask(10):
                if rng.random() < 0.07:
                    (study.fail if failures else study.abandon)(trial.id)
                else:
                    study.tell(trial.id, -float(np.square(np.array(list(trial.params.values())) - TOP).sum()))
        assert any(t.status is not Status.DONE for t in study.trials)
        return [dict(t.params) for t in study.trials]

    assert proposals(failures=True) == proposals(failures=False)
