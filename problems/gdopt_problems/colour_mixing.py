"""The problem `colour_mixing`: five dyes and water in a well, to match a colour; for a laboratory that drives itself.

A well holds 300 uL: up to that much of the dyes, the rest is water. Light that passes through is weakened by Beer and
Lambert's law: of channel c the share 10^-(sum over dyes j of A_cj v_j / 300 uL) is left, A_cj the absorbance of a
well full of dye j. The value (minimized) is the root mean square over red, green and blue of the difference from a
target, as a share of full brightness: 0 where the colour is the target's. The target is the colour of `RECIPE`; with
five dyes for three channels there are other mixtures of the same colour.

The camera has a noise of 1 % of full brightness and two wells in a hundred fail (a bubble): a simulation of our own,
made up in numbers, not fitted to any dye.
"""

from functools import cache

import numpy as np
from jaxtyping import Float

from gdopt.bench.problem import Problem
from gdopt.space.constraints import Constraint
from gdopt.space.parameters import Real
from gdopt.space.space import Space
from gdopt_problems.designs import rowwise

__all__ = ["RECIPE", "colours", "problem", "values"]

Array = np.ndarray

WELL = 300.0  # uL
DYES = ("red", "yellow", "blue", "green", "violet")
# Absorbance in red, green and blue light of a well full of each dye.
ABSORBANCE = np.array(
    [
        [0.10, 1.60, 1.20],
        [0.05, 0.20, 1.80],
        [1.90, 0.90, 0.15],
        [1.50, 0.30, 1.10],
        [0.80, 1.70, 0.40],
    ]
)
RECIPE = np.array([45.0, 20.0, 15.0, 70.0, 30.0])  # uL: the target's
NOISE, FAILURES = 0.01, 0.02


def colours(volumes: Float[Array, "n 5"]) -> Float[Array, "n 3"]:
    """Red, green and blue of each mixture, from 0 to 1."""
    found: Array = 10 ** -(volumes / WELL @ ABSORBANCE)
    return found


def values(volumes: Float[Array, "n 5"]) -> Float[Array, " n"]:
    """The difference of each mixture from the target."""
    found: Array = np.sqrt(((colours(volumes) - colours(RECIPE[None])) ** 2).mean(axis=1))
    return found


@cache
def problem() -> Problem:
    """The problem `colour_mixing`: five volumes whose sum fits into the well."""
    space = Space([Real(dye, 0.0, WELL, unit="uL") for dye in DYES], [Constraint(dict.fromkeys(DYES, 1.0), upper=WELL)])
    return Problem(
        name="colour_mixing",
        space=space,
        evaluate=rowwise(space, values),
        direction="minimize",
        optimum=0.0,
        best_known=0.0,
        start=8,
        budget=48,
        batch=4,
        noise_std=NOISE,
        failure_rate=FAILURES,
        source="own; Beer and Lambert's law, dyes made up",
    )
