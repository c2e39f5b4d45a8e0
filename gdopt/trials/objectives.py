"""What is wanted of a trial: one objective or several, and limits on what is measured beside them."""

import math
import re
from dataclasses import dataclass
from typing import Literal, SupportsFloat

from gdopt.arguments import assign, number, shown, text
from gdopt.errors import SettingsError
from gdopt.renamed import renamed

__all__ = ["Direction", "Objective", "OptimizationConfig", "OutcomeConstraint"]

Direction = Literal["maximize", "minimize"]
DIRECTIONS, SENSES = ("maximize", "minimize"), ("<=", ">=")
WRITTEN = re.compile(r"^\s*(?P<outcome>.+?)\s*(?P<sense><=|>=)\s*(?P<bound>\S+)\s*$")


@renamed(arguments={"reference": "reference_point"}, attributes={"reference": "reference_point"})
@dataclass(frozen=True, slots=True)
class Objective:
    """An outcome that is maximized or minimized.

    Args:
        name: of the outcome.
        direction: "maximize" or "minimize".
        reference_point: the worst value that is of any interest, in the outcome's unit; what the hypervolume of several
            objectives is measured from. None: it is inferred from what was measured.

    Raises:
        SettingsError: the name is no string, the direction is neither of the two, or the reference is not finite.
    """

    name: str
    direction: Direction
    reference_point: float | None = None

    def __init__(self, name: str, direction: Direction, reference_point: SupportsFloat | None = None) -> None:
        called, way, worst = text(name), text(direction), number(reference_point)
        if called is None:
            raise SettingsError(f"objective = {shown(name)}: expected the name of an outcome, such as 'yield'")
        if way not in DIRECTIONS:
            raise SettingsError(f"direction = {shown(direction)}: expected 'maximize' or 'minimize'")
        if reference_point is not None and (worst is None or not math.isfinite(worst)):
            raise SettingsError(f"reference of {called} = {shown(reference_point)}: expected a finite number")
        assign(self, name=called, direction=way, reference_point=worst)

    @property
    def sign(self) -> float:
        """What makes its values higher the better."""
        return 1.0 if self.direction == "maximize" else -1.0


@dataclass(frozen=True, slots=True)
class OutcomeConstraint:
    """A bound on an outcome, such as `impurity <= 2`, in the outcome's unit.

    Args:
        outcome: its name.
        sense: "<=" or ">=".
        bound: the last value that is allowed.

    Raises:
        SettingsError: the outcome is no string, the sense is neither of the two, or the bound is not finite.
    """

    outcome: str
    sense: str
    bound: float

    def __init__(self, outcome: str, sense: str, bound: SupportsFloat) -> None:
        name, way, last = text(outcome), text(sense), number(bound)
        if name is None:
            raise SettingsError(f"limit on {shown(outcome)}: expected the name of an outcome, such as 'impurity'")
        if way not in SENSES:
            raise SettingsError(f"limit on {name}: sense = {shown(sense)}, expected '<=' or '>='")
        if last is None or not math.isfinite(last):
            raise SettingsError(f"limit on {name}: the bound must be finite, got {shown(bound)}")
        assign(self, outcome=name, sense=way, bound=last)

    @classmethod
    def of(cls, written: str) -> "OutcomeConstraint":
        """The limit that is written "impurity <= 2".

        Raises:
            SettingsError: it is not written so.
        """
        found = WRITTEN.match(written) if isinstance(written, str) else None
        try:
            if found is not None:
                return cls(found["outcome"], found["sense"], float(found["bound"]))
        except ValueError:
            pass
        raise SettingsError(
            f"limit {shown(written)}: expected an outcome, <= or >=, and a number, such as 'impurity <= 2'"
        )

    def __str__(self) -> str:
        return f"{self.outcome} {self.sense} {self.bound:g}"

    def holds(self, value: float) -> bool:
        """Whether a value is allowed."""
        return value <= self.bound if self.sense == "<=" else value >= self.bound


@dataclass(frozen=True, slots=True)
class OptimizationConfig:
    """All that is wanted.

    Args:
        objectives: the first is what `Trial.result` is of, higher the better; the others are among its outcomes, in the
            user's sense.
        outcome_constraints: on other outcomes.
    """

    objectives: tuple[Objective, ...] = (Objective("value", "maximize"),)
    outcome_constraints: tuple[OutcomeConstraint, ...] = ()

    @property
    def several(self) -> bool:
        """Whether there is more than one objective."""
        return len(self.objectives) > 1

    def __str__(self) -> str:
        return ", ".join(
            [*(f"{one.direction} {one.name}" for one in self.objectives), *map(str, self.outcome_constraints)]
        )
