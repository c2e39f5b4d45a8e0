"""Scores by evaluations, regret and ranks, as pure functions of the records."""

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
    """1 if the values of a record are maximized, -1 if minimized."""
    return 1.0 if record["direction"] == "maximize" else -1.0


def top_of(record: Record) -> float | None:
    """The optimum in the user's direction, or the best known value, or a bound; None without any of the three."""
    given = (record.get(name) for name in ("optimum", "best_known", "bound"))
    return next((top for top in given if top is not None), None)


def incumbents(record: Record) -> Float[np.ndarray, " n"]:
    """The noise-free value, higher the better, of the incumbent after each evaluation.

    The incumbent has the best reported value; with noise, another design may be better. NaN while every evaluation has
    failed.
    """
    sign = sign_of(record)
    told = np.array([-np.inf if v is None else sign * v for v in record["told"]])
    values = sign * np.array(record["values"], dtype=float)
    # First index of the running maximum of the reported values.
    running = np.maximum.accumulate(told)
    at = np.maximum.accumulate(np.where(told >= running, np.arange(len(told)), 0))
    found = values[at]
    found[np.isneginf(running)] = np.nan
    return found


def reference(records: Sequence[Record]) -> float:
    """The value of score 0 of a problem: the median over runs of the incumbent among the initial designs."""
    return float(np.nanmedian([incumbents(r)[r["start"] - 1] for r in records]))


def normalized(record: Record, zero: float) -> Float[np.ndarray, " n"]:
    """Scores after each evaluation: 0 is `zero`, and 1 is `top_of` the record.

    Without a top value, the score is the value itself.
    """
    top = top_of(record)
    found = incumbents(record)
    if top is None:
        return found
    sign = sign_of(record)
    scores: Float[np.ndarray, " n"] = (found - zero) / (sign * top - zero)
    return scores


def regret(record: Record) -> float | None:
    """The distance of the last incumbent from the optimum; None if the optimum is unknown."""
    if record["optimum"] is None:
        return None
    sign = sign_of(record)
    return float(sign * record["optimum"] - incumbents(record)[-1])


# Number of best values in PMO's score.
TOP = 10


def top_auc(record: Record) -> float:
    """The mean of the ten best values so far, higher the better, averaged over all evaluations.

    This is the area under the curve of this mean as a share of the budget, the score of PMO (Gao et al. 2022, arXiv
    2206.12411), computed after every evaluation instead of every hundred. With fewer than ten values, the mean of all.
    Failed evaluations are part of the budget, except before the first value.
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
    """The share of feasible designs among all after the initial ones; None without constraints on results."""
    if record.get("violations") is None:
        return None
    return float(np.mean([v == 0 for v in record["violations"][record["start"] :]]))


# Bootstrap resamples, and the confidence level of the interval.
RESAMPLES, LEVEL = 2000, 0.95


def ranks(records: Sequence[Record], seed: int = 0) -> Ranks:
    """The average rank over problems of every method (1 is best), with a bootstrap interval.

    Methods are ranked within each problem and seed by their last incumbents, with mean ranks for ties. Only seeds with
    a record of every method of a problem are used. Seeds are resampled within problems: the interval is for other seeds
    on the same problems.
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
    """The methods of every problem and their ranks, a row for each seed with records of all methods."""
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
