"""Processes side by side on the cores, one torch thread each: more would spin against one another."""

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from threading import Thread

import torch

__all__ = ["processes"]


@contextmanager
def processes(workers: int | None = None) -> Iterator[ProcessPoolExecutor]:
    """A pool of processes, one for each core by default; an error within ends what has not begun."""
    # Spawned, not forked: a fork of a process that has used torch's threads can hang.
    with ProcessPoolExecutor(workers or os.cpu_count(), get_context("spawn"), initializer=_begin) as pool:
        try:
            yield pool
        except BaseException:
            # Or else the error would be seen after all the other runs.
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _begin() -> None:
    """One thread, and an end with the parent: a worker whose parent was killed would play on for nobody."""
    torch.set_num_threads(1)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
