"""Functions by name: a file may name one, and only a person brings it."""

import sys
from pathlib import Path

import pytest

import gdopt
from gdopt.algorithms.serialization import deserialize, serialize
from gdopt.algorithms.user_functions import FunctionReference, function, given, with_filter
from gdopt.baselines import baseline

MIXES = gdopt.GuidedDiffusion(design_filter=FunctionReference("rules:mixes"))


@pytest.mark.parametrize(
    "name", ["rules", ":mixes", "rules:", "rules:mixes:more", "a b:c", "../rules:mixes", "rules:x()"]
)
def test_what_is_no_name_of_a_function_is_refused(name: str) -> None:
    with pytest.raises(gdopt.SettingsError, match="expected module:function"):
        FunctionReference(name)


def test_a_name_is_kept_with_the_algorithm() -> None:
    assert deserialize(serialize(MIXES)) == MIXES


def test_a_study_that_was_loaded_runs_nothing_but_says_what_it_needs(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("untouched.py").write_text("raise SystemExit")
    algorithm = gdopt.GuidedDiffusion(design_filter=FunctionReference("untouched:mixes"))
    gdopt.Study(
        gdopt.Space.from_bounds([(0, 1)]), direction="maximize", algorithm=algorithm, storage="s.gdopt"
    ).create()
    study = gdopt.Study.load("s.gdopt")
    with pytest.raises(gdopt.SettingsError, match="the design filter of the study is untouched:mixes"):
        study.ask(1)
    assert study.trials == []


def test_the_function_of_a_folder_is_found(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    Path("rules_of_test.py").write_text("def mixes(params):\n    return params['x0'] > 0.5\n")
    algorithm = given(
        gdopt.GuidedDiffusion(design_filter=FunctionReference("rules_of_test:mixes")), "rules_of_test:mixes"
    )
    study = gdopt.Study(gdopt.Space.from_bounds([(0, 1)]), direction="maximize", algorithm=algorithm)
    assert all(t.params["x0"] > 0.5 for t in study.ask(4))


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("no_such_module:f", "expected module:function, of a module found from here"),
        ("math:nothing", "expected module:function, of a module found from here"),
        ("math:pi", "'math:pi' is a float, expected a function"),
    ],
)
def test_a_function_that_is_not_there_is_named(name: str, match: str, monkeypatch) -> None:
    monkeypatch.setattr("sys.path", [*sys.path])
    with pytest.raises(gdopt.SettingsError, match=match):
        function(name)


def test_another_name_than_the_studys_is_refused() -> None:
    with pytest.raises(
        gdopt.SettingsError, match="--design-filter math:sin: the design filter of the study is rules:mixes"
    ):
        given(MIXES, "math:sin")
    with pytest.raises(
        gdopt.SettingsError, match="--design-filter math:sin: the design filter of the study is not set"
    ):
        given(gdopt.GuidedDiffusion(), "math:sin")


def test_an_algorithm_that_asks_no_function_takes_none() -> None:
    with pytest.raises(gdopt.SettingsError, match="design_filter: RandomSearch has no such setting"):
        with_filter(baseline("random"), FunctionReference("rules:mixes"))
