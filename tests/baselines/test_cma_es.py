"""CMA-ES: the same as pycma driven by hand, whole generations or in parts."""

import cma
import numpy as np
import pytest
import torch

import gdopt
from gdopt import SettingsError
from gdopt.baselines.cma_es import CMAES
from gdopt.randomness import isolated
from gdopt.study.study import Study
from tests.strategies import drive, prior, tell

QUIET = {"verbose": -9, "verb_log": 0}
CUBE = gdopt.Space.from_bounds([(0, 1)] * 3)


def loss(row: np.ndarray) -> float:
    return float(((row - 0.7) ** 2 * [1, 10, 100]).sum())


def objective(params: dict[str, float]) -> float:
    return -loss(np.array(list(params.values())))


def by_hand(mean: np.ndarray, sigma: float, generations: int, **options: object) -> np.ndarray:
    with isolated(0):
        es = cma.CMAEvolutionStrategy(mean, sigma, {"seed": 5, **QUIET, **options})
        drawn = []
        for _ in range(generations):
            x = es.ask()
            es.tell(x, [loss(row) for row in x])
            drawn += x
    return np.array(drawn)


@pytest.mark.parametrize("n", [7, 14])
def test_generations_in_the_box_are_those_of_pycma(n: int) -> None:
    study = drive(Study(CUBE, direction="maximize", algorithm=CMAES(n_initial=n), seed=4), 5, n, objective)
    rows = np.array([list(t.params.values()) for t in study.trials])
    start, asked = rows[:n], rows[n:]
    expected = by_hand(min(start, key=loss), 0.3, 4, popsize=n, bounds=[0, 1])
    np.testing.assert_allclose(asked, expected, atol=1e-12)


def test_asking_one_by_one_gives_the_same_generations() -> None:
    study = drive(Study(CUBE, direction="maximize", algorithm=CMAES(n_initial=4), seed=4), 4 + 21, 1, objective)
    rows = np.array([list(t.params.values()) for t in study.trials])
    with isolated(0):
        es = cma.CMAEvolutionStrategy(min(rows[:4], key=loss), 0.3, {"seed": 5, "bounds": [0, 1], **QUIET})
        drawn = []
        for _ in range(3):
            x = [es.ask(1)[0] for _ in range(es.popsize)]
            es.tell(x, [loss(row) for row in x])
            drawn += x
    np.testing.assert_allclose(rows[4:], drawn, atol=1e-12)


def test_generations_in_the_priors_coordinates_start_at_the_law_of_the_corpus() -> None:
    study = Study(prior().space, direction="maximize", algorithm=CMAES(prior=prior(), n_initial=4), seed=4)
    tell(study, study.ask(4))
    asked = study.ask(10)
    with isolated(0):
        es = cma.CMAEvolutionStrategy(np.zeros(prior().codec.dim), 1.0, {"seed": 5, "popsize": 10, **QUIET})
        expected = prior().codec.decode(torch.from_numpy(np.array(es.ask())))
    assert [t.params for t in asked] == expected


def test_results_that_are_missing_delay_the_next_generation() -> None:
    study = drive(Study(CUBE, direction="maximize", algorithm=CMAES(n_initial=7), seed=4), 1, 7, objective)
    for trial in study.ask(7)[1:]:
        study.tell(trial.id, objective(trial.params))
    study.ask(2)
    assert study.state.notes[-1]["generation"] == 0
    tell(study, study.pending, objective)
    study.ask(2)
    assert study.state.notes[-1]["generation"] == 1


def test_a_failed_trial_is_the_worst_of_its_generation() -> None:
    def after(values: list[float | None]) -> list[dict[str, float]]:
        study = drive(Study(CUBE, direction="maximize", algorithm=CMAES(n_initial=7), seed=4), 1, 7, objective)
        for trial, value in zip(study.ask(7), values, strict=True):
            if value is None:
                study.fail(trial.id)
            else:
                study.tell(trial.id, value)
        return [dict(t.params) for t in study.ask(7)]

    assert after([None, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) == after([1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0])


def test_a_spread_of_nothing_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"sigma = 0.0: expected more than 0"):
        CMAES(sigma=0.0)


def test_one_dimension_is_searched_too() -> None:
    study = Study(gdopt.Space.from_bounds([(0, 1)]), direction="minimize", algorithm=CMAES())
    drive(study, 12, 4, lambda params: abs(params["x0"] - 0.3))
    assert study.best.value < 0.01
