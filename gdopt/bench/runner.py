"""Methods on problems over seeds: a JSON record for each run, in parallel on the cores, resumable.

All methods have equal initial designs, budgets, batches, noise and failures, and are scored by noise-free values.
"""

import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, cast

import numpy as np

from gdopt import files
from gdopt.algorithms.base import Algorithm, capabilities
from gdopt.bench import priors
from gdopt.bench.methods import check, lacking, method, needs_gradients, uses_prior
from gdopt.bench.problem import OBJECTIVE, Problem, file_name, strings_of
from gdopt.bench.processes import processes
from gdopt.errors import ProblemError
from gdopt.study.study import Study
from gdopt.trials.objectives import Direction
from gdopt.trials.ranking import hypervolume_history

__all__ = ["Run", "problem_of", "problems_of", "record_path", "records", "run_all", "run_benchmark"]

FORMAT = "gdopt record 1"
# Between the name of a problem and another budget.
SHORT = "@"
PACKAGES = ("gdopt", "torch", "botorch", "gpytorch", "numpy", "scipy", "scikit-learn")
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Run:
    """One method on one problem with one seed.

    Args:
        problem: a name of `gdopt_problems`, or "module:function" of your own; with the suffix "@100", the same with a
            budget of 100 evaluations.
        method: a name, with optional settings: "gdopt", "turbo", "gdopt:share_guided=0.0,share_refitted=0.5".
        seed: of the initial designs, of noise and failures, and of every proposal.
    """

    problem: str
    method: str
    seed: int


def problems_of(words: str) -> tuple[str, ...]:
    """The problems of a comma-separated list of suites and names."""
    library = import_module("gdopt_problems")
    parts = [library.suite(word) if word in library.suites() else (word,) for word in words.split(",")]
    return tuple(dict.fromkeys(name for part in parts for name in part))


def problem_of(name: str) -> Problem:
    """The problem of a name or of a function "module:function"; "name@100" has a budget of 100 evaluations.

    Raises:
        ProblemError: there is no such problem, or its budget is not above its number of initial designs.
    """
    name, short, evaluations = name.partition(SHORT)
    problem = _loaded(name)
    if not short:
        return problem
    if not evaluations.isdecimal() or int(evaluations) <= problem.start:
        raise ProblemError(
            f"{name}@{evaluations}: expected a whole number after @, of more evaluations than the {problem.start} that "
            f"{name} starts with"
        )
    return replace(problem, budget=int(evaluations))


def _loaded(name: str) -> Problem:
    if ":" not in name:
        # `gdopt` does not depend on `gdopt_problems`: problems are loaded by name.
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


def run_benchmark(run: Run, prior: priors.Prior | None = None) -> dict[str, Any]:
    """The record of a finished run: every value, noise-free and as reported, and the CPU seconds of every `ask`.

    The record has the violations of each design if the problem has constraints, and the strings of a problem of
    strings. With several objectives, the value after each evaluation is the hypervolume so far, higher is better.

    Methods that model outcome constraints get the outcomes of the problem. Other methods get its values only, in which
    infeasible designs are worse than all feasible ones.
    """
    problem = problem_of(run.problem)
    began = time.perf_counter()
    study = _study(problem, method(run.method, problem, prior), run.seed)
    by_name = bool(study.outcome_constraints) or study.config.several
    values: list[float] = []
    told: list[float | None] = []
    seconds: list[float] = []
    while len(values) < problem.budget:
        wanted = problem.batch if values else problem.start
        before = time.process_time()
        trials = study.ask(min(wanted, problem.budget - len(values)), repeat=True)
        seconds.append(time.process_time() - before)
        batch = [t.params for t in trials]
        slopes: list[dict[str, float] | None] = [None] * len(batch)
        if needs_gradients(run.method) and problem.gradient is not None:
            slopes = [*problem.gradient(batch)]
        named = problem.outcomes(batch) if by_name and problem.outcomes is not None else [None] * len(batch)
        for trial, value, slope, outcomes in zip(trials, problem.evaluate(batch), slopes, named, strict=True):
            observed = add_noise_and_failures(problem, run.seed, len(values), value)
            values.append(value)
            told.append(observed)
            if observed is None:
                study.fail(trial.id)
            else:
                study.tell(trial.id, observed if outcomes is None else outcomes, gradient=slope)
    tried = [t.params for t in study.trials]
    if problem.objectives:
        values = hypervolume_history(study.config, study.state.trials)
        told = [value if one is not None else None for value, one in zip(values, told, strict=True)]
    return {
        "format": FORMAT,
        **asdict(run),
        "direction": "maximize" if problem.objectives else problem.direction,
        "optimum": problem.optimum,
        "best_known": problem.volume if problem.objectives else problem.best_known,
        "bound": problem.bound,
        "start": problem.start,
        "values": values,
        "told": told,
        "sources": [t.source for t in study.trials],
        **({"params": tried} if strings_of(problem) is not None else {}),
        **({"violations": problem.violations(tried)} if problem.violations is not None else {}),
        **({"outcomes": problem.outcomes(tried)} if problem.objectives and problem.outcomes is not None else {}),
        "ask_cpu_seconds": seconds,
        "seconds": time.perf_counter() - began,
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {name: metadata.version(name) for name in PACKAGES},
        "machine": {"system": platform.platform(), "processor": platform.machine(), "cores": os.cpu_count()},
    }


