"""Prior knowledge as a prior: past runs, their results for a related product, an expert's ranges.

python examples/priors.py [FOLDER] [--budget N] [--steps N] [--seeds N]

The process is made up, so that this runs anywhere: a crystallization with four settings. Its 400 past runs lie where
crystals form: slow cooling needs a high concentration, and fast cooling is stirred faster. They made another product,
whose yield was recorded. The objective is the yield of a new product.

It writes designs.csv, a prior's file and a figure of its check, and prints the check, then the best yields that
`GuidedDiffusion` finds with each prior and without one.
"""

import argparse
import sys
from pathlib import Path
from statistics import median

import numpy as np
from jaxtyping import Float

import gdopt

SPACE = gdopt.Space(
    [
        gdopt.Real("start", 40, 90, unit="degC"),
        gdopt.Real("cooling", 0.05, 1.2, unit="degC/min"),
        gdopt.Real("concentration", 50, 400, unit="g/l"),
        gdopt.Real("stirring", 50, 700, unit="rpm"),
    ]
)
RUNS = 400
# Where the yield is best, of the old product and of the new one: start and cooling.
OLD, NEW = (66.0, 0.35), (71.0, 0.25)
START, BATCH = 6, 6


def concentration(start: Float[np.ndarray, " n"], cooling: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """The concentration at which crystals form, g/l: warm solutions hold more, and slow cooling needs more."""
    found: np.ndarray = 60 + 3 * (start - 40) + 40 / (cooling + 0.2)
    return found


def past(seed: int = 0) -> Float[np.ndarray, "n 4"]:
    """Past runs."""
    rng = np.random.default_rng(seed)
    start = rng.normal(64, 6, RUNS).clip(42, 88)
    cooling = rng.lognormal(-0.9, 0.4, RUNS).clip(0.08, 1.1)
    dissolved = concentration(start, cooling) * rng.normal(1, 0.04, RUNS)
    stirring = 200 + 350 * cooling + rng.normal(0, 15, RUNS)
    return np.column_stack([start, cooling, dissolved, stirring])


def yields(runs: Float[np.ndarray, "n 4"], best: tuple[float, float]) -> Float[np.ndarray, " n"]:
    """The yield in percent: lower away from the best start and cooling, and nearly 0 where no crystals form."""
    start, cooling, dissolved, stirring = runs.T
    off = ((start - best[0]) / 8) ** 2 + (np.log(cooling / best[1]) / 0.6) ** 2
    lost = ((dissolved / concentration(start, cooling) - 1) / 0.12) ** 2 + ((stirring - 200 - 350 * cooling) / 60) ** 2
    found: np.ndarray = 92 * np.exp(-(off + lost) / 2)
    return found


def best_yield(algorithm: gdopt.GuidedDiffusion, budget: int, seed: int) -> float:
    """The best of a study of the new product."""
    study = gdopt.Study(SPACE, direction="maximize", objective="yield", algorithm=algorithm, seed=seed)
    while len(study.trials) < budget:
        trials = study.ask(min(BATCH if study.trials else START, budget - len(study.trials)))
        runs = np.array([[t.params[name] for name in SPACE.names] for t in trials], dtype=float)
        study.tell(dict(zip([t.id for t in trials], yields(runs, NEW).tolist(), strict=True)))
    return study.best.value or 0.0


def main() -> None:
    """Fit the priors, check one, and use all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("priors"))
    parser.add_argument("--budget", type=int, default=24, help="runs of the new product")
    parser.add_argument("--steps", type=int, default=1500, help="of training at most")
    parser.add_argument("--seeds", type=int, default=1, help="studies with each prior")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)

    runs = past()
    measured = yields(runs, OLD)
    table = np.column_stack([runs, measured])
    np.savetxt(given.folder / "designs.csv", table, "%.5g", ",", header=",".join([*SPACE.names, "yield"]), comments="")

    plain = gdopt.DiffusionPrior.fit(runs, space=SPACE, steps=given.steps)
    weights = gdopt.outcome_weights(measured, direction="maximize")
    related = gdopt.DiffusionPrior.fit(runs, weights=weights, space=SPACE, steps=given.steps)
    expert = gdopt.DiffusionPrior.expert(SPACE, {"start": gdopt.Normal(65, 8), "cooling": gdopt.Uniform(0.1, 0.6)})

    check = plain.check()
    check.plot(given.folder / "check.png")
    sys.stdout.write(f"{check}\n\n")
    # One file has all of a prior, for a colleague or another machine.
    related.save(given.folder / "related.safetensors")
    shared = gdopt.DiffusionPrior.load(given.folder / "related.safetensors")

    sys.stdout.write(
        f"the best yield of {RUNS} past runs, were they of the new product: {yields(runs, NEW).max():.1f}\n"
    )
    priors = {"no prior": None, "an expert's": expert, "past runs": plain, "and their yields": shared}
    for name, prior in priors.items():
        algorithm = gdopt.GuidedDiffusion(prior=prior)
        found = [best_yield(algorithm, given.budget, seed) for seed in range(given.seeds)]
        sys.stdout.write(f"{name}: {median(found):.1f} % in {given.budget} runs\n")


if __name__ == "__main__":
    main()
