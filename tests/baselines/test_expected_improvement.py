"""qLogEI and qLogNEI: their optimum against a grid, and whether they are any good."""

import numpy as np
import pytest
import torch
from botorch.acquisition import LogExpectedImprovement

import gdopt
from gdopt.baselines.expected_improvement import ExpectedImprovement, acquisition, fitted
from gdopt.baselines.isolated import isolated
from gdopt.study import Study
from gdopt.surrogate.warp import standardized

WAVE = gdopt.Space([gdopt.Real("x", 0, 1)])
GRID = torch.linspace(0, 1, 2001, dtype=torch.float64)


def wave(x: float) -> float:
    return float(np.sin(9 * x) + x)


def told() -> Study:
    study = Study(WAVE, direction="maximize", algorithm=ExpectedImprovement(start=5))
    for trial in study.ask(5):
        study.tell(trial.id, wave(trial.params["x"]))
    return study


def by_hand(study: Study) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor([[t.params["x"]] for t in study.trials], dtype=torch.float64), standardized(
        study.state.values()
    )


def test_the_next_point_is_the_best_of_a_grid_by_the_closed_form() -> None:
    study = told()
    x, y = by_hand(study)
    following = torch.tensor([[[study.ask(1)[0].params["x"]]]], dtype=torch.float64)
    with isolated(0):
        model = fitted(x, y)
        closed = LogExpectedImprovement(model, best_f=y.max())
        values, at = closed(GRID[:, None, None]).detach(), closed(following).detach()
    # Half a thousand quasi-random draws stand for the expectation.
    assert float(at) > float(values.max()) - 0.02


@pytest.mark.parametrize("noisy", [False, True])
def test_pending_points_are_not_proposed_again(noisy: bool) -> None:
    study = told()
    x, y = by_hand(study)
    with isolated(0):
        model = fitted(x, y)
        alone = acquisition(model, x, y, x[:0], noisy)(GRID[:, None, None])
        beside = acquisition(model, x, y, GRID[alone.argmax()].reshape(1, 1), noisy)(GRID[:, None, None])
    assert abs(float(GRID[beside.argmax()] - GRID[alone.argmax()])) > 0.01
