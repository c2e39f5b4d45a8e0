"""One trial: its design, its status and its results."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gdopt.errors import ResultError
from gdopt.space.parameters import Params

__all__ = ["Measured", "Result", "Status", "Trial"]


class Status(StrEnum):
    """What has become of a trial."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    ABANDONED = "abandoned"


# A value of an outcome and its standard error, None where that is not known.
Measured = tuple[float, float | None]


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured: a value, its standard error where it is known, the gradient where there is one.

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
    """One thing to try, and what came of it.

    Args:
        id: the number by which its result is told.
        params: what to try; once it is told, what was tried.
        status: pending until it is told, done, failed or abandoned.
        result: what was measured of the objective, once it is done.
        round: the `ask` that proposed it, from 0; -1 for a result that was added without being asked for.
        source: the part of the algorithm that proposed it.
        predicted: the surrogate's mean for it when it was proposed, in the surrogate's own units.
        feasible: the probability that it satisfies the limits, as it was believed when it was proposed.
        outcomes: what was measured beside the objective, by name.
        proposed: the parameters that were proposed, where others were tried.
        outside: whether the tried parameters lie outside a bound, or off a constraint.
        worker: who has it.
        reason: why it failed, was abandoned or was amended, or what was noted with its result.
        lease: when it may be given to another worker, in seconds since 1970; None if never.
        asked_at: when it was asked for or added, in seconds since 1970.
        settled_at: when it was done, failed or abandoned.
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
    # Two runs of a study are equal if they differ in nothing but the clock.
    lease: float | None = field(default=None, compare=False)
    asked_at: float | None = field(default=None, compare=False)
    settled_at: float | None = field(default=None, compare=False)

    @property
    def value(self) -> float | None:
        """The value that was measured, None before."""
        return None if self.result is None else self.result.value
