"""gdopt as a generator of gest-api, for Xopt, optimas and libEnsemble.

The generator is a `gdopt.Study` with gest-api's points: dicts of all variables, with the id of the trial.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real as Number
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gdopt.errors import MissingExtraError, ResultError, SettingsError, SpaceError, TrialError

try:
    from gest_api.generator import Generator
    from gest_api.vocs import (
        VOCS,
        BaseVariable,
        ContextualVariable,
        ContinuousVariable,
        DiscreteVariable,
        MaximizeObjective,
        MinimizeObjective,
    )
except ImportError as error:
    raise MissingExtraError("the adapter for gest-api needs gest-api: pip install 'gdopt[gest]'") from error

from gdopt.adapters.host import like_those, prior_space
from gdopt.algorithms.base import Algorithm
from gdopt.algorithms.guided import GuidedDiffusion
from gdopt.space.parameters import Choice, Integer, Parameter, Params, Real
from gdopt.space.space import Space
from gdopt.storage.store import Store
from gdopt.study.study import Study

__all__ = ["GdoptGenerator"]

# Number of suggested points by default.
BATCH = 8
ID = "_id"
# Xopt sets this key of an evaluation that raised an exception; the objective is then missing.
XOPT_ERROR = "xopt_error"


class GdoptGenerator(Generator):  # type: ignore[misc]  # gest-api has no types
    """A generator whose points a gdopt algorithm proposes.

    Supported are continuous variables, also whole numbers by their `dtype`, discrete variables of numbers or strings,
    and one objective. Constants, and discrete variables of one value, are added to each point. Observables are not
    used. Constraints, contextual variables and arrays raise an error with their names.

    Args:
        vocs: variables, constants and the objective.
        algorithm: that proposes points; `GuidedDiffusion()` by default. With a prior, the variables need to be the
            prior's, in any order.
        seed: of all random draws.
        storage: a file for the study; a study that is stored there continues, with its ids.
        batch: number of suggested points by default.

    Raises:
        SpaceError: gdopt or the algorithm does not support a variable.
        SettingsError: there are several objectives or none, there are constraints, or a setting is out of its range.
        StoreError: the file is unreadable, or has a study with another space, direction or seed.

    Example:
        >>> import gdopt
        >>> vocs = VOCS(variables={"x": [0.0, 1.0]}, objectives={"f": "MINIMIZE"})
        >>> generator = GdoptGenerator(vocs, gdopt.RandomSearch())
        >>> points = generator.suggest(2)
        >>> generator.ingest([{**point, "f": point["x"] ** 2} for point in points])
        >>> len(generator.study.state.done)
        2
    """

    returns_id = True

    def __init__(
        self,
        vocs: VOCS,
        algorithm: Algorithm | None = None,
        *,
        seed: int = 0,
        storage: str | Path | Store | None = None,
        batch: int = BATCH,
    ) -> None:
        super().__init__(vocs)
        self.vocs = vocs
        self.batch = batch
        self._objective, direction = _objective(vocs)
        settings: Algorithm = GuidedDiffusion() if algorithm is None else algorithm
        self._inputs = _Inputs.of(vocs, like=prior_space(settings))
        self.study = Study(self._inputs.space, direction=direction, algorithm=settings, storage=storage, seed=seed)

    def _validate_vocs(self, vocs: VOCS) -> None:
        """Raise an error unless gdopt supports the variables and the objective."""
        _Inputs.of(vocs)
        _objective(vocs)
        if vocs.constraints:
            raise SettingsError(f"constraints {list(vocs.constraints)}: gdopt takes none")

    def suggest(self, num_points: int | None = None) -> list[dict[str, Any]]:
        """New points with their `_id`: `num_points`, or all that are left.

        Raises:
            ExhaustedError: all points were tried.
            SettingsError: the number is not a whole number above 0.
        """
        trials = self.study.ask(self.batch if num_points is None else num_points)
        return [{**self._inputs.decode(t.params), ID: t.id} for t in trials]

    def ingest(self, results: Sequence[Mapping[str, Any]]) -> None:
        """Record any number of results in any order: all of them or, on an error, none.

        Results with an `_id` belong to suggested points. Results without it are of points of the user, and training
        data as well. A value that is not finite is a failure; for points of the user such a result is ignored.

        Raises:
            TrialError: an `_id` is unknown, has another result already, or is given twice.
            ResultError: the objective is missing, or is no number.
            SpaceError: a point without an `_id` is not in the space of the variables.
        """
        told: dict[int, float] = {}
        failed: set[int] = set()
        added: list[tuple[Params, float]] = []
        for result in results:
            id, value = _id(result), self._value(result)
            if id in told or id in failed:
                raise TrialError(f"the result of trial {id} is given twice")
            if id is None:
                if value is not None:
                    added.append((self._inputs.encode(result), value))
            elif value is None:
                failed.add(id)
            else:
                told[id] = value
        self.study.tell(told, failed=failed)
        for params, value in added:
            self.study.add(params, value)

    def _value(self, result: Mapping[str, Any]) -> float | None:
        """The objective's value; None for a failed evaluation."""
        if self._objective not in result and result.get(XOPT_ERROR):
            return None
        try:
            value = float(result[self._objective])
        except KeyError as error:
            raise ResultError(f"a result lacks the objective {self._objective!r}: it has {list(result)}") from error
        except (TypeError, ValueError) as error:
            raise ResultError(f"{self._objective} = {result[self._objective]!r}: expected a number") from error
        return value if math.isfinite(value) else None


