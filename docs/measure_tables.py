"""The cost of a table of candidates: CPU seconds and memory of the space, the study and its asks.

python docs/measure_tables.py [ROWS]

The table has 30 descriptors on a sheet of six hidden dimensions, and an id. It is made, written to a study's file in a
temporary folder, and its study is asked for 100 rows twice, with results, then for 8 and 96. For each step the script
prints the CPU seconds of one thread and the peak memory of the process so far, the table of pandas included.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

import gdopt
from gdopt.codecs.table import TableCodec
from gdopt.trials.trial import Trial

ROWS, HIDDEN, DESCRIPTORS = 1_000_000, 6, 30


def candidates(rows: int, seed: int = 0) -> tuple[pd.DataFrame, Float[np.ndarray, " n"]]:
    """A table, and the value of each row."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(rows, HIDDEN))
    bent, waves = rng.normal(size=(2, HIDDEN, DESCRIPTORS))
    seen = np.tanh(hidden @ bent / 2) + np.sin(hidden @ waves) / 2 + 0.1 * rng.normal(size=(rows, DESCRIPTORS))
    frame = pd.DataFrame(seen, columns=[f"d{i}" for i in range(DESCRIPTORS)])
    frame.insert(0, "compound", [f"C{i:07d}" for i in range(rows)])
    return frame, -((hidden - 0.7) ** 2).sum(1)


T = TypeVar("T")


def timed(name: str, step: Callable[[], T]) -> T:
    """The result of a step; its cost is printed."""
    began = time.process_time()
    found = step()
    seconds = time.process_time() - began
    # Kilobytes on Linux.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    sys.stdout.write(f"{name}: {seconds:.1f} CPU-s, {peak:.2f} GB\n")
    sys.stdout.flush()
    return found


def main() -> None:
    """Print a line for each step."""
    torch.set_num_threads(1)
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    frame, values = timed("the table itself", lambda: candidates(rows))
    space = timed("Space.from_table", lambda: gdopt.Space.from_table(frame, id="compound"))
    timed("whitened descriptors", lambda: TableCodec(space, {}).dim)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.gdopt"
        study = gdopt.Study(space, direction="maximize", storage=path)
        timed("written to the study's file", study.create)
        sys.stdout.write(f"the file: {path.stat().st_size / 1e6:.0f} MB\n")

        def tell(trials: list[Trial]) -> None:
            study.tell({t.id: float(values[int(str(t.params["compound"])[1:])]) for t in trials})

        tell(timed("ask(100), the first", lambda: study.ask(100)))
        tell(timed("ask(100), the second", lambda: study.ask(100)))
        timed("ask(8) with 200 results", lambda: study.algorithm.ask(study.state, 8))
        timed("ask(96) with 200 results", lambda: study.ask(96))
        timed("Study.load", lambda: gdopt.Study.load(path))


if __name__ == "__main__":
    main()
