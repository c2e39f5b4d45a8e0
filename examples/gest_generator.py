"""gdopt as a gest-api generator: points of an earlier campaign, batches of five, a failed point, and a stop.

python examples/gest_generator.py [FOLDER]
"""

import sys
from pathlib import Path

from gest_api.vocs import VOCS

from gdopt.adapters.gest import GdoptGenerator

file = Path(sys.argv[1] if len(sys.argv) > 1 else ".") / "suzuki.gdopt"


def impurity(point):
    """Your laboratory, simulator or program; NaN for a failure."""
    if point["temperature"] > 115:
        return float("nan")
    off = (point["temperature"] - 85) / 40
    return off**2 + abs(point["cycles"] - 5) / 10 + (point["base"] != "Cs2CO3") / 5


vocs = VOCS(
    variables={
        "temperature": [20.0, 120.0],
        "cycles": {1, 2, 3, 4, 5, 6, 7, 8},
        "base": {"KOAc", "K3PO4", "Cs2CO3"},
    },
    constants={"solvent": "water"},
    objectives={"impurity": "MINIMIZE"},
)

generator = GdoptGenerator(vocs, seed=0, storage=file)
generator.ingest([{"temperature": 60.0, "cycles": 3, "base": "KOAc", "solvent": "water", "impurity": 0.79}])
for _ in range(4):
    points = generator.suggest(5)
    generator.ingest([{**point, "impurity": impurity(point)} for point in points])
    generator = GdoptGenerator(vocs, seed=0, storage=file)  # goes on as if it had not been stopped
generator.finalize()

best = generator.study.best
sys.stdout.write(f"best of {len(generator.study.trials)}: {best.value:.3f}, {best.params}\n")
