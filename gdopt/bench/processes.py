"""A pool of processes with one PyTorch thread each, as more threads than cores slow each other down."""

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
    """A pool of processes, by default one for each core; an error in the block cancels jobs that have not begun."""
    # Spawned, not forked: a fork of a process that has used torch's threads can hang.
    with ProcessPoolExecutor(workers or os.cpu_count(), get_context("spawn"), initializer=_begin) as pool:
        try:
            yield pool
        except BaseException:
            # Otherwise the error is raised only after all other runs.
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _begin() -> None:
    """One thread, and an exit with the parent: otherwise a worker goes on after its parent was killed."""
    torch.set_num_threads(1)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
