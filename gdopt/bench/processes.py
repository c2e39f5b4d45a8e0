"""Processes side by side on the cores, one torch thread each: more would spin against one another."""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import torch

__all__ = ["processes"]


def processes(workers: int | None = None) -> ProcessPoolExecutor:
    """A pool of processes, one for each core by default."""
    # Spawned, not forked: a fork of a process that has used torch's threads can hang.
    return ProcessPoolExecutor(
        workers or os.cpu_count(), get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
    )
