"""Benchmark problems."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from gdopt.space.parameters import Params
from gdopt.space.space import Space
from gdopt.space.string_spaces import MoleculeSpace, SequenceSpace
from gdopt.trials.objectives import Objective, OutcomeConstraint

__all__ = ["OBJECTIVE", "Problem", "file_name", "strings_of"]

# Name of the objective of a problem with outcomes and one objective.
OBJECTIVE = "value"


@dataclass(frozen=True, slots=True)
class Problem:
    """A function to optimize, with its known optimum and its benchmark protocol.

    Args:
        name: by which it is loaded.
        space: the search space.
        evaluate: noise-free values of a batch of designs.
        direction: "maximize" or "minimize".
        gradient: exact gradients of the value at a batch of designs, if available.
        corpus: unlabelled designs, `n x d` with columns in the order of the space. Unlabelled strings are the corpus of
            the space itself (`strings_of`).
        optimum: the true best value, if known.
        best_known: the best value in the literature.
        bound: a bound of all values, attainable or not.
        start: number of initial designs.
        budget: number of evaluations, initial designs included.
        batch: number of evaluations in a round.
        noise_std: standard deviation of the added noise, in the unit of the value.
        failure_rate: probability that a trial fails without a value; like the noise, not in `evaluate`.
        violations: total violation of the constraints on results, for each design of a batch; 0 if feasible. None:
            there are no such constraints. With constraints, `evaluate` gives every infeasible design a value worse than
            all feasible ones, and worse with a larger violation (Deb 2000), so that an algorithm can use values alone.
        outcomes: noise-free outcomes of a batch by name, for several objectives or outcome constraints. Methods that
            model outcomes get them, with the name `OBJECTIVE` for a single objective.
        outcome_constraints: on these outcomes.
        objectives: several objectives with their reference points; values are then values of the first one, and runs
            are scored by hypervolume.
        volume: with several objectives, the largest known hypervolume.
        commensurate: whether all columns of the corpus have the same unit, so that their variances can be compared.
        source: the publication of the problem.

    Example:
        >>> square = Problem(
        ...     name="square",
        ...     space=Space.from_bounds([(-1, 1)]),
        ...     evaluate=lambda batch: [float(params["x0"]) ** 2 for params in batch],
        ...     direction="minimize",
        ...     optimum=0.0,
        ... )
        >>> square.evaluate([{"x0": 0.5}])
        [0.25]
    """

    name: str
    space: Space
    evaluate: Callable[[Sequence[Params]], list[float]]
    direction: str
    gradient: Callable[[Sequence[Params]], list[dict[str, float]]] | None = None
    corpus: Callable[[], Float[np.ndarray, "n d"]] | None = None
    optimum: float | None = None
    best_known: float | None = None
    bound: float | None = None
    start: int = 10
    budget: int = 100
    batch: int = 1
    noise_std: float = 0.0
    failure_rate: float = 0.0
    violations: Callable[[Sequence[Params]], list[float]] | None = None
    outcomes: Callable[[Sequence[Params]], list[dict[str, float]]] | None = None
    outcome_constraints: tuple[OutcomeConstraint, ...] = ()
    objectives: tuple[Objective, ...] = ()
    volume: float | None = None
    commensurate: bool = False
    source: str = ""


def strings_of(problem: Problem) -> MoleculeSpace | SequenceSpace | None:
    """The space of a problem of strings with a corpus; None for other problems."""
    space = problem.space
    return space if isinstance(space, MoleculeSpace | SequenceSpace) and space.corpus else None


def file_name(name: str) -> str:
    """A file name that is valid on every file system.

    Example:
        >>> file_name("my.lab:problem")
        'my.lab-problem'
    """
    return "".join(c if c.isalnum() or c in "._-=," else "-" for c in name)
