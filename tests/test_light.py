"""Commands that record results or look at a study load no package for numerics, tables or figures."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import gdopt
from gdopt.lab.campaign_builder import start_study
from gdopt.lab.campaign_reader import read_campaign
from gdopt.lab.plate import plate_text
from gdopt.study.study import Study

HEAVY = ("botorch", "gpytorch", "linear_operator", "matplotlib", "pandas", "scipy", "sklearn", "torch")
# Runs the command line, and prints the heavy packages that it has loaded as the last line.
RUN = f"""
import json, sys
from gdopt.cli import main
try:
    main()
except SystemExit as end:
    if end.code:
        raise
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""
IMPORT = f"""
import json, sys
{{0}}
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""
CAMPAIGN = """
name = "yield"
direction = "maximize"
objective = "yield"
outcome_constraints = ["impurity <= 2"]
batch = 8
[[parameters]]
name = "temperature"
kind = "real"
low = 20
high = 120
[[parameters]]
name = "hours"
kind = "integer"
low = 1
high = 24
"""


def loaded(code: str, *arguments: str, folder: Path | None = None) -> list[str]:
    run = subprocess.run([sys.executable, "-c", code, *arguments], cwd=folder, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    found: list[str] = json.loads(run.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize(
    "statement",
    [
        "import gdopt; gdopt.Study, gdopt.Space, gdopt.Trial",
        "import gdopt.space.serialization, gdopt.trials.ranking, gdopt.trials.incumbent",
        "import gdopt.storage.sql_store, gdopt.storage.replay",
        "import gdopt.study.study, gdopt.study.runner, gdopt.study.worker",
        "import gdopt.lab.plate, gdopt.lab.past_results, gdopt.lab.campaign_reader, gdopt.lab.campaign_template",
        "import gdopt.lab.report",
        "import gdopt.service.client",
        "import gdopt.cli",
    ],
)
def test_importing_loads_no_numerics(statement: str) -> None:
    assert loaded(IMPORT.format(statement)) == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study of `GuidedDiffusion`, two plates of which one is filled in, and results of two rounds."""
    folder = tmp_path_factory.mktemp("campaign")
    (folder / "campaign.toml").write_text(CAMPAIGN)
    study = start_study(read_campaign(folder / "campaign.toml"), folder, folder / "study.gdopt")
    for k in range(2):
        study.tell({t.id: {"yield": 10.0 * k + t.id, "impurity": 1.0} for t in study.ask(4)})
    assert isinstance(study.algorithm, gdopt.GuidedDiffusion)
    study.ask(8)
    return folder


@pytest.mark.parametrize(
    "command",
    [
        ["--help"],
        ["tell", "--help"],
        ["version"],
        ["init", "--example", "new.toml"],
        ["status"],
        ["status", "--json"],
        ["best"],
        ["pending"],
        ["history", "0"],
        ["check"],
        ["backup", "copy"],
        ["tell", "8", "3", "--outcome", "impurity=1"],
        ["fail", "9", "--reason", "spilled"],
        ["abandon", "10"],
        ["release", "11"],
        ["amend", "0", "4", "--outcome", "impurity=1", "--reason", "misread"],
    ],
    ids=" ".join,
)
def test_a_command_that_does_not_learn_loads_no_numerics(folder: Path, command: list[str]) -> None:
    assert loaded(RUN, *command, folder=folder) == []


def test_a_plate_is_told_without_numerics(folder: Path) -> None:
    study = Study.load(folder / "study.gdopt")
    lines = plate_text(study, study.pending[-2:]).splitlines()
    (folder / "plate.csv").write_text("\n".join([lines[0], *(line.replace(",,", ",5,1", 1) for line in lines[1:])]))
    assert loaded(RUN, "tell", "plate.csv", folder=folder) == []
    assert Study.load(folder / "study.gdopt").trials[15].value == 5.0
