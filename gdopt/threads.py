"""PyTorch on one thread: tensors of a few hundred rows are done before other threads have begun."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["one_thread"]


class _Inside:
    """How many calls of the process are within `one_thread`, and the threads that PyTorch had before the first."""

    lock = threading.Lock()
    count = 0
    before = 1


@contextmanager
def one_thread() -> Iterator[None]:
    """With PyTorch on one thread, and after that on as many as before, whatever was raised.

    PyTorch keeps the number for each thread that calls it, and hands the last one that was set to new ones: what a
    call finds while another is inside says nothing.
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
