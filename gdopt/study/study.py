"""The study: ask for trials, tell their results, and look at them."""

import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsFloat, SupportsIndex

from gdopt import files
from gdopt.algorithms.base import Algorithm, capabilities, check_fixed
from gdopt.algorithms.repeats import ask_or_repeat
from gdopt.algorithms.serialization import StoredAlgorithm, default_algorithm
from gdopt.arguments import Array, check_flags, checked_seed, plain_text, shown, whole
from gdopt.errors import ResultError, SettingsError, StoreError, TrialError
from gdopt.renamed import renamed
from gdopt.space.parameters import Params
from gdopt.space.space import Space
from gdopt.storage import events
from gdopt.storage.events import Event, Report, in_maximization_sense
from gdopt.storage.store import Header, Store
from gdopt.study.checks import (
    as_algorithm,
    as_constraints,
    as_count,
    as_names,
    as_rows,
    as_seconds,
    as_space,
    as_store,
    as_text,
    check_distinct,
)
from gdopt.study.frame import trials_frame
from gdopt.study.header import (
    FORMAT,
    described,
    directions_of,
    new_study,
    objectives_of,
    outcome_names,
    space_of,
)
from gdopt.study.results import Told, by_trial, design, reasons, reported
from gdopt.study.rounds import RoundSummary, summarize_rounds
from gdopt.study.runner import Catch, Evaluate, Executor, run
from gdopt.study.session import Session
from gdopt.trials.incumbent import incumbent
from gdopt.trials.objectives import Direction, Objective, OptimizationConfig, OutcomeConstraint
from gdopt.trials.pareto import Row, hypervolume, is_pareto_optimal, reference_point
from gdopt.trials.ranking import hypervolume_history, is_feasible, with_all_objectives
from gdopt.trials.state import State
from gdopt.trials.trial import Status, Trial

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Study"]


