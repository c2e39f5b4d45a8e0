"""Replicates of the best designs where no untried design is left."""

from collections import Counter
from dataclasses import replace

from gdopt.algorithms.base import Algorithm
from gdopt.errors import ExhaustedError
from gdopt.space.parameters import Params, design_key, has_values
from gdopt.threads import one_thread
from gdopt.trials.proposals import exhausted
from gdopt.trials.ranking import ranked_trials
from gdopt.trials.state import State
from gdopt.trials.trial import Trial

__all__ = ["ask_or_repeat"]

# The `Trial.source` of replicates.
REPEAT = "repeat"


def ask_or_repeat(algorithm: Algorithm, state: State, n: int, repeat: bool) -> State:
    """The state with n new pending trials of an algorithm; with fewer, if fewer designs are left to try.

    Args:
        algorithm: that proposes trials.
        state: before the `ask`.
        n: the number of trials.
        repeat: whether replicates of the best designs take the place of missing trials.

    Raises:
        ExhaustedError: no untried design is left, and none is to be or can be measured again.
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
    """n designs to measure again, of those with the fixed parameters: best first, pending ones last.

    Raises:
        ExhaustedError: no such design has a value.
    """
    best = [t.params for t in ranked_trials(state) if has_values(t.params, state.fixed) and not t.outside]
    if not best:
        raise exhausted(state)
    waiting = Counter(design_key(t.params) for t in state.pending)
    chosen: list[Params] = []
    for _ in range(n):
        chosen.append(min(best, key=lambda one: waiting[design_key(one)]))
        waiting[design_key(chosen[-1])] += 1
    return chosen
