"""The best trials of a study, as the command line, the service and the report show them."""

from gdopt.errors import TrialError
from gdopt.study.study import Study
from gdopt.trials.trial import Trial

__all__ = ["best_or_none", "front", "front_rows"]


def best_or_none(study: Study) -> Trial | None:
    """The best trial; None if no trial has a value and satisfies the outcome constraints, or with several objectives.

    Example:
        >>> from gdopt import RandomSearch, Real, Space
        >>> study = Study(Space([Real("x", 0, 1)]), direction="maximize", algorithm=RandomSearch())
        >>> best_or_none(study) is None
        True
    """
    try:
        return study.best
    except TrialError:
        return None


def front(study: Study) -> list[Trial]:
    """The Pareto-optimal trials; empty if there are none, or with one objective."""
    try:
        return study.pareto if study.config.several else []
    except TrialError:
        return []


def front_rows(study: Study) -> list[list[object]]:
    """A row for each Pareto-optimal trial: its id, the objectives and the parameters.

    Raises:
        TrialError: there are none.
    """
    names = [objective.name for objective in study.objectives]
    return [
        [
            trial.id,
            trial.value,
            *(trial.outcomes[name][0] for name in names[1:]),
            *study.space.row(trial.params),
        ]
        for trial in study.pareto
    ]
