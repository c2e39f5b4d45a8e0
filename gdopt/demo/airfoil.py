"""`gdopt demo airfoil`: an airfoil of high lift over drag, with a prior of real airfoils without labels."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
from rich.console import Console

from gdopt.algorithms.guided import GuidedDiffusion
from gdopt.bench.problem import Problem
from gdopt.console import say
from gdopt.demo.loop import list_files, play, pretrained
from gdopt.priors.diffusion import DiffusionPrior
from gdopt.study.figures import progress
from gdopt.study.study import Study

__all__ = ["STEPS", "run"]

# Maximum number of pretraining steps.
STEPS = 3000
# Draws of the prior in the figure that shows them.
SHOWN = 18


def run(out: Path, *, seed: int = 0, budget: int = 300, steps: int = STEPS) -> Study:
    """The finished study, whose file, tables and figures are in the folder `out`.

    The files are study.gdopt, prior.safetensors, results.csv (one row for each trial), progress.png, airfoil.png (the
    best design over the best real one), samples.png (draws of the prior beside real airfoils) and best.dat (in
    Selig's format, which XFOIL reads).

    Args:
        out: a folder, created if missing; a study in it is continued.
        seed: seed of the initial designs and the proposals.
        budget: total number of evaluations, initial designs included.
        steps: maximum number of pretraining steps.
    """
    console = Console(highlight=False)
    # The library does not import its problems: the demos load them by name.
    airfoil = import_module("gdopt_problems.airfoil")
    figures = import_module("gdopt_problems.airfoil_figures")
    problem: Problem = airfoil.problem()
    out.mkdir(parents=True, exist_ok=True)
    assert problem.corpus is not None
    designs = problem.corpus()
    prior = pretrained(
        console,
        out / "prior.safetensors",
        DiffusionPrior.load,
        lambda show: DiffusionPrior.fit(designs, space=problem.space, commensurate=True, steps=steps, progress=show),
        of=f"{len(designs)} real airfoils",
        steps=steps,
        loss=" (1 for a Gaussian distribution)",
    )
    study = Study(
        problem.space,
        direction="maximize",
        algorithm=GuidedDiffusion(prior=prior),
        storage=out / "study.gdopt",
        seed=seed,
    )
    play(
        console,
        study,
        lambda trials: problem.evaluate([t.params for t in trials]),
        budget,
        start=problem.start,
        batch=problem.batch,
    )
    _write(console, out, study, prior, airfoil, figures, problem)
    return study


def _write(
    console: Console,
    out: Path,
    study: Study,
    prior: DiffusionPrior,
    airfoil: ModuleType,
    figures: ModuleType,
    problem: Problem,
) -> None:
    """Write the tables, the figures and the file of the best design."""
    corpus, names = airfoil.corpus(), airfoil.airfoil_names()
    real = airfoil.values(corpus)
    top = int(real.argmax())
    best = study.best
    design = np.array([float(best.params[name]) for name in study.space.names])
    # Sides that cross at the tail cannot be built: they are written closed, which has the same value.
    design = airfoil.uncrossed(design)
    study.to_frame().to_csv(out / "results.csv", index=False)
    progress(
        study.state.trials,
        study.config,
        out / "progress.png",
        reference=(f"best real airfoil ({names[top]})", real[top]),
    )
    figures.best_figure(design, corpus[top], out / "airfoil.png", ("best found", names[top]))
    figures.samples_figure(prior.sample(SHOWN), corpus, out / "samples.png")
    title = f"gdopt demo, CL/CD {best.value:.1f} at CL = 0.7, Re = 1e6"
    (out / "best.dat").write_text(airfoil.selig(design, title))
    say(
        console,
        f"best design {best.value:.2f} (trial {best.id}, {best.source}); "
        f"best real airfoil, {names[top]}, {real[top]:.2f}; best known {problem.best_known}",
    )
    list_files(console, out)
