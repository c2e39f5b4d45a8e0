"""The demo of molecules, in two rounds on a small corpus."""

from pathlib import Path

import pandas as pd
import pytest

from gdopt import CorpusError, ProblemError, StoreError, Study
from gdopt.demo import molecules
from gdopt.molecules.filters import Makeable
from gdopt.molecules.smiles import nci

FILES = {
    "molecules.png",
    "prior-check.png",
    "prior.safetensors",
    "progress.png",
    "results.csv",
    "study.gdopt",
}


def run(out: Path, budget: int = 60, **settings: object) -> Study:
    corpus = out.parent / "corpus.smi"
    corpus.write_text("\n".join([*[one for one in nci() if 8 <= len(one) <= 14][:40], "[Na+].[Cl-]"]))
    return molecules.run(
        out, **{"corpus": corpus, "seed": 3, "budget": budget, "steps": 5, "candidates": 40, **settings}
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("molecules") / "out"
    run(out)
    return out


def test_demo_writes_every_file_that_it_promises(folder: Path) -> None:
    assert {p.name for p in folder.glob("[!.]*")} == FILES


def test_table_has_what_a_chemist_asks_beside_every_value(folder: Path) -> None:
    found = pd.read_csv(folder / "results.csv")
    assert len(found) == 60
    assert found[["value", "smiles", "accessibility", "new", "nearest", "similarity"]].notna().all(axis=None)


def test_demo_goes_on_where_it_was_stopped_with_the_same_results(folder: Path, tmp_path: Path) -> None:
    run(tmp_path / "out", budget=50)
    run(tmp_path / "out")
    assert (tmp_path / "out" / "results.csv").read_bytes() == (folder / "results.csv").read_bytes()


def test_filters_are_obeyed_and_what_is_left_out_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = run(tmp_path / "out", filters=True)
    assert all(Makeable()(str(t.params["smiles"])) for t in study.trials)
    printed = capsys.readouterr().out
    assert "1 of 41 lines are left out: line 41: '[Na+].[Cl-]' is 2 molecules" in printed
    assert "Makeable(accessibility=4.0, alerts=False)" in printed


def test_a_prior_of_another_corpus_is_refused(folder: Path) -> None:
    other = folder.parent / "other.smi"
    other.write_text("CCO\nCCN\n")
    with pytest.raises(StoreError, match=r"prior\.safetensors is of another corpus"):
        run(folder, corpus=other)


def test_a_study_of_another_task_is_refused(folder: Path) -> None:
    with pytest.raises(StoreError, match=r"study\.gdopt is of another task than qed"):
        run(folder, task="qed")


def test_a_missing_task_or_file_is_named_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match="'osimertinib' is not a task of PMO"):
        run(tmp_path / "out", task="osimertinib")
    with pytest.raises(CorpusError, match=r"none\.smi cannot be read"):
        run(tmp_path / "out", corpus=tmp_path / "none.smi")
    assert not (tmp_path / "out").exists()
