"""A service in a thread, on a port of its own."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import gdopt
from gdopt.service.app import create_app
from gdopt.service.run import listening, server
from gdopt.study.study import Study

TOKEN = "a-token-of-the-tests"
SPACE = gdopt.Space(
    [
        gdopt.Real("heat", 20, 120, unit="degC"),
        gdopt.Real("dose", 1e-3, 10, log_scale=True),
        gdopt.Choice("base", ["KOAc", "Cs2CO3"]),
    ]
)


def random_study(**settings: object) -> Study:
    """A study whose asks take no time, in memory unless it is said otherwise."""
    return Study(**{"space": SPACE, "direction": "maximize", "algorithm": gdopt.RandomSearch(), **settings})


@contextmanager
def served(study: Study, port: int = 0, most: int | None = None, **settings: object) -> Iterator[str]:
    """The address of a service of a study, which ends with the block."""
    running = server(create_app(study, TOKEN, **settings))
    with listening("127.0.0.1", port, most) as bound:
        thread = threading.Thread(target=running.run, args=([bound],), daemon=True)
        thread.start()
        while not running.started:
            assert thread.is_alive()
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            running.should_exit = True
            thread.join()
