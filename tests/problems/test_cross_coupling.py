"""The cross-coupling: its kinetics by a solver, its optimum by brute force, and what a chemist expects of it."""

from itertools import product

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import minimize

from gdopt_problems import cross_coupling as coupling
from gdopt_problems import load

SIZES = [len(table) for table in coupling.CHOICES.values()]
COMBINATIONS = np.array(list(product(*map(range, SIZES))))
LOW, HIGH = np.array([40.0, np.log(0.02), np.log(0.2)]), np.array([110.0, np.log(0.5), np.log(5.0)])


def numbers(unit: np.ndarray) -> np.ndarray:
    """Temperature, concentration and loading of points of the unit cube."""
    at = LOW + unit * (HIGH - LOW)
    return np.concatenate([at[:, :1], np.exp(at[:, 1:])], axis=1)


def random(n: int) -> tuple[np.ndarray, np.ndarray]:
    draws = np.random.default_rng(0)
    return np.stack([draws.integers(size, size=n) for size in SIZES], axis=1), numbers(draws.random((n, 3)))


def design(levels: np.ndarray, values: np.ndarray) -> dict[str, float | str]:
    chosen = [list(table)[at] for table, at in zip(coupling.CHOICES.values(), levels, strict=True)]
    return dict(zip(load("cross_coupling").space.names, [*chosen, *values.tolist()], strict=True))


def test_yields_are_those_of_the_differential_equations() -> None:
    flasks = coupling.rates(*random(40))
    solved = []
    for k, decay, loss, kept in zip(flasks.coupling, flasks.decay, flasks.loss, flasks.kept, strict=True):

        def change(t: float, left: np.ndarray, k: float = k, decay: float = decay, loss: float = loss) -> list[float]:
            made = k * np.exp(-decay * t) * left[0]
            return [-made - loss * left[0], made]

        end = solve_ivp(change, (0.0, 16.0), [1.0, 0.0], method="LSODA", rtol=1e-10, atol=1e-12).y[1, -1]
        solved.append(100 * kept * end)
    np.testing.assert_allclose(coupling.yields(flasks), solved, rtol=0, atol=1e-6)


def test_all_yields_are_percentages_and_most_are_poor() -> None:
    values = coupling.yields(coupling.rates(*random(20_000)))
    assert values.min() > 0
    assert values.max() < coupling.OPTIMUM
    assert 10 < np.median(values) < 25
    assert (values > 80).mean() < 0.01


def test_the_same_designs_have_the_same_values_in_any_batch() -> None:
    problem = load("cross_coupling")
    designs = [design(levels, values) for levels, values in zip(*random(30), strict=True)]
    assert problem.evaluate(designs) == pytest.approx([problem.evaluate([one])[0] for one in designs], rel=1e-12)
    assert problem.evaluate([]) == []


def test_the_best_has_the_optimums_yield() -> None:
    problem = load("cross_coupling")
    assert problem.evaluate([coupling.BEST]) == pytest.approx([problem.optimum], abs=1e-6)


def test_no_combination_has_a_better_yield_at_any_numbers() -> None:
    grid = numbers(np.array(list(product(np.linspace(0, 1, 8), np.linspace(0, 1, 5), np.linspace(0, 1, 5)))))
    best = np.array([coupling.yields(coupling.rates(np.tile(one, (len(grid), 1)), grid)).max() for one in COMBINATIONS])
    # A step of the grid costs less than 3 of the best.
    near = np.flatnonzero(best > best.max() - 3)
    assert 10 < len(near) < 100
    tops = [optimum(COMBINATIONS[at], grid) for at in near]
    assert max(tops) == pytest.approx(coupling.OPTIMUM, abs=1e-6)
    assert list(design(COMBINATIONS[near[np.argmax(tops)]], grid[0]).values())[:4] == list(coupling.BEST.values())[:4]


def optimum(levels: np.ndarray, grid: np.ndarray) -> float:
    """The best yield of a combination, from the grid's best by L-BFGS-B."""

    def lost(unit: np.ndarray) -> float:
        return -float(coupling.yields(coupling.rates(levels[None], numbers(unit[None])))[0])

    at = grid[coupling.yields(coupling.rates(np.tile(levels, (len(grid), 1)), grid)).argmax()]
    start = (np.array([at[0], *np.log(at[1:])]) - LOW) / (HIGH - LOW)
    return -float(minimize(lost, start, method="L-BFGS-B", bounds=[(0, 1)] * 3, options={"ftol": 1e-14}).fun)


# What a chemist expects.


def value(**changes: float | str) -> float:
    return load("cross_coupling").evaluate([{**coupling.BEST, **changes}])[0]


def test_a_weak_ligand_costs_a_chloride_more_than_an_iodide() -> None:
    lost = {halide: value(halide=halide) - value(halide=halide, ligand="dppf") for halide in ("chloride", "iodide")}
    assert lost["chloride"] > 30 > 10 > lost["iodide"]


def test_a_salt_does_not_work_in_toluene_and_an_amine_does() -> None:
    assert value(solvent="toluene", base="K2CO3", temperature=65.0) < value(
        solvent="toluene", base="Et3N", temperature=65.0
    )
    assert value(base="K2CO3") > value(base="Et3N")


def test_no_solvent_gets_hotter_than_it_boils() -> None:
    assert value(solvent="THF", temperature=66.0) == value(solvent="THF", temperature=110.0)
    assert value(solvent="dioxane", temperature=66.0) != value(solvent="dioxane", temperature=100.0)


def test_rates_are_eyrings() -> None:
    levels, at = np.array([[0, 0, 3, 0]] * 2), np.array([[60.0, 0.1, 1.0], [80.0, 0.1, 1.0]])
    cold, hot = coupling.rates(levels, at).loss
    kelvin = np.array([333.15, 353.15])
    boltzmann, planck, gas = 1.380649e-23, 6.62607015e-34, 8.314462618
    expected = boltzmann * kelvin / planck * np.exp(-110e3 / (gas * kelvin))
    assert hot / cold == pytest.approx(expected[1] / expected[0], rel=1e-9)
