"""The problem `penicillin`: a fermentation, its yield against carbon dioxide and time, in one number.

The simulation is Liang and Lai's (2021, NeurIPS workshop on AI for science), in BoTorch, whose three objectives are
made one (maximized):

    P - 0.05 CO2 - 0.01 t

P the penicillin at the end (g/L), CO2 the carbon dioxide (g/L), t the time (h). The weights are ours: good designs
yield some 13 g/L, and their carbon dioxide and their time cost about 2.5 each.

The simulation goes on hour by hour until the vessel is full, the glucose is used up or penicillin no longer grows, so
the value jumps. An hour is too long a step where glucose is scarce: near 302 K the value has spikes, up to 20.1 and
more, that a change of a millionth of a parameter takes away. The best known value is one; away from them it is 8.87,
and a result above 9 is a spike. They are in BoTorch's simulation, which is kept as it is.
"""

from functools import cache

import numpy as np
import torch
from botorch.test_functions.multi_objective import Penicillin
from jaxtyping import Float

from gdopt.bench.problem import Problem
from gdopt.space.parameters import Real
from gdopt.space.space import Space
from gdopt_problems.designs import rowwise

__all__ = ["objectives", "problem", "values"]

Array = np.ndarray

# The best found: on a spike, by a local search; and away from spikes, by differential evolution, with its value.
BEST = 20.135940573367993
SMOOTH = [88.90969544845981, 17.90341578186478, 293.0731161367181, 17.53511871283534]
SMOOTH += [0.0667707371756516, 698.5243634147756, 6.461661326676017]
SMOOTH_BEST = 8.865439985105356
WEIGHTS = np.array([-1.0, -0.05, -0.01])  # of BoTorch's minimized objectives: minus P, CO2 and t


def objectives(x: Float[Array, "n 7"]) -> Float[Array, "n 3"]:
    """Minus P, CO2 and t of each row: BoTorch's."""
    found: Array = Penicillin().evaluate_true(torch.from_numpy(x)).numpy()
    return found


def values(x: Float[Array, "n 7"]) -> Float[Array, " n"]:
    """The three in one number."""
    found: Array = objectives(x) @ WEIGHTS
    return found


@cache
def problem() -> Problem:
    """The problem `penicillin`: seven settings of a fermenter."""
    space = Space(
        [
            Real("volume", 60.0, 120.0, unit="L"),
            Real("biomass", 0.05, 18.0, unit="g/L"),
            Real("temperature", 293.0, 303.0, unit="K"),
            Real("glucose", 0.05, 18.0, unit="g/L"),
            Real("feed_rate", 0.01, 0.5, unit="L/h"),
            Real("feed_concentration", 500.0, 700.0, unit="g/L"),
            Real("acidity", 5.0, 6.5, unit="pH"),
        ]
    )
    return Problem(
        name="penicillin",
        space=space,
        evaluate=rowwise(space, values),
        direction="maximize",
        best_known=BEST,
        start=16,
        budget=100,
        batch=5,
        source="Liang and Lai 2021, NeurIPS workshop on AI for science; BoTorch, its objectives made one",
    )
