"""qLogEI and qLogNEI: their optimum against a grid, and whether they are any good."""

from itertools import product

import numpy as np
import pytest
import torch
from botorch.acquisition import LogExpectedImprovement
from botorch.models import MixedSingleTaskGP

import gdopt
from gdopt.baselines.columns import Columns
from gdopt.baselines.expected_improvement import ExpectedImprovement, acquisition, fitted, maximizers
from gdopt.codecs.box import BoxCodec
from gdopt.randomness import isolated
from gdopt.space.parameters import Params
from gdopt.study.study import Study
from gdopt.surrogates.outcome_transforms import standardized

WAVE = gdopt.Space([gdopt.Real("x", 0, 1)])
GRID = torch.linspace(0, 1, 2001, dtype=torch.float64)


def wave(x: float) -> float:
    return float(np.sin(9 * x) + x)


def told() -> Study:
    study = Study(WAVE, direction="maximize", algorithm=ExpectedImprovement(n_initial=5))
    for trial in study.ask(5):
        study.tell(trial.id, wave(trial.params["x"]))
    return study


def by_hand(study: Study) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor([[t.params["x"]] for t in study.trials], dtype=torch.float64), standardized(
        torch.tensor([t.value for t in study.state.done], dtype=torch.float64)
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


# Whole numbers and choices.

COUNTED = [
    gdopt.Choice("base", ["KOAc", "Cs2CO3", "Et3N"]),
    gdopt.Integer("cycles", 1, 4),
    gdopt.Choice("solvent", ["THF", "DMF"]),
]


def worth(one: Params) -> float:
    return (one["base"] == "Et3N") * (one["solvent"] == "DMF") - 0.1 * (int(one["cycles"]) - 3) ** 2


def test_the_optimizer_finds_the_best_of_all_levels_and_whole_numbers() -> None:
    view = Columns(BoxCodec(gdopt.Space(COUNTED)))
    designs = [
        {"base": base, "cycles": cycles, "solvent": solvent}
        for base, cycles, solvent in product(COUNTED[0].categories, range(1, 5), COUNTED[2].categories)
    ]
    x, y = view.encode(designs[::5]), standardized(torch.tensor([worth(one) for one in designs[::5]]).double())
    with isolated(0):
        model = fitted(x, y, list(view.choices))
        acqf = acquisition(model, x, y, x[:0], noisy=False)
        values = acqf(view.encode(designs).unsqueeze(1)).detach()
        (found,) = view.decode(maximizers(acqf, view, 1))
    assert isinstance(model, MixedSingleTaskGP)
    assert found == designs[int(values.argmax())]


@pytest.mark.slow
def test_all_designs_of_a_batch_are_new_and_allowed() -> None:
    space = gdopt.Space([*COUNTED, gdopt.Real("heat", 0, 1)], [gdopt.Constraint({"cycles": 1, "heat": 4}, 5)])
    study = Study(space, direction="maximize", algorithm=ExpectedImprovement(n_initial=3))
    for _ in range(2):
        study.tell({t.id: worth(t.params) + float(t.params["heat"]) for t in study.ask(3)})
    keys = [tuple(t.params.values()) for t in study.trials]
    assert len(set(keys)) == len(keys)
    assert all(space.allows(t.params) for t in study.trials)
    assert {t.source for t in study.trials[3:]} == {"acquisition"}


def test_designs_in_place_of_repeated_ones_differ_where_all_are_within_rounding() -> None:
    # Neighbours are 2e-9 apart, where distances of torch.cdist are 0.
    space = gdopt.Space([gdopt.Real("x", 0, 1)], [gdopt.Constraint({"x": -1}, 1e-6 - 1)])
    state = Study(space, direction="maximize", algorithm=ExpectedImprovement(n_initial=4)).state
    view = Columns(BoxCodec(space))
    x = torch.linspace(0, 1, 5, dtype=torch.float64).unsqueeze(1)
    with isolated(0):
        acqf = acquisition(fitted(x, x.flatten()), x, x.flatten(), x[:0], noisy=False)
        points, designs = ExpectedImprovement()._filled(acqf, view, x[:1].expand(30, 1), x[:0], state)
    assert len({one["x"] for one in designs}) == len(designs) == 30
    assert torch.equal(points[1:], view.encode(designs[1:]))
