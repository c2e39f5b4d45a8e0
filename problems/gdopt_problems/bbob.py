"""Three of the functions of BBOB in 20 dimensions, by ioh.

f15 is Rastrigin's, rotated, f20 Schwefel's, f21 Gallagher's with 101 peaks. Hansen, Finck, Ros and Auger 2009 (INRIA
RR-6829). Instance 1 of each: optimizer and optimum are random, and not central.
"""

from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float

from gdopt.bench.problem import Problem
from gdopt.errors import MissingExtraError
from gdopt.space.space import Space
from gdopt_problems.designs import rowwise

try:
    import ioh
except ImportError as error:
    raise MissingExtraError(f"the bbob problems need {error.name}: pip install 'gdopt[bench]'") from error

__all__ = ["problem"]

DIMENSIONS, INSTANCE, BOUND = 20, 1, 5.0
FUNCTIONS = {"bbob_f15_20d": 15, "bbob_f20_20d": 20, "bbob_f21_20d": 21}


@cache
def function(name: str) -> Any:
    """ioh's function, which knows its optimum."""
    return ioh.get_problem(
        FUNCTIONS[name], instance=INSTANCE, dimension=DIMENSIONS, problem_class=ioh.ProblemClass.BBOB
    )


@cache
def problem(name: str) -> Problem:
    """The problem of that name: minimize on [-5, 5]^20."""
    f, space = function(name), Space.from_bounds([(-BOUND, BOUND)] * DIMENSIONS)

    def values(x: Float[np.ndarray, "n 20"]) -> Float[np.ndarray, " n"]:
        return np.array([f(row) for row in x.tolist()])

    return Problem(
        name=name,
        space=space,
        evaluate=rowwise(space, values),
        direction="minimize",
        optimum=float(f.optimum.y),
        best_known=float(f.optimum.y),
        start=40,
        budget=400,
        batch=10,
        source=f"Hansen et al. 2009, INRIA RR-6829, f{FUNCTIONS[name]}, instance {INSTANCE}; ioh",
    )
