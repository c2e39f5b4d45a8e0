"""What runs in processes of their own, which are killed, raced or stopped at a point; and how to start them.

The processes are forked from a server that has imported gdopt and nothing else: they start quickly, share no thread
with the tests, and run gdopt as people do, without the checks of types.
"""

import json
import multiprocessing
import os
import random
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import alembic.command  # noqa: F401  # takes time that is not to be spent in each process
import sqlalchemy as sa
import torch

import gdopt
from gdopt import files
from gdopt.errors import GdoptError, StoreError, TrialError
from gdopt.randomness import stream
from gdopt.storage.events import Event, EventType
from gdopt.storage.sql_store import SqlStore
from gdopt.storage.store import Store
from gdopt.study.study import Study
from gdopt.trials.proposals import append
from gdopt.trials.state import State

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.reliability.children"])

LINE = gdopt.Space([gdopt.Real("x", -2, 3)])
# The status by which a process says that it stopped itself where it was told to.
STOPPED = 9
# Whom root becomes to be refused something.
NOBODY = 65534
# Seconds after which a child that has not ended is a failure.
PATIENCE = 60


@dataclass(frozen=True)
class Learner:
    """Random designs, and tensors that an `ask` leaves behind, which say how many there were: learning, in no time."""

    def init(self, space: gdopt.Space, seed: int) -> State:
        return State(space, seed)

    def ask(self, state: State, n: int) -> State:
        generator = stream(state.seed, len(state.notes))
        width = (state.space.parameters[0].low, state.space.parameters[0].high)
        values = torch.rand(n, generator=generator, dtype=torch.float64) * (width[1] - width[0]) + width[0]
        new = append(state, [{"x": v} for v in values.tolist()], ["random"] * n, [None] * n, {})
        return replace(new, tensors={"asks": torch.full((500,), float(len(new.notes)))})


def learner(where: str, name: str = "study") -> Study:
    """A study whose asks leave tensors."""
    return Study(LINE, direction="minimize", algorithm=Learner(), storage=where, name=name, seed=3)


def run(target: Callable[..., None], *args: object) -> int | None:
    """How a process ended that did this."""
    child = start(target, *args)
    child.join(PATIENCE)
    if child.is_alive():
        child.kill()
        raise AssertionError(f"{target.__name__} did not end in {PATIENCE} s")
    return child.exitcode


def start(target: Callable[..., None], *args: object) -> BaseProcess:
    """A process that does this."""
    child = PROCESSES.Process(target=target, args=args, daemon=True)
    child.start()
    return child


def kept(store: Store) -> list[Any]:
    """All that is kept of a study but the clock: its entries, and what was learned."""
    entries = store.entries()
    learned = next((e.data["tensors"] for e in reversed(entries) if "tensors" in e.data), None)
    content = None if learned is None else store.content(learned)
    tensors = {} if content is None else files.unpacked(content, "")[0]
    return [*map(plain, entries), {name: value.tolist() for name, value in tensors.items()}]


def plain(entry: Event) -> dict[str, Any]:
    """An entry without what differs between two runs: times, and by which name a file is kept."""
    data = {k: v for k, v in entry.data.items() if k != "tensors"}
    if "note" in data:
        data["note"] = {k: v for k, v in data["note"].items() if k != "seconds"}
    if "until" in data:
        data["until"] = data["until"] and "later"
    return {"kind": entry.kind.value, "worker": entry.worker, "key": entry.key, **data}


# R1: killed at any instant.


def say(log: Path, *words: object) -> None:
    """A line that outlives the process."""
    with log.open("a") as file:
        file.write(json.dumps(words) + "\n")


def work(where: str, log: Path, seed: int) -> None:
    """Ask, tell, fail and amend for ever; each call is announced, and what it answered is written down."""
    chance, study = random.Random(seed), learner(where)
    say(log, "ready")
    for number in range(10**6):
        key = f"{seed}-{number}"
        say(log, "asking", key)
        trials = study.ask(3, key=key)
        say(log, "asked", key, [[t.id, t.params["x"]] for t in trials])
        for trial in trials:
            value = chance.random()
            say(log, "telling", trial.id, value)
            if chance.random() < 0.2:
                study.fail(trial.id, reason="clogged")
                say(log, "failed", trial.id)
                if chance.random() < 0.5:
                    study.amend(trial.id, value, reason="found")
                    say(log, "told", trial.id, value)
            else:
                study.tell(trial.id, value)
                say(log, "told", trial.id, value)


