"""Problems of several objectives against BoTorch's, and limits that are told against Deb's values."""

import numpy as np
import pytest
import torch
from botorch.test_functions.multi_objective import BraninCurrin, Penicillin, VehicleSafety

from gdopt.space.parameters import Params
from gdopt_problems import load, suite

THEIRS = {"branin_currin": BraninCurrin, "vehicle_safety": VehicleSafety, "penicillin3": Penicillin}


def drawn(name: str, n: int) -> list[Params]:
    draws = np.random.default_rng(0)
    parameters = load(name).space.parameters
    return [{p.name: float(draws.uniform(p.low, p.high)) for p in parameters} for _ in range(n)]  # type: ignore[union-attr]


@pytest.mark.parametrize("name", suite("several"))
def test_outcomes_references_and_the_volume_are_botorchs(name: str) -> None:
    problem, theirs, designs = load(name), THEIRS[name](), drawn(name, 3)
    assert problem.outcomes is not None
    signs = np.array([1.0 if one.direction == "minimize" else -1.0 for one in problem.objectives])
    rows = torch.tensor([list(d.values()) for d in designs], dtype=torch.float64)
    found = np.array([list(one.values()) for one in problem.outcomes(designs)])
    assert found * signs == pytest.approx(theirs.evaluate_true(rows).numpy())
    reference = [one.reference_point for one in problem.objectives]
    assert np.array(reference) * signs == pytest.approx(theirs.ref_point.numpy())
    assert problem.volume == theirs.max_hv


@pytest.mark.parametrize("name", suite("constrained"))
def test_told_limits_hold_exactly_where_nothing_is_violated(name: str) -> None:
    problem = load(name)
    designs = [
        {
            p.name: p.plain(round(v) if type(p).__name__ == "Integer" else v)
            for p, v in zip(problem.space.parameters, row, strict=True)
        }
        for row in [list(d.values()) for d in drawn(name, 200)]
    ]
    assert problem.violations is not None
    assert problem.outcomes is not None
    told = problem.outcomes(designs)
    held = [all(limit.holds(one[limit.outcome]) for limit in problem.outcome_constraints) for one in told]
    assert held == [v == 0 for v in problem.violations(designs)]
    values = problem.evaluate(designs)
    assert [one["value"] for one, ok in zip(told, held, strict=True) if ok] == [
        v for v, ok in zip(values, held, strict=True) if ok
    ]
