"""The main job, end to end: an airfoil of high lift over drag, from real ones without labels."""

import time
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from gdopt.bench.problem import Problem
from gdopt.guided import GuidedDiffusion
from gdopt.plot import progress
from gdopt.prior import DiffusionPrior
from gdopt.study import Study

__all__ = ["run"]

# Draws of the prior in the figure that shows them.
SHOWN = 18


def run(out: Path, *, seed: int = 0, budget: int = 300, steps: int = 3000) -> Study:
    """The finished study, whose file, tables and figures are in the folder `out`.

    They are study.gdopt, prior.safetensors, results.csv (a row a trial), progress.png, airfoil.png (the best design
    over the best real one), samples.png (draws of the prior beside real airfoils) and best.dat (in Selig's format,
    which XFOIL reads).

    Args:
        out: a folder, made if missing; a study that is in it goes on where it stopped.
        seed: of the start designs and every proposal.
        budget: evaluations in all, the start included.
        steps: pretraining steps at most.
    """
    console = Console(highlight=False)
    # The library does not know its problems: the demo is the one place that loads one, by name.
    airfoil = import_module("gdopt_problems.airfoil")
    figures = import_module("gdopt_problems.airfoil_figures")
    problem: Problem = airfoil.problem()
    out.mkdir(parents=True, exist_ok=True)
    prior = _pretrained(console, out / "prior.safetensors", problem, steps)
    study = Study(
        problem.space,
        direction="maximize",
        algorithm=GuidedDiffusion(prior=prior),
        storage=out / "study.gdopt",
        seed=seed,
    )
    _loop(console, study, problem, budget)
    _write(console, out, study, prior, airfoil, figures, problem)
    return study


def _pretrained(console: Console, path: Path, problem: Problem, steps: int) -> DiffusionPrior:
    """The prior of the real airfoils: loaded if it is there, else pretrained with a progress line."""
    if path.exists():
        console.print(f"diffusion prior loaded from {path}")
        return DiffusionPrior.load(path)
    assert problem.corpus is not None
    designs = problem.corpus()
    console.print(f"a diffusion prior of {len(designs)} real airfoils, without labels", soft_wrap=True)
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[info]}")
    with Progress(*columns, TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task("pretraining", total=steps, info="")

        def show(step: int, total: int, loss: float) -> None:
            bar.update(task, completed=step, total=total, info=f"held-out loss {loss:.3f}")

        prior = DiffusionPrior.fit(designs, space=problem.space, commensurate=True, steps=steps, progress=show)
    prior.save(path)
    console.print(
        f"pretrained in {prior.seconds:.0f} s and {prior.training.steps} steps; "
        f"held-out loss {prior.training.best:.3f}, where the Gaussian law has 1",
        soft_wrap=True,
    )
    return prior


def _loop(console: Console, study: Study, problem: Problem, budget: int) -> None:
    """Ask, evaluate, tell until the budget is spent, with a line for each round."""
    began, before = time.perf_counter(), len(study.state.done)
    waiting = study.pending
    console.print(
        "round  told    best  median  ranks  proposals -> winner                     seconds  left",
        soft_wrap=True,
    )
    while (told := len(study.state.done)) < budget:
        batch = problem.batch if told else problem.start
        trials = waiting or study.ask(min(batch, budget - told))
        waiting = []
        values = problem.evaluate([t.params for t in trials])
        study.tell(dict(zip([t.id for t in trials], values, strict=True)))
        pace = (time.perf_counter() - began) / (len(study.state.done) - before)
        console.print(_line(study, pace * (budget - len(study.state.done))), soft_wrap=True)


def _line(study: Study, left: float) -> str:
    """What the last round did, in one line."""
    last = study.rounds[-1]
    ranks = "     " if last.rank_correlation is None else f"{last.rank_correlation:5.2f}"
    sources = " ".join(f"{name} {count}" for name, count in last.sources.items())
    return (
        f"{last.number:5d} {len(study.state.done):5d} {study.best.value:7.2f} {last.median:7.2f}  {ranks}  "
        f"{f'{sources} -> {last.winner}':42s} {last.seconds:5.1f}  {left:4.0f}s"
    )


def _write(
    console: Console,
    out: Path,
    study: Study,
    prior: DiffusionPrior,
    airfoil: ModuleType,
    figures: ModuleType,
    problem: Problem,
) -> None:
    """The tables, the figures and the best design's file."""
    corpus, names = airfoil.corpus(), airfoil.airfoil_names()
    real = airfoil.values(corpus)
    top = int(real.argmax())
    best = study.best
    design = np.array([float(best.params[name]) for name in study.space.names])
    # What is drawn and written can be built: sides that cross at the tail are worth what closed ones are.
    design = airfoil.uncrossed(design)
    study.to_frame().to_csv(out / "results.csv", index=False)
    progress(study, out / "progress.png", reference=(f"best real airfoil ({names[top]})", real[top]))
    figures.best_figure(design, corpus[top], out / "airfoil.png", ("best found", names[top]))
    figures.samples_figure(prior.sample(SHOWN), corpus, out / "samples.png")
    title = f"gdopt demo, CL/CD {best.value:.1f} at CL = 0.7, Re = 1e6"
    (out / "best.dat").write_text(airfoil.selig(design, title))
    console.print(
        f"best design {best.value:.2f} (trial {best.id}, {best.source}); "
        f"best real airfoil, {names[top]}, {real[top]:.2f}; best known {problem.best_known}",
        soft_wrap=True,
    )
    console.print(f"in {out}/: {', '.join(sorted(p.name for p in out.iterdir()))}", soft_wrap=True)
