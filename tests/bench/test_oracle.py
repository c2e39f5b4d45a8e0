"""The ceiling arm: selection by the truth."""

from dataclasses import replace

import pytest
import torch

from gdopt.bench.oracle import oracle
from gdopt.bench.runner import Run, play
from gdopt.codec import BoxCodec
from gdopt.surrogate import gp
from gdopt_problems import load


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_the_truly_best_candidates_are_taken(direction: str) -> None:
    problem = replace(load("hill"), direction=direction)
    generator = torch.Generator().manual_seed(0)
    codec = BoxCodec(problem.space)
    pool = torch.randn(50, codec.dim, generator=generator, dtype=torch.float64)
    surrogate = gp.fit(pool[:5], torch.arange(5, dtype=torch.float64))
    picks = oracle(problem, None)(surrogate, pool, 7, pool[:5], pool[:0], 0.5, generator)
    values = problem.evaluate(codec.decode(pool))
    expected = sorted(values, reverse=direction == "maximize")[:7]
    assert [values[i] for i in picks] == expected


def test_no_surrogate_beats_the_truth_on_the_hill() -> None:
    reached = {name: max(play(Run("hill", f"{name}:candidates=64", 0))["values"]) for name in ("gdopt", "gdopt-oracle")}
    assert reached["gdopt-oracle"] > reached["gdopt"]
