"""Studies of released versions open, and go on as they would have gone on."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from gdopt.study.study import Study

# Random draws of studies with outcome constraints: version 0.2 draws no weights where there is one objective.
OTHER_STREAM = {"constrained"}
FIXTURES = Path(__file__).parents[1] / "reliability" / "fixtures"
STUDIES = sorted(FIXTURES.glob("*/*.study"))


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_study_of_a_released_version_opens_with_the_same_trials_and_proposals(path: Path, tmp_path: Path) -> None:
    kept = json.loads(path.with_suffix(".json").read_text())
    study = Study.load(shutil.copy(path, tmp_path))
    assert [[t.id, t.status.value, t.value, dict(t.params)] for t in study.trials] == kept["trials"]
    study.store.check()
    proposed = [[t.source, dict(t.params)] for t in study.ask(4)]
    assert len(proposed) == len(kept["next"])
    if path.stem in OTHER_STREAM:
        return
    # Other builds of PyTorch and other processors round differently, and learning amplifies the last bit.
    if (torch.__version__, torch.backends.cpu.get_cpu_capability()) == (kept["torch"], kept["processor"]):
        assert proposed == kept["next"]


def test_every_kind_of_study_of_version_0_1_is_kept() -> None:
    assert [path.stem for path in STUDIES if path.parent.name == "0.1.0"] == [
        "constrained", "finetuned", "molecules", "several", "table",
    ]  # fmt: skip
