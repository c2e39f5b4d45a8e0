"""The table beside the values: against the scores one by one."""

import pandas as pd
import pytest

from gdopt import CorpusError, MoleculeSpace, SettingsError, Study
from gdopt.molecules.report import table
from tests.strategies import alkanes, masked

CORPUS = ("CCO", "Cn1c(=O)c2c(ncn2C)n(C)c1=O")


def test_each_row_has_what_the_scores_say() -> None:
    found = table(pd.DataFrame({"smiles": ["O=CCC", "CCO"], "value": [1.0, 2.0]}), CORPUS)
    assert list(found.columns) == ["smiles", "value", "accessibility", "alerts", "new", "nearest", "similarity"]
    assert list(found["value"]) == [1.0, 2.0]
    assert list(found["alerts"]) == ["Brenk aldehyde", ""]
    assert list(found["new"]) == [True, False]
    assert list(found["nearest"]) == ["CCO", "CCO"]
    assert 0 <= found["similarity"][0] < found["similarity"][1] == 1


def test_a_study_has_a_row_for_each_trial_with_its_value_beside_it() -> None:
    study = Study(alkanes().space, direction="maximize", algorithm=masked(alkanes()))
    trials = study.ask(3)
    study.tell(trials[1].id, 0.5)
    found = table(study.to_frame(), alkanes().corpus)
    assert list(found["smiles"]) == [t.params["smiles"] for t in trials]
    assert found["value"].isna().tolist() == [True, False, True]
    assert not found["new"].any()


def test_names_of_several_alerts_are_all_there() -> None:
    (names,) = table(pd.DataFrame({"smiles": ["O=C1C=CC(=O)C=C1"]}), CORPUS)["alerts"]
    assert names == "Brenk chinone_1; PAINS_A quinone_A(370)"


def test_another_column_can_be_named_and_one_that_is_missing_is_refused() -> None:
    frame = pd.DataFrame({"product": ["CCN"]})
    assert table(frame, CORPUS, column="product")["new"].all()
    with pytest.raises(SettingsError, match="column = 'smiles': the frame has product"):
        table(frame, CORPUS)


def test_an_empty_corpus_is_refused() -> None:
    with pytest.raises(CorpusError, match="empty corpus"):
        table(Study(MoleculeSpace(), direction="maximize", algorithm=masked(alkanes())).to_frame(), ())
