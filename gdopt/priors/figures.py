"""Figures of a prior's check."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gdopt.plotting import BINS, COLUMNS, CORPUS, PANEL, ROOM, SAMPLES, THICK
from gdopt.priors.comparison import CategoricalComparison, NumericComparison

__all__ = ["Comparison", "comparisons", "designs"]

Comparison = NumericComparison | CategoricalComparison


def comparisons(parts: Sequence[Comparison], path: str | Path | None = None) -> Figure:
    """Samples of a prior over its corpus, a panel for each comparison.

    Args:
        parts: the comparisons.
        path: of a file for the figure; the suffix is the format.
    """
    columns = min(COLUMNS, len(parts))
    rows = -(-len(parts) // columns)
    figure = Figure(figsize=(columns * PANEL[0], rows * PANEL[1]), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes, part in zip(panels, parts, strict=False):
        _panel(axes, part)
        axes.title.set_fontsize("small")
    for axes in panels[len(parts) :]:
        axes.set_axis_off()
    panels[0].legend(fontsize="small")
    if path is not None:
        figure.savefig(path, dpi=100)
    return figure


def designs(
    samples: Float[np.ndarray, "n 2"],
    corpus: Float[np.ndarray, "m 2"],
    distances: NumericComparison,
    variances: Float[np.ndarray, " d"],
    effective: float,
    worst_part: Comparison | None,
    path: str | Path | None = None,
) -> Figure:
    """Samples of a prior of numbers over its corpus, in four panels.

    Args:
        samples: their two leading coordinates.
        corpus: the same of the corpus.
        distances: to the nearest design.
        variances: of the corpus along its principal directions.
        effective: number of directions by the participation ratio.
        worst_part: the parameter whose samples differ most from the corpus.
        path: of a file for the figure; the suffix is the format.
    """
    figure = Figure(figsize=(2 * PANEL[0], 2 * PANEL[1]), layout="constrained")
    (leading, nearest), (bars, worst) = figure.subplots(2, 2)
    leading.scatter(*corpus.T, s=12, color=CORPUS, label="corpus")
    leading.scatter(*samples.T, s=8, color=SAMPLES, marker="x", linewidth=0.7, label="samples")
    leading.set(xlabel="first direction", ylabel="second direction", title="where they are")
    _histogram(nearest, distances)
    nearest.set_title("how near they are")
    shares = variances / variances.sum()
    bars.bar(np.arange(1, len(shares) + 1), shares, color=CORPUS, edgecolor=SAMPLES, linewidth=0.5)
    bars.set(xlabel="direction", ylabel="share of the variance", title=f"{effective:.1f} effective")
    if worst_part is not None:
        _panel(worst, worst_part)
    for axes in figure.axes:
        axes.title.set_fontsize("small")
    leading.legend(fontsize="small")
    if path is not None:
        figure.savefig(path, dpi=100)
    return figure


def _panel(axes: Axes, part: Comparison) -> None:
    """One comparison, with its distance as the title."""
    if isinstance(part, CategoricalComparison):
        _bars(axes, part)
    else:
        _histogram(axes, part)
    axes.set_title(f"distance {part.distance:.2f}, by chance {part.by_chance:.2f}")


def _histogram(axes: Axes, part: NumericComparison) -> None:
    # Over what nearly all have: single giants would leave no room for the others.
    both = np.concatenate([part.samples, part.corpus])
    low, high = np.quantile(both, [0.005, 0.995])
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1).tolist()
    axes.hist(part.corpus, edges, density=True, color=CORPUS, label="corpus")
    axes.hist(part.samples, edges, density=True, color=SAMPLES, label="samples", histtype="step", linewidth=THICK)
    axes.set(xlabel=part.title, yticks=[])


def _bars(axes: Axes, part: CategoricalComparison) -> None:
    samples, corpus = part.shares()
    shown = np.sort(np.abs(samples - corpus).argsort()[::-1][:ROOM])
    at = np.arange(len(shown))
    axes.bar(at, corpus[shown], width=0.9, color=CORPUS, label="corpus")
    axes.bar(at, samples[shown], width=0.9, fill=False, edgecolor=SAMPLES, linewidth=THICK, label="samples")
    # Words of more than a letter overlap where there are many.
    upright = max(map(len, part.labels)) > 1 and len(shown) > COLUMNS
    axes.set_xticks(at, [part.labels[i] for i in shown], fontsize="small", rotation=90 if upright else 0)
    left_out = "" if len(shown) == len(part.labels) else f", {ROOM} of {len(part.labels)}"
    axes.set(xlabel=part.name + left_out, ylabel="share")
