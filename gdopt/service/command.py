"""The command `gdopt serve`."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["serve"]


def serve(
    study: Annotated[str, typer.Option(help="The study's file, or the URL of a PostgreSQL database.")],
    name: Annotated[str, typer.Option(help="Of the study, if there are several.")] = "study",
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
) -> None:
    """Serve a study as a page for people and over HTTP for programs, until it is stopped with Ctrl-C."""
    from gdopt.service import run

    run.serve(
        study,
        name=name,
        host=host,
        port=port,
        token_file=token_file,
        certificate=certificate,
        private_key=private_key,
        insecure=insecure,
        say=typer.echo,
    )
