"""The command line: `gdopt demo` runs the main jobs, `gdopt bench paper` reproduces the paper."""

import json
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

import gdopt

__all__ = ["app", "main"]

app = typer.Typer(
    help="Black-box optimization whose proposals come from a guided, fine-tuned diffusion model.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class Job(StrEnum):
    """What a demo designs."""

    AIRFOIL = "airfoil"
    MOLECULES = "molecules"


@app.command()
def demo(
    job: Annotated[Job, typer.Argument(help="What to design.")] = Job.AIRFOIL,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the results, made if missing: demo or demo-molecules by default.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same designs.")] = 0,
    budget: Annotated[int, typer.Option(help="Evaluations in all, those of the start included.")] = 300,
    steps: Annotated[
        int | None,
        typer.Option(help="Pretraining steps of the diffusion prior at most: 3000, or 400 for molecules, by default."),
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="Molecules: a task of the PMO benchmark, osimertinib_mpo by default.")
    ] = None,
    smiles: Annotated[
        Path | None, typer.Option(help="Molecules: a file of SMILES to learn from, 4,756 of the NCI's by default.")
    ] = None,
    filters: Annotated[
        bool, typer.Option("--filters", help="Molecules: only what is easy to make and has no structural alerts.")
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


bench = typer.Typer(help="Measure: reproductions and comparisons.", no_args_is_help=True)
app.add_typer(bench, name="bench")


@bench.command("run")
def run_bench(
    suite: Annotated[str, typer.Argument(help="A suite, a problem, several with commas, or module:function of yours.")],
    methods: Annotated[
        str, typer.Option(help="Methods, separated by spaces; settings after a colon.")
    ] = "gdopt random",
    seeds: Annotated[int, typer.Option(help="Seeds 0, 1, ... up to this many.")] = 10,
    out: Annotated[Path, typer.Option(help="Folder of the records; what is there is not run again.")] = Path("bench"),
    workers: Annotated[int | None, typer.Option(help="Processes; one for each core by default.")] = None,
) -> None:
    """Run methods on problems over seeds; stop it at any time, the same command goes on."""
    from gdopt.bench.runner import problems_of, run_all

    run_all(problems_of(suite), methods.split(), seeds, out, workers=workers, say=typer.echo)
    typer.echo(f"records in {out}/records; `gdopt bench report {out}` makes tables and figures of them")


@bench.command()
def report(
    folder: Annotated[Path, typer.Argument(help="Where `gdopt bench run` put its records.")] = Path("bench"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")] = False,
) -> None:
    """Write report.md, report.json and figures of the records in a folder."""
    from gdopt.bench.report import markdown
    from gdopt.bench.report import report as write

    made = write(folder)
    typer.echo(json.dumps(made, indent=1) if as_json else markdown(made))


@bench.command()
def paper(
    out: Annotated[Path, typer.Option(help="Folder for the page, its figures and results.json.")] = Path("paper"),
    as_json: Annotated[bool, typer.Option("--json", help="Print all results as one JSON object.")] = False,
) -> None:
    """Reproduce arXiv 2404.14743: every theorem and figure, measured, as one page. Takes minutes."""
    # The library does not know its problems: this loads one by name, as the demo does.
    run = import_module("gdopt_problems.paper").run
    results = run(out)
    if as_json:
        typer.echo(json.dumps(results, indent=1))


@app.command()
def version() -> None:
    """Print gdopt's version."""
    typer.echo(gdopt.__version__)


def main() -> None:
    """Run the command line; an error that gdopt meant is one line, not a traceback."""
    try:
        app()
    except gdopt.GdoptError as error:
        typer.secho(f"gdopt: {error}", err=True, fg=typer.colors.RED)
        raise SystemExit(1) from error
