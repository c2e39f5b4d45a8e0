"""The constrained problems: published designs, optima by enumeration and by another optimizer, Deb's order."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize, minimize_scalar

from gdopt.bench.problem import Problem
from gdopt.space.parameters import Integer
from gdopt_problems import load, suite
from gdopt_problems.designs import deb

# As printed in the literature, to the digits printed.
VESSEL = {"shell": 13, "head": 7, "radius": 42.098445, "length": 176.636596}  # 0.8125 and 0.4375 inches
REDUCER = [3.5, 0.7, 17, 7.3, 7.8, 3.350215, 5.286683]


def named(problem: Problem, x: list[float]) -> dict[str, float]:
    return dict(zip(problem.space.names, x, strict=True))


def test_the_published_vessel_costs_what_is_published() -> None:
    vessel = load("pressure_vessel")
    assert vessel.evaluate([{**VESSEL, "radius": 42.098445, "length": 176.637}]) == pytest.approx([6059.7143], abs=0.02)
    assert vessel.optimum is not None
    assert vessel.optimum < 6059.946341  # the coarser one of Coello Coello and Mezura-Montes


def test_no_pair_of_plates_makes_a_cheaper_vessel() -> None:
    costs = [cheapest(shell, head) for shell in range(1, 40) for head in range(1, 40)]
    assert min(costs) == pytest.approx(load("pressure_vessel").optimum, abs=1e-6)


def cheapest(shell: int, head: int) -> float:
    """The least cost of a vessel of these plates: its length is the shortest that holds the volume."""
    t, h = shell / 16, head / 16

    def cost(radius: float) -> float:
        length = max((1_296_000 - 4 / 3 * math.pi * radius**3) / (math.pi * radius**2), 150.0)
        over = max(length - 200.0, 0.0)
        value = 0.6224 * t * radius * length + 1.7781 * h * radius**2 + 3.1661 * t**2 * length + 19.84 * t**2 * radius
        return value + 1e6 * over

    widest = min(t / 0.0193, h / 0.00954, 50.0)
    if widest < 30 or cost(widest) > 1e5:  # no length in the box is enough
        return math.inf
    inside = minimize_scalar(cost, bounds=(30.0, widest), method="bounded", options={"xatol": 1e-10}).fun
    return float(min(inside, cost(widest)))


def test_the_published_gear_box_weighs_what_is_published() -> None:
    reducer = load("speed_reducer")
    exact = named(reducer, [*REDUCER[:5], 3.350214666096447, 5.286683229757916])
    assert reducer.evaluate([exact]) == pytest.approx([2996.348165], abs=1e-6)
    assert reducer.violations is not None
    assert reducer.violations([exact]) == [0.0]
    assert reducer.evaluate([exact]) == pytest.approx([reducer.optimum], abs=1e-6)
    assert reducer.violations([named(reducer, REDUCER)])[0] < 1e-6  # rounded to what is printed


def test_no_gear_box_near_the_optimum_is_lighter() -> None:
    reducer, draws = load("speed_reducer"), np.random.default_rng(0)
    low, high = np.array([(p.low, p.high) for p in reducer.space.parameters]).T  # type: ignore[union-attr]
    best = np.array([*REDUCER[:5], 3.350214666096447, 5.286683229757916])
    rows = (best + 0.01 * (high - low) * draws.standard_normal((5000, 7))).clip(low, high)
    rows[:, 2] = 17
    assert reducer.optimum is not None
    assert min(reducer.evaluate([named(reducer, row) for row in rows.tolist()])) > reducer.optimum - 1e-6


def test_slsqp_finds_keanes_best_known_and_no_more() -> None:
    keane = load("keane_bump10")
    assert keane.violations is not None

    def value(x: np.ndarray) -> float:
        return -float(
            abs((np.cos(x) ** 4).sum() - 2 * (np.cos(x) ** 2).prod()) / np.sqrt((np.arange(1, 11) * x**2).sum())
        )

    constraints = [{"type": "ineq", "fun": lambda x: x.prod() - 0.75}, {"type": "ineq", "fun": lambda x: 75 - x.sum()}]
    start = np.array([3.1, 3.06, 3.02, 2.98, 1.42, 0.37, 0.37, 0.37, 0.37, 0.37])
    found = minimize(value, start, bounds=[(1e-3, 10)] * 10, constraints=constraints, options={"ftol": 1e-15})
    x = named(keane, (found.x * (1 + 1e-10)).tolist())
    assert keane.violations([x]) == [0.0]
    assert keane.evaluate([x]) == pytest.approx([keane.best_known], abs=1e-8)
    assert keane.evaluate([x])[0] < -0.6737


def random(problem: Problem, n: int) -> list[dict[str, float]]:
    draws = np.random.default_rng(0)
    columns = [
        draws.integers(p.low, p.high, n, endpoint=True) if isinstance(p, Integer) else draws.uniform(p.low, p.high, n)  # type: ignore[union-attr]
        for p in problem.space.parameters
    ]
    return [named(problem, [c[i].item() for c in columns]) for i in range(n)]


@pytest.mark.parametrize("name", suite("constrained"))
def test_every_feasible_design_is_better_than_every_other_one(name: str) -> None:
    problem = load(name)
    designs = random(problem, 3000)
    assert problem.violations is not None
    values, broken = np.array(problem.evaluate(designs)), np.array(problem.violations(designs))
    feasible = broken == 0
    assert 0 < feasible.sum() < len(designs)
    assert values[feasible].max() < values[~feasible].min()
    order = np.argsort(broken[~feasible])
    assert (np.diff(values[~feasible][order]) >= 0).all()
    assert problem.best_known is not None
    assert values.min() > problem.best_known


def test_debs_rule_on_three_designs() -> None:
    found = deb(np.array([5.0, 1.0, 1.0]), np.array([0.0, 0.1, 0.2]), worst=10.0, per_unit=100.0)
    assert found.tolist() == [5.0, 20.0, 30.0]
