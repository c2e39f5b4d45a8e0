"""The messages of the API as JSON. Pydantic checks the types of a request, the study checks its values.

NaN and infinity are accepted here, so that the study's error message describes them.
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

# Maximum number of trials of one request.
MOST = 10_000
# Maximum number of characters of names and keys, and of reasons.
LONGEST_NAME = 200
LONGEST_REASON = 10_000

# Neither strings that look like numbers nor booleans.
Number = Annotated[float, Strict()]
Whole = Annotated[int, Strict()]
Text = Annotated[str, Strict()]
# Printable: databases and spreadsheets refuse other characters.
Name = Annotated[str, Strict(), Field(min_length=1, max_length=LONGEST_NAME, pattern=r"^[^\x00-\x1f\x7f]+$")]
Reason = Annotated[str, Strict(), Field(max_length=LONGEST_REASON, pattern=r"^[^\x00]*$")]

# An id as text in a path or a key. Each id has one text only, so that no trial is named twice in a request.
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
    """The base of all messages; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Asked(Message):
    """A request for n trials: fixed parameters, the worker, the lease in seconds, and whether the best designs are
    repeated when no other design is left.

    The default of n is the batch of the study.
    """

    n: Annotated[Whole, Field(le=MOST)] | None = None
    fixed: Params = {}
    worker: Name | None = None
    lease: Annotated[FiniteFloat, Strict()] | None = None
    repeat: Annotated[bool, Strict()] = False


class Reported(Message):
    """The result of a trial: a value, [value, standard error], or several outcomes by name."""

    value: Outcomes
    gradient: Gradient | None = None
    params: Params | None = None
    worker: Name | None = None


class Told(Message):
    """Results by trial id, and the ids of failed and abandoned trials, each with an optional reason.

    An error records none of them.
    """

    results: dict[Id, Outcomes] = {}
    failed: list[Whole] | dict[Id, Reason] = []
    abandoned: list[Whole] | dict[Id, Reason] = []
    worker: Name | None = None


class GivenUp(Message):
    """Ids of failed or abandoned trials, and the reason."""

    ids: list[Whole]
    reason: Reason = ""
    worker: Name | None = None


class Released(Message):
    """Ids of pending trials that other workers may get."""

    ids: list[Whole]


class Amended(Message):
    """The corrected result of a trial (null if it failed), the reason and the worker."""

    value: Outcomes | None
    reason: Reason
    gradient: Gradient | None = None
    params: Params | None = None
    worker: Name | None = None


class Added(Message):
    """A result of a design that was not proposed."""

    params: Params
    value: Outcomes
    gradient: Gradient | None = None
    worker: Name | None = None


class Row(Message):
    """A trial; values are in the user's direction, times in seconds since 1970.

    `satisfied` is whether the outcomes satisfy the constraints, null while outcomes are missing. `feasible` is the
    probability of feasibility that was predicted when the trial was proposed.
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
    def of(cls, trial: Trial, constraints: tuple[OutcomeConstraint, ...]) -> "Row":
        """The message of a trial."""
        values = {name: getattr(trial, name) for name in SHARED}
        if trial.result is not None:
            values |= {"value": trial.result.value, "sem": trial.result.sem, "gradient": trial.result.gradient}
        return cls.model_validate({**values, "satisfied": is_feasible(constraints, trial)})

    def trial(self) -> Trial:
        """The trial of the message."""
        result = None if self.value is None else Result(self.value, self.sem, self.gradient)
        return Trial(**{name: getattr(self, name) for name in SHARED}, result=result)


# Fields that `Trial` and `Row` share; the fields of the result are in the row itself.
SHARED = [field.name for field in fields(Trial) if field.name != "result"]


class Rows(Message):
    """Several trials."""

    trials: list[Row]


class News(Message):
    """Whether any of the results was new."""

    new: bool


class Plate(Message):
    """The ids of a plate's done, failed, abandoned and pending trials, and the number of new results."""

    told: list[int]
    failed: list[int]
    abandoned: list[int]
    pending: list[int]
    new: int


class EventMessage(Message):
    """An event of a trial; an amendment that removes the value has the status "failed"."""

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
    """All events of a trial, in order."""

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
    """The description and the state of the study; `revision` grows with every change.

    `allowed` is the name of the design filter. `best_so_far` has the best value up to each trial, null while there is
    none. With several objectives there is no best trial: `front` has the ids of the Pareto-optimal trials, sorted by
    the first objective, `hypervolume` is theirs, and `hypervolumes` has the hypervolume after each trial.
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
    """`Study.to_frame()` row by row; missing values are null."""

    columns: list[str]
    rows: list[list[float | int | str | None]]

    @classmethod
    def of(cls, frame: "pd.DataFrame") -> "Frame":
        """The message of a data frame."""
        columns, *rows = cells(frame)
        return cls(columns=columns, rows=rows)


class Refusal(Message):
    """An error: its class in Python and its message."""

    error: str
    message: str
