"""The loop of a study: ask, evaluate, tell, here or in an executor."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from contextlib import suppress
from functools import partial
from typing import Any, Generic, Protocol, SupportsIndex, TypeVar, runtime_checkable

from gdopt.arguments import shown, whole
from gdopt.errors import ExhaustedError, SettingsError, SpaceError, TrialError
from gdopt.space.parameters import Params, Value
from gdopt.study.results import Told
from gdopt.study.worker import reason_of, record
from gdopt.trials.state import State
from gdopt.trials.trial import Status, Trial

__all__ = ["LOST", "Catch", "Evaluate", "EvaluatedStudy", "Executor", "Job", "run"]

Evaluate = Callable[[Params], Told]
# Exceptions after which a run goes on, one or several.
Catch = type[Exception] | tuple[type[Exception], ...]
# What a job raises whose worker died, of the standard library's executors.
LOST = (BrokenExecutor, CancelledError)
log = logging.getLogger(__name__)
# Seconds between two looks at jobs that cannot be waited for.
LOOK = 0.5


@runtime_checkable
class Job(Protocol):
    """What an executor gives for a call: a `concurrent.futures.Future`, or something like it."""

    def done(self) -> bool:
        """Whether it has come to an end."""
        ...

    def result(self) -> Any:
        """What the call returned; raises what it raised."""
        ...


@runtime_checkable
class Executor(Protocol):
    """Calls functions somewhere else: those of `concurrent.futures`, dask's, submitit's, `gdopt.adapters.ray`'s."""

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Job:
        """Begin a call."""
        ...


@runtime_checkable
class EvaluatedStudy(Protocol):
    """A study as `run` uses it: `gdopt.Study`."""

    @property
    def state(self) -> State:
        """The state, with all trials."""
        ...

    @property
    def pending(self) -> list[Trial]:
        """The trials without a result."""
        ...

    def ask(
        self, n: int = 1, *, key: str | None = None, worker: str | None = None, lease: float | None = None
    ) -> list[Trial]:
        """n new trials."""
        ...

    def tell(self, results: Any, value: Any = None) -> bool:
        """Record a result."""
        ...

    def fail(self, *ids: int, reason: str = "") -> None:
        """Record failures."""
        ...

    def abandon(self, *ids: int, reason: str = "") -> None:
        """Record that trials will not be evaluated."""
        ...


S = TypeVar("S", bound=EvaluatedStudy)


def run(
    study: S,
    evaluate: Evaluate,
    *,
    budget: SupportsIndex,
    batch: SupportsIndex = 1,
    executor: Executor | Callable[[], Executor] | None = None,
    catch: Catch = (),
    lost: type[BaseException] | tuple[type[BaseException], ...] = (),
    deaths: SupportsIndex = 3,
    progress: Callable[[S], None] | None = None,
) -> None:
    """Ask for trials, evaluate them and tell their results, until the study has as many evaluations as its budget.

    Pending trials are evaluated first: a run that was stopped goes on. With an executor, `batch` evaluations run at any
    time, each result is told when its evaluation ends, and new trials are asked for meanwhile. A trial whose worker
    died is evaluated again, and abandoned after some deaths.

    A value that is NaN or infinite is a failed trial, which counts as an evaluation. So is a design on which `evaluate`
    raises, with the exception as its reason; the exception is passed on then, unless it is caught. Each value is told
    when it is there. Once every design of a space without real numbers was tried, the run ends before its budget is
    spent, with a line in the log.

    Args:
        study: in memory or in a file.
        evaluate: parameters by name to what `Study.tell` takes. Executors of processes need a function of a module.
        budget: evaluations in all, those in the study included.
        batch: how many at once; here, one after the other, how many between one proposal and the next.
        executor: where to evaluate; here by default. A function that makes one is called again when a pool is broken,
            as `concurrent.futures`' process pools are once a worker has died.
        catch: exceptions of `evaluate` after which the run goes on, such as `(ValueError,)`.
        lost: exceptions of a job whose worker died, beside `LOST`, such as dask's `KilledWorker`.
        deaths: after so many of its workers a trial is abandoned.
        progress: called with the study after each batch, or with an executor after each that is told.

    Raises:
        SettingsError: the budget, the batch or the deaths are not whole numbers above 0.
    """
    counts = [whole(count) for count in (budget, batch, deaths)]
    if not all(count is not None and count >= 1 for count in counts):
        said = ", ".join(f"{name} = {shown(n)}" for name, n in (("budget", budget), ("batch", batch)))
        raise SettingsError(f"{said}: expected whole numbers above 0")
    total, at_once, most = (count or 0 for count in counts)
    check_run_settings(evaluate, executor, progress)
    caught, dead = exceptions_of("catch", catch, Exception), exceptions_of("lost", lost, BaseException)
    if executor is None:
        _one_by_one(study, evaluate, total, at_once, caught, progress)
    else:
        _Spread(study, evaluate, executor, caught, (*LOST, *dead), most).run(total, at_once, progress)


