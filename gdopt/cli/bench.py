"""`gdopt bench`: measure, reproduce, compare."""

import json
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["bench"]

bench = typer.Typer(help="Measure: reproductions and comparisons.", no_args_is_help=True)


@bench.command("run")
def run_bench(
    suite: Annotated[
        str,
        typer.Argument(
            help="A suite, a problem, several problems with commas between them, or your own module:function. "
            "problem@100 is a problem with 100 evaluations."
        ),
    ],
    methods: Annotated[
        str, typer.Option(help="Methods, separated by spaces; settings after a colon.")
    ] = "gdopt random",
    seeds: Annotated[int, typer.Option(help="Number of seeds: 0, 1, ...")] = 10,
    out: Annotated[Path, typer.Option(help="Folder of the records; finished runs are not repeated.")] = Path("bench"),
    workers: Annotated[int | None, typer.Option(help="Number of processes; by default one for each core.")] = None,
) -> None:
    """Run methods on problems over seeds. After an interruption the same command continues."""
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
