"""The command line: campaigns without Python, `gdopt demo` runs the main jobs, `gdopt bench` measures.

The modules of this package import slow modules in the functions that use them, so that `gdopt --help` starts fast.
"""

import typer

import gdopt
from gdopt.cli import begin, bench, jobs, look, machines, prior, work
from gdopt.cli.answer import verb

__all__ = ["app", "main"]

app = typer.Typer(
    help="Black-box optimization whose proposals come from a guided, fine-tuned diffusion model.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

BEGIN, WORK, LOOK, SERVE, OTHER = "Begin a campaign", "Ask and tell", "Look", "Many people, many machines", "Other"

for panel, verbs in ((BEGIN, begin.VERBS), (WORK, work.VERBS), (LOOK, look.VERBS)):
    for function in verbs:
        verb(app, function, panel)
app.add_typer(prior.prior, name="prior", rich_help_panel=BEGIN)
app.command(rich_help_panel=SERVE)(machines.serve)
app.command(rich_help_panel=SERVE)(machines.worker)
app.command(rich_help_panel=OTHER)(jobs.demo)
app.add_typer(bench.bench, name="bench", rich_help_panel=OTHER)


@app.command(rich_help_panel=OTHER)
def version() -> None:
    """Print gdopt's version."""
    typer.echo(gdopt.__version__)


def main() -> None:
    """Run the command line. A `GdoptError` is printed in one line, without a traceback."""
    try:
        app()
    except gdopt.GdoptError as error:
        typer.secho(f"gdopt: {error}", err=True, fg=typer.colors.RED)
        raise SystemExit(1) from error
