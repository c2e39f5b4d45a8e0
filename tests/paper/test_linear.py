"""The local slope, against functions whose slope is known."""

import torch

from gdopt.paper.gradients import local_linear
from tests.oracles import normal

SLOPE = normal(4, seed=0)
Z = normal(60, 4, seed=1)


def test_the_slope_of_a_plane_is_found() -> None:
    found = local_linear(Z, 3 + Z @ SLOPE, torch.zeros(4, dtype=torch.float64))
    torch.testing.assert_close(found, SLOPE, rtol=0, atol=1e-3)


def test_the_slope_of_a_curved_function_is_that_at_the_point() -> None:
    at = normal(4, seed=2)
    z = at + 0.05 * Z
    found = local_linear(z, -z.square().sum(1), at)
    torch.testing.assert_close(found, -2 * at, rtol=0, atol=0.1)


def test_far_values_do_not_count() -> None:
    far = 100 + Z
    z, y = torch.cat([Z, far]), torch.cat([Z @ SLOPE, -50 * far.sum(1)])
    found = local_linear(z, y, torch.zeros(4, dtype=torch.float64), nearest=60)
    torch.testing.assert_close(found, SLOPE, rtol=0, atol=1e-3)


def test_fewer_values_than_unknowns_give_a_slope_towards_the_better_ones() -> None:
    z = Z[:3]
    found = local_linear(z, z @ SLOPE, torch.zeros(4, dtype=torch.float64))
    assert float(found @ SLOPE) > 0


def test_equal_values_have_no_slope() -> None:
    found = local_linear(Z, torch.ones(60, dtype=torch.float64), torch.zeros(4, dtype=torch.float64))
    assert float(found.norm()) < 1e-10
