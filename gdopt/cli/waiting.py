"""A progress line on the error stream for calls of more than a second: time elapsed and time left."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

__all__ = ["waiting"]

# Seconds before the line appears, and between updates.
PATIENCE, PACE = 1.0, 0.25


@contextmanager
def waiting(what: str, expected: float | None, console: Console | None = None) -> Iterator[None]:
    """Show a progress line while the context runs.

    Args:
        what: description of the call.
        expected: expected seconds, if there is an estimate.
        console: the console; by default the error stream.
    """
    over = threading.Event()
    args = (console or Console(stderr=True, highlight=False), what, expected, over)
    thread = threading.Thread(target=_say, args=args, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _say(console: Console, what: str, expected: float | None, over: threading.Event) -> None:
    began = time.perf_counter()
    if over.wait(PATIENCE):
        return
    if not console.is_terminal:
        console.print(_line(what, PATIENCE, expected), markup=False, soft_wrap=True)
        return
    with console.status(_line(what, PATIENCE, expected)) as status:
        while not over.wait(PACE):
            status.update(_line(what, time.perf_counter() - began, expected))


def _line(what: str, seconds: float, expected: float | None) -> str:
    """The text of the line, such as "asking for 8 trials: 3 s, about 9 s left"."""
    if expected is None:
        return f"{what}: {seconds:.0f} s"
    left = expected - seconds
    said = f"about {left:.0f} s left" if left >= 1 else f"the last took {expected:.0f} s"
    return f"{what}: {seconds:.0f} s, {said}"
