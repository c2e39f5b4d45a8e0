"""The problem `cross_coupling`: a screen of a Suzuki-Miyaura coupling, of four choices and three numbers, in plates.

An aryl halide or triflate and an arylboronic acid are kept for 16 hours with a palladium salt, a ligand, a base and a
solvent. The value (maximized) is the yield in percent; an assay adds noise of 2.5. The model is that of a textbook, its
numbers are our own: the descriptors stand in the order in which chemists rank the reagents, and are not measured.

Every rate constant is Eyring's, k(G) = (k_B T/h) exp(-G/RT) in 1/h, of a barrier G in kJ/mol, at the temperature or at
the solvent's boiling point, whichever is lower. With the ligand's donor strength d, bulk b, bite β and life l; the
halide's hardness h, stickiness s to palladium and ease u of hydrolysis; the solvent's polarity p, protons w, hydrides
and affinity n to palladium; the base's pKa, lattice L and hydrides; c the concentration and [Pd] = c · loading:

    insertion         k_i = k(85.5 + 22 h - d (6 + 21 h) - b (4 + 8 h) + 8 β)
    transmetallation  k_t = k(77.5 + 6 b² + 14 s (1 - p)) · boronate · (0.12 + w) (1 + strong)
    elimination       k_e = k(93 + 8 d - 21 b - 9 β)
    reduction         k_r = k(87) (0.27 + hydrides of solvent and base)
    coupling          κ = [Pd] · mixed / (1/k_i + 1/k_t + 1/k_e) / (1 + 6 n b)
    decay of Pd       δ = k(109 + 13 l + 5 n) (1 + [Pd] / 1 mmol/L)
    loss              ρ = k(110) (0.2 + w) (0.2 + (2 + u) strong)

The dissolved share of the base is S/(S + 2c), S = 0.01 + 10^(4p - 1.5L - 2.5) mol/L; boronate is the share
1/(1 + 10^((9 - pKa)/3)) of it and strong the share 1/(1 + 10^((14 - pKa)/2)); mixed = 1/(1 + c/(0.96 - 0.8p)) is the
share of the arenes that is dissolved. The three steps of the cycle follow each other, so that the slowest counts, and
are taken as first order in the arene A. Coupling, decay and loss compete:

    A' = -(κ e^(-δt) + ρ) A,    P' = κ e^(-δt) A,    A(0) = 1
    yield = 100 (1 - 0.5 loading) k_e/(k_e + k_r) P(16 h)

In turnovers X = κ (1 - e^(-δt))/δ, P is the integral of e^(-X) (1 - Xδ/κ)^(ρ/δ), by Gauss-Legendre to 1e-8.

What chemists know is in it: chlorides want bulky, electron-rich ligands and iodides do not care; salts do not dissolve
in apolar solvents, nor arenes in polar ones; strong bases and water couple faster and destroy the boronic acid; heat
kills the catalyst; alcohols and amines reduce what bulk does not push out; each palladium costs half a boronic acid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float, Int

from gdopt.bench.problem import Problem
from gdopt.space.parameters import Choice, Params, Real
from gdopt.space.space import Space
from gdopt_problems.designs import checked

__all__ = ["BEST", "Rates", "problem", "rates", "yields"]

Array = np.ndarray
Descriptors = dict[str, tuple[float, ...]]

# Donor strength, bulk, bite, life.
LIGANDS: Descriptors = {
    "PPh3": (0.30, 0.15, 0.0, 0.55),
    "P(o-tol)3": (0.35, 0.55, 0.0, 0.25),
    "PCy3": (0.85, 0.45, 0.0, 0.40),
    "PtBu3": (0.95, 0.75, 0.0, 0.20),
    "cataCXium A": (1.00, 0.70, 0.0, 0.45),
    "SPhos": (0.75, 0.65, 0.0, 0.75),
    "XPhos": (0.75, 0.90, 0.0, 0.80),
    "RuPhos": (0.80, 0.70, 0.0, 0.70),
    "DavePhos": (0.70, 0.60, 0.0, 0.60),
    "dppf": (0.35, 0.25, 0.6, 0.85),
    "Xantphos": (0.25, 0.30, 0.95, 0.80),
    "BINAP": (0.25, 0.25, 0.4, 0.75),
}
# pKa as the boronic acid sees it, lattice (an amine mixes with everything), hydrides.
BASES: Descriptors = {
    "KOAc": (7.0, 0.20, 0.0),
    "CsF": (8.5, 0.30, 0.0),
    "K2CO3": (10.3, 0.75, 0.0),
    "Cs2CO3": (10.3, 0.45, 0.0),
    "Et3N": (6.5, -1.5, 0.4),
    "K3PO4": (12.3, 0.60, 0.0),
    "NaOH": (15.7, 0.50, 0.0),
    "KOtBu": (19.0, 0.05, 0.1),
}
# Polarity, boiling point (degC), protons, hydrides, affinity to palladium.
SOLVENTS: Descriptors = {
    "toluene": (0.10, 110.6, 0.0, 0.0, 0.0),
    "dioxane": (0.16, 101.0, 0.0, 0.05, 0.05),
    "THF": (0.21, 66.0, 0.0, 0.1, 0.1),
    "DMF": (0.39, 153.0, 0.05, 0.3, 0.6),
    "acetonitrile": (0.46, 81.6, 0.0, 0.0, 1.0),
    "t-amyl alcohol": (0.32, 102.0, 0.4, 0.05, 0.05),
    "ethanol": (0.65, 78.4, 0.7, 0.8, 0.1),
    "dioxane-water": (0.60, 88.0, 1.0, 0.05, 0.1),
}
# Hardness of the bond to carbon, stickiness to palladium, ease of hydrolysis.
HALIDES: Descriptors = {
    "chloride": (1.0, 0.0, 0.0),
    "bromide": (0.35, 0.2, 0.0),
    "iodide": (0.0, 1.0, 0.0),
    "triflate": (0.3, 0.0, 1.0),
}
CHOICES = {"ligand": LIGANDS, "base": BASES, "solvent": SOLVENTS, "halide": HALIDES}

GAS = 8.314462618e-3  # kJ/(mol K)
ZERO = 273.15  # K, at 0 degC
EYRING = 2.083661912e10 * 3600  # k_B/h, in 1/(K h)
PERCENT = 100.0
HOURS = 16.0
NOISE = 2.5  # percent
NODES, WEIGHTS = np.polynomial.legendre.leggauss(40)
# Crowded towards the end, where the integrand can have a root.
ROOTS = (NODES + 1) / 2
PLACES, SHARES = 1 - ROOTS**3, 3 * ROOTS**2 * WEIGHTS / 2
FAR = 40.0  # turnovers after which nothing is left to couple
BEST: dict[str, str | float] = {
    "ligand": "XPhos",
    "base": "Cs2CO3",
    "solvent": "dioxane-water",
    "halide": "chloride",
    "temperature": 44.60671358595616,
    "concentration": 0.24724525133190273,
    "loading": 3.1993663584455097,
}
OPTIMUM = 95.0309665067803  # of all combinations, each optimized by L-BFGS-B


@dataclass(frozen=True, slots=True)
class Rates:
    """What happens in each flask.

    Args:
        coupling: κ at the beginning, 1/h.
        decay: δ of the palladium, 1/h.
        loss: ρ of the boronic acid, 1/h.
        kept: the share of what couples that is product and counts.
    """

    coupling: Float[Array, " n"]
    decay: Float[Array, " n"]
    loss: Float[Array, " n"]
    kept: Float[Array, " n"]


def rates(levels: Int[Array, "n 4"], numbers: Float[Array, "n 3"]) -> Rates:
    """The rates of designs: which ligand, base, solvent and halide; temperature, concentration and loading."""
    ligand, base, solvent, halide = (
        np.array(list(table.values()))[column].T for table, column in zip(CHOICES.values(), levels.T, strict=True)
    )
    donor, bulk, bite, life = ligand
    acidity, lattice, amine = base
    polarity, boiling, protons, hydrides, affinity = solvent
    hardness, stickiness, hydrolysis = halide
    celsius, concentration, loading = numbers.T
    kelvin = np.minimum(celsius, boiling) + ZERO
    palladium = concentration * loading / PERCENT

    def k(barrier: Float[Array, " n"] | float) -> Float[Array, " n"]:
        found: Array = EYRING * kelvin * np.exp(-barrier / (GAS * kelvin))
        return found

    solubility = 0.01 + 10 ** (4 * polarity - 1.5 * lattice - 2.5)
    dissolved = solubility / (solubility + 2 * concentration)
    boronate = dissolved / (1 + 10 ** ((9 - acidity) / 3))
    strong = dissolved / (1 + 10 ** ((14 - acidity) / 2))
    mixed = 1 / (1 + concentration / (0.96 - 0.8 * polarity))

    insertion = k(85.5 + 22 * hardness - donor * (6 + 21 * hardness) - bulk * (4 + 8 * hardness) + 8 * bite)
    transfer = k(77.5 + 6 * bulk**2 + 14 * stickiness * (1 - polarity)) * boronate * (0.12 + protons) * (1 + strong)
    elimination = k(93 + 8 * donor - 21 * bulk - 9 * bite)
    reduction = k(87.0) * (0.27 + hydrides + amine)
    cycle = mixed / (1 / insertion + 1 / transfer + 1 / elimination) / (1 + 6 * affinity * bulk)
    return Rates(
        coupling=palladium * cycle,
        decay=k(109 + 13 * life + 5 * affinity) * (1 + palladium / 1e-3),
        loss=k(110.0) * (0.2 + protons) * (0.2 + (2 + hydrolysis) * strong),
        kept=(1 - 0.5 * loading / PERCENT) * elimination / (elimination + reduction),
    )


def yields(flasks: Rates) -> Float[Array, " n"]:
    """The yield of each flask after 16 hours, in percent."""
    turnovers = -flasks.coupling * np.expm1(-flasks.decay * HOURS) / flasks.decay
    # The integrand is below exp(-X (1 + ρ/κ)).
    end = np.minimum(turnovers, FAR / (1 + flasks.loss / flasks.coupling))
    x = end[:, None] * PLACES
    left = np.log1p(-x * (flasks.decay / flasks.coupling)[:, None]) * (flasks.loss / flasks.decay)[:, None]
    found: Array = PERCENT * flasks.kept * (np.exp(left - x) @ SHARES) * end
    return found


def evaluate(batch: Sequence[Params]) -> list[float]:
    """The yield of each design, in percent."""
    space = problem().space
    designs = [[params[name] for name in space.names] for params in checked(space, batch)]
    places = [{level: at for at, level in enumerate(table)} for table in CHOICES.values()]
    levels = np.array([[place[str(v)] for place, v in zip(places, row[:4], strict=True)] for row in designs], dtype=int)
    numbers = np.array([row[4:] for row in designs], dtype=float)
    found: list[float] = yields(rates(levels.reshape(-1, 4), numbers.reshape(-1, 3))).tolist()
    return found


@cache
def problem() -> Problem:
    """The problem `cross_coupling`: 3,072 combinations, and three numbers of each."""
    space = Space(
        [
            *(Choice(name, list(table)) for name, table in CHOICES.items()),
            Real("temperature", 40.0, 110.0, unit="degC"),
            Real("concentration", 0.02, 0.5, log_scale=True, unit="mol/L"),
            Real("loading", 0.2, 5.0, log_scale=True, unit="mol %"),
        ]
    )
    return Problem(
        name="cross_coupling",
        space=space,
        evaluate=evaluate,
        direction="maximize",
        optimum=OPTIMUM,
        best_known=OPTIMUM,
        start=12,
        budget=60,
        batch=8,
        noise_std=NOISE,
        source="own; kinetics of a textbook, descriptors made up",
    )
