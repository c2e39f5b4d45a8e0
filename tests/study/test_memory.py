"""The largest tensor of an `ask`: many trials are pending, levels are many, or the batch is large."""

from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import gdopt
from gdopt import Choice, Space
from gdopt.study.study import Study
from gdopt.trials.proposals import append
from gdopt.trials.state import State
from tests.strategies import drive, unchecked

# Numbers: 256 and 128 MB. An `ask` holds half a dozen such tensors at once.
COVARIANCES, LARGEST = 2**25, 2**24
CUBE = Space.from_bounds([(0, 1)] * 4)
LEVELS = Space([Choice(name, [f"{name}{i}" for i in range(200)]) for name in "ab"])


class Largest(TorchDispatchMode):
    """The size of the largest tensor that an operation gives while it is entered."""

    numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = func(*args, **(kwargs or {}))
        sizes = [one.untyped_storage().nbytes() // 8 for one in tree_leaves(given) if isinstance(one, torch.Tensor)]
        self.numbers = max([self.numbers, *sizes])
        return given


def largest(state: State, n: int) -> int:
    """The size of the largest tensor of an `ask`."""
    with unchecked(), Largest() as seen:
        gdopt.GuidedDiffusion().ask(state, n)
    return seen.numbers


def told(space: Space, n: int) -> State:
    study = Study(space, direction="maximize", algorithm=gdopt.RandomSearch())
    return drive(study, 1, n, lambda p: sum(float(len(str(v))) for v in p.values())).state


@pytest.mark.parametrize("pending", [400, 1000])
def test_pending_trials_do_not_multiply_the_candidates(pending: int) -> None:
    state = told(CUBE, 100)
    more = Study(CUBE, direction="maximize", algorithm=gdopt.RandomSearch(), seed=1).ask(pending)
    state = append(state, [t.params for t in more], ["start"] * pending, [None] * pending, {})
    assert largest(state, 1) <= COVARIANCES


def test_levels_are_not_tried_in_all_rows_at_once() -> None:
    assert largest(told(LEVELS, 30), 2) <= LARGEST


def test_a_large_batch_has_no_joint_covariance_of_its_pool() -> None:
    assert largest(told(CUBE, 30), 1200) <= LARGEST
