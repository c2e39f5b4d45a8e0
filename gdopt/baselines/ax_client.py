"""Ax's default generation strategy, by its client."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from gdopt.baselines.cube import Cube, cube_of
from gdopt.baselines.learner import Learner, Proposal
from gdopt.candidates.initial import new_rows
from gdopt.codecs.base import Codec
from gdopt.randomness import isolated, seed_from
from gdopt.space import strings
from gdopt.space.parameters import Choice, Integer, Params, Real
from gdopt.space.space import Space
from gdopt.trials.objectives import OptimizationConfig
from gdopt.trials.state import State
from gdopt.trials.trial import Status, Trial

__all__ = ["AxDefault"]

# Prefixes of the names of objectives and constrained outcomes; their number follows.
METRIC, LIMITED = "value", "limited"


@dataclass(frozen=True, kw_only=True)
class AxDefault(Learner):
    """Proposals of `ax.api.client.Client` with its default generation strategy.

    Each `ask` makes a client and attaches all trials to it, pending ones as running. Ax gets the parameters themselves,
    or with a prior the whitened coordinates as range parameters. Outcome constraints and the reference points of
    several objectives are outcome constraints of Ax. Trials with some of the outcomes are attached with these.

    Args:
        max_batch: number of designs of a batch that Ax proposes; initial designs fill a larger batch.
    """

    max_batch: int = 64

    source: ClassVar[str] = "ax"
    several: ClassVar[bool] = True
    limited: ClassVar[bool] = True
    package: ClassVar[tuple[str, str] | None] = ("ax", "ax")
    conditional: ClassVar[bool] = False

    def propose(self, state: State, codec: Codec, n: int, generator: torch.Generator) -> Proposal:
        """The next trials of a client with all trials of the state."""
        whitened = self.prior is not None and codec is self.prior.codec
        view = _Whitened(cube_of(codec, self.prior)) if whitened else _Plain(state.space)
        seed = seed_from(generator)
        with isolated(seed), _quiet():
            client = _client(seed, view, state.config)
            for trial in state.trials:
                index = client.attach_trial(view.to_ax(trial.params))
                if trial.value is not None:
                    client.complete_trial(index, _measured(state.config, trial))
                elif trial.status is Status.FAILED:
                    client.mark_trial_failed(index)
                elif trial.status is Status.ABANDONED:
                    client.mark_trial_abandoned(index)
            found = client.get_next_trials(min(n, self.max_batch)).values()
        designs = [view.from_ax(one) for one in found]
        return Proposal([designs[row] for row in new_rows(designs, state)])


@dataclass(frozen=True, slots=True)
class _Plain:
    """Parameters for Ax: names are identifiers, and a sequence is a choice for each position."""

    space: Space

    def configs(self) -> list[Any]:
        from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

        made: list[Any] = []
        for i, p in enumerate(self.space.parameters):
            if isinstance(p, Choice):
                made.append(ChoiceParameterConfig(f"p{i}", list(p.categories), "str", is_ordered=False))
            elif isinstance(p, strings.Sequence):
                letters = list(p.alphabet)
                made += [
                    ChoiceParameterConfig(f"p{i}_{at}", letters, "str", is_ordered=False) for at in range(p.longest)
                ]
            elif isinstance(p, Integer):
                made.append(RangeParameterConfig(f"p{i}", (p.low, p.high), "int"))
            elif isinstance(p, Real):
                made.append(
                    RangeParameterConfig(f"p{i}", (p.low, p.high), "float", scaling="log" if p.log_scale else "linear")
                )
        return made

    def constraints(self) -> list[str]:
        """The constraints that Ax supports: none on logarithmic scales. Violations of others are left out later."""
        logs = {p.name for p in self.space.parameters if isinstance(p, Real) and p.log_scale}
        number = {name: i for i, name in enumerate(self.space.names)}
        return [
            " + ".join(f"{value} * p{number[name]}" for name, value in c.coefficients)
            + f" {'==' if c.equality else '<='} {c.bound}"
            for c in self.space.constraints
            if not logs & {name for name, _ in c.coefficients}
        ]

    def to_ax(self, params: Params) -> dict[str, Any]:
        given: dict[str, Any] = {}
        for i, p in enumerate(self.space.parameters):
            if isinstance(p, strings.Sequence):
                given |= {f"p{i}_{at}": letter for at, letter in enumerate(str(params[p.name]))}
            else:
                given[f"p{i}"] = params[p.name]
        return given

    def from_ax(self, given: dict[str, Any]) -> Params:
        return {
            p.name: "".join(given[f"p{i}_{at}"] for at in range(p.longest))
            if isinstance(p, strings.Sequence)
            else p.plain(given[f"p{i}"])
            for i, p in enumerate(self.space.parameters)
        }


@dataclass(frozen=True, slots=True)
class _Whitened:
    """The unit cube around the corpus, in the prior's coordinates."""

    cube: Cube

    def configs(self) -> list[Any]:
        from ax.api.configs import RangeParameterConfig

        return [RangeParameterConfig(f"p{i}", (0.0, 1.0), "float") for i in range(self.cube.codec.dim)]

    def constraints(self) -> list[str]:
        return []

    def to_ax(self, params: Params) -> dict[str, Any]:
        unit = self.cube.encode([params])[0].clamp(0, 1).tolist()
        return {f"p{i}": value for i, value in enumerate(unit)}

    def from_ax(self, given: dict[str, Any]) -> Params:
        unit = torch.tensor([[given[f"p{i}"] for i in range(self.cube.codec.dim)]], dtype=torch.float64)
        return self.cube.codec.decode(self.cube.z(unit))[0]


def _client(seed: int, view: _Plain | _Whitened, goals: OptimizationConfig) -> Any:
    """An Ax client that maximizes. Its strategy is the default without initialization: there are initial designs."""
    from ax.api.client import Client

    client = Client(random_seed=seed)
    client.configure_experiment(
        name="gdopt", parameters=view.configs(), parameter_constraints=view.constraints() or None
    )
    client.configure_optimization(", ".join(_metrics(goals)), _constraints(goals) or None)
    client.configure_generation_strategy(initialization_budget=0, initialize_with_center=False)
    return client


def _metrics(goals: OptimizationConfig) -> list[str]:
    """The names of the objectives in Ax, which need to be identifiers."""
    return [METRIC, *(f"{METRIC}{i}" for i in range(1, len(goals.objectives)))]


def _constraints(goals: OptimizationConfig) -> list[str]:
    """The reference points of several objectives, then the outcome constraints."""
    references = [
        f"{metric} >= {one.sign * one.reference_point}"
        for metric, one in zip(_metrics(goals), goals.objectives, strict=True)
        if goals.several and one.reference_point is not None
    ]
    return references + [f"{LIMITED}{i} {one.sense} {one.bound}" for i, one in enumerate(goals.outcome_constraints)]


def _measured(goals: OptimizationConfig, trial: Trial) -> dict[str, float]:
    """The measured outcomes of a trial; objectives are higher the better."""
    outcomes = trial.outcomes
    found = {METRIC: trial.value} if trial.value is not None else {}
    for metric, one in zip(_metrics(goals)[1:], goals.objectives[1:], strict=True):
        if one.name in outcomes:
            found[metric] = one.sign * outcomes[one.name][0]
    limited = {f"{LIMITED}{i}": outcomes.get(one.outcome) for i, one in enumerate(goals.outcome_constraints)}
    return found | {metric: one[0] for metric, one in limited.items() if one is not None}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Ax's log, which writes every trial to the terminal."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(before)
