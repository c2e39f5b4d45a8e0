"""Figures of a prior's check."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gdopt.plotting import BINS, COLUMNS, CORPUS, PANEL, ROOM, SAMPLES, THICK
from gdopt.priors.comparison import CategoricalComparison, NumericComparison
from gdopt.priors.design_report import DesignCheck
from gdopt.priors.string_check import PriorCheck

__all__ = ["design_check", "prior_check"]


def prior_check(check: PriorCheck, path: str | Path | None = None) -> Figure:
    """Samples of a prior over its corpus, a panel for each comparison.

    Args:
        check: what was compared.
        path: where to write the figure, if anywhere; the suffix is the format.
    """
    parts = check.comparisons
    columns = min(COLUMNS, len(parts))
    rows = -(-len(parts) // columns)
    figure = Figure(figsize=(columns * PANEL[0], rows * PANEL[1]), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes, part in zip(panels, parts, strict=False):
        _histogram(axes, part) if isinstance(part, NumericComparison) else _bars(axes, part)
        axes.set_title(f"distance {part.distance:.2f}, by chance {part.by_chance:.2f}", fontsize="small")
    for axes in panels[len(parts) :]:
        axes.set_axis_off()
    panels[0].legend(fontsize="small")
    if path is not None:
        figure.savefig(path, dpi=100)
    return figure


def design_check(check: DesignCheck, path: str | Path | None = None) -> Figure:
    """Samples of a prior of numbers over its corpus: leading coordinates, distances, a parameter; and the variances.

    Args:
        check: what was found.
        path: where to write the figure, if anywhere; the suffix is the format.
    """
    figure = Figure(figsize=(2 * PANEL[0], 2 * PANEL[1]), layout="constrained")
    (leading, nearest), (variances, worst) = figure.subplots(2, 2)
    leading.scatter(*check.own_leading.T, s=12, color=CORPUS, label="corpus")
    leading.scatter(*check.leading.T, s=8, color=SAMPLES, marker="x", linewidth=0.7, label="samples")
    leading.set(xlabel="first direction", ylabel="second direction", title="where they are")
    _histogram(nearest, NumericComparison("distance to the nearest design", check.nearest, check.own_nearest))
    nearest.set_title("how near they are")
    shares = check.variances / check.variances.sum()
    variances.bar(np.arange(1, len(shares) + 1), shares, color=CORPUS, edgecolor=SAMPLES, linewidth=0.5)
    variances.set(xlabel="direction", ylabel="share of the variance", title=f"{check.spread.corpus:.1f} effective")
    for part in check.worst[:1]:
        if isinstance(part, CategoricalComparison):
            _bars(worst, part)
        else:
            _histogram(worst, part)
        worst.set_title(f"distance {part.distance:.2f}, by chance {part.by_chance:.2f}")
    for axes in figure.axes:
        axes.title.set_fontsize("small")
    leading.legend(fontsize="small")
    if path is not None:
        figure.savefig(path, dpi=100)
    return figure


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
