"""The trials of a study as a data frame of pandas."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gdopt.space.parameters import Integer, conditions
from gdopt.space.space import Space
from gdopt.study.headings import headings
from gdopt.trials.objectives import OptimizationConfig
from gdopt.trials.trial import Trial

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["trials_frame"]


def trials_frame(
    trials: Sequence[Trial], space: Space, config: OptimizationConfig, outcomes: Sequence[str]
) -> "pd.DataFrame":
    """A row for each trial, with the columns that `Study.to_frame` lists.

    Args:
        trials: with values in the user's direction.
        space: of the trials.
        config: objectives and outcome constraints.
        outcomes: all outcomes, the objectives first.
    """
    import pandas as pd

    titles = headings(outcomes, space.names)
    objective = config.objectives[0].name
    others = [name for name in outcomes if name != objective]
    own = ["id", "round", "status", "source", titles.outcomes[objective], "sem"]
    feasible = ["feasible"] if config.outcome_constraints else []
    after = [heading for name in others for heading in (titles.outcomes[name], titles.sem(name))]
    outside = ["outside"] if any(t.outside for t in trials) else []
    after += [*feasible, *outside, "worker", "reason"]
    rows = [
        (
            t.id, t.round, t.status.value, t.source, t.value, t.result.sem if t.result else None,
            *space.row(t.params),
            *(number for name in others for number in t.outcomes.get(name, (None, None))),
            *([t.feasible] if feasible else []),
            *([t.outside] if outside else []),
            t.worker, t.reason,
        )
        for t in trials
    ]  # fmt: skip
    named = [titles.params[name] for name in space.names]
    frame = pd.DataFrame(rows, columns=[*own, *named, *after])
    # In a column with missing values, pandas would turn integers into floating-point numbers.
    nullable = [isinstance(p, Integer) and bool(conditions(p)) for p in space.parameters]
    return frame.astype({name: "Int64" for name, integer in zip(named, nullable, strict=True) if integer})
