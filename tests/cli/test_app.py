"""The command line: help, the version, and errors in one line (the demo itself is tested with the problems)."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

import gdopt
from gdopt import cli


def run(*words: str) -> str:
    result = CliRunner().invoke(cli.app, words, env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"})
    assert result.exit_code == 0, result.output
    return result.output


def test_version_is_gdopts() -> None:
    assert run("version").strip() == gdopt.__version__


BEGIN = ["init", "new"]
WORK = ["ask", "tell", "add", "fail", "abandon", "amend", "release"]
LOOK = ["status", "best", "pending", "history", "export", "plot", "report", "check"]
VERBS = BEGIN + WORK + LOOK


@pytest.mark.parametrize("command", [*VERBS, "bench", "demo", "version"])
def test_help_lists_every_command(command: str) -> None:
    assert command in run("--help")


@pytest.mark.parametrize("option", ["--out", "--seed", "--budget", "--steps", "--task", "--smiles", "--filters"])
def test_help_of_the_demo_lists_its_options(option: str) -> None:
    assert option in run("demo", "--help")


def test_help_of_the_demo_lists_both() -> None:
    assert "airfoil|molecules" in run("demo", "--help")


@pytest.mark.parametrize(("option", "value"), [("--task", "qed"), ("--smiles", "some.smi"), ("--filters", None)])
def test_options_of_molecules_are_a_usage_error_for_the_airfoil(option: str, value: str | None) -> None:
    words = ["demo", option, *([value] if value else [])]
    result = CliRunner().invoke(cli.app, words, env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert f"{option} is for molecules" in result.output


def test_the_demo_of_molecules_without_rdkit_says_what_to_install() -> None:
    code = "import sys\nsys.modules['rdkit'] = None\nfrom gdopt.cli import main\nmain()"
    words = [sys.executable, "-c", code, "demo", "molecules"]
    result = subprocess.run(words, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.strip() == "gdopt: molecules need rdkit: pip install 'gdopt[molecules]'"


@pytest.mark.parametrize("option", ["--out", "--json"])
def test_help_of_the_papers_bench_lists_its_options(option: str) -> None:
    assert option in run("bench", "paper", "--help")


def test_a_bench_of_an_unknown_problem_is_one_line(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["gdopt", "bench", "run", "hil"])
    with pytest.raises(SystemExit, match="1"):
        cli.main()
    assert capsys.readouterr().err.startswith("gdopt: no problem is called 'hil'")


def test_an_unknown_command_is_a_usage_error() -> None:
    result = CliRunner().invoke(cli.app, ["optimise"])
    assert result.exit_code == 2
    assert "No such command 'optimise'" in result.output


def test_gdopt_runs_as_a_module() -> None:
    result = subprocess.run([sys.executable, "-m", "gdopt", "version"], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == gdopt.__version__


SLOW = ("torch", "pandas", "sqlalchemy", "botorch", "matplotlib")


@pytest.mark.parametrize("words", [["--help"], ["status", "--help"], ["ask", "--help"], ["report", "--help"]])
def test_help_imports_nothing_slow(words: list[str]) -> None:
    code = (
        "import sys\nfrom gdopt.cli import app\n"
        f"try:\n    app({words})\nfinally:\n    print([m for m in {SLOW} if m in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stderr.strip() == "[]"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_json(verb: str) -> None:
    assert "--json" in run(verb, "--help")


def test_an_error_that_gdopt_meant_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    def broken() -> None:
        raise gdopt.StoreError("the file was changed")

    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(SystemExit, match="1"):
        cli.main()
    assert capsys.readouterr().err.strip() == "gdopt: the file was changed"
