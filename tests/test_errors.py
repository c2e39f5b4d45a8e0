"""The error tree: its docstring draws what there is."""

import inspect
import re

import pytest

import gdopt
from gdopt import errors

BUILTINS = {
    "SpaceError": ValueError,
    "CorpusError": ValueError,
    "TrialError": ValueError,
    "ResultError": ValueError,
    "SettingsError": ValueError,
    "TableError": ValueError,
    "NumericsError": ArithmeticError,
    "StoreError": RuntimeError,
    "ProblemError": LookupError,
    "ServiceError": ConnectionError,
    "MissingExtraError": ImportError,
}


def test_the_docstring_draws_every_class_with_its_own_words() -> None:
    drawn = re.findall(r"^ +\+ (\w+) +(.+)$", errors.__doc__, re.MULTILINE)
    classes = [(c.__name__, c) for _, c in inspect.getmembers(errors, inspect.isclass) if c is not gdopt.GdoptError]
    assert {name for name, _ in drawn} == {name for name, _ in classes}
    assert all(getattr(errors, name).__doc__.lower() == f"{words}.".lower() for name, words in drawn)


def test_every_error_is_listed_and_public() -> None:
    assert set(errors.__all__) == {*BUILTINS, "RenamedError", "UnknownTrialError", "ExhaustedError", "GdoptError"}
    assert set(errors.__all__) <= set(gdopt.__all__)


@pytest.mark.parametrize(("name", "builtin"), BUILTINS.items())
def test_every_error_is_gdopts_and_the_builtin_that_people_catch(name: str, builtin: type) -> None:
    assert getattr(errors, name).__bases__ == (gdopt.GdoptError, builtin)


def test_an_exhausted_space_is_a_space_error() -> None:
    assert gdopt.ExhaustedError.__bases__ == (gdopt.SpaceError,)


def test_an_unknown_trial_is_a_trial_error_and_a_failed_look_up() -> None:
    assert gdopt.UnknownTrialError.__bases__ == (gdopt.TrialError, LookupError)
