"""Names of version 0.1: each raises an error that has its present name."""

import pickle
from collections.abc import Callable
from dataclasses import fields

import pytest

import gdopt
from gdopt.algorithms.guided import OLD_SETTINGS as GUIDED
from gdopt.algorithms.masked import OLD_SETTINGS as MASKED
from gdopt.trials.objectives import Objective

REAL, INTEGER = gdopt.Real("x", 0, 1), gdopt.Integer("n", 1, 3)
CHOICE = gdopt.Choice("base", ["KOAc", "Et3N"])
SPACE = gdopt.Space([REAL])


def study(**settings: object) -> gdopt.Study:
    return gdopt.Study(SPACE, **{"direction": "maximize", "algorithm": gdopt.RandomSearch()} | settings)


ARGUMENTS = [
    (gdopt.Real, ("x", 0.5, 1), "log", "log_scale="),
    (gdopt.Real, ("x", 0, 1), "when", "active_if="),
    (gdopt.Integer, ("n", 1, 3), "when", "active_if="),
    (gdopt.Choice, ("base",), "levels", "categories="),
    (gdopt.Choice, ("base", ["KOAc", "Et3N"]), "when", "active_if="),
    (Objective, ("yield", "maximize"), "reference", "reference_point="),
    (study, (), "reference", "reference_point="),
    (study, (), "limits", "outcome_constraints="),
    (study, (), "tracked", "tracking_metrics="),
    *[(gdopt.GuidedDiffusion, (), old, new) for old, new in GUIDED.items()],
    *[(gdopt.MaskedDiffusion, (), old, new) for old, new in MASKED.items()],
]


@pytest.mark.parametrize(("make", "values", "old", "new"), ARGUMENTS)
def test_old_arguments_raise_an_error_with_the_present_name(
    make: Callable[..., object], values: tuple[object, ...], old: str, new: str
) -> None:
    with pytest.raises(gdopt.RenamedError) as error:
        make(*values, **{old: None})
    owner = "Study" if make is study else make.__name__
    assert str(error.value).startswith(f"{owner}: {old}= was renamed to {new}")
    assert isinstance(error.value, TypeError)


ATTRIBUTES = [
    (REAL, "log", "log_scale"),
    (REAL, "when", "active_if"),
    (INTEGER, "when", "active_if"),
    (CHOICE, "levels", "categories"),
    (CHOICE, "when", "active_if"),
    (Objective("yield", "maximize"), "reference", "reference_point"),
    (SPACE, "beside", "annotations"),
    (SPACE, "beside_names", "annotation_names"),
    (gdopt, "Limit", "OutcomeConstraint"),
    *[
        (owner, old, new)
        for owner in (gdopt.Study, study())
        for old, new in {
            "open": "load",
            "run": "optimize",
            "keep": "create",
            "limits": "outcome_constraints",
            "goals": "config",
        }.items()
    ],
]


@pytest.mark.parametrize(("owner", "old", "new"), ATTRIBUTES)
def test_old_attributes_raise_an_error_with_the_present_name(owner: object, old: str, new: str) -> None:
    with pytest.raises(gdopt.RenamedError, match=f": {old} was renamed to {new} in version 0.2"):
        getattr(owner, old)
    assert not hasattr(owner, old)


@pytest.mark.parametrize(("owner", "old", "new"), [case for case in ATTRIBUTES if case[0] is not gdopt.Study])
def test_present_names_exist(owner: object, old: str, new: str) -> None:
    assert hasattr(owner, new)


@pytest.mark.parametrize(("algorithm", "settings"), [(gdopt.GuidedDiffusion, GUIDED), (gdopt.MaskedDiffusion, MASKED)])
def test_settings_in_the_messages_exist(algorithm: type, settings: dict[str, str]) -> None:
    own = {f.name for f in fields(algorithm)}
    tuning = {f.name for f in fields(gdopt.GuidedTuning if algorithm is gdopt.GuidedDiffusion else gdopt.MaskedTuning)}
    for new in settings.values():
        name = new.partition("(")[2].removesuffix("=...)")
        assert name in tuning if name else new in own


def test_a_name_that_never_was_is_a_plain_error() -> None:
    with pytest.raises(AttributeError) as error:
        REAL.logarithm  # noqa: B018
    assert not isinstance(error.value, gdopt.RenamedError)
    with pytest.raises(TypeError, match="unexpected keyword argument 'logarithm'"):
        gdopt.Real("x", 0, 1, logarithm=True)


def test_objects_with_old_names_are_pickled() -> None:
    for thing in (REAL, INTEGER, CHOICE, SPACE):
        assert pickle.loads(pickle.dumps(thing)) == thing
