"""Gradients against closed forms."""

import pytest
import torch
from torch import Tensor

from gdopt.paper.gradients import exact, finite_differences
from tests.oracles import gaussian, normal

A = gaussian(5, seed=0).cov


def quadratic(z: Tensor) -> Tensor:
    return (z @ A * z).sum(1)


def waves(z: Tensor) -> Tensor:
    return z.sin().prod(1)


def slope_of_waves(z: Tensor) -> Tensor:
    return waves(z).unsqueeze(1) * z.cos() / z.sin()


def test_exact_gradients_are_those_of_the_closed_form() -> None:
    z = normal(7, 5, seed=2)
    torch.testing.assert_close(exact(quadratic, z), 2 * z @ A, rtol=0, atol=1e-12)
    torch.testing.assert_close(exact(waves, z), slope_of_waves(z), rtol=0, atol=1e-12)


def test_finite_differences_are_near_the_closed_form() -> None:
    z = normal(5, seed=2)
    torch.testing.assert_close(finite_differences(waves, z), slope_of_waves(z.unsqueeze(0))[0], rtol=0, atol=1e-9)


def test_finite_differences_of_a_quadratic_are_exact_at_any_step() -> None:
    z = normal(5, seed=2)
    torch.testing.assert_close(finite_differences(quadratic, z, step=3.0), 2 * A @ z, rtol=0, atol=1e-12)


def test_finite_differences_err_with_the_square_of_the_step() -> None:
    z = normal(5, seed=2)
    errors = [float((finite_differences(waves, z, h) - slope_of_waves(z.unsqueeze(0))[0]).norm()) for h in (0.02, 0.01)]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.01)


def test_finite_differences_ask_for_two_points_a_direction_in_one_batch() -> None:
    asked: list[Tensor] = []
    finite_differences(lambda z: (asked.append(z), quadratic(z))[1], normal(5, seed=2))
    assert [tuple(z.shape) for z in asked] == [(10, 5)]