def check_run_settings(evaluate: object, executor: object, progress: object) -> None:
    """Raise `SettingsError` unless all can be called as they will be."""
    if not callable(evaluate):
        raise SettingsError(f"evaluate = {shown(evaluate)}: expected a function of the parameters by name")
    if executor is not None and not (callable(executor) or isinstance(executor, Executor)):
        raise SettingsError(f"executor = {shown(executor)}: expected such as ProcessPoolExecutor(), or what makes one")
    if progress is not None and not callable(progress):
        raise SettingsError(f"progress = {shown(progress)}: expected a function of the study")


def exceptions_of(said: str, given: object, kind: type[BaseException]) -> tuple[type[Any], ...]:
    """One exception or several, as `except` takes them.

    Raises:
        SettingsError: they are none of this kind.
    """
    several = given if isinstance(given, tuple) else (given,)
    if not all(isinstance(one, type) and issubclass(one, kind) for one in several):
        raise SettingsError(f"{said} = {shown(given)}: expected exceptions, such as (ValueError,)")
    return several


class Design(dict[str, Value]):
    """Parameters by name, for an objective that may look for them by their place."""

    def __missing__(self, key: object) -> Value:
        """Raises `KeyError`, as any; for what is no name, `SpaceError`, which shows the right call."""
        if isinstance(key, str):
            raise KeyError(key)
        name = next(iter(self))
        raise SpaceError(f'params[{shown(key)}]: the objective is given values by name, such as params["{name}"]')


def _one_by_one(
    study: S,
    evaluate: Evaluate,
    budget: int,
    batch: int,
    catch: tuple[type[Exception], ...],
    progress: Callable[[S], None] | None,
) -> None:
    waiting = study.pending
    while (left := budget - _spent(study)) > 0:
        trials = waiting[:left] or _asked(study, min(batch, left))
        if not trials:
            return
        for trial in trials:
            _settle(study, trial, partial(evaluate, Design(trial.params)), catch)
        waiting = []
        if progress is not None:
            progress(study)


def _settle(
    study: EvaluatedStudy,
    trial: Trial,
    evaluated: Callable[[], Told],
    catch: tuple[type[Exception], ...],
    lost: tuple[type[BaseException], ...] = (),
) -> None:
    """Tell what an evaluation returns, or that it failed; pass on what it raises, unless that is caught."""
    try:
        outcome = evaluated()
    except lost:
        raise
    # Whatever a program of the user's raises: the design has failed, and is not tried first the next time.
    except Exception as error:
        # Another process may have been faster: the error is what the user has to see.
        with suppress(TrialError):
            study.fail(trial.id, reason=reason_of(error))
        if not isinstance(error, catch):
            raise
    else:
        record(study, trial.id, outcome)


