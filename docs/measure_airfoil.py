"""The airfoil table of docs/reference/benchmarks.md: `GuidedDiffusion`, 40 real airfoils and 13 rounds of 20.

python docs/measure_airfoil.py SEEDS [SETTING=VALUE ...], such as: python docs/measure_airfoil.py 5 share_guided=0.1
"""

import ast
import sys
import time
from collections import Counter
from pathlib import Path
from statistics import median
from tempfile import gettempdir

import gdopt
from gdopt.algorithms.settings import with_settings
from gdopt_problems import airfoil


def pretrained() -> gdopt.DiffusionPrior:
    """The demo's prior, kept between runs."""
    path = Path(gettempdir()) / f"gdopt-{gdopt.__version__}-airfoil-prior.safetensors"
    if not path.exists():
        space = airfoil.problem().space
        gdopt.DiffusionPrior.fit(airfoil.corpus(), space=space, commensurate=True).save(path)
    return gdopt.DiffusionPrior.load(path)


def run(algorithm: gdopt.GuidedDiffusion, seed: int) -> gdopt.Study:
    """A finished study of the airfoil problem."""
    problem = airfoil.problem()
    study = gdopt.Study(problem.space, direction="maximize", algorithm=algorithm, seed=seed)
    while len(study.state.trials) < problem.budget:
        trials = study.ask(problem.batch if study.state.trials else problem.start)
        values = problem.evaluate([t.params for t in trials])
        study.tell(dict(zip([t.id for t in trials], values, strict=True)))
    return study


def main() -> None:
    """Print a line for each seed, then the median and the sources of the best trial of each round."""
    settings = dict(word.split("=") for word in sys.argv[2:])
    changes = {name: ast.literal_eval(value) for name, value in settings.items()}
    algorithm = with_settings(gdopt.GuidedDiffusion(prior=pretrained()), changes)
    best: list[float] = []
    places, wins = Counter[str](), Counter[str]()
    for seed in range(int(sys.argv[1])):
        began = time.process_time()
        study = run(algorithm, seed)
        best.append(study.best.value or 0.0)
        for one in study.rounds[1:]:
            places.update(one.sources)
            wins[one.winner or ""] += 1
        sys.stdout.write(f"seed {seed}: {best[-1]:.1f}, {time.process_time() - began:.0f} CPU-s\n")
        sys.stdout.flush()
    sys.stdout.write(
        f"{settings or 'defaults'}: median {median(best):.1f}; places {dict(places)}, rounds won {dict(wins)}\n"
    )


if __name__ == "__main__":
    main()
