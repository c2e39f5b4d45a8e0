"""An experiment of Ax as a gdopt `State`: search space and trials.

All data are in the experiment. gdopt's data of a trial that it proposed are in the metadata of the trial's arm, which
Ax stores.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ax.core.data import Data
from ax.core.experiment import Experiment
from ax.core.objective import Objective
from ax.core.optimization_config import OptimizationConfig
from ax.core.parameter import ChoiceParameter, DerivedParameter, FixedParameter, ParameterType, RangeParameter
from ax.core.parameter import Parameter as AxParameter
from ax.core.parameter_constraint import ParameterConstraint
from ax.core.search_space import SearchSpace
from ax.core.trial import Trial as AxTrial
from ax.core.trial_status import TrialStatus
from ax.core.types import TParameterization, TParamValue

from gdopt.adapters.host import like_those
from gdopt.errors import ResultError, SettingsError, SpaceError
from gdopt.space.constraints import Constraint
from gdopt.space.parameters import Choice, Integer, Parameter, Params, Real, Value
from gdopt.space.space import Space
from gdopt.trials.state import State
from gdopt.trials.trial import Result, Status, Trial

__all__ = ["SharedSpace", "metadata", "state_of"]

# Key of gdopt's data in the metadata of an arm.
KEY = "gdopt"
# Relative tolerance for equal steps between the values of a choice.
EQUAL = 1e-9


@dataclass(frozen=True, slots=True)
class Coded:
    """A parameter of Ax and gdopt's parameter for it, with conversions of their values.

    A range of whole numbers on a logarithmic scale is a `Real` that is rounded; the range of each number extends half a
    unit to both sides. An ordered choice is an `Integer`, the index of its value.

    Args:
        theirs: Ax's parameter.
        ours: gdopt's parameter.
        categories: gdopt's values of a choice, in the order of Ax's values.
    """

    theirs: RangeParameter | ChoiceParameter
    ours: Parameter
    categories: Sequence[Value] = ()

    def encode(self, value: TParamValue) -> Value:
        """gdopt's value; Ax accepts values that are outside a range by a rounding error."""
        if isinstance(self.theirs, ChoiceParameter):
            return self.categories[self.theirs.values.index(value)]
        inside: float = min(max(self.theirs.cast(value), self.theirs.lower), self.theirs.upper)
        return inside

    def decode(self, value: Value) -> TParamValue:
        """Ax's value, with Ax's type."""
        if isinstance(self.theirs, ChoiceParameter):
            return self.theirs.values[self.categories.index(value)]
        if self.theirs.parameter_type is ParameterType.INT:
            value = min(max(round(float(value)), self.theirs.lower), self.theirs.upper)
        return self.theirs.cast(value)

    def scale(self) -> tuple[float, float]:
        """Origin and step of the conversion: Ax's value is origin + step * gdopt's value."""
        if isinstance(self.theirs, RangeParameter):
            return 0.0, 1.0
        numbers = [float(v) for v in self.theirs.values if v is not None]
        step = (numbers[-1] - numbers[0]) / (len(numbers) - 1)
        if any(abs(v - numbers[0] - i * step) > EQUAL * abs(step) for i, v in enumerate(numbers)):
            raise SpaceError(f"{self.theirs.name} = {numbers} in a constraint: expected values at equal steps")
        return numbers[0], step


