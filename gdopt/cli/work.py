"""The verbs that change a study: ask, tell, fail, abandon, amend, add, release."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gdopt.cli.answer import Answer, listed
from gdopt.cli.output import facts, percent, put
from gdopt.cli.waiting import waiting
from gdopt.cli.which import HOUR, Allowed, Where, opened
from gdopt.errors import ResultError, SettingsError, StoreError

if TYPE_CHECKING:
    from gdopt.algorithm import Trial
    from gdopt.study import Study

__all__ = ["VERBS"]

Ids = Annotated[list[int], typer.Argument(help="Ids of trials.")]
Reason = Annotated[str, typer.Option(help="Why, in words.")]
Sem = Annotated[float | None, typer.Option(help="Standard error of the value.")]
Outcomes = Annotated[
    list[str] | None, typer.Option("--outcome", metavar="NAME=VALUE", help="Of another outcome; may be repeated.")
]
Tried = Annotated[
    list[str] | None,
    typer.Option("--param", metavar="NAME=VALUE", help="What was tried, if not what was proposed; may be repeated."),
]


def ask(
    n: Annotated[int | None, typer.Option("-n", help="Trials; the campaign's batch by default.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write them into a file to be filled in.")] = None,
    key: Annotated[
        str | None, typer.Option(help="Asked again with it, the same trials come back; the CSV's name by default.")
    ] = None,
    fix: Annotated[
        list[str] | None,
        typer.Option("--fix", metavar="NAME=VALUE", help="A parameter that all of them are to have; may be repeated."),
    ] = None,
    worker: Annotated[str | None, typer.Option(help="Who will try them.")] = None,
    lease: Annotated[
        float | None, typer.Option(help="Hours after which they may be given to another worker, who asks with one too.")
    ] = None,
    repeat: Annotated[
        bool, typer.Option("--repeat", help="Once every design was tried, ask for the best of them again.")
    ] = False,
    comma: Annotated[
        bool, typer.Option("--comma", help="Decimal commas, and semicolons between cells: for many in Europe.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file, whatever is in it.")] = False,
    allowed: Allowed = None,
    study: Where = None,
) -> Answer:
    """Ask for trials to measure, as a list or as a CSV file. Repeated after a crash, it gives the same file."""
    from gdopt import plate

    found = opened(study, allowed)
    if csv is not None:
        plate.columns(found)
        key = csv.stem if key is None else key
    fixed = _values(found, "--fix", fix)
    before = [] if key is None else found.asked(key)
    if csv is not None:
        _check_file(csv, key, before, force)
    rounds = found.rounds
    count = found.batch if n is None else n
    with waiting(f"asking for {count} trials", rounds[-1].seconds if rounds else None):
        until = None if lease is None else lease * HOUR
        trials = found.ask(n, fixed=fixed, key=key, worker=worker, lease=until, repeat=repeat)
    said = {"trials": [facts(t) for t in trials], "key": key}
    if csv is None:
        return Answer(said, _trials(found, trials))
    new = _write(csv, plate.written(found, trials, comma=comma), force)
    what = f"{len(trials)} trials, {_span([t.id for t in trials])}{', asked for before' if before else ''}"
    what += "" if new else "; the file is as it was"
    return Answer({**said, "file": str(csv)}, f"{csv}: {what}; filled in: gdopt tell {csv}")


def tell(
    what: Annotated[str, typer.Argument(metavar="PLATE|ID", help="A filled-in CSV file, or the id of a trial.")],
    value: Annotated[float | None, typer.Argument(help="Of the objective, for one trial.", show_default=False)] = None,
    sem: Sem = None,
    outcome: Outcomes = None,
    param: Tried = None,
    study: Where = None,
) -> Answer:
    """Tell what was measured: a whole plate or nothing of it, or one trial. Told twice is told once."""
    one = what.isdecimal()
    if not one and (value is not None or sem is not None or outcome or param):
        raise SettingsError(f"tell {what}: a value, --sem, --outcome and --param are of one trial; expected its id")
    found = opened(study)
    if not one:
        return _tell_plate(found, Path(what))
    told = _told(found, value, sem, outcome)
    if not told:
        raise ResultError(f"tell {what}: nothing is told; expected a value of {found.objective} or --outcome")
    new = found.tell(int(what), told, params=_params(found, int(what), param))
    trial = found.trials[int(what)]
    return Answer(
        {"new": int(new), "trials": [facts(trial)]}, f"{_trial(found, trial)}{'' if new else ': known already'}"
    )


def fail(ids: Ids, reason: Reason = "", study: Where = None) -> Answer:
    """Say that trials were tried and gave no value; they are not asked for again."""
    found = opened(study)
    found.fail(*ids, reason=reason)
    return _changed(found, ids)


def abandon(ids: Ids, reason: Reason = "", study: Where = None) -> Answer:
    """Say that trials will not be tried."""
    found = opened(study)
    found.abandon(*ids, reason=reason)
    return _changed(found, ids)


def release(ids: Ids, study: Where = None) -> Answer:
    """Give pending trials back: whoever asks with --lease next gets them."""
    found = opened(study)
    found.release(*ids)
    return _changed(found, ids)


def amend(
    id: Annotated[int, typer.Argument(help="Of a trial that was told, failed or abandoned.")],
    value: Annotated[str, typer.Argument(help="The right value, or the word failed.")],
    reason: Annotated[str, typer.Option(help="Why, in words.")],
    sem: Sem = None,
    outcome: Outcomes = None,
    param: Tried = None,
    study: Where = None,
) -> Answer:
    """Correct what was told; the history keeps what was there before."""
    found = opened(study)
    told = None
    if value != "failed":
        told = _told(found, _number("value", value), sem, outcome)
    elif sem is not None or outcome or param:
        raise SettingsError("amend: a trial that failed has no --sem, --outcome or --param")
    found.amend(id, told, reason=reason, params=_params(found, id, param))
    return _changed(found, [id])


def add(
    csv: Annotated[Path, typer.Argument(help="A column for each parameter and for the objective; a row each.")],
    study: Where = None,
) -> Answer:
    """Add results from before the study. Added twice, a file adds nothing; a longer one adds what is new in it."""
    from gdopt import plate

    found = opened(study)
    rows = plate.known(found, _content(csv), str(csv))
    new = found.add_all(rows)
    there = len(rows) - len(new)
    text = f"{csv}: {len(new)} results added{f', {there} were there already' if there else ''}"
    return Answer({"added": [t.id for t in new], "known": there}, text)


VERBS: tuple[Callable[..., Answer], ...] = (ask, tell, add, fail, abandon, amend, release)


# --- steps of these ---


def _tell_plate(study: "Study", path: Path) -> Answer:
    from gdopt import plate

    said = plate.filled(study, _content(path), str(path))
    said.tell(study)
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


def _check_file(path: Path, key: str | None, before: Sequence["Trial"], force: bool) -> None:
    """Raise `StoreError` if a file cannot be that of a batch; nothing was asked for yet."""
    if path.exists() and not force and not before:
        raise StoreError(f"{path} is there already, and not of {key!r}: choose another file, or give --force")
    if before and not path.exists() and not any(t.status == "pending" for t in before):
        raise StoreError(
            f"all of {key!r}, {_span([t.id for t in before])}, is told: a new batch has another name or --key"
        )


def _write(path: Path, text: str, force: bool) -> bool:
    """Write a plate, unless it is there; whether it was written."""
    if path.exists() and not force:
        if _content(path).decode("utf-8-sig", errors="replace") == text:
            return False
        raise StoreError(f"{path} is there and says something else, as it does when filled in: --force overwrites it")
    put(path, text)
    return True


def _told(study: "Study", value: float | None, sem: float | None, outcome: Sequence[str] | None) -> dict[str, Any]:
    """What was measured, by name."""
    if sem is not None and value is None:
        raise ResultError("--sem is of a value; there is none")
    objective = {} if value is None else {study.objective: value if sem is None else (value, sem)}
    return objective | {name: _number(name, text) for name, text in _pairs("--outcome", outcome).items()}


def _params(study: "Study", id: int, given: Sequence[str] | None) -> Mapping[str, Any] | None:
    """The parameters of a trial with those that were given, None if none were.

    What counts no longer beside them is left out.
    """
    if not given:
        return None
    trial = study.trials[id] if 0 <= id < len(study.trials) else None
    said = _values(study, "--param", given)
    params = {**({} if trial is None else trial.params), **said}
    active = study.space.active(params)
    return {name: value for name, value in params.items() if name in active or name in said}


def _values(study: "Study", option: str, given: Sequence[str] | None) -> dict[str, Any]:
    """Parameters that were given as NAME=VALUE, numbers as such."""
    from gdopt.space import Integer, Real

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
