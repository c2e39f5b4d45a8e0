"""Discrete parameters: shares of the elite by counting, draws by their frequencies, guidance by the exact law."""

import pytest
import torch

from gdopt import Choice, Integer, Real, Space
from gdopt.candidates.discrete import CategoricalProduct, random_mask, refitted_probabilities
from gdopt.codecs.box import BoxCodec
from tests.oracles import seeded

SPACE = Space([Choice("c", ["p", "q", "r"]), Real("x", 0, 1), Integer("k", 0, 1), Choice("o", ["s", "m", "l"], True)])
CODEC = BoxCodec(SPACE)
DRAWS = 4000
# Three standard deviations of a share of so many draws.
NEAR = 3 * (0.25 / DRAWS) ** 0.5


def designs(*rows: tuple[str, float, int, str]) -> torch.Tensor:
    return CODEC.encode([dict(zip("cxko", row, strict=True)) for row in rows])


def law(*probabilities: list[float]) -> CategoricalProduct:
    each = tuple(torch.tensor(one, dtype=torch.float64) for one in probabilities)
    return CategoricalProduct(tuple(CODEC.blocks), each, CODEC.inpainting_mask)


def share(z: torch.Tensor, name: str, level: object) -> float:
    return sum(p[name] == level for p in CODEC.decode(z)) / len(z)


def test_numbers_are_no_blocks_and_all_else_is_held() -> None:
    assert [len(block.points) for block in CODEC.blocks] == [3, 2, 3]
    assert [block.nominal for block in CODEC.blocks] == [True, False, False]
    assert CODEC.inpainting_mask.tolist() == [True, True, True, False, True, True]


def test_a_levels_share_is_its_weight_among_the_best() -> None:
    elite = designs(("p", 0.1, 0, "l"), ("r", 0.2, 1, "l"), ("p", 0.3, 1, "s"))
    weights = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    found = refitted_probabilities(elite, weights, CODEC.blocks, 0.0)
    assert [one.tolist() for one in found] == [
        pytest.approx([0.7, 0.0, 0.3]),
        pytest.approx([0.5, 0.5]),
        pytest.approx([0.2, 0.0, 0.8]),
    ]
    blended = refitted_probabilities(elite, weights, CODEC.blocks, 0.3)[0]
    assert blended.tolist() == pytest.approx([0.7 * 0.7 + 0.1, 0.1, 0.7 * 0.3 + 0.1])


def test_levels_are_drawn_as_often_as_their_law_says() -> None:
    z = designs(("q", 0.4, 0, "m")).repeat(DRAWS, 1)
    drawn = law([0.6, 0.1, 0.3], [0.2, 0.8], [0.0, 0.5, 0.5]).sample(z, seeded())
    assert share(drawn, "c", "p") == pytest.approx(0.6, abs=NEAR)
    assert share(drawn, "k", 1) == pytest.approx(0.8, abs=NEAR)
    assert share(drawn, "o", "s") == 0.0
    assert torch.equal(drawn[:, 3], z[:, 3])


def test_one_parameter_at_least_is_hidden_and_others_by_chance() -> None:
    where = random_mask(DRAWS, 5, torch.full((DRAWS,), 0.3, dtype=torch.float64), seeded(1))
    assert bool(where.any(1).all())
    # 0.3 of each, and one of five where none of the five was.
    assert where.double().mean().item() == pytest.approx(0.3 + 0.7**5 / 5, abs=NEAR)


def test_what_is_hidden_is_drawn_from_the_law_times_the_tilt() -> None:
    """All are hidden, so that the rows' levels are draws of the law tilted by c = p and o = l together."""
    levels = law([0.2, 0.5, 0.3], [0.5, 0.5], [0.4, 0.4, 0.2])

    def tilt(z: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        both = [p["c"] == "p" and p["o"] == "l" for p in CODEC.decode(z)]
        return 2.0 * torch.tensor(both, dtype=torch.float64)

    z = designs(("q", 0.4, 0, "m")).repeat(DRAWS, 1)
    refilled = levels.resample_guided(z, torch.full((DRAWS,), 2.0, dtype=torch.float64), tilt, seeded(2))
    decoded = CODEC.decode(refilled)
    # One block after the other, in random order: whichever of c and o is last sees the other and is tilted by it. Where
    # o is still "m", c = p is drawn untilted; so half of the rows have c last, half o last.
    e2 = 7.38905609893065
    c_last = 0.2 * (0.2 * e2 / (0.2 * e2 + 0.8))
    o_last = 0.2 * (0.2 * e2 / (0.2 * e2 + 0.8))
    expected = (c_last + o_last) / 2
    assert sum(p["c"] == "p" and p["o"] == "l" for p in decoded) / DRAWS == pytest.approx(expected, abs=NEAR)
    assert share(refilled, "k", 1) == pytest.approx(0.5, abs=NEAR)


def test_a_tilt_is_asked_for_the_rows_that_the_levels_are_tried_in() -> None:
    levels = law([1 / 3] * 3, [0.5, 0.5], [1 / 3] * 3)
    wanted = torch.arange(300) % 3

    def tilt(z: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return 100.0 * (z[:, :3].argmax(1) == wanted[rows]).double()

    z = designs(("q", 0.4, 0, "m")).repeat(300, 1)
    refilled = levels.resample_guided(z, torch.full((300,), 2.0, dtype=torch.float64), tilt, seeded(3))
    assert torch.equal(refilled[:, :3].argmax(1), wanted)


def test_varied_designs_have_the_levels_of_their_parents_but_for_what_is_hidden() -> None:
    parents = designs(("r", 0.9, 1, "s")).repeat(DRAWS, 1)
    z = designs(("q", 0.4, 0, "m")).repeat(DRAWS, 1)
    varied = law([1.0, 0, 0], [1.0, 0], [0, 0, 1.0]).resample_masked(
        z, parents, torch.full((DRAWS,), 0.4, dtype=torch.float64), seeded(4)
    )
    assert torch.equal(varied[:, 3], z[:, 3])
    # A fifth of each, and one of three where none of the three was.
    assert share(varied, "c", "p") == pytest.approx(0.2 + 0.8**3 / 3, abs=NEAR)
    assert share(varied, "c", "q") == 0.0


def test_fixed_parameters_are_no_blocks_and_are_decoded_as_they_are() -> None:
    codec = BoxCodec(SPACE, {"c": "q", "x": 0.25})
    assert [len(block.points) for block in codec.blocks] == [2, 3]
    decoded = codec.decode(designs(("r", 0.9, 1, "s"), ("p", 0.1, 0, "l")))
    assert [(p["c"], p["x"], p["k"]) for p in decoded] == [("q", 0.25, 1), ("q", 0.25, 0)]
