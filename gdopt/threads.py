"""PyTorch on one thread: for tensors of a few hundred rows, starting other threads takes longer than the work."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["one_thread"]


class _Inside:
    """Number of calls of `one_thread` in progress in this process, and PyTorch's threads before the first one."""

    lock = threading.Lock()
    count = 0
    before = 1


@contextmanager
def one_thread() -> Iterator[None]:
    """A block with PyTorch on one thread; afterwards PyTorch has its former number of threads, also after an error.

    PyTorch keeps the number for each calling thread, and new threads start with the last number that was set. A call
    therefore cannot rely on the number that it reads while another call is in progress.

    Example:
        >>> import torch
        >>> with one_thread():
        ...     torch.get_num_threads()
        1
    """
    # Imported here: modules that only record results import this one, and PyTorch takes a second.
    import torch

    with _Inside.lock:
        if not _Inside.count:
            _Inside.before = torch.get_num_threads()
        _Inside.count += 1
    torch.set_num_threads(1)
    try:
        yield
    finally:
        with _Inside.lock:
            _Inside.count -= 1
            torch.set_num_threads(_Inside.before)
