"""A study of Optuna as a gdopt `State`: distributions and trials.

All data are in the study. gdopt's data of a trial that it proposed are in the trial's system attributes, which every
storage of Optuna keeps.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from gdopt.adapters.host import like_those
from gdopt.errors import ResultError, SettingsError, SpaceError
from gdopt.space.parameters import Choice, Integer, Parameter, Params, Real, Value
from gdopt.space.space import Space, check_gradient
from gdopt.trials.state import State
from gdopt.trials.trial import Result, Status, Trial

__all__ = ["GRADIENT", "SharedSpace", "check_objective", "keep", "state_of", "told_gradient", "varied"]

# The user attribute with the derivatives of a trial's value, by parameter.
GRADIENT = "gdopt:gradient"
# The system attribute with gdopt's data of a trial that it proposed.
PROPOSAL = "gdopt:proposal"


@dataclass(frozen=True, slots=True)
class Coded:
    """A distribution of Optuna and gdopt's parameter for it, with conversions of their values.

    A distribution with a step is an `Integer`, the number of steps. Whole numbers on a logarithmic scale are a `Real`
    that is rounded; the range of each extends half a unit to both sides. Categories are named by their index, as they
    may have any type.
    """

    theirs: BaseDistribution
    ours: Parameter

    def encode(self, value: Any) -> Value:
        """gdopt's value.

        Raises:
            ValueError: the value is not among the categories.
        """
        if isinstance(self.theirs, CategoricalDistribution):
            return str(int(self.theirs.to_internal_repr(value)))
        low, step = self.scale()
        number: float = value
        return round((number - low) / step) if isinstance(self.ours, Integer) else number

    def decode(self, value: Value) -> Any:
        """Optuna's value."""
        if isinstance(self.theirs, CategoricalDistribution):
            return self.theirs.choices[int(value)]
        assert isinstance(self.theirs, FloatDistribution | IntDistribution)
        low, step = self.scale()
        inside = min(max(low + float(value) * step, self.theirs.low), self.theirs.high)
        return round(inside) if isinstance(self.theirs, IntDistribution) else inside

    def scale(self) -> tuple[float, float]:
        """Origin and step of the conversion: Optuna's number is origin + step * gdopt's number."""
        if isinstance(self.theirs, FloatDistribution | IntDistribution) and isinstance(self.ours, Integer):
            return self.theirs.low, self.theirs.step or 1
        return 0, 1


@dataclass(frozen=True, slots=True)
class SharedSpace:
    """A search space of Optuna and gdopt's space for it, with conversions of their parameters."""

    coded: Mapping[str, Coded]
    space: Space

    @classmethod
    def of(cls, theirs: Mapping[str, BaseDistribution], like: Space | None = None) -> "SharedSpace":
        """The shared space of a search space.

        Args:
            theirs: one or more distributions, each with more than one value.
            like: a space that is used, with its order and units, if it has the same parameters and bounds.

        Raises:
            SpaceError: gdopt does not support a distribution.
        """
        ours = like_those([_parameter(name, d) for name, d in theirs.items()], like)
        return cls({p.name: Coded(theirs[p.name], p) for p in ours}, Space(ours))

    def encode(self, params: Mapping[str, Any]) -> Params | None:
        """gdopt's parameters; None if one is missing or outside the search space, which may change between trials."""
        if not set(self.coded) <= set(params):
            return None
        try:
            found = {name: coded.encode(params[name]) for name, coded in self.coded.items()}
        except ValueError:
            return None
        return found if self.space.allows(found) else None

    def decode(self, params: Params) -> dict[str, Any]:
        """Optuna's parameters.

        Raises:
            SpaceError: the parameters are not in the space.
        """
        self.space.check(params)
        return {name: coded.decode(params[name]) for name, coded in self.coded.items()}

    def slopes(self, gradient: Mapping[str, float], sign: float) -> Mapping[str, float] | None:
        """A gradient in gdopt's units, higher the better; None if it has none of these parameters."""
        found = {n: sign * g * self.coded[n].scale()[1] for n, g in gradient.items() if n in self.coded}
        return found or None


def varied(distributions: Mapping[str, BaseDistribution]) -> dict[str, BaseDistribution]:
    """The distributions with more than one value."""
    return {name: d for name, d in distributions.items() if not d.single()}


def check_objective(study: Study) -> None:
    """Raise `SettingsError` unless the study has one objective."""
    if len(study.directions) != 1:
        raise SettingsError(f"the study has {len(study.directions)} objectives: gdopt takes one")


