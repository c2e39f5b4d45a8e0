"""The problem `snar`: a nucleophilic aromatic substitution in a flow reactor, and how much it makes an hour.

Hone et al. 2017 (React. Chem. Eng. 2, 103) measured the kinetics: 2,4-difluoronitrobenzene (1) and pyrrolidine (2) in
ethanol give the ortho product (3), which is wanted, the para one (4), and with more pyrrolidine the bis one (5):

    1 + 2 -> 3 (a)    1 + 2 -> 4 (b)    3 + 2 -> 5 (c)    4 + 2 -> 5 (d)

each of second order, k = k_90 exp(-E_a/R (1/T - 1/363.15 K)); the reactor is an ideal plug flow. The value
(maximized) is the space-time yield, the mass of (3) an hour and a reactor volume, in kg/(m3 h). What must hold is E
<= 12 for the E-factor, kg of waste a kg of product: ethanol, and all that is dissolved and not (3). (Hydrogen
fluoride is not counted.) About a fifth of the box keeps to the limit. The best yield is at the least time and the
highest concentration, where the limit does not bind: E = 9.8.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from jaxtyping import Float
from scipy.integrate import solve_ivp

from gdopt.bench.problem import Problem
from gdopt.space.parameters import Params, Real
from gdopt.space.space import Space
from gdopt_problems.designs import deb, matrix, rowwise

__all__ = ["MASSES", "e_factor", "outlet", "problem", "rates", "space_time_yield"]

Array = np.ndarray

GAS = 8.314462618e-3  # kJ/(mol K)
ZERO = 273.15  # K, at 0 degC
REFERENCE = 90 + ZERO  # K, of the rate constants
PER_MINUTE = 0.6  # L/(mol min) in 0.01 L/(mol s)
K90 = np.array([57.9, 2.70, 0.865, 1.63])  # 0.01 L/(mol s), of a to d at 90 degC
ACTIVATION = np.array([33.3, 35.3, 38.9, 44.8])  # kJ/mol
MASSES = np.array([159.09, 71.12, 210.21, 210.21, 261.33])  # g/mol, of (1) to (5)
ETHANOL = 0.789  # kg/L
PRODUCT = 2  # the index of (3)
LIMIT = 12.0  # of the E-factor
MINUTES, GRAMS = 60.0, 1000.0  # an hour, a kilogram
BEST = 11_562.27  # kg/(m3 h), by differential evolution and Nelder-Mead
PER_EXCESS = -100.0  # kg/(m3 h) a unit of E-factor above the limit; the worst feasible yield is above 0


def rates(celsius: float) -> Float[Array, " 4"]:
    """The rate constants a to d, in L/(mol min)."""
    found: Array = PER_MINUTE * K90 * np.exp(-ACTIVATION / GAS * (1 / (celsius + ZERO) - 1 / REFERENCE))
    return found


def outlet(design: Float[Array, " 4"], method: str = "LSODA", rtol: float = 1e-8) -> Float[Array, " 5"]:
    """The concentrations of (1) to (5) at the end of the reactor, in mol/L.

    Args:
        design: residence time (min), equivalents of (2), concentration of (1) (mol/L), temperature (degC).
        method: of `scipy.integrate.solve_ivp`.
        rtol: of the same.
    """
    minutes, equivalents, concentration, celsius = design.tolist()
    k = rates(celsius)

    def change(_: float, c: Float[Array, " 5"]) -> list[float]:
        a, b, bis_a, bis_b = k * c[1] * np.array([c[0], c[0], c[2], c[3]])
        return [-a - b, -a - b - bis_a - bis_b, a - bis_a, b - bis_b, bis_a + bis_b]

    first = [concentration, equivalents * concentration, 0.0, 0.0, 0.0]
    found: Array = solve_ivp(change, (0.0, minutes), first, method=method, rtol=rtol, atol=rtol * 1e-3).y[:, -1]
    return found


def space_time_yield(c: Float[Array, " 5"], minutes: float) -> float:
    """kg of product an hour and m3 of reactor, of an outlet."""
    return float(MINUTES * MASSES[PRODUCT] * c[PRODUCT] / minutes)  # g/L is kg/m3


def e_factor(c: Float[Array, " 5"]) -> float:
    """kg of waste a kg of product, of an outlet."""
    dissolved = MASSES * c / GRAMS  # kg/L
    return float((ETHANOL + dissolved.sum() - dissolved[PRODUCT]) / dissolved[PRODUCT])


def measures(x: Float[Array, "n 4"]) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """The yield of each row, and by how much its E-factor is above the limit."""
    outlets = [outlet(row) for row in x]
    yields = [space_time_yield(c, row[0]) for c, row in zip(outlets, x, strict=True)]
    excess = [max(e_factor(c) - LIMIT, 0.0) for c in outlets]
    return np.array(yields), np.array(excess)


def violations(batch: Sequence[Params]) -> list[float]:
    """By how much the E-factor of each design is above 12."""
    found: list[float] = measures(matrix(problem().space, batch))[1].tolist()
    return found


@cache
def problem() -> Problem:
    """The problem `snar`: four settings of a flow reactor."""
    space = Space(
        [
            Real("residence_time", 0.5, 2.0, unit="min"),
            Real("pyrrolidine", 1.0, 5.0, unit="equivalents"),
            Real("concentration", 0.1, 0.5, unit="mol/L"),
            Real("temperature", 30.0, 120.0, unit="degC"),
        ]
    )
    return Problem(
        name="snar",
        space=space,
        evaluate=rowwise(space, lambda x: deb(*measures(x), worst=0.0, per_unit=PER_EXCESS)),
        direction="maximize",
        best_known=BEST,
        start=8,
        budget=60,
        batch=4,
        violations=violations,
        source="Hone et al. 2017, React. Chem. Eng. 2, 103 (kinetics); own simulation",
    )
