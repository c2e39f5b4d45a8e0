"""Random streams of each `ask`, and isolation of libraries that use the global generators."""

import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

__all__ = ["isolated", "seed_from", "stream"]


@contextmanager
def isolated(seed: int) -> Iterator[None]:
    """A block with seeded global generators, whose states are restored afterwards.

    Warnings are off: these libraries warn of internals, such as a retried fit or data that are not standardized, which
    users of gdopt cannot change.

    Example:
        >>> with isolated(1):
        ...     first = torch.rand(2)
        >>> with isolated(1):
        ...     second = torch.rand(2)
        >>> torch.equal(first, second)
        True
    """
    python, array = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.manual_seed(seed)
            np.random.seed(seed % 2**32)  # noqa: NPY002
            random.seed(seed)
            yield
    finally:
        random.setstate(python)
        np.random.set_state(array)  # noqa: NPY002


def stream(seed: int, n_asks: int) -> torch.Generator:
    """The random stream of an `ask`, derived from the seed of the study and the number of asks before it."""
    words = np.random.SeedSequence([seed, n_asks]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(words[0] >> np.uint64(1)))


def seed_from(generator: torch.Generator) -> int:
    """A seed, drawn from a generator, for a library whose seeds are integers."""
    return int(torch.randint(2**31, (1,), generator=generator))
