"""All experiments of the paper's page, side by side on the processor's cores, and what they write."""

import json
import time
from collections.abc import Callable
from concurrent.futures import as_completed
from pathlib import Path

import torch
from rich.console import Console

import gdopt
from gdopt.bench.processes import processes
from gdopt_problems.paper import black_box, fine_tuned, public_code, regularized, structure
from gdopt_problems.paper.cases import Table
from gdopt_problems.paper.page import FIGURES, page

__all__ = ["EXPERIMENTS", "merged", "run", "write"]

# By name: what is measured. The longest first, so that the cores end together.
EXPERIMENTS: dict[str, Callable[[], Table]] = {
    "bound": fine_tuned.measure_bound,
    "rounds": fine_tuned.measure,
    "public_reading": public_code.measure,
    "structure": structure.measure,
    "black_box": black_box.measure,
    "regularized": regularized.measure,
    "unit_ball": structure.measure_pareto,
}
BY_CASE = ("regularized", "rounds", "bound", "black_box")


def run(out: Path, *, quiet: bool = False) -> Table:
    """All that was measured; the page, its figures and results.json are in the folder `out`.

    Args:
        out: a folder, made if missing.
        quiet: no lines of progress.
    """
    console = Console(highlight=False, stderr=True, quiet=quiet)
    began = time.perf_counter()
    found, seconds = measured(console)
    everything = merged(found) | {
        "cpu_seconds": seconds,
        "seconds": time.perf_counter() - began,
        "versions": {"gdopt": gdopt.__version__, "torch": torch.__version__},
    }
    # As it is read back, so that a page made of the file is the same; ten digits are enough for every figure.
    results: Table = json.loads(json.dumps(everything), parse_float=lambda digits: float(f"{float(digits):.10g}"))
    out.mkdir(parents=True, exist_ok=True)
    (out / "results.json").write_text(json.dumps(results) + "\n")
    write(out, results)
    console.print(f"in {out}/: index.md, results.json and {len(FIGURES)} figures; {results['seconds']:.0f} s")
    return results


def measured(console: Console) -> tuple[dict[str, Table], dict[str, float]]:
    """What every experiment found, and its CPU seconds."""
    found, seconds = {}, {}
    with processes() as pool:
        running = {pool.submit(timed, name): name for name in EXPERIMENTS}
        for done in as_completed(running):
            name = running[done]
            found[name], seconds[name] = done.result()
            console.print(f"{len(found)} of {len(EXPERIMENTS)}: {name}, {seconds[name]:.0f} CPU-s")
    return {name: found[name] for name in EXPERIMENTS}, {name: seconds[name] for name in EXPERIMENTS}


def timed(name: str) -> tuple[Table, float]:
    """What an experiment found, and its CPU seconds."""
    began = time.process_time()
    return EXPERIMENTS[name](), time.process_time() - began


def merged(found: dict[str, Table]) -> Table:
    """One object: the four cases first, each with what every experiment found of it, then the rest."""
    cases: dict[str, Table] = {name: {} for name in found["rounds"]}
    for experiment in BY_CASE:
        for name, one in found[experiment].items():
            part = one if experiment in ("rounds", "regularized") else {experiment: one}
            cases[name] |= part
    return {**cases, **{name: one for name, one in found.items() if name not in BY_CASE}}


def write(out: Path, results: Table) -> None:
    """The figures and the page of what was measured."""
    for name, draw in FIGURES.items():
        draw(results).savefig(out / f"{name}.png", dpi=110)
    (out / "index.md").write_text(page(results))
