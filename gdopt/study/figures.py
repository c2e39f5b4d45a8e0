"""Figures of the trials of a study, readable in grey.

Trials are as in `State.trials`: with values of the first objective that are higher the better.
"""

import math
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gdopt.codecs.table import TableCodec
from gdopt.errors import TrialError
from gdopt.plotting import BEYOND, HOLLOW, MARKERS, PANEL, WIDE
from gdopt.space.space import Space
from gdopt.trials.incumbent import incumbent, incumbents
from gdopt.trials.objectives import Objective, OptimizationConfig
from gdopt.trials.pareto import is_pareto_optimal, reference_point
from gdopt.trials.ranking import hypervolume_history, is_feasible, with_all_objectives
from gdopt.trials.trial import Status, Trial

__all__ = ["front", "progress", "rows"]


def progress(
    trials: Sequence[Trial],
    config: OptimizationConfig,
    path: str | Path | None = None,
    *,
    reference: tuple[str, float] | None = None,
) -> Figure:
    """The value of each evaluation in order, with a marker for the source of the trial, and the best value so far.

    The best value is as in `Study.best`, of the trials that satisfy the outcome constraints; before the first such
    trial there is no line. Values that violate a constraint, or for which this is not known, are hollow circles. Failed
    trials are crosses at the bottom.

    Args:
        trials: of the study, at least one of them done.
        config: objectives and outcome constraints.
        path: where to write the figure, if anywhere; the suffix is the format.
        reference: a name and a value to draw a line at.
    """
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    ended = [t for t in trials if t.status in (Status.DONE, Status.FAILED)]
    _evaluated(axes, config, ended)
    sign = config.objectives[0].sign
    best = [
        math.nan if t is None or t.value is None else sign * t.value
        for t in incumbents(config.outcome_constraints, ended)
    ]
    if not np.isnan(best).all():
        numbers = np.arange(1, len(ended) + 1)
        axes.step(numbers, best, where="post", color="black", linewidth=1.5, label="best so far")
    if reference is not None:
        axes.axhline(reference[1], color="black", linestyle=":", linewidth=1, label=reference[0])
    axes.set(xlabel="evaluations", ylabel=_aim(config.objectives[0]))
    axes.grid(alpha=0.3)
    axes.legend(loc="best", fontsize="small", framealpha=0.9)
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure


def _evaluated(axes: Axes, config: OptimizationConfig, trials: Sequence[Trial]) -> None:
    """Draw the values of trials in order, with a marker for the source of feasible trials, and the failed trials."""
    sign = config.objectives[0].sign
    values = [math.nan if t.value is None else sign * t.value for t in trials]
    points = np.column_stack([np.arange(1, len(trials) + 1), values])
    failed = np.isnan(values)
    fit = ~failed & np.array([is_feasible(config.outcome_constraints, t) is True for t in trials], dtype=bool)
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


def rows(space: Space, trials: Sequence[Trial], config: OptimizationConfig, path: str | Path | None = None) -> Figure:
    """The rows of a table of candidates along its two leading directions, and the evaluated rows, coloured by value.

    The best row, as in `Study.best`, is in a circle. Rows that violate an outcome constraint, or for which this is not
    known, are squares.

    Args:
        space: of a table.
        trials: of the study, at least one of them done.
        config: objectives and outcome constraints.
        path: where to write the figure, if anywhere; the suffix is the format.

    Raises:
        SpaceError: the space has no table, or its table is not loaded.
    """
    codec = TableCodec(space, {})
    done = [t for t in trials if t.status is Status.DONE]
    # Of a single descriptor, the same one twice.
    leading = [0, min(1, codec.dim - 1)]
    every, told = (z[:, leading].numpy() for z in (codec.table.z, codec.encode([t.params for t in done])))
    values = config.objectives[0].sign * np.array([t.value for t in done], dtype=float)
    fit = np.array([is_feasible(config.outcome_constraints, t) is True for t in done], dtype=bool)
    best = incumbent(config.outcome_constraints, done)
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
    figure.colorbar(shown, label=_aim(config.objectives[0]))
    axes.legend(fontsize="small", framealpha=0.9)
    axes.set(xlabel="first direction of the descriptors", ylabel="second")
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure


