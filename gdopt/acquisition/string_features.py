"""Features of strings, and the surrogate that is fitted to them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.codecs.tokens import Letters
from gdopt.space import strings
from gdopt.space.parameters import Params
from gdopt.space.space import Space
from gdopt.surrogates import molecules, sequences, tanimoto
from gdopt.surrogates.base import SurrogateFactory
from gdopt.surrogates.kmers import one_hot, pairs

__all__ = ["Features", "StringEncoder", "cached", "encoder_and_surrogate", "of_one_length", "similarity_features"]

# From strings to the inputs of a surrogate, a row each.
Features = Callable[[Sequence[str]], Tensor]


@dataclass(frozen=True, slots=True)
class StringEncoder:
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


def encoder_and_surrogate(
    space: Space, features: Features | None = None, surrogate: SurrogateFactory | None = None
) -> tuple[StringEncoder, SurrogateFactory]:
    """The encoder of the strings of a space, and the factory of their surrogate, as far as they are not given.

    Sequences of one length have one-hot letters (`gdopt.surrogates.sequences`), molecules counts of fragments and
    properties (`gdopt.surrogates.molecules`). All other strings, and features of the user, have a Tanimoto similarity
    (`gdopt.surrogates.tanimoto`). The encoder caches features, as a pool is encoded in every generation.

    Args:
        space: of one string.
        features: of the user, instead.
        surrogate: of the user, instead.
    """
    (only,) = space.parameters
    if features is None and isinstance(only, strings.Molecule):
        return _molecules(only.name, surrogate)
    if features is not None or not of_one_length(space):
        return StringEncoder(only.name, cached(features or similarity_features(space))), surrogate or tanimoto.fit
    assert isinstance(only, strings.Sequence)
    letters = Letters(only)
    how = sequences.Lettered(letters.length, len(letters.alphabet))
    return StringEncoder(only.name, cached(lambda some: how.written(letters.write(some)))), surrogate or how.fit


def _molecules(name: str, surrogate: SurrogateFactory | None) -> tuple[StringEncoder, SurrogateFactory]:
    """The encoder of molecules: counts of fragments, then properties."""
    from gdopt.molecules.fingerprints import counts
    from gdopt.molecules.scores import DESCRIPTORS, descriptors

    def features(some: Sequence[str]) -> Float[Tensor, "n d"]:
        return torch.cat([counts(some), torch.from_numpy(descriptors(some))], 1)

    return StringEncoder(name, cached(features)), surrogate or molecules.Described(len(DESCRIPTORS)).fit


def similarity_features(space: Space) -> Features:
    """Counts of fragments of molecules, or of gapped pairs of letters of sequences (Ghandi et al. 2014)."""
    (only,) = space.parameters
    if isinstance(only, strings.Sequence):
        letters = Letters(only)
        return lambda some: pairs(one_hot(letters.write(some), len(letters.alphabet)))
    from gdopt.molecules.fingerprints import counts

    return counts


def cached(features: Features) -> Features:
    """The same features, computed once for each string."""
    known: dict[str, Tensor] = {}

    def of(some: Sequence[str]) -> Tensor:
        if not some:
            return features(some)
        missing = list(dict.fromkeys(one for one in some if one not in known))
        if missing:
            known.update(zip(missing, features(missing), strict=True))
        return torch.stack([known[one] for one in some])

    return of


def of_one_length(space: Space) -> bool:
    """Whether a space is of one sequence whose length is fixed."""
    first, *others = space.parameters
    return not others and isinstance(first, strings.Sequence) and first.one_length
