"""`gdopt demo` in forty lines: airfoils of high lift over drag, with a prior of 2,174 unlabelled real ones.

python examples/airfoil.py [FOLDER] [BUDGET] [PRETRAINING_STEPS]
"""

import sys
from pathlib import Path

import numpy as np

import gdopt
from gdopt_problems import airfoil, airfoil_figures

out = Path(sys.argv[1] if len(sys.argv) > 1 else "airfoil")
budget = int(sys.argv[2]) if len(sys.argv) > 2 else 300
steps = int(sys.argv[3]) if len(sys.argv) > 3 else 3000
out.mkdir(exist_ok=True)
problem = airfoil.problem()  # 128 surface ordinates -> CL/CD at CL = 0.7, times penalties

# 1. The prior of unlabelled real airfoils. Ordinates share a unit, so their variances can be compared.
prior = gdopt.DiffusionPrior.fit(airfoil.corpus(), space=problem.space, commensurate=True, steps=steps)
airfoil_figures.samples_figure(prior.sample(18), airfoil.corpus(), out / "samples.png")

# 2. The closed loop: 40 real airfoils, then batches of 20 that the fine-tuned, guided prior proposes.
study = gdopt.Study(
    problem.space,
    direction="maximize",
    algorithm=gdopt.GuidedDiffusion(prior=prior),
    storage=out / "study.gdopt",
)
while len(study.trials) < budget:
    trials = study.ask(problem.batch if study.trials else problem.start)
    values = problem.evaluate([trial.params for trial in trials])
    study.tell({trial.id: value for trial, value in zip(trials, values, strict=True)})
    last = study.rounds[-1]
    sys.stdout.write(f"round {last.number}: best {study.best.value:.1f}, this round {last.best:.1f} ({last.winner})\n")

# 3. The results.
study.to_frame().to_csv(out / "results.csv", index=False)
study.plot(out / "progress.png")
design = airfoil.uncrossed(np.array(list(study.best.params.values()), dtype=float))
corpus = airfoil.corpus()
real = corpus[airfoil.values(corpus).argmax()]
airfoil_figures.best_figure(design, real, out / "airfoil.png")
(out / "best.dat").write_text(airfoil.selig(design, f"gdopt, CL/CD {study.best.value:.1f}"))
