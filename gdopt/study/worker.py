"""A worker: a loop that asks a study for a trial, evaluates it and tells the result, on any machine."""

import math
import os
import socket
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol, SupportsIndex, runtime_checkable

from gdopt.arguments import number, shown, whole
from gdopt.errors import ExhaustedError, SettingsError, TrialError
from gdopt.space.parameters import Params
from gdopt.study.results import Told
from gdopt.trials.trial import Trial

__all__ = ["HOUR", "TrialSource", "reason_of", "record", "run_worker"]

# The seconds of a lease, after which another worker may get the trial.
HOUR = 3600.0
# After so many consecutive evaluations that raise an exception, the worker stops.
TROUBLE = 3
# Characters of an exception in the reason of a trial; a service takes 10,000.
LONGEST = 2000


@runtime_checkable
class TrialSource(Protocol):
    """A source of trials that records their results: a `Study`, or the client of a service."""

    def ask(
        self, n: int = 1, *, key: str | None = None, worker: str | None = None, lease: float | None = None
    ) -> list[Trial]:
        """n trials."""
        ...

    def tell(self, results: Any, value: Any = None) -> bool:
        """Record a result."""
        ...

    def fail(self, *ids: int, reason: str = "") -> None:
        """Record a failure."""
        ...


def run_worker(
    source: TrialSource,
    evaluate: Callable[[Params], Told],
    *,
    evaluations: SupportsIndex | None = None,
    worker: str | None = None,
    lease: float = HOUR,
    say: Callable[[str], None] | None = None,
) -> int:
    """The number of evaluations of this worker, which ends after the given number or if no untried design is left.

    Trials with an expired lease come first. A trial fails if its value is not finite or `evaluate` raises an exception.
    If another worker has told the trial meanwhile, that result stays.

    Args:
        source: of the trials.
        evaluate: a function of the parameters that returns a result, as `Study.tell` takes it.
        evaluations: the number of evaluations; unlimited by default.
        worker: the name of the worker; machine and process by default.
        lease: the seconds of an evaluation after which another worker gets the trial.
        say: called with a line for each evaluation.

    Raises:
        SettingsError: the number of evaluations is not an integer above 0.
        Exception: the exception of `evaluate`, after three exceptions in a row.

    Example:
        >>> from gdopt import RandomSearch, Real, Space, Study
        >>> study = Study(Space([Real("x", 0, 1)]), direction="maximize", algorithm=RandomSearch())
        >>> run_worker(study, lambda params: params["x"], evaluations=2)
        2
    """
    wanted = None if evaluations is None else whole(evaluations)
    if evaluations is not None and (wanted is None or wanted < 1):
        raise SettingsError(f"evaluations = {shown(evaluations)}: expected a whole number above 0")
    name = worker or f"{socket.gethostname()}-{os.getpid()}"
    count = trouble = 0
    while wanted is None or count < wanted:
        # With a key: if the answer is lost, a second call returns the same trial.
        try:
            (trial,) = source.ask(1, key=f"{name}-{uuid.uuid4().hex}", worker=name, lease=lease)
        except ExhaustedError as error:
            if say is not None:
                say(str(error))
            break
        try:
            outcome = evaluate(trial.params)
            trouble = 0
        # Any exception of the user's function: the evaluation has failed.
        except Exception as error:
            trouble += 1
            _unless_told(partial(source.fail, trial.id, reason=reason_of(error)), say)
            if trouble == TROUBLE:
                raise
            outcome = math.nan
        else:
            _unless_told(partial(record, source, trial.id, outcome), say)
        count += 1
        if say is not None:
            say(f"trial {trial.id}: {outcome}")
    return count


def record(source: TrialSource, id: int, outcome: Told) -> None:
    """Tell a result; a value that is not finite is a failure."""
    if _is_finite(outcome):
        source.tell(id, outcome)
    else:
        source.fail(id, reason=f"value {outcome}")


def reason_of(error: BaseException) -> str:
    """The type and the text of an exception as the reason of a trial: shortened, without NUL and lone surrogates.

    Databases and files take neither, and the text may be a whole log.
    """
    try:
        said = str(error)
    # The class of the user's exception has its own.
    except Exception:
        said = ""
    plain = f"{type(error).__name__}: {said}".replace("\0", "").encode(errors="replace").decode()
    return plain if len(plain) <= LONGEST else f"{plain[:LONGEST]} ..."


def _unless_told(told: Callable[[], object], say: Callable[[str], None] | None) -> None:
    """Record the result of a trial, unless another worker has told it after the lease expired."""
    try:
        told()
    except TrialError as error:
        if say is not None:
            say(str(error))


def _is_finite(outcome: Told) -> bool:
    """Whether all values are finite; `tell` refuses values that are not numbers."""
    if isinstance(outcome, Mapping):
        return all(map(_is_finite, outcome.values()))
    found = number(outcome[0] if isinstance(outcome, tuple) and outcome else outcome)
    return found is None or math.isfinite(found)
