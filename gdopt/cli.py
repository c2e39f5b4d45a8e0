"""The command line: `gdopt demo` runs the main job, `gdopt problems` lists what there is to try."""

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


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the results; made if missing.")] = Path("demo"),
    seed: Annotated[int, typer.Option(help="The same seed gives the same airfoil.")] = 0,
    budget: Annotated[int, typer.Option(help="Evaluations in all, the 40 start designs included.")] = 300,
    steps: Annotated[int, typer.Option(help="Pretraining steps of the diffusion prior at most.")] = 3000,
) -> None:
    """Design an airfoil of high lift over drag: pretrain on 2,174 real ones, then ask and tell."""
    from gdopt.demo import run

    run(out, seed=seed, budget=budget, steps=steps)


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
