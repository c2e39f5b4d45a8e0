"""One trial: its design, its status and its results."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gdopt.errors import ResultError
from gdopt.space.parameters import Params

__all__ = ["Measured", "Result", "Status", "Trial"]


class Status(StrEnum):
    """The status of a trial."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    ABANDONED = "abandoned"


# A value of an outcome and its standard error, None where that is not known.
Measured = tuple[float, float | None]


@dataclass(frozen=True, slots=True)
class Result:
    """A measured value, with its standard error and its gradient where they are known.

    Raises:
        ResultError: the value or the error is not a finite number, or the error is negative.
    """

    value: float
    sem: float | None = None
    gradient: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise ResultError(f"a value must be finite, got {self.value}; a trial without a value has failed")
        if self.sem is not None and not (math.isfinite(self.sem) and self.sem >= 0):
            raise ResultError(f"a standard error must be finite and not negative, got {self.sem}")


@dataclass(frozen=True, slots=True)
class Trial:
    """A design and the result of its evaluation.

    Args:
        id: the number of the trial in its study.
        params: the proposed parameters; after the evaluation, the evaluated ones.
        status: pending, done, failed or abandoned.
        result: of the objective, None until the trial is done.
        round: the `ask` that proposed it, from 0; -1 for a result that was added.
        source: the part of the algorithm that proposed it.
        predicted: the posterior mean of the surrogate when it was proposed, in the units of the surrogate.
        feasible: the predicted probability of feasibility when it was proposed.
        outcomes: the other outcomes by name: value and standard error.
        proposed: the proposed parameters, where other ones were evaluated.
        outside: whether the evaluated parameters lie outside a bound or violate a constraint.
        worker: that evaluates it.
        reason: of a failure or an amendment, or a note on the result.
        lease: the time after which it may be given to another worker, in seconds since 1970; None if never.
        asked_at: the time of the `ask` or `add`, in seconds since 1970.
        settled_at: the time at which it was done, failed or abandoned.
    """

    id: int
    params: Params
    status: Status = Status.PENDING
    result: Result | None = None
    round: int = -1
    source: str = "added"
    predicted: float | None = None
    feasible: float | None = None
    outcomes: Mapping[str, Measured] = field(default_factory=dict)
    proposed: Params | None = None
    outside: bool = False
    worker: str | None = None
    reason: str = ""
    # Not compared: two runs of a study that differ in the clock only are equal.
    lease: float | None = field(default=None, compare=False)
    asked_at: float | None = field(default=None, compare=False)
    settled_at: float | None = field(default=None, compare=False)

    @property
    def value(self) -> float | None:
        """The measured value, None before."""
        return None if self.result is None else self.result.value