class _Spread(Generic[S]):
    """A run in an executor: the jobs that are under way, and the trials that wait for one."""

    def __init__(
        self,
        study: S,
        evaluate: Evaluate,
        executor: Executor | Callable[[], Executor],
        catch: tuple[type[Exception], ...],
        lost: tuple[type[BaseException], ...],
        deaths: int,
    ) -> None:
        self.study, self.evaluate, self.catch, self.lost, self.deaths = study, evaluate, catch, lost, deaths
        self.make = executor if callable(executor) else None
        self.executor: Executor = executor() if callable(executor) else executor
        self.running: dict[Job, tuple[Trial, Executor]] = {}
        self.waiting = study.pending
        self.died: Counter[int] = Counter()

    def run(self, budget: int, batch: int, progress: Callable[[S], None] | None) -> None:
        """Evaluate until the budget is spent; what is still under way when something is raised stays pending."""
        try:
            while True:
                self.start(min(batch, budget - _spent(self.study)) - len(self.running))
                if not self.running:
                    return
                self.gather(_ended(list(self.running)))
                if progress is not None:
                    progress(self.study)
        finally:
            for job in self.running:
                if isinstance(job, Future):
                    job.cancel()
            if self.make is not None and hasattr(self.executor, "shutdown"):
                self.executor.shutdown()

    def start(self, n: int) -> None:
        """Begin n evaluations: of trials that wait for one, or of new ones."""
        if n > 0 and not self.waiting:
            self.waiting = _asked(self.study, n)
        for _ in range(min(n, len(self.waiting))):
            try:
                job = self.executor.submit(self.evaluate, dict(self.waiting[0].params))
            except BrokenExecutor:
                self.renew(self.executor)
                job = self.executor.submit(self.evaluate, dict(self.waiting[0].params))
            self.running[job] = (self.waiting.pop(0), self.executor)

    def gather(self, jobs: Sequence[Job]) -> None:
        """Tell what jobs returned; trials whose worker died wait again, and the first error is passed on after all."""
        again: list[Trial] = []
        broken: list[Executor] = []
        errors: list[Exception] = []
        for job in jobs:
            trial, executor = self.running.pop(job)
            try:
                _settle(self.study, trial, job.result, self.catch, self.lost)
            except self.lost as error:
                again.append(trial)
                if isinstance(error, BrokenExecutor):
                    broken.append(executor)
            # What was measured elsewhere is told all the same.
            except Exception as error:
                errors.append(error)
        self.died.update(trial.id for trial in again)
        gone = [trial.id for trial in again if self.died[trial.id] >= self.deaths]
        self.study.abandon(*gone, reason=f"its worker died {self.deaths} times")
        self.waiting = [*(trial for trial in again if trial.id not in gone), *self.waiting]
        if errors:
            raise errors[0]
        for executor in broken:
            self.renew(executor)

    def renew(self, broken: Executor) -> None:
        """Another executor in place of one that takes no more jobs.

        Raises:
            BrokenExecutor: there is no way to make one.
        """
        if broken is not self.executor:
            return
        if self.make is None:
            raise BrokenExecutor("a worker died, and with it the executor: give a function that makes one")
        self.executor = self.make()


def _asked(study: EvaluatedStudy, n: int) -> list[Trial]:
    """At most n new trials; none, with a line in the log, if every design was tried."""
    try:
        return study.ask(n)
    except ExhaustedError as error:
        log.warning("the run ends before its budget is spent: %s", error)
        return []


def _ended(jobs: Sequence[Job]) -> list[Job]:
    """The jobs that have come to an end, as soon as there are any."""
    if all(isinstance(job, Future) for job in jobs):
        return list(wait(jobs, return_when=FIRST_COMPLETED).done)  # type: ignore[arg-type]
    while not (done := [job for job in jobs if job.done()]):
        time.sleep(LOOK)
    return done


def _spent(study: EvaluatedStudy) -> int:
    return sum(t.status in (Status.DONE, Status.FAILED) for t in study.state.trials)
