"""Whether a corpus of designs is fit for a prior, and the prior for its corpus: coverage, dimension, copies."""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestNeighbors, kneighbors_graph

from gdopt.errors import CorpusError, SettingsError
from gdopt.prior_check import Numbers, Shares
from gdopt.space import Choice, Integer, Parameter, Space
from gdopt.weights import effective_size

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Corpus", "DesignCheck", "Measure", "check", "intrinsic_dimension", "participation"]

# The neighbour whose distance is a design's reach (Kynkäänniemi et al. 2019 take the third).
REACH = 3
# A draw is a copy if its nearest design is nearer than this share of the second nearest (Yoon et al. 2023).
COPY = 1 / 3
# The share of the largest ratios of neighbours' distances that the intrinsic dimension leaves out (Facco et al. 2017).
TAIL = 0.1
# Of n rows on a line the widest gap by chance is log n times the usual one: links to 3 log n neighbours bridge it, and
# whatever gaps there are by chance in more dimensions. A smaller share of the rows is no group.
LINKS, GROUP = 3, 0.05
# A design is far off if its nearest is so many times as far as that of nine in ten.
FAR, USUAL = 5.0, 0.9
# With n designs for d directions the estimated variances lie between (1 ± √(d/n))² of the true ones (Marchenko and
# Pastur 1967): with four times as many, between a quarter and nine quarters.
DESIGNS_EACH = 4
# What counts as a fault: less than this share of what designs of the corpus themselves reach; so much more of what they
# have of copies and bounds; a distance of so much in one parameter, and so many times what chance makes.
ENOUGH, TOO_MANY, APART, TIMES = 0.8, 0.1, 0.15, 2.0
# Designs and draws that are needed for any of this; designs whose parameters are compared, at most; and the stream that
# draws weighted ones anew.
FEWEST, MOST, STREAM = 10, 5000, 0
# Parameters that are printed.
WORST = 5


@dataclass(frozen=True)
class Corpus:
    """What a prior was fitted to.

    Args:
        space: of `Real`, `Integer` and `Choice` parameters.
        designs: rows of the space, a level of a choice as its place among the levels.
        weights: of the designs, 1 on average.
        order: of the rows by chance, each next one in proportion to the weights of those that are left.
        variances: along each direction that was kept, in units of the parameters' spreads.
        basis: these directions, as columns, in the coordinates in which rows are compared.
        held: which of these coordinates stand for levels and are no numbers.
        discrete: the parameters that have levels.
    """

    space: Space
    designs: Float[np.ndarray, "n D"]
    weights: Float[np.ndarray, " n"]
    order: np.ndarray
    variances: Float[np.ndarray, " r"]
    basis: Float[np.ndarray, "d r"]
    held: Bool[np.ndarray, " d"]
    discrete: tuple[str, ...]

    @property
    def kinds(self) -> Int[np.ndarray, " n"]:
        """A number for each row, the same for rows of the same levels."""
        if not self.discrete:
            return np.zeros(len(self.designs), dtype=int)
        columns = [self.space.names.index(name) for name in self.discrete]
        return np.unique(self.designs[:, columns], axis=0, return_inverse=True)[1].reshape(-1)

    def said(self, row: np.integer) -> str:
        """The levels of a row, in words."""
        columns = ((j, p) for j, p in enumerate(self.space.parameters) if p.name in self.discrete)
        return ", ".join(f"{p.name} = {_labels(p)[_places(p, self.designs[:, j])[row]]}" for j, p in columns)


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
    compared: tuple[Numbers | Shares, ...]
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
        median = Measure("nearest design, median distance", *map(_median, (self.nearest, self.own_nearest)))
        shares = (self.plausible, self.covered, self.copies, self.at_bounds)
        return (*shares, median, self.spread, self.dimension)

    @cached_property
    def worst(self) -> tuple[Numbers | Shares, ...]:
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
        from gdopt.plot import design_check

        return design_check(self, path)

    def __str__(self) -> str:
        worth = "" if self.effective == self.designs else f", worth {self.effective:.0f} of equal weight,"
        first = (
            f"{self.draws} draws against {self.designs} designs{worth} of {self.parameters} parameters\n"
            f"{self.directions} directions kept, {participation(self.variances):.1f} effective"
        )
        distances = "".join(
            f"\n  {one.title}: distance {one.distance:.3f}, by chance {one.by_chance:.3f}" for one in self.worst
        )
        verdict = "Fit for it." if self.fit else "\n".join(["Not fit for it:", *(f"- {one}" for one in self.faults)])
        notes = "".join(f"\nNote: {one}" for one in self.notes)
        table = self.to_frame().to_string(float_format="{:.3f}".format)
        return f"{first}\n{table}\nparameters that differ most:{distances}\n{verdict}{notes}"

    __repr__ = __str__


