"""Figures of a study and of a prior, readable in grey."""

import math
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from gdopt.codecs.table import TableCodec
from gdopt.plotting import BEYOND, HOLLOW, MARKERS, PANEL, WIDE
from gdopt.trials.incumbent import incumbent, incumbents
from gdopt.trials.objectives import Objective
from gdopt.trials.pareto import reference_point
from gdopt.trials.ranking import hypervolume_history, is_feasible, with_all_objectives
from gdopt.trials.trial import Status, Trial

if TYPE_CHECKING:
    from gdopt.study.study import Study

__all__ = ["front", "progress", "rows"]


def progress(study: "Study", path: str | Path | None = None, *, reference: tuple[str, float] | None = None) -> Figure:
    """All values by the order of evaluations, marked by the part that proposed them, and the best value so far.

    The best is as in `Study.best`, of the trials that satisfy the limits; before the first of them there is no line.
    Values that break a limit, or are not known to keep it, are hollow circles. Failed trials are crosses at the bottom.

    Args:
        study: with one told trial or more.
        path: where to write the figure, if anywhere; the suffix is the format.
        reference: a name and a value to draw a line at.
    """
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    ended = [t for t in study.state.trials if t.status in (Status.DONE, Status.FAILED)]
    _evaluated(axes, study, ended)
    sign = study.objectives[0].sign
    best = [math.nan if t is None or t.value is None else sign * t.value for t in incumbents(study.limits, ended)]
    if not np.isnan(best).all():
        numbers = np.arange(1, len(ended) + 1)
        axes.step(numbers, best, where="post", color="black", linewidth=1.5, label="best so far")
    if reference is not None:
        axes.axhline(reference[1], color="black", linestyle=":", linewidth=1, label=reference[0])
    axes.set(xlabel="evaluations", ylabel=_aim(study.objectives[0]))
    axes.grid(alpha=0.3)
    axes.legend(loc="best", fontsize="small", framealpha=0.9)
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure


def _evaluated(axes: Axes, study: "Study", trials: Sequence[Trial]) -> None:
    """The values of trials by their order, those that satisfy the limits by what proposed them; and the failed ones."""
    sign = study.objectives[0].sign
    values = [math.nan if t.value is None else sign * t.value for t in trials]
    points = np.column_stack([np.arange(1, len(trials) + 1), values])
    failed = np.isnan(values)
    fit = ~failed & np.array([is_feasible(study.limits, t) is True for t in trials], dtype=bool)
    sources = np.array([t.source for t in trials])
    for i, source in enumerate(dict.fromkeys(sources[~failed])):
        marker = MARKERS[i % len(MARKERS)]
        _scatter(axes, points[fit & (sources == source)], source, s=16, alpha=0.6, marker=marker, color=f"C{i}")
    _scatter(axes, points[~fit & ~failed], BEYOND, s=20, **HOLLOW)
    # At the bottom, whatever the values are.
    bottom = axes.get_xaxis_transform()
    lost = np.nan_to_num(points[failed], nan=0.0)
    _scatter(axes, lost, "failed", s=24, color="black", marker="x", transform=bottom, clip_on=False)


def _scatter(axes: Axes, points: Float[np.ndarray, "n 2"], label: str, **look: Any) -> None:
    """Points with a name in the legend, if there are any."""
    if len(points):
        axes.scatter(points[:, 0], points[:, 1], label=label, **look)


def _aim(objective: Objective) -> str:
    """The name of an axis."""
    return f"{objective.name} ({objective.direction}d)"


# Hexagons across a table; up to so many rows there is a point for each.
ACROSS, POINTS = 60, 5000


def rows(study: "Study", path: str | Path | None = None) -> Figure:
    """The rows of a table of candidates along its two leading directions, and those that were told, by their values.

    Around the best, as in `Study.best`, is a circle. Rows that break a limit, or are not known to keep it, are squares.

    Args:
        study: of a table, with one told trial or more.
        path: where to write the figure, if anywhere; the suffix is the format.

    Raises:
        SpaceError: the study is not of a table, or its table is not at hand.
    """
    codec = TableCodec(study.space, {})
    done = [t for t in study.trials if t.value is not None]
    # Of a single descriptor, the same one twice.
    leading = [0, min(1, codec.dim - 1)]
    every, told = (z[:, leading].numpy() for z in (codec.table.z, codec.encode([t.params for t in done])))
    values = np.array([t.value for t in done], dtype=float)
    fit = np.array([is_feasible(study.limits, t) is True for t in done], dtype=bool)
    best = incumbent(study.limits, study.state.done)
    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.add_subplot()
    if len(every) > POINTS:
        axes.hexbin(
            every[:, 0], every[:, 1], gridsize=ACROSS, bins="log", cmap="Greys", mincnt=1, alpha=0.6, linewidths=0
        )
    else:
        axes.scatter(every[:, 0], every[:, 1], s=4, color="#cccccc")
    look: dict[str, Any] = {"s": 22, "cmap": "viridis", "vmin": values.min(), "vmax": values.max(), "linewidths": 0.4}
    shown = axes.scatter(told[fit, 0], told[fit, 1], c=values[fit], edgecolors="black", **look)
    _scatter(axes, told[~fit], BEYOND, c=values[~fit], marker="s", edgecolors="black", **look)
    if best is not None:
        at = told[[t.id for t in done].index(best.id)]
        axes.scatter(at[0], at[1], s=120, facecolors="none", edgecolors="black", linewidths=1.5, label="best")
    figure.colorbar(shown, label=_aim(study.objectives[0]))
    axes.legend(fontsize="small", framealpha=0.9)
    axes.set(xlabel="first direction of the descriptors", ylabel="second")
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure


