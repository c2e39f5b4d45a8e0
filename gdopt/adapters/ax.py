"""gdopt in Ax's `Client`: a generation node, and a generation strategy with this node only.

The node is stateless. Each call of `get_next_trials` reads the state of a study from the experiment, and derives its
random stream from the seed and the number of asks in the experiment. Ax can therefore save and load the node at any
time by its settings alone; importing this module registers it in Ax's storage.
"""

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from gdopt.errors import ExhaustedError, MissingExtraError, SettingsError, SpaceError

try:
    from ax.core.arm import Arm
    from ax.core.data import Data
    from ax.core.experiment import Experiment
    from ax.core.experiment_status import ExperimentStatus
    from ax.core.generator_run import GeneratorRun
    from ax.core.observation import ObservationFeatures
    from ax.core.types import TParameterization
    from ax.generation_strategy.external_generation_node import ExternalGenerationNode
    from ax.generation_strategy.generation_strategy import GenerationStrategy
    from ax.generation_strategy.transition_criterion import TransitionCriterion
    from ax.storage.json_store.registry import CORE_DECODER_REGISTRY, CORE_ENCODER_REGISTRY
except ImportError as error:
    raise MissingExtraError("the adapter for Ax needs Ax: pip install 'gdopt[ax]'") from error

from gdopt.adapters.ax_experiment import SharedSpace, metadata, state_of
from gdopt.adapters.host import asked, check_keeps_nothing, prior_space
from gdopt.algorithms.base import Algorithm
from gdopt.algorithms.guided import GuidedDiffusion
from gdopt.algorithms.serialization import deserialize, serialize
from gdopt.arguments import checked_seed
from gdopt.priors.diffusion import DiffusionPrior
from gdopt.space.space import Space
from gdopt.trials.state import State
from gdopt.trials.trial import Trial

__all__ = ["GdoptNode", "strategy"]

# Ax requests one trial at a time without their total number: this many are proposed at once and queued. gdopt selects
# batches of this size sequentially, so the first one is the same as in a batch of one.
BATCH = 8
# In messages.
HOST = "Ax"
# Attempts to propose a batch, where all designs of the batch before are in the experiment already.
ASKS = 5


def strategy(
    algorithm: Algorithm | None = None,
    *,
    prior: str | Path | None = None,
    seed: int = 0,
    batch: int = BATCH,
    should_deduplicate: bool = True,
) -> GenerationStrategy:
    """A generation strategy with gdopt only, for `Client.set_generation_strategy`; arguments as of `GdoptNode`.

    Example:
        >>> strategy(seed=1).name
        'gdopt'
    """
    node = GdoptNode(algorithm, prior=prior, seed=seed, batch=batch, should_deduplicate=should_deduplicate)
    return GenerationStrategy(nodes=[node], name=node.name)


