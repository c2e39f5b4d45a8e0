"""The protocol of an algorithm, and the new state after an `ask`."""

from dataclasses import dataclass, fields
from typing import Protocol, runtime_checkable

from gdopt.errors import SettingsError
from gdopt.space.parameters import has_values
from gdopt.space.space import Space
from gdopt.trials.state import State

__all__ = ["Algorithm", "Capabilities", "capabilities", "check_fixed"]


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
