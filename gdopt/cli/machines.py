"""The verbs that keep running: `gdopt serve` serves a study over HTTP, `gdopt worker` evaluates its trials."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gdopt.arguments import counted
from gdopt.cli.which import DesignFilterName, OldDesignFilterName, Where, opened, place, refuse_old_name, split
from gdopt.errors import SettingsError

if TYPE_CHECKING:
    from gdopt.study.worker import TrialSource

__all__ = ["serve", "worker"]


def serve(
    study: Where = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; an address that other machines reach needs a certificate.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for any free port.")] = 8321,
    token_file: Annotated[
        Path | None, typer.Option(help="File of the token, created if missing; by default in the study's folder.")
    ] = None,
    certificate: Annotated[Path | None, typer.Option(help="TLS certificate, a PEM file.")] = None,
    private_key: Annotated[
        Path | None, typer.Option(help="Private key of the certificate, if it is in another file.")
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Listen on any address without TLS, for example behind a proxy with TLS.")
    ] = False,
    design_filter: DesignFilterName = None,
    allowed: OldDesignFilterName = None,
) -> None:
    """Serve a study over HTTP, as a web page and as an API. Ctrl-C stops the service."""
    from gdopt.service import run

    refuse_old_name(allowed)
    where, name = split(place(study))
    run.serve(
        where,
        name=name,
        host=host,
        port=port,
        token_file=token_file,
        certificate=certificate,
        private_key=private_key,
        insecure=insecure,
        design_filter=design_filter,
        say=typer.echo,
    )


def worker(
    where: Annotated[str, typer.Argument(help="The study's file, a PostgreSQL URL, or the http(s) URL of a service.")],
    function: Annotated[
        str, typer.Argument(help="Your own module:function, of a module in this folder, from parameters to a value.")
    ],
    evaluations: Annotated[
        int | None,
        typer.Option(
            "-n",
            "--evaluations",
            help="Number of evaluations after which the worker stops; by default it does not stop.",
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of this worker; by default its machine and process.")] = None,
    lease: Annotated[
        float, typer.Option(help="Hours after which another worker may get a trial of this worker.")
    ] = 1.0,
    token: Annotated[
        str | None,
        typer.Option(envvar="GDOPT_TOKEN", help="Token of the service; by default GDOPT_TOKEN.", show_default=False),
    ] = None,
    token_file: Annotated[Path | None, typer.Option(help="File of a service's token.")] = None,
    design_filter: DesignFilterName = None,
    allowed: OldDesignFilterName = None,
) -> None:
    """Evaluate trials of a study with your own function, one at a time. Any number of workers may share a study."""
    from gdopt.algorithms import user_functions
    from gdopt.study.worker import HOUR, run_worker

    refuse_old_name(allowed)
    evaluate, source = user_functions.function(function), _source(where, token_file or token, design_filter)
    count = run_worker(source, evaluate, evaluations=evaluations, worker=name, lease=lease * HOUR, say=typer.echo)
    typer.echo(counted(count, "evaluation"))


def _source(where: str, token: str | Path | None, design_filter: str | None) -> "TrialSource":
    if not where.startswith(("http://", "https://")):
        return opened(where, design_filter)
    if token is None:
        raise SettingsError(f"the service at {where} needs its token: --token-file, or GDOPT_TOKEN")
    from gdopt.service.client import Client

    return Client(where, token)
