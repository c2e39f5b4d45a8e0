"""Sizes, colours and markers of all figures."""

__all__ = ["BEYOND", "BINS", "COLUMNS", "CORPUS", "HOLLOW", "MARKERS", "PANEL", "ROOM", "SAMPLES", "THICK", "WIDE"]

# One marker for each source of candidates, so that they can be distinguished without colour.
MARKERS = "os^Dv<>P"
# The label of values that violate a constraint, or whose outcomes are missing.
BEYOND = "breaks a limit, or is not known to keep it"
HOLLOW = {"marker": "o", "facecolors": "none", "edgecolors": "0.45"}
# Panels in a row, the size of a panel in inches, and the bars of its histogram.
COLUMNS, PANEL, BINS = 3, (3.2, 2.6), 30
# The size of a figure of two panels in inches.
WIDE = (11.0, 4.2)
# Maximum number of labels in a panel; those of the largest differences are shown.
ROOM = 20
# Distinguished by fill and line, so that they can be printed in grey.
CORPUS, SAMPLES, THICK = "#f3c98f", "#14366f", 1.5
