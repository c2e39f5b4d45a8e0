"""A batch of designs that a filter of the user accepts, found with few calls of the filter.

The next designs to check are chosen by the earlier answers (`gdopt.acquisition.feasibility.success_probability`),
again after some calls. Rejected designs are kept in the state and never checked again.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from gdopt.errors import SettingsError
from gdopt.space.parameters import Params, Value, design_key
from gdopt.trials.state import State

__all__ = ["DesignFilter", "FilterSession", "RowSelector"]

# Whether a design may be proposed.
DesignFilter = Callable[[Params], bool]
# From the remaining rows and a number to so many of these rows, best first.
RowSelector = Callable[[list[int], int], list[int]]
# Designs are chosen as many at once as are missing, or a fifth of the calls so far, if that is more: where few designs
# are accepted, learning after each rejection would take longer than it saves.
CALLS_PER_CHOICE = 5


class FilterSession:
    """The calls of a design filter in one `ask`, with all its earlier answers; without a filter, all designs pass.

    Args:
        design_filter: the function.
        max_calls: of the function.
        state: before the `ask`.
        n: size of the batch.
    """

    def __init__(self, design_filter: DesignFilter | None, max_calls: int, state: State, n: int) -> None:
        self._filter, self._max_calls, self._state, self._n = design_filter, max_calls, state, n
        self._answers: dict[tuple[Value, ...], bool] = {design_key(one): False for one in state.refused}
        self._rejected = list(state.refused)
        self._n_calls = 0
        self.accepted: list[Params] = []

    @property
    def state(self) -> State:
        """The state, with all rejected designs."""
        return replace(self._state, refused=tuple(self._rejected))

    @property
    def missing(self) -> int:
        """The number of designs that the batch lacks."""
        return self._n - len(self.accepted)

    def unchecked(self, designs: Sequence[Params]) -> list[Params]:
        """The designs without an answer."""
        return [one for one in designs if design_key(one) not in self._answers]

    def accept(self, designs: Sequence[Params], select: RowSelector) -> list[int]:
        """The rows of as many accepted designs as are missing, in the order of selection; fewer, if fewer are accepted.

        The designs are added to `accepted`.

        Raises:
            SettingsError: the filter was called `max_calls` times, or returned neither True nor False.
        """
        rows: list[int] = []
        left = list(range(len(designs)))
        while left and self.missing:
            chosen = select(left, min(max(self.missing, self._n_calls // CALLS_PER_CHOICE), len(left)))
            for row in chosen:
                if self.missing and self._accepts(designs[row]):
                    rows.append(row)
                    self.accepted.append(designs[row])
            gone = set(chosen)
            left = [row for row in left if row not in gone]
        return rows

    def too_few(self) -> SettingsError:
        """The error that too few designs were accepted."""
        calls = f"design_filter was called on {self._n_calls} designs and accepted {len(self.accepted)}"
        reached = self._n_calls == self._max_calls
        end = f"max_filter_calls = {self._max_calls} is the limit" if reached else "no others were found"
        advice = "raise max_filter_calls, ask for fewer designs, or narrow the space to accepted ones"
        return SettingsError(f"n = {self._n}: {calls}; {end}: {advice}")

    def _accepts(self, design: Params) -> bool:
        key = design_key(design)
        if self._filter is None:
            return True
        if key not in self._answers:
            if self._n_calls == self._max_calls:
                raise self.too_few()
            self._n_calls += 1
            self._answers[key] = _answer(self._filter, design)
            if not self._answers[key]:
                self._rejected.append(design)
        return self._answers[key]


def _answer(design_filter: DesignFilter, design: Params) -> bool:
    """The answer of a filter.

    Raises:
        SettingsError: it is neither True nor False.
    """
    try:
        answer = design_filter(dict(design))
    except Exception as error:
        error.add_note(f"raised by design_filter on {dict(design)}; nothing was proposed")
        raise
    if not isinstance(answer, bool | np.bool_):
        raise SettingsError(f"design_filter returned {answer!r} for {dict(design)}: expected True or False")
    return bool(answer)
