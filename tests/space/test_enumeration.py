"""The designs of spaces without free numbers, against all combinations of their values."""

from itertools import product

import pytest
from hypothesis import given

import gdopt
from gdopt import Choice, Constraint, Integer, Real, Space
from gdopt.codecs.box import BoxCodec
from gdopt.space import enumeration
from gdopt.space.enumeration import all_designs, first_designs
from gdopt.space.parameters import Params
from tests.strategies import BRANCHES, DISCRETE, spaces, unchecked


def found(space: Space, fixed: Params | None = None) -> list[Params] | None:
    return first_designs(BoxCodec(space, fixed or {}).all_designs(), 100_000, lambda one: True)


def counted(space: Space) -> set[tuple[object, ...]]:
    """All combinations of values that the space allows, without what does not count in them."""
    values = [p.categories if isinstance(p, Choice) else range(p.low, p.high + 1) for p in space.parameters]
    rows = [dict(zip(space.names, row, strict=True)) for row in product(*values)]
    counting = [{name: row[name] for name in space.active(row)} for row in rows]
    return {tuple(one.items()) for one in counting if space.allows(one)}


@pytest.mark.parametrize("name", DISCRETE)
def test_each_design_comes_once(name: str) -> None:
    space, designs = DISCRETE[name]
    some = [tuple(one.items()) for one in found(space) or []]
    assert len(some) == len({*some}) == designs
    assert {*some} == counted(space)


@pytest.mark.parametrize(
    "constraints",
    [
        [Constraint({"a": 2, "b": 3, "c": -1}, equal=4)],
        [Constraint({"a": -1, "b": 1}, 0), Constraint({"a": 1, "c": 1}, 4.5)],
        [Constraint({"a": 0.1, "b": 0.2, "c": 0.3}, equal=0.6), Constraint({"a": 1}, 3)],
        [Constraint({"a": 1, "b": -1}, 0), Constraint({"a": -1, "b": 1}, 0)],
        [Constraint({"a": 1, "b": 1, "c": 1}, equal=0.5), Constraint({"c": 1}, 4)],
    ],
    ids=str,
)
def test_constraints_leave_what_counting_leaves(constraints: list[Constraint]) -> None:
    space = Space([Integer(name, 0, 5) for name in "abc"], constraints)
    assert {tuple(one.items()) for one in found(space) or []} == counted(space)


@given(spaces())
def test_every_design_is_of_the_space_and_a_real_number_makes_them_endless(space: Space) -> None:
    with unchecked():
        designs = all_designs(space, {})
        some = None if designs is None else first_designs(designs, 50, lambda one: True)
        assert (some is None) == any(isinstance(p, Real) for p in space.parameters)
        assert all(space.allows(one) for one in some or [])
        assert len({tuple(one.items()) for one in some or []}) == len(some or [])


def test_a_real_number_that_is_fixed_or_does_not_count_is_not_free() -> None:
    space = Space([Choice("metal", ["none", "Pd"]), Real("load", 0, 1, active_if={"metal": "Pd"})])
    assert found(space) is None
    assert found(space, {"metal": "none"}) == [{"metal": "none"}]
    assert found(space, {"metal": "Pd", "load": 0.5}) == [{"metal": "Pd", "load": 0.5}]
    assert len(found(BRANCHES, {"metal": "Pd"}) or []) == 4


def test_shares_that_constraints_leave_no_choice_of_are_one_design() -> None:
    shares = [Real(name, low, 1) for name, low in zip("abc", (0.1, 0.2, 0.7), strict=True)]
    space = Space([*shares, Choice("base", ["K", "Na"])], [Constraint(dict.fromkeys("abc", 1.0), equal=1)])
    assert [one["base"] for one in found(space) or []] == ["K", "Na"]
    study = gdopt.Study(space, direction="maximize")
    assert len({tuple(t.params.values()) for t in study.ask(5)}) == len(study.trials) == 2


def test_a_search_among_too_many_dead_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enumeration, "DEAD_ENDS", 20)
    # Sums of even numbers are even.
    space = Space([Integer(n, 0, 9) for n in "abc"], [Constraint(dict.fromkeys("abc", 2.0), equal=15)])
    assert first_designs(all_designs(space, {}), 1, lambda one: True) is None
