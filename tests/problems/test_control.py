"""The lander and the swimmer, where gymnasium is installed."""

import numpy as np
import pytest

from gdopt.errors import MissingExtraError
from gdopt_problems import load

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def needs_control() -> None:
    try:
        load("lunar_lander12"), load("swimmer16")
    except MissingExtraError as missing:
        pytest.skip(str(missing))


def test_the_published_controller_lands() -> None:
    from gdopt_problems.lunar_lander import PUBLISHED

    problem = load("lunar_lander12")
    assert problem.evaluate([dict(zip(problem.space.names, PUBLISHED, strict=True))])[0] > 200


def test_the_controller_is_gymnasiums_own() -> None:
    from gymnasium.envs.box2d.lunar_lander import heuristic

    from gdopt_problems.lunar_lander import PUBLISHED, action, craft

    states = np.random.default_rng(0).normal(size=(500, 8))
    states[:, 6:] = states[:, 6:] > 1
    assert all(action(s.tolist(), PUBLISHED) == heuristic(craft().unwrapped, s) for s in states)


def test_a_swimmer_without_torque_only_drifts() -> None:
    problem = load("swimmer16")
    assert abs(problem.evaluate([dict.fromkeys(problem.space.names, 0.0)])[0]) < 30


def test_an_episode_is_the_same_again() -> None:
    for name in ("lunar_lander12", "swimmer16"):
        problem = load(name)
        design = dict.fromkeys(problem.space.names, 0.5)
        assert problem.evaluate([design]) == problem.evaluate([design])
