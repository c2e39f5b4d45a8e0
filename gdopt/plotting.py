"""Sizes, colours and markers that all figures share."""

__all__ = ["BEYOND", "BINS", "COLUMNS", "CORPUS", "HOLLOW", "MARKERS", "PANEL", "ROOM", "SAMPLES", "THICK", "WIDE"]

# One marker for each part of an algorithm, so that they can be told apart without colour.
MARKERS = "os^Dv<>P"
# Values that are not known to satisfy the limits.
BEYOND = "breaks a limit, or is not known to keep it"
HOLLOW = {"marker": "o", "facecolors": "none", "edgecolors": "0.45"}
# Panels beside each other, the size of each in inches, and its bars.
COLUMNS, PANEL, BINS = 3, (3.2, 2.6), 30
# Two panels beside each other.
WIDE = (11.0, 4.2)
# Labels that a panel has room for, those of the greatest differences.
ROOM = 20
# Told apart by fill and line, so that they can be printed in grey.
CORPUS, SAMPLES, THICK = "#f3c98f", "#14366f", 1.5
