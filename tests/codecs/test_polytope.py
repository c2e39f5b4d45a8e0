"""What linear constraints allow: draws against closed forms of the simplex, the centre against known ones."""

from itertools import product

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.stats import kstest

from gdopt import Constraint, Integer, Real, Space, SpaceError
from gdopt.codecs.polytope import Polytope

SHARES = [Real(name, 0, 1) for name in "abc"]
MIXTURE = [Constraint(dict.fromkeys("abc", 1.0), equal=1.0)]


def test_the_centre_of_a_simplex_is_its_barycentre() -> None:
    centre = Polytope.of(SHARES, MIXTURE, {}).within(dict.fromkeys("abc", 1 / 3))
    assert list(centre.values()) == pytest.approx([1 / 3] * 3)


def test_draws_of_a_mixture_are_uniform_on_the_simplex() -> None:
    drawn = Polytope.of(SHARES, MIXTURE, {}).draws(400, seed=0)
    assert [sum(one.values()) for one in drawn] == pytest.approx([1.0] * 400)
    # Each share of a uniform law on the simplex has the distribution function 1 - (1 - x)².
    for name in "abc":
        assert kstest([one[name] for one in drawn], lambda x: 1 - (1 - x) ** 2).pvalue > 0.01


def test_draws_do_not_depend_on_the_units() -> None:
    grams = [Real("a", 0, 1000), Real("b", 0, 1), Real("c", 0, 1e-3)]
    same = [Constraint({"a": 1e-3, "b": 1.0, "c": 1e3}, equal=1.0)]
    plain, scaled = (Polytope.of(*what, {}).draws(5, seed=1) for what in ((SHARES, MIXTURE), (grams, same)))
    for one, other in zip(plain, scaled, strict=True):
        assert [other["a"] / 1000, other["b"], other["c"] * 1000] == pytest.approx(list(one.values()))


def test_more_draws_of_a_seed_begin_with_the_same() -> None:
    polytope = Polytope.of(SHARES, [Constraint(dict.fromkeys("abc", 1.0), 1.0)], {})
    assert polytope.draws(7, seed=3)[:4] == polytope.draws(4, seed=3)


def test_fixed_numbers_stay_where_they_are() -> None:
    polytope = Polytope.of(SHARES, MIXTURE, {"a": 0.6})
    moved = polytope.within({"a": 0.0, "b": 1.0, "c": 0.0})
    assert moved["a"] == pytest.approx(0.6)
    assert sum(moved.values()) == pytest.approx(1.0)
    assert {round(one["a"], 12) for one in polytope.draws(20, seed=0)} == {0.6}
    # Whatever is left is uniform on a line.
    assert kstest([one["b"] / 0.4 for one in polytope.draws(300, seed=0)], "uniform").pvalue > 0.01


def test_what_holds_is_not_moved() -> None:
    inside = {"a": 0.2, "b": 0.3, "c": 0.5}
    assert Polytope.of(SHARES, MIXTURE, {}).within(inside) == pytest.approx(inside)


def test_what_does_not_hold_goes_to_the_border_on_the_way_to_the_centre() -> None:
    square = Polytope.of(SHARES[:2], [Constraint({"a": 1, "b": 1}, 1.0)], {})
    moved = np.array(list(square.within({"a": 1.0, "b": 0.8}).values()))
    centre = np.array(list(square.within({"a": 1 / (2 + 2**0.5), "b": 1 / (2 + 2**0.5)}).values()))
    assert moved.sum() == pytest.approx(1.0)
    along = (moved - centre) / (np.array([1.0, 0.8]) - centre)
    assert along[0] == pytest.approx(along[1])


@pytest.mark.parametrize(
    ("constraints", "fixed", "match"),
    [
        ([Constraint({"a": 1, "b": 1}, equal=3.0)], {}, r"satisfy the constraints a \+ b = 3"),
        (MIXTURE, {"a": 0.7, "b": 0.7}, r"a \+ b \+ c = 1; a = 0.7; b = 0.7"),
        ([Constraint({"a": 1}, -1.0)], {}, "a <= -1"),
    ],
)
def test_what_leaves_nothing_to_try_is_refused(constraints: list, fixed: dict, match: str) -> None:
    with pytest.raises(SpaceError, match=match):
        Polytope.of(SHARES, constraints, fixed)


def test_whole_numbers_are_drawn_between_their_bounds() -> None:
    numbers = [Integer("n", 2, 9), Real("x", -1, 1)]
    drawn = Polytope.of(numbers, [Constraint({"n": 1.0, "x": 4.0}, 6.0)], {}).draws(100, seed=0)
    assert all(2 <= one["n"] <= 9 and one["n"] + 4 * one["x"] <= 6 + 1e-9 for one in drawn)


