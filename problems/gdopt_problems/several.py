"""Three problems of several objectives from BoTorch, with its references and its greatest known hypervolumes.

* `branin_currin`: two functions of two parameters, both minimized (Belakaria et al. 2019, NeurIPS).
* `vehicle_safety`: thicknesses of five parts of a car; its mass, how hard passengers are thrown in a frontal crash and
  how far the toe board comes in, all minimized (Tanabe and Ishibuchi 2020, Appl. Soft Comput. 89, RE3-5-4).
* `penicillin3`: a fermentation; its yield is maximized, carbon dioxide and time are minimized (Liang and Lai 2021,
  NeurIPS workshop on AI for science). `gdopt_problems.penicillin` says of its spikes; the volume is BoTorch's.

Starts are BoTorch's, 2 (d + 1); ten rounds of eight follow.
"""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import torch
from botorch.test_functions.multi_objective import BraninCurrin, VehicleSafety
from jaxtyping import Float

from gdopt.bench.problem import Problem
from gdopt.space.parameters import Params, Real
from gdopt.space.space import Space
from gdopt.trials.objectives import Objective
from gdopt_problems import penicillin
from gdopt_problems.designs import matrix, rowwise

__all__ = ["problem"]

Array = np.ndarray

BATCH, ROUNDS = 8, 10

Function = Callable[[Float[Array, "n d"]], Float[Array, "n m"]]


@cache
def problem(name: str) -> Problem:
    """The problem of that name."""
    return {"branin_currin": branin_currin, "vehicle_safety": vehicle_safety, "penicillin3": fermenter}[name]()


def branin_currin() -> Problem:
    """Branin's function against Currin's, on the unit square."""
    objectives = (Objective("branin", "minimize", 18.0), Objective("currin", "minimize", 6.0))
    space = Space.from_bounds([(0.0, 1.0)] * 2)

    def values(x: Float[Array, "n 2"]) -> Float[Array, "n 2"]:
        found: Array = BraninCurrin().evaluate_true(torch.from_numpy(x)).numpy()
        return found

    return _problem("branin_currin", space, objectives, values, 59.36011874867746, "Belakaria et al. 2019; BoTorch")


def vehicle_safety() -> Problem:
    """A car's front, three objectives of five thicknesses."""
    objectives = (
        Objective("mass", "minimize", 1864.72022),
        Objective("acceleration", "minimize", 11.81993945),
        Objective("intrusion", "minimize", 0.2903999384),
    )
    parts = ("bumper", "hood", "rail", "floor", "cross_member")
    space = Space([Real(name, 1.0, 3.0, unit="mm") for name in parts])

    def values(x: Float[Array, "n 5"]) -> Float[Array, "n 3"]:
        found: Array = VehicleSafety().evaluate_true(torch.from_numpy(x)).numpy()
        return found

    source = "Tanabe and Ishibuchi 2020, Appl. Soft Comput. 89; BoTorch"
    return _problem("vehicle_safety", space, objectives, values, 246.81607081187002, source)


def fermenter() -> Problem:
    """Penicillin's yield against carbon dioxide and time, of seven settings."""
    objectives = (
        Objective("penicillin", "maximize", -25.935),
        Objective("carbon_dioxide", "minimize", 57.612),
        Objective("time", "minimize", 935.5),
    )

    def values(x: Float[Array, "n 7"]) -> Float[Array, "n 3"]:
        found: Array = penicillin.objectives(x) * np.array([-1.0, 1.0, 1.0])
        return found

    source = "Liang and Lai 2021, NeurIPS workshop on AI for science; BoTorch"
    return _problem("penicillin3", penicillin.problem().space, objectives, values, 2183455.909507436, source)


def _problem(
    name: str, space: Space, objectives: tuple[Objective, ...], values: Function, volume: float, source: str
) -> Problem:
    names = [one.name for one in objectives]

    def outcomes(batch: Sequence[Params]) -> list[dict[str, float]]:
        return [dict(zip(names, row, strict=True)) for row in values(matrix(space, batch)).tolist()] if batch else []

    start = 2 * (len(space.parameters) + 1)
    return Problem(
        name=name,
        space=space,
        evaluate=rowwise(space, lambda x: values(x)[:, 0]),
        direction=objectives[0].direction,
        start=start,
        budget=start + ROUNDS * BATCH,
        batch=BATCH,
        outcomes=outcomes,
        objectives=objectives,
        volume=volume,
        source=source,
    )
