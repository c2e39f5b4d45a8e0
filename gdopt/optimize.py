"""The whole loop in one call, for objectives that a program can evaluate: here, or in the workers of an executor."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import SupportsFloat, SupportsIndex

from gdopt.algorithms.base import Algorithm
from gdopt.arguments import Array
from gdopt.space.space import Space
from gdopt.storage.store import Store
from gdopt.study.runner import Catch, Evaluate, Executor
from gdopt.study.study import Study
from gdopt.trials.objectives import Direction
from gdopt.trials.trial import Trial

__all__ = ["maximize", "minimize"]

# As `Space.from_bounds` takes them.
Bounds = Sequence[Sequence[SupportsFloat]] | Array


def maximize(
    objective: Evaluate,
    space: Space | Bounds,
    *,
    budget: SupportsIndex,
    batch: SupportsIndex = 1,
    executor: Executor | Callable[[], Executor] | None = None,
    catch: Catch = (),
    algorithm: Algorithm | None = None,
    storage: str | Path | Store | None = None,
    seed: SupportsIndex = 0,
    progress: Callable[[Study], None] | None = None,
) -> Trial:
    """The trial of the highest value, after `budget` evaluations.

    A value that is NaN or infinite is a failed trial, which counts as an evaluation. So is a design on which the
    objective raises; the exception is passed on then, unless it is caught.

    Args:
        objective: parameters by name to what `Study.tell` takes: a value, or (value, standard error).
        space: what may be tried; or (low, high) pairs, for parameters x0, x1, ..., as `Space.from_bounds` takes them.
        budget: evaluations in all, those in `storage` included.
        batch: evaluations between one proposal and the next; with an executor, at once.
        executor: where the objective is evaluated, as `run` takes it; here by default.
        catch: exceptions of the objective after which the run goes on, such as `(ValueError,)`.
        algorithm: how trials are found; `GuidedDiffusion()` by default.
        storage: a file to keep the study in, and to go on from.
        seed: of every random draw.
        progress: called with the study after each batch.

    Raises:
        SettingsError: the budget or the batch is not a whole number above 0.
        TrialError: every evaluation failed.
    """
    return _optimized("maximize", objective, space, budget, batch, executor, catch, algorithm, storage, seed, progress)


def minimize(
    objective: Evaluate,
    space: Space | Bounds,
    *,
    budget: SupportsIndex,
    batch: SupportsIndex = 1,
    executor: Executor | Callable[[], Executor] | None = None,
    catch: Catch = (),
    algorithm: Algorithm | None = None,
    storage: str | Path | Store | None = None,
    seed: SupportsIndex = 0,
    progress: Callable[[Study], None] | None = None,
) -> Trial:
    """The trial of the lowest value, after `budget` evaluations; otherwise as `maximize`."""
    return _optimized("minimize", objective, space, budget, batch, executor, catch, algorithm, storage, seed, progress)


def _optimized(
    direction: Direction,
    objective: Evaluate,
    space: Space | Bounds,
    budget: SupportsIndex,
    batch: SupportsIndex,
    executor: Executor | Callable[[], Executor] | None,
    catch: Catch,
    algorithm: Algorithm | None,
    storage: str | Path | Store | None,
    seed: SupportsIndex,
    progress: Callable[[Study], None] | None,
) -> Trial:
    space = space if isinstance(space, Space) else Space.from_bounds(space)
    study = Study(space, direction=direction, algorithm=algorithm, storage=storage, seed=seed)
    return study.optimize(objective, budget=budget, batch=batch, executor=executor, catch=catch, progress=progress)
