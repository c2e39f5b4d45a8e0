"""The protocol of an algorithm, and the new state after an `ask`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from gdopt.errors import ExhaustedError, SettingsError
from gdopt.space.parameters import Params, design_key, has_values
from gdopt.space.space import Space
from gdopt.trials.state import State
from gdopt.trials.trial import Trial

__all__ = ["Algorithm", "append", "check_fixed", "exhausted"]


@runtime_checkable
class Algorithm(Protocol):
    """How new trials are found: settings only, the state goes in and comes out."""

    def init(self, space: Space, seed: int) -> State:
        """The state before anything was asked; raises if the algorithm cannot work in the space."""
        ...

    def ask(self, state: State, n: int) -> State:
        """Learn what has been told since, and append n new pending trials.

        They are fewer where fewer designs are left to try.

        Raises:
            ExhaustedError: no design is left.
        """
        ...


def check_fixed(algorithm: Algorithm, before: State, after: State) -> None:
    """Raise `SettingsError` unless all trials that an `ask` has appended have the parameters that were fixed."""
    if not all(has_values(t.params, before.fixed) for t in after.trials[len(before.trials) :]):
        kind = type(algorithm).__name__
        raise SettingsError(f"{kind} cannot fix parameters; asked for were {dict(before.fixed)}")


def exhausted(state: State) -> ExhaustedError:
    """The error that no design is left to try."""
    tried = len({design_key(one) for one in state.known if has_values(one, state.fixed) and state.space.allows(one)})
    beside = f" with {dict(state.fixed)}" if state.fixed else ""
    if not tried:
        limits = "; ".join(map(str, state.space.constraints)) or "the space"
        return ExhaustedError(f"no design{beside} is allowed by {limits}")
    return ExhaustedError(
        f"all {tried} designs{beside} were tried, and no other is left; to measure the best again, ask with repeat"
    )


def append(
    state: State,
    params: Sequence[Params],
    sources: Sequence[str],
    predicted: Sequence[float | None],
    note: Mapping[str, float],
    feasible: Sequence[float | None] = (),
) -> State:
    """The state after an `ask` that proposes these, with what is believed of them: see `Trial`.

    Raises:
        ExhaustedError: there are none.
    """
    if not params:
        raise exhausted(state)
    first = len(state.trials)
    new = [
        Trial(first + i, p, round=len(state.notes), source=s, predicted=m, feasible=f)
        for i, (p, s, m, f) in enumerate(zip(params, sources, predicted, feasible or [None] * len(params), strict=True))
    ]
    return replace(state, trials=(*state.trials, *new), notes=(*state.notes, note))
