"""Between named parameters and the vectors z that the numerics work on, whose spread is about 1 in every column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import linprog
from torch import Tensor

from gdopt import strings
from gdopt.errors import ResultError, SpaceError
from gdopt.space import Choice, Integer, Parameter, Params, Real, Space, Value

__all__ = ["BoxCodec", "Codec", "Encoder", "WhiteningCodec", "as_array", "as_params"]

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

    def pullback(self, params: Params, gradient: Mapping[str, float]) -> Float[Tensor, " d"]:
        """The gradient with respect to z, of a gradient with respect to the parameters."""
        ...


@dataclass(frozen=True)
class BoxCodec:
    """Bounds go to ±√3 (on a logarithmic scale where asked), the levels of a choice to one column each, and so do the
    letters at each position of a sequence.

    Where a linear constraint is broken, `decode` moves the numbers towards the centre of the feasible set until it
    holds; whole numbers are rounded before, so that with them the constraint may still fail: callers drop what
    `Space.allows` refuses.

    Raises:
        SpaceError: the constraints leave nothing to try, or a parameter is a molecule or a sequence of any length.
    """

    space: Space

    def __post_init__(self) -> None:
        for parameter in self.space.parameters:
            _columns(parameter)
        if self.space.constraints:
            _ = self._centre

    @property
    def dim(self) -> int:
        """The number of columns of z."""
        return sum(_columns(p) for p in self.space.parameters)

    def encode(self, params: Sequence[Params]) -> Float[Tensor, "n d"]:
        """The z of each of the given parameters."""
        rows = [[v for p in self.space.parameters for v in _encode(p, one[p.name])] for one in params]
        return torch.tensor(rows, dtype=torch.float64).reshape(len(params), self.dim)

    def decode(self, z: Float[Tensor, "n d"]) -> list[Params]:
        """The nearest parameters that the bounds allow, drawn towards the feasible centre if a constraint is broken."""
        return [self._feasible(self._nearest(row)) for row in z.tolist()]

    def pullback(self, params: Params, gradient: Mapping[str, float]) -> Float[Tensor, " d"]:
        """The gradient with respect to z; a choice has none."""
        check_gradient(self.space, gradient)
        slopes: list[float] = []
        for p in self.space.parameters:
            if isinstance(p, Real | Integer):
                slopes.append(gradient.get(p.name, 0.0) * _slope(p, float(params[p.name])))
            else:
                slopes += [0.0] * _columns(p)
        return torch.tensor(slopes, dtype=torch.float64)

    def _nearest(self, row: Sequence[float]) -> dict[str, Value]:
        params: dict[str, Value] = {}
        start = 0
        for p in self.space.parameters:
            params[p.name] = _decode(p, row[start : start + _columns(p)])
            start += _columns(p)
        return params

    def _feasible(self, params: dict[str, Value]) -> Params:
        reach = 1.0
        for constraint in self.space.constraints:
            at = sum(c * float(params[n]) for n, c in constraint.coefficients)
            inside = sum(c * self._centre[n] for n, c in constraint.coefficients)
            if at > constraint.upper:
                reach = min(reach, (constraint.upper - inside) / (at - inside))
        if reach == 1.0:
            return params
        for name, centre in self._centre.items():
            value = centre + reach * (float(params[name]) - centre)
            whole = isinstance(params[name], int)
            params[name] = round(value) if whole else value
        return params

    @cached_property
    def _centre(self) -> dict[str, float]:
        """The point farthest from every constraint and bound, as shares of the ranges (a Chebyshev centre)."""
        numbers = [p for p in self.space.parameters if isinstance(p, Real | Integer)]
        low = np.array([p.low for p in numbers])
        width = np.array([p.high for p in numbers]) - low
        rows = np.array([[dict(c.coefficients).get(p.name, 0.0) for p in numbers] for c in self.space.constraints])
        upper = np.array([c.upper for c in self.space.constraints]) - rows @ low
        scaled = rows * width
        lengths = np.linalg.norm(scaled, axis=1, keepdims=True)
        eye = np.eye(len(numbers))
        sides = np.vstack([np.hstack([scaled, lengths]), np.hstack([eye, eye.sum(1, keepdims=True)])])
        bounds = [(None, None)] * len(numbers) + [(0, None)]
        below = np.hstack([-eye, eye.sum(1, keepdims=True)])
        solved = linprog(
            np.r_[np.zeros(len(numbers)), -1.0],
            A_ub=np.vstack([sides, below]),
            b_ub=np.r_[upper, np.ones(len(numbers)), np.zeros(len(numbers))],
            bounds=bounds,
        )
        if not solved.success or solved.x[-1] <= 0:
            named = "; ".join(map(str, self.space.constraints))
            raise SpaceError(f"no parameters within the bounds satisfy the constraints {named}")
        return {p.name: float(v) for p, v in zip(numbers, low + width * solved.x[:-1], strict=True)}


@dataclass(frozen=True)
class WhiteningCodec:
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


def as_array(space: Space, params: Sequence[Params]) -> Float[Tensor, "n D"]:
    """Designs as rows of numbers, in the order of a space without choices."""
    rows = [[float(one[name]) for name in space.names] for one in params]
    return torch.tensor(rows, dtype=torch.float64).reshape(len(params), len(space.names))


def as_params(space: Space, designs: Float[Tensor, "n D"]) -> list[Params]:
    """Rows of numbers as parameters by name."""
    return [dict(zip(space.names, row, strict=True)) for row in designs.tolist()]


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
    raise SpaceError(
        f"{parameter.name}: {_KIND[type(parameter)]} is nothing that numbers can stand for; use gdopt.MaskedDiffusion"
    )


_KIND = {strings.Molecule: "a molecule", strings.Sequence: "a sequence of more than one length"}


def _columns(parameter: Parameter) -> int:
    return 1 if isinstance(parameter, Real | Integer) else len(_levels(parameter))


def _encode(parameter: Parameter, value: Value) -> list[float]:
    if isinstance(parameter, Choice):
        return [EDGE if value == level else -EDGE for level in parameter.levels]
    if isinstance(parameter, strings.Sequence):
        return [EDGE if letter == own else -EDGE for own in str(value) for letter in parameter.alphabet]
    assert isinstance(parameter, Real | Integer)
    low, high, at = _ends(parameter, float(value))
    return [EDGE * (2 * at - low - high) / (high - low)]


def _decode(parameter: Parameter, columns: Sequence[float]) -> Value:
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
