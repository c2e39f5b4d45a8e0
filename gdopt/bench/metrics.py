"""What is said of records: scores by evaluations, regret, ranks. Pure functions of the records."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.stats import rankdata

__all__ = [
    "Ranks",
    "Record",
    "feasible",
    "incumbents",
    "normalized",
    "quartiles",
    "ranks",
    "reference",
    "regret",
    "sign_of",
    "top_auc",
    "top_of",
]

Record = Mapping[str, Any]
Ranks = dict[str, tuple[float, float, float]]


def sign_of(record: Record) -> float:
    """What makes a record's values higher the better."""
    return 1.0 if record["direction"] == "maximize" else -1.0


def top_of(record: Record) -> float | None:
    """The optimum, in the user's direction; or else the best known, or else a bound, where there is any of them."""
    given = (record.get(name) for name in ("optimum", "best_known", "bound"))
    return next((top for top in given if top is not None), None)


def incumbents(record: Record) -> Float[np.ndarray, " n"]:
    """The noise-free value, higher the better, of what looked best after each evaluation.

    What looked best is what was told best: with noise it need not be the best that was tried. NaN while every
    evaluation has failed.
    """
    sign = sign_of(record)
    told = np.array([-np.inf if v is None else sign * v for v in record["told"]])
    values = sign * np.array(record["values"], dtype=float)
    # The first place at which the running maximum of what was told was reached.
    running = np.maximum.accumulate(told)
    at = np.maximum.accumulate(np.where(told >= running, np.arange(len(told)), 0))
    found = values[at]
    found[np.isneginf(running)] = np.nan
    return found


def reference(records: Sequence[Record]) -> float:
    """The score 0 of a problem: the median over runs of what looked best among the first designs."""
    return float(np.nanmedian([incumbents(r)[r["start"] - 1] for r in records]))


def normalized(record: Record, zero: float) -> Float[np.ndarray, " n"]:
    """Scores after each evaluation: 0 is `zero`, 1 the optimum, or the best known where that is not known.

    Of a problem of which neither is known, the value itself.
    """
    top = top_of(record)
    found = incumbents(record)
    if top is None:
        return found
    sign = sign_of(record)
    scores: Float[np.ndarray, " n"] = (found - zero) / (sign * top - zero)
    return scores


def regret(record: Record) -> float | None:
    """How far the last incumbent is from the optimum, None where that is not known."""
    if record["optimum"] is None:
        return None
    sign = sign_of(record)
    return float(sign * record["optimum"] - incumbents(record)[-1])


# Of PMO: how many of the best are looked at.
TOP = 10


def top_auc(record: Record) -> float:
    """The mean of the ten best so far, higher the better, averaged over all evaluations.

    It is the area under that mean as a share of the budget, by which PMO ranks (Gao et al. 2022, arXiv 2206.12411),
    looked at after every evaluation instead of every hundred. Of fewer than ten, the mean of what there is.
    Evaluations that failed count in the budget, but for those before the first value.
    """
    sign = sign_of(record)
    best: list[float] = []
    means: list[float] = []
    for value, told in zip(record["values"], record["told"], strict=True):
        if told is not None:
            best = sorted([*best, sign * value], reverse=True)[:TOP]
        if best:
            means.append(sum(best) / len(best))
    return float(np.mean(means)) if means else float("nan")


def feasible(record: Record) -> float | None:
    """The share of what was proposed after the start that breaks nothing; None where nothing can be broken."""
    if record.get("violations") is None:
        return None
    return float(np.mean([v == 0 for v in record["violations"][record["start"] :]]))


# Resamples of an interval, and the share of them that it holds.
RESAMPLES, LEVEL = 2000, 0.95


def ranks(records: Sequence[Record], seed: int = 0) -> Ranks:
    """For every method its average rank over problems (1 is best) and a bootstrap interval of it.

    Methods are ranked within each problem and seed by their last incumbents, ties sharing their mean rank; only seeds
    that every method of a problem has count. Seeds are resampled within problems, so that the interval says what other
    seeds would have given on these problems.
    """
    tables = _rank_tables(records)
    methods = sorted({r["method"] for r in records})
    generator = np.random.default_rng(seed)
    found: Ranks = {}
    for name in methods:
        columns = [table[:, names.index(name)] for names, table in tables if name in names]
        if not columns:
            continue
        drawn = [
            np.mean([c[generator.integers(len(c), size=len(c))].mean() for c in columns]) for _ in range(RESAMPLES)
        ]
        low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        found[name] = (float(np.mean([c.mean() for c in columns])), float(low), float(high))
    return dict(sorted(found.items(), key=lambda item: item[1][0]))


def _rank_tables(records: Sequence[Record]) -> list[tuple[list[str], Float[np.ndarray, "seeds methods"]]]:
    """For every problem its methods and their ranks, a row for each seed that all of them have."""
    tables = []
    for problem in sorted({r["problem"] for r in records}):
        of: dict[str, dict[int, float]] = {}
        for r in records:
            if r["problem"] == problem:
                of.setdefault(r["method"], {})[r["seed"]] = float(np.nan_to_num(incumbents(r)[-1], nan=-np.inf))
        names = sorted(of)
        shared = sorted(set.intersection(*(set(seeds) for seeds in of.values())))
        if shared:
            rows = [rankdata([-of[name][s] for name in names]) for s in shared]
            tables.append((names, np.array(rows)))
    return tables


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile."""
    low, high = np.nanquantile(values, [0.25, 0.75])
    return float(low), float(median(values)), float(high)