# R2: stopped at one of the points at which something is given to the database or to the disk.

DISK = ("os.link", "os.remove", "os.rename", "sqlite3.connect")


def stop_at(point: int, seen: Callable[[int], None]) -> None:
    """From now on, end the process at the point of this number."""
    passed = 0

    def here(*_: object, **__: object) -> None:
        nonlocal passed
        passed += 1
        seen(passed)
        if passed == point:
            os._exit(STOPPED)

    for event in ("before_cursor_execute", "after_cursor_execute", "begin", "commit", "rollback"):
        sa.event.listen(sa.Engine, event, here)
    # A connection goes back after its transaction was committed.
    sa.event.listen(sa.pool.Pool, "checkin", here)
    sys.addaudithook(lambda event, _: here() if event in DISK else None)


def prepare(where: str, name: str) -> Study:
    """A study in which every operation has something to do."""
    study = learner(where, name)
    study.ask(3, key="first", lease=3600)
    study.tell(0, 1.0)
    study.release(2)
    return study


def migrated(folder: str) -> None:
    """From now on, the versions of the tables are those of a folder."""
    from gdopt.storage import migrations

    migrations.HERE = Path(folder)
    migrations.HEAD = max(path.name[:4] for path in (Path(folder) / "versions").glob("*.py"))


OPERATIONS: dict[str, Callable[[Study], object]] = {
    "ask": lambda study: study.ask(3, key="second", worker="a"),
    "ask with leases": lambda study: study.ask(3, key="second", lease=3600),
    "lease": lambda study: study.ask(1, key="second", lease=3600),
    "release": lambda study: study.release(1),
    "tell": lambda study: study.tell({1: 2.0, 2: 3.0}),
    "tell and fail": lambda study: study.tell({1: 1.0}, failed=[2]),
    "fail": lambda study: study.fail(1, reason="clogged"),
    "amend": lambda study: study.amend(0, 3.0, reason="misread"),
    "add": lambda study: study.add({"x": 0.5}, 4.0, key="mine"),
    "begin": lambda study: study.ask(3, key="second", worker="a"),
}
# Repeated, these say again what was said.
SAID_TWICE = ("amend", "release")


def operate(where: str, name: str, operation: str, point: int, count: str | None = None) -> None:
    """Do one thing, and stop at a point; how many there were goes into a file."""
    study = learner(where, name)
    stop_at(point, lambda passed: None if count is None else Path(count).write_text(str(passed)))
    OPERATIONS[operation](study)
    os._exit(0)


def migrate(where: str, folder: str, point: int, count: str | None = None) -> None:
    """Open a study of older tables, and stop at a point."""
    migrated(folder)
    stop_at(point, lambda passed: None if count is None else Path(count).write_text(str(passed)))
    SqlStore(where).entries()
    os._exit(0)


# R3 to R5: many at once.


def tell_one(where: str, id: int, value: float, ready: Any, go: Any, said: Any) -> None:
    """Tell one trial when all others do, and say what came of it."""
    study = learner(where)
    ready.release()
    go.wait()
    try:
        said.put((value, "new" if study.tell(id, value) else "again"))
    except TrialError:
        said.put((value, "refused"))
    except GdoptError as error:
        said.put((value, repr(error)))


def ask_and_tell(where: str, worker: int, rounds: int, said: Any) -> None:
    """Ask for one trial after the other and tell it, and say which they were, and how long it took at most."""
    try:
        study = learner(where)
        ids, longest = [], 0.0
        for _ in range(rounds):
            began = time.perf_counter()
            (trial,) = study.ask(1, worker=str(worker))
            study.tell(trial.id, trial.params["x"])
            longest = max(longest, time.perf_counter() - began)
            ids.append(trial.id)
        said.put((ids, longest))
    except GdoptError as error:
        said.put((repr(error), 0.0))


