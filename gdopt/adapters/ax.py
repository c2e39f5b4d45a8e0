"""gdopt's proposals for users of Ax's `Client`: a generation node, and the generation strategy of it alone.

The node remembers nothing. Each call of `get_next_trials` reads the state of a study from the experiment, and its
random stream is derived from the seed and the number of asks that the experiment shows. So Ax can save and load it at
any time by its settings alone; importing this module tells Ax's storage how.
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

# Ax asks for one trial after another, and never says how many: so many are proposed at once and kept for it. As many
# as gdopt selects one by one, so that the first of them is what a batch of one would be.
BATCH = 8
# In messages.
HOST = "Ax"
# Times that a batch is drawn anew when all of one is in the experiment already.
ASKS = 5


def strategy(
    algorithm: Algorithm | None = None,
    *,
    prior: str | Path | None = None,
    seed: int = 0,
    batch: int = BATCH,
    should_deduplicate: bool = True,
) -> GenerationStrategy:
    """A generation strategy of gdopt alone, for `Client.set_generation_strategy`; arguments as of `GdoptNode`."""
    node = GdoptNode(algorithm, prior=prior, seed=seed, batch=batch, should_deduplicate=should_deduplicate)
    return GenerationStrategy(nodes=[node], name=node.name)


class GdoptNode(ExternalGenerationNode):
    """A generation node whose candidates a gdopt algorithm proposes, from all trials of the experiment.

    Ranges, ordered and unordered choices and linear constraints are taken; fixed and derived parameters are added.
    `get_next_trials(fixed_parameters=)` is kept to.
    The objective is one expression, of one metric or several, and may have standard errors. What the search space or
    the objective has beyond that raises an error that names it, before anything is proposed.

    Args:
        algorithm: how candidates are found; `GuidedDiffusion()` by default.
        prior: the file of a `DiffusionPrior` for it, as `DiffusionPrior.save` wrote it. The experiment then has the
            prior's parameters: ranges of floats of the same names and bounds.
        seed: of every random draw; neither the seed of the `Client` nor the global generators are used.
        batch: candidates that are drawn in one ask. Give the number that you pass to `get_next_trials`, if it is
            larger: then it takes one ask.
        name: of the node, by which trials and transition criteria know it.
        should_deduplicate: whether what is in the experiment already, failed or not, is never proposed again; once
            nothing new is left, that raises `SpaceError`. Ax's silent change to Sobol is off in either case.
        transition_criteria: for a strategy of several nodes.
        suggested_experiment_status: as of any node.

    Raises:
        SettingsError: a setting is out of its range, or the algorithm has a prior already, takes none, or fine-tunes.
        StoreError: the file of the prior cannot be read.
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
        # Ax falls back on Sobol for a duplicate, with nothing but a line in its log.
        self.fallback_specs = {}
        self.settings: Algorithm = GuidedDiffusion() if algorithm is None else algorithm
        self.prior = None if prior is None else str(prior)
        self.algorithm = self.settings if prior is None else _with_prior(self.settings, DiffusionPrior.load(prior))
        check_keeps_nothing(self.algorithm, HOST)
        self.seed, self.batch = seed, batch
        self._call: _Call | None = None
        self.fit_time_since_gen = time.monotonic() - began

    def update_generator_state(self, experiment: Experiment, data: Data) -> None:
        """Read what the experiment knows; Ax calls this once for each `get_next_trials`."""
        shared = SharedSpace.of(experiment.search_space, like=prior_space(self.algorithm))
        state = state_of(experiment, data, shared, self.algorithm.init(shared.space, self.seed))
        self._call = _Call(shared, state, set(experiment.arms_by_signature))

    def get_next_candidate(self, pending_parameters: list[TParameterization]) -> TParameterization:
        """The parameters of the next candidate.

        Raises:
            SpaceError: no candidate is new, or the algorithm proposed what is not in the search space.
        """
        # What is pending is known from the experiment: here Ax counts abandoned trials among it.
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

    # Ax's own override has another order of arguments than the method that it overrides, too.
    def _gen(  # type: ignore[override]
        self,
        experiment: Experiment,
        data: Data | None = None,
        n: int | None = None,
        pending_observations: dict[str, list[ObservationFeatures]] | None = None,
        **generator_gen_kwargs: Any,
    ) -> GeneratorRun:
        """Ax's own, but fixed parameters are kept to, and arms say what gdopt has to know of them later."""
        assert self._call is not None
        features = generator_gen_kwargs.get("fixed_features")
        fixed = self._call.shared.fixed({} if features is None else features.parameters)
        self._call.state = replace(self._call.state, fixed=fixed)
        run = super()._gen(experiment, data, n, pending_observations, **generator_gen_kwargs)
        return GeneratorRun(
            arms=run.arms,
            # After the first it is the integer 0, for which Ax's SQL storage loses the arms of all but the first trial.
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
    """What one call of `get_next_trials` works with: the candidates not yet given out, the arms that there are."""

    shared: SharedSpace
    state: State
    taken: set[str]
    queue: list[Trial] = field(default_factory=list)
    about: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class _NotStored:
    """Stands for an algorithm that storage had no room for: all it does is to say so."""

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
    """What Ax's storage keeps of a node. It never raises: Ax has emptied the old file before it encodes anything."""
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
    """The node that was encoded."""
    if "not_stored" in algorithm:
        return GdoptNode(_NotStored(algorithm["not_stored"]), **settings)
    return GdoptNode(deserialize(algorithm), **settings)


CORE_ENCODER_REGISTRY[GdoptNode] = _encoded
CORE_DECODER_REGISTRY[GdoptNode.__name__] = _decoded
