"""Whether a corpus of designs is fit for a prior, and the prior for its corpus: coverage, dimension, copies."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from gdopt.errors import CorpusError, SettingsError
from gdopt.priors.comparison import CategoricalComparison, NumericComparison
from gdopt.priors.design_report import DesignCheck, Measure
from gdopt.priors.neighbours import (
    FEWEST,
    GROUP,
    MOST,
    REACH,
    STREAM,
    cluster_sizes,
    distances_to_nearest,
    intrinsic_dimension,
    participation_ratio,
    share_of_copies,
    share_within,
)
from gdopt.priors.weights import effective_size
from gdopt.space.parameters import Choice, Integer, Parameter
from gdopt.space.space import Space

__all__ = ["Corpus", "check"]

# A design is far off if its nearest is so many times as far as that of nine in ten.
FAR, USUAL = 5.0, 0.9
# With n designs for d directions the estimated variances lie between (1 ± √(d/n))² of the true ones (Marchenko and
# Pastur 1967): with four times as many, between a quarter and nine quarters.
DESIGNS_EACH = 4
# What counts as a fault: less than this share of what designs of the corpus themselves reach; so much more of what they
# have of copies and bounds; a distance of so much in one parameter, and so many times what chance makes.
ENOUGH, TOO_MANY, APART, TIMES = 0.8, 0.1, 0.15, 2.0


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
        distances_to_nearest(u[:, numbers], drawn[:, numbers], 2),
        distances_to_nearest(u[:, numbers], looked[:, numbers], 3)[:, 1:],
    )
    rows = corpus.designs[_redrawn(corpus)]
    varies = np.ptp(corpus.designs, axis=0) > 0
    found = DesignCheck(
        draws=len(drawn),
        designs=n,
        effective=effective,
        parameters=len(corpus.space.parameters),
        directions=len(corpus.variances),
        plausible=Measure("plausible: near a design", share_within(some, one), share_within(other, one)),
        covered=Measure("covered: near a sample", share_within(one, some), share_within(one, other)),
        copies=Measure("copies of a design", share_of_copies(near), share_of_copies(own)),
        at_bounds=Measure("at a bound", *(_at_bounds(one, corpus) for one in (samples, corpus.designs))),
        spread=Measure("effective dimension", *(participation_ratio(_variances(one)) for one in (alike, looked))),
        dimension=Measure("intrinsic dimension", *map(intrinsic_dimension, (alike, looked))),
        compared=tuple(_compared(corpus, j, samples, rows) for j, moves in enumerate(varies) if moves),
        nearest=distances_to_nearest(u, drawn, 1)[:, 0],
        own_nearest=distances_to_nearest(u, looked, 2)[:, 1],
        variances=corpus.variances,
        leading=_leading(drawn @ corpus.basis),
        own_leading=_leading(looked @ corpus.basis),
        faults=(),
        notes=(),
    )
    constant = [n for n, moves in zip(corpus.space.names, varies, strict=True) if not (moves or n in corpus.discrete)]
    return _judged(found, _parted(corpus, places, u), own[:, 0], constant)


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


def _at_bounds(designs: Float[np.ndarray, "n D"], corpus: Corpus) -> float:
    numbers = [(j, p) for j, p in enumerate(corpus.space.parameters) if p.name not in corpus.discrete]
    low, high = (np.array([getattr(p, end) for _, p in numbers]) for end in ("low", "high"))
    values = designs[:, [j for j, _ in numbers]]
    return float(((values <= low) | (values >= high)).any(1).mean())


def _compared(
    corpus: Corpus, j: int, samples: Float[np.ndarray, "m D"], rows: Float[np.ndarray, "n D"]
) -> NumericComparison | CategoricalComparison:
    """A parameter of samples and corpus: its values, or how often there is each level."""
    p = corpus.space.parameters[j]
    if p.name not in corpus.discrete:
        return NumericComparison(p.name, samples[:, j], rows[:, j], getattr(p, "unit", ""))
    labels = _labels(p)
    return CategoricalComparison(
        p.name, labels, *(np.eye(len(labels))[_places(p, one[:, j])] for one in (samples, rows))
    )


def _labels(parameter: Parameter) -> tuple[str, ...]:
    """The levels of a discrete parameter."""
    if isinstance(parameter, Integer):
        return tuple(map(str, range(parameter.low, parameter.high + 1)))
    assert isinstance(parameter, Choice)
    return parameter.categories


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
        if count < max(FEWEST, GROUP * len(places)) or len(sizes := cluster_sizes(u[own][:, ~corpus.held])) < 2:
            continue
        who = f"designs with {corpus.said(own[0])} fall" if corpus.discrete else "the corpus falls"
        found.append(f"{who} into {len(sizes)} groups ({', '.join(f'{one:.0%}' for one in sizes)})")
    return found
