"""What a service has for connections: how many at once, and how long one may take to ask for something.

uvicorn bounds neither, and whoever can connect needs no token to hold a connection open.
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
# Descriptors for everything else: the study's file, the page, the log.
RESERVED = 32
# An address may have one of so many parts of the connections.
SHARE = 2
# Seconds until the head of a request is complete: from the connection on, and from each answer on.
PATIENCE = 15.0
FULL = (errno.EMFILE, errno.ENFILE)


def room() -> int:
    """How many connections there may be at once: fewer than this process may have descriptors."""
    if resource is None:
        return MOST
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST
    return max(SHARE, min(MOST, soft - BACKLOG - RESERVED))


class Listener(socket.socket):
    """A listening socket that closes the connections that are too many, of all or of one address, at once.

    What is refused here costs nothing more: not even the handshake of TLS. asyncio calls `accept` on Linux and macOS.
    """

    def __init__(self, bound: socket.socket, most: int | None = None) -> None:
        super().__init__(bound.family, bound.type, bound.proto, fileno=bound.detach())
        self._most = room() if most is None else most
        self._open: WeakKeyDictionary[socket.socket, str] = WeakKeyDictionary()
        # Given up where there is no descriptor for a connection, so that it can be accepted and closed: as long as it
        # waits, asyncio would try again and log that it failed.
        self._spare = os.open(os.devnull, os.O_RDONLY)

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection, and its address.

        Raises:
            ConnectionAbortedError: it was one too many.
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
        """Listen no longer."""
        if self.fileno() >= 0:
            os.close(self._spare)
        super().close()


class Patient(H11Protocol):
    """HTTP/1.1 on a connection that is closed unless the head of its next request is complete in time.

    What an answered request still sends is read and dropped meanwhile, so that its sender can read the answer.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take in what came, and wait no longer if a request began with it."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
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