@dataclass(frozen=True)
class SharedSpace:
    """A search space of Ax and gdopt's space for it, with conversions of their parameters.

    Fixed and derived parameters are not part of gdopt's space; they are added to its proposals.
    """

    theirs: SearchSpace
    coded: tuple[Coded, ...]
    space: Space

    @classmethod
    def of(cls, theirs: SearchSpace, like: Space | None = None) -> "SharedSpace":
        """The shared space of a search space.

        Args:
            theirs: ranges and choices, and linear constraints between them.
            like: a space that is used, with its order and units, if it has the same parameters and bounds.

        Raises:
            SpaceError: gdopt does not support a feature of the search space; the message names it.
        """
        coded = {p.name: _coded(p) for p in theirs.parameters.values() if not _follows(p)}
        constraints = [_constraint(c, coded) for c in theirs.parameter_constraints]
        ours = like_those([c.ours for c in coded.values()], like)
        coded = {p.name: replace(coded[p.name], ours=p) for p in ours}
        return cls(theirs, tuple(coded.values()), Space(ours, constraints))

    def encode(self, parameters: TParameterization) -> Params | None:
        """gdopt's parameters; None if they are outside the search space, as attached trials may be."""
        # Ax treats a parameter that was added later as present in trials without it.
        if not set(self.theirs.parameters) <= set(parameters) or not self.theirs.check_membership(parameters):
            return None
        params = {c.theirs.name: c.encode(parameters[c.theirs.name]) for c in self.coded}
        return params if self.space.allows(params) else None

    def fixed(self, parameters: TParameterization) -> Params:
        """gdopt's values of fixed parameters of all proposals.

        Raises:
            SpaceError: a parameter is unknown or derived, or its value is invalid.
        """
        coded = {c.theirs.name: c for c in self.coded}
        found = {}
        for name, value in parameters.items():
            theirs = self.theirs.parameters.get(name)
            if theirs is None or isinstance(theirs, DerivedParameter):
                said = "is derived from others" if theirs else f"is unknown; there are {list(self.theirs.parameters)}"
                raise SpaceError(f"fixed_parameters {dict(parameters)}: {name} {said}")
            if not theirs.validate(value):
                raise SpaceError(f"fixed_parameters {dict(parameters)}: {name} = {value!r} is not in {theirs}")
            if name in coded:
                found[name] = coded[name].ours.plain(coded[name].encode(value))
        return found

    def decode(self, params: Params) -> TParameterization:
        """Ax's parameters, all of them.

        Raises:
            SpaceError: the parameters are not in the space. Ax itself does not check proposals.
        """
        self.space.check(params)
        found = {c.theirs.name: c.decode(params[c.theirs.name]) for c in self.coded}
        rest = self.theirs.nontunable_parameters.values()
        found |= {p.name: p.value for p in rest if isinstance(p, FixedParameter)}
        found |= {p.name: p.compute(found) for p in rest if isinstance(p, DerivedParameter)}
        found = {name: found[name] for name in self.theirs.parameters}
        if not self.theirs.check_membership(found):
            raise SpaceError(f"{found} is not in the search space of the experiment")
        return found


def metadata(trial: Trial, note: Mapping[str, float]) -> dict[str, Any]:
    """The metadata of an arm for a proposal, which `state_of` reads."""
    return {KEY: {"round": trial.round, "source": trial.source, "predicted": trial.predicted, "note": dict(note)}}


def state_of(experiment: Experiment, data: Data, shared: SharedSpace, fresh: State) -> State:
    """The state of a study with the trials of an experiment, in order, and its rounds.

    Trials with a value are done, also while they run in Ax, unless the value is a point of an unfinished curve.
    Completed trials without a value are pending, as in Ax; trials with a value that is not finite are failed. Trials
    outside the search space are left out.

    Args:
        experiment: of trials with one arm each.
        data: of the experiment.
        shared: the experiment's search space.
        fresh: the algorithm's state before the first `ask`.

    Raises:
        SettingsError: gdopt does not support the experiment's objective, or a trial has several arms.
        ResultError: a standard error is negative.
    """
    measured = _measured(data, _objective(experiment.optimization_config))
    trials: list[Trial] = []
    notes: dict[int, Mapping[str, float]] = {}
    for index, one in sorted(experiment.trials.items()):
        if not isinstance(one, AxTrial) or one.arm is None:
            raise SettingsError(f"trial {index} is {one}: expected a Trial of one arm")
        if (params := shared.encode(one.arm.parameters)) is None:
            continue
        known = dict(_known(one))
        notes[known.get("round", -1)] = known.pop("note", {})
        trials.append(Trial(len(trials), params, *_outcome(one, measured.get(index)), **known))
    asked = range(max(notes, default=-1) + 1)
    return replace(fresh, trials=tuple(trials), notes=tuple(notes.get(k, {}) for k in asked))


@dataclass(frozen=True, slots=True)
class _Measured:
    """The objective of a trial, higher is better, with its standard error if known."""

    value: float
    sem: float | None
    on_curve: bool