@dataclass(frozen=True)
class _Inputs:
    """The variables of a VOCS as gdopt's space, with conversions of their points.

    Args:
        names: the keys of a point, in order.
        space: gdopt's space.
        values: of each discrete variable whose `Integer` is an index into them.
        fixed: constants, and discrete variables of one value.
    """

    names: Sequence[str]
    space: Space
    values: Mapping[str, Sequence[float]]
    fixed: Mapping[str, Any]

    @classmethod
    def of(cls, vocs: VOCS, like: Space | None = None) -> "_Inputs":
        """The inputs of a VOCS; the space is `like`, with its order and units, if names and bounds are equal."""
        listed = {name: _values(name, v) for name, v in vocs.variables.items() if isinstance(v, DiscreteVariable)}
        fixed = {name: values[0] for name, values in listed.items() if len(values) == 1}
        parameters = [
            _listed(name, listed[name]) if name in listed else _continuous(name, variable)
            for name, variable in vocs.variables.items()
            if name not in fixed
        ]
        places = {name: values for name, values in listed.items() if name not in fixed and _by_place(values)}
        constants = {name: constant.value for name, constant in vocs.constants.items()}
        names = [*vocs.variables, *vocs.constants]
        return cls(names, Space(like_those(parameters, like)), places, {**fixed, **constants})

    def decode(self, params: Params) -> dict[str, Any]:
        """A point of gest-api."""
        varied = {n: self.values[n][int(v)] if n in self.values else v for n, v in params.items()}
        point = {**varied, **self.fixed}
        return {name: point[name] for name in self.names}

    def encode(self, point: Mapping[str, Any]) -> Params:
        """gdopt's parameters.

        Raises:
            SpaceError: a variable is missing, or its value is invalid.
        """
        params = {name: point[name] for name in self.space.names if name in point}
        for name, values in self.values.items():
            if name in params:
                if params[name] not in values:
                    raise SpaceError(f"{name} = {params[name]} is not one of {list(values)}")
                params[name] = values.index(params[name])
        self.space.check_tried(params)
        return params


def _objective(vocs: VOCS) -> tuple[str, Literal["maximize", "minimize"]]:
    """The name and the direction of the objective."""
    if len(vocs.objectives) != 1:
        raise SettingsError(f"objectives {list(vocs.objectives)}: gdopt takes one")
    ((name, objective),) = vocs.objectives.items()
    if isinstance(objective, MaximizeObjective):
        return name, "maximize"
    if isinstance(objective, MinimizeObjective):
        return name, "minimize"
    raise SettingsError(f"objective {name!r} is a {type(objective).__name__}: gdopt minimizes or maximizes")


def _continuous(name: str, variable: BaseVariable) -> Parameter:
    if not isinstance(variable, ContinuousVariable) or isinstance(variable, ContextualVariable):
        kind = type(variable).__name__
        raise SpaceError(f"variable {name!r} is a {kind}: gdopt takes continuous and discrete variables")
    low, high = variable.domain
    real = Real(name, low, high)
    try:
        dtype = np.dtype(variable.dtype)
    except TypeError as error:
        raise SpaceError(f"variable {name!r} has dtype {variable.dtype!r}, which NumPy does not know") from error
    if dtype.shape or dtype.kind not in "fiu":
        raise SpaceError(f"variable {name!r} has dtype {variable.dtype!r}: expected one float or whole number")
    return real if dtype.kind == "f" else Integer(name, math.ceil(low), math.floor(high))


def _values(name: str, variable: DiscreteVariable) -> Sequence[Any]:
    """The sorted values of a discrete variable: the order of a set differs between processes."""
    values = variable.values
    if not (all(isinstance(v, Number) for v in values) or all(isinstance(v, str) for v in values)):
        raise SpaceError(f"variable {name!r} has the values {sorted(values, key=repr)}: expected numbers or strings")
    return sorted(values)


def _listed(name: str, values: Sequence[Any]) -> Parameter:
    """An ordered parameter for numbers, a choice for strings."""
    if isinstance(values[0], str):
        return Choice(name, values)
    return Integer(name, 0, len(values) - 1) if _by_place(values) else Integer(name, values[0], values[-1])


def _by_place(values: Sequence[Any]) -> bool:
    """Whether values are numbers other than all whole numbers of a range, which need no index."""
    if isinstance(values[0], str):
        return False
    whole = all(isinstance(v, int) and not isinstance(v, bool) for v in values)
    return not whole or values[-1] - values[0] != len(values) - 1


def _id(result: Mapping[str, Any]) -> int | None:
    """The id of a suggested point; None without an id, which is NaN in a table where other rows have ids."""
    given = result.get(ID)
    if given is None or given != given:
        return None
    # In a column with NaN, whole numbers are floats.
    if not (isinstance(given, Number) and float(given).is_integer()):
        raise TrialError(f"{ID} = {given!r} is unknown: ids of suggested points are whole numbers")
    return int(float(given))
