"""What a benchmark problem is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from gdopt.space.parameters import Params
from gdopt.space.space import Space
from gdopt.space.string_spaces import MoleculeSpace, SequenceSpace
from gdopt.trials.objectives import Objective, OutcomeConstraint

__all__ = ["OBJECTIVE", "Problem", "file_name", "strings_of"]

# What the one objective of a problem with outcomes is called.
OBJECTIVE = "value"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to optimize, with all that is known about it.

    Args:
        name: what it is loaded by.
        space: what may be tried.
        evaluate: noise-free values of a batch of parameters, one each.
        direction: "maximize" or "minimize".
        gradient: exact gradients of the value at a batch of parameters, where there are any.
        corpus: designs without labels, (n, d) with columns in the order of the space. Strings without labels are the
            corpus of the space itself (`strings_of`).
        optimum: the true best value, where it is known.
        best_known: the best value that anyone has found.
        bound: what no value is better than, whether or not one can be as good.
        start: how many designs are drawn before an algorithm's first proposal.
        budget: evaluations in all, the start included.
        batch: evaluations in a round.
        noise_std: standard deviation of the noise to add, in the units of the value.
        failure_rate: probability that a trial fails and gives no value; like the noise, not in `evaluate`.
        violations: by how much each of a batch breaks what must hold of a result, summed; 0 where all of it holds.
            None: nothing must hold. `evaluate` then gives a design that breaks something a value that is worse than
            every one that does not, and the worse the more it breaks (Deb 2000), so that an algorithm needs to know
            only values.
        outcomes: noise-free outcomes of a batch by name, where there are several objectives or limits: what is told to
            methods that know them, with the objective called `OBJECTIVE` if it is one.
        outcome_constraints: on these outcomes.
        objectives: several, with their references; values are then those of the first, and runs are scored by
            hypervolume.
        volume: of several objectives, the greatest hypervolume that is known.
        commensurate: whether all columns of the corpus have the same unit, so that their variances can be compared.
        source: where the problem is from.
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
    """The space of a problem of strings that has a corpus of them; None for other problems."""
    space = problem.space
    return space if isinstance(space, MoleculeSpace | SequenceSpace) and space.corpus else None


def file_name(name: str) -> str:
    """A name that every file system takes."""
    return "".join(c if c.isalnum() or c in "._-=," else "-" for c in name)
