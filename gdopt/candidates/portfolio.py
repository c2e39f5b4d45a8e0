"""How the pool is shared among sources: as at first, more for what proved worth it and less for what did not."""

from collections.abc import Mapping, Sequence

from gdopt.trials.trial import Trial

__all__ = ["portfolio"]

# Of what was proposed, the best that count as hits: a quarter, and at most so many.
HITS, SHARE_OF_HITS = 24, 0.25


def portfolio(first: Mapping[str, float], tried: Sequence[Trial]) -> dict[str, float]:
    """The share of each source: its first one times (hits + 1)/(expected hits + 1), scaled to sum to 1.

    Hits are the best of the designs that were tried, by the source that proposed them; expected are as many as a source
    would have if all were equally good: the hits times its share of the designs. A source that has not been tried keeps
    its first share, up to the scaling, and none is ever given up.

    Args:
        first: shares before anything was tried.
        tried: trials that are done, the best first, whatever their source.
    """
    ranked = [t for t in tried if t.source in first]
    hits = ranked[: min(HITS, round(SHARE_OF_HITS * len(ranked)))]
    worth = {}
    for name, share in first.items():
        got = sum(t.source == name for t in hits)
        expected = len(hits) * sum(t.source == name for t in ranked) / max(1, len(ranked))
        worth[name] = share * (got + 1) / (expected + 1)
    return {name: one / sum(worth.values()) for name, one in worth.items()}
