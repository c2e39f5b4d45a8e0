"""The events of a study: its journal has them in their order, and its state is their replay.

An event is plain data, with values in the user's direction. The functions of this module make an event, check it
against the state and change nothing; `replay` does not check again. A change that is recorded already makes no event.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from gdopt.arguments import shown, whole
from gdopt.errors import TrialError, UnknownTrialError
from gdopt.space.parameters import Params
from gdopt.space.space import check_gradient
from gdopt.trials.state import State
from gdopt.trials.trial import Measured, Result, Status, Trial

__all__ = [
    "Event",
    "EventType",
    "Report",
    "added",
    "amended",
    "asked",
    "concerns",
    "described",
    "given_out",
    "given_up",
    "in_maximization_sense",
    "known_trial",
    "leased",
    "told",
]


class EventType(StrEnum):
    """The kind of an event."""

    ASKED = "asked"
    LEASED = "leased"
    TOLD = "told"
    FAILED = "failed"
    ABANDONED = "abandoned"
    AMENDED = "amended"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a study.

    Args:
        kind: of the event.
        data: JSON data of the event.
        at: the time in seconds since 1970, by the clock of the machine that wrote it.
        worker: that caused it.
        key: a call with this key is recorded once, however often it is repeated.
        sha256: of this event and all earlier ones, where it was read from a database.
    """

    kind: EventType
    data: Mapping[str, Any]
    at: float = 0.0
    worker: str | None = None
    key: str | None = None
    sha256: str | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Report:
    """The report of one trial, in the user's direction.

    Args:
        result: of the objective, if it was measured.
        outcomes: of the other outcomes.
        params: the evaluated parameters, if they differ from the proposed ones.
        note: which becomes the reason of the trial.
    """

    result: Result | None = None
    outcomes: Mapping[str, Measured] = field(default_factory=dict)
    params: Params | None = None
    note: str = ""


def in_maximization_sense(result: Result, sign: float) -> Result:
    """The result in the other sense where the sign is -1: from the user's to higher is better, and back."""
    if sign > 0:
        return result
    slopes = None if result.gradient is None else {k: -v for k, v in result.gradient.items()}
    return Result(-result.value, result.sem, slopes)


def asked(
    state: State,
    new: Sequence[Trial],
    note: Mapping[str, float],
    again: Sequence[int] = (),
    until: float | None = None,
    refused: Sequence[Params] = (),
    wanted: int | None = None,
) -> Event:
    """The event of an `ask`: new trials, which get the next ids, and pending ones that are given out again.

    Args:
        state: before the event.
        new: trials of the algorithm; their ids are not used.
        note: numbers of the algorithm about this `ask`.
        again: the ids of the pending trials.
        until: the time at which the lease of all these trials expires.
        refused: designs that the design filter does not allow.
        wanted: the requested number of trials, where fewer designs were left.
    """
    # The probability of feasibility is left out where there are no outcome constraints.
    trials = [[dict(t.params), t.source, t.predicted, *([] if t.feasible is None else [t.feasible])] for t in new]
    data = {"first": len(state.trials), "trials": trials, "note": dict(note)}
    more = {"again": list(again), "until": until, "refused": [dict(one) for one in refused], "wanted": wanted}
    return Event(EventType.ASKED, _without_empty({**data, **more}))


def known_trial(state: State, trial: object) -> Trial:
    """The trial of the state with this id, or with the id and the parameters of this trial.

    Raises:
        UnknownTrialError: there is no trial of that id, or it is of another study.
    """
    id = whole(trial.id if isinstance(trial, Trial) else trial)
    if id is None or not 0 <= id < len(state.trials):
        pending, said = [t.id for t in state.pending], shown(trial if id is None else id)
        raise UnknownTrialError(
            f"trial {said} is unknown; pending are {_short(pending)}; add takes results that were not asked for"
        )
    found = state.trials[id]
    # The evaluated parameters may differ from the proposed ones.
    if isinstance(trial, Trial) and trial.params not in (found.params, found.proposed):
        raise UnknownTrialError(
            f"trial {id} is of another study, with {dict(trial.params)}; here {id} has {dict(found.params)}"
        )
    return found


