"""Designs that learn nothing: the least that an algorithm has to beat."""

from dataclasses import dataclass
from typing import ClassVar

from gdopt.arguments import shown
from gdopt.candidates.initial import check_space, initial_designs, with_initial_trials
from gdopt.errors import SettingsError
from gdopt.priors.diffusion import DiffusionPrior
from gdopt.space.space import Space
from gdopt.trials.state import State

__all__ = ["RandomSearch"]


@dataclass(frozen=True, kw_only=True)
class RandomSearch:
    """Corpus designs in random order where there is a prior; a Sobol sequence over the box where there is none."""

    prior: DiffusionPrior | None = None

    # Objectives: more than one are taken.
    several: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not isinstance(self.prior, DiffusionPrior | None):
            raise SettingsError(f"prior = {shown(self.prior)}: expected a DiffusionPrior")

    def init(self, space: Space, seed: int) -> State:
        """The state before anything was asked."""
        check_space(space, self.prior)
        return State(space, seed)

    def ask(self, state: State, n: int) -> State:
        """Append n new pending trials, or as many as are left to try."""
        return with_initial_trials(state, initial_designs(state, self.prior, n))
