"""The study: ask for trials, tell their results, and look at them."""

import json
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsFloat, SupportsIndex

from gdopt import files
from gdopt.algorithms.base import Algorithm, capabilities, check_fixed
from gdopt.algorithms.repeats import ask_or_repeat
from gdopt.algorithms.serialization import StoredAlgorithm, default_algorithm, serialize
from gdopt.arguments import Array, check_flags, checked_seed, plain_text, shown, whole
from gdopt.errors import ResultError, SettingsError, StoreError, TrialError
from gdopt.renamed import renamed
from gdopt.space.parameters import Params
from gdopt.space.serialization import table_content, to_json
from gdopt.space.space import Space
from gdopt.storage import events
from gdopt.storage.events import Event, Report, in_maximization_sense
from gdopt.storage.store import Header, Store, content_hash
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
    directions_of,
    objective_to_json,
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
    """Ask what to try, tell what came of it; stop at any time and go on from the same file.

    Args:
        space: what may be tried.
        direction: "maximize" or "minimize"; values go in and come out in this sense. Of several objectives, a direction
            for each by its name, such as `{"yield": "maximize", "cost": "minimize"}`.
        objective: what is maximized or minimized is called, if it is one.
        reference_point: of several objectives, the worst value of each that is of any interest, by name: the
        hypervolume is
            measured from there. Those left out are inferred from what was measured.
        outcome_constraints: on other outcomes, such as "impurity <= 2"; a trial that breaks one is never the best.
        tracking_metrics: names of outcomes that are told and kept only.
        algorithm: how trials are found; `GuidedDiffusion()` by default.
        storage: the path of a file to keep the study in, or the URL of a PostgreSQL database, or a `Store`; if there is
            a study, it goes on. In memory only, if left out.
        name: of the study, if the storage holds several.
        seed: of every random draw: the same seed and the same results give the same trials.
        batch: trials that `ask` gives where it is not said how many.

    Any number of threads and processes may have the same study open: what one was told, the others know when they ask
    or tell next, or at `refresh`. What was told is on the disk when the call returns. A call that is repeated, because
    its answer was lost, changes nothing: ids are given out once, and told twice is told once.

    Raises:
        SettingsError: a direction is neither of the two, an outcome is named twice, a reference is of no objective, the
            algorithm takes one objective and there are several, the seed is no whole number from 0 on, or the batch
            none above 0.
        SpaceError: the algorithm cannot work in the space.
        StoreError: the storage is unreadable, or holds a study of another space, direction, seed or other outcomes.
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
        self._session = Session(store, self._described(tracking_metrics, seed), state)
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
        """The study that is kept there, with its space, outcomes, seed and algorithm.

        Args:
            storage: as above.
            name: as above.
            algorithm: in place of the one that is kept; needed if that is not one of gdopt's own.

        Raises:
            StoreError: there is no study, it is unreadable, or its algorithm is not kept.
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
        """Begin the study in its storage now, although nothing was asked or told yet."""
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
        """n new trials, in one batch; they are kept before they are returned, so no id is given out twice.

        No design is proposed again while one is left that was neither asked for nor added. A space without real numbers
        has finitely many: where fewer than n are left, these are returned, and then there is an error.

        Args:
            n: how many; by default the study's batch, or as many as were asked for with the key.
            fixed: parameters that all of them are to have, such as `{"solvent": "DMF"}`.
            key: of this batch, such as "plate-7": asked again with it, the same trials come back.
            worker: who will try them.
            lease: seconds after which they may be given to another worker, who asks with a lease too: first come those
                whose lease has run out. Without one they are never given out again by themselves. A result that comes
                late is taken all the same.
            repeat: once no other design is left, the best ones are measured again.

        Raises:
            ExhaustedError: no design is left that was not tried, and none is to be or can be repeated.
            SettingsError: n is not a whole number above 0, the lease is not above 0, the key or the worker is no text,
                the key is of a batch of another size or with other fixed parameters or of something else, or the
                algorithm cannot fix parameters, or too few designs are allowed.
            SpaceError: a fixed value is not in the space, or the constraints leave nothing to try beside it, or a
                conditional parameter is fixed, and its parents are not fixed to levels at which it counts.
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
        """The batch that was asked for with a key; none if nothing was."""
        key = plain_text("key", key)
        self.refresh()
        return [self._trial(id) for id in self._session.asked_with(key, None, {})] if key in self._session.keys else []

    def release(self, *ids: SupportsIndex | Trial) -> None:
        """Give pending trials back, by their ids or as they are: whoever asks with a lease next gets them.

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
        """Record results, in any order and as many as there are: all of them or, on an error, none.

        `tell({0: 1.5, 3: 0.7})`, `tell(0, 1.5)`, `tell(trial, 1.5)`, `tell([(trial, 1.5), ...])`,
        `tell(0, (1.5, 0.1))` with a standard error, `tell(0, {"yield": 83.0, "impurity": (1.2, 0.1)})` with several
        outcomes, or `tell(0, 1.5, gradient={"x": 0.3})` with the derivative of the value by each parameter, in the
        user's units. `tell([1.5, 0.7])` has a value for each trial of the last `ask` of this thread, in their order.
        Outcomes that are not known yet may follow later: a trial is done when its objective is told.

        Args:
            results: by the trials' ids; or one trial or its id; or a list of pairs of such a one and its result; or a
                list or an array of values. A `gdopt.storage.events.Report` says gradient, parameters and note as well.
            value: of the one.
            gradient: of the one's objective.
            params: the parameters that were tried, if they are not those that were proposed: by name, or as an array in
                the order of the space. They may lie a little outside the bounds, or off a constraint
                (`Space.check_tried`): then the trial is marked, learned from, and nothing like it is proposed.
            failed: ids of trials that gave no value, or these trials, recorded with the results or not at all; with a
                reason for each if it is a mapping.
            abandoned: the same of trials that will not be tried.
            worker: who tells it, which `history` keeps.

        Returns:
            Whether anything of it was new.

        Raises:
            TrialError: an id is unknown, or its trial was told another value, or failed, or was abandoned.
            ResultError: a value, a standard error or a gradient is not a finite number, or an outcome is unknown, or
                there are more or fewer values than trials.
            SpaceError: the parameters cannot have been tried in the space.
            SettingsError: a reason is no string.
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
        """Record that trials were tried and gave no value; they are not asked for again.

        Args:
            ids: of the trials.
            reason: why.
            worker: who says so, which `history` keeps.

        Raises:
            TrialError: an id is unknown, or its trial is done or abandoned, or failed for another reason.
            SettingsError: the reason is no string.
        """
        why = plain_text("reason", reason)
        self._write(lambda: [self._gone(self._ids(ids), Status.FAILED, why)], worker)

    def abandon(self, *ids: SupportsIndex | Trial, reason: str = "", worker: str | None = None) -> None:
        """Record that trials will not be tried.

        Args:
            ids: of the trials.
            reason: why.
            worker: who says so, which `history` keeps.

        Raises:
            TrialError: an id is unknown, or its trial is done or failed, or abandoned for another reason.
            SettingsError: the reason is no string.
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
        """Correct what was told of a trial; `history` keeps what was there before.

        Args:
            id: of a trial that is done, failed or abandoned, or this trial.
            value: the right one; None if it has failed.
            reason: why, in words.
            gradient, params: as `tell` takes them.
            worker: who corrects it, which `history` keeps.

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
        """Record a result that was not asked for: one from before the study, or a repeated measurement of a design.

        Args:
            params: the design that was tried: by name, as an array in the order of the space, or a trial's. It may lie
                a little outside the bounds as in `tell`.
            value: as `tell` takes it; the objective among the outcomes.
            failed: whether the design gave no value.
            reason: why it failed, or a note.
            gradient: of the objective.
            key: added again with it, the same trial comes back.
            outside: whether the parameters may lie far outside the bounds and off the constraints, such as results of a
                study of a wider space.
            worker: who measured it.

        Raises:
            SpaceError: the parameters cannot have been tried in the space.
            ResultError: the value, its error or the gradient is not a finite number, or the objective is missing, or a
                design that failed has a value.
            SettingsError: the reason is no string.
            TrialError: the key is that of something else.
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
        """Record results that were not asked for, each by a key of its own: all of them or, on an error, none.

        Args:
            rows: parameters and value, as `add` takes them, by key; a `gdopt.storage.events.Report` without a result
            is of a
                design that failed. What was added with a key before is left as it is.
            outside: as `add` takes it.

        Returns:
            The trials that are new.

        Raises:
            SpaceError, ResultError: as `add` does.
            SettingsError: the rows are no such mapping.
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
        """Take in what others have asked for and told."""
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
        """The best trial after as many evaluations as bring the study to its budget: `gdopt.study.runner.run`.

        Args:
            evaluate: parameters to what `tell` takes.
            budget: evaluations in all, those in the study included.
            batch: how many at once.
            executor: where to evaluate, such as `concurrent.futures.ProcessPoolExecutor` or one like it; here by
                default. Workers may die: what they had is evaluated again.
            catch: exceptions of `evaluate` after which the run goes on, such as `(ValueError,)`. A design on which
                `evaluate` raises has failed, with the exception as its reason; other exceptions are passed on then.
            lost: what an executor of another library raises whose worker died, such as dask's `KilledWorker`.
            progress: called with the study as results come in.

        Raises:
            SettingsError: the budget or the batch is not a whole number above 0.
            TrialError: every evaluation failed.
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
        """What is maximized or minimized, in the order that was given."""
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
        """Limits on other outcomes."""
        return self.config.outcome_constraints

    # --- what is known ---

    @property
    def revision(self) -> int:
        """How much has happened: a number that grows with every change."""
        return self._session.count

    @property
    def trials(self) -> list[Trial]:
        """Everything asked for or added, by id, with values in the user's direction."""
        return [self._facing_user(t) for t in self.state.trials]

    @property
    def pending(self) -> list[Trial]:
        """The trials that wait for their result."""
        return list(self.state.pending)

    @property
    def best(self) -> Trial:
        """The trial of best value; of a design that was measured repeatedly, the first with the mean of them all.

        With limits, the best of those whose outcomes satisfy them all. The mean is weighted by the standard errors
        where all were told (`gdopt.trials.replicates.pooled`).

        Raises:
            TrialError: no trial has a value yet, none satisfies the limits, or there are several objectives.
        """
        if self.config.several:
            raise TrialError(f"there are {len(self.objectives)} objectives, and no best trial of all: see pareto")
        found = incumbent(self.outcome_constraints, self._fit())
        assert found is not None
        return self._facing_user(found)

    @property
    def pareto(self) -> list[Trial]:
        """The trials that no other dominates, by the first objective, the best first; of one objective, the best.

        With limits, of those whose outcomes satisfy them all. A trial counts once all of its objectives are told.

        Raises:
            TrialError: no trial has its values yet, or none satisfies the limits.
        """
        fit, values = self._valued()
        found = [t for t, best in zip(fit, is_pareto_optimal(values), strict=True) if best]
        return [self._facing_user(t) for t in sorted(found, key=lambda t: -(t.value or 0.0))]

    @property
    def hypervolume(self) -> float:
        """How much the trials dominate beyond the reference, in the product of the objectives' units.

        It is 0, with a warning, if no trial is better than the reference in all objectives: then it tells none apart.

        Raises:
            TrialError: no trial has its values yet, or none satisfies the limits.
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
        """The trials that have a value and satisfy the limits."""
        if not self.state.done:
            raise TrialError("no trial has a value yet")
        fit = [t for t in self.state.done if is_feasible(self.outcome_constraints, t)]
        if not fit:
            raise TrialError(f"no trial is known to satisfy {', '.join(map(str, self.outcome_constraints))}")
        return fit

    def _valued(self) -> tuple[list[Trial], list[Row]]:
        """The trials that satisfy the limits and have all of their objectives, and these, higher the better."""
        trials, values = with_all_objectives(self.config, self._fit())
        if not trials:
            names = [one.name for one in self.objectives]
            raise TrialError(f"no trial has all of {names} yet: tell those that are missing")
        return trials, values

    @property
    def rounds(self) -> list[RoundSummary]:
        """What each `ask` proposed and what came of it."""
        hypervolumes = hypervolume_history(self.config, self.state.trials) if self.config.several else []
        return summarize_rounds(self.config, self.state.trials, self.state.notes, hypervolumes)

    def history(self, id: SupportsIndex | Trial) -> list[Event]:
        """All that happened to a trial, given by its id or as it is, first to last.

        Raises:
            UnknownTrialError: there is no trial of that id.
        """
        self.refresh()
        found = events.known_trial(self.state, id).id
        return [entry for entry in self.store.entries() if events.concerns(entry, found)]

    def to_frame(self) -> "pd.DataFrame":
        """A row for each trial: id, round, status, source, value, sem, and a column for each parameter.

        After them two columns for each other outcome, its value and its standard error, then worker and reason. The
        objective's column has its name. With limits there is a column feasible too: how likely they seemed to hold when
        the trial was proposed; and a column outside, where a trial was tried outside of the space. An outcome or a
        parameter that is called like another column has "outcomes." or "params." before its name
        (`gdopt.study.headings`). What does not count in a trial is missing.
        """
        return trials_frame(self.trials, self.space, self.config, self.outcomes)

    def plot(self, path: str | Path | None = None) -> "Figure":
        """A figure of all values and the best so far, by the order of trials; written to `path` if given.

        Of several objectives, the trials and their front by each two of them, and the hypervolume so far.
        """
        # Imported here: Matplotlib is needed only where a figure is drawn.
        from gdopt.study.figures import front, progress

        draw = front if self.config.several else progress
        return draw(self.state.trials, self.config, path)

    # --- how it is kept ---

    def _described(self, tracked: Sequence[str], seed: int) -> Header:
        """The header of the study, without the algorithm."""
        header = {
            "format": FORMAT,
            "space": to_json(self.space),
            "direction": self.direction,
            "objective": self.objective,
            "limits": [asdict(limit) for limit in self.outcome_constraints],
            "tracked": list(tracked),
            "seed": seed,
        }
        if self.config.several:
            header["objectives"] = [objective_to_json(one) for one in self.objectives]
        # As it is read back: with lists in place of tuples.
        plain: Header = json.loads(json.dumps(header))
        return plain

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
        """The header of the study with its algorithm, and the files that it names."""
        contents: list[bytes] = []

        def keep(content: bytes) -> str:
            contents.append(content)
            return content_hash(content)

        header: dict[str, Any] = {**self._session.header, "batch": self.batch}
        if (rows := table_content(self.space)) is not None:
            header["table"] = content_hash(rows)
        algorithm: dict[str, Any] | None
        try:
            algorithm = serialize(self.algorithm, keep)
        except SettingsError:
            algorithm, contents = None, []
        if rows is not None:
            contents.append(rows)
        return {**header, "algorithm": algorithm}, contents

    def _given_out(
        self, n: int, fixed: Params, lease: float | None, worker: str | None, key: str | None, repeat: bool
    ) -> list[int]:
        """The ids of n trials: with a lease, first those whose lease has run out."""
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
        """The ids of n trials of the algorithm, or of as many as are left, after those that are given out again."""
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

    # --- what the user says and hears ---

    @property
    def _sign(self) -> float:
        return self.objectives[0].sign

    def _trial(self, id: int) -> Trial:
        return self._facing_user(self.state.trials[id])

    def _facing_user(self, trial: Trial) -> Trial:
        """The trial with its result in the user's direction."""
        return trial if trial.result is None else replace(trial, result=in_maximization_sense(trial.result, self._sign))

    def _report(self, told: Any, gradient: Any = None, params: Any = None, note: Any = "") -> Report:
        """What was told, in plain numbers."""
        return reported(self.outcomes, self.space, told, gradient, params, note)

    def _id(self, trial: object) -> int:
        """The id of a trial that is given by it or as it is; the journal checks whether there is such an id."""
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
