"""Benchmark problems, by name: `load("hill")`.

A problem is a module here with a function `problem() -> Problem`; `NAMES` lists them. A module is
imported only when its problem is loaded: what one problem needs is not needed by the others.
"""

import importlib

from gdopt.bench.problem import Problem
from gdopt.errors import ProblemError

__all__ = ["load", "names"]

NAMES = ("airfoil", "hill", "linear_subspace", "unit_ball")


def names() -> list[str]:
    """The names that `load` knows, in alphabetical order."""
    return sorted(NAMES)


def load(name: str) -> Problem:
    """The problem of that name.

    Raises:
        ProblemError: there is no such problem.
        MissingExtraError: the problem needs a package that is not installed.
    """
    if name not in NAMES:
        raise ProblemError(f"no problem is called {name!r}; there are {', '.join(names())}")
    problem: Problem = importlib.import_module(f"{__name__}.{name}").problem()
    return problem
