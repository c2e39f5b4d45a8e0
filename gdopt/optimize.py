"""The whole loop in one call, for objectives that a program can evaluate: here, or in the workers of an executor."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from gdopt.algorithm import Algorithm, Status, Trial
from gdopt.errors import ExhaustedError, SettingsError
from gdopt.goals import Direction
from gdopt.space import Params, Space
from gdopt.store import Store
from gdopt.study import Study, Told
from gdopt.worker import is_finite

__all__ = ["LOST", "Executor", "Job", "maximize", "minimize", "run"]

Bounds = Sequence[tuple[float, float]]
Evaluate = Callable[[Params], Told]

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


def maximize(
    objective: Evaluate,
    space: Space | Bounds,
    *,
    budget: int,
    batch: int = 1,
    executor: Executor | Callable[[], Executor] | None = None,
    algorithm: Algorithm | None = None,
    storage: str | Path | Store | None = None,
    seed: int = 0,
    progress: Callable[[Study], None] | None = None,
) -> Trial:
    """The trial of the highest value, after `budget` evaluations.

    A value that is NaN or infinite is a failed trial, which counts as an evaluation. What the objective raises is
    passed on, after the values before it in the batch have been kept.

    Args:
        objective: parameters to what `Study.tell` takes: a value, or (value, standard error).
        space: what may be tried; or (low, high) pairs, for parameters x0, x1, ...
        budget: evaluations in all, those in `storage` included.
        batch: evaluations between one proposal and the next; with an executor, at once.
        executor: where the objective is evaluated, as `run` takes it; here by default.
        algorithm: how trials are found; `GuidedDiffusion()` by default.
        storage: a file to keep the study in, and to go on from.
        seed: of every random draw.
        progress: called with the study after each batch.

    Raises:
        SettingsError: the budget or the batch is not a whole number above 0.
        TrialError: every evaluation failed.
    """
    return _optimized("maximize", objective, space, budget, batch, executor, algorithm, storage, seed, progress)


def minimize(
    objective: Evaluate,
    space: Space | Bounds,
    *,
    budget: int,
    batch: int = 1,
    executor: Executor | Callable[[], Executor] | None = None,
    algorithm: Algorithm | None = None,
    storage: str | Path | Store | None = None,
    seed: int = 0,
    progress: Callable[[Study], None] | None = None,
) -> Trial:
    """The trial of the lowest value, after `budget` evaluations; otherwise as `maximize`."""
    return _optimized("minimize", objective, space, budget, batch, executor, algorithm, storage, seed, progress)


def run(
    study: Study,
    evaluate: Evaluate,
    *,
    budget: int,
    batch: int = 1,
    executor: Executor | Callable[[], Executor] | None = None,
    lost: tuple[type[BaseException], ...] = LOST,
    deaths: int = 3,
    progress: Callable[[Study], None] | None = None,
) -> Trial:
    """The best trial of a study, after as many evaluations as bring it to its budget.

    What was pending is evaluated first: a run that was stopped goes on. With an executor, `batch` evaluations are under
    way at any time, each is told when it ends, and new trials are asked for meanwhile. Their worker may die: they are
    evaluated again, and abandoned after some deaths.

    A value that is NaN or infinite is a failed trial, which counts as an evaluation. What `evaluate` raises is passed
    on, after the values that are there have been told. Once every design of a space without real numbers was tried, the
    run ends before its budget is spent, with a line in the log.

    Args:
        study: in memory or in a file.
        evaluate: parameters to what `Study.tell` takes. Executors of processes need a function of a module.
        budget: evaluations in all, those in the study included.
        batch: how many at once; here, one after the other, how many between one proposal and the next.
        executor: where to evaluate; here by default. A function that makes one is called again when a pool is broken,
            as `concurrent.futures`' process pools are once a worker has died.
        lost: what a job raises whose worker died, such as dask's `KilledWorker`.
        deaths: after so many of its workers a trial is abandoned.
        progress: called with the study after each batch, or with an executor after each that is told.

    Raises:
        SettingsError: the budget, the batch or the deaths are not whole numbers above 0.
        TrialError: every evaluation failed.
    """
    if not all(isinstance(count, int) and count >= 1 for count in (budget, batch, deaths)):
        raise SettingsError(f"budget = {budget}, batch = {batch}: expected whole numbers above 0")
    if executor is None:
        _one_by_one(study, evaluate, budget, batch, progress)
    else:
        _Spread(study, evaluate, executor, lost, deaths).run(budget, batch, progress)
    return study.best


def _optimized(
    direction: Direction,
    objective: Evaluate,
    space: Space | Bounds,
    budget: int,
    batch: int,
    executor: Executor | Callable[[], Executor] | None,
    algorithm: Algorithm | None,
    storage: str | Path | Store | None,
    seed: int,
    progress: Callable[[Study], None] | None,
) -> Trial:
    space = space if isinstance(space, Space) else Space.from_bounds(space)
    study = Study(space, direction=direction, algorithm=algorithm, storage=storage, seed=seed)
    return run(study, objective, budget=budget, batch=batch, executor=executor, progress=progress)


def _one_by_one(
    study: Study, evaluate: Evaluate, budget: int, batch: int, progress: Callable[[Study], None] | None
) -> None:
    waiting = study.pending
    while (left := budget - _spent(study)) > 0:
        outcomes: dict[int, Told] = {}
        trials = waiting[:left] or _asked(study, min(batch, left))
        if not trials:
            return
        try:
            for trial in trials:
                outcomes[trial.id] = evaluate(trial.params)
        finally:
            _tell(study, outcomes)
        waiting = []
        if progress is not None:
            progress(study)


class _Spread:
    """A run in an executor: the jobs that are under way, and the trials that wait for one."""

    def __init__(
        self,
        study: Study,
        evaluate: Evaluate,
        executor: Executor | Callable[[], Executor],
        lost: tuple[type[BaseException], ...],
        deaths: int,
    ) -> None:
        self.study, self.evaluate, self.lost, self.deaths = study, evaluate, lost, deaths
        self.make = executor if callable(executor) else None
        self.executor: Executor = executor() if callable(executor) else executor
        self.running: dict[Job, tuple[Trial, Executor]] = {}
        self.waiting = study.pending
        self.died: Counter[int] = Counter()

    def run(self, budget: int, batch: int, progress: Callable[[Study], None] | None) -> None:
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
        """Tell what jobs returned; trials whose worker died wait again."""
        outcomes: dict[int, Told] = {}
        again: list[Trial] = []
        broken: list[Executor] = []
        try:
            for job in jobs:
                trial, executor = self.running.pop(job)
                try:
                    outcomes[trial.id] = job.result()
                except self.lost as error:
                    again.append(trial)
                    if isinstance(error, BrokenExecutor):
                        broken.append(executor)
        finally:
            _tell(self.study, outcomes)
        self.died.update(trial.id for trial in again)
        gone = [trial.id for trial in again if self.died[trial.id] >= self.deaths]
        self.study.abandon(*gone, reason=f"its worker died {self.deaths} times")
        self.waiting = [*(trial for trial in again if trial.id not in gone), *self.waiting]
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


def _asked(study: Study, n: int) -> list[Trial]:
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


def _spent(study: Study) -> int:
    return sum(t.status in (Status.DONE, Status.FAILED) for t in study.state.trials)


def _tell(study: Study, outcomes: Mapping[int, Told]) -> None:
    """Record outcomes; what is not finite is a failure."""
    failed = [id for id, outcome in outcomes.items() if not is_finite(outcome)]
    study.tell({id: outcome for id, outcome in outcomes.items() if id not in failed}, failed=failed)
