"""Three engineering problems with constraints on the result, from BoTorch's formulas.

A design that breaks a constraint has a value worse than every one that breaks none, by Deb's rule (`designs.deb`), so
that an algorithm needs to know only values; `Problem.violations` has the sum of what is broken, each constraint as a
share of its bound. `Problem.outcomes` has the
value as it is beside the slack of each constraint, for algorithms that model limits.

* `pressure_vessel`: the cost of a vessel (US dollars). Plates come in sixteenths of an inch, so the two thicknesses are
  `Integer`. (BoTorch rounds them in the cost and not in the constraints, which lets a vessel be thinner in the
  cost than in the strength; here both see the whole number.)
* `speed_reducer`: the weight of a gear box, in the units of its authors. The number of teeth is an `Integer`.
* `keane_bump10`: Keane's bump in ten parameters: no optimum is proven. The best known is better than the -0.6737 that
  BoTorch has.
"""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import torch
from botorch.test_functions import PressureVessel, SpeedReducer
from botorch.test_functions.synthetic import ConstrainedSyntheticTestFunction, KeaneBumpFunction
from jaxtyping import Float

from gdopt.bench.problem import OBJECTIVE, Problem
from gdopt.space.parameters import Integer, Params, Real
from gdopt.space.space import Space
from gdopt.trials.objectives import OutcomeConstraint
from gdopt_problems.designs import deb, matrix, rowwise

__all__ = ["problem"]

Array = np.ndarray

SIXTEENTH = 1 / 16  # inch
ROUNDING = 1e-9  # of a constraint's scale, by which an optimum on its bound may break it
# What each slack of BoTorch's is divided by: the bound it is measured from, or 1 where it is a ratio or in inches.
VESSEL_SCALES = np.array([1.0, 1.0, 1_296_000.0, 240.0])
REDUCER_SCALES = np.array([1.0, 1.0, 1.0, 1.0, 1100.0, 850.0, 40.0, 5.0, 12.0, 1.0, 1.0])
KEANE_SCALES = np.array([0.75, 75.0])


@cache
def problem(name: str) -> Problem:
    """The problem of that name, minimized."""
    return {"pressure_vessel": vessel, "speed_reducer": reducer, "keane_bump10": keane}[name]()


def vessel() -> Problem:
    """A cylinder between two half-spheres, for 750 cubic feet."""
    space = Space(
        [
            Integer("shell", 1, 99, unit="1/16 in"),
            Integer("head", 1, 99, unit="1/16 in"),
            Real("radius", 10.0, 50.0, unit="in"),
            Real("length", 150.0, 200.0, unit="in"),
        ]
    )
    inches = np.array([SIXTEENTH, SIXTEENTH, 1.0, 1.0])
    value, slack = _functions(PressureVessel(), VESSEL_SCALES, inches)
    broken = _broken(slack)
    outcomes, limits = _told(space, value, slack, len(VESSEL_SCALES))
    return Problem(
        name="pressure_vessel",
        space=space,
        # The thickest and largest vessel of the box costs 128,238.
        evaluate=rowwise(space, lambda x: deb(value(x), broken(x), worst=130_000.0, per_unit=130_000.0)),
        direction="minimize",
        optimum=6059.714335048436,
        best_known=6059.714335048436,
        start=10,
        budget=100,
        batch=5,
        violations=rowwise(space, broken),
        outcomes=outcomes,
        outcome_constraints=limits,
        source="Sandgren 1990, J. Mech. Des. 112; Coello Coello and Mezura-Montes 2002, Adv. Eng. Inform. 16; BoTorch",
    )


def reducer() -> Problem:
    """A gear box of two shafts."""
    space = Space(
        [
            Real("face_width", 2.6, 3.6, unit="cm"),
            Real("module", 0.7, 0.8, unit="cm"),
            Integer("teeth", 17, 28),
            Real("length_1", 7.3, 8.3, unit="cm"),
            Real("length_2", 7.8, 8.3, unit="cm"),
            Real("diameter_1", 2.9, 3.9, unit="cm"),
            Real("diameter_2", 5.0, 5.5, unit="cm"),
        ]
    )
    value, slack = _functions(SpeedReducer(), REDUCER_SCALES, np.ones(7))
    broken = _broken(slack)
    outcomes, limits = _told(space, value, slack, len(REDUCER_SCALES))
    return Problem(
        name="speed_reducer",
        space=space,
        # No gear box of the box weighs more than 7,145.
        evaluate=rowwise(space, lambda x: deb(value(x), broken(x), worst=7_200.0, per_unit=7_200.0)),
        direction="minimize",
        optimum=2996.348164968,
        best_known=2996.348164968,
        start=10,
        budget=100,
        batch=5,
        violations=rowwise(space, broken),
        outcomes=outcomes,
        outcome_constraints=limits,
        source="Golinski 1973, Mech. Mach. Theory 8; Lemonge et al. 2010, Mecanica Computacional 29; BoTorch",
    )


def keane() -> Problem:
    """Keane's bump on [0, 10]^10: minimize minus a bump, the product above 0.75 and the sum below 75."""
    space = Space.from_bounds([(0.0, 10.0)] * 10)
    value, slack = _functions(KeaneBumpFunction(dim=10), KEANE_SCALES, np.ones(10))
    broken = _broken(slack)
    outcomes, limits = _told(space, value, slack, len(KEANE_SCALES))
    return Problem(
        name="keane_bump10",
        space=space,
        evaluate=rowwise(space, lambda x: deb(value(x), broken(x), worst=0.0, per_unit=1.0)),
        direction="minimize",
        best_known=-0.747310362,  # by SLSQP from starts that follow its pattern
        start=20,
        budget=200,
        batch=5,
        violations=rowwise(space, broken),
        outcomes=outcomes,
        outcome_constraints=limits,
        source="Keane 1994, Adaptive Computing in Engineering Design and Control; BoTorch",
    )


Function = Callable[[Float[Array, "n d"]], Float[Array, " n"]]
Outcomes = Callable[[Sequence[Params]], list[dict[str, float]]]
Slack = Callable[[Float[Array, "n d"]], Float[Array, "n c"]]


def _functions(
    what: ConstrainedSyntheticTestFunction, scales: Float[Array, " c"], units: Float[Array, " d"]
) -> tuple[Function, Slack]:
    """The value and the slacks of rows, which are multiplied by `units` first; a slack is 0 or more where it holds."""

    def value(x: Float[Array, "n d"]) -> Float[Array, " n"]:
        found: Array = what.evaluate_true(torch.from_numpy(x * units)).numpy()
        return found

    def slack(x: Float[Array, "n d"]) -> Float[Array, "n c"]:
        found: Array = what.evaluate_slack_true(torch.from_numpy(x * units)).numpy() / scales
        return found

    return value, slack


def _broken(slack: Slack) -> Function:
    """By how much rows break the constraints, summed."""
    return lambda x: np.maximum(-slack(x) - ROUNDING, 0.0).sum(axis=1)


def _told(space: Space, value: Function, slack: Slack, count: int) -> tuple[Outcomes, tuple[OutcomeConstraint, ...]]:
    """The value and the slacks by name, and the limits on these."""
    names = [f"slack_{i + 1}" for i in range(count)]

    def outcomes(batch: Sequence[Params]) -> list[dict[str, float]]:
        if not batch:
            return []
        x = matrix(space, batch)
        rows = np.column_stack([value(x), slack(x)]).tolist()
        return [dict(zip((OBJECTIVE, *names), row, strict=True)) for row in rows]

    return outcomes, tuple(OutcomeConstraint(name, ">=", -ROUNDING) for name in names)