def check(
    corpus: Corpus,
    samples: Float[np.ndarray, "m D"],
    u: Float[np.ndarray, "n d"],
    drawn: Float[np.ndarray, "m d"],
) -> DesignCheck:
    """Samples of a prior against the corpus that it was fitted to.

    Args:
        corpus: what it was fitted to.
        samples: what was drawn.
        u: the corpus in coordinates whose distances are in units of the parameters' spreads.
        drawn: the samples likewise.

    Raises:
        CorpusError: fewer than ten designs, of which nothing can be said.
        SettingsError: fewer than ten samples.
    """
    n = len(corpus.designs)
    if n < FEWEST:
        raise CorpusError(f"a check needs {FEWEST} designs or more, got {n}")
    if len(samples) < FEWEST:
        raise SettingsError(f"n = {len(samples)}: expected {FEWEST} draws or more")
    effective = effective_size(corpus.weights)
    # Of weighted designs no more than they are worth: the last of the order are those of least weight.
    places = corpus.order[: min(len(drawn), max(FEWEST, int(effective)))]
    looked = u[places]
    # Two sets of designs that have none in common, as many as draws: what real designs reach is what can be asked for.
    half = max(REACH + 1, min(len(drawn), int(effective / 2)))
    one, other = u[corpus.order[:half]], u[corpus.order[half : 2 * half]]
    some = drawn[:half]
    alike = drawn[: len(looked)]
    numbers = ~corpus.held
    near, own = (
        _neighbours(u[:, numbers], drawn[:, numbers], 2),
        _neighbours(u[:, numbers], looked[:, numbers], 3)[:, 1:],
    )
    rows = corpus.designs[_redrawn(corpus)]
    varies = np.ptp(corpus.designs, axis=0) > 0
    found = DesignCheck(
        draws=len(drawn),
        designs=n,
        effective=effective,
        parameters=len(corpus.space.parameters),
        directions=len(corpus.variances),
        plausible=Measure("plausible: near a design", _within(some, one), _within(other, one)),
        covered=Measure("covered: near a sample", _within(one, some), _within(one, other)),
        copies=Measure("copies of a design", _copies(near), _copies(own)),
        at_bounds=Measure("at a bound", *(_at_bounds(one, corpus) for one in (samples, corpus.designs))),
        spread=Measure("effective dimension", *(participation(_variances(one)) for one in (alike, looked))),
        dimension=Measure("intrinsic dimension", *map(intrinsic_dimension, (alike, looked))),
        compared=tuple(_compared(corpus, j, samples, rows) for j, moves in enumerate(varies) if moves),
        nearest=_neighbours(u, drawn, 1)[:, 0],
        own_nearest=_neighbours(u, looked, 2)[:, 1],
        variances=corpus.variances,
        leading=_leading(drawn @ corpus.basis),
        own_leading=_leading(looked @ corpus.basis),
        faults=(),
        notes=(),
    )
    constant = [n for n, moves in zip(corpus.space.names, varies, strict=True) if not (moves or n in corpus.discrete)]
    return _judged(found, _parted(corpus, places, u), own[:, 0], constant)


