"""A laboratory for ten plates, with noise, failed vials and a robot whose program is killed in the middle.

python examples/lab_loop.py [FOLDER] [PLATES]

The robot runs in its own process, which has only the study's file. It asks for plates by name and tells each vial's
yield and impurity after its measurement. It is killed between two vials, and restarted: it gets the same plate, and
measures the vials without a result. Nothing is lost, and nothing is measured twice.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import typer

import gdopt

SPACE = gdopt.Space(
    [
        gdopt.Real("temperature", 20, 120, unit="degC"),
        gdopt.Real("equivalents", 1e-2, 1, log_scale=True),
        gdopt.Real("hours", 1, 24, unit="h"),
        gdopt.Choice("base", ["KOAc", "Cs2CO3", "Et3N"]),
    ]
)
VIALS = 8
# Simulated seconds of a vial.
SECONDS = 0.05
# Standard deviation of a measured yield in percent, and the share of vials that break.
NOISE, BROKEN = 1.5, 0.08


def measured(params: gdopt.space.parameters.Params, rng: random.Random) -> dict[str, float] | None:
    """Yield and impurity of a simulated reaction, in percent; None if the vial broke."""
    time.sleep(SECONDS)
    heat = (float(params["temperature"]) - 85) / 35
    amount = float(params["equivalents"]) - 0.3
    hours = (float(params["hours"]) - 14) / 10
    good = 88 * (params["base"] == "Cs2CO3") + 71 * (params["base"] == "KOAc") + 52 * (params["base"] == "Et3N")
    clean = good * 2.718 ** -(heat**2 + 4 * amount**2 + hours**2 / 2)
    impurity = 1.0 + 1.6 * max(heat, 0.0) + 0.8 * max(amount, 0.0)
    if rng.random() < BROKEN:
        return None
    return {"yield": clean + rng.gauss(0, NOISE), "impurity": impurity + rng.gauss(0, 0.05)}


def robot(file: Path, plates: int) -> None:
    """Fill the plates that are not finished, vial by vial."""
    study, rng = gdopt.Study.load(file), random.Random(os.getpid())
    for number in range(plates):
        for trial in study.ask(VIALS, key=f"plate-{number}", worker="robot"):
            if trial.status is not gdopt.Status.PENDING:
                continue
            if (outcome := measured(trial.params, rng)) is None:
                study.fail(trial.id, reason="broken vial")
            else:
                study.tell(trial.id, outcome)


def started(file: Path, plates: int) -> subprocess.Popen[bytes]:
    """The robot's program."""
    return subprocess.Popen([sys.executable, __file__, "robot", str(file), str(plates)])


def settled(study: gdopt.Study) -> dict[int, tuple[str, float | None]]:
    """The result of each trial that is not pending."""
    study.refresh()
    return {t.id: (t.status.value, t.value) for t in study.trials if t.status is not gdopt.Status.PENDING}


def main(folder: Path, plates: int) -> None:
    """Run the campaign and print its results."""
    folder.mkdir(parents=True, exist_ok=True)
    study = gdopt.Study(
        SPACE, direction="maximize", objective="yield", outcome_constraints=["impurity <= 2"], storage=folder /
        "lab.gdopt", seed=0
    )  # fmt: skip
    study.create()
    first = started(folder / "lab.gdopt", plates)
    while len(settled(study)) < plates * VIALS // 2 - 3 and first.poll() is None:
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.wait()
    before = settled(study)
    typer.echo(f"killed after {len(before)} vials, {len(study.pending)} were waiting")

    second = started(folder / "lab.gdopt", plates)
    if second.wait() != 0:
        raise SystemExit("the robot stopped")
    after = settled(study)
    kept = all(after[id] == outcome for id, outcome in before.items())
    failed = sum(status == "failed" for status, _ in after.values())
    typer.echo(f"{len(after)} vials on {plates} plates, {failed} broken; what was told before is kept: {kept}")
    best = study.best
    impurity = best.outcomes["impurity"][0]
    typer.echo(f"best {best.value:.1f} % with {impurity:.2f} % of impurity: trial {best.id}, {dict(best.params)}")
    study.to_frame().to_csv(folder / "results.csv", index=False)
    study.plot(folder / "progress.png")


if __name__ == "__main__":
    if sys.argv[1:2] == ["robot"]:
        robot(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        words = sys.argv[1:]
        main(Path(words[0]) if words else Path("lab"), int(words[1]) if len(words) > 1 else 10)
