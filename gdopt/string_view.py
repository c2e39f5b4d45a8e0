"""Strings as a surrogate sees them: fingerprints of molecules, gapped pairs of the letters of sequences."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from gdopt import strings
from gdopt.space import Params, Space
from gdopt.surrogate.pairs import pairs
from gdopt.tokens import Letters

__all__ = ["Features", "StringView", "features_of"]

# Strings to what the surrogate sees of them, a row each.
Features = Callable[[Sequence[str]], Tensor]


@dataclass(frozen=True, slots=True)
class StringView:
    """The encoder of a space of one string.

    Args:
        name: of the parameter.
        features: of its values.
    """

    name: str
    features: Features

    def encode(self, params: Sequence[Params]) -> Float[Tensor, "n d"]:
        """The features of each of the given parameters."""
        return self.features([str(one[self.name]) for one in params])


def features_of(space: Space) -> Features:
    """Features of the strings of a space."""
    (only,) = space.parameters
    if isinstance(only, strings.Sequence):
        letters = Letters(only)
        return lambda some: pairs(letters.write(some), len(letters.alphabet))
    from gdopt.chemistry.fingerprints import counts

    return counts
