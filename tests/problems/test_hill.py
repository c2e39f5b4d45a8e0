"""The hill, and how problems are found by name."""

import sys

import pytest

from gdopt.errors import MissingExtraError, ProblemError, SpaceError
from gdopt_problems import load, names

DIMENSIONS = 8


def at(value: float) -> dict[str, float]:
    return {f"x{i}": value for i in range(DIMENSIONS)}


def test_the_top_of_the_hill_is_its_optimum() -> None:
    hill = load("hill")
    assert hill.evaluate([at(0.6)]) == [hill.optimum]


def test_the_hill_falls_with_the_squared_distance() -> None:
    assert load("hill").evaluate([at(0.5), at(-0.4)]) == pytest.approx([-0.08, -8.0])


def test_the_hill_refuses_a_design_off_its_box() -> None:
    with pytest.raises(SpaceError, match=r"x3 = 1.5 is outside \[-1.0, 1.0\]"):
        load("hill").evaluate([at(0.0), at(0.0) | {"x3": 1.5}])


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ProblemError, match="no problem is called 'hull'") as told:
        load("hull")
    assert str(told.value).endswith(f"there are {', '.join(names())}")


def test_loading_twice_gives_the_same_problem() -> None:
    assert load("hill") is load("hill")


def test_a_problem_without_its_package_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "neuralfoil", None)
    monkeypatch.delitem(sys.modules, "gdopt_problems.airfoil", raising=False)
    with pytest.raises(MissingExtraError, match=r"pip install 'gdopt\[airfoil\]'"):
        load("airfoil")
