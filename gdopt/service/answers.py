"""Error responses: the class and the message of the Python error as JSON."""

import json
import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from gdopt.errors import (
    GdoptError,
    ResultError,
    ServiceError,
    SettingsError,
    SpaceError,
    StoreError,
    TableError,
    TrialError,
    UnknownTrialError,
)

__all__ = ["handled", "refusal", "status_of"]

# The status of the first class that matches is used.
STATUSES: tuple[tuple[type[GdoptError], int], ...] = (
    (UnknownTrialError, 404),
    (TrialError, 409),
    (ResultError, 422),
    (SpaceError, 422),
    (SettingsError, 422),
    (TableError, 422),
    (StoreError, 503),
    (GdoptError, 500),
)
# Maximum number of characters of a message, which may repeat the input. A plate's has a line for each invalid cell.
LONGEST, LONGEST_OF_TABLES = 2000, 20_000
log = logging.getLogger(__name__)


class Ascii(JSONResponse):
    """JSON in ASCII. A response may repeat a lone surrogate of a request, which UTF-8 cannot encode."""

    def render(self, content: Any) -> bytes:
        """The content as bytes."""
        return json.dumps(content, separators=(",", ":")).encode()


def status_of(error: GdoptError) -> int:
    """The HTTP status of an error."""
    return next(status for cls, status in STATUSES if isinstance(error, cls))


def refusal(status: int, error: str, message: str) -> JSONResponse:
    """The response with an error's class and message."""
    longest = LONGEST_OF_TABLES if error == TableError.__name__ else LONGEST
    return Ascii({"error": error, "message": message[:longest]}, status)


def handled(app: FastAPI) -> None:
    """Make an application answer every error in this form."""

    @app.exception_handler(GdoptError)
    async def meant(request: Request, error: GdoptError) -> JSONResponse:
        return refusal(status_of(error), type(error).__name__, str(error))

    # FastAPI's own handler repeats the input, and fails if it has a NaN.
    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        said = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        return refusal(422, SettingsError.__name__, "; ".join(said))

    @app.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> JSONResponse:
        answer = refusal(
            error.status_code, ServiceError.__name__, f"{request.method} {request.url.path}: {error.detail}"
        )
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        return refusal(500, ServiceError.__name__, f"{type(error).__name__} in the service; its log says more")
