"""What every problem keeps to: designs in, one finite value each, no better than the optimum, and right gradients."""

import math

import numpy as np
import pytest

from gdopt.bench.problem import Problem, strings_of
from gdopt.errors import MissingExtraError
from gdopt.space.parameters import Choice, Integer, Parameter, Params, TableRow, Value
from gdopt_problems import load, names

SLOW = {"lunar_lander12", "swimmer16"}  # a call plays whole episodes
# Slopes along directions of its corpus: tests/problems/test_airfoil.py looks at them.
WITH_SECANTS = ["airfoil"]
WITH_GRADIENT = ["curved_sheet", "digits", "linear_subspace", "unit_ball"]

every_problem = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in names()]
)


def loaded(name: str) -> Problem:
    """The problem, or the test is skipped for want of the extra that it names."""
    try:
        return load(name)
    except MissingExtraError as missing:
        pytest.skip(str(missing))


def drawn(name: str, n: int) -> list[Params]:
    """Designs of the corpus where there is one, else of the box, those that its constraints allow."""
    problem, generator = loaded(name), np.random.default_rng(0)
    if problem.corpus is not None:
        rows = generator.permutation(problem.corpus())[:n]
        return [dict(zip(problem.space.names, row.tolist(), strict=True)) for row in rows]
    if (space := strings_of(problem)) is not None:
        return [{space.names[0]: str(one)} for one in generator.permutation(space.corpus)[:n]]
    designs: list[Params] = []
    while len(designs) < n:
        design = {p.name: uniform(p, generator) for p in problem.space.parameters}
        designs += [design] if problem.space.allows(design) else []
    return designs


def uniform(parameter: Parameter, generator: np.random.Generator) -> Value:
    if isinstance(parameter, Choice):
        return parameter.categories[int(generator.integers(len(parameter.categories)))]
    if isinstance(parameter, TableRow):
        assert parameter.table is not None
        return parameter.table.id(int(generator.integers(parameter.rows)))
    if isinstance(parameter, Integer):
        return int(generator.integers(parameter.low, parameter.high, endpoint=True))
    return float(generator.uniform(parameter.low, parameter.high))


@every_problem
def test_it_is_loaded_by_its_own_name_and_says_where_it_is_from(name: str) -> None:
    problem = loaded(name)
    assert problem.name == name
    assert problem.source


@every_problem
def test_every_design_has_one_finite_value_again_and_again(name: str) -> None:
    designs = drawn(name, 3)
    values = loaded(name).evaluate(designs)
    assert len(values) == 3
    assert all(map(math.isfinite, values))
    assert loaded(name).evaluate(designs) == values


@every_problem
def test_a_batch_has_the_values_of_its_designs_one_by_one(name: str) -> None:
    designs, evaluate = drawn(name, 3), loaded(name).evaluate
    assert evaluate(designs) == pytest.approx([evaluate([d])[0] for d in designs], rel=1e-6)


@every_problem
def test_no_design_is_better_than_the_best_known(name: str) -> None:
    problem = loaded(name)
    sign = 1 if problem.direction == "maximize" else -1
    if problem.best_known is not None:
        assert max(sign * v for v in problem.evaluate(drawn(name, 20))) <= sign * problem.best_known


@every_problem
def test_its_designs_are_in_its_space(name: str) -> None:
    for design in drawn(name, 5):
        loaded(name).space.check(design)


@every_problem
def test_its_protocol_adds_up(name: str) -> None:
    problem = loaded(name)
    assert 0 < problem.start < problem.budget
    assert problem.noise_std >= 0
    assert 0 <= problem.failure_rate < 1


@every_problem
def test_violations_are_zero_or_more_and_an_optimum_is_best_known(name: str) -> None:
    problem = loaded(name)
    if problem.violations is not None:
        found = problem.violations(drawn(name, 5))
        assert len(found) == 5
        assert min(found) >= 0
    if problem.optimum is not None:
        assert problem.best_known == problem.optimum
    if problem.bound is not None and problem.best_known is not None:
        assert problem.best_known <= problem.bound


@every_problem
def test_it_has_a_gradient_if_a_test_looks_at_it(name: str) -> None:
    assert (loaded(name).gradient is not None) == (name in WITH_GRADIENT + WITH_SECANTS)


@pytest.mark.parametrize("name", WITH_GRADIENT)
def test_gradients_are_the_differences_of_values(name: str) -> None:
    problem = loaded(name)
    (design,), step = drawn(name, 1), 1e-5
    # Off the ends of the box, so that a step stays inside.
    ends = {p.name: (p.low + step, p.high - step) for p in problem.space.parameters}  # type: ignore[union-attr]
    design = {key: min(max(float(value), ends[key][0]), ends[key][1]) for key, value in design.items()}
    assert problem.gradient is not None
    (gradient,) = problem.gradient([design])
    for key in problem.space.names[:4]:
        ahead, behind = ({**design, key: float(design[key]) + s} for s in (step, -step))
        difference = np.subtract(*problem.evaluate([ahead, behind])) / (2 * step)
        assert gradient[key] == pytest.approx(float(difference), abs=1e-6, rel=1e-6)
