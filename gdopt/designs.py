"""A study's designs, as an `ask` sees them: what was told, what is pending, and which of its candidates are new."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.algorithm import Algorithm, State, Status, Trial, exhausted, has
from gdopt.codec import Codec, Encoder
from gdopt.errors import ExhaustedError
from gdopt.finite import first
from gdopt.outcomes import ranked
from gdopt.prior import DiffusionPrior
from gdopt.replicates import merged
from gdopt.space import Params, identity
from gdopt.start import left, start_designs
from gdopt.threads import one_thread

__all__ = [
    "asked",
    "begun",
    "best_first",
    "check_left",
    "distinct",
    "enough",
    "history",
    "new",
    "pending",
    "slope",
    "spare",
    "told",
]

# Results before the first learned proposal, unless the user says: two in each direction, within reason.
LEAST_START, MOST_START = 4, 10
# Designs looked at for each one that is missing: a surrogate chooses among them.
SEARCH = 20


def enough(codec: Codec) -> int:
    """How many results to wait for before learning: twice the dimension, between 4 and 10.

    In a small space they are at most half of its designs, so that the other half is learned for.
    """
    usual = min(max(2 * codec.dim, LEAST_START), MOST_START)
    designs = first(codec.every(), 2 * usual, lambda one: True)
    return usual if designs is None else max(2, min(usual, len(designs) // 2))


def begun(state: State, values: int, results: int, since: int = -1) -> bool:
    """Whether there are results enough to learn from.

    A failed trial is a result as well; of values there have to be `LEAST_START`, or as many as results are wanted.

    Args:
        state: of the failed trials.
        values: designs of which a value is known.
        results: to wait for.
        since: the round from which failed trials count.
    """
    failed = {identity(t.params) for t in state.trials if t.status is Status.FAILED and t.round >= since}
    return values >= min(results, LEAST_START) and values + len(failed) >= results


def check_left(state: State, codec: Codec) -> None:
    """Raise `ExhaustedError` if all designs were asked for, added or refused."""
    if left(codec, {identity(one) for one in state.known}, 1) == []:
        raise exhausted(state)


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
    """New designs of the start beside the given ones: as many as are missing, and more if there are."""
    return start_designs(replace(state, refused=(*state.refused, *params)), prior, SEARCH * missing)


# What `Trial.source` says of designs that are measured again.
REPEAT = "repeat"


def asked(algorithm: Algorithm, state: State, n: int, repeat: bool) -> State:
    """The state with n new pending trials of an algorithm; with fewer, if fewer designs are left to try.

    Args:
        algorithm: that proposes.
        state: before the `ask`.
        n: how many.
        repeat: whether the best designs are measured again in place of the missing ones.

    Raises:
        ExhaustedError: no design is left, and none is to be or can be measured again.
    """
    try:
        with one_thread():
            after = algorithm.ask(state, n)
    except ExhaustedError:
        if not repeat:
            raise
        after = replace(state, notes=(*state.notes, {}))
    first, missing = len(after.trials), n - (len(after.trials) - len(state.trials))
    if not repeat or not missing:
        return after
    more = [
        Trial(first + i, one, round=len(state.notes), source=REPEAT) for i, one in enumerate(_again(state, missing))
    ]
    return replace(after, trials=(*after.trials, *more))


def _again(state: State, n: int) -> list[Params]:
    """n designs to measure again, of those that have the fixed parameters: the best first, pending ones after others.

    Raises:
        ExhaustedError: none of them has a value.
    """
    best = [t.params for t in best_first(state) if has(t.params, state.fixed) and not t.outside]
    if not best:
        raise exhausted(state)
    waiting = Counter(identity(t.params) for t in state.pending)
    chosen: list[Params] = []
    for _ in range(n):
        chosen.append(min(best, key=lambda one: waiting[identity(one)]))
        waiting[identity(chosen[-1])] += 1
    return chosen
