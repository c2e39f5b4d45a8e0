"""The synthetic functions that everyone measures on, those of BoTorch, with their optima off the centre.

Ackley, Levy, Rastrigin, Rosenbrock and Cosine8 have their optimizer at the centre of their box or on its diagonal,
where some algorithms find it by accident. So they are moved, f(x) = g(x - s): the box stays, the optimizer comes to a
point t drawn uniformly, by a fixed seed, from the middle 80 % of each side, and s = t - (the optimizer of g). The
optimum of each is that of all of R^d, so it stays the same though g is now also asked outside its own box.

Branin, Hartmann and TrajectoryPlanning are as in the literature: their optima are not central.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from botorch.test_functions import Ackley, Branin, Cosine8, Hartmann, Levy, Rastrigin, Rosenbrock
from botorch.test_functions.base import BaseTestProblem
from botorch.test_functions.synthetic import TrajectoryPlanning  # which botorch.test_functions does not export
from jaxtyping import Float

from gdopt.bench.problem import Problem
from gdopt.space.space import Space
from gdopt_problems.designs import rowwise

__all__ = ["problem", "target"]

Array = np.ndarray
Function = Callable[[Float[Array, "n d"]], Float[Array, " n"]]

MARGIN = 0.1  # of a side, that a moved optimizer keeps from its ends
BRANIN = 0.39788735772973816  # 5 / (4 pi)
HARTMANN6 = -3.322368004440186  # by Nelder-Mead to 1e-10; BoTorch's coefficients are in single precision
CONTAINING = 100  # parameters of hartmann6_100d

BOTORCH = "botorch.test_functions"


@dataclass(frozen=True)
class Moved:
    """A function of BoTorch whose optimizer is at the same number in every coordinate, to be moved.

    Args:
        function: of d parameters.
        dim: d.
        low: of every parameter.
        high: of every parameter.
        at: each coordinate of the function's own optimizer.
        optimum: the value there.
        maximized: whether it is maximized, else minimized.
        source: where it is from.
    """

    function: BaseTestProblem
    dim: int
    low: float
    high: float
    at: float
    optimum: float
    source: str
    maximized: bool = False


def wide(dim: int) -> list[tuple[float, float]]:
    """Bounds that never matter: BoTorch refuses points outside its own, where a moved function is asked too."""
    return [(-100.0, 100.0)] * dim


@cache
def moved(name: str) -> Moved:
    """What is moved, by its name."""
    ackley = "Ackley 1987, Kluwer; the box is that of Eriksson et al. 2019, arXiv 1910.01739"
    rastrigin = "Rastrigin 1974, Nauka; Muhlenbein et al. 1991, Parallel Computing 17"
    return {
        "ackley20": lambda: Moved(Ackley(20, bounds=wide(20)), 20, -5.0, 10.0, 0.0, 0.0, ackley),
        "ackley100": lambda: Moved(Ackley(100, bounds=wide(100)), 100, -5.0, 10.0, 0.0, 0.0, ackley),
        "levy10": lambda: Moved(
            Levy(10, bounds=wide(10)), 10, -10.0, 10.0, 1.0, 0.0, "Laguna and Marti 2005, J. Global Optim. 33"
        ),
        "rastrigin10": lambda: Moved(Rastrigin(10, bounds=wide(10)), 10, -5.12, 5.12, 0.0, 0.0, rastrigin),
        "rastrigin100": lambda: Moved(Rastrigin(100, bounds=wide(100)), 100, -5.12, 5.12, 0.0, 0.0, rastrigin),
        "rosenbrock10": lambda: Moved(
            Rosenbrock(10, bounds=wide(10)), 10, -5.0, 10.0, 1.0, 0.0, "Rosenbrock 1960, Comput. J. 3"
        ),
        "cosine8": lambda: Moved(
            Cosine8(bounds=wide(8)), 8, -1.0, 1.0, 0.0, 0.8, "Breiman and Cutler 1993, Math. Programming 58", True
        ),
    }[name]()


# start, budget and batch of a study, by the name of the problem
PROTOCOL = {
    "branin": (5, 50, 1),
    "hartmann6": (12, 100, 1),
    "hartmann6_noisy": (12, 100, 4),
    "ackley20": (40, 400, 10),
    "levy10": (20, 200, 10),
    "rastrigin10": (20, 200, 10),
    "rosenbrock10": (20, 200, 10),
    "cosine8": (16, 100, 5),
    "hartmann6_100d": (40, 500, 20),
    "ackley100": (100, 1000, 50),
    "rastrigin100": (100, 1000, 50),
    "trajectory60": (60, 500, 50),
}


@cache
def problem(name: str) -> Problem:
    """The problem of that name."""
    start, budget, batch = PROTOCOL[name]
    if name in ("branin", "hartmann6", "hartmann6_noisy"):
        return classic(name, start, budget, batch)
    if name == "hartmann6_100d":
        return contained(start, budget, batch)
    if name == "trajectory60":
        return trajectory(start, budget, batch)
    what, space = moved(name), box(name)
    shift = target(name) - what.at
    f = by_botorch(what.function)
    return Problem(
        name=name,
        space=space,
        evaluate=rowwise(space, lambda x: f(x - shift)),
        direction="maximize" if what.maximized else "minimize",
        optimum=what.optimum,
        best_known=what.optimum,
        start=start,
        budget=budget,
        batch=batch,
        source=f"{what.source}; {BOTORCH}, moved as gdopt_problems.synthetic says",
    )


def target(name: str) -> Float[Array, " d"]:
    """t: where the optimizer of a moved function is."""
    what = moved(name)
    seed = [what.dim, sum(name.encode())]  # another point for each function
    share = np.random.default_rng(seed).uniform(MARGIN, 1 - MARGIN, what.dim)
    found: Array = what.low + share * (what.high - what.low)
    return found


def box(name: str) -> Space:
    """The box of a moved function: its own."""
    what = moved(name)
    return Space.from_bounds([(what.low, what.high)] * what.dim)


def by_botorch(function: BaseTestProblem) -> Function:
    """BoTorch's function of rows, without noise."""

    def f(x: Float[Array, "n d"]) -> Float[Array, " n"]:
        found: Array = function.evaluate_true(torch.from_numpy(np.ascontiguousarray(x))).numpy()
        return found

    return f


