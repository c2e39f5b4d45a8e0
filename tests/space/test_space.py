"""Spaces: what they allow, and what they refuse to be made of."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdopt import Choice, Constraint, GdoptError, Integer, Real, Space, SpaceError
from gdopt.codecs.box import BoxCodec
from tests.strategies import CONSTRAINED, MIXED, spaces, unchecked, values

GOOD = {"heat": 50.0, "cycles": 3, "base": "KOAc"}


@given(st.data())
def test_values_within_the_bounds_are_allowed(data: st.DataObject) -> None:
    space = data.draw(spaces())
    assert space.allows(data.draw(values(space)))


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"heat": 130.0}, r"heat = 130.0 is outside \[20, 120\] degC$"),
        ({"heat": 19.999}, r"heat = 19.999 is outside"),
        ({"heat": math.nan}, r"heat = nan is outside"),
        ({"heat": math.inf}, r"heat = inf is outside"),
        ({"heat": "hot"}, r"heat = hot is outside"),
        ({"cycles": 0}, r"cycles = 0 is outside \[1, 8\]$"),
        ({"cycles": 2.5}, r"cycles = 2.5 is not a whole number"),
        ({"base": "KOH"}, r"base = 'KOH' is not one of \['KOAc', 'Cs2CO3', 'Et3N'\]"),
        ({"base": 3}, r"base = 3 is not one of"),
        ({"time": 1.0}, r"missing parameters \[\], unknown parameters \['time'\]"),
    ],
)
def test_a_value_that_is_not_allowed_is_named(changed: dict, match: str) -> None:
    with pytest.raises(SpaceError, match=match):
        MIXED.check(GOOD | changed)
    assert not MIXED.allows(GOOD | changed)


@pytest.mark.parametrize("value", [None, [50.0], 1j])
def test_a_value_that_is_no_number_is_refused(value: object) -> None:
    with unchecked(), pytest.raises(SpaceError, match=r"heat = .* is outside"):
        MIXED.check(GOOD | {"heat": value})


def test_a_missing_parameter_is_named() -> None:
    with pytest.raises(SpaceError, match=r"missing parameters \['cycles', 'base'\], unknown parameters \[\]"):
        MIXED.check({"heat": 50.0})


def test_a_broken_constraint_is_named_with_its_left_side() -> None:
    with pytest.raises(SpaceError, match=r"a \+ b \+ c <= 1 does not hold: the left side is 1.5"):
        CONSTRAINED.check({"a": 0.5, "b": 0.5, "c": 0.5})


def test_a_sum_that_rounds_above_the_bound_is_allowed() -> None:
    tenths = Space([Real(f"x{i}", 0, 1) for i in range(3)], [Constraint({f"x{i}": 1 for i in range(3)}, 0.3)])
    assert 0.1 + 0.1 + 0.1 > 0.3
    assert tenths.allows({"x0": 0.1, "x1": 0.1, "x2": 0.1})


def test_an_equality_is_broken_on_either_side() -> None:
    mixture = Space([Real("a", 0, 1), Real("b", 0, 1)], [Constraint({"a": 1, "b": 1}, equal=1)])
    assert mixture.allows({"a": 0.1, "b": 0.9})
    assert mixture.allows({"a": 0.7 + 0.1, "b": 0.2})
    for b in (0.8, 1.0):
        with pytest.raises(SpaceError, match=r"a \+ b = 1 does not hold"):
            mixture.check({"a": 0.1, "b": b})


def test_spaces_of_the_same_parameters_are_equal() -> None:
    assert Space([Choice("c", ["a", "b"])]) == Space((Choice("c", ("a", "b")),))
    assert Space([Real("x", 0, 1)]) != Space([Real("x", 0, 1, log_scale=False, unit="m")])


def test_bounds_become_numbered_parameters() -> None:
    assert Space.from_bounds([(0, 1), (-2, 3)]) == Space([Real("x0", 0, 1), Real("x1", -2, 3)])


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Real("x", 1, 1), r"x: low must be below high, and both at most 1e\+300 in size, got \[1, 1\]"),
        (lambda: Real("x", 2, 1), r"x: low must be below high"),
        (
            lambda: Real("x", 0, math.inf),
            r"x: low must be below high, and both at most 1e\+300 in size, got \[0, inf\]",
        ),
        (lambda: Real("x", -1e308, 1e308), r"x: low must be below high, and both at most 1e\+300 in size"),
        (lambda: Real("x", -8e307, 8e307), r"x: low must be below high, and both at most 1e\+300 in size"),
        (lambda: Real("x", math.nan, 1), r"x: low must be below high"),
        (lambda: Real("x", 0, 1, log_scale=True), r"x: log_scale needs low above 0, got low = 0"),
        (lambda: Real("x", -1, 1, log_scale=True), r"x: log_scale needs low above 0, got low = -1"),
        (lambda: Integer("i", 3, 3), r"i: low must be below high"),
        (lambda: Integer("i", 1, math.nan), r"i: bounds must be whole numbers, got nan"),
        (lambda: Integer("i", 0.5, 3), r"i: bounds must be whole numbers, got 0.5"),
        (lambda: Choice("c", ["a"]), r"c: needs two or more different categories, got \['a'\]"),
        (lambda: Choice("c", []), r"c: needs two or more different categories, got \[\]"),
        (lambda: Choice("c", ["a", "b", "a"]), r"c: needs two or more different categories, got \['a', 'b', 'a'\]"),
        (lambda: Choice("c", "ab"), r"c: categories must be a list of strings, got 'ab'"),
        (lambda: Choice("c", [1, 2]), r"c: categories must be a list of strings, got \[1, 2\]"),
        (lambda: Space([]), r"a space needs one parameter or more, got none"),
        (lambda: Space([Real("x", 0, 1), Choice("x", ["a", "b"])]), r"parameters \['x'\] appear more than once"),
        (lambda: Space.from_bounds([(0, 1), (1, 0)]), r"x1: low must be below high"),
        (lambda: Constraint({}, 1), r"a constraint needs finite coefficients and bound, got {} <= 1"),
        (lambda: Constraint({"x": math.nan}, 1), r"a constraint needs finite coefficients"),
        (lambda: Integer("n", 0, 2**53 + 1), r"n: bounds must be at most 2\*\*53 in size, got 9007199254740993"),
        (lambda: Constraint({"x": 1}), r"needs either upper or equal, got upper = None and equal = None"),
        (lambda: Constraint({"x": 1}, 1, 1), r"needs either upper or equal, got upper = 1 and equal = 1"),
        (lambda: Constraint({"x": 1}, equal=math.nan), r"a constraint needs finite coefficients and bound, .* = nan"),
        (lambda: Constraint({"x": 1}, math.inf), r"a constraint needs finite coefficients"),
        (
            lambda: Space([Real("x", 0, 1)], [Constraint({"y": 1}, 1)]),
            r"constraint y <= 1 names \['y'\]; the numeric parameters are \['x'\]",
        ),
        (
            lambda: Space([Real("x", 0, 1), Choice("c", ["a", "b"])], [Constraint({"x": 1, "c": 2}, 1)]),
            r"constraint x \+ 2 c <= 1 names \['c'\]",
        ),
        (
            lambda: BoxCodec(Space([Real("x", 0, 1)], [Constraint({"x": 1}, -1)])),
            r"no parameters within the bounds satisfy the constraints x <= -1",
        ),
        (
            lambda: BoxCodec(Space([Real("x", 0, 1)], [Constraint({"x": 1}, 0.4), Constraint({"x": -1}, -0.6)])),
            r"no parameters .* x <= 0.4; -1 x <= -0.6",
        ),
    ],
)
def test_a_space_that_makes_no_sense_is_refused(make: object, match: str) -> None:
    with unchecked(), pytest.raises(SpaceError, match=match) as caught:
        make()
    assert isinstance(caught.value, GdoptError)
