"""What goes over the wire, as JSON: requests are checked for their shape here, for their sense by the study.

NaN and infinity pass, so that the study can say in its own words what is wrong with them.
"""

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, Strict

from gdopt.space.serialization import to_json
from gdopt.space.space import Space
from gdopt.spreadsheet import cells
from gdopt.storage.events import Event, EventType, described
from gdopt.trials.objectives import Objective, OutcomeConstraint
from gdopt.trials.ranking import is_feasible
from gdopt.trials.trial import Result, Status, Trial

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Added",
    "Aim",
    "Amended",
    "Asked",
    "Event",
    "Frame",
    "GivenUp",
    "History",
    "Id",
    "Name",
    "News",
    "Plate",
    "Refusal",
    "Released",
    "Reported",
    "Row",
    "Rows",
    "Standing",
    "Told",
    "parameter_messages",
]

# Most trials that one request gets; more of them are more requests.
MOST = 10_000
# Names and keys; longer ones are a mistake.
LONGEST_NAME = 200
LONGEST_REASON = 10_000

# Neither strings that look like numbers nor booleans.
Number = Annotated[float, Strict()]
Whole = Annotated[int, Strict()]
Text = Annotated[str, Strict()]
# Printable, as databases and spreadsheets refuse the rest.
Name = Annotated[str, Strict(), Field(min_length=1, max_length=LONGEST_NAME, pattern=r"^[^\x00-\x1f\x7f]+$")]
Reason = Annotated[str, Strict(), Field(max_length=LONGEST_REASON, pattern=r"^[^\x00]*$")]

# An id as the text of a path or of a key; one text for each id, so that no trial is named twice in one request.
ID = re.compile(r"0|-?[1-9][0-9]*")


def _canonical(text: Any) -> Any:
    if isinstance(text, str) and not ID.fullmatch(text):
        raise ValueError(f"{text!r} is no id; expected a whole number, such as 7")
    return text


Id = Annotated[int, BeforeValidator(_canonical)]

Outcome = Number | tuple[Number, Number]
Outcomes = Outcome | dict[Text, Outcome]
Params = dict[Text, Number | Whole | Text]
Gradient = dict[Text, Number]


class Message(BaseModel):
    """Any of them: what is not known is refused."""

    model_config = ConfigDict(extra="forbid")


class Asked(Message):
    """For how many trials, with which parameters fixed, by whom, for how many seconds they are theirs, and whether the
    best designs are measured again once no other is left.

    Without a number there are as many as the batch of the study has.
    """

    n: Annotated[Whole, Field(le=MOST)] | None = None
    fixed: Params = {}
    worker: Name | None = None
    lease: Annotated[FiniteFloat, Strict()] | None = None
    repeat: Annotated[bool, Strict()] = False


class Reported(Message):
    """What was measured of a trial: a value, [value, standard error], or several outcomes by name."""

    value: Outcomes
    gradient: Gradient | None = None
    params: Params | None = None
    worker: Name | None = None


class Told(Message):
    """Results by the trials' ids, and the ids of those that failed or will not be tried, which may have a reason each.

    All of it is recorded or nothing.
    """

    results: dict[Id, Outcomes] = {}
    failed: list[Whole] | dict[Id, Reason] = []
    abandoned: list[Whole] | dict[Id, Reason] = []
    worker: Name | None = None


class GivenUp(Message):
    """Trials that failed or that will not be tried, and why."""

    ids: list[Whole]
    reason: Reason = ""
    worker: Name | None = None


class Released(Message):
    """Pending trials that others may have."""

    ids: list[Whole]


class Amended(Message):
    """The right result of a trial, null if it has failed, why it is another one, and who says so."""

    value: Outcomes | None
    reason: Reason
    gradient: Gradient | None = None
    params: Params | None = None
    worker: Name | None = None


class Added(Message):
    """A result that was not asked for."""

    params: Params
    value: Outcomes
    gradient: Gradient | None = None
    worker: Name | None = None


