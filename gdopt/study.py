"""The one mutable object: a space, an algorithm, the state so far, and where it is kept."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Literal, cast

from scipy.stats import spearmanr

from gdopt import algorithm as protocol
from gdopt.algorithm import Algorithm, Result, State, Status, Trial, check_seed, settle
from gdopt.codec import check_gradient
from gdopt.errors import ResultError, SettingsError, StoreError, TrialError
from gdopt.guided import GuidedDiffusion
from gdopt.replicates import merged
from gdopt.space import Params, Space
from gdopt.store import FileStore, Store

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Outcome", "Round", "Study"]

Direction = Literal["maximize", "minimize"]
Outcome = float | tuple[float, float]


@dataclass(frozen=True, slots=True)
class Round:
    """What one `ask` proposed and what came of it.

    Args:
        number: from 0.
        asked: trials proposed.
        told: trials done so far.
        best: the round's best value, in the user's direction; None before any is told.
        median: the round's median value.
        sources: for each part of the algorithm, how many of the trials it proposed.
        winner: the part that proposed the round's best trial.
        rank_correlation: Spearman's, between the surrogate's predictions and the values told; None below three values.
        mass_lift: how many times likelier than the prior the candidates were to be among its best tenth, by the
            surrogate.
        scale: the contraction of the prior.
        seconds: that the `ask` took.
    """

    number: int
    asked: int
    told: int
    best: float | None
    median: float | None
    sources: Mapping[str, int]
    winner: str | None
    rank_correlation: float | None
    mass_lift: float | None
    scale: float | None
    seconds: float


class Study:
    """Ask what to try, tell what came of it; stop at any time and go on from the same file.

    Args:
        space: what may be tried.
        direction: "maximize" or "minimize"; values go in and come out in this sense.
        algorithm: how trials are found; `GuidedDiffusion()` by default.
        storage: a file to keep the study in; if it exists, the study goes on from it. In memory only, if left out.
        seed: of every random draw: the same seed and the same results give the same trials.

    Raises:
        SettingsError: the direction is neither of the two, or the seed is no whole number from 0 on.
        SpaceError: the algorithm cannot work in the space.
        StoreError: the file is unreadable, or holds a study of another space, direction or seed.
    """

    def __init__(
        self,
        space: Space,
        *,
        direction: Direction,
        algorithm: Algorithm | None = None,
        storage: str | Path | Store | None = None,
        seed: int = 0,
    ) -> None:
        if direction not in ("maximize", "minimize"):
            raise SettingsError(f"direction = {direction!r}: expected 'maximize' or 'minimize'")
        check_seed(seed)
        self.space = space
        self.direction: Direction = direction
        self.algorithm: Algorithm = GuidedDiffusion() if algorithm is None else algorithm
        self.store = FileStore(storage) if isinstance(storage, str | Path) else storage
        self.state = self.algorithm.init(space, seed)
        if self.store is not None and (kept := self.store.load()) is not None:
            self.state = _matching(kept, self.state, direction)

    def ask(self, n: int = 1) -> list[Trial]:
        """n new trials, in one batch; they are kept before they are returned, so no id is given out twice.

        Raises:
            SettingsError: n is not a whole number above 0.
        """
        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            raise SettingsError(f"ask(n = {n!r}): expected a whole number above 0")
        began = time.perf_counter()
        state = self.algorithm.ask(self.state, n)
        note = {**state.notes[-1], "seconds": time.perf_counter() - began}
        self._keep(replace(state, notes=(*state.notes[:-1], note)))
        return self.trials[-n:]

    def tell(
        self,
        results: Mapping[int, Outcome] | int,
        value: Outcome | None = None,
        *,
        gradient: Mapping[str, float] | None = None,
    ) -> None:
        """Record results, in any order and as many as there are: all of them or, on an error, none.

        `tell({0: 1.5, 3: 0.7})`, `tell(0, 1.5)`, `tell(0, (1.5, 0.1))` with a standard error, or
        `tell(0, 1.5, gradient={"x": 0.3})` with the derivative of the value by each parameter, in the user's units.

        Raises:
            TrialError: an id is unknown, or its trial is not pending any more.
            ResultError: a value, a standard error or a gradient is not a finite number.
        """
        if isinstance(results, Mapping):
            if value is not None or gradient is not None:
                raise ResultError("tell() takes a mapping of ids to results, or one id, value and gradient")
            given = {id: self._result(one, None) for id, one in results.items()}
        else:
            given = {results: self._result(value, gradient)}
        self._keep(settle(self.state, given, self._sign))

    def fail(self, *ids: int) -> None:
        """Record that trials were tried and gave no value; they are not asked for again."""
        self._keep(settle(self.state, dict.fromkeys(ids, Status.FAILED), self._sign))

    def abandon(self, *ids: int) -> None:
        """Record that trials will not be tried."""
        self._keep(settle(self.state, dict.fromkeys(ids, Status.ABANDONED), self._sign))

    def add(self, params: Params, value: Outcome, *, gradient: Mapping[str, float] | None = None) -> Trial:
        """Record a result that was not asked for, such as one from before the study.

        Raises:
            SpaceError: the parameters are not in the space.
            ResultError: the value, its error or the gradient is not a finite number.
        """
        self._keep(protocol.add(self.state, params, self._result(value, gradient)))
        return self.trials[-1]

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

        The mean is weighted by the standard errors where all were told (`gdopt.replicates.pooled`).

        Raises:
            TrialError: no trial has a value yet.
        """
        if not self.state.done:
            raise TrialError("no trial has a value yet: tell() one first")
        return self._facing_user(max(merged(self.state.done), key=lambda t: t.value or 0.0))

    @property
    def rounds(self) -> list[Round]:
        """What each `ask` proposed and what came of it."""
        trials = self.trials
        return [
            _round(number, note, [t for t in trials if t.round == number], self._sign)
            for number, note in enumerate(self.state.notes)
        ]

    def to_frame(self) -> "pd.DataFrame":
        """A row for each trial: id, round, status, source, value, sem, and a column for each parameter.

        A parameter that is called like one of the first six has "params." before its name.
        """
        import pandas as pd

        rows = [
            (t.id, t.round, t.status.value, t.source, t.value, t.result.sem if t.result else None, *t.params.values())
            for t in self.trials
        ]
        own = ["id", "round", "status", "source", "value", "sem"]
        named = [f"params.{name}" if name in own else name for name in self.space.names]
        return pd.DataFrame(rows, columns=[*own, *named])

    def plot(self, path: str | Path | None = None) -> "Figure":
        """A figure of all values and the best so far, by the order of trials; written to `path` if given."""
        from gdopt.plot import progress

        return progress(self, path)

    @property
    def _sign(self) -> float:
        return 1.0 if self.direction == "maximize" else -1.0

    def _keep(self, state: State) -> None:
        if self.store is not None:
            self.store.save(state, self.direction)
        self.state = state

    def _result(self, outcome: Outcome | None, gradient: Mapping[str, float] | None) -> Result:
        """What was told, in the sense that higher is better."""
        value, sem = outcome if isinstance(outcome, tuple) and len(outcome) == 2 else (outcome, None)
        try:
            number, error = float(cast(float, value)), None if sem is None else float(sem)
        except (TypeError, ValueError) as cause:
            raise ResultError(f"a result must be a number or (number, standard error), got {outcome!r}") from cause
        try:
            slopes = None if gradient is None else {k: float(v) for k, v in gradient.items()}
        except (TypeError, ValueError) as cause:
            raise ResultError(f"a gradient must be numbers by parameter, got {gradient!r}") from cause
        if slopes is not None:
            check_gradient(self.space, slopes)
        return self._turned(Result(number, error, slopes))

    def _facing_user(self, trial: Trial) -> Trial:
        """The trial with its result in the user's direction."""
        return trial if trial.result is None else replace(trial, result=self._turned(trial.result))

    def _turned(self, result: Result) -> Result:
        """The result in the other sense where the user minimizes: from the user's to higher is better, and back."""
        if self._sign > 0:
            return result
        slopes = None if result.gradient is None else {k: -v for k, v in result.gradient.items()}
        return Result(-result.value, result.sem, slopes)


