"""Baselines by name, and that each is better than chance."""

import subprocess
import sys
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import gdopt
from gdopt import MissingExtraError, SettingsError
from gdopt.algorithms.base import Algorithm
from gdopt.baselines import baseline, names
from gdopt.baselines.diffusion_evolution import DiffusionEvolution
from gdopt.study.study import Study
from gdopt_problems import load
from tests.strategies import LEARNERS, LINE, SLOW, drive, prior


@pytest.mark.parametrize("name", names())
def test_every_name_makes_an_algorithm(name: str) -> None:
    assert isinstance(baseline(name), Algorithm)


@pytest.mark.parametrize("name", names(prior=True))
def test_every_name_makes_an_algorithm_for_a_prior(name: str) -> None:
    study = Study(prior().space, direction="maximize", algorithm=baseline(name, prior()))
    assert len(study.ask(2)) == 2


@pytest.mark.parametrize("name", [n for n in names(prior=True) if "sobol" not in n])
def test_all_begin_with_the_same_designs(name: str) -> None:
    of_name, of_random = (
        Study(prior().space, direction="maximize", algorithm=baseline(n, prior()), seed=3).ask(4)
        for n in (name, "corpus-random")
    )
    assert [t.params for t in of_name] == [t.params for t in of_random]


def test_an_unknown_name_is_told_those_that_are_known() -> None:
    with pytest.raises(SettingsError, match=r"baseline 'tobu' is unknown; there are ax, .*, turbo, turbo-pca"):
        baseline("tobu")


@pytest.mark.parametrize("name", ["turbo-pca", "corpus-random"])
def test_what_needs_a_prior_says_so(name: str) -> None:
    with pytest.raises(SettingsError, match=f"baseline '{name}' needs a prior; without one there are random, sobol"):
        baseline(name)


@pytest.mark.parametrize(("name", "package", "extra"), [("cma", "cma", "baselines"), ("ax", "ax", "ax")])
def test_a_missing_package_is_named_with_its_extra(
    name: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    algorithm = baseline(name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"needs {package}: pip install 'gdopt\[{extra}\]'"):
        algorithm.init(LINE, 0)


def test_the_names_are_known_without_loading_torch() -> None:
    code = "import sys, gdopt.baselines; gdopt.baselines.names(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_too_few_results_to_learn_from_are_refused() -> None:
    with pytest.raises(SettingsError, match="n_initial = 1: expected 2 or more"):
        DiffusionEvolution(n_initial=1)


# Whether they are any good.


def found(algorithm: Algorithm, seed: int) -> float:
    hill = load("hill")
    study = Study(hill.space, direction="maximize", algorithm=algorithm, seed=seed)
    return float(drive(study, 6, 10, lambda p: hill.evaluate([p])[0]).best.value)


@cache
def by_chance() -> float:
    return float(np.median([found(gdopt.RandomSearch(), seed) for seed in range(3)]))


# Those that fit a Gaussian process take their time.
MINUTES = [*SLOW, "turbo", "eda", "pool-thompson", "corpus-steps-thompson"]


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] if n in MINUTES else []) for n in LEARNERS])
def test_each_beats_random_search_on_the_hill(name: str) -> None:
    algorithm = baseline(name)
    # Small pools, and noise that has fallen when the evaluations are used up.
    fields = {"candidates": 200, "evaluations": 50, "population": 10}
    algorithm = replace(algorithm, **{k: v for k, v in fields.items() if hasattr(algorithm, k)})
    assert np.median([found(algorithm, seed) for seed in range(3)]) > by_chance()
