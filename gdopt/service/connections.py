"""Limits on connections: how many at once, and how long a request may take to arrive.

uvicorn has neither limit, and a client needs no token to hold a connection open.
"""

import asyncio
import errno
import os
import socket
from collections import Counter
from typing import Any
from weakref import WeakKeyDictionary

from uvicorn.protocols.http.h11_impl import H11Protocol

try:
    import resource
except ImportError:  # Windows has no such limits.
    resource = None  # type: ignore[assignment]

__all__ = ["BACKLOG", "MOST", "Listener", "Patient", "room"]

# Connections at once, and those that wait to be accepted.
MOST, BACKLOG = 512, 32
# File descriptors for everything else: the study's file, the page, the log.
RESERVED = 32
# An address may have the connections divided by this number.
SHARE = 2
# Seconds until the head of a request is complete, from the connection or the last response on.
PATIENCE = 15.0
FULL = (errno.EMFILE, errno.ENFILE)


def room() -> int:
    """The maximum number of connections, below the process's limit of file descriptors."""
    if resource is None:
        return MOST
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST
    return max(SHARE, min(MOST, soft - BACKLOG - RESERVED))


class Listener(socket.socket):
    """A listening socket that closes excess connections, in total or of one address, at once.

    A refused connection costs no TLS handshake. asyncio calls `accept` on Linux and macOS.
    """

    def __init__(self, bound: socket.socket, most: int | None = None) -> None:
        super().__init__(bound.family, bound.type, bound.proto, fileno=bound.detach())
        self._most = room() if most is None else most
        self._open: WeakKeyDictionary[socket.socket, str] = WeakKeyDictionary()
        # Closed when no descriptor is left for a connection, so that it can be accepted and closed. While it waits,
        # asyncio would try again and log each failure.
        self._spare = os.open(os.devnull, os.O_RDONLY)

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection, and its address.

        Raises:
            ConnectionAbortedError: there are too many connections.
        """
        try:
            connection, address = super().accept()
        except OSError as error:
            if error.errno not in FULL:
                raise
            self._turn_away()
            raise ConnectionAbortedError("there are no descriptors left") from error
        host = str(address[0])
        taken = Counter(other for one, other in self._open.items() if one.fileno() >= 0)
        if taken.total() >= self._most or taken[host] >= self._most // SHARE:
            connection.close()
            raise ConnectionAbortedError(f"too many connections, {taken[host]} of them of {host}")
        self._open[connection] = host
        return connection, address

    def _turn_away(self) -> None:
        os.close(self._spare)
        try:
            super().accept()[0].close()
        finally:
            self._spare = os.open(os.devnull, os.O_RDONLY)

    def close(self) -> None:
        """Stop listening."""
        if self.fileno() >= 0:
            os.close(self._spare)
        super().close()


class Patient(H11Protocol):
    """HTTP/1.1 on a connection that is closed unless the head of its next request is complete in time.

    The rest of a request that is already answered is read and dropped, so that its sender can read the response.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timeout of a request."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Process data, and stop the timeout if a request began."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Start the timeout of the next request."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timeout."""
        super().connection_lost(exc)
        self._rest()

    def _watch(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._rest()
        elif self._deadline is None:
            # Not `close`, which waits until the other side has read all.
            self._deadline = self.loop.call_later(PATIENCE, self.transport.abort)

    def _rest(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
