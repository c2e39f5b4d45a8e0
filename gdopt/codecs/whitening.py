"""Parameters along the principal directions of a corpus; codecs with fixed parameters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.codecs.base import ContinuousCodec
from gdopt.codecs.columns import as_array, as_params
from gdopt.space.parameters import Params
from gdopt.space.space import Space, check_gradient

__all__ = ["FixedCodec", "WhiteningCodec"]


@dataclass(frozen=True)
class WhiteningCodec(ContinuousCodec):
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

    def gradient_to_z(self, params: Params, gradient: Mapping[str, float]) -> Float[Tensor, " d"]:
        """The gradient with respect to z: diag(spread) basis' diag(scale) g."""
        check_gradient(self.space, gradient)
        g = torch.tensor([gradient.get(n, 0.0) for n in self.space.names], dtype=torch.float64)
        return (g * self.scale) @ self.basis * self.spread


@dataclass(frozen=True)
class FixedCodec(ContinuousCodec):
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
    def space(self) -> Space:
        """The space of the codec."""
        return self.codec.space

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

    def impute_inactive(self, z: Float[Tensor, "n d"], generator: torch.Generator) -> Float[Tensor, "n d"]:
        """The rows with the fixed values in them."""
        del generator
        return self.encode(self.decode(z))

    def gradient_to_z(self, params: Params, gradient: Mapping[str, float]) -> Float[Tensor, " d"]:
        """The gradient with respect to z, what is fixed not moving."""
        return self.codec.gradient_to_z(params, {k: v for k, v in gradient.items() if k not in self.fixed})