def _matching(kept: tuple[State, str], fresh: State, direction: str) -> State:
    state, kept_direction = kept
    for name, theirs, ours in (
        ("space", state.space, fresh.space),
        ("direction", kept_direction, direction),
        ("seed", state.seed, fresh.seed),
    ):
        if theirs != ours:
            raise StoreError(f"the file holds a study of another {name}: {theirs}, this one has {ours}")
    return state


# A rank correlation of fewer values says nothing.
LEAST_RANKED = 3


def _round(number: int, note: Mapping[str, float], trials: list[Trial], sign: float) -> Round:
    done = [t for t in trials if t.value is not None]
    values = [t.value for t in done if t.value is not None]
    best = max(done, key=lambda t: sign * (t.value or 0.0), default=None)
    names = [t.source for t in trials]
    return Round(
        number=number,
        asked=len(trials),
        told=len(done),
        best=best.value if best else None,
        median=median(values) if values else None,
        sources={name: names.count(name) for name in dict.fromkeys(names)},
        winner=best.source if best else None,
        rank_correlation=_rank_correlation(done, sign),
        mass_lift=note.get("mass_lift"),
        scale=note.get("scale"),
        seconds=note["seconds"],
    )


def _rank_correlation(done: list[Trial], sign: float) -> float | None:
    pairs = [(t.predicted, sign * t.value) for t in done if t.predicted is not None and t.value is not None]
    if len(pairs) < LEAST_RANKED or min(len(set(column)) for column in zip(*pairs, strict=True)) < 2:
        return None
    return float(spearmanr(*zip(*pairs, strict=True)).statistic)
