"""The problems of many binaries: their optima, and against other ways to write them down."""

import numpy as np
import pytest
import torch
from botorch.test_functions.synthetic import Labs

from gdopt.bench.problem import Problem
from gdopt_problems import binary, load


def named(problem: Problem, x: list[float]) -> dict[str, float]:
    return dict(zip(problem.space.names, x, strict=True))


def random(problem: Problem, n: int) -> list[dict[str, float]]:
    draws = np.random.default_rng(0)
    signs = draws.integers(2, size=(n, 50)).tolist()
    return [named(problem, [*row, *draws.random(len(problem.space.names) - 50)]) for row in signs]


@pytest.mark.parametrize("name", ["ackley_mixed53", "labs50"])
def test_values_are_finite_and_no_random_design_is_better_than_the_optimum(name: str) -> None:
    problem = load(name)
    values = problem.evaluate(random(problem, 1000))
    assert np.isfinite(values).all()
    assert problem.optimum is not None
    assert (min(values) > problem.optimum) if problem.direction == "minimize" else (max(values) < problem.optimum)


# Ackley.


def test_the_optimum_is_at_botorchs_optimizer_which_is_no_corner() -> None:
    (best,) = binary.ackley()._optimizers
    assert load("ackley_mixed53").evaluate([named(load("ackley_mixed53"), list(best))]) == pytest.approx(
        [0.0], abs=1e-12
    )
    assert 10 < sum(best[:50]) < 40


def test_ackleys_function_is_that_of_the_distances() -> None:
    problem = load("ackley_mixed53")
    designs = random(problem, 20)
    x = np.array([list(one.values()) for one in designs]) - np.array(binary.ackley()._optimizers[0])
    root, cosines = np.sqrt((x**2).mean(axis=1)), np.cos(2 * np.pi * x).mean(axis=1)
    assert problem.evaluate(designs) == pytest.approx(-20 * np.exp(-0.2 * root) - np.exp(cosines) + 20 + np.e)


def test_the_optimizer_is_drawn_without_moving_the_global_generator() -> None:
    before = torch.random.get_rng_state()
    first, second = binary.ackley.__wrapped__(), binary.ackley.__wrapped__()
    assert torch.equal(first.x_opt, second.x_opt)
    assert torch.equal(torch.random.get_rng_state(), before)


# Low autocorrelation.


def merit(signs: np.ndarray) -> float:
    """By the autocorrelation that numpy has, both sides of lag 0."""
    correlations = np.correlate(signs, signs, mode="full")
    return len(signs) ** 2 / ((correlations**2).sum() - len(signs) ** 2)


def test_the_merit_factor_is_that_of_numpys_autocorrelation() -> None:
    problem = load("labs50")
    designs = random(problem, 20)
    assert problem.evaluate(designs) == pytest.approx([merit(2 * np.array([*one.values()]) - 1) for one in designs])


def test_the_published_sequence_has_the_least_energy() -> None:
    problem = load("labs50")
    (best,) = Labs(dim=50)._optimizers
    assert problem.evaluate([named(problem, list(best))]) == pytest.approx([problem.optimum])
    assert problem.optimum == pytest.approx(8.170, abs=5e-4)  # as printed