def participation(variances: Float[np.ndarray, " d"]) -> float:
    """(Σλ)²/Σλ²: d for equal variances, 1 where one direction has them all."""
    return effective_size(variances)


def intrinsic_dimension(rows: Float[np.ndarray, "n d"]) -> float:
    """The dimension of what the rows lie on, by the ratios of the distances to their two nearest (Facco et al. 2017).

    On a d-dimensional set μ = r₂/r₁ has the distribution F = 1 - μ^(-d) whatever the density: d is the slope of
    -log(1 - F) over log μ through the origin, the largest tenth of the ratios left out. 0 where rows are equal.
    """
    distances = _neighbours(rows, rows, 3)[:, 1:]
    distances = distances[distances[:, 0] > 0]
    if len(distances) < FEWEST:
        return 0.0
    ratios = np.sort(np.log(distances[:, 1] / distances[:, 0]))
    below = np.arange(1, len(ratios) + 1) / len(ratios)
    kept = slice(int((1 - TAIL) * len(ratios)))
    x, y = ratios[kept], -np.log1p(-below[kept])
    return float(x @ y / (x @ x)) if x.any() else 0.0


def _redrawn(corpus: Corpus) -> np.ndarray:
    """Rows that count alike: with weights, drawn anew in proportion."""
    if (corpus.weights == 1).all():
        return corpus.order[:MOST]
    n = len(corpus.weights)
    chance = corpus.weights / corpus.weights.sum()
    return np.random.default_rng(STREAM).choice(n, size=min(n, MOST), p=chance)


def _judged(found: DesignCheck, parted: list[str], apart: Float[np.ndarray, " m"], constant: list[str]) -> DesignCheck:
    """The check with what is wrong, in words: `parted` what falls into groups, `apart` how far other numbers are."""
    faults, notes = [], []
    if found.effective < DESIGNS_EACH * found.directions:
        faults.append(
            f"{found.effective:.0f} designs are few for {found.directions} directions: have {DESIGNS_EACH} for each, "
            "or keep fewer directions (unexplained=)"
        )
    if parted:
        more = f" (so do those of {len(parted) - 1} other combinations)" if len(parted) > 1 else ""
        faults.append(f"{parted[0]}{more}: steps lead between them, where nothing is")
    if found.plausible.samples < ENOUGH * found.plausible.corpus:
        faults.append(f"{1 - found.plausible.samples:.0%} of the draws are near no design: train with more steps")
    if found.covered.samples < ENOUGH * found.covered.corpus:
        faults.append(f"{1 - found.covered.samples:.0%} of the designs are near no draw: the prior leaves them out")
    if found.copies.samples > found.copies.corpus + TOO_MANY:
        faults.append(f"{found.copies.samples:.0%} of the draws are copies of designs: train with fewer steps")
    if found.at_bounds.samples > found.at_bounds.corpus + TOO_MANY:
        faults.append(f"{found.at_bounds.samples:.0%} of the draws are cut off at a bound: widen the space")
    if differ := [one.name for one in found.worst if one.distance > max(APART, TIMES * one.by_chance)]:
        notes.append(f"draws are spread differently from the corpus in {', '.join(differ)}")
    if constant:
        notes.append(f"constant in the corpus, so never varied: {', '.join(constant)}")
    far = apart > FAR * np.quantile(apart, USUAL)
    if far.any():
        notes.append(f"{int(far.sum())} of {len(far)} designs are far from all others: are they right?")
    return replace(found, faults=tuple(faults), notes=tuple(notes))


def _neighbours(rows: Float[np.ndarray, "n d"], of: Float[np.ndarray, "m d"], k: int) -> Float[np.ndarray, "m k"]:
    """The distances to the k nearest rows; the first is 0 where `of` is one of them. Of no coordinates all are 0."""
    if not rows.shape[1]:
        return np.zeros((len(of), k))
    distances: np.ndarray = NearestNeighbors(n_neighbors=k).fit(rows).kneighbors(of)[0]
    return distances


