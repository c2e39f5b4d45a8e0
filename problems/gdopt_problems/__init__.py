"""Benchmark problems, by name: `load("hill")`; and suites of them: `suite("standard")`.

`PROBLEMS` says which module has a problem; `module.problem(*arguments)` makes it. A module is imported only when one of
its problems is loaded: what one problem needs is not needed by the others.
"""

import importlib

from gdopt.bench.problem import Problem
from gdopt.errors import ProblemError

__all__ = ["load", "names", "suite", "suites"]

# Tasks of the PMO benchmark.
PMO = (
    "pmo_albuterol_similarity",
    "pmo_amlodipine_mpo",
    "pmo_celecoxib_rediscovery",
    "pmo_deco_hop",
    "pmo_fexofenadine_mpo",
    "pmo_isomers_c7h8n2o2",
    "pmo_isomers_c9h10n2o2pf2cl",
    "pmo_median1",
    "pmo_median2",
    "pmo_mestranol_similarity",
    "pmo_osimertinib_mpo",
    "pmo_perindopril_mpo",
    "pmo_qed",
    "pmo_ranolazine_mpo",
    "pmo_scaffold_hop",
    "pmo_sitagliptin_mpo",
    "pmo_thiothixene_rediscovery",
    "pmo_troglitazone_rediscovery",
    "pmo_valsartan_smarts",
    "pmo_zaleplon_mpo",
)

# name: (module, arguments of its `problem`)
PROBLEMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "ackley100": ("synthetic", ("ackley100",)),
    "ackley20": ("synthetic", ("ackley20",)),
    "ackley_mixed53": ("binary", ("ackley_mixed53",)),
    "airfoil": ("airfoil", ()),
    "bbob_f15_20d": ("bbob", ("bbob_f15_20d",)),
    "bbob_f20_20d": ("bbob", ("bbob_f20_20d",)),
    "bbob_f21_20d": ("bbob", ("bbob_f21_20d",)),
    "branin": ("synthetic", ("branin",)),
    "branin_currin": ("several", ("branin_currin",)),
    "catalogue": ("catalogue", ()),
    "colour_mixing": ("colour_mixing", ()),
    "cosine8": ("synthetic", ("cosine8",)),
    "cross_coupling": ("cross_coupling", ()),
    "curved_sheet": ("curved_sheet", ()),
    "digits": ("digits", ()),
    "ehrlich": ("ehrlich", ("ehrlich",)),
    "ehrlich_easy": ("ehrlich", ("ehrlich_easy",)),
    "ehrlich_long": ("ehrlich", ("ehrlich_long",)),
    "hartmann6": ("synthetic", ("hartmann6",)),
    "hartmann6_100d": ("synthetic", ("hartmann6_100d",)),
    "hartmann6_noisy": ("synthetic", ("hartmann6_noisy",)),
    "hill": ("hill", ()),
    "keane_bump10": ("constrained", ("keane_bump10",)),
    "labs50": ("binary", ("labs50",)),
    "lasso180": ("lasso", ()),
    "levy10": ("synthetic", ("levy10",)),
    "linear_subspace": ("linear_subspace", ()),
    "lunar_lander12": ("lunar_lander", ()),
    "penicillin": ("penicillin", ()),
    "penicillin3": ("several", ("penicillin3",)),
    "pressure_vessel": ("constrained", ("pressure_vessel",)),
    "protein": ("protein", ()),
    "rastrigin10": ("synthetic", ("rastrigin10",)),
    "rastrigin100": ("synthetic", ("rastrigin100",)),
    "rosenbrock10": ("synthetic", ("rosenbrock10",)),
    "snar": ("snar", ()),
    "speed_reducer": ("constrained", ("speed_reducer",)),
    "swimmer16": ("swimmer", ()),
    "trajectory60": ("synthetic", ("trajectory60",)),
    "unit_ball": ("unit_ball", ()),
    "vehicle_safety": ("several", ("vehicle_safety",)),
    **{name: ("molecules", (name,)) for name in PMO},
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
    "structured": ("airfoil", "linear_subspace", "unit_ball", "curved_sheet", "digits"),
    "lab": ("snar", "colour_mixing", "penicillin"),
    # The corpus has molecules of the formula C7H8N2O2 already: nothing is left to be found.
    "molecules": tuple(name for name in PMO if name != "pmo_isomers_c7h8n2o2"),
    "sequences": ("ehrlich_easy", "ehrlich", "ehrlich_long", "protein"),
    "constrained": ("pressure_vessel", "speed_reducer", "keane_bump10"),
    # The vessel is constrained, too.
    "mixed": ("cross_coupling", "ackley_mixed53", "labs50", "pressure_vessel"),
    "several": ("branin_currin", "vehicle_safety", "penicillin3"),
    "tables": ("catalogue",),
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
