"""What may be measured of a trial beside the objective, and what it has to satisfy."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from gdopt.algorithm import Measured, Trial
from gdopt.errors import SettingsError

__all__ = ["Limit", "satisfied"]

WRITTEN = re.compile(r"^\s*(?P<outcome>.+?)\s*(?P<sense><=|>=)\s*(?P<bound>\S+)\s*$")


@dataclass(frozen=True, slots=True)
class Limit:
    """A bound on an outcome, such as `impurity <= 2`, in the outcome's unit.

    Args:
        outcome: its name.
        sense: "<=" or ">=".
        bound: the last value that is allowed.

    Raises:
        SettingsError: the sense is neither of the two, or the bound is not finite.
    """

    outcome: str
    sense: str
    bound: float

    def __post_init__(self) -> None:
        if self.sense not in ("<=", ">="):
            raise SettingsError(f"limit on {self.outcome}: sense = {self.sense!r}, expected '<=' or '>='")
        if not math.isfinite(self.bound):
            raise SettingsError(f"limit on {self.outcome}: the bound must be finite, got {self.bound}")

    @classmethod
    def of(cls, text: str) -> "Limit":
        """The limit that is written "impurity <= 2".

        Raises:
            SettingsError: it is not written so.
        """
        found = WRITTEN.match(text)
        try:
            if found is not None:
                return cls(found["outcome"], found["sense"], float(found["bound"]))
        except ValueError:
            pass
        raise SettingsError(f"limit {text!r}: expected an outcome, <= or >=, and a number, such as 'impurity <= 2'")

    def __str__(self) -> str:
        return f"{self.outcome} {self.sense} {self.bound:g}"

    def holds(self, value: float) -> bool:
        """Whether a value is allowed."""
        return value <= self.bound if self.sense == "<=" else value >= self.bound


def satisfied(limits: tuple[Limit, ...], trial: Trial) -> bool | None:
    """Whether a trial's outcomes satisfy all limits; None as long as none is broken and not all were measured."""
    measured: Mapping[str, Measured] = trial.outcomes
    if any(not limit.holds(measured[limit.outcome][0]) for limit in limits if limit.outcome in measured):
        return False
    return True if all(limit.outcome in measured for limit in limits) else None