class GdoptNode(ExternalGenerationNode):
    """A generation node whose candidates a gdopt algorithm proposes, from all trials of the experiment.

    Supported are ranges, ordered and unordered choices, linear constraints and `get_next_trials(fixed_parameters=)`;
    fixed and derived parameters are added. The objective is one expression, of one metric or several, with or without
    standard errors. Other features of the search space or the objective raise an error with their name, before the
    first proposal.

    Args:
        algorithm: that proposes candidates; `GuidedDiffusion()` by default.
        prior: a file of `DiffusionPrior.save`, for the algorithm. The experiment then needs the prior's parameters:
            ranges of floats with the same names and bounds.
        seed: of all random draws; neither the seed of the `Client` nor the global generators are used.
        batch: number of candidates of one `ask`. If `get_next_trials` requests more, set this number: the request then
            takes one `ask`.
        name: of the node, for trials and transition criteria.
        should_deduplicate: whether designs in the experiment, failed ones included, are never proposed again; when no
            new design is left, this raises `SpaceError`. Ax's silent change to Sobol is off in either case.
        transition_criteria: for a strategy of several nodes.
        suggested_experiment_status: as of any node of Ax.

    Raises:
        SettingsError: a setting is out of its range, or the algorithm has a prior already, accepts none, or
            fine-tunes.
        StoreError: the file of the prior is unreadable.
    """

    def __init__(
        self,
        algorithm: Algorithm | None = None,
        *,
        prior: str | Path | None = None,
        seed: int = 0,
        batch: int = BATCH,
        name: str = "gdopt",
        should_deduplicate: bool = True,
        transition_criteria: Sequence[TransitionCriterion] | None = None,
        suggested_experiment_status: ExperimentStatus | None = None,
    ) -> None:
        began = time.monotonic()
        seed = checked_seed(seed)
        if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
            raise SettingsError(f"batch = {batch!r}: expected a whole number above 0")
        super().__init__(name, suggested_experiment_status, should_deduplicate, transition_criteria)
        # For a duplicate, Ax falls back on Sobol with only a line in its log.
        self.fallback_specs = {}
        self.settings: Algorithm = GuidedDiffusion() if algorithm is None else algorithm
        self.prior = None if prior is None else str(prior)
        self.algorithm = self.settings if prior is None else _with_prior(self.settings, DiffusionPrior.load(prior))
        check_keeps_nothing(self.algorithm, HOST)
        self.seed, self.batch = seed, batch
        self._call: _Call | None = None
        self.fit_time_since_gen = time.monotonic() - began

    def update_generator_state(self, experiment: Experiment, data: Data) -> None:
        """Read the trials of the experiment; Ax calls this once for each `get_next_trials`."""
        shared = SharedSpace.of(experiment.search_space, like=prior_space(self.algorithm))
        state = state_of(experiment, data, shared, self.algorithm.init(shared.space, self.seed))
        self._call = _Call(shared, state, set(experiment.arms_by_signature))

    def get_next_candidate(self, pending_parameters: list[TParameterization]) -> TParameterization:
        """The parameters of the next candidate.

        Raises:
            SpaceError: no candidate is new, or a proposal of the algorithm is outside the search space.
        """
        # Pending trials are read from the experiment: Ax's argument includes abandoned trials.
        del pending_parameters
        call = self._call
        assert call is not None
        for _ in range(ASKS):
            if not call.queue:
                try:
                    self._ask(call)
                except ExhaustedError:
                    break
            while call.queue:
                trial = call.queue.pop(0)
                arm = Arm(parameters=call.shared.decode(trial.params))
                if not (self.should_deduplicate and arm.signature in call.taken):
                    call.taken.add(arm.signature)
                    call.about[arm.signature] = metadata(trial, call.state.notes[trial.round])
                    return dict(arm.parameters)
        raise SpaceError(
            "all candidates are in the experiment already, and nothing new was found; "
            "should_deduplicate=False measures the best again"
        )

    # Ax's own override also has another order of arguments than the overridden method.
    def _gen(  # type: ignore[override]
        self,
        experiment: Experiment,
        data: Data | None = None,
        n: int | None = None,
        pending_observations: dict[str, list[ObservationFeatures]] | None = None,
        **generator_gen_kwargs: Any,
    ) -> GeneratorRun:
        """Ax's method, with fixed parameters, and with gdopt's data in the metadata of the arms."""
        assert self._call is not None
        features = generator_gen_kwargs.get("fixed_features")
        fixed = self._call.shared.fixed({} if features is None else features.parameters)
        self._call.state = replace(self._call.state, fixed=fixed)
        run = super()._gen(experiment, data, n, pending_observations, **generator_gen_kwargs)
        return GeneratorRun(
            arms=run.arms,
            # After the first trial it is the integer 0, with which Ax's SQL storage loses the arms of all later trials.
            fit_time=float(run.fit_time or 0),
            gen_time=run.gen_time,
            generator_key=self.name,
            candidate_metadata_by_arm_signature={a.signature: self._call.about[a.signature] for a in run.arms},
        )

    def _ask(self, call: "_Call") -> None:
        state = asked(self.algorithm, call.state, self.batch, HOST, repeat=not self.should_deduplicate)
        call.queue += state.trials[len(call.state.trials) :]
        call.state = state


@dataclass
class _Call:
    """The data of one call of `get_next_trials`: queued candidates, and signatures and metadata of arms."""

    shared: SharedSpace
    state: State
    taken: set[str]
    queue: list[Trial] = field(default_factory=list)
    about: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class _NotStored:
    """Placeholder of an algorithm that Ax's storage could not keep: each use raises an error."""

    reason: str

    def init(self, space: Space, seed: int) -> State:
        """Raise `SettingsError`."""
        raise SettingsError(
            f"Ax's storage had no room for the algorithm ({self.reason}): give it again by set_generation_strategy(), "
            "and the experiment goes on where it was"
        )

    def ask(self, state: State, n: int) -> State:
        """Raise `SettingsError`."""
        return self.init(state.space, state.seed)


def _with_prior(algorithm: Algorithm, prior: DiffusionPrior) -> Algorithm:
    name = type(algorithm).__name__
    if not is_dataclass(algorithm) or "prior" not in {f.name for f in fields(algorithm)}:
        raise SettingsError(f"{name} takes no prior")
    if getattr(algorithm, "prior", None) is not None:
        raise SettingsError(f"two priors were given, one to {name} and one by its file")
    return replace(algorithm, prior=prior)


def _encoded(node: GdoptNode) -> dict[str, Any]:
    """The stored data of a node. Encoding never raises, as Ax empties the old file before."""
    stored: dict[str, Any]
    if isinstance(node.settings, _NotStored):
        stored = {"not_stored": node.settings.reason}
    else:
        try:
            stored = serialize(node.settings)
        except SettingsError as error:
            warnings.warn(f"Ax's storage has no room for the algorithm: {error}", stacklevel=2)
            stored = {"not_stored": str(error)}
    return {
        "__type": GdoptNode.__name__,
        "algorithm": stored,
        "prior": node.prior,
        "seed": node.seed,
        "batch": node.batch,
        "name": node.name,
        "should_deduplicate": node.should_deduplicate,
        "transition_criteria": node.transition_criteria,
        "suggested_experiment_status": node.suggested_experiment_status,
    }


def _decoded(algorithm: dict[str, Any], **settings: Any) -> GdoptNode:
    """The node of stored data."""
    if "not_stored" in algorithm:
        return GdoptNode(_NotStored(algorithm["not_stored"]), **settings)
    return GdoptNode(deserialize(algorithm), **settings)


CORE_ENCODER_REGISTRY[GdoptNode] = _encoded
CORE_DECODER_REGISTRY[GdoptNode.__name__] = _decoded