def keep(
    study: Study, trial: FrozenTrial, params: Mapping[str, Any], proposed: Trial, note: Mapping[str, float]
) -> None:
    """Write gdopt's data of a trial; other threads and processes read them at once, by `state_of`."""
    about = {"params": params, "source": proposed.source, "predicted": proposed.predicted, "note": dict(note)}
    # Optuna's own samplers store their data in the same way; there is no public one.
    study._storage.set_trial_system_attr(trial._trial_id, PROPOSAL, about)


def state_of(study: Study, trial: FrozenTrial, shared: SharedSpace, fresh: State) -> State:
    """The state of a gdopt study with the trials of an Optuna study, just before the proposal of a trial.

    Its number of rounds is the trial's number, so that all trials have different random streams. Complete trials are
    done, or failed if their value is infinite; running ones are pending, pruned ones abandoned. Trials outside the
    search space, or without all of its parameters, are left out.

    Args:
        study: of one objective.
        trial: the trial that needs parameters.
        shared: the search space.
        fresh: the algorithm's state before the first `ask`.

    Raises:
        SettingsError: a trial has constraints.
    """
    sign = 1.0 if study.direction is StudyDirection.MAXIMIZE else -1.0
    trials: list[Trial] = []
    notes: list[Mapping[str, float]] = [{}] * trial.number
    for one in study.get_trials(deepcopy=False):
        if one.constraints:
            raise SettingsError(f"trial {one.number} has constraints {list(one.constraints)}: gdopt takes none")
        about = one.system_attrs.get(PROPOSAL, {})
        given = _given(one, about)
        if one.number == trial.number or (params := shared.encode(given)) is None:
            continue
        known = {}
        if all(about.get("params", {}).get(name, _NOTHING) == given[name] for name in shared.coded):
            known = {"round": one.number, "source": about["source"], "predicted": about["predicted"]}
            # In parallel processes, later trials may exist already.
            if one.number < trial.number:
                notes[one.number] = about["note"]
        trials.append(Trial(len(trials), params, *_outcome(one, shared, sign), **known))
    return replace(fresh, trials=tuple(trials), notes=tuple(notes))


def told_gradient(trial: FrozenTrial) -> Mapping[str, float] | None:
    """The gradient in a trial's user attributes, None if there is none.

    Raises:
        ResultError: the gradient is not finite numbers by numeric parameters of the trial.
    """
    if (given := trial.user_attrs.get(GRADIENT)) is None:
        return None
    try:
        slopes = {name: float(slope) for name, slope in given.items()}
        check_gradient(SharedSpace.of(varied(trial.distributions)).space, slopes)
    except (AttributeError, TypeError, ValueError) as error:
        raise ResultError(f"trial {trial.number}: {GRADIENT} = {given!r}: {error}") from error
    return slopes


# Equal to no value of a parameter.
_NOTHING = object()


def _parameter(name: str, d: BaseDistribution) -> Parameter:
    if isinstance(d, CategoricalDistribution):
        return Choice(name, [str(place) for place in range(len(d.choices))])
    if isinstance(d, FloatDistribution) and d.step is None:
        return Real(name, d.low, d.high, log_scale=d.log)
    if isinstance(d, IntDistribution) and d.log:
        return Real(name, d.low - 0.5, d.high + 0.5, log_scale=True)
    if isinstance(d, FloatDistribution | IntDistribution):
        return Integer(name, 0, round((d.high - d.low) / (d.step or 1)))
    raise SpaceError(f"parameter {name!r} has a {type(d).__name__}: gdopt takes numbers and categories")


def _given(trial: FrozenTrial, about: Mapping[str, Any]) -> Mapping[str, Any]:
    """A trial's parameters; of a running trial, also proposed ones that the objective has not requested yet."""
    if trial.state is TrialState.RUNNING:
        return {**about.get("params", {}), **trial.params}
    return trial.params


def _outcome(trial: FrozenTrial, shared: SharedSpace, sign: float) -> tuple[Status, Result | None]:
    if trial.state is not TrialState.COMPLETE:
        return _STATUS[trial.state], None
    if trial.value is None or not math.isfinite(trial.value):
        return Status.FAILED, None
    try:
        gradient = told_gradient(trial)
    except ResultError:
        gradient = None  # The sampler raised this error at the end of the trial.
    slopes = None if gradient is None else shared.slopes(gradient, sign)
    return Status.DONE, Result(sign * trial.value, None, slopes)


_STATUS = {
    TrialState.RUNNING: Status.PENDING,
    TrialState.WAITING: Status.PENDING,
    TrialState.PRUNED: Status.ABANDONED,
    TrialState.FAIL: Status.FAILED,
}
