"""Middleware of the service: the token, the size of a request, and security headers for browsers.

It checks the token before the body is read, so that a client without it cannot make the service read a body.
"""

import hmac

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gdopt.service.answers import refusal

__all__ = ["LIMIT", "Guard", "Headed"]

# Maximum number of bytes of a request.
LIMIT = 16 * 2**20
# Seconds that the body of a request may take to arrive.
PATIENCE = 60.0
# Bytes of a too large body that are read and dropped before the refusal: most programs read no response before they
# have sent the whole body. For a larger body the connection is closed.
DROPPED = 4 * LIMIT
# Paths without a token: the page and the API's documentation, which have no data of the study.
OPEN = ("/", "/api", "/openapi.json")
FILES = "/page/"

HEADERS = {
    # Scripts and styles from here alone, no frames, nothing inline: text from a study cannot become code.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    # Like frame-ancestors, for old browsers.
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


class Headed:
    """Adds security headers to responses, and forbids browsers to cache data of the study."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and add headers to its response."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers["cache-control"] = "no-cache" if _open(scope) else "no-store"
            await send(message)

        await self.app(scope, receive, headed)


class Guard:
    """Refuses requests without the token and requests that are too large."""

    def __init__(self, app: ASGIApp, token: str, limit: int = LIMIT) -> None:
        self.app, self._expected, self._limit = app, f"bearer {token}".encode(), limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        if _open(scope) and _has_body(headers):
            return await refusal(413, "ServiceError", "this path takes no body")(scope, receive, send)
        if not (_open(scope) or self._has_token(headers.get("authorization", ""))):
            answer = refusal(401, "ServiceError", "the token is missing or wrong")
            answer.headers["www-authenticate"] = "Bearer"
            return await answer(scope, receive, send)
        try:
            with anyio.fail_after(PATIENCE):
                body = await self._body(headers, receive)
        except TimeoutError:
            return await refusal(408, "ServiceError", "the request took too long to arrive")(scope, receive, send)
        if body is None:
            return await refusal(413, "ServiceError", f"the request is larger than {self._limit} bytes")(
                scope, receive, send
            )
        await self.app(scope, _replayed(body, receive), send)

    def _has_token(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        given = f"{scheme.lower()} {token.strip()}".encode("utf-8", "surrogateescape")
        return hmac.compare_digest(given, self._expected)

    async def _body(self, headers: Headers, receive: Receive) -> bytes | None:
        """The body of a request, None if it is too large; its content-length need not be true."""
        said = headers.get("content-length", "0")
        too_large = said.isdecimal() and int(said[:20]) > self._limit
        if too_large and (int(said[:20]) > DROPPED or "expect" in headers):
            # After "Expect: 100-continue" a client sends the body only after a response.
            return None
        body, size, more = bytearray(), 0, True
        while more and size <= DROPPED:
            message = await receive()
            size += len(message.get("body", b""))
            too_large = too_large or size > self._limit
            if too_large:
                body.clear()
            else:
                body += message.get("body", b"")
            more = message.get("more_body", False)
        return None if too_large else bytes(body)


def _has_body(headers: Headers) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _open(scope: Scope) -> bool:
    path: str = scope["path"]
    return path in OPEN or path.startswith(FILES)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that returns a body that is already read, and then the further messages."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay
