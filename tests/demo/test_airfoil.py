"""The demo of an airfoil, in two rounds."""

import pytest

from gdopt.demo.airfoil import run

FILES = {
    "airfoil.png",
    "best.dat",
    "prior.safetensors",
    "progress.png",
    "results.csv",
    "samples.png",
    "study.gdopt",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A demo of two rounds."""
    out = tmp_path_factory.mktemp("demo")
    run(out, seed=3, budget=60, steps=20)
    return out


def test_demo_writes_every_file_that_it_promises(folder):
    assert {p.name for p in folder.glob("[!.]*")} == FILES


def test_a_demo_that_was_stopped_has_the_results_of_one_that_was_not(folder, tmp_path):
    run(tmp_path, seed=3, budget=40, steps=20)
    run(tmp_path, seed=3, budget=60, steps=20)
    assert (tmp_path / "results.csv").read_bytes() == (folder / "results.csv").read_bytes()