def leased(state: State, trials: Sequence[int | Trial], until: float | None) -> Event | None:
    """The event that pending trials are given out again, or may be from a time on; None without trials.

    Raises:
        TrialError: an id is unknown, or its trial is not pending.
    """
    found = [known_trial(state, one) for one in trials]
    for trial in found:
        if trial.status is not Status.PENDING:
            raise TrialError(f"trial {trial.id} is {trial.status.value}: only what is pending can be given out")
    return Event(EventType.LEASED, {"ids": [trial.id for trial in found], "until": until}) if found else None


def told(state: State, reports: Mapping[int, Report], sign: float) -> Event | None:
    """The event with the new parts of the reports; None if nothing is new.

    Other outcomes of a trial may be reported before its objective and after it.

    Raises:
        TrialError: an id is unknown, or its trial has another result.
        ResultError: a gradient names an unknown or non-numeric parameter, or is not finite.
        SpaceError: the parameters are too far outside the space.
    """
    data = {}
    for id, report in reports.items():
        trial = known_trial(state, id)
        _check_slopes(state, report)
        if new := _news(state, trial, report, sign):
            data[str(trial.id)] = new
    return Event(EventType.TOLD, data) if data else None


def given_up(state: State, trials: Sequence[int | Trial], status: Status, reason: str, sign: float) -> Event | None:
    """The event that trials failed or are abandoned; None if all of them were already.

    Raises:
        TrialError: an id is unknown, or its trial has another status, or this status for another reason.
    """
    new = []
    for one in trials:
        trial = known_trial(state, one)
        if trial.status not in (Status.PENDING, status):
            raise _settled(trial, status.value, sign)
        if trial.status is Status.PENDING:
            new += [] if trial.id in new else [trial.id]
        elif reason not in ("", trial.reason):
            was = f"for {trial.reason!r}" if trial.reason else "without a reason"
            raise TrialError(f"trial {trial.id} is {status.value} already, {was}, not {reason!r}; amend() changes it")
    return Event(EventType(status.value), _without_empty({"ids": new, "reason": reason})) if new else None


def amended(state: State, id: int | Trial, report: Report | None, reason: str, sign: float) -> Event:
    """The event that corrects the result of a trial; without a report, the trial has failed.

    Raises:
        TrialError: the id is unknown, or its trial is still pending.
        ResultError, SpaceError: as `told` does.
    """
    trial = known_trial(state, id)
    if trial.status is Status.PENDING:
        raise TrialError(f"trial {trial.id} is still pending: tell it, there is nothing to amend")
    if report is None:
        return Event(EventType.AMENDED, _without_empty({"id": trial.id, "reason": reason}))
    _check_slopes(state, report)
    tried = {} if report.params is None else _tried(state, report.params)
    data = {"id": trial.id, **_plain(report.result, report.outcomes, tried), "reason": reason}
    return Event(EventType.AMENDED, _without_empty(data))


def added(state: State, params: Params, report: Report, far: bool = False) -> Event:
    """The event that adds a design and its result; without a result, the evaluation has failed.

    Args:
        state: before the event.
        params: the evaluated parameters.
        report: of the evaluation.
        far: whether the parameters may be far outside the space.

    Raises:
        SpaceError: the parameters are too far outside the space.
        ResultError: the gradient does not fit them.
    """
    tried = _tried(state, params, far)
    _check_slopes(state, report)
    failed = True if report.result is None else None
    said = {**_plain(report.result, report.outcomes, tried), "failed": failed, "reason": report.note}
    return Event(EventType.ADDED, {"id": len(state.trials), **_without_empty(said)})