def _within(some: Float[np.ndarray, "n d"], others: Float[np.ndarray, "m d"]) -> float:
    """The share of rows that are nearer to one of the others than its third nearest neighbour is."""
    reach = _neighbours(others, others, REACH + 1)[:, REACH]
    return float((cdist(some, others) <= reach).any(1).mean())


def _copies(nearest: Float[np.ndarray, "n 2"]) -> float:
    return float((nearest[:, 0] < COPY * nearest[:, 1]).mean())


def _at_bounds(designs: Float[np.ndarray, "n D"], corpus: Corpus) -> float:
    numbers = [(j, p) for j, p in enumerate(corpus.space.parameters) if p.name not in corpus.discrete]
    low, high = (np.array([getattr(p, end) for _, p in numbers]) for end in ("low", "high"))
    values = designs[:, [j for j, _ in numbers]]
    return float(((values <= low) | (values >= high)).any(1).mean())


def _compared(
    corpus: Corpus, j: int, samples: Float[np.ndarray, "m D"], rows: Float[np.ndarray, "n D"]
) -> Numbers | Shares:
    """A parameter of samples and corpus: its values, or how often there is each level."""
    p = corpus.space.parameters[j]
    if p.name not in corpus.discrete:
        return Numbers(p.name, samples[:, j], rows[:, j], getattr(p, "unit", ""))
    labels = _labels(p)
    return Shares(p.name, labels, *(np.eye(len(labels))[_places(p, one[:, j])] for one in (samples, rows)))


def _labels(parameter: Parameter) -> tuple[str, ...]:
    """The levels of a discrete parameter."""
    if isinstance(parameter, Integer):
        return tuple(map(str, range(parameter.low, parameter.high + 1)))
    assert isinstance(parameter, Choice)
    return parameter.levels


def _places(parameter: Parameter, values: np.ndarray) -> np.ndarray:
    """The places of a column's values among the levels."""
    return values.astype(int) - (parameter.low if isinstance(parameter, Integer) else 0)


def _variances(rows: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " d"]:
    variances: np.ndarray = np.linalg.eigvalsh(np.atleast_2d(np.cov(rows.T))).clip(0)
    return variances


def _leading(rows: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n 2"]:
    return np.pad(rows, ((0, 0), (0, 1)))[:, :2]


def _parted(corpus: Corpus, places: Int[np.ndarray, " m"], u: Float[np.ndarray, "n d"]) -> list[str]:
    """Designs that fall into groups, in words, the most numerous first: the corpus, or those of the same levels.

    Levels part every corpus. Of levels that few designs have nothing can be said.
    """
    if corpus.held.all():
        return []
    kinds, found = corpus.kinds[places], []
    of_kind, counts = np.unique(kinds, return_counts=True)
    for kind, count in sorted(zip(of_kind, counts, strict=True), key=lambda one: -one[1]):
        own = places[kinds == kind]
        if count < max(FEWEST, GROUP * len(places)) or len(sizes := _groups(u[own][:, ~corpus.held])) < 2:
            continue
        who = f"designs with {corpus.said(own[0])} fall" if corpus.discrete else "the corpus falls"
        found.append(f"{who} into {len(sizes)} groups ({', '.join(f'{one:.0%}' for one in sizes)})")
    return found


def _groups(rows: Float[np.ndarray, "n d"]) -> list[float]:
    """The shares of the rows in groups that nothing connects, the largest first; tiny ones are none."""
    links = math.ceil(LINKS * math.log(len(rows)))
    graph = kneighbors_graph(rows, min(links, len(rows) - 1))
    _, labels = connected_components(graph, directed=False)
    shares = np.sort(np.bincount(labels) / len(rows))[::-1]
    return [float(one) for one in shares if one >= GROUP]


def _median(some: Float[np.ndarray, " n"]) -> float:
    return float(np.median(some))
