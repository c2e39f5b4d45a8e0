"""A worker: asks a study for one trial after the other, evaluates it and tells, on any machine."""

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

# Seconds after which another worker may get what this one has.
HOUR = 3600.0
# Evaluations in a row that may raise something before the worker takes itself for broken.
TROUBLE = 3
# Characters of an exception in the reason of a trial; a service takes 10,000.
LONGEST = 2000


@runtime_checkable
class TrialSource(Protocol):
    """Gives out trials and takes results: a `Study`, or the client of a service."""

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
    """How many evaluations were made, when they were as many as wanted or every design was tried.

    First come trials whose worker's lease ran out. A trial fails if its value is not finite or `evaluate` raises. A
    trial that another worker was faster with stays as that one told it.

    Args:
        source: of the trials.
        evaluate: parameters to what `Study.tell` takes.
        evaluations: after which to stop; never, if left out.
        worker: the name under which trials are asked for; machine and process by default.
        lease: seconds that an evaluation may take before another worker gets the trial.
        say: called with a line for each evaluation.

    Raises:
        SettingsError: the evaluations are no whole number above 0.
        Exception: what `evaluate` raised, when it did so three times in a row.
    """
    wanted = None if evaluations is None else whole(evaluations)
    if evaluations is not None and (wanted is None or wanted < 1):
        raise SettingsError(f"evaluations = {shown(evaluations)}: expected a whole number above 0")
    name = worker or f"{socket.gethostname()}-{os.getpid()}"
    count = trouble = 0
    while wanted is None or count < wanted:
        # With a key, so that an answer that was lost on the way is not a trial that nobody has.
        try:
            (trial,) = source.ask(1, key=f"{name}-{uuid.uuid4().hex}", worker=name, lease=lease)
        except ExhaustedError as error:
            if say is not None:
                say(str(error))
            break
        try:
            outcome = evaluate(trial.params)
            trouble = 0
        # Whatever a program of the user's raises: the design has failed.
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
    """Tell an outcome; a value that is not finite is a failure."""
    if _is_finite(outcome):
        source.tell(id, outcome)
    else:
        source.fail(id, reason=f"value {outcome}")


def reason_of(error: BaseException) -> str:
    """The type and the text of an exception as the reason of a trial: shortened, without NUL and half characters.

    Databases and files take neither, and a text may be a whole log.
    """
    try:
        said = str(error)
    # The class of the user's exception has its own.
    except Exception:
        said = ""
    plain = f"{type(error).__name__}: {said}".replace("\0", "").encode(errors="replace").decode()
    return plain if len(plain) <= LONGEST else f"{plain[:LONGEST]} ..."


def _unless_told(told: Callable[[], object], say: Callable[[str], None] | None) -> None:
    """Record what came of a trial, unless another worker was faster after this one's lease."""
    try:
        told()
    except TrialError as error:
        if say is not None:
            say(str(error))


def _is_finite(outcome: Told) -> bool:
    """Whether there is a value; what is no number at all is for `tell` to refuse."""
    if isinstance(outcome, Mapping):
        return all(map(_is_finite, outcome.values()))
    found = number(outcome[0] if isinstance(outcome, tuple) and outcome else outcome)
    return found is None or math.isfinite(found)
