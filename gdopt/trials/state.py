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
    """All that an algorithm carries between calls: save it and nothing is lost.

    Args:
        space: what may be tried.
        seed: from which every random stream of the study is derived.
        trials: everything asked for or added, by id.
        notes: what each `ask` had to say of itself, in numbers.
        tensors: what an algorithm has learned and cannot derive from the trials.
        config: the objectives and the limits.
        fixed: parameters that every trial of the next `ask` has to have.
        refused: designs that a function of the user's does not allow, of those that it was asked about.
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
        """The trials that have a value."""
        return tuple(t for t in self.trials if t.status is Status.DONE)

    @property
    def pending(self) -> tuple[Trial, ...]:
        """The trials that wait for their result."""
        return tuple(t for t in self.trials if t.status is Status.PENDING)

    @property
    def known(self) -> list[Params]:
        """The designs that were asked for, added or refused."""
        return [*(t.params for t in self.trials), *self.refused]
