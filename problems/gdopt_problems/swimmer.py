"""The problem `swimmer16`: a linear policy for a swimmer of three links, MuJoCo's Swimmer-v5.

The two torques are W s, cut off at -1 and 1, of the eight numbers s that gymnasium's Swimmer-v5 observes; the
parameters are the sixteen of W (Mania et al. 2018, arXiv 1803.07055, for linear policies). The value (maximized) is
the sum of the rewards of one episode of 1,000 steps from a fixed seed: how far it comes forward, less the torques.
"""

from functools import cache
from typing import Any

from gdopt.bench.problem import Problem
from gdopt.errors import MissingExtraError
from gdopt.space.space import Space
from gdopt_problems.designs import rowwise

try:
    import gymnasium
    import mujoco  # noqa: F401
except ImportError as error:
    raise MissingExtraError(f"the problem swimmer16 needs {error.name}: pip install 'gdopt[control]'") from error

import numpy as np
from jaxtyping import Float

__all__ = ["episode", "problem"]

Array = np.ndarray

TORQUES, OBSERVED = 2, 8
SEED = 0


@cache
def swimmer() -> Any:
    """The one environment."""
    return gymnasium.make("Swimmer-v5")


def episode(policy: Float[Array, "2 8"], seed: int = SEED) -> float:
    """The sum of the rewards of one episode."""
    state, _ = swimmer().reset(seed=seed)
    total, over = 0.0, False
    while not over:
        state, reward, ended, cut, _ = swimmer().step(np.clip(policy @ state, -1.0, 1.0))
        total, over = total + float(reward), ended or cut
    return total


@cache
def problem() -> Problem:
    """The problem `swimmer16`."""
    space = Space.from_bounds([(-1.0, 1.0)] * (TORQUES * OBSERVED))

    def values(x: Float[Array, "n 16"]) -> Float[Array, " n"]:
        return np.array([episode(row.reshape(TORQUES, OBSERVED)) for row in x])

    return Problem(
        name="swimmer16",
        space=space,
        evaluate=rowwise(space, values),
        direction="maximize",
        start=30,
        budget=500,
        batch=25,
        source="Mania et al. 2018, arXiv 1803.07055 (linear policies); gymnasium's Swimmer-v5, one fixed seed",
    )
