"""A peptide that folds into a helix with a hydrophobic and a hydrophilic side, with a prior of unlabelled helices.

python examples/sequences.py [FOLDER] [--budget N] [--steps N] [--candidates N] [--seed N]

The objective is a formula in place of an assay, so that this runs anywhere. Its terms:

* The hydrophobic moment of Eisenberg et al. 1982 (Nature 299, 371): the letters' hydrophobicities as arrows, each 100
  degrees further round the helix than the one before, added up. It is large if one side is hydrophobic.
* The charge at pH 7, which is to be +4, as of many peptides that go into membranes.
* The helix propensity of the letters, by the energies of Pace and Scholtz 1998 (Biophys. J. 75, 422).
"""

import argparse
import math
import sys
from pathlib import Path

import numpy as np

import gdopt
from gdopt.space.strings import PROTEIN

# Hydrophobicities, Eisenberg's normalized consensus scale (Eisenberg et al. 1984, J. Mol. Biol. 179, 125).
HYDROPHOBICITY = {
    "A": 0.62, "R": -2.53, "N": -0.78, "D": -0.90, "C": 0.29, "Q": -0.85, "E": -0.74, "G": 0.48, "H": -0.40, "I": 1.38,
    "L": 1.06, "K": -1.50, "M": 0.64, "F": 1.19, "P": 0.12, "S": -0.18, "T": -0.05, "W": 0.81, "Y": 0.26, "V": 1.08,
}  # fmt: skip
# Energy of a letter in a helix, kcal/mol above alanine.
HELIX_COST = {
    "A": 0.00, "L": 0.21, "R": 0.21, "M": 0.24, "K": 0.26, "Q": 0.39, "E": 0.40, "I": 0.41, "W": 0.49, "S": 0.50,
    "Y": 0.53, "F": 0.54, "H": 0.61, "V": 0.61, "N": 0.65, "T": 0.66, "C": 0.68, "D": 0.69, "G": 1.00, "P": 3.16,
}  # fmt: skip
CHARGE = {"K": 1, "R": 1, "D": -1, "E": -1}
TURN = math.radians(100)  # of an alpha helix, for each letter
THERMAL = 0.593  # kcal/mol, RT at 25 degC
WANTED_CHARGE, CHARGE_WEIGHT, COST_WEIGHT = 4, 0.05, 0.2

LENGTH = 18  # five turns of a helix
# Tryptophan at position 1 (from 0): its absorption measures the amount of peptide.
FIXED = {1: "W"}
# Two basic letters are cut by proteases, NG deamidates, DP breaks in acid.
FORBIDDEN = ["KK", "KR", "RK", "RR", "NG", "DP"]
# The model helix 18A of Anantharamaiah et al. 1985 (J. Biol. Chem. 260, 10248): a result from before the study.
KNOWN = "DWLKAFYDKVAEKLKEAF"
START, BATCH, SHOWN = 20, 10, 5


def moment(sequence: str) -> float:
    """The hydrophobic moment of a letter."""
    arrows = [HYDROPHOBICITY[letter] * np.exp(1j * TURN * at) for at, letter in enumerate(sequence)]
    return float(abs(sum(arrows)) / len(sequence))


def measure(sequence: str) -> float:
    """The moment, minus penalties for a wrong charge and for letters of low helix propensity."""
    charge = sum(CHARGE.get(letter, 0) for letter in sequence)
    cost = sum(HELIX_COST[letter] for letter in sequence) / len(sequence)
    return moment(sequence) - CHARGE_WEIGHT * abs(charge - WANTED_CHARGE) - COST_WEIGHT * cost


def helices(n: int, seed: int) -> list[str]:
    """n unlabelled sequences that are likely helices: letters with the Boltzmann weights of their energies."""
    rng = np.random.default_rng(seed)
    weights = np.exp([-HELIX_COST[letter] / THERMAL for letter in PROTEIN])
    found: list[str] = []
    while len(found) < n:
        letters = rng.choice(list(PROTEIN), LENGTH, p=weights / weights.sum())
        letters[list(FIXED)] = list(FIXED.values())
        if not any(motif in (one := "".join(letters)) for motif in FORBIDDEN):
            found.append(one)
    return found


parser = argparse.ArgumentParser()
parser.add_argument("out", nargs="?", type=Path, default=Path("sequences"))
parser.add_argument("--budget", type=int, default=200)
parser.add_argument("--steps", type=int, default=300)
parser.add_argument("--candidates", type=int, default=1200)
parser.add_argument("--seed", type=int, default=0)
given = parser.parse_args()
given.out.mkdir(exist_ok=True)

# 1. The prior of unlabelled helices, and a comparison of its draws with them.
space = gdopt.SequenceSpace(PROTEIN, LENGTH, corpus=helices(1000, seed=1), fixed=FIXED, forbidden=FORBIDDEN)
prior = gdopt.MaskedPrior.fit(space, steps=given.steps)
check = prior.check()
check.plot(given.out / "prior-check.png")
sys.stdout.write(f"{check}\n")

# 2. The closed loop, with the result of an earlier peptide.
study = gdopt.Study(
    space,
    direction="maximize",
    algorithm=gdopt.MaskedDiffusion(prior=prior, candidates=given.candidates),
    storage=given.out / "study.gdopt",
    seed=given.seed,
)
if not study.trials:
    study.add({"sequence": KNOWN}, measure(KNOWN))
while (told := len(study.state.done)) < given.budget:
    batch = BATCH if study.rounds else START
    trials = study.pending or study.ask(min(batch, given.budget - told))
    study.tell({trial.id: measure(trial.params["sequence"]) for trial in trials})
    last = study.rounds[-1]
    sys.stdout.write(f"round {last.number}: best {study.best.value:.3f}, median {last.median:.3f} ({last.winner})\n")

# 3. The results.
study.to_frame().to_csv(given.out / "results.csv", index=False)
study.plot(given.out / "progress.png")
values = {one: measure(one) for one in prior.corpus}
for name, best in (
    ("found", study.to_frame().set_index("sequence")["value"].nlargest(SHOWN).to_dict()),
    ("corpus", {one: values[one] for one in sorted(values, key=values.__getitem__)[: -SHOWN - 1 : -1]}),
    ("18A", {KNOWN: measure(KNOWN)}),
):
    for one, value in best.items():
        sys.stdout.write(f"{name:6s}  {one}  value {value:.3f}, moment {moment(one):.3f}\n")
