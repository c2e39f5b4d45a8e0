"""One column for each number and each choice: the inputs of BoTorch's mixed models and optimizers."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import one_hot

from gdopt.baselines.cube import from_unit, to_unit
from gdopt.candidates.initial import new_rows
from gdopt.codecs.box import BoxCodec
from gdopt.codecs.columns import SQRT_3
from gdopt.space import strings
from gdopt.space.parameters import Choice, Integer, Parameter, Params, Real
from gdopt.space.space import Space
from gdopt.trials.state import State

__all__ = ["Columns", "blocks"]


def blocks(space: Space) -> list[tuple[Parameter, int]]:
    """The parameter and the number of `BoxCodec` columns of each block.

    A number has one column, a choice one for each category. A sequence has a block for each position, with a column for
    each letter.
    """
    found: list[tuple[Parameter, int]] = []
    for p in space.parameters:
        if isinstance(p, strings.Sequence):
            found += [(p, len(p.alphabet))] * p.longest
        else:
            found.append((p, len(p.categories) if isinstance(p, Choice) and not p.ordered else 1))
    return found


@dataclass(frozen=True, slots=True)
class Columns:
    """Numbers scaled from 0 at the lower to 1 at the upper bound, on their own scale; categories and letters by index.

    Args:
        codec: of the box, with a column for each category.

    Example:
        >>> view = Columns(BoxCodec(Space([Real("x", 0, 4), Choice("base", ["KOAc", "Et3N"])])))
        >>> view.encode([{"x": 1.0, "base": "Et3N"}]).tolist()
        [[0.25, 1.0]]
    """

    codec: BoxCodec

    @property
    def bounds(self) -> Float[Tensor, "2 d"]:
        """Lower and upper bounds of the columns, in the form of BoTorch's `bounds`."""
        high = [max(width - 1.0, 1.0) for _, width in blocks(self.codec.space)]
        return torch.tensor([[0.0] * len(high), high], dtype=torch.float64)

    @property
    def whole(self) -> dict[int, list[float]]:
        """The columns of whole numbers, and their values."""
        counts = {at: p.high - p.low + 1 for at, p in self._numbers().items() if isinstance(p, Integer)}
        return {at: torch.linspace(0, 1, n, dtype=torch.float64).tolist() for at, n in counts.items()}

    @property
    def choices(self) -> dict[int, list[float]]:
        """The columns of choices and letters, and their values."""
        numbers, widths = self._numbers(), [width for _, width in blocks(self.codec.space)]
        return {at: [float(i) for i in range(n)] for at, n in enumerate(widths) if at not in numbers}

    @property
    def constraints(self) -> list[tuple[Tensor, Tensor, float]]:
        """Columns, a and b of each a'x >= b."""
        return self._linear(False)

    @property
    def equalities(self) -> list[tuple[Tensor, Tensor, float]]:
        """Columns, a and b of each a'x = b."""
        return self._linear(True)

    def _linear(self, equality: bool) -> list[tuple[Tensor, Tensor, float]]:
        """The constraints as (columns, a, b); a constraint on a logarithmic number is not linear here and left out."""
        columns = {p.name: (at, p) for at, p in self._numbers().items()}
        found: list[tuple[Tensor, Tensor, float]] = []
        for constraint in self.codec.space.constraints:
            terms = [(*columns[name], value) for name, value in constraint.coefficients]
            if constraint.equality is equality and not any(isinstance(p, Real) and p.log_scale for _, p, _ in terms):
                slopes = torch.tensor([-value * (p.high - p.low) for _, p, value in terms], dtype=torch.float64)
                least = sum(value * p.low for _, p, value in terms) - constraint.bound
                found.append((torch.tensor([at for at, _, _ in terms]), slopes, least))
        return found

    def encode(self, params: Sequence[Params]) -> Float[Tensor, "n d"]:
        """The row of each of the given parameters."""
        numbers = self._numbers()
        parts = self.codec.encode(params).split([width for _, width in blocks(self.codec.space)], 1)
        columns = [
            to_unit(part.squeeze(1), _reach(numbers[at])) if at in numbers else part.argmax(1).double()
            for at, part in enumerate(parts)
        ]
        return torch.stack(columns, 1)

    def decode(self, points: Float[Tensor, "n d"]) -> list[Params]:
        """The parameters of each row; whole numbers and the indices of categories are rounded."""
        numbers = self._numbers()
        parts = [
            from_unit(column.unsqueeze(1), _reach(numbers[at]))
            if at in numbers
            else one_hot(column.round().long(), width).double()
            for at, (column, (_, width)) in enumerate(zip(points.T, blocks(self.codec.space), strict=True))
        ]
        return self.codec.decode(torch.cat(parts, 1))

    def new(self, points: Float[Tensor, "n d"], state: State) -> tuple[list[int], list[Params]]:
        """The rows that decode to new designs, and these designs."""
        decoded = self.decode(points)
        rows = new_rows(decoded, state)
        return rows, [decoded[row] for row in rows]

    def _numbers(self) -> dict[int, Real | Integer]:
        """The numbers, by their column."""
        found: dict[int, Real | Integer] = {}
        for at, (p, _) in enumerate(blocks(self.codec.space)):
            if isinstance(p, Real | Integer):
                found[at] = p
            elif isinstance(p, Choice) and p.ordered:
                found[at] = Integer(p.name, 0, len(p.categories) - 1)
        return found


def _reach(parameter: Real | Integer) -> float:
    """The upper bound in the codec's coordinates; the range of a whole number extends half a unit beyond it."""
    return SQRT_3 if isinstance(parameter, Real) else SQRT_3 * (1 - 1 / (parameter.high - parameter.low + 1))
