"""The problem `lunar_lander12`: the twelve numbers of a controller that lands a craft on the moon.

The craft is LunarLander-v3 of gymnasium. The controller is the one that comes with it in form, a proportional and
differential one for the angle and for the height, whose twelve constants are the parameters (Eriksson et al. 2019,
arXiv 1910.01739). The value (maximized) is the mean reward of an episode over 20 fixed seeds: without noise, the same
again and again. A landing is worth some 200 to 300, a crash less than 0.
"""

import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any

from gdopt.bench.problem import Problem
from gdopt.errors import MissingExtraError
from gdopt.space.space import Space
from gdopt_problems.designs import rowwise

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of SWIG, which made Box2D
        import Box2D  # noqa: F401
        import gymnasium
except ImportError as error:
    raise MissingExtraError(f"the problem lunar_lander12 needs {error.name}: pip install 'gdopt[control]'") from error

import numpy as np
from jaxtyping import Float

__all__ = ["PUBLISHED", "action", "episode", "problem"]

Array = np.ndarray

SEEDS = range(20)
HIGH = 2.0  # of each constant
# The constants that gymnasium's own controller has.
PUBLISHED = (0.5, 1.0, 0.4, 0.55, 0.5, 1.0, 0.5, 0.5, 0.0, 0.5, 0.05, 0.05)
NOTHING, LEFT, MAIN, RIGHT = range(4)  # engines


def action(state: Sequence[float], w: Sequence[float]) -> int:
    """Which engine to fire.

    Args:
        state: place (2), speed (2), angle, its speed, and whether each leg touches the ground.
        w: the twelve constants.
    """
    x, y, speed_x, speed_y, angle, turning, leg_1, leg_2 = state
    wanted_angle = max(-w[2], min(w[2], x * w[0] + speed_x * w[1]))
    turn = (wanted_angle - angle) * w[4] - turning * w[5]
    lift = (w[3] * abs(x) - y) * w[6] - speed_y * w[7]
    if leg_1 or leg_2:
        turn, lift = w[8], -speed_y * w[9]
    if lift > abs(turn) and lift > w[10]:
        return MAIN
    if turn < -w[11]:
        return RIGHT
    return LEFT if turn > w[11] else NOTHING


@cache
def craft() -> Any:
    """The one environment, whose making takes longer than an episode."""
    return gymnasium.make("LunarLander-v3")


def episode(w: Sequence[float], seed: int) -> float:
    """The sum of the rewards of one episode."""
    state, _ = craft().reset(seed=seed)
    total, over = 0.0, False
    while not over:
        state, reward, ended, cut, _ = craft().step(action(state.tolist(), w))
        total, over = total + float(reward), ended or cut
    return total


@cache
def problem() -> Problem:
    """The problem `lunar_lander12`."""
    space = Space.from_bounds([(0.0, HIGH)] * len(PUBLISHED))

    def values(x: Float[Array, "n 12"]) -> Float[Array, " n"]:
        return np.array([np.mean([episode(w, seed) for seed in SEEDS]) for w in x.tolist()])

    return Problem(
        name="lunar_lander12",
        space=space,
        evaluate=rowwise(space, values),
        direction="maximize",
        start=30,
        budget=500,
        batch=25,
        source="Eriksson et al. 2019, arXiv 1910.01739; gymnasium's LunarLander-v3, 20 fixed seeds",
    )
