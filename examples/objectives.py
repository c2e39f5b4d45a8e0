"""A reaction with two objectives and an outcome constraint: yield against cost, with little impurity.

python examples/objectives.py [FOLDER] [BUDGET]

It writes the front as a figure, `front.png`, and all trials, `results.csv`, and prints the trials that no other
dominates.
"""

import math
import sys
from pathlib import Path

import typer

import gdopt

SPACE = gdopt.Space(
    [
        gdopt.Real("temperature", 20, 120, unit="degC"),
        gdopt.Real("loading", 0.1, 10, log_scale=True, unit="mol%"),
        gdopt.Real("hours", 1, 24, unit="h"),
    ]
)
BATCH = 6


def measured(params: gdopt.space.parameters.Params) -> dict[str, float]:
    """Yield and impurity in percent, and the cost of catalyst and time."""
    temperature, loading, hours = (float(params[name]) for name in SPACE.names)
    rate = 0.15 * loading**0.6 * math.exp((temperature - 80) / 25)
    return {
        "yield": 100 * (1 - math.exp(-rate * hours)),
        "cost": 12 * loading + 2 * hours,
        "impurity": 0.2 + 4 * math.exp((temperature - 110) / 12) * (0.3 + hours / 24),
    }


def main(folder: Path, budget: int) -> None:
    """Ask and tell until the budget is spent, then show the front."""
    folder.mkdir(parents=True, exist_ok=True)
    study = gdopt.Study(
        SPACE,
        direction={"yield": "maximize", "cost": "minimize"},
        reference_point={"yield": 0, "cost": 150},
        outcome_constraints=["impurity <= 2"],
    )
    while len(study.trials) < budget:
        study.tell({trial.id: measured(trial.params) for trial in study.ask(BATCH)})
    study.plot(folder / "front.png")
    study.to_frame().to_csv(folder / "results.csv", index=False)
    for trial in study.pareto:
        cost, impurity = (trial.outcomes[name][0] for name in ("cost", "impurity"))
        typer.echo(f"yield {trial.value:5.1f} %, cost {cost:5.1f}, impurity {impurity:.2f} %")
    typer.echo(f"hypervolume {study.hypervolume:.0f}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "objectives"), int(sys.argv[2]) if len(sys.argv) > 2 else 60)
