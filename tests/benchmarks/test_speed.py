"""How long the main steps take: `pytest tests/benchmarks --benchmark-only`. Nothing is asserted of time.

Imports and commands are measured in CPU seconds of their process, all other steps in seconds of the clock.
"""

import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from gdopt.algorithms.guided import GuidedDiffusion
from gdopt.diffusion.guidance import lookahead
from gdopt.diffusion.network import network
from gdopt.diffusion.sampler import sample
from gdopt.lab.plate import plate_text
from gdopt.priors.diffusion import DiffusionPrior
from gdopt.study.study import Study
from gdopt_problems import load
from tests.oracles import normal, seeded
from tests.strategies import LINE

DIRECTIONS, CANDIDATES, STEPS = 32, 512, 24
RESULTS = 300


def prior_of_airfoils(steps: int) -> DiffusionPrior:
    pytest.importorskip("neuralfoil")
    problem = load("airfoil")
    return DiffusionPrior.fit(problem.corpus(), space=problem.space, commensurate=True, steps=steps)


@pytest.fixture(scope="module")
def told() -> Study:
    """A study of airfoils with 300 results."""
    prior = prior_of_airfoils(steps=50)
    study = Study(prior.space, direction="maximize", algorithm=GuidedDiffusion(prior=prior, n_initial=RESULTS))
    trials = study.ask(RESULTS)
    values = load("airfoil").evaluate([t.params for t in trials])
    study.tell({t.id: value for t, value in zip(trials, values, strict=True)})
    return study


def test_guided_sampling_through_the_network(benchmark: BenchmarkFixture) -> None:
    mean = torch.zeros(DIRECTIONS, dtype=torch.float64)
    net = network(torch.zeros(DIRECTIONS), torch.eye(DIRECTIONS), torch.ones(DIRECTIONS))
    guided = lookahead(net, normal(DIRECTIONS, seed=0), 3.0, 0.1)
    x0 = benchmark(lambda: sample(guided, CANDIDATES, mean, 1.0, seeded(), STEPS))
    assert x0.shape == (CANDIDATES, DIRECTIONS)


def cpu_of_children() -> float:
    """The CPU seconds of all processes that this one has waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study whose plate of 8 trials is filled in."""
    folder = tmp_path_factory.mktemp("campaign")
    study = Study(LINE, direction="maximize", storage=folder / "study.gdopt", batch=8)
    header, *rows = plate_text(study, study.ask()).splitlines()
    place = header.split(",").index("value")
    cells = [row.split(",") for row in rows]
    filled = [",".join([*row[:place], str(k), *row[place + 1 :]]) for k, row in enumerate(cells)]
    (folder / "plate.csv").write_text("\n".join([header, *filled]))
    return folder


@pytest.mark.benchmark(timer=cpu_of_children)
@pytest.mark.parametrize("module", ["gdopt", "gdopt.study.study", "gdopt.algorithms.guided"])
def test_importing(benchmark: BenchmarkFixture, module: str) -> None:
    command = [sys.executable, "-c", f"import {module}"]
    assert benchmark.pedantic(lambda: subprocess.run(command, check=True), rounds=3).returncode == 0


@pytest.mark.benchmark(timer=cpu_of_children)
@pytest.mark.parametrize("verb", ["--help", "status", "tell plate.csv"])
def test_a_command_of_the_command_line(benchmark: BenchmarkFixture, campaign: Path, verb: str) -> None:
    command = [sys.executable, "-m", "gdopt", *verb.split()]
    run = benchmark.pedantic(lambda: subprocess.run(command, cwd=campaign, capture_output=True), rounds=3)
    assert run.returncode == 0


@pytest.mark.parametrize("n", [20, 200])
def test_asking_after_300_results(benchmark: BenchmarkFixture, told: Study, n: int) -> None:
    # The algorithm's step is timed: a study would keep the trials, and the next round would have them pending.
    state = benchmark.pedantic(lambda: told.algorithm.ask(told.state, n), rounds=3)
    assert len(state.pending) == n


def test_pretraining_on_the_airfoils(benchmark: BenchmarkFixture) -> None:
    prior = benchmark.pedantic(lambda: prior_of_airfoils(steps=3000), rounds=1)
    assert prior.training.best < 1
