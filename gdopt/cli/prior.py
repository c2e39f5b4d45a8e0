"""`gdopt prior`: fit a prior to unlabelled designs, and compare its draws with them."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from gdopt.arguments import counted
from gdopt.cli.answer import Answer, verb
from gdopt.errors import SettingsError, StoreError

__all__ = ["prior"]

prior = typer.Typer(help="Fit a prior to unlabelled designs, and check it.", no_args_is_help=True)

STEPS, DRAWS = 3000, 500


def fit(
    corpus: Annotated[Path, typer.Argument(help="A CSV file with a header and one design in each row.")],
    out: Annotated[Path, typer.Option(help="The file to write the prior to.")] = Path("prior.safetensors"),
    space: Annotated[
        Path | None, typer.Option(help="The file of a campaign: only the columns of its parameters are used.")
    ] = None,
    weights: Annotated[str | None, typer.Option(help="The column of the designs' weights.")] = None,
    outcome: Annotated[
        str | None, typer.Option(help="The column of an outcome of a related task: better designs get larger weights.")
    ] = None,
    direction: Annotated[str, typer.Option(help="Direction of the outcome: maximize or minimize.")] = "maximize",
    steps: Annotated[int, typer.Option(help="Maximum number of training steps.", min=1)] = STEPS,
    seed: Annotated[int, typer.Option(help="Seed of all random draws.", min=0)] = 0,
) -> Answer:
    """Fit a prior to the designs of a CSV file.

    Without a campaign, the columns are the parameters. The bounds of a number are its range with a small margin;
    the categories of a choice are the words in its column.
    """
    from rich.console import Console

    from gdopt.console import training
    from gdopt.lab.campaign_reader import read_campaign
    from gdopt.priors import corpus_file as corpora
    from gdopt.priors.diffusion import DiffusionPrior

    if out.exists():
        raise StoreError(f"{out} is there already: choose another --out, or delete it")
    given = None if space is None else read_campaign(space).space
    if space is not None and given is None:
        raise SettingsError(f"{space} has no [[parameters]]: expected a campaign with parameters")
    read = corpora.read(corpus, given, weights=weights, outcome=outcome, direction=direction)
    with training(Console(stderr=True, highlight=False), steps) as show:
        fitted = DiffusionPrior.fit(
            read.designs,
            weights=read.weights,
            space=given,
            names=read.names,
            steps=steps,
            seed=seed,
            progress=show,
        )
    fitted.save(out)
    designs, size = len(fitted.designs), fitted.effective_size
    coordinates = "directions" if fitted.whitened else "columns"
    data = {
        "prior": str(out),
        "designs": designs,
        "effective_size": size,
        "parameters": list(fitted.space.names),
        coordinates: fitted.codec.dim,
        "seconds": fitted.seconds,
    }
    worth = "" if fitted.effective_size == designs else f", worth {size:.0f} of equal weight,"
    parameters = counted(len(fitted.space.parameters), "parameter")
    text = (
        f"{out}: {counted(designs, 'different design')}{worth} of {parameters}, "
        f"{fitted.codec.dim} {coordinates}; next: gdopt prior check {out}"
    )
    return Answer(data, text)


def check(
    path: Annotated[Path, typer.Argument(help="The file of the prior.")] = Path("prior.safetensors"),
    plot: Annotated[Path | None, typer.Option(help="Also write a figure to this file.")] = None,
    draws: Annotated[int, typer.Option("--draws", "-n", help="Number of draws to compare.", min=10)] = DRAWS,
    seed: Annotated[int, typer.Option(help="Seed of the draws.", min=0)] = 0,
) -> Answer:
    """Compare draws of a prior with its corpus."""
    from gdopt import files
    from gdopt.algorithms.serialization import prior_of

    found = prior_of(*files.read(path), path).check(draws, seed)
    if plot is not None:
        found.plot(plot)
    return Answer(found.facts(), str(found))


VERBS: tuple[Callable[..., Answer], ...] = (fit, check)

for function in VERBS:
    verb(prior, function, "Prior")
