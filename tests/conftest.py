"""Shared by all tests."""

from collections.abc import Iterator

import hypothesis
import numpy as np
import pytest
import torch

# The same examples in every run, and no clock.
hypothesis.settings.register_profile("gdopt", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("gdopt")


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def untouched_random_state() -> Iterator[None]:
    """Fails the test if it moves a global random state; Python's own is moved by beartype, which checks at random."""

    def states() -> tuple[object, ...]:
        return torch.get_rng_state().tolist(), str(np.random.get_state())  # noqa: NPY002

    before = states()
    yield
    assert states() == before
