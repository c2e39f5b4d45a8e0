"""A study as tables for spreadsheets: all of it, and the plate that is to be measured."""

from typing import Any

import pandas as pd

from gdopt.algorithm import Status
from gdopt.study import Study

__all__ = ["plate", "rows"]

# What `Study.to_frame` has before the parameters (id, round, status, source, the objective, sem) and after all (worker,
# reason). By place, as names of parameters and outcomes are the user's.
BEFORE, AFTER = 6, 2
ID, STATUS, VALUE, SEM = 0, 2, 4, 5


def rows(frame: pd.DataFrame) -> list[list[Any]]:
    """The rows of a table in plain Python, None for what is missing."""
    plain = frame.astype(object)
    return [list(row) for row in plain.where(frame.notna(), None).itertuples(index=False, name=None)]


def plate(study: Study) -> pd.DataFrame:
    """The pending trials: id, parameters, who has them, and empty columns for what will be measured."""
    frame = study.to_frame()
    width, dim = frame.shape[1], len(study.space.names)
    measured = BEFORE + dim + 2 * (len(study.outcomes) - 1)
    parameters, others = range(BEFORE, BEFORE + dim), range(BEFORE + dim, measured)
    pending = frame[frame.iloc[:, STATUS] == Status.PENDING.value]
    return pending.iloc[:, [ID, *parameters, width - AFTER, VALUE, SEM, *others]]
