"""The verbs that change a study: ask, tell, fail, abandon, amend, add, release."""

import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gdopt.arguments import counted
from gdopt.cli.answer import Answer, listed
from gdopt.cli.output import check_replaceable, facts, percent, put
from gdopt.cli.waiting import waiting
from gdopt.cli.which import DesignFilterName, OldDesignFilterName, Where, opened, refuse_old_name
from gdopt.errors import ResultError, SettingsError, StoreError

if TYPE_CHECKING:
    from gdopt.study.study import Study
    from gdopt.trials.trial import Trial

__all__ = ["VERBS"]

Ids = Annotated[list[int], typer.Argument(help="Ids of trials.")]
Reason = Annotated[str, typer.Option(help="Why, in words.")]
Worker = Annotated[str | None, typer.Option(help="Who reports this; recorded in the history.")]
Sem = Annotated[float | None, typer.Option(help="Standard error of the value.")]
Outcomes = Annotated[
    list[str] | None, typer.Option("--outcome", metavar="NAME=VALUE", help="Another outcome; may be repeated.")
]
Tried = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        metavar="NAME=VALUE",
        help="A parameter that was tried with another value than proposed; may be repeated.",
    ),
]


def ask(
    n: Annotated[int | None, typer.Option("-n", help="Number of trials; by default the campaign's batch.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the trials to a CSV file, to be filled in.")] = None,
    key: Annotated[
        str | None,
        typer.Option(
            help="Asking again with the same key returns the same trials; by default the place of the CSV file."
        ),
    ] = None,
    fix: Annotated[
        list[str] | None,
        typer.Option("--fix", metavar="NAME=VALUE", help="Fix a parameter in all trials; may be repeated."),
    ] = None,
    worker: Annotated[str | None, typer.Option(help="Who will evaluate the trials.")] = None,
    lease: Annotated[
        float | None,
        typer.Option(help="Hours after which another worker may get the trials, if it asks with --lease too."),
    ] = None,
    repeat: Annotated[
        bool, typer.Option("--repeat", help="If every design was tried, ask for the best designs again.")
    ] = False,
    comma: Annotated[
        bool,
        typer.Option("--comma", help="Write decimal commas and semicolons between cells, for European spreadsheets."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    design_filter: DesignFilterName = None,
    allowed: OldDesignFilterName = None,
    study: Where = None,
) -> Answer:
    """Ask for trials to evaluate, as a list or as a CSV file. After a crash, the same command writes the same file."""
    from gdopt.lab.plate import headings_of, plate_text
    from gdopt.study.worker import HOUR

    refuse_old_name(allowed)
    found = opened(study, design_filter)
    if csv is not None:
        headings_of(found)
        key = _key(found, csv) if key is None else key
    fixed = _values(found, "--fix", fix)
    before = [] if key is None else found.asked(key)
    if csv is not None:
        _check_file(csv, key, before, force)
    rounds = found.rounds
    count = found.batch if n is None else n
    with waiting(f"asking for {counted(count, 'trial')}", rounds[-1].seconds if rounds else None):
        until = None if lease is None else lease * HOUR
        trials = found.ask(n, fixed=fixed, key=key, worker=worker, lease=until, repeat=repeat)
    said = {"trials": [facts(t) for t in trials], "key": key}
    if csv is None:
        return Answer(said, _trials(found, trials))
    new = _write(csv, plate_text(found, trials, comma=comma), force)
    what = f"{counted(len(trials), 'trial')}, {_span([t.id for t in trials])}{', asked for before' if before else ''}"
    what += "" if new else "; the file is as it was"
    return Answer({**said, "file": str(csv)}, f"{csv}: {what}; filled in: gdopt tell {csv}")


def tell(
    what: Annotated[str, typer.Argument(metavar="PLATE|ID", help="A filled-in CSV file, or the id of a trial.")],
    value: Annotated[
        float | None, typer.Argument(help="Value of the objective, for one trial.", show_default=False)
    ] = None,
    sem: Sem = None,
    outcome: Outcomes = None,
    param: Tried = None,
    worker: Worker = None,
    study: Where = None,
) -> Answer:
    """Tell results: of a whole plate, or of one trial. An error records nothing; repeated results change nothing."""
    one = what.isdecimal()
    if not one and (value is not None or sem is not None or outcome or param):
        raise SettingsError(f"tell {what}: a value, --sem, --outcome and --param are of one trial; expected its id")
    found = opened(study)
    if not one:
        return _tell_plate(found, Path(what), worker)
    told = _told(found, value, sem, outcome)
    if not told:
        raise ResultError(f"tell {what}: nothing is told; expected a value of {found.objective} or --outcome")
    new = found.tell(int(what), told, params=_params(found, int(what), param), worker=worker)
    trial = found.trials[int(what)]
    return Answer(
        {"new": int(new), "trials": [facts(trial)]}, f"{_trial(found, trial)}{'' if new else ': known already'}"
    )


def fail(ids: Ids, reason: Reason = "", worker: Worker = None, study: Where = None) -> Answer:
    """Record that trials were tried and gave no value. These designs are not proposed again."""
    found = opened(study)
    found.fail(*ids, reason=reason, worker=worker)
    return _changed(found, ids)


def abandon(ids: Ids, reason: Reason = "", worker: Worker = None, study: Where = None) -> Answer:
    """Record that trials will not be evaluated."""
    found = opened(study)
    found.abandon(*ids, reason=reason, worker=worker)
    return _changed(found, ids)


def release(ids: Ids, study: Where = None) -> Answer:
    """Give pending trials back. The next worker that asks with --lease gets them."""
    found = opened(study)
    found.release(*ids)
    return _changed(found, ids)


def amend(
    id: Annotated[int, typer.Argument(help="Id of a trial that is done, failed or abandoned.")],
    value: Annotated[str, typer.Argument(help="The right value, or the word failed.")],
    reason: Annotated[str, typer.Option(help="Why, in words.")],
    sem: Sem = None,
    outcome: Outcomes = None,
    param: Tried = None,
    worker: Worker = None,
    study: Where = None,
) -> Answer:
    """Correct a result. The history keeps the earlier result."""
    found = opened(study)
    told = None
    if value != "failed":
        told = _told(found, _number("value", value), sem, outcome)
    elif sem is not None or outcome or param:
        raise SettingsError("amend: a trial that failed has no --sem, --outcome or --param")
    found.amend(id, told, reason=reason, params=_params(found, id, param), worker=worker)
    return _changed(found, [id])


def add(
    csv: Annotated[
        Path, typer.Argument(help="A CSV file with a column for each parameter and for the objective, or an export.")
    ],
    outside: Annotated[
        bool, typer.Option("--outside", help="Accept results far outside the bounds, for example of a wider campaign.")
    ] = False,
    study: Where = None,
) -> Answer:
    """Add results from before the study, such as an export of another one.

    A file that is added again adds only its new rows.
    """
    from gdopt.lab.past_results import past_results

    found = opened(study)
    before = past_results(found, _content(csv), str(csv), outside=outside)
    new = found.add_all(before.rows, outside=outside)
    there = len(before.rows) - len(new) + len(before.own)
    parts = [f"{counted(len(new), 'result')} added", *([f"{there} were there already"] if there else [])]
    parts += [f"{count} {status} left out" for status, count in before.left_out.items()]
    data = {"added": [t.id for t in new], "known": there, "left_out": before.left_out}
    return Answer(data, f"{csv}: {', '.join(parts)}")


VERBS: tuple[Callable[..., Answer], ...] = (ask, tell, add, fail, abandon, amend, release)


# --- steps of the verbs ---


def _tell_plate(study: "Study", path: Path, worker: str | None) -> Answer:
    from gdopt.lab.plate import read_plate

    said = read_plate(study, _content(path), str(path))
    said.tell(study, worker)
    ids = {
        "told": sorted(said.results),
        "failed": sorted(said.failed),
        "abandoned": sorted(said.abandoned),
        "pending": sorted(said.pending),
    }
    parts = [f"{len(some)} {name}" for name, some in ids.items() if some]
    news = f"{said.new} new" if said.new else "nothing of it is new"
    return Answer({"new": said.new, **ids}, f"{path}: {', '.join(parts) or 'no rows'}; {news}")


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error


def _key(study: "Study", path: Path) -> str:
    """The key of a plate: its place, so that a file of the same name in another folder is another plate.

    The place is relative to the folder of the study's file, so that both may be moved together. For a file outside of
    this folder, and for a study in a database, it is the place on this machine.
    """
    from gdopt.storage.sql_store import SqlStore

    file = path.resolve()
    file = file.with_suffix("") if file.suffix.lower() == ".csv" else file
    store = study.store
    folder = store.path.resolve().parent if isinstance(store, SqlStore) and store.path else None
    if folder is not None and file.is_relative_to(folder):
        key = file.relative_to(folder).as_posix()
    else:
        key = f"{platform.node()}:{file.as_posix()}"
    # Earlier versions used the name of the file as the key.
    return path.stem if not study.asked(key) and _is_of(path, study.asked(path.stem)) else key


def _is_of(path: Path, trials: Sequence["Trial"]) -> bool:
    """Whether a file is the plate of these trials."""
    from gdopt.spreadsheet import parsed

    if not trials or not path.exists():
        return False
    try:
        return parsed(_content(path), str(path), ["id"], others=True).column("id") == [str(t.id) for t in trials]
    except ValueError:
        return False


def _check_file(path: Path, key: str | None, before: Sequence["Trial"], force: bool) -> None:
    """Raise `StoreError` if a file cannot be written for a batch; called before the study is asked."""
    check_replaceable(path)
    if not path.parent.is_dir():
        raise StoreError(f"cannot write {path}: there is no folder {path.parent}")
    if path.exists() and not force and not before:
        raise StoreError(f"{path} is there already, and not of {key!r}: choose another file, or give --force")
    if before and not path.exists() and not any(t.status == "pending" for t in before):
        raise StoreError(
            f"all of {key!r}, {_span([t.id for t in before])}, is told: a new batch has another name or --key"
        )


def _write(path: Path, text: str, force: bool) -> bool:
    """Write a plate if the file does not exist yet. Returns whether it was written."""
    if path.exists() and not force:
        if _content(path).decode("utf-8-sig", errors="replace") == text:
            return False
        raise StoreError(f"{path} is there and says something else, as it does when filled in: --force overwrites it")
    put(path, text)
    return True


def _told(study: "Study", value: float | None, sem: float | None, outcome: Sequence[str] | None) -> dict[str, Any]:
    """The measured outcomes by name."""
    if sem is not None and value is None:
        raise ResultError("--sem is of a value; there is none")
    objective = {} if value is None else {study.objective: value if sem is None else (value, sem)}
    return objective | {name: _number(name, text) for name, text in _pairs("--outcome", outcome).items()}


def _params(study: "Study", id: int, given: Sequence[str] | None) -> Mapping[str, Any] | None:
    """The parameters of a trial with the given changes, None without changes.

    Parameters that the changes make inactive are left out.
    """
    if not given:
        return None
    trial = study.trials[id] if 0 <= id < len(study.trials) else None
    said = _values(study, "--param", given)
    params = {**({} if trial is None else trial.params), **said}
    active = study.space.active(params)
    return {name: value for name, value in params.items() if name in active or name in said}


def _values(study: "Study", option: str, given: Sequence[str] | None) -> dict[str, Any]:
    """Parameters given as NAME=VALUE, numbers as numbers."""
    from gdopt.space.parameters import Integer, Real

    numbers = {p.name for p in study.space.parameters if isinstance(p, Real | Integer)}
    return {name: _number(name, text) if name in numbers else text for name, text in _pairs(option, given).items()}


def _pairs(option: str, given: Sequence[str] | None) -> dict[str, str]:
    found = {}
    for one in given or ():
        name, equal, text = one.rpartition("=")
        if not equal:
            raise SettingsError(f"{option} {one!r}: expected NAME=VALUE")
        found[name] = text
    return found


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ResultError(f"{name} = {text!r}: expected a number") from error


def _changed(study: "Study", ids: Sequence[int]) -> Answer:
    trials = [study.trials[id] for id in ids]
    return Answer({"trials": [facts(t) for t in trials]}, "\n".join(_trial(study, t) for t in trials))


def _trial(study: "Study", trial: "Trial") -> str:
    """A trial in a line."""
    value = "" if trial.value is None else f", {study.objective} {trial.value:.6g}"
    return f"trial {trial.id} is {trial.status.value}{value}{f': {trial.reason}' if trial.reason else ''}"


def _trials(study: "Study", trials: Sequence["Trial"]) -> str:
    believed = any(t.feasible is not None for t in trials)
    columns = ["id", *(["feasible"] if believed else []), *study.space.names]
    rows = [[t.id, *([percent(t)] if believed else []), *study.space.row(t.params)] for t in trials]
    return listed(columns, rows)


def _span(ids: Sequence[int]) -> str:
    """Ids in words: "0 to 7", or a list where some are missing."""
    if list(ids) == list(range(ids[0], ids[0] + len(ids))):
        return f"id {ids[0]}" if len(ids) == 1 else f"ids {ids[0]} to {ids[-1]}"
    return f"ids {', '.join(map(str, ids))}"