def classic(name: str, start: int, budget: int, batch: int) -> Problem:
    """Branin or Hartmann-6, as in the literature; the noisy one with a standard deviation of 0.1."""
    branin = name == "branin"
    function = Branin() if branin else Hartmann(dim=6)
    space = Space.from_bounds([(-5.0, 10.0), (0.0, 15.0)] if branin else [(0.0, 1.0)] * 6)
    optimum = BRANIN if branin else HARTMANN6
    source = "Branin 1972, IBM J. Res. Dev. 16" if branin else "Hartman 1973; Dixon and Szego 1978"
    return Problem(
        name=name,
        space=space,
        evaluate=rowwise(space, by_botorch(function)),
        direction="minimize",
        optimum=optimum,
        best_known=optimum,
        start=start,
        budget=budget,
        batch=batch,
        noise_std=0.1 if name == "hartmann6_noisy" else 0.0,
        source=f"{source}; {BOTORCH}",
    )


@cache
def active() -> tuple[int, ...]:
    """Which six parameters of hartmann6_100d count, in the order of Hartmann-6; the other 94 do nothing."""
    return tuple(np.random.default_rng(0).permutation(CONTAINING)[:6].tolist())


def contained(start: int, budget: int, batch: int) -> Problem:
    """Hartmann-6 of six of 100 parameters."""
    space, f = Space.from_bounds([(0.0, 1.0)] * CONTAINING), by_botorch(Hartmann(dim=6))
    return Problem(
        name="hartmann6_100d",
        space=space,
        evaluate=rowwise(space, lambda x: f(x[:, list(active())])),
        direction="minimize",
        optimum=HARTMANN6,
        best_known=HARTMANN6,
        start=start,
        budget=budget,
        batch=batch,
        source=f"Wang et al. 2016, JAIR 55 (the embedding); {BOTORCH}",
    )


def trajectory(start: int, budget: int, batch: int) -> Problem:
    """Thirty steps through a field of obstacles; the cost is 20 times the length of the way inside them."""
    space = Space.from_bounds([(0.0, 1.0)] * 60)
    return Problem(
        name="trajectory60",
        space=space,
        evaluate=rowwise(space, by_botorch(TrajectoryPlanning(dim=60))),
        direction="minimize",
        optimum=0.0,
        best_known=0.0,
        start=start,
        budget=budget,
        batch=batch,
        source=f"after Wang et al. 2018, arXiv 1706.01445 (rover); {BOTORCH}",
    )
