"""The picture of README.md and docs/index.md: one run of `gdopt demo` and its best airfoil.

python docs/picture_airfoil.py FOLDER, where `gdopt demo --out FOLDER` has put its results.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from gdopt_problems import airfoil
from gdopt_problems.airfoil_figures import BEST, REAL, loop

# Few colours, for a small file that looks the same.
COLORS = 32
OUT = Path(__file__).parent / "images" / "airfoil.png"
START = 40  # real airfoils that are measured first


def progress_panel(axes: Axes, values: "pd.Series[float]", real: float) -> None:
    """Each value, the best so far, and the best real airfoil, by evaluations."""
    count = np.arange(1, len(values) + 1)
    first = count <= START
    axes.scatter(count[first], values[first], 14, color="#9e9e9e", label="40 random real airfoils")
    axes.scatter(count[~first], values[~first], 14, color="#80cbc4", label="proposals, 13 batches of 20")
    axes.plot(count, values.cummax(), label="best so far", **BEST)
    axes.axhline(real, label="best of 2,174 real airfoils", **REAL)
    axes.set_xlabel("evaluations")
    axes.set_ylabel("value: lift over drag")
    axes.legend(loc="lower right")


def main(folder: Path) -> None:
    """Draw the figure from results.csv."""
    results = pd.read_csv(folder / "results.csv")
    best = results.loc[results["value"].idxmax()]
    corpus = airfoil.corpus()
    real = airfoil.values(corpus)
    design = airfoil.uncrossed(best[list(airfoil.problem().space.names)].to_numpy(float))
    figure = Figure(figsize=(7.2, 5.6), layout="constrained")
    top, bottom = figure.subplots(2, 1, height_ratios=[2.4, 1])
    progress_panel(top, results["value"], real.max())
    bottom.plot(*loop(corpus[real.argmax()]), label=f"best real airfoil, {real.max():.1f}", **REAL)
    bottom.plot(*loop(design), label=f"found, {best['value']:.1f}", **BEST)
    bottom.set_aspect("equal")
    bottom.set_axis_off()
    bottom.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2)
    figure.savefig(OUT, dpi=150)
    Image.open(OUT).convert("RGB").quantize(COLORS).save(OUT, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
