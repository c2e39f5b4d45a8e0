"""The unit cube, in which optimizers of other libraries work."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.candidates.initial import distinct_new
from gdopt.codecs.base import Codec
from gdopt.codecs.box import BoxCodec
from gdopt.codecs.columns import SQRT_3
from gdopt.priors.diffusion import DiffusionPrior
from gdopt.space.parameters import Params
from gdopt.trials.state import State

__all__ = ["Cube", "cube_of", "from_unit", "to_unit"]

# Whitened coordinates have no bounds: the cube contains the corpus and this many standard deviations in each direction.
SPREADS = 3.0


def to_unit(z: Float[Tensor, "*n d"], reach: float = SQRT_3) -> Float[Tensor, "*n d"]:
    """u = (z/reach + 1)/2: the box [-reach, reach]^d as the unit cube.

    Example:
        >>> to_unit(torch.tensor([-2.0, 0.0, 2.0]), reach=2.0).tolist()
        [0.0, 0.5, 1.0]
    """
    return (z / reach + 1) / 2


def from_unit(u: Float[Tensor, "*n d"], reach: float = SQRT_3) -> Float[Tensor, "*n d"]:
    """z = reach (2u - 1), the inverse of `to_unit`.

    Example:
        >>> from_unit(torch.tensor([0.0, 0.5, 1.0]), reach=2.0).tolist()
        [-2.0, 0.0, 2.0]
    """
    return reach * (2 * u - 1)


@dataclass(frozen=True, slots=True)
class Cube:
    """The codec's coordinates between two corners, scaled to [0, 1]."""

    codec: Codec
    low: Float[Tensor, " d"]
    high: Float[Tensor, " d"]

    @property
    def bounds(self) -> Float[Tensor, "2 d"]:
        """The corners of the cube, in the form of BoTorch's `bounds`."""
        return torch.stack([torch.zeros_like(self.low), torch.ones_like(self.low)])

    def encode(self, params: Sequence[Params]) -> Float[Tensor, "n d"]:
        """The point of each of the given parameters; outside the cube if they are outside its corners."""
        return (self.codec.encode(params) - self.low) / (self.high - self.low)

    def z(self, unit: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """The codec's coordinates of each point."""
        return self.low + unit * (self.high - self.low)

    def new(self, unit: Float[Tensor, "n d"], state: State) -> tuple[list[int], list[Params]]:
        """The points that decode to new designs, and these designs."""
        return distinct_new(self.z(unit), state, self.codec)


def cube_of(codec: Codec, prior: DiffusionPrior | None) -> Cube:
    """The box of the parameters, or a cube around the corpus if the codec is the prior's."""
    if prior is None or isinstance(codec, BoxCodec):
        edge = torch.full((codec.dim,), SQRT_3, dtype=torch.float64)
        return Cube(codec, -edge, edge)
    corpus = prior.z
    return Cube(codec, corpus.amin(0).clamp_max(-SPREADS), corpus.amax(0).clamp_min(SPREADS))
