"""Problems of strings in the harness: whose methods they are for, one prior a corpus, what records keep."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

import gdopt
from gdopt.algorithms.masked import MaskedDiffusion
from gdopt.bench.methods import check, lacking, method
from gdopt.bench.priors import path_of
from gdopt.bench.problem import Problem
from gdopt.bench.report import report
from gdopt.bench.runner import Run, problem_of, record_path, run_all, run_benchmark
from gdopt.errors import SettingsError
from gdopt.priors.masked import MaskedPrior
from gdopt.space.parameters import Params
from gdopt_problems import load
from tests.strategies import many_sequences


def sites(batch: Sequence[Params]) -> list[float]:
    return [float(str(one["sequence"]).count("GC")) for one in batch]


def runs_of_a(batch: Sequence[Params]) -> list[float]:
    return [float(str(one["sequence"]).count("AA")) for one in batch]


def site_problem() -> Problem:
    """How often GC stands in a sequence; every AA breaks something."""
    return Problem(
        "sites",
        many_sequences(),
        sites,
        "maximize",
        optimum=6.0,
        best_known=6.0,
        violations=runs_of_a,
        start=10,
        budget=22,
        batch=4,
    )


def run_problem() -> Problem:
    """Another problem of the same sequences."""
    return Problem("runs", many_sequences(), runs_of_a, "maximize", bound=11.0, start=10, budget=18, batch=4)


SITES, RUNS = f"{__name__}:site_problem", f"{__name__}:run_problem"


@cache
def prior() -> MaskedPrior:
    return MaskedPrior.fit(many_sequences(), steps=20)


def test_gdopt_on_strings_is_masked_diffusion_with_the_settings_that_were_given() -> None:
    made = method("gdopt:finetune=5,mask_fraction=0.3", site_problem(), prior())
    assert isinstance(made, MaskedDiffusion)
    assert (made.finetune, made.tuning.mask_fraction, made.prior) == (5, 0.3, prior())


@pytest.mark.parametrize("name", ["genetic", "vsd", "pool-thompson", "corpus-random"])
def test_every_method_begins_with_the_same_strings(name: str) -> None:
    of_gdopt = run_benchmark(Run(SITES, "gdopt:candidates=40", 3), prior())
    of_other = run_benchmark(Run(SITES, name, 3))
    assert of_other["params"][:10] == of_gdopt["params"][:10]
    assert of_other["params"][10:] != of_gdopt["params"][10:]


def test_a_record_keeps_the_strings_and_what_they_break() -> None:
    record = json.loads(json.dumps(run_benchmark(Run(SITES, "genetic", 0))))
    assert sites(record["params"]) == record["values"]
    assert runs_of_a(record["params"]) == record["violations"]


@pytest.mark.parametrize(
    ("name", "problem", "missing"),
    [
        ("graph-ga", "ehrlich", "molecules"),
        ("genetic", "pmo_qed", "sequences of one length"),
        ("turbo", "pmo_qed", "numbers"),
        ("gdopt-oracle", "ehrlich", "numbers"),
        ("turbo-pca", "ehrlich", "a corpus"),
        ("vsd", "hill", "sequences of one length"),
        ("gdopt+gradients", "pmo_qed", "gradients"),
        ("turbo", "ehrlich", ""),
        ("gdopt", "pmo_qed", ""),
        ("selfies-ga-thompson", "pmo_qed", ""),
        ("pool-thompson", "hill", ""),
    ],
)
def test_what_a_method_lacks_on_a_problem_is_said(name: str, problem: str, missing: str) -> None:
    if problem.startswith("pmo"):
        pytest.importorskip("rdkit")
    assert lacking(name, load(problem)) == missing


def test_a_setting_of_strings_is_refused_before_a_prior_is_fitted(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"mask_fraction = 2\.0: expected a share"):
        run_all([SITES], ["gdopt:mask_fraction=2.0"], 1, tmp_path)
    with pytest.raises(SettingsError, match="share_sdedit"):
        check("gdopt:share_sdedit=0.1", site_problem())
    assert not any(tmp_path.iterdir())


def test_problems_of_one_corpus_share_a_prior_and_others_do_not(tmp_path: Path) -> None:
    one, other = (path_of(tmp_path, name, problem_of(name)) for name in (SITES, RUNS))
    fewer = gdopt.SequenceSpace("ACGT", 12, corpus=many_sequences().corpus[:50])
    assert one == other != path_of(tmp_path, "fewer", Problem("fewer", fewer, sites, "maximize"))


def test_a_kept_prior_is_used_and_baselines_want_none(tmp_path: Path) -> None:
    said: list[str] = []
    run_all([SITES], ["genetic", "graph-ga"], 1, tmp_path, workers=1, say=said.append)
    assert said[0] == f"graph-ga needs molecules: not run on {SITES}"
    assert not (tmp_path / "priors").exists()
    path = path_of(tmp_path, SITES, site_problem())
    assert path is not None
    path.parent.mkdir()
    prior().save(path)
    found = run_all([SITES, RUNS], ["gdopt:candidates=40"], 1, tmp_path, workers=1)
    assert [len(r["params"]) for r in found] == [22, 18]
    assert list(path.parent.iterdir()) == [path]


def test_a_report_of_strings_has_the_ten_best_and_what_is_feasible(tmp_path: Path) -> None:
    for name in (SITES, RUNS):
        path = record_path(tmp_path, Run(name, "genetic", 0))
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(run_benchmark(Run(name, "genetic", 0))))
    made = report(tmp_path)["problems"]
    rows = {name: made[name]["methods"]["genetic"] for name in (SITES, RUNS)}
    assert 0 < rows[SITES]["top_10_auc"][1] <= 6
    assert 0 <= rows[SITES]["feasible"][1] <= 1
    assert rows[RUNS]["feasible"] is None
    page = (tmp_path / "report.md").read_text()
    assert "| best value | top-10 AUC | feasible | regret | CPU-s an ask |" in page
    assert "| best value | top-10 AUC | CPU-s an ask |" in page