def given_out(entry: Event) -> list[int]:
    """The ids of the trials that an `ask` returned."""
    data = entry.data
    if entry.kind is EventType.LEASED:
        return list(data["ids"])
    return [*data.get("again", []), *range(data["first"], data["first"] + len(data["trials"]))]


def described(entry: Event) -> dict[str, Any]:
    """The data of an event, with the status of a trial that an amendment left without a value."""
    if entry.kind is EventType.AMENDED and not entry.data.keys() & {"value", "outcomes", "params"}:
        return {**entry.data, "status": Status.FAILED.value}
    return dict(entry.data)


def concerns(entry: Event, id: int) -> bool:
    """Whether an event is of a trial."""
    data = entry.data
    if entry.kind is EventType.ASKED:
        return id in given_out(entry)
    if entry.kind is EventType.TOLD:
        return str(id) in data
    return id == data["id"] if "id" in data else id in data["ids"]


def _news(state: State, trial: Trial, report: Report, sign: float) -> dict[str, Any]:
    """The new parts of a report."""
    if trial.status not in (Status.PENDING, Status.DONE):
        raise _settled(trial, _said(report), sign)
    result, tried = report.result, {} if report.params is None else _tried(state, report.params)
    params = tried.get("params")
    if trial.result is not None:
        if result is not None and in_maximization_sense(result, sign) != trial.result:
            raise _settled(trial, _said(report), sign)
        if params is not None and params != trial.params:
            raise TrialError(f"trial {trial.id} was told as {dict(trial.params)} already; it was now told as {params}")
        result, tried = None, {}
    elif params == trial.params:
        tried = {}
    for name, (value, _) in report.outcomes.items():
        if name in trial.outcomes and trial.outcomes[name] != report.outcomes[name]:
            raise TrialError(
                f"trial {trial.id} has {name} = {trial.outcomes[name][0]} already; it was now told {value}; "
                "amend corrects it"
            )
    outcomes = {name: one for name, one in report.outcomes.items() if name not in trial.outcomes}
    note = "" if report.note == trial.reason else report.note
    return _without_empty({**_plain(result, outcomes, tried), "reason": note})


def _check_slopes(state: State, report: Report) -> None:
    """Raise `ResultError` if there is a gradient that does not fit the space."""
    if report.result is not None and report.result.gradient is not None:
        check_gradient(state.space, report.result.gradient)


def _settled(trial: Trial, now: str, sign: float) -> TrialError:
    was = trial.status.value if trial.value is None else f"{trial.status.value} with {sign * trial.value}"
    return TrialError(f"trial {trial.id} is {was} already; it was now told {now}; amend corrects it")


def _said(report: Report) -> str:
    if report.result is not None:
        return str(report.result.value)
    return ", ".join(f"{name} = {value}" for name, (value, _) in report.outcomes.items())


def _tried(state: State, params: Params, far: bool = False) -> dict[str, Any]:
    """The evaluated parameters as plain values in the order of the space, and whether they lie outside it.

    Raises:
        SpaceError: they are too far outside the space.
    """
    state.space.check_tried(params, far)
    plain = {p.name: p.plain(params[p.name]) for p in state.space.parameters if p.name in params}
    return {"params": plain} if state.space.allows(plain) else {"params": plain, "outside": True}


def _plain(result: Result | None, outcomes: Mapping[str, Measured], tried: Mapping[str, Any]) -> dict[str, Any]:
    said = {} if result is None else {"value": result.value, "sem": result.sem, "gradient": result.gradient}
    return _without_empty({**said, "outcomes": dict(outcomes), **tried})


def _without_empty(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data without None and empty values; empty lists of trials and ids are kept."""
    return {k: v for k, v in data.items() if v is not None and (v not in ("", {}, []) or k in ("trials", "ids"))}


# The number of ids that a message lists.
LISTED = 8


def _short(ids: Sequence[int]) -> str:
    if not ids:
        return "none"
    return f"{list(ids[:LISTED])}{' ...' if len(ids) > LISTED else ''}"
