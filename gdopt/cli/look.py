"""The verbs that read a study: status, best, pending, history, export, plot, report, backup, check."""

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
    """Show the state of the campaign: trials, rounds, the best trial so far."""
    from gdopt.lab.summary import best_or_none, front
    from gdopt.trials.trial import Status

    found = opened(study)
    counts = {one.value: sum(t.status is one for t in found.trials) for one in Status}
    rounds = [
        {"round": r.number, "asked": r.asked, "told": r.told, **_reached(found, r), "seconds": r.seconds}
        for r in found.rounds
    ]
    best, pareto = best_or_none(found), [facts(trial) for trial in front(found)]
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
        "best": None if best is None else facts(best),
    }
    if found.config.several:
        volume = found.hypervolume if pareto else None
        data |= {"objectives": [_objective(one) for one in found.objectives], "front": pareto, "hypervolume": volume}
    text = [
        f"{found.store}: {goal}",
        f"trials: {', '.join(f'{count} {name}' for name, count in counts.items() if count) or 'none yet'}",
        _best_line(found, data),
    ]
    if rounds:
        # Tenths of seconds are enough for people.
        shown = [one | {"seconds": f"{one['seconds']:.1f}"} for one in rounds]
        # The last round has the most columns; the first may lack some.
        columns = sorted(rounds[-1], key="seconds".__eq__)
        text.append(listed(columns, [[one.get(name) for name in columns] for one in shown]))
    return Answer(data, "\n".join(text))


def best(study: Where = None) -> Answer:
    """Show the best feasible trial; with several objectives, the Pareto-optimal trials."""
    from gdopt.lab.summary import front_rows

    found = opened(study)
    if found.config.several:
        titles = ["trial", *(objective.name for objective in found.objectives), *found.space.names]
        return Answer([facts(trial) for trial in found.pareto], listed(titles, front_rows(found)))
    trial = found.best
    rows = [*trial.params.items(), (found.objective, trial.value), *((k, v) for k, (v, _) in trial.outcomes.items())]
    rows += [("outside", one) for one in found.space.broken(trial.params)] if trial.outside else []
    return Answer(facts(trial), listed(["trial", str(trial.id)], rows))


def pending(
    worker: Annotated[str | None, typer.Option(help="Only the trials of this worker.")] = None, study: Where = None
) -> Answer:
    """List the trials without a result."""
    found = opened(study)
    trials = [t for t in found.pending if worker in (None, t.worker)]
    likely = ["feasible"] if any(t.feasible is not None for t in trials) else []
    rows = [[t.id, t.worker, *([percent(t)] if likely else []), *found.space.row(t.params)] for t in trials]
    text = listed(["id", "worker", *likely, *found.space.names], rows) if rows else "nothing is pending"
    return Answer([facts(t) for t in trials], text)


def history(id: Annotated[int, typer.Argument(help="Id of the trial.")], study: Where = None) -> Answer:
    """List all events of a trial, in order."""
    events = [event(one) for one in opened(study).history(id)]
    rows = [[one["at"], one["kind"], one["worker"], _about(one["data"], id)] for one in events]
    return Answer(events, listed(["at", "what", "worker", "data"], rows))


def export(
    path: Annotated[Path | None, typer.Argument(help="A .csv or .json file; by default the table is printed.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite the file, even if it is no earlier export.")
    ] = False,
    study: Where = None,
) -> Answer:
    """Write all trials as a table with one row for each."""
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
    """Draw the values in the order of the trials, with the best so far; with several objectives, the Pareto front."""
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
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file, even if it is no report.")] = False,
    study: Where = None,
) -> Answer:
    """Write a report of the campaign: one HTML page that needs no other file."""
    from gdopt.lab.report import is_report, page

    if path.suffix.lower() not in (".html", ".htm"):
        raise SettingsError(f"report {path}: expected the name of the page, which ends in .html; the study is --study")
    check_replaceable(path)
    if path.exists() and not force and not is_report(path):
        raise StoreError(f"{path} is there already, and no report of gdopt's: choose another file, or give --force")
    put(path, page(opened(study), Path(place(study)).stem))
    return Answer({"file": str(path)}, f"{path} is written")


def backup(
    path: Annotated[Path, typer.Argument(help="The file of the copy, which must not exist yet.")], study: Where = None
) -> Answer:
    """Copy the study's file while others may ask and tell. The copy is a consistent snapshot, and is checked."""
    from gdopt.storage.sql_store import SqlStore

    store = SqlStore(*split(place(study)))
    store.backup(path)
    entries = len(SqlStore(path, store.name).entries())
    said = f"{path} is a copy of {store}: {counted(entries, 'entry', 'entries')}"
    return Answer({"file": str(path), "entries": entries}, said)


def check(study: Where = None) -> Answer:
    """Read the whole study, with priors and trained models, and compare it with its checksums."""
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


def _objective(objective: "Objective") -> dict[str, Any]:
    """An objective in the answer's JSON, whose keys are the service's."""
    return {"name": objective.name, "direction": objective.direction, "reference": objective.reference_point}


def _reached(study: "Study", round: "RoundSummary") -> dict[str, Any]:
    """The best value or the hypervolume after a round; with constraints, the predicted probability of feasibility."""
    reached = {"hypervolume": round.hypervolume} if study.config.several else {"best": round.best}
    return reached if round.feasible is None else {**reached, "feasible": round.feasible}


def _best_line(study: "Study", data: dict[str, Any]) -> str:
    """A line with the best value, or with the size and the hypervolume of the front."""
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
    """The data of an event that concern one trial, as JSON."""
    if "trials" in data:
        return json.dumps(data["trials"][id - data["first"]][0]) if id >= data["first"] else "again"
    said = data.get(str(id), data)
    return json.dumps({k: v for k, v in said.items() if k not in ("id", "ids")})
