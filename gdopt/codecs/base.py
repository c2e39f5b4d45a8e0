"""The protocols between named parameters and vectors z, whose spread is about 1 in every column."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from gdopt.codecs.columns import Block
from gdopt.space.enumeration import Designs
from gdopt.space.parameters import Params

__all__ = ["Codec", "ContinuousCodec", "Encoder"]


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


class ContinuousCodec(ABC):
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
