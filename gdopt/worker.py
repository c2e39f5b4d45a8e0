"""A worker: asks a study for one trial after the other, evaluates it and tells, on any machine."""

import math
import os
import socket
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

from gdopt.algorithm import Trial
from gdopt.errors import ExhaustedError, SettingsError, TrialError
from gdopt.space import Params
from gdopt.study import Told

__all__ = ["HOUR", "Source", "is_finite", "work"]

# Seconds after which another worker may get what this one has.
HOUR = 3600.0
# Evaluations in a row that may raise something before the worker takes itself for broken.
TROUBLE = 3


@runtime_checkable
class Source(Protocol):
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


def work(
    source: Source,
    evaluate: Callable[[Params], Told],
    *,
    evaluations: int | None = None,
    worker: str | None = None,
    lease: float = HOUR,
    say: Callable[[str], None] | None = None,
) -> int:
    """How many evaluations were made, when they were as many as wanted or every design was tried.

    First come trials whose worker's lease ran out. A value that is not finite, and what `evaluate` raises, is a failed
    trial. A trial that another worker was faster with stays as that one told it.

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
    if evaluations is not None and evaluations < 1:
        raise SettingsError(f"evaluations = {evaluations}: expected a whole number above 0")
    name = worker or f"{socket.gethostname()}-{os.getpid()}"
    count = trouble = 0
    while evaluations is None or count < evaluations:
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
        except Exception as error:
            trouble += 1
            source.fail(trial.id, reason=f"{type(error).__name__}: {error}")
            if trouble == TROUBLE:
                raise
            outcome = math.nan
        else:
            _record(source, trial.id, outcome, say)
        count += 1
        if say is not None:
            say(f"trial {trial.id}: {outcome}")
    return count


def _record(source: Source, id: int, outcome: Told, say: Callable[[str], None] | None) -> None:
    try:
        if is_finite(outcome):
            source.tell(id, outcome)
        else:
            source.fail(id, reason=f"value {outcome}")
    except TrialError as error:
        # Another worker was faster, after this one's lease.
        if say is not None:
            say(str(error))


def is_finite(outcome: Told) -> bool:
    """Whether there is a value; what is no number at all is for `tell` to refuse."""
    if isinstance(outcome, Mapping):
        return all(map(is_finite, outcome.values()))
    value = outcome[0] if isinstance(outcome, tuple) and outcome else outcome
    try:
        return math.isfinite(value)
    except TypeError:
        return True
