"""Draws against a corpus, property by property: numbers and shares."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float
from scipy.stats import ks_2samp

__all__ = ["CategoricalComparison", "NumericComparison"]

# How often the corpus is drawn from, to say how large a distance is by chance; and the stream that draws.
REDRAWN, STREAM = 20, 0
QUARTILES = (0.25, 0.5, 0.75)
# Differences that agree so far are equal.
DECIMALS = 12


@dataclass(frozen=True)
class NumericComparison:
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
        return gap_of(self.samples, self.corpus)

    @cached_property
    def by_chance(self) -> float:
        """The mean distance of as many strings that are drawn from the corpus itself."""
        return gap_by_chance(gap_of, len(self.samples), self.corpus)

    def quartiles(self) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]]:
        """The lower quartile, the median and the upper quartile, of the samples and of the corpus."""
        return np.quantile(self.samples, QUARTILES), np.quantile(self.corpus, QUARTILES)

    def texts(self) -> tuple[str, str]:
        """The quartiles as they are printed."""
        samples, corpus = self.quartiles()
        return compare_numbers(samples), compare_numbers(corpus)


@dataclass(frozen=True)
class CategoricalComparison:
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
        return variation_of(self.samples, self.corpus)

    @cached_property
    def by_chance(self) -> float:
        """The mean distance of as many strings that are drawn from the corpus itself."""
        return gap_by_chance(variation_of, len(self.samples), self.corpus)

    def shares(self) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
        """The share of each thing in all, of the samples and of the corpus."""
        return compare_shares(self.samples), compare_shares(self.corpus)

    def texts(self) -> tuple[str, str]:
        """What differs most, and its shares, as they are printed."""
        samples, corpus = self.shares()
        differences = np.abs(samples - corpus).round(DECIMALS)
        # Of two things both differ alike, and the last is the one that is talked about.
        most = len(self.labels) - 1 - int(differences[::-1].argmax())
        return f"{self.labels[most]} {samples[most]:.1%}", f"{self.labels[most]} {corpus[most]:.1%}"


def gap_of(one: Float[np.ndarray, " n"], other: Float[np.ndarray, " m"]) -> float:
    # Not its p-value, which takes longer the more there are, so the way to it does not matter.
    return float(ks_2samp(one, other, method="asymp").statistic)


def variation_of(one: Float[np.ndarray, "n k"], other: Float[np.ndarray, "m k"]) -> float:
    return float(np.abs(compare_shares(one) - compare_shares(other)).sum() / 2)


def compare_shares(counts: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " k"]:
    """Of each column in all that was counted; zeros where nothing was."""
    found: np.ndarray = counts.sum(0) / max(counts.sum(), 1)
    return found


def gap_by_chance(
    distance: Callable[[np.ndarray, np.ndarray], float], n: int, corpus: Float[np.ndarray, " m ..."]
) -> float:
    rng = np.random.default_rng(STREAM)
    return math.fsum(distance(corpus[rng.integers(len(corpus), size=n)], corpus) for _ in range(REDRAWN)) / REDRAWN


def compare_numbers(some: Float[np.ndarray, "3"]) -> str:
    return "  ".join(f"{one:.3g}" for one in some)
