"""Figures of a study, readable in grey."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from gdopt.study import Study

__all__ = ["progress"]

# One marker for each part of an algorithm, so that they can be told apart without colour.
MARKERS = "os^Dv<>P"


def progress(study: "Study", path: str | Path | None = None, *, reference: tuple[str, float] | None = None) -> Figure:
    """All values by the order of trials, marked by what proposed them, and the best value so far.

    Args:
        study: with one told trial or more.
        path: where to write the figure, if anywhere; the suffix is the format.
        reference: a name and a value to draw a line at.
    """
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    done = [t for t in study.trials if t.value is not None]
    values = np.array([t.value for t in done], dtype=float)
    numbers = np.arange(1, len(done) + 1)
    sources = list(dict.fromkeys(t.source for t in done))
    for i, source in enumerate(sources):
        here = np.array([t.source == source for t in done])
        axes.scatter(
            numbers[here], values[here], s=16, alpha=0.6, marker=MARKERS[i % len(MARKERS)],
            color=f"C{i}", label=source,
        )  # fmt: skip
    running = np.maximum.accumulate if study.direction == "maximize" else np.minimum.accumulate
    axes.step(numbers, running(values), where="post", color="black", linewidth=1.5, label="best so far")
    if reference is not None:
        axes.axhline(reference[1], color="black", linestyle=":", linewidth=1, label=reference[0])
    axes.set(xlabel="evaluations", ylabel=f"value ({study.direction}d)")
    axes.grid(alpha=0.3)
    axes.legend(loc="best", fontsize="small", framealpha=0.9)
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure
