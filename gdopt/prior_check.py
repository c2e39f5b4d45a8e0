"""Whether a prior of strings draws what its corpus is like: are they valid, different, new, and of the same kind."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from scipy.stats import ks_2samp

from gdopt import strings
from gdopt.errors import SettingsError
from gdopt.space import Space

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Numbers", "PriorCheck", "Shares", "check"]

# The properties of a molecule that are compared, of `gdopt.chemistry.scores.PROPERTIES`.
COMPARED = ("QED", "synthetic accessibility", "logP", "molecular weight")
# How often the corpus is drawn from, to say how large a distance is by chance; and the stream that draws.
REDRAWN, STREAM = 20, 0
QUARTILES = (0.25, 0.5, 0.75)
# Differences that agree so far are equal.
DECIMALS = 12


@dataclass(frozen=True)
class Numbers:
    """A number that each string has, of the samples and of the corpus.

    Args:
        name: as it is printed.
        samples: one for each sample.
        corpus: one for each string of the corpus.
        unit: empty for counts and for what has none.
    """

    name: str
    samples: Float[np.ndarray, " n"]
    corpus: Float[np.ndarray, " m"]
    unit: str = ""

    @property
    def title(self) -> str:
        """The name, and the unit where there is one."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    @cached_property
    def distance(self) -> float:
        """The Kolmogorov-Smirnov statistic: the largest gap between the two cumulative distributions, 0 to 1."""
        return _gap(self.samples, self.corpus)

    @cached_property
    def by_chance(self) -> float:
        """The mean distance of as many strings that are drawn from the corpus itself."""
        return _by_chance(_gap, len(self.samples), self.corpus)

    def quartiles(self) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]]:
        """The lower quartile, the median and the upper quartile, of the samples and of the corpus."""
        return np.quantile(self.samples, QUARTILES), np.quantile(self.corpus, QUARTILES)

    def texts(self) -> tuple[str, str]:
        """The quartiles as they are printed."""
        samples, corpus = self.quartiles()
        return _numbers(samples), _numbers(corpus)


@dataclass(frozen=True)
class Shares:
    """How often each of several things occurs, in the samples and in the corpus.

    Args:
        name: as it is printed.
        labels: of the things.
        samples: a row of counts for each sample.
        corpus: a row of counts for each string of the corpus.
    """

    name: str
    labels: tuple[str, ...]
    samples: Float[np.ndarray, "n k"]
    corpus: Float[np.ndarray, "m k"]

    @property
    def title(self) -> str:
        """The name."""
        return self.name

    @cached_property
    def distance(self) -> float:
        """Total variation: half the sum of all differences of shares, 0 to 1."""
        return _variation(self.samples, self.corpus)

    @cached_property
    def by_chance(self) -> float:
        """The mean distance of as many strings that are drawn from the corpus itself."""
        return _by_chance(_variation, len(self.samples), self.corpus)

    def shares(self) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
        """The share of each thing in all, of the samples and of the corpus."""
        return _shares(self.samples), _shares(self.corpus)

    def texts(self) -> tuple[str, str]:
        """What differs most, and its shares, as they are printed."""
        samples, corpus = self.shares()
        differences = np.abs(samples - corpus).round(DECIMALS)
        # Of two things both differ alike, and the last is the one that is talked about.
        most = len(self.labels) - 1 - int(differences[::-1].argmax())
        return f"{self.labels[most]} {samples[most]:.1%}", f"{self.labels[most]} {corpus[most]:.1%}"


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
    numbers: tuple[Numbers, ...]
    shares: tuple[Shares, ...]

    @property
    def comparisons(self) -> tuple[Numbers | Shares, ...]:
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
        from gdopt.plot import prior_check

        return prior_check(self, path)

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


def _of_molecules(samples: Sequence[str], corpus: Sequence[str]) -> tuple[tuple[Numbers, ...], tuple[Shares, ...]]:
    from gdopt.chemistry.scores import PROPERTIES, alerts, properties

    one, other = properties(samples), properties(corpus)
    numbers = tuple(Numbers(p.name, one[p.name], other[p.name], p.unit) for p in PROPERTIES if p.name in COMPARED)

    def warned(some: Sequence[str]) -> Float[np.ndarray, "n 2"]:
        found = np.array([bool(alerts(smiles)) for smiles in some])
        return np.stack([~found, found], axis=1).astype(float)

    return numbers, (Shares("structural alerts", ("none", "some"), warned(samples), warned(corpus)),)


def _of_sequences(
    only: strings.Sequence, samples: Sequence[str], corpus: Sequence[str]
) -> tuple[tuple[Numbers, ...], tuple[Shares, ...]]:
    letters = tuple(only.alphabet)
    pairs = tuple(map("".join, product(letters, repeat=2)))

    def compared(name: str, labels: tuple[str, ...], of: Callable[[str], Sequence[str]]) -> Shares:
        return Shares(name, labels, *(_counted([of(one) for one in some], labels) for some in (samples, corpus)))

    lengths, others = (np.array([len(one) for one in some], dtype=float) for some in (samples, corpus))
    numbers = () if only.one_length else (Numbers("length", lengths, others),)
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


def _gap(one: Float[np.ndarray, " n"], other: Float[np.ndarray, " m"]) -> float:
    # Not its p-value, which takes longer the more there are, so the way to it does not matter.
    return float(ks_2samp(one, other, method="asymp").statistic)


def _variation(one: Float[np.ndarray, "n k"], other: Float[np.ndarray, "m k"]) -> float:
    return float(np.abs(_shares(one) - _shares(other)).sum() / 2)


def _shares(counts: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " k"]:
    """Of each column in all that was counted; zeros where nothing was."""
    found: np.ndarray = counts.sum(0) / max(counts.sum(), 1)
    return found


def _by_chance(
    distance: Callable[[np.ndarray, np.ndarray], float], n: int, corpus: Float[np.ndarray, " m ..."]
) -> float:
    rng = np.random.default_rng(STREAM)
    return math.fsum(distance(corpus[rng.integers(len(corpus), size=n)], corpus) for _ in range(REDRAWN)) / REDRAWN


def _numbers(some: Float[np.ndarray, "3"]) -> str:
    return "  ".join(f"{one:.3g}" for one in some)
