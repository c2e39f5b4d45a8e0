"""Figures of airfoils: the best over the best real one, samples of a prior beside real ones."""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from gdopt_problems.airfoil import STATIONS, report

__all__ = ["best_figure", "samples_figure"]

Array = np.ndarray
Path = str | PathLike[str]
Drawn = tuple[Array, dict[str, Any], str]  # ordinates, line style, name

# Told apart by lightness and dashes as well as by colour, so that they can be printed in grey.
BEST: dict[str, Any] = {"color": "#14366f", "linewidth": 1.8}
REAL: dict[str, Any] = {"color": "#e07b00", "linewidth": 1.4, "linestyle": (0, (5, 1.5))}
SAMPLE_FILL, REAL_FILL = "#14366f", "#f3c98f"
DPI = 160
SLOPE_LIMIT = 35.0  # deg; the nose, where every airfoil is steep, is cut off
ROOM = 0.03  # chord, around an airfoil
ROWS, COLUMNS = 6, 3  # of samples, and as many real airfoils
GRID = {"left": 0.12, "right": 0.98, "bottom": 0.1, "top": 0.9, "wspace": 0.08, "hspace": 0.5}


def best_figure(
    best: Float[Array, "128"],
    real: Float[Array, "128"],
    path: Path,
    names: tuple[str, str] = ("best found", "best real"),
) -> None:
    """Write a picture of the best design over the best real airfoil: shapes, numbers, slopes.

    Args:
        best: ordinates of the design.
        real: ordinates of the airfoil to compare with.
        path: where the picture goes; its ending says the format.
        names: what to call the two.
    """
    figure = Figure(figsize=(8.5, 7.0), layout="constrained")
    panels = figure.subplot_mosaic(
        [["section", "section"], ["thickness", "camber"], ["upper", "lower"]],
        height_ratios=[0.9, 1.0, 1.0],
    )
    pair = list(zip((real, best), (REAL, BEST), names[::-1], strict=True))
    section_panel(panels["section"], pair)
    curves_panel(panels["thickness"], pair, thickness, "thickness (% of chord)")
    curves_panel(panels["camber"], pair, camber, "camber line (% of chord)")
    curves_panel(panels["upper"], pair, upper_slope, "slope, upper side (deg)")
    curves_panel(panels["lower"], pair, lower_slope, "slope, lower side (deg)")
    for side in ("upper", "lower"):
        panels[side].set_ylim(-SLOPE_LIMIT, SLOPE_LIMIT)
    figure.savefig(path, dpi=DPI)


def samples_figure(samples: Float[Array, "n 128"], corpus: Float[Array, "m 128"], path: Path) -> None:
    """Write a picture of samples of a prior on the left and real airfoils on the right.

    Above each stands how far the nearest (other) real airfoil is, root mean square in % of the
    chord: a prior that copies is at 0, one that has learned nothing is far above the real ones. Up
    to 18 of either are drawn, evenly spaced among the rows given.
    """
    figure = Figure(figsize=(8.5, 4.6))
    halves = figure.add_gridspec(1, 2)
    left, right = figure.add_subfigure(halves[0]), figure.add_subfigure(halves[1])
    drawn, real = spread(samples), spread(corpus)
    height = (min(drawn.min(), real.min()) - ROOM, max(drawn.max(), real.max()) + ROOM)
    gallery(left, drawn, nearest(drawn, corpus), SAMPLE_FILL, height)
    gallery(right, real, nearest(real, corpus, leave_out_itself=True), REAL_FILL, height)
    left.suptitle("samples of the prior", fontsize=10)
    right.suptitle("real airfoils", fontsize=10)
    figure.savefig(path, dpi=DPI)


# What is drawn of an airfoil.


def loop(design: Float[Array, "128"]) -> tuple[Float[Array, " p"], Float[Array, " p"]]:
    """The outline as x/c and y/c: from the tail over the upper side to the nose and back below."""
    upper, lower = np.split(design, 2)
    x = np.concatenate([STATIONS[::-1], [0.0], STATIONS])
    return x, np.concatenate([upper[::-1], [0.0], lower])


def thickness(design: Float[Array, "128"]) -> Float[Array, "64"]:
    """Upper minus lower ordinate, % of the chord."""
    upper, lower = np.split(design, 2)
    percent: Array = 100 * (upper - lower)
    return percent