@renamed(
    arguments={"reference": "reference_point", "limits": "outcome_constraints", "tracked": "tracking_metrics"},
    attributes={
        "open": "load",
        "run": "optimize",
        "keep": "create",
        "limits": "outcome_constraints",
        "goals": "config",
    },
)
class Study:
    """A study of black-box optimization: `ask` returns trials, `tell` records their results.

    Args:
        space: the search space.
        direction: "maximize" or "minimize". Values are told and returned in this sense. With several objectives, the
            direction of each by its name, such as `{"yield": "maximize", "cost": "minimize"}`.
        objective: the name of the objective, if there is one only.
        reference_point: with several objectives, the reference point of the hypervolume: the worst acceptable value of
            each objective by its name. Values that are left out are inferred from the results.
        outcome_constraints: on other outcomes, such as "impurity <= 2". A trial that violates one is never the best.
        tracking_metrics: names of outcomes that are recorded, and used for nothing else.
        algorithm: that proposes trials; `GuidedDiffusion()` by default.
        storage: the path of a file, the URL of a PostgreSQL database, or a `Store`. A study that is stored there
            continues. By default the study is in memory only.
        name: of the study, if the storage has several.
        seed: of all random draws: the same seed and the same results give the same trials.
        batch: the number of trials that `ask` returns by default.

    Any number of threads and processes may open the same study. Each one reads the results of the others at its next
    `ask` or `tell`, or at `refresh`. A result is on the disk when the call that records it returns. A call that is
    repeated, because its answer was lost, changes nothing: no id is used twice, and a result is recorded once.

    Raises:
        SettingsError: a direction is neither of the two, two outcomes have one name, the reference point names no
            objective, the algorithm takes one objective and there are several, the seed is not an integer from 0 on, or
            the batch not an integer above 0.
        SpaceError: the algorithm does not support the space.
        StoreError: the storage is unreadable, or has a study with another space, direction, seed or other outcomes.

    Example:
        >>> from gdopt import RandomSearch, Real, Space
        >>> study = Study(Space([Real("x", 0, 1)]), direction="maximize", algorithm=RandomSearch())
        >>> for trial in study.ask(3):
        ...     new = study.tell(trial, trial.params["x"] ** 2)
        >>> len(study.state.done)
        3
    """

    def __init__(
        self,
        space: Space,
        *,
        direction: Direction | Mapping[str, Direction],
        objective: str = "value",
        reference_point: Mapping[str, SupportsFloat] | None = None,
        outcome_constraints: Sequence[OutcomeConstraint | str] = (),
        tracking_metrics: Sequence[str] = (),
        algorithm: Algorithm | None = None,
        storage: str | Path | Store | None = None,
        name: str = "study",
        seed: SupportsIndex = 0,
        batch: SupportsIndex = 1,
    ) -> None:
        seed, self.batch = checked_seed(seed), as_count("batch = {}", batch)
        self.space = as_space(space)
        tracking_metrics = as_names("tracking_metrics", tracking_metrics)
        self.config = OptimizationConfig(
            objectives_of(direction, objective, {} if reference_point is None else reference_point),
            as_constraints(outcome_constraints),
        )
        self.outcomes = outcome_names(self.config, tracking_metrics)
        self._algorithm = default_algorithm() if algorithm is None else as_algorithm(algorithm)
        self._check_objectives(self._algorithm)
        state = replace(self._algorithm.init(self.space, seed), config=self.config)
        store = as_store(storage, name)
        self._session = Session(store, described(self.space, self.config, tracking_metrics, seed), state)
        # The ids of the last `ask`, for each thread: a thread does not tell the results of another one by their order.
        self._latest = threading.local()
        self._session.refresh()
        self._session.restore()

    @property
    def algorithm(self) -> Algorithm:
        """The algorithm that proposes trials.

        The algorithm of a loaded study is read from its storage at the first access, which may take seconds: `ask`
        needs it, `tell` does not.

        Raises:
            StoreError: the stored settings are not valid for the algorithm.
        """
        if isinstance(self._algorithm, StoredAlgorithm):
            found = self._algorithm.read()
            self._check_objectives(found)
            found.init(self.space, self.state.seed)
            self._algorithm = found
        return self._algorithm

    @algorithm.setter
    def algorithm(self, algorithm: Algorithm) -> None:
        self._algorithm = algorithm

    def _check_objectives(self, algorithm: Algorithm) -> None:
        if self.config.several and not capabilities(algorithm).several:
            raise SettingsError(f"{type(algorithm).__name__} takes one objective; there are {len(self.objectives)}")

    @classmethod
    def load(cls, storage: str | Path | Store, *, name: str = "study", algorithm: Algorithm | None = None) -> "Study":
        """The stored study, with its space, outcomes, seed and algorithm.

        Args:
            storage: as of `Study`.
            name: as of `Study`.
            algorithm: in place of the stored one; needed if the study began with an algorithm that is not gdopt's own.

        Raises:
            StoreError: there is no study, it is unreadable, or its algorithm is not stored.
        """
        store = as_store(storage, name)
        header = store.header()
        if header is None:
            raise StoreError(f"there is no study {name!r} in {store}")
        if header.get("format") != FORMAT:
            raise StoreError(f"{store} holds {header.get('format')!r}, not {FORMAT!r}")
        if algorithm is None and header["algorithm"] is None:
            raise StoreError(f"{store} was begun with an algorithm that is not gdopt's own: open it with algorithm=")
        try:
            begun = {
                "space": space_of(header, store),
                **directions_of(header),
                "outcome_constraints": [OutcomeConstraint(**one) for one in header["limits"]],
                "tracking_metrics": header["tracked"],
                "algorithm": StoredAlgorithm(header["algorithm"], store.content) if algorithm is None else algorithm,
                "seed": header["seed"],
                "batch": header.get("batch", 1),
            }
        except (KeyError, TypeError) as error:
            raise StoreError(f"{store} holds a study with a header that gdopt did not write: {error}") from error
        return cls(**begun, storage=store)

    def create(self) -> None:
        """Store the study now, before the first `ask` or `tell`."""
        self._write(list)

    # --- ask ---

    def ask(
        self,
        n: SupportsIndex | None = None,
        *,
        fixed: Params | None = None,
        key: str | None = None,
        worker: str | None = None,
        lease: SupportsFloat | None = None,
        repeat: bool = False,
    ) -> list[Trial]:
        """n new trials in one batch; they are stored before they are returned, so that no id is used twice.

        No design is proposed twice while an untried design is left. A space without `Real` parameters is finite: where
        fewer than n designs are left, these are returned; where none is left, an error is raised.

        Args:
            n: the number of trials; by default the study's batch, or the number of the trials with the key.
            fixed: parameters that all trials of the batch have, such as `{"solvent": "DMF"}`.
            key: of the batch, such as "plate-7"; a second `ask` with this key returns the same trials.
            worker: that evaluates the trials.
            lease: seconds after which the trials may be given to another worker, which asks with a lease too: such an
                `ask` first returns trials whose lease has expired. Without a lease, trials are never given out again.
                A late result is recorded all the same.
            repeat: whether the best designs are measured again once no untried design is left.

        Raises:
            ExhaustedError: no untried design is left, and none is to be or can be repeated.
            SettingsError: n is not an integer above 0, the lease is not above 0, the key or the worker is not text,
                the key is of a batch of another size, of other fixed parameters or of another event, the algorithm
                cannot fix parameters, or the design filter allows too few designs.
            SpaceError: a fixed value is not in the space, no design with it satisfies the constraints, or a conditional
                parameter is fixed and its parents are not fixed to categories at which it is active.

        Example:
            >>> from gdopt import Choice, RandomSearch, Real, Space
            >>> space = Space([Real("x", 0, 1), Choice("solvent", ["DMF", "toluene"])])
            >>> study = Study(space, direction="minimize", algorithm=RandomSearch())
            >>> [trial.params["solvent"] for trial in study.ask(2, fixed={"solvent": "DMF"})]
            ['DMF', 'DMF']
        """
        count = None if n is None else as_count("n = {}", n)
        key, worker = as_text("key", key), as_text("worker", worker)
        fixed = self._plain({} if fixed is None else fixed)
        seconds = None if lease is None else as_seconds(lease)
        check_flags(repeat=repeat)
        with self.store.ask_lock():
            self.refresh()
            if key is not None and key in self._session.keys:
                ids = self._session.asked_with(key, count, fixed)
            else:
                ids = self._given_out(count or self.batch, fixed, seconds, worker, key, repeat)
            self._latest.ids = ids
            return [self._trial(id) for id in ids]

    def asked(self, key: str) -> list[Trial]:
        """The trials of the batch with a key; none if there is no such batch."""
        key = plain_text("key", key)
        self.refresh()
        return [self._trial(id) for id in self._session.asked_with(key, None, {})] if key in self._session.keys else []

    def release(self, *ids: SupportsIndex | Trial) -> None:
        """Give pending trials back: the next `ask` with a lease returns them.

        Raises:
            TrialError: an id is unknown, or its trial is not pending.
        """
        self._write(lambda: [events.leased(self.state, self._ids(ids), 0.0)])

    # --- tell ---

    def tell(
        self,
        results: Mapping[Any, Told | Report] | Trial | SupportsIndex | list[Any] | Array,
        value: Told | Report | None = None,
        *,
        gradient: Mapping[str, SupportsFloat] | None = None,
        params: Params | Array | None = None,
        failed: Iterable[SupportsIndex | Trial] | Mapping[Any, str] = (),
        abandoned: Iterable[SupportsIndex | Trial] | Mapping[Any, str] = (),
        worker: str | None = None,
    ) -> bool:
        """Record results, in any order and of any number of trials: all of them or, on an error, none.

        `tell({0: 1.5, 3: 0.7})`, `tell(0, 1.5)`, `tell(trial, 1.5)`, `tell([(trial, 1.5), ...])`,
        `tell(0, (1.5, 0.1))` with a standard error, `tell(0, {"yield": 83.0, "impurity": (1.2, 0.1)})` with several
        outcomes, or `tell(0, 1.5, gradient={"x": 0.3})` with the derivative of the value by each parameter, in the
        user's units. `tell([1.5, 0.7])` has a value for each trial of the last `ask` of this thread, in their order.
        Other outcomes may follow later: a trial is done when it has a value of the objective.

        Args:
            results: by the ids of the trials; or one trial or its id; or a list of pairs of a trial or its id and its
                result; or a list or an array of values. A `gdopt.storage.events.Report` also has a gradient, parameters
                and a note.
            value: of one trial.
            gradient: of the objective of one trial.
            params: the evaluated parameters, if they differ from the proposed ones: by name, or as an array in the
                order of the space. They may lie a little outside the bounds or violate a constraint slightly
                (`Space.check_tried`): the trial is marked and used as training data, and no such design is proposed.
            failed: trials without a value, or their ids; with a reason for each if it is a mapping.
            abandoned: trials that will not be evaluated, or their ids; with a reason for each if it is a mapping.
            worker: that reports the results; `history` has it.

        Returns:
            Whether any result was new.

        Raises:
            TrialError: an id is unknown, or its trial has another value, or failed, or was abandoned.
            ResultError: a value, a standard error or a gradient is not a finite number, an outcome is unknown, or
                there are more or fewer values than trials.
            SpaceError: the parameters are too far outside the space.
            SettingsError: a reason is not a string.
        """
        told = by_trial(results, value, getattr(self._latest, "ids", None))
        if isinstance(results, Mapping | list) and not (gradient is None and params is None):
            raise ResultError("tell() takes a mapping of ids to results, or one id, value and gradient")
        reports = [(one, self._report(said, gradient, params)) for one, said in told]
        ends = {Status.FAILED: reasons("failed", failed), Status.ABANDONED: reasons("abandoned", abandoned)}

        def change() -> list[Event | None]:
            given = [(self._id(one), report) for one, report in reports]
            gone = {end: {why: self._ids(some) for why, some in by.items()} for end, by in ends.items()}
            check_distinct([id for id, _ in given], *({*chain(*by.values())} for by in gone.values()))
            return [
                events.told(self.state, dict(given), self._sign),
                *(self._gone(ids, end, why) for end, by in gone.items() for why, ids in by.items()),
            ]

        return bool(self._write(change, worker))

    def fail(self, *ids: SupportsIndex | Trial, reason: str = "", worker: str | None = None) -> None:
        """Record that the evaluation of trials failed; they are not given out again.

        Args:
            ids: of the trials, or the trials.
            reason: of the failure.
            worker: that reports it; `history` has it.

        Raises:
            TrialError: an id is unknown, or its trial is done or abandoned, or failed for another reason.
            SettingsError: the reason is not a string.
        """
        why = plain_text("reason", reason)
        self._write(lambda: [self._gone(self._ids(ids), Status.FAILED, why)], worker)

    def abandon(self, *ids: SupportsIndex | Trial, reason: str = "", worker: str | None = None) -> None:
        """Record that trials will not be evaluated.

        Args:
            ids: of the trials, or the trials.
            reason: for it.
            worker: that reports it; `history` has it.

        Raises:
            TrialError: an id is unknown, or its trial is done or failed, or abandoned for another reason.
            SettingsError: the reason is not a string.
        """
        why = plain_text("reason", reason)
        self._write(lambda: [self._gone(self._ids(ids), Status.ABANDONED, why)], worker)

    def amend(
        self,
        id: SupportsIndex | Trial,
        value: Told | Report | None,
        *,
        reason: str,
        gradient: Mapping[str, SupportsFloat] | None = None,
        params: Params | Array | None = None,
        worker: str | None = None,
    ) -> None:
        """Correct the result of a trial; `history` keeps the earlier result.

        Args:
            id: of a trial that is done, failed or abandoned, or this trial.
            value: the correct value; None if the evaluation failed.
            reason: of the correction, in words.
            gradient, params: as of `tell`.
            worker: that corrects the result; `history` has it.

        Raises:
            SettingsError: there is no reason.
            TrialError: the id is unknown, or its trial is still pending.
            ResultError, SpaceError, SettingsError: as `tell`.
        """
        if not (why := plain_text("reason", reason)).strip():
            raise SettingsError(f"reason = {reason!r}: expected why the result of the trial is corrected")
        report = None if value is None else self._report(value, gradient, params)
        self._write(lambda: [events.amended(self.state, self._id(id), report, why, self._sign)], worker)

    def add(
        self,
        params: Params | Array | Trial,
        value: Told | Report | None = None,
        *,
        failed: bool = False,
        reason: str = "",
        gradient: Mapping[str, SupportsFloat] | None = None,
        key: str | None = None,
        outside: bool = False,
        worker: str | None = None,
    ) -> Trial:
        """Record a result of a design that `ask` did not return: an earlier result, or a replicate of a design.

        Args:
            params: the evaluated design: by name, as an array in the order of the space, or a trial. It may lie a
                little outside the bounds, as in `tell`.
            value: as of `tell`, with a value of the objective.
            failed: whether the evaluation failed.
            reason: of the failure, or a note.
            gradient: of the objective.
            key: of the result; a second `add` with this key returns the same trial.
            outside: whether the parameters may lie far outside the bounds and constraints, such as results of a study
                of a wider space.
            worker: that evaluated the design.

        Raises:
            SpaceError: the parameters are too far outside the space.
            ResultError: the value, its standard error or the gradient is not a finite number, the objective is missing,
                or a failed design has a value.
            SettingsError: the reason is not a string.
            TrialError: the key is of another result or event.

        Example:
            >>> from gdopt import RandomSearch, Real, Space
            >>> study = Study(Space([Real("x", 0, 1)]), direction="maximize", algorithm=RandomSearch())
            >>> study.add({"x": 0.5}, 2.0).value
            2.0
        """
        check_flags(failed=failed, outside=outside)
        tried, key = design(self.space, params), as_text("key", key)
        report = Report(note=plain_text("reason", reason))
        if not failed:
            report = report if value is None else self._report(value, gradient, note=reason)
            if report.result is None:
                raise ResultError(
                    f"a result that is added needs a value of {self.objective}, got {shown(value)}; "
                    "a design without one has failed (failed=True)"
                )
        elif not (value is None and gradient is None):
            raise ResultError(f"a design that failed has no value and no gradient, got {shown(value)}")

        def change() -> list[Event]:
            return [] if key in self._session.keys else [events.added(self.state, tried, report, outside)]

        with self._session.lock:
            (entry,) = self._write(change, worker, key) or [self._session.added_with(str(key), tried, report)]
            return self._trial(entry.data["id"])

    def add_all(
        self, rows: Mapping[str, tuple[Params | Array, Told | Report]], *, outside: bool = False
    ) -> list[Trial]:
        """Record results as `add` does, each with its own key: all of them or, on an error, none.

        Args:
            rows: parameters and value, as of `add`, by key. A `gdopt.storage.events.Report` without a result is of a
                failed design. A row whose key is known already is skipped.
            outside: as of `add`.

        Returns:
            The new trials.

        Raises:
            SpaceError, ResultError: as `add`.
            SettingsError: the rows are not such a mapping.
        """
        reports = {
            plain_text("key", key): (design(self.space, params), self._report(told))
            for key, params, told in as_rows(rows)
        }
        if missing := [key for key, (_, report) in reports.items() if report.result is None and report.outcomes]:
            raise ResultError(f"results that are added need a value of {self.objective}; {missing} have none")

        def change() -> list[Event]:
            new = [(key, *row) for key, row in reports.items() if key not in self._session.keys]
            entries = [
                replace(events.added(self.state, params, report, outside), key=key) for key, params, report in new
            ]
            first = len(self.state.trials)
            return [replace(e, data={**e.data, "id": id}) for id, e in enumerate(entries, first)]

        with self._session.lock:
            return [self._trial(entry.data["id"]) for entry in self._write(change)]

    def refresh(self) -> None:
        """Read the events that other threads and processes have appended."""
        self._session.refresh()

    def optimize(
        self,
        evaluate: Evaluate,
        *,
        budget: SupportsIndex,
        batch: SupportsIndex = 1,
        executor: Executor | Callable[[], Executor] | None = None,
        catch: Catch = (),
        lost: type[BaseException] | tuple[type[BaseException], ...] = (),
        progress: "Callable[[Study], None] | None" = None,
    ) -> Trial:
        """The best trial after the budget of evaluations: `gdopt.study.runner.run`.

        Args:
            evaluate: a function of the parameters that returns a result, as `tell` takes it.
            budget: the total number of evaluations, those in the study included.
            batch: the number of simultaneous evaluations.
            executor: of the evaluations, such as `concurrent.futures.ProcessPoolExecutor` or one with its methods; by
                default they run in this thread. A trial whose worker died is evaluated again.
            catch: exceptions of `evaluate` after which the run continues, such as `(ValueError,)`. A trial for which
                `evaluate` raises has failed, with the exception as its reason; other exceptions are then passed on.
            lost: exceptions of an executor of another library for a dead worker, such as dask's `KilledWorker`.
            progress: called with the study after new results.

        Raises:
            SettingsError: the budget or the batch is not an integer above 0.
            TrialError: all evaluations failed.

        Example:
            >>> from gdopt import RandomSearch, Real, Space
            >>> study = Study(Space([Real("x", 0, 1)]), direction="maximize", algorithm=RandomSearch())
            >>> study.optimize(lambda params: params["x"], budget=5).value == max(t.value for t in study.trials)
            True
        """
        run(self, evaluate, budget=budget, batch=batch, executor=executor, catch=catch, lost=lost, progress=progress)
        failed = [trial for trial in self.state.trials if trial.status is Status.FAILED]
        if failed and not self.state.done:
            why = f": {failed[-1].reason}" if failed[-1].reason else ""
            raise TrialError(f"all {len(failed)} evaluations failed; the last was trial {failed[-1].id}{why}")
        return self.best

    # --- the definition of the study ---

    @property
    def store(self) -> Store:
        """The store of the study."""
        return self._session.store

    @property
    def state(self) -> State:
        """The state that algorithms receive: all trials, with values that are higher the better."""
        return self._session.state

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """The objectives, in the given order."""
        return self.config.objectives

    @property
    def objective(self) -> str:
        """The name of the first objective."""
        return self.objectives[0].name

    @property
    def direction(self) -> Direction:
        """The direction of the first objective."""
        return self.objectives[0].direction

    @property
    def outcome_constraints(self) -> tuple[OutcomeConstraint, ...]:
        """The outcome constraints."""
        return self.config.outcome_constraints

    # --- results ---

    @property
    def revision(self) -> int:
        """The number of events in the journal: it grows with every change."""
        return self._session.count

    @property
    def trials(self) -> list[Trial]:
        """All trials by id, with values in the user's direction."""
        return [self._facing_user(t) for t in self.state.trials]

    @property
    def pending(self) -> list[Trial]:
        """The trials without a result."""
        return list(self.state.pending)

    @property
    def best(self) -> Trial:
        """The trial with the best value; of a design with replicates, the first trial with their mean.

        With outcome constraints, it is the best feasible trial. The mean is weighted by the standard errors where all
        replicates have one (`gdopt.trials.replicates.pooled`).

        Raises:
            TrialError: no trial has a value yet, none is known to be feasible, or there are several objectives.
        """
        if self.config.several:
            raise TrialError(f"there are {len(self.objectives)} objectives, and no best trial of all: see pareto")
        found = incumbent(self.outcome_constraints, self._fit())
        assert found is not None
        return self._facing_user(found)

    @property
    def pareto(self) -> list[Trial]:
        """The Pareto-optimal trials, sorted by the first objective, best first; with one objective, the best trials.

        With outcome constraints, only feasible trials are compared; a trial needs values of all objectives.

        Raises:
            TrialError: no trial has values of all objectives yet, or none is known to be feasible.
        """
        fit, values = self._valued()
        found = [t for t, best in zip(fit, is_pareto_optimal(values), strict=True) if best]
        return [self._facing_user(t) for t in sorted(found, key=lambda t: -(t.value or 0.0))]

    @property
    def hypervolume(self) -> float:
        """The hypervolume of the trials beyond the reference point, in the product of the units of the objectives.

        It is 0, with a warning, if no trial is better than the reference point in all objectives.

        Raises:
            TrialError: no trial has values of all objectives yet, or none is known to be feasible.
        """
        _, values = self._valued()
        reference = reference_point(self.config, values)
        found = hypervolume(values, reference)
        if found == 0:
            point = {one.name: one.sign * at for one, at in zip(self.objectives, reference, strict=True)}
            warnings.warn(
                f"the hypervolume is 0: no trial is better than the reference {point} in all objectives; "
                "a reference is the worst value of each that is of any interest",
                stacklevel=2,
            )
        return found

    def _fit(self) -> list[Trial]:
        """The trials with a value that are known to be feasible."""
        if not self.state.done:
            raise TrialError("no trial has a value yet")
        fit = [t for t in self.state.done if is_feasible(self.outcome_constraints, t)]
        if not fit:
            raise TrialError(f"no trial is known to satisfy {', '.join(map(str, self.outcome_constraints))}")
        return fit

    def _valued(self) -> tuple[list[Trial], list[Row]]:
        """The feasible trials with values of all objectives, and these values, higher is better."""
        trials, values = with_all_objectives(self.config, self._fit())
        if not trials:
            names = [one.name for one in self.objectives]
            raise TrialError(f"no trial has all of {names} yet: tell those that are missing")
        return trials, values

    @property
    def rounds(self) -> list[RoundSummary]:
        """A summary of each `ask`: the sources of its trials and their results."""
        hypervolumes = hypervolume_history(self.config, self.state.trials) if self.config.several else []
        return summarize_rounds(self.config, self.state.trials, self.state.notes, hypervolumes)

    def history(self, id: SupportsIndex | Trial) -> list[Event]:
        """The events of a trial, or of the trial of an id, in their order.

        Raises:
            UnknownTrialError: there is no trial of that id.
        """
        self.refresh()
        found = events.known_trial(self.state, id).id
        return [entry for entry in self.store.entries() if events.concerns(entry, found)]

    def to_frame(self) -> "pd.DataFrame":
        """A data frame with a row for each trial.

        Its columns are id, round, status, source, the objective by its name, sem (the standard error), each parameter,
        two columns for each other outcome (its value and its standard error), worker and reason. With outcome
        constraints there is a column feasible: the probability of feasibility when the trial was proposed. There is a
        column outside if the parameters of a trial lie outside the space. An outcome or a parameter with the name of
        another column has "outcomes." or "params." before its name (`gdopt.study.headings`). Inactive parameters are
        missing values.
        """
        return trials_frame(self.trials, self.space, self.config, self.outcomes)

    def plot(self, path: str | Path | None = None) -> "Figure":
        """A figure of all values and of the best value so far, by the order of trials; written to `path` if given.

        With several objectives, a figure of the trials and the Pareto front for each pair of objectives, and of the
        hypervolume so far.
        """
        # Imported here: Matplotlib is needed only where a figure is drawn.
        from gdopt.study.figures import front, progress

        draw = front if self.config.several else progress
        return draw(self.state.trials, self.config, path)

    # --- storage ---

    def _write(
        self,
        change: Callable[[], Sequence[Event | None]],
        worker: str | None = None,
        key: str | None = None,
        tensors: bytes | None = None,
    ) -> list[Event]:
        """Append the events of a change: see `Session.write`."""
        return self._session.write(change, self._new_study, as_text("worker", worker), key, tensors)

    def _new_study(self) -> tuple[Header, list[bytes]]:
        return new_study({**self._session.header, "batch": self.batch}, self.space, self.algorithm)

    def _given_out(
        self, n: int, fixed: Params, lease: float | None, worker: str | None, key: str | None, repeat: bool
    ) -> list[int]:
        """The ids of n trials; with a lease, expired trials come first."""
        until = None if lease is None else time.time() + lease
        ids = [] if lease is None else self._session.expired(n, fixed)
        if len(ids) < n:
            return self._propose(n - len(ids), fixed, ids, until, worker, key, repeat)
        self._write(lambda: [events.leased(self.state, ids, until)], worker, key)
        return ids

    def _propose(
        self,
        n: int,
        fixed: Params,
        again: Sequence[int],
        until: float | None,
        worker: str | None,
        key: str | None,
        repeat: bool,
    ) -> list[int]:
        """The ids of at most n new trials of the algorithm, after the ids of trials that are given out again."""
        self._session.restore()
        began = time.perf_counter()
        before = replace(self.state, fixed=fixed)
        after = ask_or_repeat(self.algorithm, before, n, repeat)
        note = {**after.notes[-1], "seconds": time.perf_counter() - began}
        new = after.trials[len(before.trials) :]
        check_fixed(self.algorithm, before, after)
        learned = bool(after.tensors) and after.tensors is not before.tensors
        # Unlike any other study's file in the database, which would go when this one is replaced.
        tensors = files.packed(after.tensors, {"unique": uuid.uuid4().hex}) if learned else None
        with self._session.lock:
            refused = after.refused[len(before.refused) :]
            wanted = len(again) + n if len(new) < n else None
            (entry,) = self._write(
                lambda: [events.asked(self.state, new, note, again, until, refused, wanted)], worker, key, tensors
            )
            if learned:
                self._session.keep_tensors(after.tensors)
        return events.given_out(entry)

    def _plain(self, fixed: Params) -> Params:
        """Fixed parameters as plain values.

        Raises:
            SpaceError: a value is not in the space.
        """
        self.space.check_some(fixed)
        return {p.name: p.plain(fixed[p.name]) for p in self.space.parameters if p.name in fixed}

    # --- conversions between the user's direction and maximization ---

    @property
    def _sign(self) -> float:
        return self.objectives[0].sign

    def _trial(self, id: int) -> Trial:
        return self._facing_user(self.state.trials[id])

    def _facing_user(self, trial: Trial) -> Trial:
        """The trial with its result in the user's direction."""
        return trial if trial.result is None else replace(trial, result=in_maximization_sense(trial.result, self._sign))

    def _report(self, told: Any, gradient: Any = None, params: Any = None, note: Any = "") -> Report:
        """The result of a trial in plain numbers."""
        return reported(self.outcomes, self.space, told, gradient, params, note)

    def _id(self, trial: object) -> int:
        """The id of a trial or of an id; the events check that it exists."""
        id = None if isinstance(trial, Trial) else whole(trial)
        return events.known_trial(self.state, trial).id if id is None else id

    def _ids(self, trials: Iterable[object]) -> list[int]:
        return [self._id(one) for one in trials]

    def _gone(self, ids: Sequence[int], end: Status, why: str) -> Event | None:
        return events.given_up(self.state, ids, end, why, self._sign)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_latest"}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        self.__dict__ |= kept
        self._latest = threading.local()