def _study(problem: Problem, algorithm: Algorithm, seed: int) -> Study:
    """The study of a problem, with its values or its outcomes as results."""
    if problem.objectives:
        directions = {one.name: one.direction for one in problem.objectives}
        reference = {one.name: one.reference_point for one in problem.objectives if one.reference_point is not None}
        return Study(problem.space, direction=directions, reference_point=reference, algorithm=algorithm, seed=seed)
    limits = problem.outcome_constraints if capabilities(algorithm).limited else ()
    direction = cast(Direction, problem.direction)
    return Study(
        problem.space,
        direction=direction,
        objective=OBJECTIVE,
        outcome_constraints=limits,
        algorithm=algorithm,
        seed=seed,
    )


def add_noise_and_failures(problem: Problem, seed: int, index: int, value: float) -> float | None:
    """The reported value of evaluation `index`: with noise, or None for a failure; equal for all methods."""
    generator = np.random.default_rng([seed, index])
    failed, noise = generator.random() < problem.failure_rate, problem.noise_std * generator.standard_normal()
    return None if failed else value + float(noise)


# --- many runs ---------------------------------------------------------------------------------------


def run_all(
    problems: Sequence[str],
    methods: Sequence[str],
    seeds: int,
    out: Path,
    *,
    workers: int | None = None,
    say: Say = lambda line: None,
) -> list[dict[str, Any]]:
    """The records of every method on every problem with every seed; runs with a record in `out` are not repeated.

    Args:
        problems: names, or "module:function".
        methods: names, with optional settings.
        seeds: number of seeds 0, 1, ...
        out: a folder for a record of each run, and for priors of problems with a corpus; created if missing.
        workers: number of processes; by default one for each core.
        say: called with a line after each run.

    Raises:
        ProblemError: a problem does not exist.
        SettingsError: a method or a setting does not exist.
    """
    suited = {name: _suited(name, problems, say) for name in methods}
    wanted = [Run(p, m, s) for s in range(seeds) for p in problems for m in methods if p in suited[m]]
    missing = [run for run in wanted if not record_path(out, run).exists()]
    if len(missing) < len(wanted):
        say(f"{len(wanted) - len(missing)} of {len(wanted)} runs are in {out}")
    with processes(workers) as pool:
        unfitted = {path: run.problem for run in missing if (path := prior_of(run, out)) is not None}
        for fitted in as_completed([pool.submit(fit_prior, path, name) for path, name in unfitted.items()]):
            if line := fitted.result():
                say(line)
        running = [pool.submit(run_into, run, out) for run in missing]
        for count, done in enumerate(as_completed(running), 1):
            say(f"{count} of {len(missing)}: {done.result()}")
    return [json.loads(record_path(out, run).read_text()) for run in wanted]


def _suited(name: str, problems: Sequence[str], say: Say) -> set[str]:
    """The problems that a method supports; a line names the missing feature of the others."""
    found: dict[str, list[str]] = {}
    for one in problems:
        problem = problem_of(one)
        missing = lacking(name, problem)
        found.setdefault(missing, []).append(one)
        if not missing:
            check(name, problem)
    for missing, unsuited in found.items():
        if missing:
            say(f"{name} needs {missing}: not run on {', '.join(unsuited)}")
    return set(found.get("", ()))


def prior_of(run: Run, out: Path) -> Path | None:
    """The file of the prior of a run; None if the run uses no prior."""
    problem = problem_of(run.problem)
    return priors.path_of(out, run.problem.partition(SHORT)[0], problem) if uses_prior(run.method, problem) else None


def fit_prior(path: Path, name: str) -> str:
    """Fit and save the prior of a problem; returns a line of progress, empty if the file existed."""
    return priors.fit_into(path, problem_of(name))


def run_into(run: Run, out: Path) -> str:
    """Run, write the record atomically, and return a line with the result."""
    path = prior_of(run, out)
    prior = None if path is None else priors.loaded(path, strings_of(problem_of(run.problem)) is not None)
    record = run_benchmark(run, prior)
    path = record_path(out, run)
    path.parent.mkdir(parents=True, exist_ok=True)
    files.put(path, (json.dumps(record) + "\n").encode())
    best = max if record["direction"] == "maximize" else min
    return (
        f"{run.problem} {run.method} seed {run.seed}: best {best(record['values']):.5g}, "
        f"{sum(record['ask_cpu_seconds']):.0f} CPU-s of asks"
    )


def record_path(out: Path, run: Run) -> Path:
    """The file of the record of a run."""
    return out / "records" / file_name(run.problem) / file_name(run.method) / f"{run.seed}.json"


def records(out: Path) -> Iterator[dict[str, Any]]:
    """All records of a folder, in the order of their paths."""
    for path in sorted((out / "records").rglob("*.json")):
        record = json.loads(path.read_text())
        if record.get("format") == FORMAT:
            yield record
