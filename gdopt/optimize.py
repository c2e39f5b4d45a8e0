"""The whole loop in one call, for objectives that a program can evaluate."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from gdopt.algorithm import Algorithm, Status, Trial
from gdopt.errors import SettingsError
from gdopt.space import Params, Space
from gdopt.store import Store
from gdopt.study import Direction, Outcome, Study

__all__ = ["maximize", "minimize"]

Bounds = Sequence[tuple[float, float]]


def maximize(
    objective: Callable[[Params], Outcome],
    space: Space | Bounds,
    *,
    budget: int,
    batch: int = 1,
    algorithm: Algorithm | None = None,
    storage: str | Path | Store | None = None,
    seed: int = 0,
    progress: Callable[[Study], None] | None = None,
) -> Trial:
    """The trial of the highest value, after `budget` evaluations.

    A value that is NaN or infinite is a failed trial, which counts as an evaluation. What the objective raises is
    passed on, after the values before it in the batch have been kept.

    Args:
        objective: parameters to a value, or to (value, standard error).
        space: what may be tried; or (low, high) pairs, for parameters x0, x1, ...
        budget: evaluations in all, those in `storage` included.
        batch: evaluations between one proposal and the next.
        algorithm: how trials are found; `GuidedDiffusion()` by default.
        storage: a file to keep the study in, and to go on from.
        seed: of every random draw.
        progress: called with the study after each batch.

    Raises:
        SettingsError: the budget or the batch is not a whole number above 0.
        TrialError: every evaluation failed.
    """
    return _run("maximize", objective, space, budget, batch, algorithm, storage, seed, progress)


def minimize(
    objective: Callable[[Params], Outcome],
    space: Space | Bounds,
    *,
    budget: int,
    batch: int = 1,
    algorithm: Algorithm | None = None,
    storage: str | Path | Store | None = None,
    seed: int = 0,
    progress: Callable[[Study], None] | None = None,
) -> Trial:
    """The trial of the lowest value, after `budget` evaluations; otherwise as `maximize`."""
    return _run("minimize", objective, space, budget, batch, algorithm, storage, seed, progress)


def _run(
    direction: Direction,
    objective: Callable[[Params], Outcome],
    space: Space | Bounds,
    budget: int,
    batch: int,
    algorithm: Algorithm | None,
    storage: str | Path | Store | None,
    seed: int,
    progress: Callable[[Study], None] | None,
) -> Trial:
    if not all(isinstance(count, int) and count >= 1 for count in (budget, batch)):
        raise SettingsError(f"budget = {budget}, batch = {batch}: expected whole numbers above 0")
    space = space if isinstance(space, Space) else Space.from_bounds(space)
    study = Study(space, direction=direction, algorithm=algorithm, storage=storage, seed=seed)
    # A study that was stopped within a batch first measures what it had asked for.
    waiting = study.pending
    while (left := budget - _spent(study)) > 0:
        _evaluate(study, waiting[:left] or study.ask(min(batch, left)), objective)
        waiting = []
        if progress is not None:
            progress(study)
    return study.best


def _spent(study: Study) -> int:
    return sum(t.status in (Status.DONE, Status.FAILED) for t in study.state.trials)


def _evaluate(study: Study, trials: Sequence[Trial], objective: Callable[[Params], Outcome]) -> None:
    """Measure trials and record them, as far as the objective came."""
    outcomes: dict[int, Outcome] = {}
    try:
        for trial in trials:
            outcomes[trial.id] = objective(trial.params)
    finally:
        failed = [id for id, outcome in outcomes.items() if not _is_finite(outcome)]
        study.tell({id: outcome for id, outcome in outcomes.items() if id not in failed}, failed=failed)


def _is_finite(outcome: Outcome) -> bool:
    """Whether there is a value; what is no number at all is for `tell` to refuse."""
    value = outcome[0] if isinstance(outcome, tuple) and outcome else outcome
    try:
        return math.isfinite(value)
    except TypeError:
        return True
