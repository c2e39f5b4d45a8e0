"""What happened in a study, entry by entry; its state is what the entries add up to.

An entry is plain data with the values in the user's direction. The functions that make one check it against the state
and change nothing; `replay` does not check again. What would change nothing makes no entry: told twice is told once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, cast

from gdopt.algorithm import Measured, Result, State, Status, Trial
from gdopt.arguments import shown, whole
from gdopt.codec import check_gradient
from gdopt.errors import TrialError, UnknownTrialError
from gdopt.space import Params

__all__ = [
    "Entry",
    "Kind",
    "Report",
    "added",
    "amended",
    "asked",
    "concerns",
    "described",
    "given_out",
    "given_up",
    "known",
    "leased",
    "replay",
    "told",
    "turned",
]


class Kind(StrEnum):
    """What an entry says."""

    ASKED = "asked"
    LEASED = "leased"
    TOLD = "told"
    FAILED = "failed"
    ABANDONED = "abandoned"
    AMENDED = "amended"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened.

    Args:
        kind: what it was.
        data: the rest of it, as JSON takes it.
        at: when, in seconds since 1970, by the clock of the machine that wrote it.
        worker: who did it.
        key: by which it happens once however often it is repeated.
        sha256: of the entry and of all before it, where it was read from a database.
    """

    kind: Kind
    data: Mapping[str, Any]
    at: float = 0.0
    worker: str | None = None
    key: str | None = None
    sha256: str | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Report:
    """What is told of one trial, in the user's direction.

    Args:
        result: of the objective, if it was measured.
        outcomes: of what was measured beside it.
        params: what was tried, if that is not what was proposed.
        note: what else there is to say, which becomes the trial's reason.
    """

    result: Result | None = None
    outcomes: Mapping[str, Measured] = field(default_factory=dict)
    params: Params | None = None
    note: str = ""


def turned(result: Result, sign: float) -> Result:
    """The result in the other sense where the sign is -1: from the user's to higher is better, and back."""
    if sign > 0:
        return result
    slopes = None if result.gradient is None else {k: -v for k, v in result.gradient.items()}
    return Result(-result.value, result.sem, slopes)


# --- entries, checked --------------------------------------------------------------------------------


def asked(
    state: State,
    new: Sequence[Trial],
    note: Mapping[str, float],
    again: Sequence[int] = (),
    until: float | None = None,
    refused: Sequence[Params] = (),
    wanted: int | None = None,
) -> Entry:
    """Trials that an algorithm proposed, which get the next ids, and others that are given out again with them.

    Args:
        state: as it is now.
        new: whose ids do not count.
        note: what the algorithm had to say.
        again: ids.
        until: when the lease of them all runs out.
        refused: designs that were found not to be allowed.
        wanted: how many trials were asked for, where fewer were left.
    """
    # Only where there are limits is there anything to say of them.
    trials = [[dict(t.params), t.source, t.predicted, *([] if t.feasible is None else [t.feasible])] for t in new]
    data = {"first": len(state.trials), "trials": trials, "note": dict(note)}
    more = {"again": list(again), "until": until, "refused": [dict(one) for one in refused], "wanted": wanted}
    return Entry(Kind.ASKED, _without_empty({**data, **more}))


def known(state: State, trial: object) -> Trial:
    """The trial of the state that is given by its id, or as it once was.

    Raises:
        UnknownTrialError: there is no trial of that id, or it is another study's.
    """
    id = whole(trial.id if isinstance(trial, Trial) else trial)
    if id is None or not 0 <= id < len(state.trials):
        pending, said = [t.id for t in state.pending], shown(trial if id is None else id)
        raise UnknownTrialError(
            f"trial {said} is unknown; pending are {_short(pending)}; add takes results that were not asked for"
        )
    found = state.trials[id]
    # Other designs may have been tried, and told, since it was given out.
    if isinstance(trial, Trial) and trial.params not in (found.params, found.proposed):
        raise UnknownTrialError(
            f"trial {id} is of another study, with {dict(trial.params)}; here {id} has {dict(found.params)}"
        )
    return found


def leased(state: State, trials: Sequence[int | Trial], until: float | None) -> Entry | None:
    """That pending trials are given out again, or may be from a time on; None for none.

    Raises:
        TrialError: an id is unknown, or its trial is not pending.
    """
    found = [known(state, one) for one in trials]
    for trial in found:
        if trial.status is not Status.PENDING:
            raise TrialError(f"trial {trial.id} is {trial.status.value}: only what is pending can be given out")
    return Entry(Kind.LEASED, {"ids": [trial.id for trial in found], "until": until}) if found else None


def told(state: State, reports: Mapping[int, Report], sign: float) -> Entry | None:
    """What is new in the reports; None if nothing is.

    A trial that waits for its objective may be told other outcomes before it, and one that is done after it.

    Raises:
        TrialError: an id is unknown, or its trial was told something else.
        ResultError: a gradient names what is no numeric parameter, or is not finite.
        SpaceError: the parameters cannot have been tried.
    """
    data = {}
    for id, report in reports.items():
        trial = known(state, id)
        _check_slopes(state, report)
        if new := _news(state, trial, report, sign):
            data[str(trial.id)] = new
    return Entry(Kind.TOLD, data) if data else None