def test_what_is_proven_empty_of_whole_numbers_is_what_counting_finds_empty() -> None:
    rng = np.random.default_rng(0)
    numbers = [Integer(n, 0, 4) for n in "abc"]
    grid = np.array(list(product(range(5), repeat=3)))
    found = []
    for _ in range(40):
        row = rng.integers(-3, 4, 3)
        at = float(rng.uniform(-4, 8))
        sides = [Constraint(dict(zip("abc", (s * row).tolist(), strict=True)), s * at + 0.2) for s in (1, -1)]
        try:
            polytope = Polytope.of(numbers, sides, {})
        except SpaceError:
            continue
        left = (np.abs(grid @ row - at) <= 0.2).any()
        found.append(polytope.empty("abc"))
        assert found[-1] == (not left)
    assert 5 < sum(found) < len(found) - 5


def test_a_number_that_may_be_real_leaves_something() -> None:
    half = [Constraint({"a": 1}, 2.6), Constraint({"a": -1}, -2.4)]
    polytope = Polytope.of([Integer("a", 0, 4), Integer("b", 0, 4)], half, {})
    assert polytope.empty({"a"})
    assert not polytope.empty({"b"})


# Sets without an inside.

AB = [Real("a", 0, 1), Real("b", 0, 1)]


@pytest.mark.parametrize(
    ("numbers", "constraints", "fixed", "left"),
    [
        (SHARES, MIXTURE, {"a": 1.0}, {"a": 1.0, "b": 0.0, "c": 0.0}),
        (SHARES, MIXTURE, {"a": 0.3, "b": 0.7}, {"a": 0.3, "b": 0.7, "c": 0.0}),
        (AB, [Constraint({"a": 1, "b": 1}, 1)], {"a": 1.0}, {"a": 1.0, "b": 0.0}),
        ([Real("a", 0.1, 1), Real("b", 0.9, 1)], [Constraint({"a": 1, "b": 1}, equal=1)], {}, {"a": 0.1, "b": 0.9}),
        ([Real("a", 0, 0.5), Real("b", 0, 0.5)], [Constraint({"a": 1, "b": 1}, equal=1)], {}, {"a": 0.5, "b": 0.5}),
        ([Integer("a", 1, 5), Integer("b", 1, 5)], [Constraint({"a": 1, "b": 1}, 2)], {}, {"a": 1.0, "b": 1.0}),
        ([Real("a", -1, 1)], [Constraint({"a": 1}, 0), Constraint({"a": -1}, 0)], {}, {"a": 0.0}),
    ],
    ids=["pure", "two fixed", "border", "lower bounds", "upper bounds", "whole", "two inequalities"],
)
def test_a_set_of_one_point_is_that_point(numbers: list, constraints: list, fixed: dict, left: dict) -> None:
    polytope = Polytope.of(numbers, constraints, fixed)
    assert polytope.single == pytest.approx(left, abs=1e-12)
    assert polytope.draws(2, seed=0) == [polytope.single] * 2 == [polytope.within(dict.fromkeys(left, 0.4))] * 2
    assert Space(numbers, constraints).allows({p.name: p.plain(polytope.single[p.name]) for p in numbers})


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_an_equality_as_two_inequalities_is_the_equality(sign: float) -> None:
    row = {"a": sign, "b": sign}
    polytope = Polytope.of(AB, [Constraint(row, sign), Constraint({n: -v for n, v in row.items()}, -sign)], {})
    assert not polytope.single
    drawn = polytope.draws(300, seed=0)
    assert [sum(one.values()) for one in drawn] == pytest.approx([1.0] * 300)
    assert kstest([one["a"] for one in drawn], "uniform").pvalue > 0.01


def test_what_is_empty_and_what_has_one_value_is_as_linear_programming_finds() -> None:
    rng = np.random.default_rng(0)
    kinds = []
    for _ in range(60):
        k = int(rng.integers(1, 4))
        rows, ends = rng.integers(-2, 3, (2, k)).astype(float), rng.integers(-4, 9, 2).astype(float)
        rows[:, 0] += rows[:, 0] == 0
        # An inequality, and an equality that is written as two of them.
        sides = [(rows[0], ends[0]), (rows[1], ends[1]), (-rows[1], -ends[1])]
        above, bound = np.array([row for row, _ in sides]), np.array([end for _, end in sides])
        ranges = [[linprog(s * e, above, bound, bounds=[(0, 4)] * k) for s in (1, -1)] for e in np.eye(k)]
        constraints = [Constraint(dict(zip("abc", row.tolist(), strict=False)), float(end)) for row, end in sides]
        numbers = [Real(name, 0, 4) for name in "abc"[:k]]
        if not ranges[0][0].success:
            with pytest.raises(SpaceError, match="no parameters within the bounds satisfy"):
                Polytope.of(numbers, constraints, {})
            kinds.append(-1)
            continue
        polytope = Polytope.of(numbers, constraints, {})
        still = {p.name for p, (low, high) in zip(numbers, ranges, strict=True) if low.fun + high.fun > -1e-6}
        assert polytope.single.keys() == still
        assert all(Space(numbers, constraints).allows(one) for one in polytope.draws(3, seed=0))
        kinds.append(len(still))
    assert {*kinds} == {-1, 0, 1, 2, 3}
