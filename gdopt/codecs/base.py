"""The protocols between named parameters and vectors z, whose spread is about 1 in every column."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from gdopt.codecs.columns import Block
from gdopt.diffusion.closed_form import GaussianDenoiser
from gdopt.diffusion.denoiser import Denoiser
from gdopt.space.enumeration import Designs
from gdopt.space.parameters import Params
from gdopt.space.space import Space

__all__ = ["SCANNED", "Codec", "ContinuousCodec", "Encoder"]


# Points that a surrogate ranks: enough for good ones among them, few enough to be quick.
SCANNED = 5000


@runtime_checkable
class Encoder(Protocol):
    """Maps parameters to z: enough for a surrogate."""

    def encode(self, params: Sequence[Params]) -> Float[Tensor, "n d"]:
        """The z of each of the given parameters."""
        ...


@runtime_checkable
class Codec(Encoder, Protocol):
    """Maps parameters to z and back."""

    @property
    def space(self) -> Space:
        """The space of the designs."""
        ...

    @property
    def dim(self) -> int:
        """The number of columns of z."""
        ...

    def decode(self, z: Float[Tensor, "n d"]) -> list[Params]:
        """Parameters within the space, near each row of z."""
        ...

    def all_designs(self) -> Designs | None:
        """All designs that may be proposed, one by one; None if they are infinitely many."""
        ...

    def decode_unseen(self, z: Float[Tensor, "n d"], known: Sequence[Params]) -> list[Params]:
        """For proposals: in a finite space, each row is decoded to the nearest design that is not known."""
        ...

    def gradient_to_z(self, params: Params, gradient: Mapping[str, float]) -> Float[Tensor, " d"]:
        """The gradient with respect to z, of a gradient with respect to the parameters."""
        ...

    @property
    def blocks(self) -> list["Block"]:
        """The columns of each discrete parameter that is not fixed."""
        ...

    @property
    def categories(self) -> list["Block"]:
        """The columns of each parameter with unordered categories, fixed or not."""
        ...

    @property
    def inpainting_mask(self) -> Bool[Tensor, " d"]:
        """The columns of discrete and fixed parameters: the denoiser does not draw them."""
        ...

    @property
    def continuous(self) -> Bool[Tensor, " d"]:
        """The columns of real numbers that are not fixed."""
        ...

    @property
    def always_active(self) -> Bool[Tensor, " d"]:
        """The columns of unconditional parameters."""
        ...

    def untried(self, known: Sequence[Params], n: int, generator: torch.Generator) -> list[Params] | None:
        """n random designs that are not known, of a codec that can list its designs at once; else None."""
        ...

    def initial(self, seed: int, skip: int, n: int) -> list[Params]:
        """n designs spread over the space, after the first `skip`; the seed fixes their order.

        Raises:
            SpaceError: too few points satisfy the constraints.
        """
        ...

    def random(self, n: int, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """n draws of the codec's base distribution; of a table, at most all rows."""
        ...

    def scan(self, n: int, generator: torch.Generator) -> Float[Tensor, "m d"]:
        """At least n points from anywhere, for a surrogate to rank: constraints are ignored."""
        ...

    def base_denoiser(self, elite: Float[Tensor, "e d"], generator: torch.Generator) -> Denoiser:
        """The exact denoiser of the base distribution; of a large table, of the rows near the elite and some others."""
        ...

    def impute_inactive(self, z: Float[Tensor, "n d"], generator: torch.Generator) -> Float[Tensor, "n d"]:
        """Encoded designs with values for inactive parameters, as a distribution over all columns needs; best first."""
        ...

    def with_defaults_for_inactive(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """z with the columns of inactive parameters set to the values that `encode` gives them; differentiable."""
        ...


class ContinuousCodec(ABC):
    """The base of codecs with continuous columns and no conditional parameters."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """The number of columns of z."""

    @abstractmethod
    def decode(self, z: Float[Tensor, "n d"]) -> list[Params]:
        """Parameters within the space, near each row of z."""

    def all_designs(self) -> Designs | None:
        """None: there are infinitely many."""
        return None

    def decode_unseen(self, z: Float[Tensor, "n d"], known: Sequence[Params]) -> list[Params]:
        """`decode`: continuous designs hardly ever coincide with known ones."""
        del known
        return self.decode(z)

    @property
    def blocks(self) -> list[Block]:
        """No block: nothing is discrete."""
        return []

    @property
    def categories(self) -> list[Block]:
        """No block: nothing is discrete."""
        return []

    @property
    def inpainting_mask(self) -> Bool[Tensor, " d"]:
        """No column."""
        return torch.zeros(self.dim, dtype=torch.bool)

    @property
    def continuous(self) -> Bool[Tensor, " d"]:
        """Every column."""
        return torch.ones(self.dim, dtype=torch.bool)

    @property
    def always_active(self) -> Bool[Tensor, " d"]:
        """Every column."""
        return torch.ones(self.dim, dtype=torch.bool)

    def untried(self, known: Sequence[Params], n: int, generator: torch.Generator) -> list[Params] | None:
        """None: the designs cannot be listed."""
        return None

    def initial(self, seed: int, skip: int, n: int) -> list[Params]:
        """The designs of n standard normal draws, after the first `skip`."""
        return self.decode(self.random(skip + n, torch.Generator().manual_seed(seed))[skip:])

    def random(self, n: int, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """n draws of the standard normal distribution, which whitened columns have."""
        return torch.randn(n, self.dim, generator=generator, dtype=torch.float64)

    def scan(self, n: int, generator: torch.Generator) -> Float[Tensor, "m d"]:
        """`random` draws, `SCANNED` at least."""
        return self.random(max(SCANNED, n), generator)

    def base_denoiser(self, elite: Float[Tensor, "e d"], generator: torch.Generator) -> Denoiser:
        """The denoiser of the standard normal distribution."""
        del elite, generator
        return GaussianDenoiser(torch.zeros(self.dim).double(), torch.eye(self.dim).double())

    def impute_inactive(self, z: Float[Tensor, "n d"], generator: torch.Generator) -> Float[Tensor, "n d"]:
        """The rows as they are."""
        del generator
        return z

    def with_defaults_for_inactive(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """The rows as they are."""
        return z
