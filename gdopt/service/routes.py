"""What can be asked of the service and told to it: a study's methods as paths under /v1."""

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
# Seconds that a reader waits for what others have told, while another program holds the study's file.
PATIENCE = 2.0
Key = Annotated[str, Header(alias="Idempotency-Key", min_length=1, max_length=schema.LONGEST_NAME)]
REFUSALS: Mapping[int | str, dict[str, Any]] = {
    status: {"model": schema.Refusal, "description": said}
    for status, said in {
        401: "no token, or a wrong one",
        404: "no trial has that id",
        409: "the trial is told, failed or abandoned already",
        413: "larger than 16 MiB",
        422: "not what can be asked or told",
        503: "the study's file or database cannot be used",
    }.items()
}


def router(study: Study, name: str) -> APIRouter:
    """The paths of a study."""
    # `gdopt.service.guard` checks the token; this says in the description that there is one.
    token = Security(HTTPBearer(auto_error=False, description="The token that the service printed."))
    made = APIRouter(prefix="/v1", responses=dict(REFUSALS), dependencies=[token], route_class=Distinct)
    # What needs the study's file waits for it one after the other, and holds no threads that readers need.
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
    """A path whose requests have no key twice in an object of JSON, of which the last would count without a word."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request."""
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
        # What is no JSON, or no text, is refused where it is read.
        return


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for i, (key, _) in enumerate(pairs) if key in dict(pairs[:i]))
        raise SettingsError(f"{twice!r} is there twice: expected each key of an object once")
    return found


class Turn:
    """Calls in threads, one at a time; the others wait and hold none."""

    def __init__(self) -> None:
        self._limiter = CapacityLimiter(1)

    async def __call__(self, call: Callable[[], Answer]) -> Answer:
        """What the call returns."""
        return await anyio.to_thread.run_sync(call, limiter=self._limiter)


class Fresh:
    """Takes in what others have told of a study before it is read, or after a while leaves it with what is known.

    One look at the file serves all who read meanwhile: another program that holds it does not make them queue up.
    """

    def __init__(self, study: Study) -> None:
        self._study, self._turn = study, Turn()
        self._look: asyncio.Task[None] | None = None

    async def __call__(self) -> None:
        """Wait until the study is fresh.

        Raises:
            StoreError: its file cannot be read.
        """
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(self._turn(self._study.refresh))
        with anyio.move_on_after(PATIENCE):
            # Whoever goes away does not end it for the others.
            await asyncio.shield(self._look)


def _asking(made: APIRouter, study: Study) -> None:
    # One ask computes at a time.
    turn = Turn()

    @made.post("/ask")
    async def ask(asked: schema.Asked, key: Key) -> schema.Rows:
        """New trials, fewer where fewer designs are left; sent again with the same Idempotency-Key, the same ones."""
        return _rows(study, await turn(partial(study.ask, key=key, **asked.model_dump())))


def _telling(made: APIRouter, study: Study, turn: Turn) -> None:
    @made.post("/release")
    async def release(released: schema.Released) -> None:
        """Give pending trials back: whoever asks with a lease next gets them."""
        await turn(partial(study.release, *released.ids))

    @made.put("/trials/{id}/result")
    async def result(id: schema.Id, reported: schema.Reported) -> schema.News:
        """Tell what was measured of a trial; sent again, it changes nothing."""
        said = reported
        call = partial(study.tell, id, said.value, gradient=said.gradient, params=said.params, worker=said.worker)
        return schema.News(new=await turn(call))

    @made.post("/tell")
    async def tell(told: schema.Told) -> schema.News:
        """Tell results and failures of several trials: all of them or, on an error, none."""
        call = partial(study.tell, told.results, failed=told.failed, abandoned=told.abandoned, worker=told.worker)
        return schema.News(new=await turn(call))

    @made.post("/fail")
    async def fail(given_up: schema.GivenUp) -> None:
        """Say that trials were tried and gave no value."""
        await turn(partial(study.fail, *given_up.ids, reason=given_up.reason, worker=given_up.worker))

    @made.post("/abandon")
    async def abandon(given_up: schema.GivenUp) -> None:
        """Say that trials will not be tried."""
        await turn(partial(study.abandon, *given_up.ids, reason=given_up.reason, worker=given_up.worker))


