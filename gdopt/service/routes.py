"""What can be asked of the service and told to it: a study's methods as paths under /v1."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

import anyio.to_thread
import pandas as pd
from anyio import CapacityLimiter
from fastapi import APIRouter, Header, Response, Security
from fastapi.security import HTTPBearer

import gdopt
from gdopt.algorithm import Status, Trial
from gdopt.errors import TrialError
from gdopt.outcomes import volumes
from gdopt.service import schema
from gdopt.service.tables import plate, rows
from gdopt.space_json import written
from gdopt.study import Study

__all__ = ["router"]

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
    made = APIRouter(prefix="/v1", responses=dict(REFUSALS), dependencies=[token])
    for add in (_asking, _telling, _correcting, _reading):
        add(made, study)
    _standing(made, study, name)
    return made


def _asking(made: APIRouter, study: Study) -> None:
    # One ask computes at a time. The others wait here and hold no thread, so that there is always one for a tell.
    turn = CapacityLimiter(1)

    @made.post("/ask")
    async def ask(asked: schema.Asked, key: Key) -> schema.Rows:
        """New trials, fewer where fewer designs are left; sent again with the same Idempotency-Key, the same ones."""
        call = partial(study.ask, key=key, **asked.model_dump())
        return _rows(study, await anyio.to_thread.run_sync(call, limiter=turn))

    @made.post("/release")
    def release(released: schema.Released) -> None:
        """Give pending trials back: whoever asks with a lease next gets them."""
        study.release(*released.ids)


def _telling(made: APIRouter, study: Study) -> None:
    @made.put("/trials/{id}/result")
    def result(id: int, reported: schema.Reported) -> schema.News:
        """Tell what was measured of a trial; sent again, it changes nothing."""
        new = study.tell(id, reported.value, gradient=reported.gradient, params=reported.params)
        return schema.News(new=new)

    @made.post("/tell")
    def tell(told: schema.Told) -> schema.News:
        """Tell results and failures of several trials: all of them or, on an error, none."""
        return schema.News(new=study.tell(told.results, failed=told.failed))

    @made.post("/fail")
    def fail(given_up: schema.GivenUp) -> None:
        """Say that trials were tried and gave no value."""
        study.fail(*given_up.ids, reason=given_up.reason)

    @made.post("/abandon")
    def abandon(given_up: schema.GivenUp) -> None:
        """Say that trials will not be tried."""
        study.abandon(*given_up.ids, reason=given_up.reason)


def _correcting(made: APIRouter, study: Study) -> None:
    @made.post("/trials/{id}/amend")
    def amend(id: int, amended: schema.Amended) -> None:
        """Correct what was told of a trial; its history keeps what was there before."""
        study.amend(id, amended.value, reason=amended.reason, gradient=amended.gradient, params=amended.params)

    @made.get("/trials/{id}/history")
    def history(id: int) -> schema.History:
        """All that happened to a trial, first to last."""
        return schema.History(events=[schema.Event.of(entry) for entry in study.history(id)])

    @made.post("/add")
    def add(added: schema.Added, key: Key) -> schema.Row:
        """Record a result that was not asked for; sent again with the same Idempotency-Key, the same trial."""
        trial = study.add(added.params, added.value, gradient=added.gradient, key=key)
        return schema.Row.of(trial, study.limits)


def _reading(made: APIRouter, study: Study) -> None:
    @made.get("/trials")
    def trials() -> schema.Rows:
        """All trials, by id."""
        study.refresh()
        return _rows(study, study.trials)

    @made.get("/best")
    def best() -> schema.Row:
        """The trial of best value."""
        study.refresh()
        return schema.Row.of(study.best, study.limits)

    @made.get("/pareto")
    def pareto() -> schema.Rows:
        """The trials that no other dominates."""
        study.refresh()
        return _rows(study, study.pareto)

    @made.get("/frame")
    def frame() -> schema.Frame:
        """The study as a table."""
        study.refresh()
        table = study.to_frame()
        return schema.Frame(columns=list(table.columns), rows=rows(table))

    @made.get("/frame.csv", response_class=Response, responses=_csv_of("the study"))
    def frame_csv() -> Response:
        """The study as a table, for spreadsheets."""
        return _csv(study, Study.to_frame, "trials.csv")

    @made.get("/plate.csv", response_class=Response, responses=_csv_of("the plate"))
    def plate_csv() -> Response:
        """The pending trials, with empty columns for what will be measured."""
        return _csv(study, plate, "plate.csv")


def _standing(made: APIRouter, study: Study, name: str) -> None:
    @made.get("/status", response_model=schema.Standing, responses={304: {"description": "nothing has changed since"}})
    def status(response: Response, since: Annotated[str | None, Header(alias="If-None-Match")] = None) -> Any:
        """What the study is and how it stands; 304 if its ETag is still the one of If-None-Match."""
        study.refresh()
        # Read before the rest: what comes in between is seen twice, not missed.
        revision = study.revision
        tag = f'"{revision}"'
        if since == tag:
            return Response(status_code=304, headers={"etag": tag})
        response.headers["etag"] = tag
        return standing(study, name, revision)


def standing(study: Study, name: str, revision: int) -> schema.Standing:
    """What a study is and how it stands."""
    trials, space = study.trials, written(study.space)
    return schema.Standing(
        name=name,
        revision=revision,
        objective=study.objective,
        direction=study.direction,
        outcomes=list(study.outcomes),
        limits=[str(limit) for limit in study.limits],
        parameters=space["parameters"],
        constraints=[str(constraint) for constraint in study.space.constraints],
        counts={status: sum(t.status is status for t in trials) for status in Status},
        best=_best(study),
        goal=str(study.goals),
        objectives=[schema.Aim(**asdict(one)) for one in study.objectives],
        **_front(study),
        version=gdopt.__version__,
    )


def _best(study: Study) -> schema.Row | None:
    try:
        return schema.Row.of(study.best, study.limits)
    except TrialError:
        return None


def _front(study: Study) -> dict[str, Any]:
    """The front of several objectives and the hypervolume as it grew."""
    if not study.goals.several:
        return {"front": [], "hypervolume": None, "hypervolumes": []}
    try:
        front = [t.id for t in study.pareto]
    except TrialError:
        front = []
    reached = volumes(study.goals, study.state.trials)
    return {"front": front, "hypervolume": reached[-1] if front else None, "hypervolumes": reached}


def _rows(study: Study, trials: list[Trial]) -> schema.Rows:
    return schema.Rows(trials=[schema.Row.of(trial, study.limits) for trial in trials])


def _csv(study: Study, table: Callable[[Study], pd.DataFrame], name: str) -> Response:
    study.refresh()
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(table(study).to_csv(index=False), media_type="text/csv", headers=headers)


def _csv_of(what: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": what, "content": {"text/csv": {}}}}
