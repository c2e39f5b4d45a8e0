"""How problems and suites are found by name."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from gdopt.errors import MissingExtraError, ProblemError
from gdopt_problems import PROBLEMS, load, names, suite, suites

README = Path(__file__).parents[2] / "problems" / "README.md"


def test_names_are_in_order_and_each_has_its_module() -> None:
    assert names() == sorted(names())
    assert all(importlib.util.find_spec(f"gdopt_problems.{module}") for module, _ in PROBLEMS.values())


def test_the_suites_hold_every_problem_but_the_hill_and_one_that_is_solved_once() -> None:
    held = {name for one in suites() for name in suite(one)}
    assert sorted(held | {"hill", "pmo_isomers_c7h8n2o2"}) == names()


def test_an_unknown_suite_is_answered_with_the_known_ones() -> None:
    known = "standard, highdim, structured, lab, molecules, sequences, constrained, mixed, several, tables"
    with pytest.raises(ProblemError, match=f"no suite is called 'hard'; there are {known}"):
        suite("hard")


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [
        ("bbob_f15_20d", "ioh", "bench"),
        ("lunar_lander12", "Box2D", "control"),
        ("swimmer16", "gymnasium", "control"),
    ],
)
def test_a_problem_without_its_package_says_which_extra_it_needs(
    name: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, f"gdopt_problems.{PROBLEMS[name][0]}", raising=False)
    with pytest.raises(MissingExtraError, match=rf"pip install 'gdopt\[{extra}\]'"):
        load(name)
    assert name in names()


def test_the_readme_has_a_row_for_every_problem() -> None:
    assert sorted(re.findall(r"^\| `(\w+)` \|", README.read_text(), flags=re.MULTILINE)) == names()