def given_up(state: State, trials: Sequence[int | Trial], status: Status, reason: str, sign: float) -> Entry | None:
    """That trials failed or are abandoned; None for none that was not already.

    Raises:
        TrialError: an id is unknown, or its trial has come to another end, or to this one for another reason.
    """
    new = []
    for one in trials:
        trial = known(state, one)
        if trial.status not in (Status.PENDING, status):
            raise _settled(trial, status.value, sign)
        if trial.status is Status.PENDING:
            new += [] if trial.id in new else [trial.id]
        elif reason not in ("", trial.reason):
            was = f"for {trial.reason!r}" if trial.reason else "without a reason"
            raise TrialError(f"trial {trial.id} is {status.value} already, {was}, not {reason!r}; amend() changes it")
    return Entry(Kind(status.value), _without_empty({"ids": new, "reason": reason})) if new else None


def amended(state: State, id: int | Trial, report: Report | None, reason: str, sign: float) -> Entry:
    """That a trial that had come to an end is done with another result, or failed if there is none.

    Raises:
        TrialError: the id is unknown, or its trial is still pending.
        ResultError, SpaceError: as `told` does.
    """
    trial = known(state, id)
    if trial.status is Status.PENDING:
        raise TrialError(f"trial {trial.id} is still pending: tell it, there is nothing to amend")
    if report is None:
        return Entry(Kind.AMENDED, _without_empty({"id": trial.id, "reason": reason}))
    _check_slopes(state, report)
    tried = {} if report.params is None else _tried(state, report.params)
    data = {"id": trial.id, **_plain(report.result, report.outcomes, tried), "reason": reason}
    return Entry(Kind.AMENDED, _without_empty(data))


def added(state: State, params: Params, report: Report, far: bool = False) -> Entry:
    """A design that was not asked for and its result; it failed if there is none.

    Args:
        state: as it is now.
        params: what was tried.
        report: what was measured.
        far: whether the parameters may be far outside the space.

    Raises:
        SpaceError: the parameters cannot have been tried.
        ResultError: the gradient does not fit them.
    """
    tried = _tried(state, params, far)
    _check_slopes(state, report)
    failed = True if report.result is None else None
    said = {**_plain(report.result, report.outcomes, tried), "failed": failed, "reason": report.note}
    return Entry(Kind.ADDED, {"id": len(state.trials), **_without_empty(said)})


def given_out(entry: Entry) -> list[int]:
    """The ids of the trials that an `ask` returned."""
    data = entry.data
    if entry.kind is Kind.LEASED:
        return list(data["ids"])
    return [*data.get("again", []), *range(data["first"], data["first"] + len(data["trials"]))]


def described(entry: Entry) -> dict[str, Any]:
    """What an entry says, with the status of a trial that an amendment left without a value."""
    if entry.kind is Kind.AMENDED and not entry.data.keys() & {"value", "outcomes", "params"}:
        return {**entry.data, "status": Status.FAILED.value}
    return dict(entry.data)


def concerns(entry: Entry, id: int) -> bool:
    """Whether an entry says something of a trial."""
    data = entry.data
    if entry.kind is Kind.ASKED:
        return id in given_out(entry)
    if entry.kind is Kind.TOLD:
        return str(id) in data
    return id == data["id"] if "id" in data else id in data["ids"]


def _news(state: State, trial: Trial, report: Report, sign: float) -> dict[str, Any]:
    """What the trial was not told yet."""
    if trial.status not in (Status.PENDING, Status.DONE):
        raise _settled(trial, _said(report), sign)
    result, tried = report.result, {} if report.params is None else _tried(state, report.params)
    params = tried.get("params")
    if trial.result is not None:
        if result is not None and turned(result, sign) != trial.result:
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
    """The tried parameters as plain values in the order of the space, and whether they lie outside of it.

    Raises:
        SpaceError: they cannot have been tried.
    """
    state.space.check_tried(params, far)
    plain = {p.name: p.plain(params[p.name]) for p in state.space.parameters if p.name in params}
    return {"params": plain} if state.space.allows(plain) else {"params": plain, "outside": True}


def _plain(result: Result | None, outcomes: Mapping[str, Measured], tried: Mapping[str, Any]) -> dict[str, Any]:
    said = {} if result is None else {"value": result.value, "sem": result.sem, "gradient": result.gradient}
    return _without_empty({**said, "outcomes": dict(outcomes), **tried})


def _without_empty(data: Mapping[str, Any]) -> dict[str, Any]:
    """Without what says nothing; numbers, lists of trials and ids say something."""
    return {k: v for k, v in data.items() if v is not None and (v not in ("", {}, []) or k in ("trials", "ids"))}


# How many ids a message lists.
LISTED = 8


def _short(ids: Sequence[int]) -> str:
    if not ids:
        return "none"
    return f"{list(ids[:LISTED])}{' ...' if len(ids) > LISTED else ''}"


# --- entries, replayed -------------------------------------------------------------------------------


