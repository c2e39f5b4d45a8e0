"""Optimization in one call, for objectives that are functions: evaluated here, or by the workers of an executor."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import SupportsFloat, SupportsIndex

from gdopt.algorithms.base import Algorithm
from gdopt.arguments import Array
from gdopt.space.space import Space
from gdopt.storage.store import Store
from gdopt.study.runner import Catch, Evaluate, Executor
from gdopt.study.study import Study
from gdopt.trials.trial import Trial

__all__ = ["maximize", "minimize"]

# As of `Space.from_bounds`.
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

    A trial fails if its value is NaN or infinite, or if the objective raises an exception, which is passed on unless it
    is in `catch`. A failed trial is an evaluation of the budget.

    Args:
        objective: a function of the parameters by name that returns a value, or (value, standard error).
        space: the search space; or (low, high) pairs for parameters x0, x1, ..., as of `Space.from_bounds`.
        budget: the total number of evaluations, those in `storage` included.
        batch: the number of evaluations between two proposals; with an executor, of simultaneous evaluations.
        executor: of the evaluations, as of `Study.optimize`; by default they run in this thread.
        catch: exceptions of the objective after which the run continues, such as `(ValueError,)`.
        algorithm: that proposes trials; `GuidedDiffusion()` by default.
        storage: a file for the study; a study that is stored there continues.
        seed: of all random draws.
        progress: called with the study after each batch.

    Raises:
        SettingsError: the budget or the batch is not an integer above 0.
        TrialError: all evaluations failed.

    Example:
        >>> from gdopt import RandomSearch
        >>> best = maximize(lambda params: -params["x0"] ** 2, [(-1, 1)], budget=8, algorithm=RandomSearch())
        >>> -1 <= best.value <= 0
        True
    """
    study = Study(_as_space(space), direction="maximize", algorithm=algorithm, storage=storage, seed=seed)
    return study.optimize(objective, budget=budget, batch=batch, executor=executor, catch=catch, progress=progress)


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
    """The trial of the lowest value, after `budget` evaluations; otherwise as `maximize`.

    Example:
        >>> from gdopt import RandomSearch
        >>> best = minimize(lambda params: params["x0"] ** 2, [(-1, 1)], budget=8, algorithm=RandomSearch())
        >>> 0 <= best.value <= 1
        True
    """
    study = Study(_as_space(space), direction="minimize", algorithm=algorithm, storage=storage, seed=seed)
    return study.optimize(objective, budget=budget, batch=batch, executor=executor, catch=catch, progress=progress)


def _as_space(space: Space | Bounds) -> Space:
    return space if isinstance(space, Space) else Space.from_bounds(space)
