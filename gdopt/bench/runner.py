"""Methods on problems over seeds: one JSON record a run, side by side on the processor's cores, resumable.

Every method gets the same first designs, budget, batches, noise and failures, and is scored by noise-free values.
"""

import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, cast

import numpy as np

from gdopt import files
from gdopt.bench.methods import check, method, needs_gradients, needs_prior
from gdopt.bench.problem import Problem
from gdopt.bench.processes import processes
from gdopt.errors import ProblemError
from gdopt.prior import DiffusionPrior
from gdopt.study import Direction, Study

__all__ = ["Run", "file_name", "play", "problem_of", "problems_of", "record_path", "records", "run_all"]

FORMAT = "gdopt record 1"
PACKAGES = ("gdopt", "torch", "botorch", "gpytorch", "numpy", "scipy", "scikit-learn")
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Run:
    """One method on one problem with one seed.

    Args:
        problem: a name of `gdopt_problems`, or "module:function" of a user's own.
        method: a name, with settings if need be: "gdopt", "turbo", "gdopt:guide=0.0,refit=0.5".
        seed: of the first designs, of noise and failures, and of every proposal.
    """

    problem: str
    method: str
    seed: int


def problems_of(words: str) -> tuple[str, ...]:
    """The problems that suites and names, separated by commas, stand for."""
    library = import_module("gdopt_problems")
    parts = [library.suite(word) if word in library.suites() else (word,) for word in words.split(",")]
    return tuple(dict.fromkeys(name for part in parts for name in part))


def problem_of(name: str) -> Problem:
    """The problem of that name, or what a function of a user's module returns.

    Raises:
        ProblemError: there is none.
    """
    if ":" not in name:
        # The library does not know its problems: they are loaded by name.
        found: Problem = import_module("gdopt_problems").load(name)
        return found
    module, _, function = name.partition(":")
    try:
        made = getattr(import_module(module), function)()
    except (ImportError, AttributeError) as error:
        raise ProblemError(f"{name!r} is no problem: {error}") from error
    if not isinstance(made, Problem):
        raise ProblemError(f"{name!r} gives a {type(made).__name__}, expected a gdopt.bench.problem.Problem")
    return made


def play(run: Run, prior: DiffusionPrior | None = None) -> dict[str, Any]:
    """The record of a finished run: every value, noise-free and as told, and the CPU seconds of every `ask`."""
    problem = problem_of(run.problem)
    began = time.perf_counter()
    study = Study(
        problem.space,
        direction=cast(Direction, problem.direction),
        algorithm=method(run.method, problem, prior),
        seed=run.seed,
    )
    values: list[float] = []
    told: list[float | None] = []
    seconds: list[float] = []
    while len(values) < problem.budget:
        wanted = problem.batch if values else problem.start
        before = time.process_time()
        trials = study.ask(min(wanted, problem.budget - len(values)))
        seconds.append(time.process_time() - before)
        batch = [t.params for t in trials]
        slopes: list[dict[str, float] | None] = [None] * len(batch)
        if needs_gradients(run.method) and problem.gradient is not None:
            slopes = [*problem.gradient(batch)]
        for trial, value, slope in zip(trials, problem.evaluate(batch), slopes, strict=True):
            observed = disturbed(problem, run.seed, len(values), value)
            values.append(value)
            told.append(observed)
            if observed is None:
                study.fail(trial.id)
            else:
                study.tell(trial.id, observed, gradient=slope)
    return {
        "format": FORMAT,
        **asdict(run),
        "direction": problem.direction,
        "optimum": problem.optimum,
        "best_known": problem.best_known,
        "start": problem.start,
        "values": values,
        "told": told,
        "sources": [t.source for t in study.trials],
        "ask_cpu_seconds": seconds,
        "seconds": time.perf_counter() - began,
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {name: metadata.version(name) for name in PACKAGES},
        "machine": {"system": platform.platform(), "processor": platform.machine(), "cores": os.cpu_count()},
    }


def disturbed(problem: Problem, seed: int, index: int, value: float) -> float | None:
    """What is told of evaluation `index`: its value with noise, None if it failed. The same for every method."""
    generator = np.random.default_rng([seed, index])
    failed, noise = generator.random() < problem.failure_rate, problem.noise_std * generator.standard_normal()
    return None if failed else value + float(noise)