def _coded(p: AxParameter) -> Coded:
    for holds, what in (
        (p.is_fidelity, "a fidelity"),
        (p.is_hierarchical, "hierarchical"),
        (p.is_disabled, "disabled"),
        (getattr(p, "is_task", False), "a task"),
        (getattr(p, "logit_scale", False), "on a logit scale"),
    ):
        if holds:
            raise SpaceError(f"parameter {p.name!r} is {what}: gdopt takes plain ranges and choices")
    if isinstance(p, RangeParameter):
        return Coded(p, _range(p))
    if not isinstance(p, ChoiceParameter):
        raise SpaceError(f"parameter {p.name!r} is a {type(p).__name__}: gdopt takes ranges and choices")
    if p.is_ordered:
        return Coded(p, Integer(p.name, 0, len(p.values) - 1), range(len(p.values)))
    names = [str(v) for v in p.values]
    return Coded(p, Choice(p.name, names), names)


def _range(p: RangeParameter) -> Real | Integer:
    if p.parameter_type is ParameterType.FLOAT:
        return Real(p.name, float(p.lower), float(p.upper), log_scale=p.log_scale)
    if p.log_scale:
        return Real(p.name, p.lower - 0.5, p.upper + 0.5, log_scale=True)
    return Integer(p.name, int(p.lower), int(p.upper))


def _follows(p: AxParameter) -> bool:
    """Whether a parameter is fixed, or derived from other parameters."""
    return isinstance(p, FixedParameter | DerivedParameter) and not p.is_hierarchical


def _constraint(theirs: ParameterConstraint, coded: Mapping[str, Coded]) -> Constraint:
    coefficients, bound = {}, float(theirs.bound)
    for name, weight in theirs.constraint_dict.items():
        origin, step = coded[name].scale()
        coefficients[name] = float(weight) * step
        bound -= float(weight) * origin
    return Constraint(coefficients, equal=bound) if theirs.is_equality else Constraint(coefficients, bound)


def _objective(config: OptimizationConfig | None) -> Objective:
    """The one objective."""
    if config is None:
        raise SettingsError("the experiment has no objective: call configure_optimization() first")
    if config.is_moo_problem or config.is_bope_problem:
        raise SettingsError(f"objective {config.objective.expression!r}: gdopt takes one objective, not several")
    if config.outcome_constraints:
        raise SettingsError(f"outcome constraints {config.outcome_constraints}: gdopt takes none")
    return config.objective


def _measured(data: Data, objective: Objective) -> dict[int, _Measured]:
    """The objective's value of each trial with all metrics; Ax maximizes the expression."""
    weights = dict(objective.metric_weights)
    rows: dict[int, dict[str, Any]] = defaultdict(dict)
    for row in data.df.itertuples():
        if row.metric_signature in weights:
            rows[row.trial_index][row.metric_signature] = row
    return {
        index: _Measured(
            sum(weight * found[name].mean for name, weight in weights.items()),
            _sem([weight * found[name].sem for name, weight in weights.items()]),
            any(math.isfinite(getattr(row, "step", math.nan)) for row in found.values()),
        )
        for index, found in rows.items()
        if len(found) == len(weights)
    }


def _sem(errors: Sequence[float]) -> float | None:
    """The standard error of a sum of independent terms; None if one is unknown, which is NaN in Ax."""
    return None if any(math.isnan(e) for e in errors) else math.hypot(*errors)


def _outcome(trial: AxTrial, measured: _Measured | None) -> tuple[Status, Result | None]:
    if trial.status is TrialStatus.FAILED:
        return Status.FAILED, None
    if trial.status in (TrialStatus.ABANDONED, TrialStatus.STALE):
        return Status.ABANDONED, None
    if measured is None or (measured.on_curve and not trial.status.is_terminal):
        return Status.PENDING, None
    if not math.isfinite(measured.value):
        return Status.FAILED, None
    try:
        return Status.DONE, Result(measured.value, measured.sem)
    except ResultError as error:
        raise ResultError(f"trial {trial.index}: {error}") from error


def _known(trial: AxTrial) -> Mapping[str, Any]:
    """gdopt's data of a trial that it proposed; empty for other trials."""
    run, arm = trial.generator_run, trial.arm
    if run is None or arm is None:
        return {}
    about = (run.candidate_metadata_by_arm_signature or {}).get(arm.signature) or {}
    known: Mapping[str, Any] = about.get(KEY, {})
    return known
