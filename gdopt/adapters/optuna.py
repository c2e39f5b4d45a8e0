"""gdopt's proposals for users of Optuna: a sampler for `create_study`.

The sampler remembers nothing. For each trial it reads the state of a gdopt study from Optuna's, and its random stream
is derived from the seed and the trial's number: a study that is loaded from its storage goes on as if it had not been
stopped.
"""

import warnings
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

import numpy as np

from gdopt.errors import ExhaustedError, MissingExtraError

try:
    from optuna import Study
    from optuna.distributions import BaseDistribution, FloatDistribution
    from optuna.samplers import BaseSampler, RandomSampler
    from optuna.search_space import intersection_search_space
    from optuna.trial import FrozenTrial, TrialState
except ImportError as error:
    raise MissingExtraError("the adapter for Optuna needs Optuna: pip install 'gdopt[optuna]'") from error

from gdopt.adapters.host import asked, check_keeps_nothing, prior_space
from gdopt.adapters.optuna_study import SharedSpace, check_objective, keep, state_of, told_gradient, varied
from gdopt.algorithms.base import Algorithm
from gdopt.algorithms.guided import GuidedDiffusion
from gdopt.arguments import checked_seed
from gdopt.space.parameters import Real
from gdopt.space.space import Space

__all__ = ["GdoptSampler"]

# In messages.
HOST = "Optuna"


class GdoptSampler(BaseSampler):
    """A sampler of Optuna whose trials a gdopt algorithm proposes, all parameters together.

    A derivative that you have goes with the value: `trial.set_user_attr("gdopt:gradient", {"x": 0.3})`, by parameter,
    of the value that the objective returns and in the parameters' units. What is no gradient of the trial raises
    `ResultError` when the trial is told.

    No two trials share a random stream, so `reseed_rng`, which Optuna calls in its threads, has nothing to do. One
    sampler may be used by several threads. Give processes that share a study a seed each.

    Args:
        algorithm: how trials are found; `GuidedDiffusion()` by default.
        search_space: the parameters that are proposed together, by name. By default those of the algorithm's prior, or
            those that all complete trials have in common, by which the first trial and whatever else the objective
            asks for is random.
        seed: of every random draw; the global generators are not used.

    Raises:
        SettingsError: the seed is no whole number from 0 on, or the algorithm fine-tunes.
    """

    def __init__(
        self,
        algorithm: Algorithm | None = None,
        *,
        search_space: Mapping[str, BaseDistribution] | None = None,
        seed: int = 0,
    ) -> None:
        seed = checked_seed(seed)
        self.algorithm: Algorithm = GuidedDiffusion() if algorithm is None else algorithm
        check_keeps_nothing(self.algorithm, HOST)
        prior = prior_space(self.algorithm)
        self.search_space = _distributions(prior) if search_space is None and prior is not None else search_space
        self.seed = seed
        self._lock = Lock()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The parameters that are proposed together."""
        if self.search_space is not None:
            return varied(self.search_space)
        return varied(intersection_search_space(study.get_trials(deepcopy=False)))

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Parameters for the trial, proposed from all trials of the study.

        Once all of a search space without real numbers was tried, the best is measured again, with a warning:
        parameters that the sampler does not see may still vary.

        Raises:
            ExhaustedError: everything was tried, and nothing has a value.
            SettingsError: the study has several objectives or constraints, or the algorithm keeps more than trials.
            SpaceError: the algorithm cannot work in the search space.
        """
        check_objective(study)
        if not search_space:
            return {}
        # One thread after the other, so that each knows what the one before was given.
        with self._lock:
            shared = SharedSpace.of(search_space, like=prior_space(self.algorithm))
            state = state_of(study, trial, shared, self.algorithm.init(shared.space, self.seed))
            try:
                state = asked(self.algorithm, state, 1, HOST)
            except ExhaustedError:
                warnings.warn("all designs of the search space were tried: the best is measured again", stacklevel=2)
                state = asked(self.algorithm, state, 1, HOST, repeat=True)
            params = shared.decode(state.trials[-1].params)
            keep(study, trial, params, state.trials[-1], state.notes[-1])
        return params

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """A random value of one parameter, from a stream of its own.

        Raises:
            SettingsError: the study has several objectives.
        """
        check_objective(study)
        words = np.random.SeedSequence([self.seed, trial.number, *param_name.encode()]).generate_state(1)
        random = RandomSampler(seed=int(words[0]))
        return random.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Check the gradient of a trial that is told; Optuna keeps the value whatever this raises.

        Raises:
            ResultError: it is not finite numbers by numeric parameters of the trial.
        """
        told_gradient(trial)

    def __getstate__(self) -> dict[str, Any]:
        """All but the lock, which cannot be pickled."""
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """The same with a lock of its own."""
        vars(self).update(state, _lock=Lock())


def _distributions(space: Space) -> dict[str, BaseDistribution]:
    """A prior's parameters, which are numbers on a linear scale."""
    return {p.name: FloatDistribution(p.low, p.high) for p in space.parameters if isinstance(p, Real)}
