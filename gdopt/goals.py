"""What is wanted of a trial: one objective or several, and limits on what is measured beside them."""

import math
import re
from dataclasses import dataclass
from typing import Literal

from gdopt.errors import SettingsError

__all__ = ["Direction", "Goals", "Limit", "Objective"]

Direction = Literal["maximize", "minimize"]
WRITTEN = re.compile(r"^\s*(?P<outcome>.+?)\s*(?P<sense><=|>=)\s*(?P<bound>\S+)\s*$")


@dataclass(frozen=True, slots=True)
class Objective:
    """An outcome that is maximized or minimized.

    Args:
        name: of the outcome.
        direction: "maximize" or "minimize".
        reference: the worst value that is of any interest, in the outcome's unit; what the hypervolume of several
            objectives is measured from. None: it is inferred from what was measured.

    Raises:
        SettingsError: the direction is neither of the two, or the reference is not finite.
    """

    name: str
    direction: Direction
    reference: float | None = None

    def __post_init__(self) -> None:
        if self.direction not in ("maximize", "minimize"):
            raise SettingsError(f"direction = {self.direction!r}: expected 'maximize' or 'minimize'")
        if self.reference is not None and not math.isfinite(self.reference):
            raise SettingsError(f"reference of {self.name} = {self.reference}: expected a finite number")

    @property
    def sign(self) -> float:
        """What makes its values higher the better."""
        return 1.0 if self.direction == "maximize" else -1.0


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


@dataclass(frozen=True, slots=True)
class Goals:
    """All that is wanted.

    Args:
        objectives: the first is what `Trial.result` is of, higher the better; the others are among its outcomes, in the
            user's sense.
        limits: on other outcomes.
    """

    objectives: tuple[Objective, ...] = (Objective("value", "maximize"),)
    limits: tuple[Limit, ...] = ()

    @property
    def several(self) -> bool:
        """Whether there is more than one objective."""
        return len(self.objectives) > 1

    def __str__(self) -> str:
        return ", ".join([*(f"{one.direction} {one.name}" for one in self.objectives), *map(str, self.limits)])