class Row(Message):
    """A trial; values are in the user's direction, times in seconds since 1970.

    `satisfied` is whether its outcomes satisfy the limits, null as long as that is open; `feasible` is how likely
    that seemed when it was proposed.
    """

    id: int
    params: dict[str, float | int | str]
    status: Status
    value: float | None = None
    sem: float | None = None
    gradient: dict[str, float] | None = None
    outcomes: dict[str, tuple[float, float | None]] = {}
    satisfied: bool | None = None
    round: int
    source: str
    predicted: float | None = None
    feasible: float | None = None
    proposed: dict[str, float | int | str] | None = None
    outside: bool = False
    worker: str | None = None
    reason: str = ""
    lease: float | None = None
    asked_at: float | None = None
    settled_at: float | None = None

    @classmethod
    def of(cls, trial: Trial, limits: tuple[OutcomeConstraint, ...]) -> "Row":
        """The trial as it goes over the wire."""
        said = {name: getattr(trial, name) for name in SHARED}
        if trial.result is not None:
            said |= {"value": trial.result.value, "sem": trial.result.sem, "gradient": trial.result.gradient}
        return cls.model_validate({**said, "satisfied": is_feasible(limits, trial)})

    def trial(self) -> Trial:
        """The trial as it came over the wire."""
        result = None if self.value is None else Result(self.value, self.sem, self.gradient)
        return Trial(**{name: getattr(self, name) for name in SHARED}, result=result)


# Fields of a trial that are a row's too; the result is spread out.
SHARED = [field.name for field in fields(Trial) if field.name != "result"]


class Rows(Message):
    """Several trials."""

    trials: list[Row]


class News(Message):
    """Whether anything of what was told was new."""

    new: bool


class Plate(Message):
    """What a plate said, by ids: what was told, failed or abandoned, what waits, and how many of them were new."""

    told: list[int]
    failed: list[int]
    abandoned: list[int]
    pending: list[int]
    new: int


class EventMessage(Message):
    """One thing that happened to a trial; an amendment that left it without a value has the status "failed"."""

    kind: EventType
    data: dict[str, Any]
    at: float
    worker: str | None
    key: str | None

    @classmethod
    def of(cls, event: Event) -> "EventMessage":
        """The message of an event."""
        return cls(kind=event.kind, data=described(event), at=event.at, worker=event.worker, key=event.key)

    def event(self) -> Event:
        """The event of the message."""
        amended = self.kind is EventType.AMENDED
        data = {name: one for name, one in self.data.items() if not (amended and name == "status")}
        return Event(self.kind, data, self.at, self.worker, self.key)


class History(Message):
    """All that happened to a trial, first to last."""

    events: list[EventMessage]


class Aim(Message):
    """An objective."""

    name: str
    direction: Literal["maximize", "minimize"]
    reference: float | None = None

    @classmethod
    def of(cls, objective: Objective) -> "Aim":
        """The message of an objective."""
        return cls(name=objective.name, direction=objective.direction, reference=objective.reference_point)


# Field names of /v1 by the names of a parameter's fields; clients of version 0.1 read them.
PARAMETER_FIELDS = {"categories": "levels", "log_scale": "log", "active_if": "when"}


def parameter_messages(space: Space) -> list[dict[str, Any]]:
    """The parameters of a space as /v1 sends them."""
    return [
        {PARAMETER_FIELDS.get(name, name): value for name, value in parameter.items()}
        for parameter in to_json(space)["parameters"]
    ]


class Standing(Message):
    """What the study is and how it stands; `revision` grows with every change.

    `allowed` names the function that says which designs may be proposed. `best_so_far` has the best value up to each
    trial, null as long as there is none. Of several objectives there is no best trial, but the ids of the front, best
    first objective first, its hypervolume, and that of all trials up to each.
    """

    name: str
    revision: int
    objective: str
    direction: Literal["maximize", "minimize"]
    outcomes: list[str]
    limits: list[str]
    parameters: list[dict[str, Any]]
    constraints: list[str]
    allowed: str | None
    batch: int
    counts: Mapping[Status, int]
    best: Row | None
    best_so_far: list[float | None]
    goal: str
    objectives: list[Aim]
    front: list[int]
    hypervolume: float | None
    hypervolumes: list[float]
    version: str


class Frame(Message):
    """`Study.to_frame()`, row by row; what is missing is null."""

    columns: list[str]
    rows: list[list[float | int | str | None]]

    @classmethod
    def of(cls, frame: "pd.DataFrame") -> "Frame":
        """The table as it goes over the wire."""
        columns, *rows = cells(frame)
        return cls(columns=columns, rows=rows)


class Refusal(Message):
    """Why a request was refused: the class of the error in Python, and its text."""

    error: str
    message: str
