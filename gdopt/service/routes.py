"""The API of the service: the methods of a study as paths under /v1."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Annotated, Any, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import APIRouter, Depends, Header, Query, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

import gdopt
from gdopt import spreadsheet
from gdopt.algorithms import user_functions
from gdopt.errors import SettingsError
from gdopt.lab.plate import plate_text, read_plate
from gdopt.lab.summary import best_or_none, front
from gdopt.service import schema
from gdopt.study.study import Study
from gdopt.trials.incumbent import incumbents
from gdopt.trials.ranking import hypervolume_history
from gdopt.trials.trial import Status, Trial

__all__ = ["router"]

Answer = TypeVar("Answer")
# Seconds that a reader waits for results of other processes while another program locks the study's file.
PATIENCE = 2.0
Key = Annotated[str, Header(alias="Idempotency-Key", min_length=1, max_length=schema.LONGEST_NAME)]
REFUSALS: Mapping[int | str, dict[str, Any]] = {
    status: {"model": schema.Refusal, "description": said}
    for status, said in {
        401: "no token, or a wrong one",
        404: "no trial has that id",
        409: "the trial has a result or is failed or abandoned already",
        413: "larger than 16 MiB",
        422: "an invalid request",
        503: "the study's file or database cannot be used",
    }.items()
}


def router(study: Study, name: str) -> APIRouter:
    """The router of a study's API."""
    # `gdopt.service.guard` checks the token; this adds it to the API's documentation.
    token = Security(HTTPBearer(auto_error=False, description="The token that the service printed."))
    made = APIRouter(prefix="/v1", responses=dict(REFUSALS), dependencies=[token], route_class=Distinct)
    # Calls that write to the study's file run one at a time, and occupy no threads that readers need.
    turn = Turn()
    for add in (_telling, _correcting, _plates):
        add(made, study, turn)
    _asking(made, study)
    readers = APIRouter(dependencies=[Depends(Fresh(study))])
    _reading(readers, study)
    _standing(readers, study, name)
    made.include_router(readers)
    return made


class Distinct(APIRoute):
    """A route that refuses a JSON object with a repeated key, of which `json` would silently use the last value."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of requests."""
        handler = super().get_route_handler()

        async def checked(request: Request) -> Response:
            _check_keys(await request.body())
            return await handler(request)

        return checked


def _check_keys(body: bytes) -> None:
    try:
        json.loads(body, object_pairs_hook=_distinct)
    except SettingsError:
        raise
    except (ValueError, RecursionError):
        # Invalid JSON is refused by FastAPI, which parses it.
        return


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for i, (key, _) in enumerate(pairs) if key in dict(pairs[:i]))
        raise SettingsError(f"{twice!r} is there twice: expected each key of an object once")
    return found


class Turn:
    """Runs calls in a thread, one at a time; waiting calls occupy no thread."""

    def __init__(self) -> None:
        self._limiter = CapacityLimiter(1)

    async def __call__(self, call: Callable[[], Answer]) -> Answer:
        """The value of the call."""
        return await anyio.to_thread.run_sync(call, limiter=self._limiter)


class Fresh:
    """Reads new results of other processes before a study is read, for at most `PATIENCE` seconds.

    All readers share one refresh: a program that locks the file does not make them queue.
    """

    def __init__(self, study: Study) -> None:
        self._study, self._turn = study, Turn()
        self._look: asyncio.Task[None] | None = None

    async def __call__(self) -> None:
        """Wait until the study is up to date.

        Raises:
            StoreError: the study's file cannot be read.
        """
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(self._turn(self._study.refresh))
        with anyio.move_on_after(PATIENCE):
            # A client that disconnects does not cancel the refresh for the others.
            await asyncio.shield(self._look)


def _asking(made: APIRouter, study: Study) -> None:
    # One ask computes at a time.
    turn = Turn()

    @made.post("/ask")
    async def ask(asked: schema.Asked, key: Key) -> schema.Rows:
        """New trials, fewer if fewer designs are left. The same Idempotency-Key returns the same trials."""
        return _rows(study, await turn(partial(study.ask, key=key, **asked.model_dump())))


def _telling(made: APIRouter, study: Study, turn: Turn) -> None:
    @made.post("/release")
    async def release(released: schema.Released) -> None:
        """Give pending trials back. The next worker that asks with a lease gets them."""
        await turn(partial(study.release, *released.ids))

    @made.put("/trials/{id}/result")
    async def result(id: schema.Id, reported: schema.Reported) -> schema.News:
        """Record the result of a trial. A repeated result changes nothing."""
        told = reported
        call = partial(study.tell, id, told.value, gradient=told.gradient, params=told.params, worker=told.worker)
        return schema.News(new=await turn(call))

    @made.post("/tell")
    async def tell(told: schema.Told) -> schema.News:
        """Record results and failures of several trials; an error records none."""
        call = partial(study.tell, told.results, failed=told.failed, abandoned=told.abandoned, worker=told.worker)
        return schema.News(new=await turn(call))

    @made.post("/fail")
    async def fail(given_up: schema.GivenUp) -> None:
        """Record that trials were tried and gave no value."""
        await turn(partial(study.fail, *given_up.ids, reason=given_up.reason, worker=given_up.worker))

    @made.post("/abandon")
    async def abandon(given_up: schema.GivenUp) -> None:
        """Record that trials will not be evaluated."""
        await turn(partial(study.abandon, *given_up.ids, reason=given_up.reason, worker=given_up.worker))


