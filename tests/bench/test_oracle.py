"""The ceiling arm: selection by the truth."""

from dataclasses import replace
from statistics import fmean

import pytest
import torch

from gdopt.acquisition.batch import SelectionInput
from gdopt.bench.variants import oracle
from gdopt.codecs.box import BoxCodec
from gdopt.study.study import Study
from gdopt.surrogates import gp
from gdopt.surrogates.multi_output import single_output
from gdopt_problems import load
from tests.strategies import drive, guided


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_the_truly_best_candidates_are_taken(direction: str) -> None:
    problem = replace(load("hill"), direction=direction)
    generator = torch.Generator().manual_seed(0)
    codec = BoxCodec(problem.space)
    pool = torch.randn(50, codec.dim, generator=generator, dtype=torch.float64)
    surrogate = gp.fit(pool[:5], torch.arange(5, dtype=torch.float64))
    picks = oracle(problem, None)(SelectionInput(single_output(surrogate), pool, 7, pool[:0], 0.5, generator))
    values = problem.evaluate(codec.decode(pool))
    expected = sorted(values, reverse=direction == "maximize")[:7]
    assert [values[i] for i in picks] == expected


@pytest.mark.slow
def test_the_truth_gets_further_than_the_surrogate_in_the_mean_of_six_seeds() -> None:
    problem = load("hill")

    def mean_best(**settings: object) -> float:
        studies = (
            Study(problem.space, direction="maximize", algorithm=guided(**settings), seed=seed) for seed in range(6)
        )
        return fmean(drive(s, 5, 10, lambda params: problem.evaluate([params])[0]).best.value or 0.0 for s in studies)

    assert mean_best(selection=oracle(problem, None)) > mean_best()
