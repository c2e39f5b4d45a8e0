"""The problem `protein`: the stability of a helical hairpin by a formula on scales that were measured.

28 residues: a helix (0 to 11), the turn NPDG (12 to 15), and a helix that lies against the first (16 to 27), residue i
facing 27 - i. The value is minus an energy in kcal/mol, of own composition,

    E = Σ helix(a) - RT ln 10 (Σ core π(a) - ¼ Σ surface max(π(a), 0))
      + Σ contacts ((V(a) + V(b) - room) / 50 Å³)² + Σ facing q(a) q(b) + ½ Σ (i, i+4) q(a) q(b) + Q² / 20

* helix: the cost of a residue in a helix, alanine 0 (Pace and Scholtz 1998, Biophys. J. 75, 422).
* π: hydrophobicity by octanol and water (Fauchère and Pliska 1983, Eur. J. Med. Chem. 18, 369). The core gains by it,
  the rest of the helices loses a quarter of it, as what sticks together is worth less.
* V: the volume of a residue (Zamyatnin 1972, Prog. Biophys. Mol. Biol. 24, 107). A contact of two core residues has
  room for a sum, `ROOM`, which is of our own choosing: so neighbours in the core depend on each other.
* q: charges, K and R +1, D and E -1: between residues that face each other beside the core, and along each helix. Q is
  the sum of all.

It is a toy: it has what makes protein landscapes hard, epistasis and few good ones among many, and no claim to fold.
The turn is fixed, and motifs that cells glycosylate, N-X-S and N-X-T with X other than P, are forbidden.

The corpus are 1,000 sequences without values after the binary patterns of Kamtekar et al. (1993, Science 262, 1680): F,
I, L, M or V in the core, D, E, H, K, N or Q elsewhere; at a fifth of the places any of the twenty, so that not all are
alike.
"""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int

from gdopt.bench.problem import Problem
from gdopt.space.parameters import Params
from gdopt.space.string_spaces import SequenceSpace
from gdopt.space.strings import PROTEIN
from gdopt_problems.designs import checked

__all__ = ["BEST", "ROOM", "energies", "problem", "space"]

Array = np.ndarray

# In the order of the alphabet, ACDEFGHIKLMNPQRSTVWY.
HELIX = (
    0.0, 0.68, 0.69, 0.40, 0.54, 1.0, 0.61, 0.41, 0.26, 0.21,
    0.24, 0.65, 3.16, 0.39, 0.21, 0.50, 0.66, 0.61, 0.49, 0.53,
)  # fmt: skip
PI = (
    0.31, 1.54, -0.77, -0.64, 1.79, 0.0, 0.13, 1.80, -0.99, 1.70,
    1.23, -0.60, 0.72, -0.22, -1.01, -0.04, 0.26, 1.22, 2.25, 0.96,
)  # fmt: skip
VOLUME = (
    88.6, 108.5, 111.1, 138.4, 189.9, 60.1, 153.2, 166.7, 168.6, 166.7,
    162.9, 114.1, 112.7, 143.8, 173.4, 89.0, 116.1, 140.0, 227.8, 193.6,
)  # fmt: skip
CHARGE = tuple({"K": 1.0, "R": 1.0, "D": -1.0, "E": -1.0}.get(letter, 0.0) for letter in PROTEIN)

LENGTH, TURN, TURN_AT = 28, "NPDG", 12
FACING = LENGTH - 1  # minus a residue is the one that it faces
HELICES = tuple(i for i in range(LENGTH) if not TURN_AT <= i < TURN_AT + len(TURN))
# Places a and d of the heptads of the first helix, each with what it faces; contacts zigzag between the helices.
LADDER = (1, 26, 4, 23, 8, 19, 11, 16)
CONTACTS = tuple(pairwise(LADDER))
ROOM = (300.0, 360.0, 250.0, 330.0, 390.0, 270.0, 310.0)  # Å³, of each contact
BURIED = frozenset(LADDER)
SURFACE = tuple(i for i in HELICES if i not in BURIED)
# Places e and g.
BRIDGES = tuple((i, FACING - i) for i in (0, 5, 7))
TURNS = tuple((i, i + 4) for i in HELICES if i + 4 in HELICES and (i < TURN_AT) == (i + 4 < TURN_AT))
KCAL = 1.364  # RT ln 10 at 25 degrees Celsius
SOFTNESS = 50.0  # Å³

