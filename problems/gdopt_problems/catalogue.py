"""The problem `catalogue`: 20,000 given candidates with 30 descriptors, on a sheet of six hidden dimensions.

Candidate i has hidden u ~ N(0, I) in R^6 and the descriptors tanh(A u / 2) + sin(B u) / 2 + 0.1 e, with A, B and e of
standard normal numbers. The value (maximized) is the highest of eight bumps, h_k exp(-|u - c_k|^2 / 4), with centres
c_k ~ N(0, I) and heights h_k uniform on [0.5, 1). Neither u nor the bumps are known to who chooses; the best of all
rows is.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd
from jaxtyping import Float

from gdopt.bench.problem import Problem
from gdopt.space.parameters import Params
from gdopt.space.space import Space

__all__ = ["problem", "rows"]

ROWS, HIDDEN, DESCRIPTORS, BUMPS = 20_000, 6, 30, 8
NOISE = 0.1
SEED = 0


@cache
def rows() -> tuple[pd.DataFrame, Float[np.ndarray, " n"]]:
    """The descriptors of every row, and its value."""
    rng = np.random.default_rng(SEED)
    hidden = rng.normal(size=(ROWS, HIDDEN))
    bent, waves = rng.normal(size=(HIDDEN, DESCRIPTORS)), rng.normal(size=(HIDDEN, DESCRIPTORS))
    seen = np.tanh(hidden @ bent / 2) + np.sin(hidden @ waves) / 2 + NOISE * rng.normal(size=(ROWS, DESCRIPTORS))
    centres, heights = rng.normal(size=(BUMPS, HIDDEN)), rng.uniform(0.5, 1, BUMPS)
    values = (heights * np.exp(-((hidden[:, None] - centres) ** 2).sum(2) / 4)).max(1)
    return pd.DataFrame(seen, columns=[f"d{i}" for i in range(DESCRIPTORS)]), values


@cache
def problem() -> Problem:
    """The problem `catalogue`."""
    table, values = rows()

    def evaluate(batch: Sequence[Params]) -> list[float]:
        return [float(values[int(one["row"])]) for one in batch]

    best = float(values.max())
    return Problem(
        name="catalogue",
        space=Space.from_table(table),
        evaluate=evaluate,
        direction="maximize",
        optimum=best,
        best_known=best,
        start=10,
        budget=200,
        batch=10,
        source="own",
    )
