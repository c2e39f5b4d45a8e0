"""The report: what it says of a study beside its trials."""

from gdopt import Choice, Constraint, GuidedDiffusion, RandomSearch, Real, Space, Study
from gdopt.lab.report import page

MIXTURE = Space(
    [Real("water", 0, 1), Real("acetone", 0, 1), Real("heat", 20, 120, unit="°C"), Choice("base", ["KOAc", "none"])],
    [Constraint({"water": 1, "acetone": 1}, equal=1)],
)


def heavy(params: dict) -> bool:
    """Whether a design is allowed."""
    return params["heat"] < 100


def test_constraints_and_the_function_that_allows_designs_are_listed() -> None:
    text = page(Study(MIXTURE, direction="maximize", algorithm=GuidedDiffusion(design_filter=heavy)), "mixture")
    assert "<h2>Constraints</h2>" in text
    assert "water + acetone = 1" in text
    assert f"allowed by {__name__}:heavy" in text


def test_without_constraints_nothing_is_said_of_them() -> None:
    text = page(Study(Space([Real("x", 0, 1)]), direction="maximize", algorithm=RandomSearch()), "free")
    assert "Constraints" not in text


def test_units_stand_beside_the_best_and_in_the_headings() -> None:
    study = Study(MIXTURE, direction="maximize", algorithm=RandomSearch())
    (trial,) = study.ask(1)
    study.tell(trial.id, 1.0)
    text = page(study, "mixture")
    assert "<td>heat [°C]</td>" in text
    assert "<th>heat [°C]</th>" in text
    assert "<th>base</th>" in text


def test_a_parameter_that_is_called_like_an_outcome_has_the_unit_and_not_the_outcome() -> None:
    study = Study(
        Space([Real("heat", 20, 120, unit="K")]), direction="maximize", objective="heat", algorithm=RandomSearch()
    )
    text = page(study, "twice")
    study.ask(1)
    text = page(study, "twice")
    assert "<th>heat</th>" in text
    assert "<th>params.heat [K]</th>" in text


def test_one_trial_is_no_plural() -> None:
    study = Study(MIXTURE, direction="maximize", algorithm=RandomSearch())
    study.ask(1)
    assert "1 trial, 0 with a value" in page(study, "one")
