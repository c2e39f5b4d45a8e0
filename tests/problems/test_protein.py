"""The protein landscape: against a slow reading of its formula, and what its space keeps."""

import math

import numpy as np
import pytest

from gdopt.errors import SpaceError
from gdopt_problems import load
from gdopt_problems.protein import BEST, ROOM, energies, numbers, space

# A letter: cost in a helix, hydrophobicity, volume, charge.
SCALES = {
    "A": (0.00, 0.31, 88.6, 0), "R": (0.21, -1.01, 173.4, 1), "N": (0.65, -0.60, 114.1, 0),
    "D": (0.69, -0.77, 111.1, -1), "C": (0.68, 1.54, 108.5, 0), "Q": (0.39, -0.22, 143.8, 0),
    "E": (0.40, -0.64, 138.4, -1), "G": (1.00, 0.00, 60.1, 0), "H": (0.61, 0.13, 153.2, 0),
    "I": (0.41, 1.80, 166.7, 0), "L": (0.21, 1.70, 166.7, 0), "K": (0.26, -0.99, 168.6, 1),
    "M": (0.24, 1.23, 162.9, 0), "F": (0.54, 1.79, 189.9, 0), "P": (3.16, 0.72, 112.7, 0),
    "S": (0.50, -0.04, 89.0, 0), "T": (0.66, 0.26, 116.1, 0), "W": (0.49, 2.25, 227.8, 0),
    "Y": (0.53, 0.96, 193.6, 0), "V": (0.61, 1.22, 140.0, 0),
}  # fmt: skip
CORE = [1, 4, 8, 11, 16, 19, 23, 26]


def slowly(one: str) -> float:
    """The formula, residue by residue."""
    helix, pi, volume, charge = ({i: SCALES[a][k] for i, a in enumerate(one)} for k in range(4))
    first, second = range(12), range(16, 28)
    energy = sum(helix[i] for i in (*first, *second))
    for i in (*first, *second):
        gain = pi[i] if i in CORE else -0.25 * max(pi[i], 0)
        energy -= 1.364 * gain
    # Down the ladder: a residue of one helix, what faces it, the next.
    rungs = [(1, 26), (26, 4), (4, 23), (23, 8), (8, 19), (19, 11), (11, 16)]
    for (a, b), room in zip(rungs, ROOM, strict=True):
        energy += ((volume[a] + volume[b] - room) / 50) ** 2
    energy += charge[0] * charge[27] + charge[5] * charge[22] + charge[7] * charge[20]
    for helix_of in (first, second):
        energy += 0.5 * sum(charge[i] * charge[i + 4] for i in helix_of if i + 4 in helix_of)
    return energy + sum(charge.values()) ** 2 / 20


def test_the_energy_is_its_formulas() -> None:
    generator = np.random.default_rng(0)
    some = ["".join(generator.choice(list(SCALES), 28)) for _ in range(200)]
    np.testing.assert_allclose(energies(numbers(some)), [slowly(one) for one in some])


def test_the_best_known_is_allowed_and_no_change_of_one_residue_is_better() -> None:
    problem = load("protein")
    near = [BEST[:i] + a + BEST[i + 1 :] for i in range(28) for a in SCALES]
    allowed = [{"sequence": one} for one in near if space().allows({"sequence": one})]
    assert len(allowed) > 24 * 19
    assert problem.best_known == pytest.approx(-slowly(BEST))
    assert max(problem.evaluate(allowed)) == pytest.approx(problem.best_known)


def test_the_corpus_is_worth_much_less() -> None:
    designs = [{"sequence": one} for one in space().corpus]
    values = load("protein").evaluate(designs)
    assert len(designs) == 1000
    assert all(map(math.isfinite, values))
    assert max(values) < 5


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (BEST.replace("NPDG", "NPEG"), "'D' is fixed"),
        ("NAS" + BEST[3:], "forbidden motif 'NAS' at position 0"),
    ],
)
def test_another_turn_and_motifs_that_are_glycosylated_are_refused(one: str, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        load("protein").evaluate([{"sequence": one}])