# The best of simulated annealing: each of three times, 70 to 90 of 400 chains of 12,000 steps ended at its value.
BEST = "RLRELEERWRRCNPDGWRELEERCRRLE"

CORPUS, ODD_ONES = 1000, 0.2
NONPOLAR, POLAR = "FILMV", "DEHKNQ"


def energies(x: Int[Array, "n L"]) -> Float[Array, " n"]:
    """E of each row of letters' numbers, in kcal/mol."""
    helix, pi, volume, charge = (np.array(scale)[x] for scale in (HELIX, PI, VOLUME, CHARGE))
    one, other = np.array(CONTACTS).T
    packing = (((volume[:, one] + volume[:, other] - np.array(ROOM)) / SOFTNESS) ** 2).sum(axis=1)
    surface = np.maximum(pi[:, SURFACE], 0.0).sum(axis=1)
    burial = KCAL * (pi[:, LADDER].sum(axis=1) - surface / 4)
    bridges = sum(charge[:, a] * charge[:, b] for a, b in BRIDGES)
    turns = sum(charge[:, a] * charge[:, b] for a, b in TURNS)
    found: Array = helix[:, HELICES].sum(axis=1) - burial + packing + bridges + turns / 2 + charge.sum(axis=1) ** 2 / 20
    return found


def numbers(some: Sequence[str]) -> Int[Array, "n L"]:
    """Sequences as rows of letters' numbers."""
    return np.array([[PROTEIN.index(letter) for letter in one] for one in some], dtype=np.int64).reshape(-1, LENGTH)


def evaluate(batch: Sequence[Params]) -> list[float]:
    """Minus the energy of each sequence."""
    own = space()
    found: list[float] = (-energies(numbers([str(one[own.names[0]]) for one in checked(own, batch)]))).tolist()
    return found


@cache
def space() -> SequenceSpace:
    """The sequences that may be tried, with the corpus."""
    fixed = {TURN_AT + i: letter for i, letter in enumerate(TURN)}
    forbidden = [f"N{x}{last}" for x in PROTEIN if x != "P" for last in "ST"]
    plain = SequenceSpace(PROTEIN, LENGTH, fixed=fixed, forbidden=forbidden)
    generator = np.random.default_rng(0)
    corpus: dict[str, None] = {}
    while len(corpus) < CORPUS:
        one = patterned(generator)
        if plain.allows({plain.names[0]: one}):
            corpus[one] = None
    return SequenceSpace(PROTEIN, LENGTH, corpus=list(corpus), fixed=fixed, forbidden=forbidden)


def patterned(generator: np.random.Generator) -> str:
    """A sequence of the binary pattern."""
    letters = []
    for i in range(LENGTH):
        of = NONPOLAR if i in BURIED else POLAR
        letters.append(generator.choice(list(PROTEIN if generator.random() < ODD_ONES else of)))
    letters[TURN_AT : TURN_AT + len(TURN)] = TURN
    return "".join(letters)


@cache
def problem() -> Problem:
    """The problem `protein`: maximize the stability over 24 residues."""
    return Problem(
        name="protein",
        space=space(),
        evaluate=evaluate,
        direction="maximize",
        best_known=float(-energies(numbers([BEST]))[0]),
        start=100,
        budget=1000,
        batch=50,
        source="own formula; scales of Pace and Scholtz 1998, Fauchere and Pliska 1983, Zamyatnin 1972",
    )
