"""The tasks of PMO as problems: their corpus, and molecules that are known to have the best score."""

import pytest

pytest.importorskip("rdkit")

from gdopt_problems import load, suite
from gdopt_problems.molecules import WITNESSES, space


@pytest.mark.parametrize("task", WITNESSES)
def test_the_witness_of_an_optimum_has_the_score_one(task: str) -> None:
    problem = load(f"pmo_{task}")
    assert problem.evaluate([{"smiles": WITNESSES[task]}]) == [problem.optimum] == [1.0]


def test_only_the_task_that_the_corpus_solves_is_in_no_suite() -> None:
    designs = [{"smiles": one} for one in space().corpus]
    assert max(load("pmo_isomers_c7h8n2o2").evaluate(designs)) == 1.0
    assert "pmo_isomers_c7h8n2o2" not in suite("molecules")
    assert len(suite("molecules")) == 19
    # Of those of the suite, the other task that one molecule of the right formula would solve.
    assert max(load("pmo_isomers_c9h10n2o2pf2cl").evaluate(designs)) < 1.0


def test_all_problems_have_one_space() -> None:
    assert all(load(name).space is space() for name in suite("molecules"))
