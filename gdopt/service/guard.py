"""What stands before the service: the token, the size of a request, and what a browser is told to refuse.

It sees a request before its body is read, so that strangers cannot make the service read one.
"""

import hmac

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gdopt.service.answers import refusal

__all__ = ["LIMIT", "Guard", "Headed"]

# Bytes of a request.
LIMIT = 16 * 2**20
# Seconds that the body of a request may take to arrive.
PATIENCE = 60.0
# Bytes of a body that are dropped before it is refused as too large: most programs read no answer before they have sent
# all. Of what is larger still they learn from the connection, which ends.
DROPPED = 4 * LIMIT
# Open to all: the page and the description of the service, which know nothing of the study.
OPEN = ("/", "/api", "/openapi.json")
FILES = "/page/"

HEADERS = {
    # Scripts and styles from here alone, no frames, nothing inline: text from a study cannot become code.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    # The same as frame-ancestors, for browsers that know no other.
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


class Headed:
    """An application whose answers tell browsers to be careful, and to keep nothing of the study."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and add headers to its answer."""
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
    """An application for those who have the token, and for requests of a bounded size."""

    def __init__(self, app: ASGIApp, token: str, limit: int = LIMIT) -> None:
        self.app, self._expected, self._limit = app, f"bearer {token}".encode(), limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        if _open(scope) and _has_body(headers):
            return await refusal(413, "ServiceError", "this path takes no body")(scope, receive, send)
        if not (_open(scope) or self._knows(headers.get("authorization", ""))):
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

    def _knows(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        given = f"{scheme.lower()} {token.strip()}".encode("utf-8", "surrogateescape")
        return hmac.compare_digest(given, self._expected)

    async def _body(self, headers: Headers, receive: Receive) -> bytes | None:
        """The body of a request, None if it is too large: what it says of its size need not be true."""
        said = headers.get("content-length", "0")
        too_large = said.isdecimal() and int(said[:20]) > self._limit
        if too_large and (int(said[:20]) > DROPPED or "expect" in headers):
            # Whoever sends "Expect: 100-continue" waits with the body for an answer.
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
    """Gives a body that was read already, and after it what comes."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay
