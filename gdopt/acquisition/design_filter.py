"""Designs that a function of the user's allows, found with few calls of it.

Which designs are asked about is chosen by what the function has said before
(`gdopt.acquisition.feasibility.success_probability`), and chosen anew as
it says more. What it refused is kept in the state, and never asked about again.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from gdopt.errors import SettingsError
from gdopt.space.parameters import Params, Value, design_key
from gdopt.trials.state import State

__all__ = ["DesignFilter", "FilteredBatch", "Pick"]

# Whether a design may be proposed.
DesignFilter = Callable[[Params], bool]
# The rows that are left, and how many of them are wanted: to as many, the best first.
Pick = Callable[[list[int], int], list[int]]
# As many designs are picked as are missing, or a fifth of what was asked about, if that is more: where little is
# allowed, learning anew after each refusal would take longer than it saves.
AHEAD = 5


class FilteredBatch:
    """The function within one `ask`, with what it refused before and since; without one, all pass.

    Args:
        allowed: the function.
        most: how often it may be asked.
        state: as it is before the `ask`.
        n: designs that are wanted.
    """

    def __init__(self, allowed: DesignFilter | None, most: int, state: State, n: int) -> None:
        self._allowed, self._most, self._state, self._n = allowed, most, state, n
        self._said: dict[tuple[Value, ...], bool] = {design_key(one): False for one in state.refused}
        self._refused = list(state.refused)
        self._asked = 0
        self.passed: list[Params] = []

    @property
    def state(self) -> State:
        """The state, with what was refused by now."""
        return replace(self._state, refused=tuple(self._refused))

    @property
    def missing(self) -> int:
        """How many designs are still wanted."""
        return self._n - len(self.passed)

    def unasked(self, designs: Sequence[Params]) -> list[Params]:
        """The designs that the function was not asked about."""
        return [one for one in designs if design_key(one) not in self._said]

    def passing(self, designs: Sequence[Params], pick: Pick) -> list[int]:
        """The rows of as many allowed designs as are missing, in the order they were picked in: all that there are, if
        fewer. They are among those that passed from then on.

        Raises:
            SettingsError: the function was asked as often as it may be, or said neither True nor False.
        """
        rows: list[int] = []
        left = list(range(len(designs)))
        while left and self.missing:
            picked = pick(left, min(max(self.missing, self._asked // AHEAD), len(left)))
            for row in picked:
                if self.missing and self._allows(designs[row]):
                    rows.append(row)
                    self.passed.append(designs[row])
            gone = set(picked)
            left = [row for row in left if row not in gone]
        return rows

    def short(self) -> SettingsError:
        """That too few designs were found."""
        found = f"design_filter was called on {self._asked} designs and accepted {len(self.passed)}"
        end = f"max_filter_calls = {self._most} is the limit" if self._asked == self._most else "no others were found"
        advice = "raise max_filter_calls, ask for fewer designs, or narrow the space to accepted ones"
        return SettingsError(f"n = {self._n}: {found}; {end}: {advice}")

    def _allows(self, design: Params) -> bool:
        key = design_key(design)
        if self._allowed is None:
            return True
        if key not in self._said:
            if self._asked == self._most:
                raise self.short()
            self._asked += 1
            self._said[key] = _answer(self._allowed, design)
            if not self._said[key]:
                self._refused.append(design)
        return self._said[key]


def _answer(allowed: DesignFilter, design: Params) -> bool:
    """What the function says.

    Raises:
        SettingsError: it is neither True nor False.
    """
    try:
        said = allowed(dict(design))
    except Exception as error:
        error.add_note(f"raised by design_filter on {dict(design)}; nothing was proposed")
        raise
    if not isinstance(said, bool | np.bool_):
        raise SettingsError(f"design_filter returned {said!r} for {dict(design)}: expected True or False")
    return bool(said)
