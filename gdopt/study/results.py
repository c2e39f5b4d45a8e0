"""Arguments of `tell`, converted to reports of trials in plain numbers."""

from collections.abc import Mapping, Sequence
from typing import Any, SupportsFloat

from gdopt.arguments import flag, listed, number, plain_text, row, shown, text, whole
from gdopt.errors import ResultError, SettingsError
from gdopt.space.parameters import LARGEST, Params
from gdopt.space.space import Space
from gdopt.storage.events import Report
from gdopt.trials.trial import Measured, Result, Trial

__all__ = ["Outcome", "Told", "by_trial", "design", "reasons", "reported"]

# A value, or a value and its standard error.
Outcome = SupportsFloat | tuple[SupportsFloat, SupportsFloat]
# The result of one trial: of the objective, or of several outcomes by name.
Told = Outcome | Mapping[str, Outcome]
CALLS = (
    "expected tell(trial, 1.5), tell({0: 1.5, 3: 0.7}) by the trials' ids, tell([(trial, 1.5), ...]), or "
    "tell([1.5, 0.7, ...]) with the values of the trials of the last ask, in their order"
)


def by_trial(results: Any, value: Any, last: Sequence[int] | None) -> list[tuple[Any, Any]]:
    """Trials, or their ids, each with its result.

    Args:
        results: a mapping, one trial, pairs, or values in the order of the last `ask`.
        value: of the one trial.
        last: the ids of the last `ask`; None if there was none.

    Raises:
        ResultError: the arguments are none of these, or there are more or fewer values than trials.
    """
    several = list(results.items()) if isinstance(results, Mapping) else _listed(results, last)
    if several is None:
        if value is None and not isinstance(results, Trial) and whole(results) is None:
            raise ResultError(f"tell({shown(results)}): {CALLS}")
        return [(results, value)]
    if value is not None:
        raise ResultError(f"tell() takes a mapping of ids to results, or one id and value: {CALLS}")
    return several


def _listed(results: Any, last: Sequence[int] | None) -> list[tuple[Any, Any]] | None:
    given = results if isinstance(results, list) else row(results)
    if given is None:
        return None
    several = [isinstance(one, tuple | list) for one in given]
    if given and all(several):
        if all(len(one) == 2 for one in given):
            return [(one[0], one[1]) for one in given]
    elif not any(several) and last is not None and len(last) == len(given):
        return list(zip(last, given, strict=True))
    count = "there was none here" if last is None else f"it has {len(last)} trials, {list(last)}"
    raise ResultError(f"tell({shown(results)}): {CALLS}; of the last ask: {count}")


def reasons(said: str, trials: Any) -> dict[str, list[Any]]:
    """Failed or abandoned trials, or their ids, by reason; the reason is empty if none is given.

    Args:
        said: the name of the argument.
        trials: a list of trials or ids, or a mapping of ids to reasons.

    Raises:
        SettingsError: it is neither of the two, or a reason is not a string.
    """
    given = listed(trials)
    if given is None and not isinstance(trials, Mapping | set | frozenset):
        raise SettingsError(f"{said} = {shown(trials)}: expected trials or their ids, such as {said}=[3]")
    found: dict[str, list[Any]] = {}
    for one in trials if given is None else given:
        found.setdefault(plain_text("reason", trials[one]) if isinstance(trials, Mapping) else "", []).append(one)
    return found


def design(space: Space, given: object) -> Params:
    """The parameters of a design by name, from parameters, an array in the order of the space, or a trial.

    Raises:
        SpaceError: it is none of these.
    """
    return given.params if isinstance(given, Trial) else space.by_name(given)


def reported(
    outcomes: Sequence[str], space: Space, told: Any, gradient: Any = None, params: object = None, note: object = ""
) -> Report:
    """The report of a trial, in plain numbers.

    Args:
        outcomes: the names of all outcomes, the objective first.
        space: of the study.
        told: a value, a value with its standard error, several outcomes by name, or a complete `Report`.
        gradient: of the objective, by parameter.
        params: the evaluated parameters, if they differ from the proposed ones.
        note: on the result.

    Raises:
        ResultError: a value is not a number, not finite or too large, or an outcome is unknown.
        SpaceError: the parameters are not a design of the space.
        SettingsError: the note is not a string.
    """
    if isinstance(told, Report):
        return _checked(outcomes, space, told)
    named = dict(told) if isinstance(told, Mapping) else {outcomes[0]: told}
    if unknown := [name for name in named if text(name) not in outcomes]:
        raise ResultError(f"outcomes {shown(unknown)} are unknown; told may be {list(outcomes)}")
    if not named:
        raise ResultError(f"a result has no outcome; told may be {list(outcomes)}")
    measured = {str(text(name)): _measured(one, name) for name, one in named.items()}
    objective, slopes = measured.pop(outcomes[0], None), _slopes(gradient)
    if objective is None and slopes is not None:
        raise ResultError(f"a gradient is told with a value of {outcomes[0]}")
    result = None if objective is None else Result(*objective, slopes)
    return Report(result, measured, None if params is None else design(space, params), plain_text("note", note))


def _checked(outcomes: Sequence[str], space: Space, report: Report) -> Report:
    """A given report, with the checks of `reported`."""
    result, others = report.result, report.outcomes
    if not isinstance(result, Result | None) or not isinstance(others, Mapping):
        raise ResultError(f"{shown(report)}: expected such as Report(Result(1.5), {{'mass': (12.0, None)}})")
    if result is not None and outcomes[0] in others:
        raise ResultError(f"{outcomes[0]} is told twice, as the result and among the outcomes")
    if result is None and not others:
        params = None if report.params is None else design(space, report.params)
        return Report(None, {}, params, plain_text("note", report.note))
    told = dict(others) if result is None else {**others, outcomes[0]: (result.value, result.sem)}
    return reported(outcomes, space, told, None if result is None else result.gradient, report.params, report.note)


def _slopes(gradient: Any) -> dict[str, float] | None:
    """A gradient in plain numbers."""
    if gradient is None:
        return None
    found = {text(name): number(one) for name, one in gradient.items()} if isinstance(gradient, Mapping) else {"": None}
    if None in found or None in found.values():
        raise ResultError(f"a gradient must be numbers by parameter, got {shown(gradient)}")
    return {str(name): float(one) for name, one in found.items() if one is not None}


def _measured(outcome: Any, name: object) -> Measured:
    """A value and its standard error, as finite numbers."""
    value, sem = outcome if isinstance(outcome, tuple) and len(outcome) == 2 else (outcome, None)
    found, error = number(value), None if sem is None else number(sem)
    # Python's True and False are numbers, but not measured values.
    booleans = flag(value) is not None or flag(sem) is not None
    if found is None or (error is None) != (sem is None) or booleans:
        raise ResultError(f"{name} must be a number or (number, standard error), got {shown(outcome)}")
    Result(found, error)
    if abs(found) > LARGEST:
        raise ResultError(f"{name} = {found}: expected {LARGEST:g} or less in size; a trial without a value has failed")
    return float(found), None if error is None else float(error)
