"""A study's designs, as an `ask` sees them: what was told, what is pending, and which of its candidates are new."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.algorithm import State, Trial
from gdopt.codec import Codec, Encoder
from gdopt.outcomes import ranked
from gdopt.prior import DiffusionPrior
from gdopt.replicates import merged
from gdopt.space import Params, identity
from gdopt.start import start_designs

__all__ = ["best_first", "distinct", "enough", "history", "new", "pending", "slope", "spare", "told"]

# Results before the first learned proposal, unless the user says: two in each direction, within reason.
LEAST_START, MOST_START = 4, 10
# Designs looked at for each new one that a small space may still have.
SEARCH = 20


def enough(dim: int) -> int:
    """How many results to wait for before learning: twice the dimension, between 4 and 10."""
    return min(max(2 * dim, LEAST_START), MOST_START)


def best_first(state: State) -> list[Trial]:
    """What is known, the best first: a trial for each design, repeated measurements pooled."""
    return ranked(state.goals, merged(state.done))


def told(state: State, codec: Encoder) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
    """What is known, the best first, in the codec's coordinates; a row for each design."""
    trials = best_first(state)
    return codec.encode([t.params for t in trials]), torch.tensor([t.value for t in trials], dtype=torch.float64)


def slope(trial: Trial, codec: Codec) -> Float[Tensor, " d"] | None:
    """The gradient that was told of a trial, by the codec's coordinates; None without one."""
    if trial.result is None or trial.result.gradient is None:
        return None
    return codec.pullback(trial.params, trial.result.gradient)


def pending(state: State, codec: Encoder) -> Float[Tensor, "p d"]:
    """What is being measured."""
    return codec.encode([t.params for t in state.pending])


def history(state: State, learned: Callable[[Trial], bool]) -> tuple[list[list[float]], float]:
    """The worth of each result of each learned round, and the best before the first of them.

    The worth is the value; with limits or several objectives it is the place among all results, the best the highest.
    """
    worth = _worth(state)
    of_rounds = [t for t in state.done if learned(t)]
    first = min((t.round for t in of_rounds), default=0)
    before = [worth[t.id] for t in state.done if not learned(t)]
    rounds = [[worth[t.id] for t in of_rounds if t.round == k] for k in range(first, len(state.notes))]
    return [r for r in rounds if r], max(before, default=float("-inf"))


def _worth(state: State) -> dict[int, float]:
    """What each result is worth, by its trial's id, higher the better."""
    if not state.goals.limits and not state.goals.several:
        return {t.id: float(t.value or 0.0) for t in state.done}
    return {t.id: -float(place) for place, t in enumerate(ranked(state.goals, state.done))}


def distinct(z: Float[Tensor, "n d"], state: State, codec: Codec) -> tuple[list[int], list[Params]]:
    """The rows that are new, with what they decode to."""
    decoded = codec.fresh(z, state.known)
    rows = new(decoded, state)
    return rows, [decoded[row] for row in rows]


def new(designs: Sequence[Params], state: State) -> list[int]:
    """Which of the designs the space allows and were neither asked for nor refused before, each once."""
    seen = {identity(one) for one in state.known}
    rows: list[int] = []
    for row, one in enumerate(designs):
        key = identity(one)
        if key not in seen and state.space.allows(one):
            seen.add(key)
            rows.append(row)
    return rows


def spare(state: State, prior: DiffusionPrior | None, params: list[Params], missing: int) -> list[Params]:
    """Designs of the start to fill up with beside the given ones, as many as are missing and more if there are.

    New ones come first: small spaces run out of them. None was refused.
    """
    refused = {identity(one) for one in state.refused}
    known = {identity(one) for one in [*params, *(t.params for t in state.trials)]}
    found = [one for one in start_designs(state, prior, SEARCH * missing) if identity(one) not in refused]
    unknown = {key: one for one in found if (key := identity(one)) not in known}
    return [*unknown.values(), *found]
