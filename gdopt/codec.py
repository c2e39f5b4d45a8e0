"""Between named parameters and the vectors z that the numerics work on, whose spread is about 1 in every column."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from gdopt import strings
from gdopt.errors import ResultError, SpaceError
from gdopt.finite import Designs, every
from gdopt.polytope import Polytope
from gdopt.space import Candidate, Choice, Integer, Parameter, Params, Real, Space, Value, conditions

__all__ = ["Block", "BoxCodec", "Codec", "Encoder", "Smooth", "WhiteningCodec", "as_array", "as_params"]

# A uniform law on [-√3, √3] has variance 1.
EDGE = 3**0.5


@runtime_checkable
class Encoder(Protocol):
    """Maps parameters to z: what a surrogate needs."""

    def encode(self, params: Sequence[Params]) -> Float[Tensor, "n d"]:
        """The z of each of the given parameters."""
        ...


@runtime_checkable
class Codec(Encoder, Protocol):
    """Maps parameters to z and back."""

    @property
    def dim(self) -> int:
        """The number of columns of z."""
        ...

    def decode(self, z: Float[Tensor, "n d"]) -> list[Params]:
        """Parameters within the space, near each row of z."""
        ...

    def every(self) -> Designs | None:
        """Each design that may be proposed, once; None if they are infinitely many."""
        ...

    def fresh(self, z: Float[Tensor, "n d"], known: Sequence[Params]) -> list[Params]:
        """The same for proposals: where there are so few parameters that a row has none of its own, not the known."""
        ...

    def pullback(self, params: Params, gradient: Mapping[str, float]) -> Float[Tensor, " d"]:
        """The gradient with respect to z, of a gradient with respect to the parameters."""
        ...

    @property
    def blocks(self) -> list["Block"]:
        """The columns of each discrete parameter that is not fixed."""
        ...

    @property
    def categories(self) -> list["Block"]:
        """The columns of each parameter whose levels have no order, fixed or not."""
        ...

    @property
    def held(self) -> Bool[Tensor, " d"]:
        """The columns that are no free numbers."""
        ...

    @property
    def continuous(self) -> Bool[Tensor, " d"]:
        """The columns of real numbers that are not fixed."""
        ...

    @property
    def always(self) -> Bool[Tensor, " d"]:
        """The columns of what counts in every design."""
        ...

    def filled(self, z: Float[Tensor, "n d"], generator: torch.Generator) -> Float[Tensor, "n d"]:
        """Encoded designs without gaps, as a law over all columns wants them; the best first."""
        ...

    def neutral(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """The rows as a surrogate knows them: what does not count is where `encode` has it; differentiable."""
        ...


@dataclass(frozen=True)
class Block:
    """The columns of z that stand for one discrete parameter, and what they are at each of its levels.

    Args:
        start: the first column.
        points: a row for each level.
        nominal: whether the levels have no order, and a column each.
    """

    start: int
    points: Float[Tensor, "levels w"]
    nominal: bool

    @property
    def columns(self) -> slice:
        """The columns, of rows of z."""
        return slice(self.start, self.start + self.points.shape[1])


class Smooth(ABC):
    """What codecs have whose columns are free numbers, all of which count in every design."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """The number of columns of z."""

    @abstractmethod
    def decode(self, z: Float[Tensor, "n d"]) -> list[Params]:
        """Parameters within the space, near each row of z."""

    def every(self) -> Designs | None:
        """None: numbers have infinitely many values."""
        return None

    def fresh(self, z: Float[Tensor, "n d"], known: Sequence[Params]) -> list[Params]:
        """What each row of z stands for: numbers hardly ever meet what is known."""
        del known
        return self.decode(z)

    @property
    def blocks(self) -> list[Block]:
        """None, as nothing is discrete."""
        return []

    @property
    def categories(self) -> list[Block]:
        """None, as nothing is discrete."""
        return []

    @property
    def held(self) -> Bool[Tensor, " d"]:
        """No column."""
        return torch.zeros(self.dim, dtype=torch.bool)

    @property
    def continuous(self) -> Bool[Tensor, " d"]:
        """Every column."""
        return torch.ones(self.dim, dtype=torch.bool)

    @property
    def always(self) -> Bool[Tensor, " d"]:
        """Every column."""
        return torch.ones(self.dim, dtype=torch.bool)

    def filled(self, z: Float[Tensor, "n d"], generator: torch.Generator) -> Float[Tensor, "n d"]:
        """The rows as they are."""
        del generator
        return z

    def neutral(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """The rows as they are."""
        return z


@dataclass(frozen=True)
class BoxCodec:
    """Bounds go to ±√3 (on a logarithmic scale where asked), the levels of a choice to one column each, or to equal
    steps of one column if they are ordered, and the letters at each position of a sequence as levels do.

    The columns of a conditional parameter that does not count are at the mean of all that it can be, so that designs
    that differ in nothing that counts are one point; `decode` leaves it out.

    Where a linear constraint is broken, `decode` projects the numbers onto what is equal and moves them towards the
    centre of the feasible set until all hold. Then whole numbers are rounded, and the others make up for it in what is
    equal. A constraint may still fail: callers drop what `Space.allows` refuses.

    Args:
        space: what may be tried.
        fixed: parameters that are always decoded to these values.

    Raises:
        SpaceError: the constraints leave nothing to try, a fixed value is not in the space, or a parameter is a
            molecule or a sequence of any length.
    """

    space: Space
    fixed: Params = field(default_factory=dict)

    def __post_init__(self) -> None:
        for parameter in self.space.parameters:
            _columns(parameter)
        self.space.check_some(self.fixed)
        if self.space.constraints:
            _ = self._polytope

    @property
    def dim(self) -> int:
        """The number of columns of z."""
        return sum(_columns(p) for p in self.space.parameters)

    @property
    def blocks(self) -> list[Block]:
        """The discrete parameters that are not fixed: choices, letters, and whole numbers of a few values."""
        return [block for p, at in self._places if p.name not in self.fixed for block in _blocks(p, at.start)]

    @property
    def categories(self) -> list[Block]:
        """The choices without an order and the letters, fixed or not."""
        return [block for p, at in self._places for block in _blocks(p, at.start) if block.nominal]

    @property
    def discrete(self) -> tuple[str, ...]:
        """The parameters that are drawn level by level, fixed or not, by their names."""
        return tuple(p.name for p, at in self._places if _blocks(p, at.start))

    @property
    def held(self) -> Bool[Tensor, " d"]:
        """The columns that are no free numbers: of discrete parameters and of what is fixed."""
        found = torch.zeros(self.dim, dtype=torch.bool)
        for p, at in self._places:
            found[at] = p.name in self.fixed or bool(_blocks(p, at.start))
        return found

    @property
    def continuous(self) -> Bool[Tensor, " d"]:
        """The columns of real numbers that are not fixed."""
        found = torch.zeros(self.dim, dtype=torch.bool)
        for p, at in self._places:
            found[at] = isinstance(p, Real) and p.name not in self.fixed
        return found

    @property
    def always(self) -> Bool[Tensor, " d"]:
        """The columns of what counts in every design."""
        found = torch.ones(self.dim, dtype=torch.bool)
        for p, at in self._places:
            found[at] = not conditions(p)
        return found

    def encode(self, params: Sequence[Params]) -> Float[Tensor, "n d"]:
        """The z of each of the given parameters."""
        return torch.tensor(list(map(self._row, params)), dtype=torch.float64).reshape(len(params), self.dim)

    def decode(self, z: Float[Tensor, "n d"]) -> list[Params]:
        """The nearest parameters that the bounds allow, drawn towards the feasible centre if a constraint is broken."""
        return [self._feasible(self._counting(self._nearest(row))) for row in z.tolist()]

    def encode_array(self, designs: Float[Tensor, "n D"]) -> Float[Tensor, "n d"]:
        """The z of each row of an array of designs, as `as_array` has them."""
        return self.encode(as_params(self.space, designs))

    def decode_array(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n D"]:
        """The designs of each row of z as an array."""
        return as_array(self.space, self.decode(z))

    def neutral(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """The rows as a surrogate knows them: what does not count is where `encode` has it; differentiable."""
        return torch.where(self._counts(z.detach()), z, self._rest) if self._conditional else z

    def filled(self, z: Float[Tensor, "n d"], generator: torch.Generator) -> Float[Tensor, "n d"]:
        """Encoded designs without gaps, as a law over all columns wants them; the best first.

        A parameter that does not count in a row is as in one of the better half of the rows in which it does, or
        anywhere if there is none; what is fixed is as it is fixed.
        """
        z = z.clone()
        if self._conditional:
            # Not by the fixed values, beside which the designs were not tried.
            counts = BoxCodec(self.space)._counts(z)
            for p, at in self._places:
                gaps = ~counts[:, at.start]
                if not gaps.any():
                    continue
                own = z[~gaps][:, at]
                own = own[: (len(own) + 1) // 2] if len(own) else _anywhere(p, len(z), generator)
                z[gaps, at] = own[torch.randint(len(own), (int(gaps.sum()),), generator=generator)]
        for p, at in self._places:
            if p.name in self.fixed:
                z[:, at] = torch.tensor(_encode(p, self.fixed[p.name]), dtype=torch.float64)
        return z

    def every(self) -> Designs | None:
        """Each design that may be proposed, once; None if they are infinitely many."""
        return every(self.space, self._given)

    def fresh(self, z: Float[Tensor, "n d"], known: Sequence[Params]) -> list[Params]:
        """What each row of z stands for: numbers hardly ever meet what is known."""
        del known
        return self.decode(z)

    def pullback(self, params: Params, gradient: Mapping[str, float]) -> Float[Tensor, " d"]:
        """The gradient with respect to z; a choice has none."""
        check_gradient(self.space, gradient)
        slopes: list[float] = []
        for p in self.space.parameters:
            # Of what does not count there is no value, and nothing to follow.
            if isinstance(p, Real | Integer) and p.name in params:
                slopes.append(gradient.get(p.name, 0.0) * _slope(p, float(params[p.name])))
            else:
                slopes += [0.0] * _columns(p)
        return torch.tensor(slopes, dtype=torch.float64)

    def allowed(self, n: int, seed: int) -> list[dict[str, float]]:
        """n draws of the numbers, uniform over what the constraints allow, by hit-and-run (BoTorch's).

        Whole numbers are not rounded. More draws of one seed begin with the same ones.
        """
        return self._polytope.draws(n, seed)

    @property
    def impossible(self) -> bool:
        """Whether it is proven that no whole numbers satisfy the constraints, though other numbers do."""
        return bool(self._whole) and self._polytope.empty(self._whole)

    def _row(self, params: Params) -> list[float]:
        resting = {*self.space.names}.difference(self.space.active(params)) if self._conditional else ()
        return [
            v
            for p, at in self._places
            for v in (self._rest[at].tolist() if p.name in resting else _encode(p, params[p.name]))
        ]

    def _nearest(self, row: Sequence[float]) -> dict[str, Value]:
        """The values that a row is nearest to, whether they count or not."""
        return {p.name: self._given.get(p.name, _decode(p, row[at])) for p, at in self._places}

    def _counting(self, params: dict[str, Value]) -> dict[str, Value]:
        return {name: params[name] for name in self.space.active(params)} if self._conditional else params

    def _counts(self, z: Float[Tensor, "n d"]) -> Bool[Tensor, "n d"]:
        """Which columns of each row count."""
        parents = {name for p in self.space.parameters for name, _ in conditions(p)}
        deciding = torch.tensor([p.name in parents for p, at in self._places for _ in range(at.start, at.stop)])
        # Rows with the same parents are looked at once: there may be thousands, and few that differ.
        kinds, which = torch.where(deciding, z, 0.0).unique(dim=0, return_inverse=True)
        active = [self.space.active(self._nearest(row)) for row in kinds.tolist()]
        columns = [p.name for p, at in self._places for _ in range(at.start, at.stop)]
        counts = torch.tensor([[name in one for name in columns] for one in active], dtype=torch.bool)
        return counts.reshape(-1, self.dim)[which]

    def _feasible(self, params: dict[str, Value]) -> Params:
        if self.space.constraints and not self.space.allows(params):
            self._put(params, self._polytope.within(self._numbers(params)))
            if self._whole and not self.space.allows(params):
                self._put(params, self._polytope.balanced(self._numbers(params), {*self._whole, *self.fixed}))
        return params

    def _numbers(self, params: Params) -> dict[str, float]:
        return {n: float(params[n]) for n in self._polytope.names}

    def _put(self, params: dict[str, Value], found: Mapping[str, float]) -> None:
        """Take the found numbers, the whole ones rounded; what is given stays."""
        for name, value in found.items():
            if name not in self._given:
                params[name] = round(value) if name in self._whole else value

    @cached_property
    def _conditional(self) -> bool:
        """Whether the space is; asked for every row."""
        return self.space.conditional

    @cached_property
    def _given(self) -> Params:
        """What is fixed, and the numbers for which the constraints leave a single value."""
        if not self.space.constraints:
            return self.fixed
        single = self._polytope.single
        return {n: round(v) if n in self._whole else v for n, v in single.items()} | dict(self.fixed)

    @cached_property
    def _whole(self) -> frozenset[str]:
        """The whole numbers."""
        return frozenset(p.name for p in self.space.parameters if isinstance(p, Integer))

    @cached_property
    def _places(self) -> list[tuple[Parameter, slice]]:
        """The parameters, each with its columns."""
        ends = list(accumulate(map(_columns, self.space.parameters), initial=0))
        return [(p, slice(*ends[i : i + 2])) for i, p in enumerate(self.space.parameters)]

    @cached_property
    def _rest(self) -> Float[Tensor, " d"]:
        """Where columns are that do not count: at the mean of a number's range, and of the levels of a choice."""
        means = [0.0 if at.stop - at.start == 1 else EDGE * (2 / (at.stop - at.start) - 1) for _, at in self._places]
        widths = torch.tensor([at.stop - at.start for _, at in self._places])
        return torch.tensor(means, dtype=torch.float64).repeat_interleave(widths)

    @cached_property
    def _polytope(self) -> Polytope:
        # Constraints are on what always counts.
        numbers = [p for p in self.space.parameters if isinstance(p, Real | Integer) and not conditions(p)]
        return Polytope.of(
            numbers,
            self.space.constraints,
            {n: float(v) for n, v in self.fixed.items() if n in {p.name for p in numbers}},
        )


@dataclass(frozen=True)
class WhiteningCodec(Smooth):
    """z are the coordinates along the corpus' principal directions, each divided by the corpus' spread along it.

    Args:
        space: of `Real` parameters, in the order of the corpus' columns.
        mean: of the corpus.
        basis: the directions, orthonormal columns in units of `scale`.
        spread: the standard deviation along each.
        scale: the unit of each column.
    """

    space: Space
    mean: Float[Tensor, " D"]
    basis: Float[Tensor, "D d"]
    spread: Float[Tensor, " d"]
    scale: Float[Tensor, " D"]

    @property
    def dim(self) -> int:
        """The number of columns of z."""
        return self.basis.shape[1]

    def encode(self, params: Sequence[Params]) -> Float[Tensor, "n d"]:
        """The z of each of the given parameters; what lies off the directions is left out."""
        return self.encode_array(as_array(self.space, params))

    def encode_array(self, designs: Float[Tensor, "n D"]) -> Float[Tensor, "n d"]:
        """The z of each row of an array of designs."""
        return (designs - self.mean) / self.scale @ self.basis / self.spread

    def decode(self, z: Float[Tensor, "n d"]) -> list[Params]:
        """The designs of each row of z, clipped to the bounds."""
        return as_params(self.space, self.decode_array(z))

    def decode_array(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n D"]:
        """The designs of each row of z as an array, clipped to the bounds."""
        low, high = (
            torch.tensor([getattr(p, end) for p in self.space.parameters], dtype=torch.float64)
            for end in ("low", "high")
        )
        designs = self.mean + (z * self.spread) @ self.basis.T * self.scale
        return designs.clamp(low, high)

    def pullback(self, params: Params, gradient: Mapping[str, float]) -> Float[Tensor, " d"]:
        """The gradient with respect to z: diag(spread) basis' diag(scale) g."""
        check_gradient(self.space, gradient)
        g = torch.tensor([gradient.get(n, 0.0) for n in self.space.names], dtype=torch.float64)
        return (g * self.scale) @ self.basis * self.spread


@dataclass(frozen=True)
class FixedCodec(Smooth):
    """Another codec, whose designs always have some parameters at these values.

    Args:
        codec: of a space without constraints.
        fixed: values by name.

    Raises:
        SpaceError: a fixed value is not in the space.
    """

    codec: WhiteningCodec
    fixed: Params

    def __post_init__(self) -> None:
        self.codec.space.check_some(self.fixed)

    @property
    def dim(self) -> int:
        """The number of columns of z."""
        return self.codec.dim

    def encode(self, params: Sequence[Params]) -> Float[Tensor, "n d"]:
        """The z of each of the given parameters, whatever they are."""
        return self.codec.encode(params)

    def decode(self, z: Float[Tensor, "n d"]) -> list[Params]:
        """The designs of each row of z, with the fixed values in them."""
        return [{**one, **self.fixed} for one in self.codec.decode(z)]

    def filled(self, z: Float[Tensor, "n d"], generator: torch.Generator) -> Float[Tensor, "n d"]:
        """The rows with the fixed values in them."""
        del generator
        return self.encode(self.decode(z))

    def pullback(self, params: Params, gradient: Mapping[str, float]) -> Float[Tensor, " d"]:
        """The gradient with respect to z, what is fixed not moving."""
        return self.codec.pullback(params, {k: v for k, v in gradient.items() if k not in self.fixed})


def as_array(space: Space, params: Sequence[Params]) -> Float[Tensor, "n D"]:
    """Designs as rows of numbers, in the order of the space; a level of a choice is its place among the levels."""
    rows = [[_number(p, one[p.name]) for p in space.parameters] for one in params]
    return torch.tensor(rows, dtype=torch.float64).reshape(len(params), len(space.names))


def as_params(space: Space, designs: Float[Tensor, "n D"]) -> list[Params]:
    """The same rows of numbers as parameters by name."""
    return [{p.name: _value(p, v) for p, v in zip(space.parameters, row, strict=True)} for row in designs.tolist()]


def _number(parameter: Parameter, value: Value) -> float:
    return float(parameter.levels.index(str(value)) if isinstance(parameter, Choice) else value)


def _value(parameter: Parameter, number: float) -> Value:
    if isinstance(parameter, Choice):
        return parameter.levels[int(number)]
    return int(number) if isinstance(parameter, Integer) else number


def check_gradient(space: Space, gradient: Mapping[str, float]) -> None:
    """Raise `ResultError` unless the gradient names numeric parameters and is finite."""
    numbers = [p.name for p in space.parameters if isinstance(p, Real | Integer)]
    if unknown := sorted(set(gradient) - set(numbers)):
        raise ResultError(f"gradient names {unknown}; the numeric parameters are {numbers}")
    if bad := {k: v for k, v in gradient.items() if not np.isfinite(v)}:
        raise ResultError(f"gradient must be finite, got {bad}")


def _levels(parameter: Parameter) -> list[str]:
    """What has a column each: the levels of a choice, the letters of a sequence at each of its positions."""
    if isinstance(parameter, Choice):
        return list(parameter.levels)
    if isinstance(parameter, strings.Sequence) and parameter.one_length:
        return list(parameter.alphabet) * parameter.longest
    advice = "" if isinstance(parameter, Candidate) else "; use gdopt.MaskedDiffusion"
    raise SpaceError(f"{parameter.name}: {_KIND[type(parameter)]} is nothing that numbers can stand for{advice}")


_KIND = {
    strings.Molecule: "a molecule",
    strings.Sequence: "a sequence of more than one length",
    Candidate: "a row of a table",
}


def _columns(parameter: Parameter) -> int:
    if isinstance(parameter, Choice) and parameter.ordered:
        return 1
    return 1 if isinstance(parameter, Real | Integer) else len(_levels(parameter))


# A whole number of more values is a number that is rounded; of so many or fewer, each value is looked at by itself.
FEW = 10


def _blocks(parameter: Parameter, start: int) -> list[Block]:
    """The blocks of a discrete parameter whose first column is `start`; none of a number."""
    if isinstance(parameter, strings.Sequence):
        width = len(parameter.alphabet)
        letters = _points(width)
        fixed = dict(parameter.fixed)
        return [Block(start + at * width, letters, True) for at in range(parameter.longest) if at not in fixed]
    if isinstance(parameter, Choice) and not parameter.ordered:
        return [Block(start, _points(len(parameter.levels)), True)]
    if isinstance(parameter, Integer) and parameter.high - parameter.low < FEW:
        values: list[Value] = list(range(parameter.low, parameter.high + 1))
    elif isinstance(parameter, Choice):
        values = list(parameter.levels)
    else:
        return []
    return [Block(start, torch.tensor([_encode(parameter, v) for v in values], dtype=torch.float64), False)]


def _anywhere(parameter: Parameter, n: int, generator: torch.Generator) -> Float[Tensor, "n w"]:
    """The columns of n values of a parameter, each as likely as any other."""
    drawn = EDGE * (2 * torch.rand(n, _columns(parameter), generator=generator, dtype=torch.float64) - 1)
    return torch.tensor([_encode(parameter, _decode(parameter, row)) for row in drawn.tolist()], dtype=torch.float64)


def _points(levels: int) -> Float[Tensor, "levels levels"]:
    return EDGE * (2 * torch.eye(levels, dtype=torch.float64) - 1)


def _encode(parameter: Parameter, value: Value) -> list[float]:
    if isinstance(parameter, Choice) and parameter.ordered:
        return _encode(_ranks(parameter), parameter.levels.index(str(value)))
    if isinstance(parameter, Choice):
        return [EDGE if value == level else -EDGE for level in parameter.levels]
    if isinstance(parameter, strings.Sequence):
        return [EDGE if letter == own else -EDGE for own in str(value) for letter in parameter.alphabet]
    assert isinstance(parameter, Real | Integer)
    low, high, at = _ends(parameter, float(value))
    return [EDGE * (2 * at - low - high) / (high - low)]


def _ranks(parameter: Choice) -> Integer:
    """The places of ordered levels."""
    return Integer(parameter.name, 0, len(parameter.levels) - 1)


def _decode(parameter: Parameter, columns: Sequence[float]) -> Value:
    if isinstance(parameter, Choice) and parameter.ordered:
        return parameter.levels[int(_decode(_ranks(parameter), columns))]
    if isinstance(parameter, Choice):
        return parameter.levels[int(np.argmax(columns))]
    if isinstance(parameter, strings.Sequence):
        best = np.reshape(columns, (parameter.longest, -1)).argmax(1)
        letters = dict(enumerate(parameter.alphabet[i] for i in best)) | dict(parameter.fixed)
        return "".join(letters[at] for at in range(parameter.longest))
    assert isinstance(parameter, Real | Integer)
    low, high, _ = _ends(parameter, parameter.high)
    unit = min(max(columns[0] / EDGE, -1.0), 1.0)
    at = (low + high) / 2 + unit * (high - low) / 2
    if isinstance(parameter, Integer):
        return min(max(round(at), parameter.low), parameter.high)
    value = float(np.exp(at)) if parameter.log else at
    return min(max(value, parameter.low), parameter.high)


def _ends(parameter: Real | Integer, value: float) -> tuple[float, float, float]:
    """The bounds and the value on the scale on which steps are equal; an integer owns half a unit to each side."""
    if isinstance(parameter, Integer):
        return parameter.low - 0.5, parameter.high + 0.5, value
    if parameter.log:
        return float(np.log(parameter.low)), float(np.log(parameter.high)), float(np.log(value))
    return parameter.low, parameter.high, value


def _slope(parameter: Real | Integer, value: float) -> float:
    """d(parameter)/dz at the value."""
    low, high, _ = _ends(parameter, value)
    slope = (high - low) / (2 * EDGE)
    return slope * value if isinstance(parameter, Real) and parameter.log else slope
