"""The ask/tell protocol as pure functions of an explicit state.

An algorithm holds settings only; all that changes is a `State`, which its `ask` takes and returns. To tell is the
same for every algorithm, since it only records (`gdopt.journal`): what is to be learned of a result is learned in the
next `ask`. Values in a state are higher the better; `Study` translates from the user's direction.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol, SupportsIndex, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.arguments import shown, whole
from gdopt.errors import ExhaustedError, ResultError, SettingsError
from gdopt.goals import Goals
from gdopt.space import Params, Space, identity

__all__ = [
    "Algorithm",
    "Measured",
    "Result",
    "State",
    "Status",
    "Trial",
    "append",
    "check_fixed",
    "checked_seed",
    "exhausted",
    "has",
    "seed_from",
    "stream",
]


class Status(StrEnum):
    """What has become of a trial."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    ABANDONED = "abandoned"


# A value of an outcome and its standard error, None where that is not known.
Measured = tuple[float, float | None]


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured: a value, its standard error where it is known, the gradient where there is one.

    Raises:
        ResultError: the value or the error is not a finite number, or the error is negative.
    """

    value: float
    sem: float | None = None
    gradient: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise ResultError(f"a value must be finite, got {self.value}; a trial without a value has failed")
        if self.sem is not None and not (math.isfinite(self.sem) and self.sem >= 0):
            raise ResultError(f"a standard error must be finite and not negative, got {self.sem}")


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing to try, and what came of it.

    Args:
        id: the number by which its result is told.
        params: what to try; once it is told, what was tried.
        status: pending until it is told, done, failed or abandoned.
        result: what was measured of the objective, once it is done.
        round: the `ask` that proposed it, from 0; -1 for a result that was added without being asked for.
        source: the part of the algorithm that proposed it.
        predicted: the surrogate's mean for it when it was proposed, in the surrogate's own units.
        feasible: the probability that it satisfies the limits, as it was believed when it was proposed.
        outcomes: what was measured beside the objective, by name.
        proposed: the parameters that were proposed, where others were tried.
        outside: whether the tried parameters lie outside a bound, or off a constraint.
        worker: who has it.
        reason: why it failed, was abandoned or was amended, or what was noted with its result.
        lease: when it may be given to another worker, in seconds since 1970; None if never.
        asked_at: when it was asked for or added, in seconds since 1970.
        settled_at: when it was done, failed or abandoned.
    """

    id: int
    params: Params
    status: Status = Status.PENDING
    result: Result | None = None
    round: int = -1
    source: str = "added"
    predicted: float | None = None
    feasible: float | None = None
    outcomes: Mapping[str, Measured] = field(default_factory=dict)
    proposed: Params | None = None
    outside: bool = False
    worker: str | None = None
    reason: str = ""
    # Two runs of a study are equal if they differ in nothing but the clock.
    lease: float | None = field(default=None, compare=False)
    asked_at: float | None = field(default=None, compare=False)
    settled_at: float | None = field(default=None, compare=False)

    @property
    def value(self) -> float | None:
        """The value that was measured, None before."""
        return None if self.result is None else self.result.value


@dataclass(frozen=True)
class State:
    """All that an algorithm carries between calls: save it and nothing is lost.

    Args:
        space: what may be tried.
        seed: from which every random stream of the study is derived.
        trials: everything asked for or added, by id.
        notes: what each `ask` had to say of itself, in numbers.
        tensors: what an algorithm has learned and cannot derive from the trials.
        goals: the objectives and the limits.
        fixed: parameters that every trial of the next `ask` has to have.
        refused: designs that a function of the user's does not allow, of those that it was asked about.
    """

    space: Space
    seed: int
    trials: tuple[Trial, ...] = ()
    notes: tuple[Mapping[str, float], ...] = ()
    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    goals: Goals = field(default_factory=Goals)
    fixed: Params = field(default_factory=dict)
    refused: tuple[Params, ...] = ()

    @property
    def done(self) -> tuple[Trial, ...]:
        """The trials that have a value."""
        return tuple(t for t in self.trials if t.status is Status.DONE)

    @property
    def pending(self) -> tuple[Trial, ...]:
        """The trials that wait for their result."""
        return tuple(t for t in self.trials if t.status is Status.PENDING)

    @property
    def known(self) -> list[Params]:
        """The designs that were asked for, added or refused."""
        return [*(t.params for t in self.trials), *self.refused]

    def values(self) -> Float[Tensor, " n"]:
        """The values of the done trials, in order."""
        return torch.tensor([t.value for t in self.done], dtype=torch.float64)


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


# What the generators take.
SEEDS = 2**63


def checked_seed(seed: SupportsIndex) -> int:
    """The seed as Python's own number.

    Raises:
        SettingsError: it is no whole number that the random streams can be derived from.
    """
    found = whole(seed)
    if found is None or not 0 <= found < SEEDS:
        raise SettingsError(f"seed = {shown(seed)}: expected a whole number, 0 or above and below 2**63")
    return found


def stream(state: State) -> torch.Generator:
    """The random stream of the next `ask`: derived from the seed and the number of asks before it."""
    words = np.random.SeedSequence([state.seed, len(state.notes)]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(words[0] >> np.uint64(1)))


def seed_from(generator: torch.Generator) -> int:
    """A seed for a library that wants a number."""
    return int(torch.randint(2**31, (1,), generator=generator))


def has(params: Params, fixed: Params) -> bool:
    """Whether parameters have these values."""
    return all(params.get(name) == value for name, value in fixed.items())


def check_fixed(algorithm: Algorithm, before: State, after: State) -> None:
    """Raise `SettingsError` unless all trials that an `ask` has appended have the parameters that were fixed."""
    if not all(has(t.params, before.fixed) for t in after.trials[len(before.trials) :]):
        kind = type(algorithm).__name__
        raise SettingsError(f"{kind} cannot fix parameters; asked for were {dict(before.fixed)}")


def exhausted(state: State) -> ExhaustedError:
    """The error that no design is left to try."""
    tried = len({identity(one) for one in state.known if has(one, state.fixed) and state.space.allows(one)})
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
