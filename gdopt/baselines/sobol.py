"""A scrambled Sobol sequence: space-filling designs that do not depend on results."""

from dataclasses import dataclass
from typing import ClassVar

from gdopt.baselines.cube import cube_of, to_unit
from gdopt.candidates.initial import check_space, check_whitened, initial_designs, with_initial_trials
from gdopt.codecs.points import sobol_points
from gdopt.priors.diffusion import DiffusionPrior
from gdopt.space.space import Space
from gdopt.trials.state import State

__all__ = ["Sobol"]


@dataclass(frozen=True, kw_only=True)
class Sobol:
    """Sobol points of the box of the parameters, or of a cube around the corpus in the prior's coordinates.

    Example:
        >>> algorithm = Sobol()
        >>> state = algorithm.ask(algorithm.init(Space.from_bounds([(0, 1)] * 2), seed=0), 3)
        >>> len(state.trials)
        3
    """

    prior: DiffusionPrior | None = None

    # Several objectives are supported.
    several: ClassVar[bool] = True

    def init(self, space: Space, seed: int) -> State:
        """The state before the first `ask`."""
        check_space(space, self.prior)
        check_whitened(self.prior)
        return State(space, seed)

    def ask(self, state: State, n: int) -> State:
        """The state with n new pending trials, or all that are left."""
        if self.prior is None:
            designs = initial_designs(state, None, n)
        else:
            cube = cube_of(self.prior.codec, self.prior)
            unit = to_unit(sobol_points(cube.codec.dim, state.seed, len(state.trials), n))
            designs = cube.codec.decode(cube.z(unit))
        return with_initial_trials(state, designs)
