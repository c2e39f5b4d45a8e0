"""Which compounds of a catalogue to try: a table of candidates with descriptors, of which few can be measured.

python examples/table.py [FOLDER] [--rows N] [--budget N]

The catalogue is made up, so that this runs anywhere: compounds with ten correlated descriptors, and a supplier.
Their solubility depends on three hidden properties that are related to the descriptors. The script writes
catalogue.csv, the study and a figure of the trials, and prints the best compound and the number of better ones in the
catalogue.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

import gdopt
from gdopt.study import figures

HIDDEN, DESCRIPTORS, BATCH = 3, 10, 8


def catalogue(rows: int, seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    """Compounds with descriptors, and the hidden solubility of each in mg/ml."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(rows, HIDDEN))
    seen = np.tanh(hidden @ rng.normal(size=(HIDDEN, DESCRIPTORS))) + 0.05 * rng.normal(size=(rows, DESCRIPTORS))
    frame = pd.DataFrame(seen.round(4), columns=[f"d{i}" for i in range(DESCRIPTORS)])
    frame.insert(0, "compound", [f"C{i:05d}" for i in range(rows)])
    frame["supplier"] = rng.choice(["north", "south", "west"], rows)
    solubility = 80 * np.exp(-((hidden - [0.8, -0.6, 1.0]) ** 2).sum(1) / 3)
    return frame, pd.Series(solubility, frame["compound"])


def main() -> None:
    """Make the catalogue, select batches of it, and show them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("table"))
    parser.add_argument("--rows", type=int, default=5000, help="of the catalogue")
    parser.add_argument("--budget", type=int, default=64, help="compounds that can be measured")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)

    frame, solubility = catalogue(given.rows)
    frame.to_csv(given.folder / "catalogue.csv", index=False)
    space = gdopt.Space.from_table(frame, id="compound", descriptors=[f"d{i}" for i in range(DESCRIPTORS)])
    study = gdopt.Study(space, direction="maximize", objective="solubility", storage=given.folder / "table.gdopt")
    while len(study.trials) < given.budget:
        trials = study.ask(min(BATCH, given.budget - len(study.trials)))
        study.tell({t.id: float(solubility[t.params["compound"]]) for t in trials})

    figures.rows(study.space, study.state.trials, study.config, given.folder / "rows.png")
    best = study.best
    better = int((solubility > best.value).sum())
    sys.stdout.write(
        f"{best.params['compound']} of supplier {space.annotations(best.params)['supplier']}: {best.value:.1f} mg/ml, "
        f"{better} of {given.rows} compounds are better\n"
    )


if __name__ == "__main__":
    main()
