"""`gdopt demo`: an airfoil or molecules, from pretraining to the best design."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["demo"]


class Job(StrEnum):
    """The kind of design of a demo."""

    AIRFOIL = "airfoil"
    MOLECULES = "molecules"


def demo(
    job: Annotated[Job, typer.Argument(help="What to design.")] = Job.AIRFOIL,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the results, made if missing: demo or demo-molecules by default.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same designs.")] = 0,
    budget: Annotated[int, typer.Option(help="Total number of evaluations, with those of the initial designs.")] = 300,
    steps: Annotated[
        int | None,
        typer.Option(help="Maximum number of pretraining steps of the prior; by default 3000, or 400 for molecules."),
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="Molecules: a task of the PMO benchmark, osimertinib_mpo by default.")
    ] = None,
    smiles: Annotated[
        Path | None, typer.Option(help="Molecules: a file of SMILES to learn from, 4,756 of the NCI's by default.")
    ] = None,
    filters: Annotated[
        bool,
        typer.Option(
            "--filters", help="Molecules: propose only molecules that are easy to make and have no structural alerts."
        ),
    ] = False,
) -> None:
    """Design an airfoil of high lift over drag, or molecules of high score: pretrain on unlabelled ones, ask and tell.

    The airfoil takes two minutes and learns from 2,174 real ones; 40 of them are the start. Molecules take ten minutes.
    """
    if job is Job.MOLECULES:
        from gdopt.demo import molecules

        molecules.run(
            out or Path("demo-molecules"),
            task=task or molecules.TASK,
            corpus=smiles,
            seed=seed,
            budget=budget,
            steps=molecules.STEPS if steps is None else steps,
            filters=filters,
        )
        return
    for name, given in (("task", task), ("smiles", smiles), ("filters", filters)):
        if given:
            raise typer.BadParameter(f"--{name} is for molecules: gdopt demo molecules --{name} ...")
    from gdopt.demo import airfoil

    steps = airfoil.STEPS if steps is None else steps
    airfoil.run(out or Path("demo"), seed=seed, budget=budget, steps=steps)
