"""The public names, and what importing them costs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import gdopt

NAMES = [
    "Choice",
    "Constraint",
    "CorpusError",
    "DiffusionPrior",
    "ExhaustedError",
    "GdoptError",
    "GuidedDiffusion",
    "GuidedTuning",
    "Integer",
    "MaskedDiffusion",
    "MaskedPrior",
    "MaskedTuning",
    "MissingExtraError",
    "MoleculeSpace",
    "Normal",
    "NumericsError",
    "OutcomeConstraint",
    "ProblemError",
    "RandomSearch",
    "Real",
    "RenamedError",
    "ResultError",
    "SequenceSpace",
    "ServiceError",
    "SettingsError",
    "Space",
    "SpaceError",
    "Status",
    "StoreError",
    "Study",
    "TableError",
    "Trial",
    "TrialError",
    "Uniform",
    "UnknownTrialError",
    "maximize",
    "minimize",
    "outcome_weights",
]


def test_the_public_names_are_these() -> None:
    assert gdopt.__all__ == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    assert getattr(gdopt, name).__doc__


def test_dir_lists_the_public_names() -> None:
    assert dir(gdopt) == NAMES


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'gdopt' has no attribute 'Sampler'"):
        _ = gdopt.Sampler


def test_every_name_is_where_it_is_said_to_be() -> None:
    lazy = {name: getattr(gdopt, name) for name in gdopt.HOMES}
    assert all(value.__module__ == gdopt.HOMES[name] for name, value in lazy.items())


def test_importing_gdopt_imports_nothing_heavy() -> None:
    code = "import sys, gdopt; print(sorted({'torch', 'numpy', 'scipy', 'pandas', 'botorch'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_the_version_is_the_packages() -> None:
    project = (Path(gdopt.__file__).parent.parent / "pyproject.toml").read_text()
    assert re.search(r'^version = "(.+)"$', project, re.MULTILINE).group(1) == gdopt.__version__
