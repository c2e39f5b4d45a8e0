"""The columns of BoTorch's mixed optimizer: there and back, their bounds, their constraints."""

import pytest
import torch

import gdopt
from gdopt.baselines.columns import Columns
from gdopt.codecs.box import BoxCodec
from gdopt.codecs.points import sobol_points
from gdopt.space.strings import Sequence

SPACE = gdopt.Space(
    [
        gdopt.Choice("base", ["KOAc", "Cs2CO3", "Et3N"]),
        gdopt.Real("dose", 1e-3, 10, log_scale=True),
        gdopt.Integer("cycles", 2, 5),
        Sequence("tag", "ABCD", 2, 2),
        gdopt.Real("heat", 20, 120),
    ],
    [gdopt.Constraint({"cycles": 10, "heat": 1}, 100), gdopt.Constraint({"dose": 1, "heat": 1}, 125)],
)
COLUMNS = Columns(BoxCodec(SPACE))


def test_a_design_has_the_row_that_one_writes_by_hand() -> None:
    design = {"base": "Et3N", "dose": 0.1, "cycles": 3, "tag": "DB", "heat": 45.0}
    assert COLUMNS.encode([design])[0].tolist() == pytest.approx([2, 0.5, 1 / 3, 3, 1, 0.25])


def test_designs_come_back_from_their_rows() -> None:
    designs = [d for d in BoxCodec(SPACE).decode(sobol_points(17, 0, 0, 50)) if SPACE.allows(d)]
    back = COLUMNS.decode(COLUMNS.encode(designs))
    assert len(designs) > 20
    for one, other in zip(designs, back, strict=True):
        assert one == pytest.approx(other)


def test_discrete_columns_hold_their_bounds_and_all_values() -> None:
    low, high = COLUMNS.bounds
    assert COLUMNS.whole == {2: pytest.approx([0, 1 / 3, 2 / 3, 1])}
    assert COLUMNS.choices == {0: [0, 1, 2], 3: [0, 1, 2, 3], 4: [0, 1, 2, 3]}
    assert all(values[0] == low[at] and values[-1] == high[at] for at, values in COLUMNS.choices.items())


def test_the_linear_constraint_holds_where_it_holds_of_the_rows(generator: torch.Generator) -> None:
    # The other one is not linear in the logarithm of the dose.
    ((at, slopes, least),) = COLUMNS.constraints
    rows = torch.rand(200, 6, generator=generator, dtype=torch.float64)
    rows[:, 2] = (3 * rows[:, 2]).round() / 3
    holds = rows[:, at] @ slopes >= least
    cycles, heat = 2 + 3 * rows[:, 2], 20 + 100 * rows[:, 5]
    assert 20 < holds.sum() < 180
    assert torch.equal(holds, 10 * cycles + heat <= 100)
