"""The state of a study from its events."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, cast

from gdopt.storage.events import Event, EventType, in_maximization_sense
from gdopt.trials.state import State
from gdopt.trials.trial import Result, Status, Trial

__all__ = ["replay"]


def replay(state: State, entries: Sequence[Event], sign: float) -> State:
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
        if entry.kind is EventType.ASKED:
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


Replay = Callable[[_Drafts, Event, int, float], None]


def _replay_asked(drafts: _Drafts, entry: Event, round: int, sign: float) -> None:
    data = entry.data
    given = {"worker": entry.worker, "lease": data.get("until")}
    for params, source, predicted, *feasible in data["trials"]:
        asked = {"params": params, "round": round, "source": source, "predicted": predicted, "asked_at": entry.at}
        drafts.new(asked | given | ({"feasible": feasible[0]} if feasible else {}))
    for id in data.get("again", ()):
        drafts[id].update(given)


def _replay_leased(drafts: _Drafts, entry: Event, round: int, sign: float) -> None:
    for id in entry.data["ids"]:
        drafts[id].update(worker=entry.worker, lease=entry.data["until"])


def _replay_told(drafts: _Drafts, entry: Event, round: int, sign: float) -> None:
    for id, said in entry.data.items():
        _take_down(drafts[int(id)], said, entry, sign)


def _replay_given_up(drafts: _Drafts, entry: Event, round: int, sign: float) -> None:
    status, reason = Status(entry.kind.value), entry.data.get("reason", "")
    for id in entry.data["ids"]:
        drafts[id].update(status=status, reason=reason, settled_at=entry.at)


def _replay_amended(drafts: _Drafts, entry: Event, round: int, sign: float) -> None:
    data = entry.data
    draft = drafts[data["id"]]
    draft.update(reason=data.get("reason", ""), settled_at=entry.at)
    if "value" not in data and "outcomes" not in data and "params" not in data:
        draft.update(status=Status.FAILED, result=None)
    _take_down(draft, data, entry, sign)


def _replay_added(drafts: _Drafts, entry: Event, round: int, sign: float) -> None:
    data = entry.data
    outside = data.get("outside", False)
    draft = drafts.new({"params": data["params"], "outside": outside, "worker": entry.worker, "asked_at": entry.at})
    if "failed" in data:
        draft.update(status=Status.FAILED, settled_at=entry.at)
    _take_down(draft, {k: v for k, v in data.items() if k != "params"}, entry, sign)


def _take_down(draft: Draft, said: Mapping[str, Any], entry: Event, sign: float) -> None:
    """Change a trial by what was said of it."""
    if "value" in said:
        result = in_maximization_sense(Result(said["value"], said.get("sem"), said.get("gradient")), sign)
        draft.update(result=result, status=Status.DONE, settled_at=entry.at)
    if "outcomes" in said:
        measured = {name: (value, sem) for name, (value, sem) in said["outcomes"].items()}
        draft["outcomes"] = {**draft.get("outcomes", {}), **measured}
    if "reason" in said:
        draft["reason"] = said["reason"]
    if "params" in said:
        proposed = draft.get("proposed") or draft["params"]
        draft.update(params=said["params"], proposed=proposed, outside=said.get("outside", False))


REPLAYED: Mapping[EventType, Replay] = {
    EventType.ASKED: _replay_asked,
    EventType.LEASED: _replay_leased,
    EventType.TOLD: _replay_told,
    EventType.FAILED: _replay_given_up,
    EventType.ABANDONED: _replay_given_up,
    EventType.AMENDED: _replay_amended,
    EventType.ADDED: _replay_added,
}