def front(study: "Study", path: str | Path | None = None) -> Figure:
    """The trials of several objectives, a panel for each two, and the hypervolume by the order of trials.

    Told apart by marker and shade, not by colour: the trials that none dominates, the others, the infeasible, and the
    reference. Of two objectives what is dominated beyond the reference is shaded; its area is the hypervolume.

    Args:
        study: with one trial or more that has all of its objectives.
        path: where to write the figure, if anywhere; the suffix is the format.

    Raises:
        TrialError: no trial has its values yet, or none satisfies the limits.
    """
    pairs = list(combinations(range(len(study.objectives)), 2))
    best = {t.id for t in study.pareto}
    known, rows = with_all_objectives(study.goals, study.state.done)
    fit = torch.tensor([is_feasible(study.limits, t) is True for t in known])
    chosen = torch.tensor([t.id in best for t in known])
    origin = reference_point(study.goals, rows[fit])
    # Of four panels two by two.
    columns = math.ceil(math.sqrt(len(pairs) + 1))
    lines = -(-(len(pairs) + 1) // columns)
    size = WIDE if lines == 1 else (columns * PANEL[0], lines * PANEL[1])
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False).flatten()
    for axes, (x, y) in zip(panels, pairs, strict=False):
        sign = torch.tensor([study.objectives[i].sign for i in (x, y)], dtype=rows.dtype)
        two, worst = rows[:, [x, y]], origin[[x, y]]
        if len(pairs) == 1:
            _dominated(axes, two[chosen], worst, sign)
        _scatter(axes, (sign * two[~fit]).numpy(), BEYOND, s=22, **HOLLOW)
        _scatter(axes, (sign * two[fit & ~chosen]).numpy(), "dominated", s=22, marker="o", color="0.6")
        _scatter(axes, (sign * two[chosen]).numpy(), "not dominated", s=22, marker="D", color="black")
        _scatter(axes, (sign * worst.unsqueeze(0)).numpy(), "reference", s=22, marker="P", color="0.35")
        labels = [_aim(study.objectives[i]) for i in (x, y)]
        axes.set(xlabel=labels[0], ylabel=labels[1])
        axes.grid(alpha=0.3)
    _hypervolumes(panels[len(pairs)], study)
    for axes in panels[len(pairs) + 1 :]:
        axes.set_axis_off()
    panels[0].legend(fontsize="small", framealpha=0.9)
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure


def _dominated(axes: Axes, best: Float[Tensor, "n 2"], worst: Float[Tensor, " 2"], sign: Float[Tensor, " 2"]) -> None:
    """Shade what the best dominate beyond the reference, and draw its border."""
    steps = best[(best > worst).all(1)]
    if not len(steps):
        return
    steps = steps[steps[:, 0].argsort()]
    # From the reference on the first step is as high as at its end, and past the last one it falls to the reference.
    corners = torch.stack([worst[0], steps[0, 1]]), torch.stack([steps[-1, 0], worst[1]])
    x, y = (sign * torch.cat([corners[0].unsqueeze(0), steps, corners[1].unsqueeze(0)])).T.numpy()
    axes.fill_between(x, y, float(sign[1] * worst[1]), step="pre", color="0.92", label="dominated beyond the reference")
    axes.step(x, y, where="pre", color="black", linewidth=1)


def _hypervolumes(axes: Axes, study: "Study") -> None:
    """The hypervolume by the order of trials, from the reference of today."""
    reached = hypervolume_history(study.goals, study.state.done)
    axes.step(range(1, len(reached) + 1), reached, where="post", color="black", linewidth=1.5)
    axes.set(xlabel="evaluations", ylabel="hypervolume")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
