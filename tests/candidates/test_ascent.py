"""Candidates at maxima: where those are is known, and what stays as it is."""

import torch
from torch import Tensor

import gdopt
from gdopt.candidates.ascent import ascend
from gdopt.codecs.box import BoxCodec
from gdopt.study.study import Study
from tests.oracles import f64, seeded

SPACE = gdopt.Space([gdopt.Real("x", 0, 1), gdopt.Integer("n", 0, 100), gdopt.Choice("base", ["A", "B", "C"])])
CODEC = BoxCodec(SPACE)


def at(x: float, n: int, base: str) -> Tensor:
    return CODEC.encode([{"x": x, "n": n, "base": base}])[0]


def bowl(z: Tensor) -> Tensor:
    """Highest at x = 0.3 and, between whole numbers, n = 42.4; the farther x and n are along, the more they agree."""
    top = (at(0.3, 42, "A") + 0.4 * (at(0.3, 43, "A") - at(0.3, 42, "A")))[:2]
    off = z[:, :2] - top
    return -(off.square().sum(1) + 1.9 * off[:, 0] * off[:, 1])


def test_the_best_candidates_are_moved_to_the_maximum_and_their_levels_stay() -> None:
    z = torch.stack([at(0.9, 10, "B"), at(0.1, 60, "C")])
    found = CODEC.decode(ascend(CODEC, z, bowl))
    assert [one["base"] for one in found] == ["C", "B", "C", "B"]
    # By x alone, a row is highest where its offset is -0.95 times that of n, of which there are 101 in the unit of x.
    for one in found[:2]:
        assert one["n"] in (10, 60)
        assert abs(float(one["x"]) - 0.3 + 0.95 * (float(one["n"]) - 42.4) / 101) < 1e-3
    # Whole numbers are found as if they were real, and x for what they are rounded to.
    assert [one["n"] for one in found[2:]] == [42, 42]
    assert all(abs(float(one["x"]) - 0.3 - 0.0038) < 1e-3 for one in found[2:])


def test_what_is_fixed_stays() -> None:
    codec = BoxCodec(SPACE, {"x": 0.9})
    found = codec.decode(ascend(codec, torch.stack([at(0.9, 10, "B")]), bowl))
    assert {one["x"] for one in found} == {0.9}


def test_the_best_by_the_potential_are_moved() -> None:
    z = torch.cat([at(0.5, 50, "A").expand(40, -1), at(0.3, 42, "B").expand(16, -1)])
    moved = ascend(CODEC, z[torch.randperm(len(z), generator=seeded())], bowl)
    assert {one["base"] for one in CODEC.decode(moved)} == {"B"}


def test_a_maximum_beyond_the_box_is_taken_at_its_edge() -> None:
    (one, _) = CODEC.decode(ascend(CODEC, at(0.5, 50, "A").unsqueeze(0), lambda z: z[:, 0]))
    assert one["x"] == 1.0


def test_the_corner_of_two_limits_is_found() -> None:
    space = gdopt.Space([gdopt.Real("x", -2, 2), gdopt.Real("y", -2, 2)])
    study = Study(
        space, direction="maximize", objective="sum", outcome_constraints=["round <= 1", "flat <= 0.2"], seed=0
    )
    for size in (8, 4, 4, 4, 4):
        for trial in study.ask(size):
            x, y = (float(trial.params[name]) for name in ("x", "y"))
            study.tell(trial.id, {"sum": x + y, "round": x * x + y * y, "flat": y - x / 2})
    # Where x² + y² = 1 and y = x/2 + 0.2: x = (-0.2 + sqrt(0.04 + 4 · 1.25 · 0.96))/2.5.
    x = float((-0.2 + f64(0.04 + 4.8).sqrt()) / 2.5)
    best = study.best
    assert best is not None
    assert best.value is not None
    assert best.source == "peaks"
    assert best.value > x + x / 2 + 0.2 - 0.01
