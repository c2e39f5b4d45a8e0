"""The ceiling arm: selection by the truth."""

from dataclasses import replace

import pytest
import torch

from gdopt.bench.oracle import oracle
from gdopt.codec import BoxCodec
from gdopt.study import Study
from gdopt.surrogate import gp
from gdopt_problems import load
from tests.strategies import drive, guided


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_the_truly_best_candidates_are_taken(direction: str) -> None:
    problem = replace(load("hill"), direction=direction)
    generator = torch.Generator().manual_seed(0)
    codec = BoxCodec(problem.space)
    pool = torch.randn(50, codec.dim, generator=generator, dtype=torch.float64)
    surrogate = gp.fit(pool[:5], torch.arange(5, dtype=torch.float64))
    picks = oracle(problem, None)(surrogate, pool, 7, pool[:0], 0.5, generator)
    values = problem.evaluate(codec.decode(pool))
    expected = sorted(values, reverse=direction == "maximize")[:7]
    assert [values[i] for i in picks] == expected


def test_the_truth_gets_further_than_the_surrogate() -> None:
    problem = load("hill")

    def best(**settings: object) -> float:
        study = Study(problem.space, direction="maximize", algorithm=guided(**settings))
        return drive(study, 5, 10, lambda params: problem.evaluate([params])[0]).best.value

    assert best(selection=oracle(problem, None)) > best()
