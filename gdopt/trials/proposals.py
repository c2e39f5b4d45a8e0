"""The state after an `ask`: new pending trials, or the error that no untried design is left."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gdopt.errors import ExhaustedError
from gdopt.space.parameters import Params, design_key, has_values
from gdopt.trials.state import State
from gdopt.trials.trial import Trial

__all__ = ["append", "exhausted"]


def exhausted(state: State) -> ExhaustedError:
    """The error that no untried design is left."""
    tried = len({design_key(one) for one in state.known if has_values(one, state.fixed) and state.space.allows(one)})
    fixed = f" with {dict(state.fixed)}" if state.fixed else ""
    if not tried:
        limits = "; ".join(map(str, state.space.constraints)) or "the space"
        return ExhaustedError(f"no design{fixed} is allowed by {limits}")
    return ExhaustedError(
        f"all {tried} designs{fixed} were tried, and no other is left; to measure the best again, ask with repeat"
    )


def append(
    state: State,
    params: Sequence[Params],
    sources: Sequence[str],
    predicted: Sequence[float | None],
    note: Mapping[str, float],
    feasible: Sequence[float | None] = (),
) -> State:
    """The state with a new pending trial for each proposed design.

    Args:
        state: before the `ask`.
        params: the proposed designs.
        sources: the part of the algorithm that proposed each design.
        predicted: the posterior mean of each design, None if there is none.
        note: numbers of the `ask`.
        feasible: the probability of each design that it satisfies the outcome constraints.

    Raises:
        ExhaustedError: there are no designs.
    """
    if not params:
        raise exhausted(state)
    first = len(state.trials)
    new = [
        Trial(first + i, p, round=len(state.notes), source=s, predicted=m, feasible=f)
        for i, (p, s, m, f) in enumerate(zip(params, sources, predicted, feasible or [None] * len(params), strict=True))
    ]
    return replace(state, trials=(*state.trials, *new), notes=(*state.notes, note))
