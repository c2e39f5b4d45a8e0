"""The state of a study that algorithms receive and return."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gdopt.space.parameters import Params
from gdopt.space.space import Space
from gdopt.trials.objectives import OptimizationConfig
from gdopt.trials.trial import Status, Trial

__all__ = ["State"]


@dataclass(frozen=True)
class State:
    """The complete state of an algorithm between two calls.

    Args:
        space: the search space.
        seed: of all random streams of the study.
        trials: all trials by id, with values that are higher the better.
        notes: numbers of each `ask`, such as its seconds.
        tensors: learned tensors that an algorithm cannot derive from the trials.
        config: objectives and outcome constraints.
        fixed: parameters that all trials of the next `ask` have.
        refused: designs that the design filter does not allow.
    """

    space: Space
    seed: int
    trials: tuple[Trial, ...] = ()
    notes: tuple[Mapping[str, float], ...] = ()
    tensors: Mapping[str, Any] = field(default_factory=dict)
    config: OptimizationConfig = field(default_factory=OptimizationConfig)
    fixed: Params = field(default_factory=dict)
    refused: tuple[Params, ...] = ()

    @property
    def done(self) -> tuple[Trial, ...]:
        """The trials with a value."""
        return tuple(t for t in self.trials if t.status is Status.DONE)

    @property
    def pending(self) -> tuple[Trial, ...]:
        """The trials without a result."""
        return tuple(t for t in self.trials if t.status is Status.PENDING)

    @property
    def known(self) -> list[Params]:
        """All designs that are not to be proposed again: those of trials, and the refused ones."""
        return [*(t.params for t in self.trials), *self.refused]
