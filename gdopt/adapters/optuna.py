"""gdopt as a sampler of Optuna, for `create_study`.

The sampler is stateless. For each trial it reads the state of a gdopt study from Optuna's study, and derives its random
stream from the seed and the trial's number. A study that is loaded from its storage therefore continues with the same
proposals.
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
    """A sampler of Optuna whose trials a gdopt algorithm proposes, all parameters jointly.

    Known derivatives are reported with the value: `trial.set_user_attr("gdopt:gradient", {"x": 0.3})` has the
    derivatives of the objective's value by parameter, in the parameters' units. An invalid gradient raises
    `ResultError` when the trial ends.

    Each trial has its own random stream, so `reseed_rng`, which Optuna calls in its threads, does nothing. Several
    threads may use one sampler. Processes that share a study need different seeds.

    Args:
        algorithm: that proposes trials; `GuidedDiffusion()` by default.
        search_space: the jointly proposed parameters by name. By default the parameters of the algorithm's prior, or
            without a prior the intersection of all complete trials; parameters of the first trial, and all further
            ones of the objective, are then random.
        seed: of all random draws; the global generators are not used.

    Raises:
        SettingsError: the seed is no whole number from 0 on, or the algorithm fine-tunes.

    Example:
        >>> import optuna
        >>> import gdopt
        >>> optuna.logging.set_verbosity(optuna.logging.ERROR)
        >>> study = optuna.create_study(sampler=GdoptSampler(gdopt.RandomSearch()))
        >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) ** 2, n_trials=3)
        >>> len(study.trials)
        3
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
        """The jointly proposed parameters."""
        if self.search_space is not None:
            return varied(self.search_space)
        return varied(intersection_search_space(study.get_trials(deepcopy=False)))

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Parameters for the trial, proposed from all trials of the study.

        Once all designs of a search space without real numbers were tried, the best is measured again, with a warning:
        parameters outside the search space may still vary.

        Raises:
            ExhaustedError: all designs were tried, and no trial has a value.
            SettingsError: the study has several objectives or constraints, or the algorithm keeps tensors.
            SpaceError: the algorithm does not support the search space.
        """
        check_objective(study)
        if not search_space:
            return {}
        # One thread at a time, so that each one reads the proposals of the threads before.
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
        """A random value of one parameter, from its own random stream.

        Raises:
            SettingsError: the study has several objectives.
        """
        check_objective(study)
        words = np.random.SeedSequence([self.seed, trial.number, *param_name.encode()]).generate_state(1)
        random = RandomSampler(seed=int(words[0]))
        return random.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Check the gradient of a trial at its end; Optuna keeps the value also after an error here.

        Raises:
            ResultError: the gradient is not finite numbers by numeric parameters of the trial.
        """
        told_gradient(trial)

    def __getstate__(self) -> dict[str, Any]:
        """The attributes without the lock, which cannot be pickled."""
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the attributes, with a new lock."""
        vars(self).update(state, _lock=Lock())


def _distributions(space: Space) -> dict[str, BaseDistribution]:
    """Distributions of a prior's parameters, which are linear numbers."""
    return {p.name: FloatDistribution(p.low, p.high) for p in space.parameters if isinstance(p, Real)}
