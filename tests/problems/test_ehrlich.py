"""The Ehrlich function: against a slow reading of its definition, and against all sequences where they are few."""

from itertools import pairwise, product

import numpy as np
import pytest

from gdopt_problems import load
from gdopt_problems.ehrlich import SIZES, Ehrlich, as_strings, draw, function, states_of


def tiny(seed: int = 0) -> Ehrlich:
    return draw(states=4, length=6, motifs=2, motif_length=2, quantization=2, banned=1, seed=seed)


def slowly(f: Ehrlich, x: tuple[int, ...]) -> float:
    """The definition, token by token."""
    banned = sum(f.transitions[a, b] == 0 for a, b in pairwise(x))
    if banned:
        return -float(banned)
    value = 1.0
    for motif, spacing in zip(f.motifs, f.spacings, strict=True):
        k, places = len(motif), range(f.length - spacing[-1])
        best = max(sum(x[place + s] == a for a, s in zip(motif, spacing, strict=True)) for place in places)
        value *= (best * f.quantization // k) / f.quantization
    return value


@pytest.mark.parametrize("seed", range(3))
def test_all_sequences_of_a_tiny_function_have_its_definitions_value_and_at_most_one(seed: int) -> None:
    f = tiny(seed)
    every = list(product(range(4), repeat=6))
    values = f(np.array(every))
    assert values.tolist() == [slowly(f, x) for x in every]
    assert values.max() == 1.0
    assert f(f.solution()[None]).tolist() == [1.0]


def test_a_coarser_quantization_rounds_down() -> None:
    fine = draw(states=16, length=16, motifs=2, motif_length=4, quantization=4, banned=2)
    coarse = Ehrlich(16, fine.transitions, fine.motifs, fine.spacings, quantization=2)
    x = fine.sample(200, np.random.default_rng(0))
    np.testing.assert_array_equal(coarse.qualities(x), np.floor(fine.qualities(x) * 2) / 2)


@pytest.mark.parametrize("seed", range(20))
def test_the_solution_is_feasible_and_has_the_value_one(seed: int) -> None:
    f = draw(states=32, length=32, motifs=4, motif_length=4, quantization=4, banned=6, seed=seed)
    assert f.violations(f.solution()[None]).tolist() == [0]
    assert f(f.solution()[None]).tolist() == [1.0]


@pytest.mark.parametrize("name", SIZES)
def test_the_corpus_is_feasible_and_short_of_the_optimum(name: str) -> None:
    problem = load(name)
    assert len(problem.space.corpus) == 500
    designs = [{"sequence": one} for one in problem.space.corpus]
    assert problem.violations is not None
    assert set(problem.violations(designs)) == {0.0}
    assert max(problem.evaluate(designs)) < 0.6


@pytest.mark.parametrize("name", SIZES)
def test_a_problem_has_its_functions_values_and_its_solution_is_the_optimum(name: str) -> None:
    problem, f = load(name), function(name)
    x = np.random.default_rng(0).integers(len(f.transitions), size=(20, f.length))
    designs = [{"sequence": one} for one in as_strings(x)]
    assert problem.evaluate(designs) == [slowly(f, tuple(row)) for row in x.tolist()]
    assert problem.evaluate([{"sequence": one} for one in as_strings(f.solution()[None])]) == [problem.optimum]


def test_hardly_any_random_sequence_is_feasible() -> None:
    x = np.random.default_rng(0).integers(32, size=(20_000, 32))
    assert (function("ehrlich").violations(x) == 0).mean() < 0.005


def test_every_state_can_be_left_to_its_own_and_be_reached() -> None:
    allowed = function("ehrlich").transitions > 0
    assert allowed.diagonal().all()
    assert (allowed.sum(axis=1) == 26).all()
    assert (np.linalg.matrix_power(allowed.astype(int), 4) > 0).all()


def test_sequences_are_sampled_as_often_as_the_chain_says() -> None:
    f = tiny()
    x = f.sample(20_000, np.random.default_rng(0))
    after = np.array([[((x[:, 0] == a) & (x[:, 1] == b)).sum() for b in range(4)] for a in range(4)])
    np.testing.assert_allclose(after / after.sum(axis=1, keepdims=True), f.transitions, atol=0.03)


def test_sequences_survive_being_strings() -> None:
    x = function("ehrlich").sample(5, np.random.default_rng(0))
    np.testing.assert_array_equal(states_of(as_strings(x)), x)
