"""The protocol of an algorithm, and the new state after an `ask`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Protocol, runtime_checkable

from gdopt.errors import ExhaustedError, SettingsError
from gdopt.space.parameters import Params, design_key, has_values
from gdopt.space.space import Space
from gdopt.trials.state import State
from gdopt.trials.trial import Trial

__all__ = ["Algorithm", "Capabilities", "append", "capabilities", "check_fixed", "exhausted"]


@runtime_checkable
class Algorithm(Protocol):
    """An algorithm that proposes trials. It has settings only; the state goes in and comes out.

    An algorithm may also have the attributes of `Capabilities`. They are no members of the protocol, so that an
    algorithm without them is one too: read them by `capabilities`.
    """

    def init(self, space: Space, seed: int) -> State:
        """The state before the first `ask`; raises if the algorithm does not support the space."""
        ...

    def ask(self, state: State, n: int) -> State:
        """The state with n new pending trials; with fewer, if fewer untried designs are left.

        Raises:
            ExhaustedError: no untried design is left.
        """
        ...


@dataclass(frozen=True)
class Capabilities:
    """The optional attributes of an algorithm, each with the value of an algorithm without it.

    Args:
        several: whether it takes several objectives.
        limited: whether it uses outcome constraints; otherwise infeasible trials are failed trials to it.
    """

    several: bool = False
    limited: bool = False


def capabilities(algorithm: object) -> Capabilities:
    """The capabilities of an algorithm, or of a class of algorithms.

    Example:
        >>> from gdopt import RandomSearch
        >>> capabilities(RandomSearch()).several
        True
    """
    names = [field.name for field in fields(Capabilities) if hasattr(algorithm, field.name)]
    return Capabilities(**{name: bool(getattr(algorithm, name)) for name in names})


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
