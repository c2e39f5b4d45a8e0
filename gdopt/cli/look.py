"""The verbs that change nothing: status, best, pending, history, export, plot, report, backup, check."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gdopt.arguments import counted
from gdopt.cli.answer import Answer, listed
from gdopt.cli.output import check_replaceable, event, facts, percent, put
from gdopt.cli.which import Where, opened, place, split
from gdopt.errors import SettingsError, StoreError, TrialError

if TYPE_CHECKING:
    from gdopt.study.rounds import RoundSummary
    from gdopt.study.study import Study
    from gdopt.trials.objectives import Objective

__all__ = ["VERBS"]


def status(study: Where = None) -> Answer:
    """Where the campaign stands: trials, rounds, the best so far."""
    from gdopt.trials.trial import Status

    found = opened(study)
    counts = {one.value: sum(t.status is one for t in found.trials) for one in Status}
    rounds = [
        {"round": r.number, "asked": r.asked, "told": r.told, **_reached(found, r), "seconds": r.seconds}
        for r in found.rounds
    ]
    best, front = _best(found), _front(found)
    goal = str(found.config)
    data = {
        "study": str(found.store),
        "direction": found.direction,
        "objective": found.objective,
        "limits": [str(one) for one in found.outcome_constraints],
        "outcomes": list(found.outcomes),
        "batch": found.batch,
        "trials": counts,
        "rounds": rounds,
        "best": best,
    }
    if found.config.several:
        volume = found.hypervolume if front else None
        data |= {"objectives": [_objective(one) for one in found.objectives], "front": front, "hypervolume": volume}
    text = [
        f"{found.store}: {goal}",
        f"trials: {', '.join(f'{count} {name}' for name, count in counts.items() if count) or 'none yet'}",
        _said_of_best(found, data),
    ]
    if rounds:
        # Tenths of seconds are enough for people.
        shown = [one | {"seconds": f"{one['seconds']:.1f}"} for one in rounds]
        # The last knows most: of the first there may be nothing to say.
        columns = sorted(rounds[-1], key="seconds".__eq__)
        text.append(listed(columns, [[one.get(name) for name in columns] for one in shown]))
    return Answer(data, "\n".join(text))


def best(study: Where = None) -> Answer:
    """The best trial, of those that satisfy the limits; of several objectives, all trials that none dominates."""
    found = opened(study)
    if found.config.several:
        front = found.pareto
        names = [one.name for one in found.objectives]
        cells = [
            [t.id, t.value, *(t.outcomes[name][0] for name in names[1:]), *found.space.row(t.params)] for t in front
        ]
        return Answer([facts(t) for t in front], listed(["trial", *names, *found.space.names], cells))
    trial = found.best
    rows = [*trial.params.items(), (found.objective, trial.value), *((k, v) for k, (v, _) in trial.outcomes.items())]
    rows += [("outside", one) for one in found.space.broken(trial.params)] if trial.outside else []
    return Answer(facts(trial), listed(["trial", str(trial.id)], rows))


def pending(
    worker: Annotated[str | None, typer.Option(help="Only those of this one.")] = None, study: Where = None
) -> Answer:
    """The trials that wait for their result."""
    found = opened(study)
    trials = [t for t in found.pending if worker in (None, t.worker)]
    likely = ["feasible"] if any(t.feasible is not None for t in trials) else []
    rows = [[t.id, t.worker, *([percent(t)] if likely else []), *found.space.row(t.params)] for t in trials]
    text = listed(["id", "worker", *likely, *found.space.names], rows) if rows else "nothing is pending"
    return Answer([facts(t) for t in trials], text)


def history(id: Annotated[int, typer.Argument(help="Of a trial.")], study: Where = None) -> Answer:
    """All that happened to a trial, first to last."""
    events = [event(one) for one in opened(study).history(id)]
    rows = [[one["at"], one["kind"], one["worker"], _about(one["data"], id)] for one in events]
    return Answer(events, listed(["at", "what", "worker", "data"], rows))


def export(
    path: Annotated[Path | None, typer.Argument(help="A .csv or .json file; printed if left out.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file, though it is no earlier export.")] = False,
    study: Where = None,
) -> Answer:
    """All trials as a table, a row each."""
    from gdopt import spreadsheet

    columns, *cells = spreadsheet.cells(opened(study).to_frame())
    rows = [dict(zip(columns, row, strict=True)) for row in cells]
    text = spreadsheet.written([columns, *cells])
    if path is None:
        return Answer(rows, text.replace("\r\n", "\n").rstrip("\n"))
    if path.suffix not in (".csv", ".json"):
        raise SettingsError(f"export {path}: expected a name that ends in .csv or .json")
    check_replaceable(path)
    if path.exists() and not force and not _exported(path, columns):
        raise StoreError(f"{path} is there already, and no export of this study: choose another file, or give --force")
    put(path, text if path.suffix == ".csv" else json.dumps(rows, indent=1, allow_nan=False) + "\n")
    return Answer({"file": str(path), "rows": len(rows)}, f"{path}: {counted(len(rows), 'row')}")


def plot(
    path: Annotated[Path, typer.Argument(help="A .png, .svg or .pdf file.")] = Path("progress.png"),
    study: Where = None,
) -> Answer:
    """All values by the order of trials, and the best so far, as a figure; of several objectives, their front."""
    check_replaceable(path)
    found = opened(study)
    if not found.state.done:
        raise TrialError("no trial has a value yet: there is nothing to plot")
    try:
        found.plot(path)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"plot {path}: {error}") from error
    return Answer({"file": str(path)}, f"{path} is written")


def report(
    path: Annotated[Path, typer.Argument(help="An .html file.")] = Path("report.html"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file, though it is no report.")] = False,
    study: Where = None,
) -> Answer:
    """All of the campaign on one page: a file that needs nothing else, to be read, sent and printed."""
    from gdopt.lab.report import is_report, page

    if path.suffix.lower() not in (".html", ".htm"):
        raise SettingsError(f"report {path}: expected the name of the page, which ends in .html; the study is --study")
    check_replaceable(path)
    if path.exists() and not force and not is_report(path):
        raise StoreError(f"{path} is there already, and no report of gdopt's: choose another file, or give --force")
    put(path, page(opened(study), Path(place(study)).stem))
    return Answer({"file": str(path)}, f"{path} is written")


def backup(
    path: Annotated[Path, typer.Argument(help="The copy; a file that is not there yet.")], study: Where = None
) -> Answer:
    """Copy the study's file as it is at one moment, while others may ask and tell; the copy is checked."""
    from gdopt.storage.sql_store import SqlStore

    store = SqlStore(*split(place(study)))
    store.backup(path)
    entries = len(SqlStore(path, store.name).entries())
    said = f"{path} is a copy of {store}: {counted(entries, 'entry', 'entries')}"
    return Answer({"file": str(path), "entries": entries}, said)


