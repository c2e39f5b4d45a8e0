"""Processes side by side on the cores, one torch thread each: more would spin against one another."""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from threading import Thread

import torch

__all__ = ["processes"]


def processes(workers: int | None = None) -> ProcessPoolExecutor:
    """A pool of processes, one for each core by default."""
    # Spawned, not forked: a fork of a process that has used torch's threads can hang.
    return ProcessPoolExecutor(workers or os.cpu_count(), get_context("spawn"), initializer=_begin)


def _begin() -> None:
    """One thread, and an end with the parent: a worker whose parent was killed would play on for nobody."""
    torch.set_num_threads(1)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
