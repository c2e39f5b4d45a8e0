"""How the figures of the paper's page look: told apart by line style and marker, so that grey is enough."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["LINES", "panels"]

LINES: tuple[dict[str, Any], ...] = (
    {"color": "#14366f", "linestyle": "-", "marker": "o", "markersize": 4},
    {"color": "#e07b00", "linestyle": "--", "marker": "s", "markersize": 4},
    {"color": "#3a7d44", "linestyle": "-.", "marker": "^", "markersize": 4},
    {"color": "#7a7a7a", "linestyle": ":", "marker": "D", "markersize": 4},
    {"color": "#9b2226", "linestyle": (0, (3, 1, 1, 1, 1, 1)), "marker": "v", "markersize": 4},
)
WIDTH, HEIGHT = 3.1, 3.0  # inches, of a panel


def panels(count: int, xlabel: str, ylabel: str) -> tuple[Figure, list[Axes]]:
    """A row of panels with common labels."""
    figure = Figure(figsize=(WIDTH * count, HEIGHT), layout="constrained")
    axes = list(figure.subplots(1, count, squeeze=False)[0])
    for panel in axes:
        panel.grid(alpha=0.3)
        panel.set_xlabel(xlabel)
    axes[0].set_ylabel(ylabel)
    return figure, axes
