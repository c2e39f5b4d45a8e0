"""Runs on small problems: what a record holds, what is the same for every method, and going on after a stop."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import gdopt
from gdopt.baselines import baseline, names
from gdopt.bench import runner
from gdopt.bench.methods import lacking, method
from gdopt.bench.problem import Problem
from gdopt.bench.report import report
from gdopt.bench.runner import Run, add_noise_and_failures, problem_of, problems_of, record_path, run_all, run_benchmark
from gdopt.errors import ProblemError, SettingsError, StoreError
from gdopt.surrogates import outcome_transforms as warps
from gdopt_problems import load


def small() -> Problem:
    """The hill with a budget of 26, noise and failures."""
    return replace(load("hill"), name="small", budget=26, start=10, batch=4, noise_std=0.5, failure_rate=0.2)


def no_problem() -> int:
    return 3


HERE = f"{__name__}:small"


def test_a_record_has_every_value_and_the_seconds_of_every_ask() -> None:
    record = run_benchmark(Run(HERE, "random", 0))
    assert len(record["values"]) == len(record["told"]) == len(record["sources"]) == 26
    assert len(record["ask_cpu_seconds"]) == 5  # 10 and four times 4
    assert json.loads(json.dumps(record)) == record


def test_values_are_noise_free_and_told_ones_are_not() -> None:
    record = run_benchmark(Run(HERE, "random", 0))
    assert max(record["values"]) <= 0
    assert any(t is not None and t != v for t, v in zip(record["told"], record["values"], strict=True))


def test_every_method_gets_the_same_first_designs_noise_and_failures() -> None:
    one, other = (run_benchmark(Run(HERE, name, 3)) for name in ("random", "gdopt:candidates=64"))
    assert one["values"][:10] == other["values"][:10]
    assert one["told"][:10] == other["told"][:10]
    assert one["values"] != other["values"]
    failed = [[i for i, t in enumerate(r["told"]) if t is None] for r in (one, other)]
    assert failed[0] == failed[1]


def few(name: str) -> Problem:
    return replace(load(name), budget=14, start=6, batch=4)


def two_objectives() -> Problem:
    return replace(few("branin_currin"), name="two_objectives", failure_rate=0.3)


def limited() -> Problem:
    return few("speed_reducer")


def test_several_objectives_are_scored_by_the_hypervolume_of_what_was_told() -> None:
    problem = two_objectives()
    record = run_benchmark(Run(f"{__name__}:two_objectives", "random", 0))
    assert (record["direction"], record["best_known"]) == ("maximize", problem.volume)
    assert np.diff(record["values"]).min() >= 0
    told = [o for o, t in zip(record["outcomes"], record["told"], strict=True) if t is not None]
    assert 0 < len(told) < 14
    # By sampling the box below the reference.
    points = np.random.default_rng(0).uniform((0.0, 0.0), (18.0, 6.0), (100_000, 2))
    rows = np.array([[o["branin"], o["currin"]] for o in told])
    share = (rows[None] <= points[:, None]).all(-1).any(-1).mean()
    below = 18 * 6 * share
    assert record["values"][-1] == pytest.approx(below, abs=1.0)


def test_methods_with_and_without_limits_record_the_same_values() -> None:
    run = f"{__name__}:limited"
    one, other = (run_benchmark(Run(run, name, 0)) for name in ("gdopt:candidates=64", "random"))
    assert one["values"][:6] == other["values"][:6]
    assert [v > 0 for v in one["violations"]] == [v > 7200 for v in one["values"]]


def test_a_method_of_one_objective_is_not_run_on_several() -> None:
    with pytest.raises(SettingsError, match="turbo needs a single objective, which branin_currin lacks"):
        method("turbo", load("branin_currin"), None)
    with pytest.raises(SettingsError, match="qlognehvi needs several objectives"):
        method("qlognehvi", load("hill"), None)


# By its name `qlogei-constrained` is for one objective, though its algorithm could do more.
@pytest.mark.parametrize("name", [one for one in names() if one != "qlogei-constrained"])
def test_a_method_is_run_on_several_objectives_where_a_study_of_its_algorithm_takes_them(name: str) -> None:
    problem = load("branin_currin")
    ways = {one.name: one.direction for one in problem.objectives}
    missing = lacking(name, problem)
    with pytest.raises(SettingsError, match="takes one objective") if missing else nullcontext():
        gdopt.Study(problem.space, direction=ways, algorithm=baseline(name))


def test_noise_and_failures_have_the_problems_rates() -> None:
    told = [add_noise_and_failures(small(), 0, i, 1.0) for i in range(4000)]
    kept = [t for t in told if t is not None]
    assert 1 - len(kept) / 4000 == pytest.approx(0.2, abs=0.03)
    assert (np.mean(kept), np.std(kept)) == pytest.approx((1.0, 0.5), abs=0.03)


def test_the_same_run_gives_the_same_values_again() -> None:
    run = Run(HERE, "gdopt:candidates=64", 1)
    assert run_benchmark(run)["values"] == run_benchmark(run)["values"]


def test_a_stopped_run_of_many_goes_on_where_it_was(tmp_path: Path) -> None:
    said: list[str] = []
    first = run_all(["hill"], ["random"], 1, tmp_path, workers=1)
    path = record_path(tmp_path, Run("hill", "random", 0))
    before = path.stat().st_mtime_ns
    both = run_all(["hill"], ["random"], 2, tmp_path, workers=1, say=said.append)
    assert path.stat().st_mtime_ns == before
    assert both[0] == first[0]
    assert said[0] == f"1 of 2 runs are in {tmp_path}"
    assert [r["seed"] for r in both] == [0, 1]


def test_the_report_of_records_has_its_tables_and_figures(tmp_path: Path) -> None:
    for seed in range(2):
        for name in ("random", "gdopt:candidates=64"):
            path = record_path(tmp_path, Run(HERE, name, seed))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(run_benchmark(Run(HERE, name, seed))))
    made = report(tmp_path)
    assert set(made["ranks"]) == {"random", "gdopt:candidates=64"}
    assert made["problems"][HERE]["methods"]["random"]["seeds"] == 2
    assert json.loads((tmp_path / "report.json").read_text())["problems"].keys() == made["problems"].keys()
    assert {p.suffix for p in tmp_path.glob("*.*")} == {".json", ".md", ".png"}
    assert "| random | 2 |" in (tmp_path / "report.md").read_text()


def test_a_folder_without_records_is_no_report(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="has no records"):
        report(tmp_path)


def test_a_run_has_as_many_evaluations_as_are_asked_for() -> None:
    record = run_benchmark(Run(f"{HERE}@14", "random", 0))
    assert record["problem"] == f"{HERE}@14"
    assert record["values"] == run_benchmark(Run(HERE, "random", 0))["values"][:14]
    assert problem_of("hill@50").budget == 50


def test_a_shorter_run_has_a_record_of_its_own_and_the_same_prior(tmp_path: Path) -> None:
    short, long = (Run(name, "gdopt", 0) for name in ("digits@60", "digits"))
    assert record_path(tmp_path, short) != record_path(tmp_path, long)
    assert runner.prior_of(short, tmp_path) == runner.prior_of(long, tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hill@", "expected a whole number after @"),
        ("hill@ten", "expected a whole number after @"),
        ("hill@4", "more evaluations than the 10 that hill starts with"),
        ("hil", "no problem is called 'hil'"),
        ("no.such.module:problem", "No module named 'no'"),
        (f"{__name__}:nothing", "has no attribute 'nothing'"),
        (f"{__name__}:no_problem", "gives a int, expected a gdopt.bench.problem.Problem"),
    ],
)
def test_an_unknown_problem_is_refused_by_name(name: str, message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        problem_of(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gdpt", "no method is called 'gdpt'; there are gdopt, "),
        ("gdopt:guidance=1", "guidance"),
        ("gdopt:share_guided", "expected settings as name=number"),
        ("gdopt:share_guided=2.0", "share_refitted, share_guided, share_sdedit, share_broad"),
    ],
)
def test_an_unknown_method_or_setting_is_refused_before_anything_runs(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=message):
        run_all(["hill"], [name], 1, tmp_path)
    assert not any(tmp_path.iterdir())


def test_a_method_that_needs_a_corpus_is_left_out_where_there_is_none(tmp_path: Path) -> None:
    said: list[str] = []
    found = run_all(["hill"], ["turbo-pca", "random"], 1, tmp_path, workers=1, say=said.append)
    assert [r["method"] for r in found] == ["random"]
    assert said[0] == "turbo-pca needs a corpus: not run on hill"


def test_a_method_that_is_told_gradients_is_left_out_where_there_are_none(tmp_path: Path) -> None:
    said: list[str] = []
    found = run_all(["hill"], ["random+gradients", "random"], 1, tmp_path, workers=1, say=said.append)
    assert [r["method"] for r in found] == ["random"]
    assert said[0] == "random+gradients needs gradients: not run on hill"


def broken() -> Problem:
    """The small hill, at which every evaluation leaves a mark and raises."""

    def evaluate(batch: Sequence[gdopt.space.parameters.Params]) -> list[float]:
        with Path(os.environ["GDOPT_TEST_MARKS"]).open("a") as marks:
            marks.write("x")
        raise ValueError(f"no values for {len(batch)} designs today")

    return replace(small(), evaluate=evaluate)


def test_the_first_error_of_a_run_ends_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marks = tmp_path / "marks"
    monkeypatch.setenv("GDOPT_TEST_MARKS", str(marks))
    with pytest.raises(ValueError, match="no values for 10 designs today"):
        run_all([f"{__name__}:broken"], ["random"], 40, tmp_path / "out", workers=1)
    # One that failed, and those that a worker had been handed by then.
    assert 1 <= len(marks.read_text()) < 20


@pytest.mark.parametrize("warp", ["power", "rank_normal", "standardized"])
def test_a_warp_can_be_named(warp: str) -> None:
    made = method(f"gdopt:outcome_transform={warp},candidates=64", small(), None)
    assert made.tuning.outcome_transform is getattr(warps, warp)
    assert made.candidates == 64


def sloped() -> Problem:
    """The small hill, as if it rose by the first parameter everywhere."""
    return replace(small(), gradient=lambda batch: [{"x0": 1.0} for _ in batch])


def test_gradients_are_told_to_methods_that_ask_for_them() -> None:
    name = f"{__name__}:sloped"
    plain, with_them = (run_benchmark(Run(name, f"gdopt{s}:candidates=64", 0)) for s in ("", "+gradients"))
    assert plain["told"][:14] != with_them["told"][:14] or plain["values"][14:] != with_them["values"][14:]
    assert plain["values"] == run_benchmark(Run(HERE, "gdopt:candidates=64", 0))["values"]


def test_workers_end_when_their_parent_is_killed() -> None:
    code = (
        "import os, time\n"
        "from gdopt.bench.processes import processes\n"
        "if __name__ == '__main__':\n"
        "    with processes(1) as pool:\n"
        "        print(pool.submit(os.getpid).result(), flush=True)\n"
        "        pool.submit(time.sleep, 600)\n"
        "        time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        parent.kill()
    give_up = time.monotonic() + 20
    while running(worker) and time.monotonic() < give_up:
        time.sleep(0.1)
    assert not running(worker)


def running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_suite_stands_for_its_problems() -> None:
    assert problems_of("hill,standard")[0] == "hill"
    assert "branin" in problems_of("standard")
    assert problems_of(HERE) == (HERE,)


def test_names_of_records_are_files_everywhere() -> None:
    path = record_path(Path("out"), Run("my.lab:problem", "gdopt:share_guided=0.0,share_refitted=0.5", 3))
    assert path == Path("out/records/my.lab-problem/gdopt-share_guided=0.0,share_refitted=0.5/3.json")
    assert runner.FORMAT == "gdopt record 1"
