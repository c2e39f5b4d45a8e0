"""Local ascent against scipy's optimizer and maxima in closed form, on concave functions in a box."""

import numpy as np
import pytest
import torch
from scipy.optimize import lsq_linear, minimize
from torch import Tensor

from gdopt import Constraint, Integer, Real, Space
from gdopt.candidates.ascent import MOVED, ascend
from gdopt.codecs.box import BoxCodec
from tests.oracles import normal, seeded

EDGE = 3**0.5
BOX = BoxCodec(Space.from_bounds([(-EDGE, EDGE)] * 4))
SHAPE = normal(4, 4, seed=0) + 2 * torch.eye(4, dtype=torch.float64)


def bowl_at(top: Tensor):
    """-|A (z - top)|²: concave, its maximum in a box is a linear least-squares problem with bounds."""
    return lambda z: -((z - top) @ SHAPE.T).square().sum(1)


@pytest.mark.parametrize("reach", [0.5, 1.5, 3.0])
def test_every_row_reaches_the_maximum_of_a_concave_function_in_the_box(reach: float) -> None:
    top = reach * normal(4, seed=1)
    exact = lsq_linear(SHAPE.numpy(), (SHAPE @ top).numpy(), (-EDGE, EDGE), tol=1e-14).x
    found = ascend(BOX, normal(10, 4, seed=2).clamp(-EDGE, EDGE), bowl_at(top))
    # L-BFGS-B stops at a change of the value of 1e-9 relative; the value is flat to second order at a maximum inside.
    np.testing.assert_allclose(found, np.tile(exact, (len(found), 1)), rtol=0, atol=1e-3)
    assert float(found.abs().max()) <= EDGE + 1e-12


def wavy(z: Tensor) -> Tensor:
    """Several maxima."""
    return (3 * z).sin().sum(1) - 0.3 * z.square().sum(1)


def test_values_are_those_that_scipy_finds_from_each_start() -> None:
    start = 0.8 * normal(8, 4, seed=3).clamp(-2, 2)
    found = wavy(ascend(BOX, start, wavy)).reshape(2, 8)

    def negative(x: np.ndarray) -> tuple[float, np.ndarray]:
        return -float(np.sin(3 * x).sum() - 0.3 * (x**2).sum()), -(3 * np.cos(3 * x) - 0.6 * x)

    expected = [
        -minimize(negative, x, jac=True, method="L-BFGS-B", bounds=[(-EDGE, EDGE)] * 4).fun for x in start.numpy()
    ]
    # In one problem of all rows the line search is another, so a row may end in another maximum, none below its start.
    for values in found:
        assert np.isclose(np.sort(values), np.sort(expected), atol=1e-5).mean() >= 0.5
        assert (values >= wavy(start)[wavy(start).argsort(descending=True)] - 1e-9).all()


def test_the_gradient_vanishes_where_the_ascent_ends_inside_the_box() -> None:
    found = ascend(BOX, 0.8 * normal(8, 4, seed=4).clamp(-2, 2), wavy)
    slope = 3 * (3 * found).cos() - 0.6 * found
    inside = found.abs() < EDGE - 1e-6
    assert float(slope[inside].abs().max()) < 1e-2
    # At a bound the function still rises outwards.
    assert bool((slope[~inside] * found[~inside].sign() > 0).all())


def test_the_sixteen_rows_of_the_highest_potential_are_moved_and_no_others() -> None:
    z = normal(60, 4, seed=5).clamp(-EDGE, EDGE)
    potential = bowl_at(torch.zeros(4, dtype=torch.float64))
    best = np.argsort(-potential(z).numpy())[:16]
    # A potential of its own at each row's start, flat in all directions, leaves the rows where they are.
    where = ascend(BOX, z, lambda rows: potential(rows).detach() + 0 * rows.sum(1))
    assert MOVED == 16
    np.testing.assert_allclose(where, np.tile(z.numpy()[best], (2, 1)), rtol=0, atol=1e-12)


def test_whole_numbers_are_rounded_and_real_ones_are_best_beside_them() -> None:
    codec = BoxCodec(Space([Real("x", -1, 1), Integer("k", 0, 40)]))
    top = torch.tensor([0.3, 0.2], dtype=torch.float64)

    def potential(z: Tensor) -> Tensor:
        off = z - top
        return -(off[:, 0] + 0.5 * off[:, 1]).square() - off[:, 1].square()

    found = ascend(codec, codec.encode([{"x": -0.5, "k": 3}]), potential)
    # z of 0.2 is 41 values on [-√3, √3], of which the nearest is taken: the second row is at this value.
    whole = codec.encode([{"x": 0.0, "k": k} for k in range(41)])[:, 1]
    nearest = whole[(whole - 0.2).abs().argmin()]
    assert float(found[1, 1]) == pytest.approx(float(nearest))
    assert float(found[0, 1]) == pytest.approx(float(whole[3]))
    for row in found.tolist():
        assert row[0] == pytest.approx(0.3 - 0.5 * (row[1] - 0.2), abs=1e-4)


def test_maxima_are_decoded_to_designs_that_satisfy_the_constraints() -> None:
    space = Space([Real(name, 0, 1) for name in "abc"], [Constraint({"a": 1, "b": 1, "c": 1}, 1)])
    codec = BoxCodec(space)
    z = codec.encode(codec.decode(torch.rand(20, 3, generator=seeded(6), dtype=torch.float64)))
    inside, outside = ({"a": 0.2, "b": 0.3, "c": 0.1}, {"a": 0.9, "b": 0.8, "c": 0.7})
    for top, total in ((inside, 0.6), (outside, 1.0)):
        at = codec.encode([top])
        designs = codec.decode(ascend(codec, z, lambda rows, at=at: -(rows - at).square().sum(1)))
        assert all(space.allows(one) for one in designs)
        sums = [sum(float(v) for v in one.values()) for one in designs]
        # A maximum inside is reached; one beyond the constraint is brought back onto it.
        assert sums == pytest.approx([total] * len(sums), abs=1e-4)
