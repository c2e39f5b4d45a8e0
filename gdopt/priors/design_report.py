"""The result of a prior's check: measures, verdict, table and figure."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from gdopt.priors.comparison import CategoricalComparison, NumericComparison
from gdopt.priors.neighbours import participation_ratio

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["DesignCheck", "Measure"]

# Parameters that are printed.
WORST = 5


@dataclass(frozen=True)
class Measure:
    """One number of the samples and the same of the corpus: what to compare it with.

    Args:
        name: as it is printed.
        samples: of the samples.
        corpus: of as many designs of the corpus.
    """

    name: str
    samples: float
    corpus: float


@dataclass(frozen=True, repr=False)
class DesignCheck:
    """Draws of a prior against its corpus, and the corpus against what a prior needs; printed, it is a table.

    Distances are those of the parameters, each in units of its spread, along the directions that the prior keeps. Two
    levels are about five units apart, so that a design is near those of its own levels, if there are enough of them.

    Args:
        draws: how many were drawn.
        designs: of the corpus.
        effective: how many designs of equal weight it is worth.
        parameters: of the space.
        directions: that the prior keeps.
        plausible: share of samples within reach of a design (improved precision, Kynkäänniemi et al. 2019); its corpus
            is the same of other designs.
        covered: share of designs within reach of a sample (improved recall).
        copies: share whose nearest design is nearer than a third of the second nearest (Yoon et al. 2023), by the
            numbers alone: levels are always those of many designs.
        at_bounds: share with a number at a bound.
        spread: effective dimension, the participation ratio (Σλ)²/Σλ² of the variances along all directions.
        dimension: intrinsic dimension, by the ratio of the distances to two nearest neighbours (Facco et al. 2017).
        compared: each parameter that varies, of samples and corpus; of a discrete one, the shares of its levels.
        nearest: the distance of each sample to its nearest design.
        own_nearest: that of designs of the corpus to their nearest other.
        variances: along each direction that the prior keeps, the largest first.
        leading: the first two coordinates of samples; of one direction, the second are zeros.
        own_leading: those of the corpus.
        faults: what makes the corpus or the prior unfit, in words.
        notes: what else is worth knowing.
    """

    draws: int
    designs: int
    effective: float
    parameters: int
    directions: int
    plausible: Measure
    covered: Measure
    copies: Measure
    at_bounds: Measure
    spread: Measure
    dimension: Measure
    compared: tuple[NumericComparison | CategoricalComparison, ...]
    nearest: Float[np.ndarray, " n"]
    own_nearest: Float[np.ndarray, " m"]
    variances: Float[np.ndarray, " d"]
    leading: Float[np.ndarray, "n 2"]
    own_leading: Float[np.ndarray, "m 2"]
    faults: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def fit(self) -> bool:
        """Whether no fault was found."""
        return not self.faults

    @property
    def measures(self) -> tuple[Measure, ...]:
        """All that is one number of samples and corpus."""
        median = Measure("nearest design, median distance", *map(median_of, (self.nearest, self.own_nearest)))
        shares = (self.plausible, self.covered, self.copies, self.at_bounds)
        return (*shares, median, self.spread, self.dimension)

    @cached_property
    def worst(self) -> tuple[NumericComparison | CategoricalComparison, ...]:
        """The parameters whose distribution differs most from the corpus', five at most, the worst first."""
        return tuple(sorted(self.compared, key=lambda one: one.distance, reverse=True)[:WORST])

    def to_frame(self) -> "pd.DataFrame":
        """A row for each measure, with that of the samples and that of the corpus."""
        import pandas as pd

        rows = {one.name: (one.samples, one.corpus) for one in self.measures}
        return pd.DataFrame.from_dict(rows, orient="index", columns=["samples", "corpus"])

    def facts(self) -> dict[str, Any]:
        """All but the arrays, as JSON takes it."""
        return {
            "fit": self.fit,
            "faults": list(self.faults),
            "notes": list(self.notes),
            "draws": self.draws,
            "designs": self.designs,
            "effective_size": self.effective,
            "parameters": self.parameters,
            "directions": self.directions,
            "measures": {one.name: {"samples": one.samples, "corpus": one.corpus} for one in self.measures},
            "distances": {one.name: {"distance": one.distance, "by chance": one.by_chance} for one in self.compared},
        }

    def plot(self, path: str | Path | None = None) -> "Figure":
        """A figure: two leading coordinates, nearest distances, variances, the worst parameter; written to `path`."""
        from gdopt.priors.figures import designs  # matplotlib takes a second to import

        distances = NumericComparison("distance to the nearest design", self.nearest, self.own_nearest)
        worst = self.worst[0] if self.worst else None
        return designs(self.leading, self.own_leading, distances, self.variances, self.spread.corpus, worst, path)

    def __str__(self) -> str:
        worth = "" if self.effective == self.designs else f", worth {self.effective:.0f} of equal weight,"
        first = (
            f"{self.draws} draws against {self.designs} designs{worth} of {self.parameters} parameters\n"
            f"{self.directions} directions kept, {participation_ratio(self.variances):.1f} effective"
        )
        distances = "".join(
            f"\n  {one.title}: distance {one.distance:.3f}, by chance {one.by_chance:.3f}" for one in self.worst
        )
        verdict = "Fit for it." if self.fit else "\n".join(["Not fit for it:", *(f"- {one}" for one in self.faults)])
        notes = "".join(f"\nNote: {one}" for one in self.notes)
        table = self.to_frame().to_string(float_format="{:.3f}".format)
        return f"{first}\n{table}\nparameters that differ most:{distances}\n{verdict}{notes}"

    __repr__ = __str__


def median_of(some: Float[np.ndarray, " n"]) -> float:
    return float(np.median(some))
