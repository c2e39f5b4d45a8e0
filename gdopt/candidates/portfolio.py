"""Adaptive shares of the sources in the pool, by their hits among the results."""

from collections.abc import Mapping, Sequence

from gdopt.trials.trial import Trial

__all__ = ["portfolio"]

# Hits are the best quarter of the proposed results, at most HITS of them.
HITS, SHARE_OF_HITS = 24, 0.25


def portfolio(first: Mapping[str, float], tried: Sequence[Trial]) -> dict[str, float]:
    """The share of each source: its first share times (hits + 1)/(expected hits + 1), scaled to sum to 1.

    Hits are the best of the results, counted for the source that proposed them. The expected hits of a source are all
    hits
    times its share of the results. A source without results keeps its first share, up to the scaling, and no share
    becomes 0.

    Args:
        first: shares before any result.
        tried: done trials, best first, of any source.

    Example:
        >>> portfolio({"refitted": 0.5, "broad": 0.5}, [])
        {'refitted': 0.5, 'broad': 0.5}
    """
    ranked = [t for t in tried if t.source in first]
    hits = ranked[: min(HITS, round(SHARE_OF_HITS * len(ranked)))]
    merits = {}
    for name, share in first.items():
        observed = sum(t.source == name for t in hits)
        expected = len(hits) * sum(t.source == name for t in ranked) / max(1, len(ranked))
        merits[name] = share * (observed + 1) / (expected + 1)
    return {name: merit / sum(merits.values()) for name, merit in merits.items()}
