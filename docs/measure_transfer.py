"""The table of docs/howto/priors.md: do results of a related task help, as weights of the corpus?

python docs/measure_transfer.py PROBLEM SEEDS SHARE ..., such as: curved_sheet-30 5 plain 0.37, or: airfoil 3 plain 0.37

The corpus comes with the values of a related task: of `curved_sheet`, the distance from another design, some degrees
(30 or 120) from the best and nearer to the data; of `airfoil`, lift over drag at a lift of 0.5 instead of 0.7 and half
of the speed. The prior is fitted to it plainly, and weighted by these values to each share; the rest is the same.
"""

import math
import sys
import time
from statistics import median
from unittest.mock import patch

import numpy as np
import torch
from jaxtyping import Float

import gdopt
from gdopt.bench.problem import Problem
from gdopt_problems import curved_sheet

START, BATCH, BUDGET = 20, 10, 100


def of_sheet(degrees: float) -> tuple[Problem, Float[np.ndarray, " n"]]:
    """The problem, and the values of its corpus in the related task."""
    problem = curved_sheet.problem()
    assert problem.corpus is not None
    best = curved_sheet.sheet().best
    aside = torch.randn(len(best), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    aside -= aside @ best / (best @ best) * best
    angle = math.radians(degrees)
    other = 0.75 * (math.cos(angle) * best + math.sin(angle) * best.norm() * aside / aside.norm())
    u = torch.from_numpy(problem.corpus()) @ curved_sheet.sheet().along
    return problem, -(u - other).square().sum(1).numpy()


def of_airfoil() -> tuple[Problem, Float[np.ndarray, " n"]]:
    """The problem, and the values of its corpus in the related task."""
    from gdopt_problems import airfoil

    problem = airfoil.problem()
    with patch.multiple(airfoil, LIFT=0.5, REYNOLDS=5e5):
        return problem, airfoil.values(airfoil.corpus())


def run(problem: Problem, prior: gdopt.DiffusionPrior, seed: int) -> tuple[float, float]:
    """The best of the first designs, and the best of all."""
    algorithm = gdopt.GuidedDiffusion(prior=prior)
    study = gdopt.Study(problem.space, direction=problem.direction, algorithm=algorithm, seed=seed)
    first = math.nan
    while len(study.trials) < BUDGET:
        trials = study.ask(BATCH if study.trials else START)
        study.tell(dict(zip([t.id for t in trials], problem.evaluate([t.params for t in trials]), strict=True)))
        if len(study.trials) == START:
            first = study.best.value or 0.0
    return first, study.best.value or 0.0


def main() -> None:
    """Print a line for each prior and seed, then the medians."""
    name, seeds, *shares = sys.argv[1:]
    kind, _, degrees = name.partition("-")
    problem, related = of_airfoil() if kind == "airfoil" else of_sheet(float(degrees))
    assert problem.corpus is not None
    designs = problem.corpus()
    own = np.array(problem.evaluate([dict(zip(problem.space.names, row, strict=True)) for row in designs.tolist()]))
    ranks = [one.argsort().argsort() for one in (own, related)]
    sys.stdout.write(
        f"{len(designs)} designs, best {own.max():.2f}; rank correlation of the tasks {np.corrcoef(*ranks)[0, 1]:.2f}\n"
    )
    for share in [None if word == "plain" else float(word) for word in shares]:
        weights = None if share is None else gdopt.outcome_weights(related, share=share)
        began = time.process_time()
        prior = gdopt.DiffusionPrior.fit(
            designs, weights=weights, space=problem.space, commensurate=problem.commensurate
        )
        label = "plain" if share is None else f"share {share:g}"
        sys.stdout.write(f"{label}: {prior.codec.dim} directions, fitted in {time.process_time() - began:.0f} CPU-s\n")
        found = []
        for seed in range(int(seeds)):
            found.append(run(problem, prior, seed))
            sys.stdout.write(f"{label}, seed {seed}: first {found[-1][0]:.3f}, best {found[-1][1]:.3f}\n")
            sys.stdout.flush()
        first, best = (median(column) for column in zip(*found, strict=True))
        sys.stdout.write(f"{label}: median of the best of the first {START} {first:.3f}, of all {BUDGET} {best:.3f}\n")


if __name__ == "__main__":
    main()