def replay(state: State, entries: Sequence[Entry], sign: float) -> State:
    """The state after the entries; the same object if there are none.

    Args:
        state: before.
        entries: in their order.
        sign: 1 where the user maximizes, -1 where they minimize: values in a state are higher the better.
    """
    if not entries:
        return state
    drafts, notes, refused = _Drafts(state.trials), list(state.notes), list(state.refused)
    for entry in entries:
        if entry.kind is Kind.ASKED:
            notes.append(entry.data["note"])
            refused += entry.data.get("refused", ())
        REPLAYED[entry.kind](drafts, entry, len(notes) - 1, sign)
    return replace(state, trials=drafts.trials(), notes=tuple(notes), refused=tuple(refused))


# A trial's attributes by name.
Draft = dict[str, Any]
ATTRIBUTES = tuple(f.name for f in fields(Trial))


class _Drafts:
    """Trials that change, each made once, when all has changed: that takes half of the time."""

    def __init__(self, trials: Sequence[Trial]) -> None:
        self._trials = trials
        self._drafts: dict[int, Draft] = {}
        self.count = len(trials)

    def __getitem__(self, id: int) -> Draft:
        """What a trial's attributes are by now, to be changed."""
        if id not in self._drafts:
            trial = self._trials[id]
            self._drafts[id] = {name: getattr(trial, name) for name in ATTRIBUTES}
        return self._drafts[id]

    def new(self, draft: Draft) -> Draft:
        """Another trial, which gets the next id."""
        self._drafts[self.count] = {"id": self.count, **draft}
        self.count += 1
        return self._drafts[self.count - 1]

    def trials(self) -> tuple[Trial, ...]:
        """All trials as they are by now."""
        trials: list[Trial | None] = [*self._trials, *([None] * (self.count - len(self._trials)))]
        for id, draft in self._drafts.items():
            trials[id] = Trial(**draft)
        return tuple(cast(list[Trial], trials))


Replay = Callable[[_Drafts, Entry, int, float], None]


def _replay_asked(drafts: _Drafts, entry: Entry, round: int, sign: float) -> None:
    data = entry.data
    given = {"worker": entry.worker, "lease": data.get("until")}
    for params, source, predicted, *feasible in data["trials"]:
        asked = {"params": params, "round": round, "source": source, "predicted": predicted, "asked_at": entry.at}
        drafts.new(asked | given | ({"feasible": feasible[0]} if feasible else {}))
    for id in data.get("again", ()):
        drafts[id].update(given)


def _replay_leased(drafts: _Drafts, entry: Entry, round: int, sign: float) -> None:
    for id in entry.data["ids"]:
        drafts[id].update(worker=entry.worker, lease=entry.data["until"])


def _replay_told(drafts: _Drafts, entry: Entry, round: int, sign: float) -> None:
    for id, said in entry.data.items():
        _take_down(drafts[int(id)], said, entry, sign)


def _replay_given_up(drafts: _Drafts, entry: Entry, round: int, sign: float) -> None:
    status, reason = Status(entry.kind.value), entry.data.get("reason", "")
    for id in entry.data["ids"]:
        drafts[id].update(status=status, reason=reason, settled_at=entry.at)


def _replay_amended(drafts: _Drafts, entry: Entry, round: int, sign: float) -> None:
    data = entry.data
    draft = drafts[data["id"]]
    draft.update(reason=data.get("reason", ""), settled_at=entry.at)
    if "value" not in data and "outcomes" not in data and "params" not in data:
        draft.update(status=Status.FAILED, result=None)
    _take_down(draft, data, entry, sign)


def _replay_added(drafts: _Drafts, entry: Entry, round: int, sign: float) -> None:
    data = entry.data
    outside = data.get("outside", False)
    draft = drafts.new({"params": data["params"], "outside": outside, "worker": entry.worker, "asked_at": entry.at})
    if "failed" in data:
        draft.update(status=Status.FAILED, settled_at=entry.at)
    _take_down(draft, {k: v for k, v in data.items() if k != "params"}, entry, sign)


def _take_down(draft: Draft, said: Mapping[str, Any], entry: Entry, sign: float) -> None:
    """Change a trial by what was said of it."""
    if "value" in said:
        result = turned(Result(said["value"], said.get("sem"), said.get("gradient")), sign)
        draft.update(result=result, status=Status.DONE, settled_at=entry.at)
    if "outcomes" in said:
        measured = {name: (value, sem) for name, (value, sem) in said["outcomes"].items()}
        draft["outcomes"] = {**draft.get("outcomes", {}), **measured}
    if "reason" in said:
        draft["reason"] = said["reason"]
    if "params" in said:
        proposed = draft.get("proposed") or draft["params"]
        draft.update(params=said["params"], proposed=proposed, outside=said.get("outside", False))


REPLAYED: Mapping[Kind, Replay] = {
    Kind.ASKED: _replay_asked,
    Kind.LEASED: _replay_leased,
    Kind.TOLD: _replay_told,
    Kind.FAILED: _replay_given_up,
    Kind.ABANDONED: _replay_given_up,
    Kind.AMENDED: _replay_amended,
    Kind.ADDED: _replay_added,
}
