"""What every problem keeps to: designs in, one finite value each, no better than the optimum, and right gradients."""

import math

import numpy as np
import pytest

from gdopt.space import Params
from gdopt_problems import load, names

every_problem = pytest.mark.parametrize("name", names())


def drawn(name: str, n: int) -> list[Params]:
    """Designs of the corpus where there is one, of the box elsewhere."""
    problem, generator = load(name), np.random.default_rng(0)
    if problem.corpus is None:
        return [{p.name: float(generator.uniform(p.low, p.high)) for p in problem.space.parameters} for _ in range(n)]  # type: ignore[union-attr]
    rows = generator.permutation(problem.corpus())[:n]
    return [dict(zip(problem.space.names, row.tolist(), strict=True)) for row in rows]


@every_problem
def test_it_is_loaded_by_its_own_name_and_says_where_it_is_from(name: str) -> None:
    problem = load(name)
    assert problem.name == name
    assert problem.source


@every_problem
def test_every_design_has_one_finite_value_again_and_again(name: str) -> None:
    designs = drawn(name, 3)
    values = load(name).evaluate(designs)
    assert len(values) == 3
    assert all(map(math.isfinite, values))
    assert load(name).evaluate(designs) == values


@every_problem
def test_a_batch_has_the_values_of_its_designs_one_by_one(name: str) -> None:
    designs, evaluate = drawn(name, 3), load(name).evaluate
    assert evaluate(designs) == pytest.approx([evaluate([d])[0] for d in designs], rel=1e-6)


@every_problem
def test_no_design_is_better_than_the_best_known(name: str) -> None:
    problem = load(name)
    sign = 1 if problem.direction == "maximize" else -1
    if problem.best_known is not None:
        assert sign * max(sign * v for v in problem.evaluate(drawn(name, 20))) <= sign * problem.best_known


@every_problem
def test_its_designs_are_in_its_space(name: str) -> None:
    for design in drawn(name, 5):
        load(name).space.check(design)


@pytest.mark.parametrize("name", [name for name in names() if load(name).gradient is not None])
def test_gradients_are_the_differences_of_values(name: str) -> None:
    problem = load(name)
    (design,), step = drawn(name, 1), 1e-5
    assert problem.gradient is not None
    (gradient,) = problem.gradient([design])
    for key in problem.space.names[:4]:
        ahead, behind = ({**design, key: float(design[key]) + s} for s in (step, -step))
        difference = np.subtract(*problem.evaluate([ahead, behind])) / (2 * step)
        assert gradient[key] == pytest.approx(float(difference), abs=1e-6)