def _correcting(made: APIRouter, study: Study, turn: Turn) -> None:
    @made.post("/trials/{id}/amend")
    async def amend(id: schema.Id, amended: schema.Amended) -> None:
        """Correct what was told of a trial; its history keeps what was there before."""
        said = amended
        call = partial(study.amend, id, said.value, reason=said.reason, gradient=said.gradient, params=said.params)
        await turn(partial(call, worker=said.worker))

    @made.get("/trials/{id}/history")
    async def history(id: schema.Id) -> schema.History:
        """All that happened to a trial, first to last."""
        events = await turn(partial(study.history, id))
        return schema.History(events=[schema.EventMessage.of(event) for event in events])

    @made.post("/add")
    async def add(added: schema.Added, key: Key) -> schema.Row:
        """Record a result that was not asked for; sent again with the same Idempotency-Key, the same trial."""
        said = added
        call = partial(study.add, said.params, said.value, gradient=said.gradient, key=key, worker=said.worker)
        return schema.Row.of(await turn(call), study.outcome_constraints)


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
        """Tell what a filled-in plate says, as `gdopt tell` does: all of it or, on an error, nothing."""
        return await turn(partial(_told, study, content, file, worker))


def _told(study: Study, content: bytes, file: str, worker: str | None) -> schema.Plate:
    said = read_plate(study, content, file)
    said.tell(study, worker)
    return schema.Plate(
        told=sorted(said.results),
        failed=sorted(said.failed),
        abandoned=sorted(said.abandoned),
        pending=sorted(said.pending),
        new=said.new,
    )


def _reading(made: APIRouter, study: Study) -> None:
    @made.get("/trials")
    def trials() -> schema.Rows:
        """All trials, by id."""
        return _rows(study, study.trials)

    @made.get("/best")
    def best() -> schema.Row:
        """The trial of best value."""
        return schema.Row.of(study.best, study.outcome_constraints)

    @made.get("/pareto")
    def pareto() -> schema.Rows:
        """The trials that no other dominates."""
        return _rows(study, study.pareto)

    @made.get("/frame")
    def frame() -> schema.Frame:
        """The study as a table."""
        return schema.Frame.of(study.to_frame())

    @made.get("/frame.csv", response_class=Response, responses=_csv_of("the study"))
    def frame_csv() -> Response:
        """The study as a table, for spreadsheets."""
        return _csv(spreadsheet.written(spreadsheet.cells(study.to_frame())), "trials.csv")

    @made.get("/plate.csv", response_class=Response, responses=_csv_of("the plate"))
    def plate_csv() -> Response:
        """The pending trials as a plate, as `gdopt ask --csv` writes it: to be filled in and told."""
        return _csv(plate_text(study, study.pending), "plate.csv")


def _standing(made: APIRouter, study: Study, name: str) -> None:
    @made.get("/status", response_model=schema.Standing, responses={304: {"description": "nothing has changed since"}})
    def status(response: Response, since: Annotated[str | None, Header(alias="If-None-Match")] = None) -> Any:
        """What the study is and how it stands; 304 if its ETag is still the one of If-None-Match."""
        # Read before the rest: what comes in between is seen twice, not missed.
        revision = study.revision
        tag = f'"{revision}"'
        if since == tag:
            return Response(status_code=304, headers={"etag": tag})
        response.headers["etag"] = tag
        return standing(study, name, revision)


def standing(study: Study, name: str, revision: int) -> schema.Standing:
    """What a study is and how it stands."""
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
    """The value of the best trial up to each; of several objectives there is none."""
    if study.config.several:
        return []
    found = incumbents(study.outcome_constraints, study.state.trials)
    sign = study.objectives[0].sign
    return [None if t is None or t.value is None else sign * t.value for t in found]


def _front(study: Study) -> dict[str, Any]:
    """The front of several objectives and the hypervolume as it grew."""
    if not study.config.several:
        return {"front": [], "hypervolume": None, "hypervolumes": []}
    ids = [trial.id for trial in front(study)]
    reached = hypervolume_history(study.config, study.state.trials)
    return {"front": ids, "hypervolume": reached[-1] if ids else None, "hypervolumes": reached}


def _rows(study: Study, trials: list[Trial]) -> schema.Rows:
    return schema.Rows(trials=[schema.Row.of(trial, study.outcome_constraints) for trial in trials])


def _csv(text: str, name: str) -> Response:
    # Excel needs the mark, as in the files of the command line.
    content = text.encode("utf-8" if text.isascii() else "utf-8-sig")
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type="text/csv", headers=headers)


def _csv_of(what: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": what, "content": {"text/csv": {}}}}
