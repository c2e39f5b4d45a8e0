"""Benchmark problems, by name: `load("hill")`; and suites of them: `suite("standard")`.

`PROBLEMS` says which module has a problem; `module.problem(*arguments)` makes it. A module is imported only when one of
its problems is loaded: what one problem needs is not needed by the others.
"""

import importlib

from gdopt.bench.problem import Problem
from gdopt.errors import ProblemError

__all__ = ["load", "names", "suite", "suites"]

# name: (module, arguments of its `problem`)
PROBLEMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "ackley100": ("synthetic", ("ackley100",)),
    "ackley20": ("synthetic", ("ackley20",)),
    "airfoil": ("airfoil", ()),
    "bbob_f15_20d": ("bbob", ("bbob_f15_20d",)),
    "bbob_f20_20d": ("bbob", ("bbob_f20_20d",)),
    "bbob_f21_20d": ("bbob", ("bbob_f21_20d",)),
    "branin": ("synthetic", ("branin",)),
    "colour_mixing": ("colour_mixing", ()),
    "cosine8": ("synthetic", ("cosine8",)),
    "curved_sheet": ("curved_sheet", ()),
    "digits": ("digits", ()),
    "ehrlich": ("ehrlich", ()),
    "hartmann6": ("synthetic", ("hartmann6",)),
    "hartmann6_100d": ("synthetic", ("hartmann6_100d",)),
    "hartmann6_noisy": ("synthetic", ("hartmann6_noisy",)),
    "hill": ("hill", ()),
    "keane_bump10": ("constrained", ("keane_bump10",)),
    "lasso180": ("lasso", ()),
    "levy10": ("synthetic", ("levy10",)),
    "linear_subspace": ("linear_subspace", ()),
    "lunar_lander12": ("lunar_lander", ()),
    "penicillin": ("penicillin", ()),
    "pressure_vessel": ("constrained", ("pressure_vessel",)),
    "rastrigin10": ("synthetic", ("rastrigin10",)),
    "rastrigin100": ("synthetic", ("rastrigin100",)),
    "rosenbrock10": ("synthetic", ("rosenbrock10",)),
    "snar": ("snar", ()),
    "speed_reducer": ("constrained", ("speed_reducer",)),
    "swimmer16": ("swimmer", ()),
    "trajectory60": ("synthetic", ("trajectory60",)),
    "unit_ball": ("unit_ball", ()),
}

SUITES: dict[str, tuple[str, ...]] = {
    "standard": (
        "branin",
        "hartmann6",
        "hartmann6_noisy",
        "ackley20",
        "levy10",
        "rastrigin10",
        "rosenbrock10",
        "cosine8",
        "bbob_f15_20d",
        "bbob_f20_20d",
        "bbob_f21_20d",
    ),
    "highdim": (
        "hartmann6_100d",
        "ackley100",
        "rastrigin100",
        "trajectory60",
        "lasso180",
        "lunar_lander12",
        "swimmer16",
    ),
    "structured": ("airfoil", "linear_subspace", "unit_ball", "curved_sheet", "ehrlich", "digits"),
    "lab": ("snar", "colour_mixing", "penicillin"),
    "constrained": ("pressure_vessel", "speed_reducer", "keane_bump10"),
}


def names() -> list[str]:
    """The names that `load` knows, in alphabetical order."""
    return sorted(PROBLEMS)


def load(name: str) -> Problem:
    """The problem of that name.

    Raises:
        ProblemError: there is no such problem.
        MissingExtraError: the problem needs a package that is not installed.
    """
    if name not in PROBLEMS:
        raise ProblemError(f"no problem is called {name!r}; there are {', '.join(names())}")
    module, arguments = PROBLEMS[name]
    problem: Problem = importlib.import_module(f"{__name__}.{module}").problem(*arguments)
    return problem


def suites() -> tuple[str, ...]:
    """The names that `suite` knows."""
    return tuple(SUITES)


def suite(name: str) -> tuple[str, ...]:
    """The names of the problems of a suite; some may need an extra, of which `load` tells.

    Raises:
        ProblemError: there is no such suite.
    """
    if name not in SUITES:
        raise ProblemError(f"no suite is called {name!r}; there are {', '.join(suites())}")
    return SUITES[name]
