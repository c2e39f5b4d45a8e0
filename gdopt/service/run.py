"""`gdopt serve`: a study from its file, behind its token, on a port."""

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
# Seconds that requests have to end when the service is stopped.
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
    """Serve a study until it is stopped.

    Args:
        study: the path of its file, or the URL of a PostgreSQL database.
        name: of the study, if the storage holds several.
        host: the address to listen on; others than this machine's own need a certificate.
        port: 0 for any that is free.
        token_file: beside the study's file by default; made if it is missing.
        certificate: of TLS, a file of PEM.
        private_key: of the certificate, if it is in another file.
        insecure: whether other addresses may do without, as behind a proxy that has one.
        design_filter: the name of the study's design filter, module:function, to be imported from the current folder.
        say: gets what there is to say at the start.

    Raises:
        SettingsError: the address can be reached from elsewhere without TLS, a database has no token file, or the study
            does not ask that function.
        StoreError: the study or the token cannot be read.
        ServiceError: the address or the port cannot be had, or the certificate cannot be used.
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
        # After the #, which browsers do not send, so that no log of a server has it.
        say(f"open {address}/#token={token}")
        # Ctrl-C is how it ends; uvicorn raises it again when all requests are answered.
        with suppress(KeyboardInterrupt):
            made.run(sockets=[bound])


def server(app: FastAPI, certificate: Path | None = None, private_key: Path | None = None) -> uvicorn.Server:
    """A server of an application, whose connections are bounded in number and in time where it is given `listening()`.

    Raises:
        ServiceError: the certificate cannot be used.
    """
    config = uvicorn.Config(
        app,
        http=Patient,
        ws="none",
        # Its sockets call `Listener.accept`, those of uvloop do not.
        loop="asyncio",
        backlog=BACKLOG,
        log_level="warning",
        access_log=False,
        server_header=False,
        # Whoever asks is who connects: nothing here depends on it, and headers can be made up.
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
    """Raise `SettingsError` if others could read along."""
    if not (tls or insecure or _only_here(host)):
        raise SettingsError(
            f"host = {host!r} can be reached from other machines, and the token could be read on the way: "
            "expected 127.0.0.1, --certificate, or --insecure behind a proxy that encrypts"
        )


def listening(host: str, port: int, most: int | None = None) -> Listener:
    """A socket that listens, with as many connections at once as the process has descriptors for.

    Args:
        host: the address.
        port: 0 for any that is free.
        most: connections, if they are to be fewer.

    Raises:
        ServiceError: it cannot be had.
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
