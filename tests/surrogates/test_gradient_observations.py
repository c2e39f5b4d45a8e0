"""Told gradients as values a step away, against functions whose values there are known."""

import numpy as np
import pytest
import torch

from gdopt.surrogates.gradient_observations import DIRECTIONS, stepped
from gdopt.surrogates.outcome_transforms import rank_normal, standardized
from tests.oracles import normal, seeded

Z, THETA = normal(30, 12, seed=0), normal(12, seed=1)
Y = Z @ THETA


def foretold(rows: list[int], step: float = 0.3) -> tuple[torch.Tensor, torch.Tensor]:
    return stepped(Z, Y, Y, dict.fromkeys(rows, THETA), step, seeded())


def test_what_is_foretold_of_a_linear_function_is_its_value() -> None:
    z, values = foretold([3, 7])
    inside = (values > Y.min()) & (values < Y.max())
    assert inside.sum() > DIRECTIONS
    np.testing.assert_allclose(values[inside], (z @ THETA)[inside], atol=1e-12)


def test_the_points_are_a_step_away_at_right_angles_the_first_along_the_gradient() -> None:
    z, _ = foretold([3, 7])
    steps = (z.reshape(2, DIRECTIONS, 12) - Z[[3, 7]].unsqueeze(1)) / 0.3
    eye = torch.eye(DIRECTIONS).double().expand(2, -1, -1)
    np.testing.assert_allclose(steps @ steps.mT, eye, atol=1e-12)
    np.testing.assert_allclose((steps[:, 0] @ THETA).abs() / THETA.norm(), [1.0, 1.0], atol=1e-12)


def test_across_the_gradient_the_value_stays_as_it_is() -> None:
    _, values = foretold([5])
    np.testing.assert_allclose(values[1:], Y[5].expand(DIRECTIONS - 1), atol=1e-12)


def test_changes_are_warped_as_the_values_are() -> None:
    warped = standardized(Y)
    _, values = stepped(Z, Y, warped, {5: THETA}, 0.01, seeded())
    _, plain = foretold([5], 0.01)
    np.testing.assert_allclose(values, (plain - Y.mean()) / Y.std(correction=0), atol=1e-12)


@pytest.mark.parametrize("row", [int(Y.argmax()), int(Y.argmin())])
def test_a_step_beyond_all_values_goes_on_at_the_slope_of_the_last(row: int) -> None:
    warped = rank_normal(Y)
    _, values = stepped(Z, Y, warped, {row: THETA}, 0.5, seeded())
    change = values[0] - warped[row]
    assert change.abs() > 0.1
    assert values.isfinite().all()


def test_in_one_dimension_there_is_one_direction() -> None:
    z, values = stepped(Z[:, :1], Z[:, 0], Z[:, 0], {0: torch.ones(1).double()}, 0.1, seeded())
    assert z.shape == (1, 1)
    assert float((values - z[:, 0]).abs()) < 1e-12
