"""Algorithms as plain data: what a file may name is a closed list."""

import ast
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import gdopt
from gdopt import SettingsError, StoreError
from gdopt.algorithms.serialization import ALGORITHMS, PARTS, PATHS_OF_0_1, deserialize, serialize
from gdopt.baselines import baseline
from gdopt.bench.methods import _with
from gdopt.bench.variants import PARTS as ARMS
from gdopt.molecules.filters import Makeable
from gdopt.surrogates import tanimoto
from tests.strategies import alkanes, masked, quick_prior, unchecked

ROOT = Path(gdopt.__file__).parent


def bound(tree: ast.Module) -> set[str]:
    """The names that the statements of a module bind, its imports among them."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(one.asname or one.name).partition(".")[0] for one in node.names}
    return found


def everything() -> list[str]:
    """Every attribute of every module of gdopt, as a file would name it."""
    names = []
    for path in sorted(ROOT.rglob("*.py")):
        module = ".".join(["gdopt", *path.relative_to(ROOT).with_suffix("").parts]).removesuffix(".__init__")
        names += [module, *(f"{module}.{name}" for name in bound(ast.parse(path.read_text())))]
    return [*names, "os.system", "builtins.eval", "gdopt.files.os.system", "gdopt", ""]


# Refused is each name in each place; what was imported before is what is imported after.
REFUSING = """
import json, sys
import gdopt.algorithms.guided
from gdopt.errors import StoreError
from gdopt.algorithms.serialization import ALGORITHMS, PARTS, PATHS_OF_0_1, deserialize
algorithm = "GuidedDiffusion"
before, taken = set(sys.modules), []
def tried(place, name, raw):
    try:
        deserialize(raw)
    except StoreError:
        return
    taken.append((place, name))
def known(name, homes):
    return PATHS_OF_0_1.get(name, name) in homes
for name in json.load(sys.stdin):
    if not known(name, ALGORITHMS):
        tried("algorithm", name, {"class": name, "settings": {}})
    for place in ("design_filter", "features", "guidance", "selection", "surrogate", "outcome_transform",
        "prior", "candidates", "other"):
        if not known(name, PARTS.get(place, ())):
            for said in ({"named": name}, {"class": name, "settings": {}}, {"kept": name}, name):
                tried(place, name, {"class": algorithm, "settings": {place: said}})