def ask_with_key(where: str, key: str, log: Path, die: bool) -> None:
    """Ask with a key, say what came, and die."""
    trials = learner(where).ask(4, key=key)
    say(log, [[t.id, t.params["x"]] for t in trials])
    if die:
        os.kill(os.getpid(), 9)


# R7: resumed after every round.


def rounds(study: Study, count: int, n: int) -> None:
    """Ask and tell; the values depend on the designs."""
    for _ in range(count):
        study.tell({t.id: sum((v - 0.3) ** 2 for v in t.params.values()) for t in study.ask(n)})


def play(where: str, dim: int, prior: str | None, count: int, n: int) -> None:
    """Some rounds of guided diffusion, in this process."""
    torch.set_num_threads(1)
    rounds(guided(where, dim, prior), count, n)


def guided(where: str, dim: int, prior: str | None) -> Study:
    """A study of small pools, with a prior from a file whose network is learned on, if there is one."""
    settings: dict[str, Any] = {"candidates": 64, "n_initial": 4}
    space = gdopt.Space.from_bounds([(-1, 1)] * dim)
    if prior is not None:
        settings |= {"prior": gdopt.DiffusionPrior.load(prior), "finetune": 3}
        space = settings["prior"].space
    return Study(space, direction="minimize", algorithm=gdopt.GuidedDiffusion(**settings), storage=where, seed=1)


# R19: studies in other processes.


def tell_pickled(study: Study, id: int) -> None:
    """Tell a trial of a study that came from another process."""
    study.tell(id, float(id))


# R10: without permission.


def as_nobody(where: str, what: str) -> None:
    """Begin a study, be refused to write, or go on, as a user who may not do everything."""
    if os.geteuid() == 0:
        os.setuid(NOBODY)
    if what == "begin":
        learner(where).ask(4)
    elif what == "go on":
        learner(where).tell(0, 1.0)
    else:
        try:
            learner(where).tell(0, 1.0)
        except StoreError:
            os._exit(0)
        os._exit(1)


# R13: for long.


def remember(where: str, count: int, said: Any) -> None:
    """Rounds of 16 at d = 100, and how many megabytes they took after the first tenth of them."""
    space = gdopt.Space.from_bounds([(-1, 1)] * 100)
    study = Study(space, direction="minimize", algorithm=gdopt.RandomSearch(), storage=where)
    rounds(study, count // 10, 16)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rounds(study, count - count // 10, 16)
    # Linux counts in kilobytes.
    said.put((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)


# R12: large.

WIDE = gdopt.Space.from_bounds([(-1, 1)] * 50)
# Trials that are written in one transaction.
BATCH = 1000


def enlarge(where: str, trials: int, told: int, said: Any) -> None:
    """How long tells take at the beginning and with many trials, and how long opening and a table take then."""
    study = Study(WIDE, direction="minimize", algorithm=gdopt.RandomSearch(), storage=where)
    first = tells(study, told)
    fill(study, trials - told)
    opened = seconds(lambda: Study.load(where))
    study = Study.load(where)
    last = tells(study, told)
    table = seconds(study.to_frame)
    assert len(study.state.done) == trials
    said.put((first, last, opened, table))


def seconds(call: Callable[[], object]) -> float:
    """How long a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def tells(study: Study, count: int) -> list[float]:
    """How long each of some tells took, the shortest first."""
    return sorted(seconds(lambda id=t.id: study.tell(id, 1.0)) for t in study.ask(count))


def fill(study: Study, trials: int) -> None:
    """Tell of many trials, as asking and telling would, but in large transactions."""
    chance, header = random.Random(0), study.store.header()
    assert header is not None
    for start in range(len(study.trials), trials, BATCH):
        count = min(BATCH, trials - start)
        with study.store.transaction(header) as writer:
            new = [[{n: chance.uniform(-1, 1) for n in WIDE.names}, "random", None] for _ in range(count)]
            writer.append(
                Event(EventType.ASKED, {"first": start, "trials": new, "note": {"seconds": 0.1}}, time.time())
            )
            for id in range(start, start + count):
                writer.append(Event(EventType.TOLD, {str(id): {"value": chance.gauss(0, 1)}}, time.time()))
