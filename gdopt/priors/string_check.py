"""Whether a prior of strings draws what its corpus is like: are they valid, different, new, and of the same kind."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from gdopt.errors import SettingsError
from gdopt.priors.comparison import CategoricalComparison, NumericComparison
from gdopt.space import strings
from gdopt.space.space import Space

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["PriorCheck", "check"]

# The properties of a molecule that are compared, of `gdopt.molecules.scores.PROPERTIES`.
COMPARED = ("QED", "synthetic accessibility", "logP", "molecular weight")


@dataclass(frozen=True, repr=False)
class PriorCheck:
    """Draws of a prior against its corpus; printed, it is a table.

    Args:
        draws: how many were drawn.
        validity: the share of them that the space allows.
        uniqueness: the share of different ones among these.
        novelty: the share of these that is not in the corpus.
        numbers: what each string has one of.
        shares: what occurs more or less often.
    """

    draws: int
    validity: float
    uniqueness: float
    novelty: float
    numbers: tuple[NumericComparison, ...]
    shares: tuple[CategoricalComparison, ...]

    @property
    def comparisons(self) -> tuple[NumericComparison | CategoricalComparison, ...]:
        """All that was compared."""
        return (*self.numbers, *self.shares)

    def to_frame(self) -> "pd.DataFrame":
        """A row for each comparison: samples, corpus, distance, and the distance that chance alone makes.

        Numbers have their quartiles in the first two columns, shares what differs most. Distances are the
        Kolmogorov-Smirnov statistic of numbers and the total variation of shares, both from 0 to 1.
        """
        import pandas as pd

        rows = {one.title: (*one.texts(), one.distance, one.by_chance) for one in self.comparisons}
        columns = ["samples", "corpus", "distance", "by chance"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns)

    def facts(self) -> dict[str, Any]:
        """All but the samples, as JSON takes it."""
        distances = {one.name: {"distance": one.distance, "by chance": one.by_chance} for one in self.comparisons}
        shares = {"validity": self.validity, "uniqueness": self.uniqueness, "novelty": self.novelty}
        return {"draws": self.draws, **shares, "distances": distances}

    def plot(self, path: str | Path | None = None) -> "Figure":
        """A figure of all comparisons, samples over corpus; written to `path` if given."""
        from gdopt.priors.figures import comparisons  # matplotlib takes a second to import

        return comparisons(self.comparisons, path)

    def __str__(self) -> str:
        of_all = (
            f"{self.draws} draws: {self.validity:.1%} valid, {self.uniqueness:.1%} of these different, "
            f"{self.novelty:.1%} of these new"
        )
        return f"{of_all}\n{self.to_frame().to_string(float_format='{:.3f}'.format)}"

    __repr__ = __str__


def check(space: Space, samples: Sequence[str], corpus: Sequence[str], draws: int) -> PriorCheck:
    """Samples of a prior of one string against the corpus that it was fitted to.

    Args:
        space: of one sequence or molecule.
        samples: what was drawn; a molecule in canonical SMILES.
        corpus: strings of the space.
        draws: how many were drawn, those that stand for nothing included.

    Raises:
        SettingsError: no sample is valid, so that there is nothing to compare.
    """
    (only,) = space.parameters
    valid = [one for one in samples if space.allows({only.name: one})]
    if not valid:
        raise SettingsError(f"none of {draws} draws is valid: draw more, or fit the prior with more steps")
    different = dict.fromkeys(valid)
    numbers, shares = (
        _of_sequences(only, valid, corpus) if isinstance(only, strings.Sequence) else _of_molecules(valid, corpus)
    )
    return PriorCheck(
        draws=draws,
        validity=len(valid) / draws,
        uniqueness=len(different) / len(valid),
        novelty=len(different.keys() - set(corpus)) / len(different),
        numbers=numbers,
        shares=shares,
    )


def _of_molecules(
    samples: Sequence[str], corpus: Sequence[str]
) -> tuple[tuple[NumericComparison, ...], tuple[CategoricalComparison, ...]]:
    from gdopt.molecules.scores import PROPERTIES, alerts, properties

    one, other = properties(samples), properties(corpus)
    numbers = tuple(
        NumericComparison(p.name, one[p.name], other[p.name], p.unit) for p in PROPERTIES if p.name in COMPARED
    )

    def warned(some: Sequence[str]) -> Float[np.ndarray, "n 2"]:
        found = np.array([bool(alerts(smiles)) for smiles in some])
        return np.stack([~found, found], axis=1).astype(float)

    return numbers, (CategoricalComparison("structural alerts", ("none", "some"), warned(samples), warned(corpus)),)


def _of_sequences(
    only: strings.Sequence, samples: Sequence[str], corpus: Sequence[str]
) -> tuple[tuple[NumericComparison, ...], tuple[CategoricalComparison, ...]]:
    letters = tuple(only.alphabet)
    pairs = tuple(map("".join, product(letters, repeat=2)))

    def compared(name: str, labels: tuple[str, ...], of: Callable[[str], Sequence[str]]) -> CategoricalComparison:
        return CategoricalComparison(
            name, labels, *(_counted([of(one) for one in some], labels) for some in (samples, corpus))
        )

    lengths, others = (np.array([len(one) for one in some], dtype=float) for some in (samples, corpus))
    numbers = () if only.one_length else (NumericComparison("length", lengths, others),)
    return numbers, (
        compared("letters", letters, tuple),
        compared("neighbouring pairs", pairs, lambda one: ["".join(pair) for pair in pairwise(one)]),
    )


def _counted(some: Sequence[Sequence[str]], labels: Sequence[str]) -> Float[np.ndarray, "n k"]:
    """How often each label occurs, a row for each."""
    column = {label: j for j, label in enumerate(labels)}
    found = np.zeros((len(some), len(labels)))
    for row, one in zip(found, some, strict=True):
        for label in one:
            row[column[label]] += 1
    return found