def front(trials: Sequence[Trial], config: OptimizationConfig, path: str | Path | None = None) -> Figure:
    """The trials of several objectives, a panel for each pair, and the hypervolume by the order of trials.

    Markers and shades, not colours, distinguish the Pareto-optimal trials, the dominated ones, the infeasible ones and
    the reference point. For two objectives the region between the front and the reference point is shaded; its area is
    the hypervolume.

    Args:
        trials: of the study, at least one of them with values of all objectives.
        config: objectives and outcome constraints.
        path: where to write the figure, if anywhere; the suffix is the format.

    Raises:
        TrialError: no trial has values of all objectives yet, or none is known to be feasible.
    """
    pairs = list(combinations(range(len(config.objectives)), 2))
    done = [t for t in trials if t.status is Status.DONE]
    known, values = with_all_objectives(config, done)
    rows = np.array(values)
    fit = np.array([is_feasible(config.outcome_constraints, t) is True for t in known], dtype=bool)
    if not fit.any():
        raise TrialError("no trial that is known to be feasible has values of all objectives yet")
    feasible = [row for row, kept in zip(values, fit, strict=True) if kept]
    chosen = fit.copy()
    chosen[fit] = is_pareto_optimal(feasible)
    origin = np.array(reference_point(config, feasible))
    # Four panels are two by two.
    columns = math.ceil(math.sqrt(len(pairs) + 1))
    lines = -(-(len(pairs) + 1) // columns)
    size = WIDE if lines == 1 else (columns * PANEL[0], lines * PANEL[1])
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False).flatten()
    for axes, (x, y) in zip(panels, pairs, strict=False):
        sign = np.array([config.objectives[i].sign for i in (x, y)])
        two, worst = rows[:, [x, y]], origin[[x, y]]
        if len(pairs) == 1:
            _dominated(axes, two[chosen], worst, sign)
        _scatter(axes, sign * two[~fit], BEYOND, s=22, **HOLLOW)
        _scatter(axes, sign * two[fit & ~chosen], "dominated", s=22, marker="o", color="0.6")
        _scatter(axes, sign * two[chosen], "not dominated", s=22, marker="D", color="black")
        _scatter(axes, sign * worst[None], "reference", s=22, marker="P", color="0.35")
        labels = [_aim(config.objectives[i]) for i in (x, y)]
        axes.set(xlabel=labels[0], ylabel=labels[1])
        axes.grid(alpha=0.3)
    _hypervolumes(panels[len(pairs)], done, config)
    for axes in panels[len(pairs) + 1 :]:
        axes.set_axis_off()
    panels[0].legend(fontsize="small", framealpha=0.9)
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure


def _dominated(
    axes: Axes, best: Float[np.ndarray, "n 2"], worst: Float[np.ndarray, " 2"], sign: Float[np.ndarray, " 2"]
) -> None:
    """Shade the region between the front and the reference point, and draw its border."""
    steps = best[(best > worst).all(axis=1)]
    if not len(steps):
        return
    steps = steps[steps[:, 0].argsort()]
    # The border runs from the reference point at the height of the first step, and falls to it after the last step.
    x, y = (sign * np.vstack([[worst[0], steps[0, 1]], steps, [steps[-1, 0], worst[1]]])).T
    axes.fill_between(x, y, float(sign[1] * worst[1]), step="pre", color="0.92", label="dominated beyond the reference")
    axes.step(x, y, where="pre", color="black", linewidth=1)


def _hypervolumes(axes: Axes, done: Sequence[Trial], config: OptimizationConfig) -> None:
    """Draw the hypervolume by the order of trials, from the reference point of all trials."""
    reached = hypervolume_history(config, done)
    axes.step(range(1, len(reached) + 1), reached, where="post", color="black", linewidth=1.5)
    axes.set(xlabel="evaluations", ylabel="hypervolume")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
