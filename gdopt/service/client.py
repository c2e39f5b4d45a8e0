"""The client of a service: a remote study with the methods of `gdopt.Study`.

It raises the errors of the remote study. If the connection breaks, the client sends the request again. A request that
arrives twice has the effect of one: `ask` and `add` have a key, and repeated results change nothing.
"""

import json
import math
import time
import uuid
from collections.abc import Collection, Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import quote, urlsplit

from pydantic import ValidationError

from gdopt import errors
from gdopt.arguments import number, shown, text, whole
from gdopt.errors import GdoptError, ResultError, ServiceError, SettingsError
from gdopt.service import schema
from gdopt.service.auth import read_token
from gdopt.space.parameters import Params
from gdopt.storage.events import Event
from gdopt.study.results import Told
from gdopt.trials.trial import Status, Trial

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Client"]

Model = TypeVar("Model", bound=schema.Message)
Method = Literal["GET", "POST", "PUT"]

# Seconds before the second try, and the factor of the wait before each further one.
PAUSE, LONGER = 0.2, 3.0
PORTS = {"http": HTTPConnection, "https": HTTPSConnection}


class Client:
    """A study served by `gdopt serve`. Threads may share a client: each call opens its own connection.

    Args:
        url: such as "http://127.0.0.1:8321".
        token: the token, or the path of its file.
        timeout: seconds to wait for a response; an `ask` may train a model first.
        tries: maximum number of times that a request is sent while the connection breaks.

    Raises:
        SettingsError: the URL's scheme is not http or https, the token is no line of text, or the timeout or the tries
            are not above 0.
        StoreError: the file of the token is unreadable.
    """

    def __init__(self, url: str, token: str | Path, *, timeout: float = 600.0, tries: int = 4) -> None:
        try:
            parts = urlsplit(str(text(url)))
            scheme, host, port = parts.scheme, parts.hostname, parts.port
        except ValueError as error:
            raise SettingsError(
                f"url = {shown(url)}: expected http://host:port or https://host:port: {error}"
            ) from error
        if scheme not in PORTS or not host or not parts.path.isascii() or not url.isprintable() or " " in url:
            raise SettingsError(f"url = {shown(url)}: expected http://host:port or https://host:port")
        self.url = url.rstrip("/")
        self._connection, self._host, self._port = PORTS[scheme], host, port
        self._path = parts.path.rstrip("/")
        self._token = read_token(token) if isinstance(token, Path) else token
        if not (isinstance(self._token, str) and self._token.isascii() and self._token.isprintable()):
            raise SettingsError(
                "token: expected one line of ASCII, as `gdopt serve` printed it, or the path of its file"
            )
        seconds, count = number(timeout), whole(tries)
        if seconds is None or not 0 < seconds < math.inf or count is None or count < 1:
            raise SettingsError(
                f"timeout = {shown(timeout)}, tries = {shown(tries)}: expected seconds above 0, and tries of 1 or more"
            )
        self._timeout, self._tries = seconds, count

    # --- ask ---

    def ask(
        self,
        n: int | None = None,
        *,
        fixed: Params | None = None,
        key: str | None = None,
        worker: str | None = None,
        lease: float | None = None,
        repeat: bool = False,
    ) -> list[Trial]:
        """n new trials, as in `Study.ask`.

        Raises:
            ExhaustedError, SettingsError, SpaceError: as in `Study.ask`.
            ServiceError: the service does not answer, or refuses the token. All methods may raise it.
        """
        body = {"n": n, "fixed": dict(fixed or {}), "worker": worker, "lease": lease, "repeat": repeat}
        return self._trials(self._send("POST", "/v1/ask", body, key or uuid.uuid4().hex))

    def release(self, *ids: int) -> None:
        """Give pending trials back, as in `Study.release`."""
        self._send("POST", "/v1/release", {"ids": ids})

    # --- tell ---

    def tell(
        self,
        results: Mapping[int, Told] | int,
        value: Told | None = None,
        *,
        gradient: Mapping[str, float] | None = None,
        params: Params | None = None,
        failed: Collection[int] | Mapping[int, str] = (),
        abandoned: Collection[int] | Mapping[int, str] = (),
        worker: str | None = None,
    ) -> bool:
        """Record results, as in `Study.tell`. Returns whether any of them was new.

        Raises:
            TrialError, ResultError, SpaceError: as in `Study.tell`.
        """
        ends = {"failed": _by_id(failed), "abandoned": _by_id(abandoned)}
        several = isinstance(results, Mapping)
        if (several and value is not None) or ((several or any(ends.values())) and not gradient is params is None):
            raise ResultError("tell() takes results and failures by id, or one id with value, gradient and params")
        if several or any(ends.values()):
            told = _by_id(results if isinstance(results, Mapping) else {results: value})
            found = self._send("POST", "/v1/tell", {"results": told, **ends, "worker": worker})
        else:
            reported = {"value": value, "gradient": gradient, "params": params, "worker": worker}
            found = self._send("PUT", f"/v1/trials/{quote(str(results), safe='')}/result", reported)
        return self._read(schema.News, found).new

    def fail(self, *ids: int, reason: str = "", worker: str | None = None) -> None:
        """Record that trials gave no value, as in `Study.fail`."""
        self._send("POST", "/v1/fail", {"ids": ids, "reason": reason, "worker": worker})

    def abandon(self, *ids: int, reason: str = "", worker: str | None = None) -> None:
        """Record that trials will not be evaluated, as in `Study.abandon`."""
        self._send("POST", "/v1/abandon", {"ids": ids, "reason": reason, "worker": worker})

    def amend(
        self,
        id: int,
        value: Told | None,
        *,
        reason: str,
        gradient: Mapping[str, float] | None = None,
        params: Params | None = None,
        worker: str | None = None,
    ) -> None:
        """Correct the result of a trial, as in `Study.amend`."""
        body = {"value": value, "reason": reason, "gradient": gradient, "params": params, "worker": worker}
        self._send("POST", f"/v1/trials/{quote(str(id), safe='')}/amend", body)

    def add(
        self,
        params: Params,
        value: Told,
        *,
        gradient: Mapping[str, float] | None = None,
        key: str | None = None,
        worker: str | None = None,
    ) -> Trial:
        """Record a result of a design that was not proposed, as in `Study.add`."""
        body = {"params": params, "value": value, "gradient": gradient, "worker": worker}
        found = self._send("POST", "/v1/add", body, key or uuid.uuid4().hex)
        return self._read(schema.Row, found).trial()

    # --- read ---

    @property
    def status(self) -> schema.Standing:
        """The description and the state of the study."""
        return self._read(schema.Standing, self._send("GET", "/v1/status"))

    @property
    def trials(self) -> list[Trial]:
        """All trials by id, with values in the user's direction."""
        return self._trials(self._send("GET", "/v1/trials"))

    @property
    def pending(self) -> list[Trial]:
        """The trials without a result."""
        return [trial for trial in self.trials if trial.status is Status.PENDING]

    @property
    def best(self) -> Trial:
        """The best trial, as in `Study.best`.

        Raises:
            TrialError: as in `Study.best`.
        """
        return self._read(schema.Row, self._send("GET", "/v1/best")).trial()

    @property
    def pareto(self) -> list[Trial]:
        """The Pareto-optimal trials, as in `Study.pareto`.

        Raises:
            TrialError: as in `Study.pareto`.
        """
        return self._trials(self._send("GET", "/v1/pareto"))

    def history(self, id: int) -> list[Event]:
        """All events of a trial, in order.

        Raises:
            UnknownTrialError: no trial has this id.
        """
        found = self._send("GET", f"/v1/trials/{quote(str(id), safe='')}/history")
        return [message.event() for message in self._read(schema.History, found).events]

    def to_frame(self) -> "pd.DataFrame":
        """A data frame with a row for each trial, as in `Study.to_frame`."""
        import pandas as pd

        frame = self._read(schema.Frame, self._send("GET", "/v1/frame"))
        return pd.DataFrame(frame.rows, columns=frame.columns)

    # --- requests ---

    def _trials(self, answer: bytes) -> list[Trial]:
        return [row.trial() for row in self._read(schema.Rows, answer).trials]

    def _read(self, model: type[Model], answer: bytes) -> Model:
        try:
            return model.model_validate_json(answer)
        except ValidationError as error:
            raise ServiceError(f"{self.url} sent a response that is not gdopt's: {answer[:80]!r}") from error

    def _send(self, method: Method, path: str, body: Mapping[str, Any] | None = None, key: str | None = None) -> bytes:
        """The response to a request, which is sent again while the connection breaks."""
        headers = {"authorization": f"Bearer {self._token}", "content-type": "application/json"}
        if key is not None:
            if not (key.isascii() and key.isprintable()):
                raise SettingsError(f"key = {key!r}: expected printable ASCII")
            headers["idempotency-key"] = key
        # Numbers of NumPy and torch become Python's.
        content = None if body is None else json.dumps(body, default=_plain).encode()
        broken: Exception | None = None
        for attempt in range(self._tries):
            if attempt:
                time.sleep(PAUSE * LONGER ** (attempt - 1))
            try:
                status, answer = self._exchange(method, path, content, headers)
            except (OSError, HTTPException) as error:
                broken = error
            else:
                if status == 200:
                    return answer
                raise self._refusal(status, answer)
        raise ServiceError(f"{self.url} does not answer: {broken or type(broken).__name__}") from broken

    def _exchange(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
        connection = self._connection(self._host, self._port, timeout=self._timeout)
        try:
            connection.request(method, self._path + path, body, dict(headers))
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def _refusal(self, status: int, answer: bytes) -> GdoptError:
        """The error of the remote study."""
        try:
            said = schema.Refusal.model_validate_json(answer)
        except ValidationError:
            return ServiceError(f"{self.url} answered {status}: {answer[:80]!r}")
        cls = getattr(errors, said.error, None)
        if isinstance(cls, type) and issubclass(cls, GdoptError):
            return cls(said.message)
        return ServiceError(said.message)


def _by_id(given: Collection[int] | Mapping[int, Any]) -> list[int] | dict[str, Any]:
    """Ids, or values by id, as JSON."""
    return {str(id): one for id, one in given.items()} if isinstance(given, Mapping) else list(given)


def _plain(value: Any) -> Any:
    """A mapping or a number of another library as a type of JSON."""
    if isinstance(value, Mapping):
        return dict(value)
    return float(value)
