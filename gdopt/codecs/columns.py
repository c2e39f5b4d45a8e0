"""The columns of z of one parameter, and designs as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.errors import SpaceError
from gdopt.space import strings
from gdopt.space.parameters import Choice, Integer, Parameter, Params, Real, TableRow, Value
from gdopt.space.space import Space

__all__ = [
    "SQRT_3",
    "Block",
    "as_array",
    "as_params",
    "blocks_of",
    "decode_value",
    "encode_value",
    "random_columns",
    "slope_of",
    "width_of",
]

# The uniform distribution on [-√3, √3] has variance 1.
SQRT_3 = 3**0.5


@dataclass(frozen=True)
class Block:
    """The columns of z of one discrete parameter, and their values for each category.

    Args:
        start: the first column.
        points: a row for each category.
        nominal: whether the categories are unordered, with a column each.
    """

    start: int
    points: Float[Tensor, "categories w"]
    nominal: bool

    @property
    def columns(self) -> slice:
        """The columns, of rows of z."""
        return slice(self.start, self.start + self.points.shape[1])


def as_array(space: Space, params: Sequence[Params]) -> Float[Tensor, "n D"]:
    """Designs as rows of numbers, in the order of the space; a category is its index."""
    rows = [[_number_of(p, one[p.name]) for p in space.parameters] for one in params]
    return torch.tensor(rows, dtype=torch.float64).reshape(len(params), len(space.names))


def as_params(space: Space, designs: Float[Tensor, "n D"]) -> list[Params]:
    """The same rows of numbers as parameters by name."""
    return [{p.name: _value_of(p, v) for p, v in zip(space.parameters, row, strict=True)} for row in designs.tolist()]


def _number_of(parameter: Parameter, value: Value) -> float:
    return float(parameter.categories.index(str(value)) if isinstance(parameter, Choice) else value)


def _value_of(parameter: Parameter, number: float) -> Value:
    if isinstance(parameter, Choice):
        return parameter.categories[int(number)]
    return int(number) if isinstance(parameter, Integer) else number


def _categories_of(parameter: Parameter) -> list[str]:
    """The names of one-hot columns: categories of a choice, or letters of a sequence at each position."""
    if isinstance(parameter, Choice):
        return list(parameter.categories)
    if isinstance(parameter, strings.Sequence) and parameter.one_length:
        return list(parameter.alphabet) * parameter.longest
    advice = "" if isinstance(parameter, TableRow) else "; use gdopt.MaskedDiffusion"
    raise SpaceError(f"{parameter.name}: {_KIND[type(parameter)]} cannot be encoded as numbers{advice}")


_KIND = {
    strings.Molecule: "a molecule",
    strings.Sequence: "a sequence of more than one length",
    TableRow: "a row of a table",
}


def width_of(parameter: Parameter) -> int:
    """The number of columns of a parameter."""
    if isinstance(parameter, Choice) and parameter.ordered:
        return 1
    return 1 if isinstance(parameter, Real | Integer) else len(_categories_of(parameter))


# Whole numbers with up to this many values are discrete; with more, continuous and rounded.
FEW = 10


def blocks_of(parameter: Parameter, start: int) -> list[Block]:
    """The blocks of a discrete parameter whose first column is `start`; empty for a continuous one."""
    if isinstance(parameter, strings.Sequence):
        width = len(parameter.alphabet)
        letters = _one_hot_points(width)
        fixed = dict(parameter.fixed)
        return [Block(start + at * width, letters, True) for at in range(parameter.longest) if at not in fixed]
    if isinstance(parameter, Choice) and not parameter.ordered:
        return [Block(start, _one_hot_points(len(parameter.categories)), True)]
    if isinstance(parameter, Integer) and parameter.high - parameter.low < FEW:
        values: list[Value] = list(range(parameter.low, parameter.high + 1))
    elif isinstance(parameter, Choice):
        values = list(parameter.categories)
    else:
        return []
    return [Block(start, torch.tensor([encode_value(parameter, v) for v in values], dtype=torch.float64), False)]


def random_columns(parameter: Parameter, n: int, generator: torch.Generator) -> Float[Tensor, "n w"]:
    """The columns of n uniformly random values of a parameter."""
    drawn = SQRT_3 * (2 * torch.rand(n, width_of(parameter), generator=generator, dtype=torch.float64) - 1)
    return torch.tensor(
        [encode_value(parameter, decode_value(parameter, row)) for row in drawn.tolist()], dtype=torch.float64
    )


def _one_hot_points(levels: int) -> Float[Tensor, "levels levels"]:
    return SQRT_3 * (2 * torch.eye(levels, dtype=torch.float64) - 1)


def encode_value(parameter: Parameter, value: Value) -> list[float]:
    """The columns of a value, scaled to ±√3."""
    if isinstance(parameter, Choice) and parameter.ordered:
        return encode_value(_ranks_of(parameter), parameter.categories.index(str(value)))
    if isinstance(parameter, Choice):
        return [SQRT_3 if value == level else -SQRT_3 for level in parameter.categories]
    if isinstance(parameter, strings.Sequence):
        return [SQRT_3 if letter == own else -SQRT_3 for own in str(value) for letter in parameter.alphabet]
    assert isinstance(parameter, Real | Integer)
    low, high, at = _scaled_bounds(parameter, float(value))
    return [SQRT_3 * (2 * at - low - high) / (high - low)]


def _ranks_of(parameter: Choice) -> Integer:
    """The indices of ordered categories, as a whole number."""
    return Integer(parameter.name, 0, len(parameter.categories) - 1)


def decode_value(parameter: Parameter, columns: Sequence[float]) -> Value:
    """The value whose columns are nearest."""
    if isinstance(parameter, Choice) and parameter.ordered:
        return parameter.categories[int(decode_value(_ranks_of(parameter), columns))]
    if isinstance(parameter, Choice):
        return parameter.categories[int(np.argmax(columns))]
    if isinstance(parameter, strings.Sequence):
        best = np.reshape(columns, (parameter.longest, -1)).argmax(1)
        letters = dict(enumerate(parameter.alphabet[i] for i in best)) | dict(parameter.fixed)
        return "".join(letters[at] for at in range(parameter.longest))
    assert isinstance(parameter, Real | Integer)
    low, high, _ = _scaled_bounds(parameter, parameter.high)
    unit = min(max(columns[0] / SQRT_3, -1.0), 1.0)
    at = (low + high) / 2 + unit * (high - low) / 2
    if isinstance(parameter, Integer):
        return min(max(round(at), parameter.low), parameter.high)
    value = float(np.exp(at)) if parameter.log_scale else at
    return min(max(value, parameter.low), parameter.high)


def _scaled_bounds(parameter: Real | Integer, value: float) -> tuple[float, float, float]:
    """The bounds and the value on the linear or logarithmic scale; an integer extends half a unit to each side."""
    if isinstance(parameter, Integer):
        return parameter.low - 0.5, parameter.high + 0.5, value
    if parameter.log_scale:
        return float(np.log(parameter.low)), float(np.log(parameter.high)), float(np.log(value))
    return parameter.low, parameter.high, value


def slope_of(parameter: Real | Integer, value: float) -> float:
    """d(parameter)/dz at the value."""
    low, high, _ = _scaled_bounds(parameter, value)
    slope = (high - low) / (2 * SQRT_3)
    return slope * value if isinstance(parameter, Real) and parameter.log_scale else slope
