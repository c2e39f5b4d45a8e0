"""gdopt's proposals for users of gest-api: a generator for Xopt, optimas and libEnsemble.

It is a `gdopt.Study` with points in and out as gest-api has them: dicts of all variables, with the id of the trial.
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

# Points that are suggested when nobody says how many.
BATCH = 8
ID = "_id"
# Xopt sets it of an evaluation that raised, which has no objective then.
XOPT_ERROR = "xopt_error"


class GdoptGenerator(Generator):  # type: ignore[misc]  # gest-api has no types
    """A generator whose points a gdopt algorithm proposes.

    Continuous variables, whole ones by their `dtype`, and discrete ones of numbers or strings are taken; constants are
    added to each point, and so is a discrete variable of one value. There is one objective. Observables are let
    through. Constraints, contextual variables and arrays are refused with an error that names them.

    Args:
        vocs: variables, constants and the objective.
        algorithm: how points are found; `GuidedDiffusion()` by default. If it has a prior, the variables are the
            prior's, in any order.
        seed: of every random draw.
        storage: a file to keep the study in; if it exists, the generator goes on from it, ids and all.
        batch: points that are suggested when no number is given.

    Raises:
        SpaceError: a variable is none that gdopt can propose for, or the algorithm cannot work with them.
        SettingsError: there is not one objective, or there are constraints; or a setting is out of its range.
        StoreError: the file is unreadable, or holds a study of another space, direction or seed.
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
        """Raise unless gdopt can propose for the variables, and improve the objective."""
        _Inputs.of(vocs)
        _objective(vocs)
        if vocs.constraints:
            raise SettingsError(f"constraints {list(vocs.constraints)}: gdopt takes none")

    def suggest(self, num_points: int | None = None) -> list[dict[str, Any]]:
        """New points with their `_id`: as many as were wanted, or as are left.

        Raises:
            ExhaustedError: all points were tried.
            SettingsError: the number is not a whole number above 0.
        """
        trials = self.study.ask(self.batch if num_points is None else num_points)
        return [{**self._inputs.decode(t.params), ID: t.id} for t in trials]

    def ingest(self, results: Sequence[Mapping[str, Any]]) -> None:
        """Record results, in any order and as many as there are: all of them or, on an error, none.

        Those with an `_id` are of suggested points. Those without are of the user's own, and are learned from as well.
        A value that is not finite is a failure; of a point of the user's own it is left out.

        Raises:
            TrialError: an `_id` is unknown, was given another result before, or is given twice at once.
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
        """The objective's value, None of an evaluation that failed."""
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
    """The variables of a VOCS as gdopt's space, with the points of the one as those of the other.

    Args:
        names: of all that a point has, in order.
        space: what gdopt proposes for.
        values: of each discrete variable whose `Integer` is a place among them, in order.
        fixed: what does not vary.
    """

    names: Sequence[str]
    space: Space
    values: Mapping[str, Sequence[float]]
    fixed: Mapping[str, Any]

    @classmethod
    def of(cls, vocs: VOCS, like: Space | None = None) -> "_Inputs":
        """The inputs of a VOCS; `like` is taken for the space, order and units and all, if it has the same bounds."""
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
        """A point as gest-api has it."""
        varied = {n: self.values[n][int(v)] if n in self.values else v for n, v in params.items()}
        point = {**varied, **self.fixed}
        return {name: point[name] for name in self.names}

    def encode(self, point: Mapping[str, Any]) -> Params:
        """gdopt's parameters.

        Raises:
            SpaceError: a variable is missing, or its value is none that it may have.
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
    """The name of the objective, and which way is better."""
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
    """The values of a discrete variable in an order of their own: in the set it differs from process to process."""
    values = variable.values
    if not (all(isinstance(v, Number) for v in values) or all(isinstance(v, str) for v in values)):
        raise SpaceError(f"variable {name!r} has the values {sorted(values, key=repr)}: expected numbers or strings")
    return sorted(values)


def _listed(name: str, values: Sequence[Any]) -> Parameter:
    """An ordered parameter of numbers; one without order of strings."""
    if isinstance(values[0], str):
        return Choice(name, values)
    return Integer(name, 0, len(values) - 1) if _by_place(values) else Integer(name, values[0], values[-1])


def _by_place(values: Sequence[Any]) -> bool:
    """Whether values are numbers, but not all whole numbers of a range, which need no other name."""
    if isinstance(values[0], str):
        return False
    whole = all(isinstance(v, int) and not isinstance(v, bool) for v in values)
    return not whole or values[-1] - values[0] != len(values) - 1


def _id(result: Mapping[str, Any]) -> int | None:
    """The id of a suggested point; None if there is none, which a table that has other ids shows as NaN."""
    given = result.get(ID)
    if given is None or given != given:
        return None
    # Beside NaN, a table's whole numbers are floats.
    if not (isinstance(given, Number) and float(given).is_integer()):
        raise TrialError(f"{ID} = {given!r} is unknown: those of suggested points are whole numbers")
    return int(float(given))
