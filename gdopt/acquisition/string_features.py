"""Strings as a surrogate sees them, and which surrogate it is."""

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

__all__ = ["Features", "StringView", "alike", "of_one_length", "remembered", "seen"]

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


def seen(
    space: Space, features: Features | None = None, surrogate: SurrogateFactory | None = None
) -> tuple[StringView, SurrogateFactory]:
    """How the strings of a space are seen, and what is fitted to them, as far as it is not given.

    Sequences of one length are seen letter by letter (`gdopt.surrogates.sequences`), molecules by their fragments and
    their properties (`gdopt.surrogates.molecules`). All else, the user's own features too, is a matter of similarity
    (`gdopt.surrogates.tanimoto`). Features of a string are made once as long as the view is kept: a pool is looked at
    in every generation.
    """
    (only,) = space.parameters
    if features is None and isinstance(only, strings.Molecule):
        return _molecules(only.name, surrogate)
    if features is not None or not of_one_length(space):
        return StringView(only.name, remembered(features or alike(space))), surrogate or tanimoto.fit
    assert isinstance(only, strings.Sequence)
    letters = Letters(only)
    how = sequences.Lettered(letters.length, len(letters.alphabet))
    return StringView(only.name, remembered(lambda some: how.written(letters.write(some)))), surrogate or how.fit


def _molecules(name: str, surrogate: SurrogateFactory | None) -> tuple[StringView, SurrogateFactory]:
    """Fragments and properties side by side."""
    from gdopt.molecules.fingerprints import counts
    from gdopt.molecules.scores import DESCRIPTORS, descriptors

    def features(some: Sequence[str]) -> Float[Tensor, "n d"]:
        return torch.cat([counts(some), torch.from_numpy(descriptors(some))], 1)

    return StringView(name, remembered(features)), surrogate or molecules.Described(len(DESCRIPTORS)).fit


def alike(space: Space) -> Features:
    """Features whose similarity is that of strings: fragments of molecules, gapped pairs of letters of sequences."""
    (only,) = space.parameters
    if isinstance(only, strings.Sequence):
        letters = Letters(only)
        return lambda some: pairs(one_hot(letters.write(some), len(letters.alphabet)))
    from gdopt.molecules.fingerprints import counts

    return counts


def remembered(features: Features) -> Features:
    """The same features, each string's made once as long as the function is kept."""
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
