"""Random search: the reference without learning."""

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
    """Designs of the prior's corpus in random order; without a prior, a scrambled Sobol sequence over the box.

    Example:
        >>> algorithm = RandomSearch()
        >>> state = algorithm.ask(algorithm.init(Space.from_bounds([(0, 1)] * 2), seed=0), 3)
        >>> len(state.trials)
        3
    """

    prior: DiffusionPrior | None = None

    # Several objectives are supported.
    several: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not isinstance(self.prior, DiffusionPrior | None):
            raise SettingsError(f"prior = {shown(self.prior)}: expected a DiffusionPrior")

    def init(self, space: Space, seed: int) -> State:
        """The state before the first `ask`."""
        check_space(space, self.prior)
        return State(space, seed)

    def ask(self, state: State, n: int) -> State:
        """The state with n new pending trials, or all that are left."""
        return with_initial_trials(state, initial_designs(state, self.prior, n))
