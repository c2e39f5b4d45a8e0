"""The designs of a corpus: checked, as numbers, and the space that they span."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike
from torch import Tensor

from gdopt.arguments import listed, number, shown, text
from gdopt.errors import CorpusError
from gdopt.priors.weights import checked_weights, effective_size
from gdopt.space.parameters import Choice, Integer, Real, conditions
from gdopt.space.space import Space

__all__ = [
    "as_numbers",
    "as_object_array",
    "check_kinds",
    "check_scale",
    "check_within",
    "choices_in",
    "choices_of",
    "is_linear",
    "names_of",
    "space_around",
    "unique_rows",
]

# A parameter's bounds lie this share of the corpus' range outside it.
MARGIN = 0.05
# Text with a decimal mark, as a column of numbers has that was read with the wrong one.
DECIMAL = re.compile(r"[+-]?\d*[.,]\d+([eE][+-]?\d+)?")
# Of a choice without a space: as many levels are always taken, and more if each stands in two rows on average.
FEW, REPEATED = 10, 0.5


def as_object_array(designs: Any) -> np.ndarray:
    """One design a row, of numbers or of objects."""
    try:
        array = np.asarray(designs.detach().cpu() if isinstance(designs, Tensor) else designs)
    except (TypeError, ValueError) as error:
        raise CorpusError(f"designs must be an array (n, D), one design a row: {error}") from error
    if array.ndim > 2:
        raise CorpusError(
            f"designs must be an array (n, D), one design a row; got shape {array.shape}: flatten each, such as by "
            "designs.reshape(len(designs), -1), or take a diffusion model of images (gdopt.adapters.diffusers)"
        )
    if array.ndim != 2:
        flat = "; flatten images: designs.reshape(len(designs), -1)" if array.ndim > 2 else ""
        raise CorpusError(f"designs must be an array (n, D), one design a row; got shape {array.shape}{flat}")
    if not (np.issubdtype(array.dtype, np.integer) or np.issubdtype(array.dtype, np.floating) or array.dtype == object):
        raise CorpusError(f"designs must be numbers, got {array.dtype}; with choices, give a table of pandas")
    return array


def names_of(array: np.ndarray, names: Sequence[str] | None) -> Sequence[str]:
    """The names of the columns, if no space says them."""
    if names is None:
        return [f"x{i}" for i in range(array.shape[1])]
    given = [text(name) for name in listed(names) or [None]]
    if None in given:
        raise CorpusError(f"names = {shown(names)}: expected a list of strings")
    if len(given) != array.shape[1]:
        raise CorpusError(f"designs have {array.shape[1]} columns, but {len(given)} names were given")
    return [str(name) for name in given]


def choices_of(array: np.ndarray, names: Sequence[str]) -> dict[str, Choice]:
    """A choice for each column in which there are strings, of those that occur."""
    found = {}
    for name, column in zip(names, array.T.tolist(), strict=True) if array.dtype == object else ():
        words = [one for one in column if isinstance(one, str)]
        if words:
            _check_words(name, column, words)
            found[name] = Choice(name, sorted(set(words)))
    return found


def _check_words(name: str, column: Sequence[object], words: Sequence[str]) -> None:
    """Raise `CorpusError` if strings stand beside numbers, or are numbers themselves, or are too many for levels."""
    levels = set(words)
    if numbers := [one for one in column if (found := number(one)) is not None and not math.isnan(found)]:
        wrong = f"is text, and {numbers[0]!r} in row {column.index(numbers[0])} is a number: expected one kind"
    elif len(levels) == 1:
        raise CorpusError(f"{name} has one level, {words[0]!r}: leave the column out, or give space=")
    elif all(DECIMAL.fullmatch(one) for one in levels):
        wrong = "is text that looks like a number: convert the column (pandas.read_csv has decimal=)"
    elif len(levels) > max(FEW, REPEATED * len(column)):
        wrong = f"is one of {len(levels)} different texts in {len(column)} rows, too many for levels: leave it out"
    else:
        return
    raise CorpusError(f"row {column.index(words[0])}: {name} = {words[0]!r} {wrong}, or give space=")


def choices_in(space: Space) -> list[Choice]:
    """The choices of a space, in order."""
    return [p for p in space.parameters if isinstance(p, Choice)]


def as_numbers(array: np.ndarray, names: Sequence[str], choices: Mapping[str, Choice]) -> Float[np.ndarray, "n D"]:
    """The designs as numbers, a level of a choice as its place among the levels."""
    if array.dtype != object and not choices:
        return array.astype(np.float64)
    columns = [_column(column.tolist(), name, choices.get(name)) for name, column in zip(names, array.T, strict=True)]
    return np.array(columns, dtype=np.float64).T


def _column(values: Sequence[object], name: str, choice: Choice | None) -> list[float]:
    places = None if choice is None else {level: float(place) for place, level in enumerate(choice.categories)}
    for row, one in enumerate(values):
        if places is None and number(one) is None:
            raise CorpusError(f"row {row}: {name} = {shown(one)} is no number")
        if places is not None and text(one) not in places:
            raise CorpusError(f"row {row}: {name} = {shown(one)} is not one of {list(places)}")
    return [float(cast(Any, one)) if places is None else places[str(one)] for one in values]


def unique_rows(
    array: Float[np.ndarray, "n D"], weights: ArrayLike | None
) -> tuple[Float[Tensor, "rows D"], Float[Tensor, " rows"]]:
    """The different rows, with weights of 1 on average."""
    if len(bad := np.flatnonzero(~np.isfinite(array).all(1))):
        raise CorpusError(f"designs must be finite; rows {bad[:5].tolist()} (of {len(bad)}) are not")
    rows, of = np.unique(array, axis=0, return_inverse=True)
    if len(rows) < 2:
        raise CorpusError(f"a prior needs two different designs or more, got {len(rows)}")
    mass = np.ones(len(rows))
    if weights is not None:
        mass = np.bincount(of, checked_weights(weights, len(array))).astype(np.float64)
        if (size := effective_size(mass)) < 2:
            raise CorpusError(f"the weights leave an effective size of {size:.2f} designs; a prior needs 2 or more")
        rows, mass = rows[mass > 0], mass[mass > 0]
    # By the largest first: weights that are alike are then exactly 1.
    mass /= mass.max()
    return torch.from_numpy(rows), torch.from_numpy(mass / mass.mean())


def is_linear(space: Space) -> bool:
    """Whether all parameters are real numbers on a linear scale."""
    return all(isinstance(p, Real) and not p.log_scale for p in space.parameters)


def check_kinds(space: Space, columns: int) -> None:
    """Raise `CorpusError` unless the space has so many parameters, of kinds that a prior of designs takes."""
    if len(space.parameters) != columns:
        raise CorpusError(f"designs have {columns} columns, the space {len(space.parameters)} parameters")
    for p in space.parameters:
        if not isinstance(p, Real | Integer | Choice):
            raise CorpusError(
                f"{p.name} is a {type(p).__name__}: a prior of designs takes Real, Integer and Choice parameters"
            )
        if conditions(p):
            raise CorpusError(f"{p.name} counts only at some levels of others, and a prior takes what always counts")
    if space.constraints:
        named = "; ".join(map(str, space.constraints))
        raise CorpusError(f"a prior's space has bounds only; it cannot keep the constraints {named}")


def check_within(rows: Float[Tensor, "n D"], space: Space) -> None:
    """Raise `CorpusError` unless a study of the space may try every row."""
    low, high = rows.new_tensor([_ends(p) for p in space.parameters if isinstance(p, Real | Integer | Choice)]).T
    outside = (rows < low) | (rows > high)
    whole = torch.tensor([isinstance(p, Integer) for p in space.parameters])
    if (broken := whole & (rows != rows.round())).any():
        row, column = broken.nonzero()[0].tolist()
        raise CorpusError(
            f"{int(broken.any(1).sum())} designs are outside the space, one with {space.names[column]} = "
            f"{rows[row, column]:g}, which is not a whole number"
        )
    if outside.any():
        row, column = outside.nonzero()[0].tolist()
        raise CorpusError(
            f"{int(outside.any(1).sum())} designs are outside the space, one with {space.names[column]} = "
            f"{rows[row, column]:g}, which has to be in [{low[column]:g}, {high[column]:g}]"
        )


def _ends(parameter: Real | Integer | Choice) -> tuple[float, float]:
    return (0, len(parameter.categories) - 1) if isinstance(parameter, Choice) else (parameter.low, parameter.high)


def space_around(rows: Float[Tensor, "n D"], names: Sequence[str], choices: Mapping[str, Choice]) -> Space:
    """Bounds a margin outside the corpus; a constant column gets a margin too, though it never varies."""
    low, high = rows.amin(0), rows.amax(0)
    width = high - low
    margin = MARGIN * torch.where(width > 0, width, low.abs().clamp_min(1.0))
    ends = zip(names, (low - margin).tolist(), (high + margin).tolist(), strict=True)
    return Space([choices.get(end[0]) or Real(*end) for end in ends])


# Squares of larger numbers overflow, of smaller ones they vanish.
WIDEST, NARROWEST = 1e100, 1e-100


def check_scale(rows: Float[Tensor, "n D"], names: Sequence[str]) -> None:
    """Raise `CorpusError` if a column is of a size, or varies by so little, that its variance is no normal number."""
    size, width = rows.abs().amax(0), rows.amax(0) - rows.amin(0)
    bad = (size > WIDEST) | ((width > 0) & (width < NARROWEST))
    if bad.any():
        column = int(bad.nonzero()[0])
        raise CorpusError(
            f"{names[column]} is up to {size[column]:g} in size and varies by {width[column]:g}: expected at most "
            f"{WIDEST:g} and at least {NARROWEST:g}; give it in another unit"
        )