# --- many of them ------------------------------------------------------------------------------------


def run_all(
    problems: Sequence[str],
    methods: Sequence[str],
    seeds: int,
    out: Path,
    *,
    workers: int | None = None,
    say: Say = lambda line: None,
) -> list[dict[str, Any]]:
    """The records of every method on every problem with every seed; those that are in `out` are not run again.

    Args:
        problems: names, or "module:function".
        methods: names, with settings if need be.
        seeds: 0, 1, ... up to this many.
        out: a folder, made if missing, with a record a run and the priors of problems that have a corpus.
        workers: processes; one for each core by default.
        say: called with a line after each run.

    Raises:
        ProblemError: a problem is not known.
        SettingsError: a method is not known, or a setting of it.
    """
    refused = {name: _unsuited(name, problems) for name in methods}
    for name, (lacking, unsuited) in refused.items():
        if unsuited:
            say(f"{name} needs {lacking}: not run on {', '.join(unsuited)}")
    wanted = [Run(p, m, s) for s in range(seeds) for p in problems for m in methods if p not in refused[m][1]]
    missing = [run for run in wanted if not record_path(out, run).exists()]
    if len(missing) < len(wanted):
        say(f"{len(wanted) - len(missing)} of {len(wanted)} runs are in {out}")
    with processes(workers) as pool:
        unfitted = dict.fromkeys(run.problem for run in missing)
        for fitted in as_completed([pool.submit(fit_prior, name, out) for name in unfitted]):
            if line := fitted.result():
                say(line)
        running = [pool.submit(play_into, run, out) for run in missing]
        for count, done in enumerate(as_completed(running), 1):
            say(f"{count} of {len(missing)}: {done.result()}")
    return [json.loads(record_path(out, run).read_text()) for run in wanted]


def _unsuited(name: str, problems: Sequence[str]) -> tuple[str, list[str]]:
    """What a method needs, and the problems that lack it."""
    check(name)
    if needs_prior(name):
        return "a corpus", [one for one in problems if problem_of(one).corpus is None]
    if needs_gradients(name):
        return "gradients", [one for one in problems if problem_of(one).gradient is None]
    return "", []


def fit_prior(name: str, out: Path) -> str:
    """Fit and keep the prior of a problem that has a corpus; a line on what was done, empty if nothing was."""
    problem, path = problem_of(name), prior_path(out, name)
    if problem.corpus is None or path.exists():
        return ""
    path.parent.mkdir(parents=True, exist_ok=True)
    prior = DiffusionPrior.fit(problem.corpus(), space=problem.space, commensurate=problem.commensurate)
    prior.save(path)
    return f"prior of {name}: {len(prior.designs)} designs, {prior.codec.dim} directions, {prior.seconds:.0f} s"


@cache
def prior_of(name: str, out: Path) -> DiffusionPrior | None:
    """The prior that `fit_prior` kept."""
    return DiffusionPrior.load(prior_path(out, name)) if prior_path(out, name).exists() else None


def play_into(run: Run, out: Path) -> str:
    """Run, write the record whole or not at all, and say how it ended."""
    record = play(run, prior_of(run.problem, out))
    path = record_path(out, run)
    path.parent.mkdir(parents=True, exist_ok=True)
    files.put(path, (json.dumps(record) + "\n").encode())
    best = max if record["direction"] == "maximize" else min
    return (
        f"{run.problem} {run.method} seed {run.seed}: best {best(record['values']):.5g}, "
        f"{sum(record['ask_cpu_seconds']):.0f} CPU-s of asks"
    )


def record_path(out: Path, run: Run) -> Path:
    """Where the record of a run is kept."""
    return out / "records" / file_name(run.problem) / file_name(run.method) / f"{run.seed}.json"


def prior_path(out: Path, problem: str) -> Path:
    """Where the prior of a problem is kept."""
    return out / "priors" / f"{file_name(problem)}.safetensors"


def file_name(name: str) -> str:
    """A name that every file system takes."""
    return "".join(c if c.isalnum() or c in "._-=," else "-" for c in name)


def records(out: Path) -> Iterator[dict[str, Any]]:
    """All records of a folder, in the order of their paths."""
    for path in sorted((out / "records").rglob("*.json")):
        record = json.loads(path.read_text())
        if record.get("format") == FORMAT:
            yield record
