"""The benefit of a prior of mixed designs: `cross_coupling` with and without earlier experiments.

python docs/measure_mixed_prior.py SEEDS

The corpus is the best fifth of 500 random designs, whose yields are hidden, as notebooks of chemists contain
what worked. The prior therefore has more information than the space-filling initial designs of a study without one, and
the script prints the best of the corpus and of the first plate beside the best of all. Yields are measured with noise,
and scored without it.
"""

import sys
import time
from statistics import median

import numpy as np
import pandas as pd
import torch

import gdopt
from gdopt.codecs.box import BoxCodec
from gdopt_problems import cross_coupling

TRIED, KEPT = 500, 100


def run(prior: gdopt.DiffusionPrior | None, seed: int) -> tuple[float, float]:
    """The best of the first designs and of all, free of noise."""
    problem = cross_coupling.problem()
    algorithm = gdopt.GuidedDiffusion(prior=prior)
    study = gdopt.Study(problem.space, direction=problem.direction, algorithm=algorithm, seed=seed)
    noise = np.random.default_rng(seed)
    true: list[float] = []
    while len(true) < problem.budget:
        trials = study.ask(min(problem.batch if true else problem.start, problem.budget - len(true)))
        values = problem.evaluate([t.params for t in trials])
        study.tell({t.id: v + problem.noise_std * noise.normal() for t, v in zip(trials, values, strict=True)})
        true += values
    return max(true[: problem.start]), max(true)


def main() -> None:
    """Print a line for each seed without and with the prior, then the medians."""
    problem = cross_coupling.problem()
    codec = BoxCodec(problem.space)
    edge = 3**0.5
    unit = torch.rand(TRIED, codec.dim, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    tried = codec.decode(edge * (2 * unit - 1))
    values = np.array(problem.evaluate(tried))
    best = values.argsort()[::-1][:KEPT]
    began = time.process_time()
    prior = gdopt.DiffusionPrior.fit(pd.DataFrame([tried[i] for i in best]), space=problem.space)
    sys.stdout.write(
        f"corpus: {KEPT} of {TRIED}, yields {values[best].min():.1f} to {values[best].max():.1f}; fitted in "
        f"{time.process_time() - began:.0f} CPU-s; its check: {'; '.join(prior.check().faults) or 'fit'}\n"
    )
    for label, given in (("without", None), ("with", prior)):
        found = []
        for seed in range(int(sys.argv[1])):
            began = time.process_time()
            found.append(run(given, seed))
            sys.stdout.write(
                f"{label}, seed {seed}: first {found[-1][0]:.1f}, best {found[-1][1]:.1f}, "
                f"{time.process_time() - began:.0f} CPU-s\n"
            )
            sys.stdout.flush()
        first, last = (median(column) for column in zip(*found, strict=True))
        sys.stdout.write(f"{label}: median of the best of the first plate {first:.1f}, of all {last:.1f}\n")


if __name__ == "__main__":
    main()