def check(study: Where = None) -> Answer:
    """Read all that is kept, also priors and what was learned, and compare it with its checksums."""
    from gdopt.storage.sql_store import SqlStore

    where, name = split(place(study))
    SqlStore(where, name).check()
    found = opened(study)
    trials, entries = len(found.trials), found.revision
    what = f"{counted(entries, 'entry', 'entries')}, {counted(trials, 'trial')}"
    data = {"study": str(found.store), "trials": trials, "entries": entries}
    return Answer(data, f"{found.store} is as it was written: {what}")


VERBS: tuple[Callable[..., Answer], ...] = (status, best, pending, history, export, plot, report, backup, check)


def _exported(path: Path, columns: Sequence[str]) -> bool:
    """Whether a file has the columns of an export, and no others."""
    from gdopt.spreadsheet import parsed

    try:
        if path.suffix == ".csv":
            found = parsed(path.read_bytes(), str(path), columns).columns
            return list(found) == [one.strip() for one in columns]
        rows = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(rows, list) and all(isinstance(row, dict) and [*row] == [*columns] for row in rows)


def _best(study: "Study") -> dict[str, Any] | None:
    try:
        return facts(study.best)
    except TrialError:
        return None


def _front(study: "Study") -> list[dict[str, Any]]:
    """The trials of several objectives that none dominates."""
    try:
        return [facts(t) for t in study.pareto] if study.config.several else []
    except TrialError:
        return []


def _objective(objective: "Objective") -> dict[str, Any]:
    """An objective in the answer's JSON, whose keys are the service's."""
    return {"name": objective.name, "direction": objective.direction, "reference": objective.reference_point}


def _reached(study: "Study", round: "RoundSummary") -> dict[str, Any]:
    """What a round is judged by, and how likely its trials seemed to satisfy the limits if there are any."""
    reached = {"hypervolume": round.hypervolume} if study.config.several else {"best": round.best}
    return reached if round.feasible is None else {**reached, "feasible": round.feasible}


def _said_of_best(study: "Study", data: dict[str, Any]) -> str:
    if "front" in data:
        front = data["front"]
        if not front:
            return f"front: {_none(study)}"
        return f"front: {counted(len(front), 'trial')}, hypervolume {data['hypervolume']:.6g}"
    best = data["best"]
    return f"best: {_none(study)}" if best is None else f"best: {best['value']:.6g} in trial {best['id']}"


def _none(study: "Study") -> str:
    """Why there is no best trial."""
    from gdopt.trials.ranking import is_feasible

    done = study.state.done
    if not done or any(is_feasible(study.outcome_constraints, t) for t in done):
        return "none yet"
    return f"none is known to satisfy {', '.join(map(str, study.outcome_constraints))}"


def _about(data: dict[str, Any], id: int) -> str:
    """What an entry says of one trial, short."""
    if "trials" in data:
        return json.dumps(data["trials"][id - data["first"]][0]) if id >= data["first"] else "again"
    said = data.get(str(id), data)
    return json.dumps({k: v for k, v in said.items() if k not in ("id", "ids")})
