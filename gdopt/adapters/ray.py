"""Evaluations on a Ray cluster: an executor for `Study.optimize`."""

import importlib
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from typing import Any

from gdopt.errors import MissingExtraError

try:
    ray = importlib.import_module("ray")
except ImportError as error:
    raise MissingExtraError("the adapter for Ray needs Ray: pip install 'gdopt[ray]'") from error

__all__ = ["RayExecutor"]

# Raised by a task whose worker or machine died more often than Ray restarts it.
LOST = (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError, ray.exceptions.OutOfMemoryError)


class RayExecutor(Executor):
    """Calls functions as tasks of the Ray cluster that this program is connected to; it connects if it is not.

    `study.optimize(evaluate, budget=200, batch=16, executor=RayExecutor(num_cpus=4))`

    Args:
        options: of each task, as `ray.remote` takes them: `num_cpus`, `num_gpus`, `max_retries`, `resources`, ...
    """

    def __init__(self, **options: Any) -> None:
        if not ray.is_initialized():
            ray.init()
        self._options = options

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Start a call as a task; its future raises the function's exception, or CancelledError if the worker died."""
        task = ray.remote(fn)
        if self._options:
            task = task.options(**self._options)
        return _unwrapped(task.remote(*args, **kwargs).future())


def _unwrapped(inner: Future[Any]) -> Future[Any]:
    """A future that raises the exception of a task without Ray's wrapping."""
    outer: Future[Any] = Future()
    outer.set_running_or_notify_cancel()

    def pass_on(done: Future[Any]) -> None:
        try:
            outer.set_result(done.result())
        except ray.exceptions.RayTaskError as error:
            outer.set_exception(error.cause if isinstance(error.cause, BaseException) else error)
        except LOST as error:
            outer.set_exception(CancelledError(str(error)))
        except BaseException as error:
            outer.set_exception(error)

    inner.add_done_callback(pass_on)
    return outer
