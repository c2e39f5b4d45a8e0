"""Run the service of a study: `gdopt serve`."""

import ipaddress
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gdopt.algorithms import user_functions
from gdopt.errors import MissingExtraError, ServiceError, SettingsError
from gdopt.service.auth import read_token, token_beside
from gdopt.study.study import Study

try:
    import uvicorn
    from fastapi import FastAPI

    from gdopt.service.app import create_app
    from gdopt.service.connections import BACKLOG, Listener, Patient
except ImportError as error:
    raise MissingExtraError("the service needs FastAPI and uvicorn: pip install 'gdopt[service]'") from error

__all__ = ["HOST", "PORT", "listening", "serve", "server"]

HOST, PORT = "127.0.0.1", 8321
# Seconds that running requests have when the service is stopped.
GRACE = 5


def serve(
    study: str | Path,
    *,
    name: str = "study",
    host: str = HOST,
    port: int = PORT,
    token_file: Path | None = None,
    certificate: Path | None = None,
    private_key: Path | None = None,
    insecure: bool = False,
    design_filter: str | None = None,
    say: Callable[[str], object],
) -> None:
    """Serve a study until Ctrl-C.

    Args:
        study: the path of its file, or the URL of a PostgreSQL database.
        name: of the study, if the storage holds several.
        host: the address to listen on; an address that other machines reach needs a certificate.
        port: the port; 0 for any free port.
        token_file: by default in the study's folder; created if it is missing.
        certificate: TLS certificate, a PEM file.
        private_key: private key of the certificate, if it is in another file.
        insecure: whether all addresses are accepted without TLS, for example behind a proxy with TLS.
        design_filter: the name of the study's design filter, module:function, to be imported from the current folder.
        say: called with the lines to print at the start.

    Raises:
        SettingsError: other machines reach the address without TLS, no token file is given for a database, or the study
            has another design filter or none.
        StoreError: the study or the token cannot be read.
        ServiceError: the address or the port cannot be used, or the certificate is invalid.
    """
    check_reach(host, certificate is not None, insecure)
    opened = Study.load(study, name=name)
    if design_filter is not None:
        opened.algorithm = user_functions.given(opened.algorithm, design_filter)
    if token_file is None:
        if "://" in str(study):
            raise SettingsError("a study in a database needs a file for its token: --token-file")
        token_file = token_beside(Path(study))
    token = read_token(token_file)
    shown = Path(str(study).split("?")[0]).name
    app = create_app(opened, token, name=shown if name == "study" else f"{shown}: {name}")
    made = server(app, certificate, private_key)
    with listening(host, port) as bound:
        scheme = "http" if certificate is None else "https"
        address = f"{scheme}://{f'[{host}]' if ':' in host else host}:{bound.getsockname()[1]}"
        say(f"serving {shown} at {address}, its token is in {token_file}")
        # After the #, which browsers do not send: the token is in no server's log.
        say(f"open {address}/#token={token}")
        # uvicorn raises KeyboardInterrupt again after Ctrl-C, when all requests are answered.
        with suppress(KeyboardInterrupt):
            made.run(sockets=[bound])


def server(app: FastAPI, certificate: Path | None = None, private_key: Path | None = None) -> uvicorn.Server:
    """The server of an application. With a socket of `listening()`, its connections are limited in number and in time.

    Raises:
        ServiceError: the certificate cannot be used.
    """
    config = uvicorn.Config(
        app,
        http=Patient,
        ws="none",
        # asyncio calls `Listener.accept`; uvloop does not.
        loop="asyncio",
        backlog=BACKLOG,
        log_level="warning",
        access_log=False,
        server_header=False,
        # Nothing here depends on a client's address, and headers with it can be forged.
        proxy_headers=False,
        ssl_certfile=certificate,
        ssl_keyfile=private_key,
        timeout_graceful_shutdown=GRACE,
    )
    try:
        config.load()
    except OSError as error:  # ssl.SSLError is one
        raise ServiceError(f"cannot use the certificate {certificate}: {error}") from error
    return uvicorn.Server(config)


def check_reach(host: str, tls: bool, insecure: bool) -> None:
    """Raise `SettingsError` if the address can be reached by other machines without encryption."""
    if not (tls or insecure or _only_here(host)):
        raise SettingsError(
            f"host = {host!r} can be reached from other machines, and the token could be read on the way: "
            "expected 127.0.0.1, --certificate, or --insecure behind a proxy that encrypts"
        )


def listening(host: str, port: int, most: int | None = None) -> Listener:
    """A listening socket with a limit on its connections.

    Args:
        host: the address.
        port: the port; 0 for any free port.
        most: maximum number of connections; by default `connections.room()`.

    Raises:
        ServiceError: the address or the port cannot be used.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return Listener(socket.create_server((host, port), family=family), most)
    except OSError as error:
        raise ServiceError(f"cannot listen on {host}, port {port}: {error.strerror or error}") from error


def _only_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
