"""Gradients that a codec refuses, and the feasible centre (what all codecs keep to is in contracts/)."""

import math

import numpy as np
import pytest

from gdopt import Choice, Constraint, Integer, Real, ResultError, Space, SpaceError
from gdopt.codecs.box import BoxCodec
from gdopt.space.space import check_gradient
from tests.oracles import normal
from tests.strategies import MIXED, unchecked


@pytest.mark.parametrize(
    ("gradient", "match"),
    [
        ({"speed": 1.0}, r"gradient names \['speed'\]; the numeric parameters are \['heat', 'cycles'\]"),
        ({"base": 1.0}, r"gradient names \['base'\]"),
        ({"heat": math.nan}, r"gradient must be finite, got {'heat': nan}"),
        ({"heat": 1.0, "cycles": -math.inf}, r"gradient must be finite, got {'cycles': -inf}"),
    ],
)
def test_a_gradient_that_is_of_no_use_is_refused(gradient: dict[str, float], match: str) -> None:
    with pytest.raises(ResultError, match=match):
        check_gradient(MIXED, gradient)


def test_a_gradient_may_leave_parameters_out() -> None:
    slopes = BoxCodec(MIXED).gradient_to_z({"heat": 50.0, "cycles": 3, "base": "KOAc"}, {"cycles": 1.0})
    assert np.count_nonzero(slopes) == 1


def test_a_log_parameters_slope_is_in_proportion_to_it() -> None:
    codec = BoxCodec(Space([Real("dose", 0.01, 100, log_scale=True)]))
    slopes = [float(codec.gradient_to_z({"dose": dose}, {"dose": 1.0})) for dose in (0.1, 1.0, 10.0)]
    assert slopes == pytest.approx([0.1 * slopes[1], slopes[1], 10 * slopes[1]])


def test_an_infeasible_point_is_drawn_just_to_the_constraint() -> None:
    space = Space([Real("x", 0, 1), Real("y", 0, 1)], [Constraint({"x": 1, "y": 1}, 1)])
    (found,) = BoxCodec(space).decode(BoxCodec(space).encode([{"x": 1.0, "y": 1.0}]))
    assert found["x"] + found["y"] == pytest.approx(1)


def test_constraints_between_parameters_of_any_kind_leave_choices_alone() -> None:
    space = Space(
        [Choice("c", ["a", "b"]), Integer("i", 0, 10), Real("x", 1e-3, 10, log_scale=True)],
        [Constraint({"i": 1, "x": 1}, 5)],
    )
    z = normal(200, 4, seed=0)
    found = BoxCodec(space).decode(z)
    assert [p["c"] for p in found] == ["ab"[i] for i in z[:, :2].numpy().argmax(1)]
    # Rounding whole numbers can break a constraint again, by half a unit at most.
    assert all(p["i"] + p["x"] <= 5.5 + 1e-9 for p in found)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_a_thin_feasible_set_is_found_whatever_the_unit(scale: float) -> None:
    space = Space(
        [Real("x", 0, scale), Real("y", 0, 1)],
        [Constraint({"x": 1 / scale, "y": 1}, 0.5), Constraint({"x": -1 / scale, "y": -1}, -0.499)],
    )
    assert all(space.allows(p) for p in BoxCodec(space).decode(normal(50, 2, seed=1)))


def test_constraints_without_an_inside_are_refused_where_the_codec_is_made() -> None:
    space = Space([Real("x", 0, 1)], [Constraint({"x": 1}, 0.4), Constraint({"x": -1}, -0.6)])
    with unchecked(), pytest.raises(SpaceError, match="no parameters within the bounds"):
        BoxCodec(space)
