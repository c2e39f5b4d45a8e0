"""A screen of categories, amounts and a mixture: which additive, which grade, and how much of each solvent.

python examples/mixed.py [FOLDER] [PLATES] [--seed N]

The reaction is made up, so that this runs anywhere: a bleaching whose whiteness depends on the bleach, on the grade of
an additive that has three of them in order, on the number of washes, the temperature, and on a mixture of three
solvents whose shares sum to one. On the third plate only water-rich mixtures are in stock, so one share is fixed.

It writes the study and its figure to FOLDER, and prints the best of each plate and of all.
"""

import math
from pathlib import Path
from typing import Annotated

import typer

import gdopt

SPACE = gdopt.Space(
    [
        gdopt.Choice("bleach", ["peroxide", "percarbonate", "dithionite", "ozone", "peracid", "none"]),
        gdopt.Choice("additive", ["coarse", "medium", "fine"], ordered=True),
        gdopt.Integer("washes", 1, 6),
        gdopt.Real("temperature", 20, 90, unit="degC"),
        gdopt.Real("water", 0, 1),
        gdopt.Real("ethanol", 0, 1),
        gdopt.Real("acetone", 0, 1),
    ],
    [
        gdopt.Constraint({"water": 1, "ethanol": 1, "acetone": 1}, equal=1),
        gdopt.Constraint({"acetone": 1, "ethanol": -1}, 0.2),  # at most a fifth more acetone than ethanol
    ],
)
WELLS = 8
# The best temperature (degC) and share of water of each bleach, and its greatest whiteness.
BLEACHES = {
    "peroxide": (70.0, 0.8, 78.0),
    "percarbonate": (60.0, 0.9, 74.0),
    "dithionite": (45.0, 0.6, 70.0),
    "ozone": (30.0, 0.4, 88.0),
    "peracid": (40.0, 0.3, 92.0),
    "none": (50.0, 0.5, 20.0),
}
GRADES = {"coarse": 0.8, "medium": 0.95, "fine": 1.0}


def whiteness(params: gdopt.space.parameters.Params) -> float:
    """The whiteness in percent."""
    heat, water, most = BLEACHES[str(params["bleach"])]
    off = ((float(params["temperature"]) - heat) / 18) ** 2 + ((float(params["water"]) - water) / 0.25) ** 2
    washed = 1 - 0.5 ** float(params["washes"])
    return most * GRADES[str(params["additive"])] * washed * math.exp(-off / 2)


def main(
    folder: Annotated[Path, typer.Argument()] = Path("mixed"),
    plates: Annotated[int, typer.Argument()] = 8,
    seed: int = 0,
) -> None:
    """Screen plate by plate."""
    folder.mkdir(parents=True, exist_ok=True)
    study = gdopt.Study(SPACE, direction="maximize", objective="whiteness", storage=folder / "bleach.gdopt", seed=seed)
    for plate in range(plates):
        fixed = {"water": 0.75} if plate == 2 else {}
        trials = study.ask(WELLS, fixed=fixed, key=f"plate-{plate}")
        study.tell({t.id: whiteness(t.params) for t in trials})
        best = max(whiteness(t.params) for t in trials)
        typer.echo(f"plate {plate}: best {best:.1f} %{', all with 75 % water' if fixed else ''}")
    sums = [sum(float(t.params[name]) for name in ("water", "ethanol", "acetone")) for t in study.trials]
    typer.echo(f"shares sum to 1 within {max(abs(total - 1) for total in sums):.0e}")
    found = study.best
    said = ", ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in found.params.items())
    typer.echo(f"best {found.value:.1f} %: {said}")
    study.plot(folder / "bleach.png")


if __name__ == "__main__":
    typer.run(main)