def _correcting(made: APIRouter, study: Study, turn: Turn) -> None:
    @made.post("/trials/{id}/amend")
    async def amend(id: schema.Id, amended: schema.Amended) -> None:
        """Correct the result of a trial. The history keeps the earlier result."""
        call = partial(study.amend, id, amended.value, reason=amended.reason, worker=amended.worker)
        await turn(partial(call, gradient=amended.gradient, params=amended.params))

    @made.get("/trials/{id}/history")
    async def history(id: schema.Id) -> schema.History:
        """All events of a trial, in order."""
        events = await turn(partial(study.history, id))
        return schema.History(events=[schema.EventMessage.of(event) for event in events])

    @made.post("/add")
    async def add(added: schema.Added, key: Key) -> schema.Row:
        """Record a result of a design that was not proposed. The same Idempotency-Key returns the same trial."""
        call = partial(study.add, added.params, added.value, gradient=added.gradient, key=key)
        return schema.Row.of(await turn(partial(call, worker=added.worker)), study.outcome_constraints)


CSV = {"text/csv": {"schema": {"type": "string"}}}


async def _content(request: Request) -> bytes:
    return await request.body()


def _plates(made: APIRouter, study: Study, turn: Turn) -> None:
    @made.post("/plate", openapi_extra={"requestBody": {"required": True, "content": CSV}})
    async def tell_plate(
        content: Annotated[bytes, Depends(_content)],
        file: Annotated[schema.Name, Query()] = "the plate",
        worker: Annotated[schema.Name | None, Query()] = None,
    ) -> schema.Plate:
        """Record the results of a filled-in plate, as `gdopt tell` does; an error records none."""
        return await turn(partial(_told, study, content, file, worker))


def _told(study: Study, content: bytes, file: str, worker: str | None) -> schema.Plate:
    plate = read_plate(study, content, file)
    plate.tell(study, worker)
    return schema.Plate(
        told=sorted(plate.results),
        failed=sorted(plate.failed),
        abandoned=sorted(plate.abandoned),
        pending=sorted(plate.pending),
        new=plate.new,
    )


def _reading(made: APIRouter, study: Study) -> None:
    @made.get("/trials")
    def trials() -> schema.Rows:
        """All trials, by id."""
        return _rows(study, study.trials)

    @made.get("/best")
    def best() -> schema.Row:
        """The best trial."""
        return schema.Row.of(study.best, study.outcome_constraints)

    @made.get("/pareto")
    def pareto() -> schema.Rows:
        """The Pareto-optimal trials."""
        return _rows(study, study.pareto)

    @made.get("/frame")
    def frame() -> schema.Frame:
        """The study as a table."""
        return schema.Frame.of(study.to_frame())

    @made.get("/frame.csv", response_class=Response, responses=_csv_of("the study"))
    def frame_csv() -> Response:
        """The study as a CSV file."""
        return _csv(spreadsheet.written(spreadsheet.cells(study.to_frame())), "trials.csv")

    @made.get("/plate.csv", response_class=Response, responses=_csv_of("the plate"))
    def plate_csv() -> Response:
        """The pending trials as a plate in the format of `gdopt ask --csv`."""
        return _csv(plate_text(study, study.pending), "plate.csv")


def _standing(made: APIRouter, study: Study, name: str) -> None:
    @made.get("/status", response_model=schema.Standing, responses={304: {"description": "nothing has changed since"}})
    def status(response: Response, since: Annotated[str | None, Header(alias="If-None-Match")] = None) -> Any:
        """The description and the state of the study; 304 if its ETag equals If-None-Match."""
        # Read first: a change during the request is sent again with the next one, and not missed.
        revision = study.revision
        tag = f'"{revision}"'
        if since == tag:
            return Response(status_code=304, headers={"etag": tag})
        response.headers["etag"] = tag
        return standing(study, name, revision)


def standing(study: Study, name: str, revision: int) -> schema.Standing:
    """The description and the state of a study."""
    trials, best = study.trials, best_or_none(study)
    return schema.Standing(
        name=name,
        revision=revision,
        objective=study.objective,
        direction=study.direction,
        outcomes=list(study.outcomes),
        limits=[str(limit) for limit in study.outcome_constraints],
        parameters=schema.parameter_messages(study.space),
        constraints=[str(constraint) for constraint in study.space.constraints],
        allowed=user_functions.filter_name(study.algorithm),
        batch=study.batch,
        counts={status: sum(t.status is status for t in trials) for status in Status},
        best=None if best is None else schema.Row.of(best, study.outcome_constraints),
        best_so_far=_best_so_far(study),
        goal=str(study.config),
        objectives=[schema.Aim.of(one) for one in study.objectives],
        **_front(study),
        version=gdopt.__version__,
    )


def _best_so_far(study: Study) -> list[float | None]:
    """The best value up to each trial; empty with several objectives."""
    if study.config.several:
        return []
    found = incumbents(study.outcome_constraints, study.state.trials)
    sign = study.objectives[0].sign
    return [None if t is None or t.value is None else sign * t.value for t in found]


def _front(study: Study) -> dict[str, Any]:
    """The Pareto front and the hypervolume after each trial; empty with one objective."""
    if not study.config.several:
        return {"front": [], "hypervolume": None, "hypervolumes": []}
    ids = [trial.id for trial in front(study)]
    reached = hypervolume_history(study.config, study.state.trials)
    return {"front": ids, "hypervolume": reached[-1] if ids else None, "hypervolumes": reached}


def _rows(study: Study, trials: list[Trial]) -> schema.Rows:
    return schema.Rows(trials=[schema.Row.of(trial, study.outcome_constraints) for trial in trials])


def _csv(text: str, name: str) -> Response:
    # Excel needs the byte order mark, as in the files of the command line.
    content = text.encode("utf-8" if text.isascii() else "utf-8-sig")
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type="text/csv", headers=headers)


def _csv_of(what: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": what, "content": {"text/csv": {}}}}
