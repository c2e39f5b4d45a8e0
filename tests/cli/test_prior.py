"""`gdopt prior`: what it fits and says is what Python's does."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import gdopt
from gdopt.cli import app
from gdopt.lab.campaign_builder import start_study
from gdopt.lab.campaign_reader import read_campaign
from tests.strategies import corpus, dna


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with designs and what was measured of them."""
    monkeypatch.chdir(tmp_path)
    designs = corpus()
    table = np.column_stack([designs, designs[:, 0]])
    np.savetxt("designs.csv", table, delimiter=",", header="a,b,c,d,e,lift", comments="")
    return tmp_path


def said(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["prior", *words])
    assert result.exit_code == code, result.output
    return result.stdout


@pytest.mark.usefixtures("folder")
def test_fitted_prior_is_the_one_of_python() -> None:
    found = json.loads(said("fit", "designs.csv", "--outcome", "lift", "--steps", "20", "--json"))
    weights = gdopt.outcome_weights(corpus()[:, 0])
    own = gdopt.DiffusionPrior.fit(corpus(), weights=weights, names=list("abcde"), steps=20)
    kept = gdopt.DiffusionPrior.load("prior.safetensors")
    np.testing.assert_allclose(kept.sample(5), own.sample(5), rtol=1e-5, atol=1e-5)
    assert (found["prior"], found["designs"], found["parameters"]) == ("prior.safetensors", 60, list("abcde"))
    assert found["effective_size"] == pytest.approx(60 / np.e)


@pytest.mark.usefixtures("folder")
def test_check_says_what_pythons_says_and_draws_it() -> None:
    assert "60 different designs of 6 parameters" in said("fit", "designs.csv", "--out", "six", "--steps", "20")
    own = gdopt.DiffusionPrior.load("six").check(80, seed=2)
    assert said("check", "six", "-n", "80", "--seed", "2", "--plot", "check.png") == f"{own}\n"
    assert json.loads(said("check", "six", "-n", "80", "--seed", "2", "--json")) == own.facts()
    assert Path("check.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("folder")
def test_a_prior_is_not_fitted_over_a_file_that_is_there() -> None:
    Path("six.csv").write_bytes(Path("designs.csv").read_bytes())
    found = json.loads(said("fit", "designs.csv", "--out", "six.csv", "--json", code=1))
    assert found["message"] == "six.csv is there already: choose another --out, or delete it"
    assert Path("six.csv").read_bytes() == Path("designs.csv").read_bytes()


def test_check_reads_priors_of_strings_too() -> None:
    dna().save("dna")
    found = json.loads(said("check", "dna", "-n", "40", "--json"))
    assert found["validity"] == 1
    assert found["distances"]["letters"]["distance"] == pytest.approx(dna().check(40).shares[0].distance)


@pytest.mark.usefixtures("folder")
def test_a_file_that_is_no_prior_is_an_error_in_json() -> None:
    assert json.loads(said("check", "designs.csv", "--json", code=1))["error"] == "StoreError"
    assert json.loads(said("fit", "missing.csv", "--json", code=1))["error"] == "CorpusError"
    assert not Path("prior.safetensors").exists()


CAMPAIGN = """
name = "screen"
direction = "maximize"
objective = "yield"

[[parameters]]
name = "base"
kind = "choice"
categories = ["KOAc", "Cs2CO3", "K3PO4"]

[[parameters]]
name = "cycles"
kind = "integer"
low = 1
high = 9

[corpus]
file = "screen.csv"
steps = 5
"""


def test_words_are_levels_and_a_campaign_says_which(folder: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [f"{cycles},{base},{rng.random()}" for cycles in range(2, 8) for base in ("KOAc", "Cs2CO3")]
    (folder / "screen.csv").write_text("\n".join(["cycles,base,purity", *rows]))
    (folder / "screen.toml").write_text(CAMPAIGN)
    found = json.loads(said("fit", "screen.csv", "--space", "screen.toml", "--out", "one", "--steps", "5", "--json"))
    assert (found["designs"], found["columns"]) == (12, 4)
    of_campaign = gdopt.DiffusionPrior.load("one")
    assert of_campaign.space.parameters == (
        gdopt.Choice("base", ["KOAc", "Cs2CO3", "K3PO4"]),
        gdopt.Integer("cycles", 1, 9),
    )
    assert "12 different designs of 3 parameters, 4 columns" in said("fit", "screen.csv", "--steps", "5")
    own = gdopt.DiffusionPrior.load("prior.safetensors").space.parameters
    assert own[:2] == (gdopt.Real("cycles", 1.75, 7.25), gdopt.Choice("base", ["Cs2CO3", "KOAc"]))
    assert said("check", "-n", "20", "--plot", "check.png").startswith("20 draws against 12 designs of 3 parameters")
    started = start_study(read_campaign(folder / "screen.toml"), folder)
    assert started.space == of_campaign.space
    assert torch.equal(started.algorithm.prior.designs, of_campaign.designs)


def test_a_cell_that_is_neither_number_nor_word_is_said(folder: Path) -> None:
    (folder / "screen.csv").write_text("cycles,base\n1,KOAc\n2,\n")
    error = json.loads(said("fit", "screen.csv", "--json", code=1))
    assert "row 3, column base: is empty; expected a category" in error["message"]
