"""Verbs for machines: `gdopt serve` answers them, `gdopt worker` is one."""

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
    host: Annotated[str, typer.Option(help="Address to listen on; others than this need a certificate.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on, 0 for any that is free.")] = 8321,
    token_file: Annotated[
        Path | None, typer.Option(help="File of the token, made if missing: beside the study by default.")
    ] = None,
    certificate: Annotated[Path | None, typer.Option(help="Certificate of TLS, PEM.")] = None,
    private_key: Annotated[Path | None, typer.Option(help="Its key, if that is in another file.")] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Listen on any address without TLS, as behind a proxy that has it.")
    ] = False,
    design_filter: DesignFilterName = None,
    allowed: OldDesignFilterName = None,
) -> None:
    """Serve a study as a page for people and over HTTP for programs, until it is stopped with Ctrl-C."""
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
        str, typer.Argument(help="module:function of yours, from parameters to a value, found from this folder.")
    ],
    evaluations: Annotated[
        int | None, typer.Option("-n", "--evaluations", help="After so many it stops; never by default.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of this worker; machine and process by default.")] = None,
    lease: Annotated[float, typer.Option(help="Hours after which another worker may get what this one has.")] = 1.0,
    token: Annotated[
        str | None, typer.Option(envvar="GDOPT_TOKEN", help="Of a service; GDOPT_TOKEN by default.", show_default=False)
    ] = None,
    token_file: Annotated[Path | None, typer.Option(help="File of a service's token.")] = None,
    design_filter: DesignFilterName = None,
    allowed: OldDesignFilterName = None,
) -> None:
    """Evaluate a study's trials with a function of yours, one after the other, beside any number of other workers."""
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
