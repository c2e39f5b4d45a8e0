"""The synthetic functions and BBOB: their optima, against the literature's and against random search."""

import math
from itertools import pairwise

import numpy as np
import pytest

from gdopt.bench.problem import Problem
from gdopt_problems import load, synthetic

MOVED = ["ackley20", "ackley100", "levy10", "rastrigin10", "rastrigin100", "rosenbrock10", "cosine8"]
# Where the literature has the optimum.
BRANIN = [[-math.pi, 12.275], [math.pi, 2.275], [3 * math.pi, 2.475]]
HARTMANN = [0.20168951, 0.15001069, 0.47687398, 0.27533243, 0.31165162, 0.65730053]
every_moved = pytest.mark.parametrize("name", MOVED)


def value(problem: Problem, x: list[float]) -> float:
    return problem.evaluate([dict(zip(problem.space.names, x, strict=True))])[0]


def random(problem: Problem, n: int, seed: int = 0) -> list[dict[str, float]]:
    draws = np.random.default_rng(seed)
    low, high = np.array([(p.low, p.high) for p in problem.space.parameters]).T  # type: ignore[union-attr]
    rows = draws.uniform(low, high, (n, len(low))).tolist()
    return [dict(zip(problem.space.names, row, strict=True)) for row in rows]


@every_moved
def test_the_optimum_is_at_the_target(name: str) -> None:
    problem = load(name)
    assert value(problem, synthetic.target(name).tolist()) == pytest.approx(problem.optimum, abs=1e-12)


@every_moved
def test_the_target_is_inside_the_box_and_off_its_centre(name: str) -> None:
    what = synthetic.moved(name)
    share = (synthetic.target(name) - what.low) / (what.high - what.low)
    assert 0.1 <= share.min() <= share.max() <= 0.9
    assert np.sqrt(((share - 0.5) ** 2).mean()) > 0.15
    assert np.std(share) > 0.1  # nor on the diagonal


@pytest.mark.parametrize(
    "name", [*MOVED, "branin", "hartmann6", "hartmann6_100d", "bbob_f15_20d", "bbob_f20_20d", "bbob_f21_20d"]
)
def test_no_random_design_is_better_than_the_optimum(name: str) -> None:
    if name.startswith("bbob"):
        pytest.importorskip("ioh", reason="needs the extra bench")
    problem = load(name)
    assert problem.optimum is not None
    values = problem.evaluate(random(problem, 1000))
    if problem.direction == "maximize":
        assert max(values) < problem.optimum
    else:
        assert min(values) > problem.optimum


@pytest.mark.parametrize("x", BRANIN)
def test_branin_has_its_three_optima(x: list[float]) -> None:
    branin = load("branin")
    assert value(branin, x) == pytest.approx(branin.optimum, abs=1e-9)


def test_hartmann_has_its_optimum() -> None:
    hartmann = load("hartmann6")
    assert value(hartmann, HARTMANN) == pytest.approx(hartmann.optimum, abs=1e-9)
    assert hartmann.optimum == pytest.approx(-3.32237, abs=5e-6)  # as printed everywhere


def test_hartmann_in_100_dimensions_asks_six_of_them() -> None:
    problem, x = load("hartmann6_100d"), np.random.default_rng(0).random(100)
    x[list(synthetic.active())] = HARTMANN
    assert value(problem, x.tolist()) == pytest.approx(problem.optimum, abs=1e-9)


def test_the_noisy_hartmann_is_told_noise_and_gives_none() -> None:
    noisy, quiet = load("hartmann6_noisy"), load("hartmann6")
    assert noisy.noise_std == 0.1
    assert value(noisy, HARTMANN) == value(quiet, HARTMANN)


def test_a_way_between_the_obstacles_costs_nothing() -> None:
    problem = load("trajectory60")
    assert value(problem, free_way()) == problem.optimum


def free_way() -> list[float]:
    """Up between the first columns of obstacles and to the right between the last rows, in steps of one length."""
    corners = np.array([[0.05, 0.05], [0.1, 0.1], [0.1, 0.9], [0.9, 0.9], [0.95, 0.95]])
    at = np.concatenate([[0.0], np.hypot(*np.diff(corners, axis=0).T).cumsum()])
    along = np.linspace(0.0, at[-1], 32)
    way = np.stack([np.interp(along, at, column) for column in corners.T], axis=1)
    longest = 1.5 * np.hypot(0.9, 0.9) / 30
    parameters = []
    for i, (here, there) in enumerate(pairwise(way[:31])):
        ahead = way[-1] - here
        distance = np.hypot(*ahead)
        kept = ahead / distance * min(distance / (30 - i), longest)
        parameters += ((there - here - kept) / (2 * longest) + 0.5).tolist()
    return parameters


@pytest.mark.parametrize(
    ("name", "optimum"), [("bbob_f15_20d", 1000.0), ("bbob_f20_20d", -546.5), ("bbob_f21_20d", 40.78)]
)
def test_bbob_has_the_optimum_that_ioh_says_and_off_the_centre(name: str, optimum: float) -> None:
    pytest.importorskip("ioh", reason="needs the extra bench")
    from gdopt_problems.bbob import function

    problem, at = load(name), list(function(name).optimum.x)
    assert problem.optimum == optimum
    assert value(problem, at) == pytest.approx(optimum)
    assert max(map(abs, at)) > 1
