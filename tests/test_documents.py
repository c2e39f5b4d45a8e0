"""What README, docs and examples show is run."""

import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import gdopt
from gdopt.cli import app
from gdopt.molecules.smiles import nci

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "problems" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS = [
    pytest.param(code, id=f"{page.name}-{number}")
    for page in PAGES
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL))
]


@pytest.mark.parametrize("code", BLOCKS)
def test_python_of_the_documents_runs(code, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "document", "exec"), {"__name__": "document"})


def without_numbers(text):
    """A text that is the same on every machine: proposals differ in their last digits, and times altogether."""
    return " ".join(re.sub(r"\d+\.\d+", "#", text).split())


def said(command):
    """The exit code and the output of a command of the page."""
    name, *words = shlex.split(command)
    if name == "cat":
        return 0, Path(words[0]).read_text()
    assert name == "gdopt"
    result = CliRunner().invoke(app, words)
    return result.exit_code, result.stdout


def test_commands_of_the_laboratorys_page_say_what_it_shows(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GDOPT_STUDY", raising=False)
    page = (ROOT / "docs" / "start" / "lab.md").read_text()
    for kind, file, text in re.findall(r'```(\w+)(?: title="([^"]+)")?\n(.*?)```', page, re.DOTALL):
        if file:
            Path(file).write_text(text)
        elif kind == "console":
            for command, shown in re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
                code, output = said(command)
                assert (command, without_numbers(output)) == (command, without_numbers(shown))
                assert code == ('"error"' in shown)


@pytest.mark.parametrize(
    "link", [(page, link) for page in PAGES for link in re.findall(r"\]\((?!http)([^)#]+)", page.read_text())]
)
def test_links_between_documents_lead_somewhere(link):
    page, target = link
    assert (page.parent / target).exists()


def test_airfoil_example_writes_its_results(tmp_path):
    command = [sys.executable, ROOT / "examples" / "airfoil.py", tmp_path / "out", "60", "20"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "round 1: best" in done.stdout
    assert {"results.csv", "progress.png", "samples.png", "study.gdopt"} <= {
        p.name for p in (tmp_path / "out").iterdir()
    }


def test_ax_example_comes_near_the_optimum(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["ax_client.py", str(tmp_path)])
    runpy.run_path(str(ROOT / "examples" / "ax_client.py"))
    value = float(re.fullmatch(r"best of 20: (\S+) in trial \d+, .*\n", capsys.readouterr().out)[1])
    assert value < 0.1


@pytest.mark.parametrize(
    ("example", "printed"),
    [
        ("optuna_sampler.py", r"best of 20: (\S+) in trial \d+, .*\n"),
        ("gest_generator.py", r"best of 21: (\S+), .*\n"),
    ],
)
def test_example_of_another_librarys_loop_comes_near_the_optimum(example, printed, tmp_path):
    command = [sys.executable, ROOT / "examples" / example, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(re.fullmatch(printed, done.stdout)[1]) < 0.1


def draw_digits(out):
    command = [sys.executable, ROOT / "examples" / "images.py", out, "20", "1"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """The folder and the printed lines of one round with a network that is hardly trained."""
    out = tmp_path_factory.mktemp("images")
    return out, draw_digits(out)


def test_images_example_writes_its_figures_and_a_line_for_each_guidance_and_strength(digits):
    out, printed = digits
    assert {p.name for p in out.iterdir()} == {"digits.png", "rounds.png"}
    arms = [(guidance, strength) for guidance in ("G", "G_loss") for strength in ("mild", "strong")]
    assert re.findall(r"^(G\S*) +(\w+) +1(?: +-?\d+\.\d\d){3}$", printed, re.MULTILINE) == arms


@pytest.mark.slow
def test_images_example_gives_the_same_images_again(digits, tmp_path):
    out, printed = digits
    assert draw_digits(tmp_path) == printed
    assert (tmp_path / "digits.png").read_bytes() == (out / "digits.png").read_bytes()


def test_comparison_with_botorch_prints_a_line_for_each_method_and_each_use_of_the_prior():
    command = [sys.executable, ROOT / "examples" / "compare_with_botorch.py"]
    few = ["--budget", "14", "--seeds", "1", "--batch", "2", "--steps", "20"]
    printed = subprocess.run([*command, *few], capture_output=True, text=True, check=True).stdout
    methods, uses = printed.split("\n\n")
    assert re.findall(r"^(.+?)  +-?\d+\.\d{3} +\d+\.\d\d$", methods, re.MULTILINE) == [
        "gdopt",
        "BoTorch",
        "gdopt with qLogEI",
    ]
    assert re.findall(r"^(.+?)  +-?\d+\.\d{3}$", uses, re.MULTILINE) == [
        "ascent from Sobol points",
        "ascent from the prior",
        "designs of the prior",
    ]


@pytest.fixture
def smiles(tmp_path):
    """A file of small molecules."""
    path = tmp_path / "some.smi"
    path.write_text("\n".join([one for one in nci() if 8 <= len(one) <= 14][:40]))
    return path


def test_molecules_example_writes_its_results_and_goes_on_where_it_stopped(tmp_path, smiles):
    out = tmp_path / "out"
    command = [sys.executable, ROOT / "examples" / "molecules.py", out, "--smiles", smiles, "--filters"]
    few = ["--steps", "5", "--candidates", "40", "--budget"]
    for budget, last in (("50", 0), ("60", 1)):
        printed = subprocess.run([*command, *few, budget], capture_output=True, text=True, check=True).stdout
        assert re.findall(r"^round (\d+): best .* accessibility \d\.\d, no alerts$", printed, re.MULTILINE) == [
            str(last)
        ]
    assert {p.name for p in out.glob("[!.]*")} == {
        "molecules.png",
        "prior-check.png",
        "prior.safetensors",
        "progress.png",
        "results.csv",
        "study.gdopt",
    }
    assert len((out / "results.csv").read_text().splitlines()) == 61


def test_sequences_example_compares_what_it_found_with_what_was_known(tmp_path):
    command = [sys.executable, ROOT / "examples" / "sequences.py", tmp_path]
    few = ["--steps", "5", "--candidates", "40", "--budget", "31"]
    printed = subprocess.run([*command, *few], capture_output=True, text=True, check=True).stdout
    rows = re.findall(
        r"^(found|corpus|18A) +([A-Z]{18})  value (-?\d\.\d{3}), moment \d\.\d{3}$", printed, re.MULTILINE
    )
    assert [name for name, *_ in rows] == ["found"] * 5 + ["corpus"] * 5 + ["18A"]
    assert all(one[1] == "W" and "KK" not in one for _, one, _ in rows)


def test_example_of_several_objectives_prints_a_front_that_keeps_to_the_limit(tmp_path):
    command = [sys.executable, ROOT / "examples" / "objectives.py", tmp_path / "out", "24"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = re.findall(r"^yield +(\S+) %, cost +(\S+), impurity (\S+) %$", printed, re.MULTILINE)
    yields, costs, impurities = (list(map(float, column)) for column in zip(*rows, strict=True))
    assert yields == sorted(yields, reverse=True)
    assert costs == sorted(costs, reverse=True)
    assert max(impurities) <= 2
    assert float(re.search(r"^hypervolume (\d+)$", printed, re.MULTILINE)[1]) > 0
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"front.png", "results.csv"}


def test_laboratory_example_survives_the_kill_in_its_middle(tmp_path):
    command = [sys.executable, ROOT / "examples" / "lab_loop.py", tmp_path / "lab", "4"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    killed, vials, best = done.stdout.splitlines()
    assert re.fullmatch(r"killed after 1[3-9] vials, \d were waiting", killed)
    assert re.fullmatch(r"32 vials on 4 plates, \d+ broken; what was told before is kept: True", vials)
    assert float(re.match(r"best (\S+) %", best)[1]) > 20
    assert {"lab.gdopt", "results.csv", "progress.png"} <= {p.name for p in (tmp_path / "lab").iterdir()}


def test_mixed_example_keeps_its_constraints_and_what_is_fixed(tmp_path):
    command = [sys.executable, ROOT / "examples" / "mixed.py", tmp_path, "4"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert re.findall(r"^plate (\d): best [\d.]+ %(.*)$", done.stdout, re.MULTILINE)[2] == (
        "2",
        ", all with 75 % water",
    )
    assert float(re.search(r"shares sum to 1 within (\S+)", done.stdout)[1]) < 1e-9
    study = gdopt.Study.load(tmp_path / "bleach.gdopt")
    assert {t.params["water"] for t in study.trials if t.round == 2} == {0.75}
    assert len({tuple(t.params.values()) for t in study.trials}) == 32
    assert (tmp_path / "bleach.png").exists()


def test_priors_example_uses_each_prior(tmp_path):
    command = [sys.executable, ROOT / "examples" / "priors.py", tmp_path, "--budget", "12", "--steps", "30"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = dict(re.findall(r"^(.+): ([\d.]+) % in 12 runs$", done.stdout, re.MULTILINE))
    assert list(found) == ["no prior", "an expert's", "past runs", "and their yields"]
    assert float(found["past runs"]) > float(found["no prior"])
    assert {p.name for p in tmp_path.iterdir()} == {"check.png", "designs.csv", "related.safetensors"}


def test_table_example_finds_one_of_the_best_compounds(tmp_path):
    command = [sys.executable, ROOT / "examples" / "table.py", tmp_path, "--rows", "2000", "--budget", "40"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    better = re.fullmatch(r"C\d{5} of supplier \w+: [\d.]+ mg/ml, (\d+) of 2000 compounds are better\n", done.stdout)
    # Forty random rows are as good as that with a chance of 18 %.
    assert int(better[1]) < 10
    assert {"catalogue.csv", "table.gdopt", "rows.png"} <= {p.name for p in tmp_path.iterdir()}