print(json.dumps([taken, sorted(set(sys.modules) - before)]))
"""


def test_a_file_that_names_any_other_attribute_of_gdopt_is_refused_and_nothing_is_imported() -> None:
    names = everything()
    assert len(names) > 2000
    names += [*ALGORITHMS, *(name for homes in PARTS.values() for name in homes), *PATHS_OF_0_1]
    run = subprocess.run(
        [sys.executable, "-c", REFUSING], input=json.dumps(names), capture_output=True, text=True, check=True
    )
    taken, imported = json.loads(run.stdout)
    assert taken == []
    assert imported == []


def test_every_name_of_the_list_is_there() -> None:
    for table in (ALGORITHMS, *PARTS.values()):
        for module, attribute in table.values():
            found = getattr(__import__(module, fromlist=[attribute]), attribute)
            assert (found.__module__, found.__qualname__) == (module, attribute)


def test_every_name_of_the_list_has_a_path_of_version_0_1() -> None:
    short = [*ALGORITHMS, *(name for homes in PARTS.values() for name in homes)]
    assert len(set(short)) == len(short)
    assert sorted(PATHS_OF_0_1.values()) == sorted(short)


@pytest.mark.parametrize("name", [n for n in ALGORITHMS if n != "MaskedDiffusion"])
def test_every_algorithm_of_the_list_is_kept(name: str) -> None:
    module, attribute = ALGORITHMS[name]
    algorithm = getattr(__import__(module, fromlist=[attribute]), attribute)()
    assert deserialize(json.loads(json.dumps(serialize(algorithm)))) == algorithm


@pytest.mark.parametrize("part", ARMS)
def test_every_part_of_the_benchmarks_is_kept(part: str) -> None:
    place = {"raw": "guidance", "best_means": "selection", "ensemble": "surrogate"}
    name = place.get(part, "selection" if part.startswith("select_by_") else "outcome_transform")
    algorithm = _with(gdopt.GuidedDiffusion(), f"gdopt:{name}={part}", f"{name}={part}")
    assert deserialize(json.loads(json.dumps(serialize(algorithm)))) == algorithm


def test_the_parts_of_molecules_are_kept_with_their_settings() -> None:
    files: dict[str, bytes] = {}

    def keep(content: bytes) -> str:
        files["prior"] = content
        return "prior"

    algorithm = masked(alkanes(), design_filter=Makeable(accessibility=3.5), surrogate=tanimoto.fit)
    found = deserialize(json.loads(json.dumps(serialize(algorithm, keep))), files.get)
    assert replace(found, prior=algorithm.prior) == algorithm


def test_a_setting_that_numpy_made_is_kept_as_a_number() -> None:
    with unchecked():
        algorithm = gdopt.GuidedDiffusion(candidates=np.int64(64), guidance_scale=np.float32(0.5))
    assert json.loads(json.dumps(serialize(algorithm)))["settings"]["candidates"] == 64
    assert deserialize(serialize(algorithm)) == algorithm


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"candidates": [64]}, "candidates = .* is no plain setting"),
        ({"candidates": "many"}, "GuidedDiffusion: candidates = 'many': expected 2 or more"),
        ({"unheard": 1}, "GuidedDiffusion: .*unexpected keyword argument"),
        (
            {"outcome_transform": {"named": "gdopt.select.batch"}},
            "'gdopt.select.batch' is none of gdopt's own: .*power",
        ),
        (
            {"outcome_transform": {"class": "gdopt.surrogate.warp.power", "settings": {}}},
            "is a function and has no settings",
        ),
        ({"design_filter": {"named": "gdopt.named.function"}}, "'gdopt.named.function' is none of gdopt's own"),
        ({"design_filter": {"named": "gdopt.named.Named"}}, "Named is a class without its settings"),
        ({"design_filter": {"class": "gdopt.named.Named", "settings": {"name": 5}}}, "Named: "),
        ({"design_filter": "rules:mixes"}, "is neither settings nor one of gdopt's own"),
        ({"prior": {"kept": "0" * 64}}, "prior is missing or was changed"),
        ({"prior": {}}, "the file None of the algorithm's prior is missing"),
    ],
)
def test_settings_that_gdopt_did_not_write_are_refused(settings: dict[str, object], match: str) -> None:
    with unchecked(), pytest.raises(StoreError, match=match):
        deserialize({"class": "GuidedDiffusion", "settings": settings}, {}.get)


@pytest.mark.parametrize("raw", [None, 5, "gdopt.guided.GuidedDiffusion", {}, {"class": "x"}, {"settings": {}}, []])
def test_what_is_no_algorithm_with_settings_is_refused(raw: object) -> None:
    with unchecked(), pytest.raises(StoreError, match="an algorithm has a class and settings"):
        deserialize(raw)


def test_a_forged_study_runs_no_function_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("payload.py").write_text("from pathlib import Path\nPath('flag').touch()\ndef f(*given): return True\n")
    for name in ("gdopt.named.function", "gdopt.named.import_module", "gdopt.__main__.main"):
        raw = {"class": "GuidedDiffusion", "settings": {"design_filter": {"named": name}}}
        with pytest.raises(StoreError, match=f"'{name}' is none of gdopt's own"):
            deserialize(raw)
        with pytest.raises(StoreError, match=f"'{name}' is none of gdopt's own"):
            deserialize({"class": name, "settings": {}})
    assert not Path("flag").exists()


def test_an_algorithm_that_is_not_of_the_list_is_not_written() -> None:
    class Own(type(baseline("random"))):  # type: ignore[misc]
        pass

    with pytest.raises(SettingsError, match="Own is not one of gdopt's own algorithms"):
        serialize(Own())
    with pytest.raises(SettingsError, match="outcome_transform is a function, which is no plain setting"):
        serialize(gdopt.GuidedDiffusion(tuning=gdopt.GuidedTuning(outcome_transform=lambda y: y)))
    with pytest.raises(SettingsError, match="prior is a DiffusionPrior, which is no plain setting"):
        serialize(gdopt.GuidedDiffusion(prior=quick_prior()))