def camber(design: Float[Array, "128"]) -> Float[Array, "64"]:
    """The middle between the two sides, % of the chord."""
    upper, lower = np.split(design, 2)
    percent: Array = 50 * (upper + lower)
    return percent


def upper_slope(design: Float[Array, "128"]) -> Float[Array, "64"]:
    """The angle of the upper side to the chord, deg."""
    return slope(design[: len(STATIONS)])


def lower_slope(design: Float[Array, "128"]) -> Float[Array, "64"]:
    """The angle of the lower side to the chord, deg."""
    return slope(design[len(STATIONS) :])


def slope(side: Float[Array, "64"]) -> Float[Array, "64"]:
    """The angle of a side to the chord, deg."""
    angle: Array = np.degrees(np.arctan(np.gradient(side, STATIONS)))
    return angle


def caption(name: str, of: dict[str, float]) -> str:
    """The numbers of a design in one line."""
    return (
        f"{name:12s} value {of['value']:5.1f}"
        f"  t/c {of['thickness']:.1%} at {of['thickness_at']:.2f}"
        f"  camber {of['camber']:.1%} at {of['camber_at']:.2f}  tail {of['tail']:+.2%}"
        f"  α {of['alpha']:.1f}°  CD {of['cd']:.5f}  CM {of['cm']:.3f}"
    )


def nearest(
    designs: Float[Array, "n 128"], corpus: Float[Array, "m 128"], *, leave_out_itself: bool = False
) -> Float[Array, " n"]:
    """The root mean square distance of each design to the nearest of the corpus, chord."""
    square: Array = ((designs[:, None] - corpus) ** 2).mean(axis=2)
    if leave_out_itself:
        square[np.arange(len(designs)), square.argmin(axis=1)] = np.inf
    root: Array = np.sqrt(square.min(axis=1))
    return root


def spread(designs: Float[Array, "n 128"]) -> Float[Array, "k 128"]:
    """As many rows as fit the gallery, evenly spaced."""
    count = min(len(designs), ROWS * COLUMNS)
    rows = np.linspace(0, len(designs) - 1, count).round().astype(int)
    return np.take(designs, rows, axis=0)


# How it is drawn.


def section_panel(axes: Axes, pair: Sequence[Drawn]) -> None:
    """Both airfoils in their true proportions, with their numbers above."""
    for design, style, name in pair:
        axes.plot(*loop(design), label=caption(name, report(design)), **style)
    axes.set(xlabel="x/c", ylabel="y/c", xlim=(-0.02, 1.02), aspect="equal")
    axes.grid(alpha=0.3)
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        frameon=False,
        reverse=True,  # drawn last, so on top: the best is named first
        handlelength=3,
        prop={"family": "monospace", "size": 7.5},
    )


def curves_panel(
    axes: Axes,
    pair: Sequence[Drawn],
    curve: Callable[[Array], Array],
    label: str,
) -> None:
    """One curve along the chord, of either airfoil."""
    for design, style, _ in pair:
        axes.plot(STATIONS, curve(design), **style)
    axes.axhline(0, color="0.5", linewidth=0.6)
    axes.set(xlabel="x/c", ylabel=label, xlim=(0, 1))
    axes.grid(alpha=0.3)


def gallery(
    figure: SubFigure,
    designs: Float[Array, "n 128"],
    distances: Float[Array, " n"],
    fill: str,
    height: tuple[float, float],
) -> None:
    """A grid of airfoils in their true proportions, with their distance to the nearest real one."""
    grid = figure.subplots(ROWS, COLUMNS, sharex=True, sharey=True, gridspec_kw=GRID)
    for axes in grid.flat:
        axes.set(xlim=(-ROOM, 1 + ROOM), ylim=height, aspect="equal")
        axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        axes.tick_params(labelsize=6, length=2)
        axes.spines[:].set_color("0.8")
    for axes, design, distance in zip(grid.flat, designs, distances, strict=False):
        axes.fill(*loop(design), facecolor=fill, edgecolor="0.15", linewidth=0.6)
        axes.set_title(f"nearest real {100 * distance:.2f} % c", fontsize=6, pad=1.5)
    for axes in grid.flat[len(designs) :]:
        axes.set_visible(False)
    figure.supxlabel("x/c", fontsize=8)
    figure.supylabel("y/c", fontsize=8)
