"""A batch as a CSV file: written for a laboratory, read back with what was measured, and data from before.

A row is a trial. Its columns are id, the parameters, what a table of candidates says of them, one for each outcome, and
note; `NAME sem`, status and worker may be added. The cell of a parameter that does not count is empty.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from gdopt.algorithm import Measured, Result, Status, Trial
from gdopt.errors import GdoptError, SettingsError, SpaceError, TableError
from gdopt.headings import RESERVED, Headings, headings
from gdopt.journal import Report, given_up, told
from gdopt.space import Choice, Integer, Parameter, Params, Real, Value, conditions
from gdopt.spreadsheet import Problems, Row, Table, parsed
from gdopt.spreadsheet import written as csv_of
from gdopt.store import identity
from gdopt.study import Study

__all__ = ["Before", "Plate", "columns", "filled", "known", "written"]

ID, STATUS, NOTE, REASON, SEM, WORKER = "id", "status", "note", "reason", "sem", "worker"
# No other file than an export of a study has these.
EXPORTED = ("round", "source")
ENDS = (Status.FAILED.value, Status.ABANDONED.value)
# Digits that a spreadsheet keeps.
DIGITS = 15
# So many equal digits at another place are a lost decimal mark, not a coincidence.
TELLING = 4


@dataclass
class Plate:
    """What a filled-in file says, all of it in the user's direction.

    Args:
        results: by id.
        failed: reasons, by id.
        abandoned: reasons, by id.
        pending: ids of rows without results.
        new: how many of them say what the study does not know yet.
    """

    results: dict[int, Report] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    abandoned: dict[int, str] = field(default_factory=dict)
    pending: list[int] = field(default_factory=list)
    new: int = 0

    def tell(self, study: Study, worker: str | None = None) -> bool:
        """Record it all, in one transaction; whether anything of it was new."""
        return study.tell(self.results, failed=self.failed, abandoned=self.abandoned, worker=worker)


@dataclass(frozen=True)
class _Said:
    """What one row says."""

    report: Report
    end: Status | None

    @property
    def nothing(self) -> bool:
        return self.end is None and self.report.result is None and not self.report.outcomes and not self.report.note


# --- written ---


def columns(study: Study) -> Headings:
    """The headings of the columns of a study's plates.

    Raises:
        SettingsError: a name has blanks around it, which no cell has, or is empty.
    """
    found = headings(study.outcomes, study.space.names, study.space.beside_names)
    given = [*found.outcomes, *found.params, *found.beside]
    if blank := [one for one in given if one != one.strip() or not one]:
        raise SettingsError(f"a plate has a column for each of {given}; {blank} cannot be the name of one")
    return found


def written(study: Study, trials: Sequence[Trial], *, comma: bool = False) -> str:
    """The CSV of trials to be measured, its outcomes' columns empty.

    Args:
        study: of the trials.
        trials: a row each.
        comma: whether to write decimal commas and semicolons between cells, as many European spreadsheets read it.
    """
    named = columns(study)
    empty = [None] * (len(named.outcomes) + 1)
    rows: list[list[object]] = [[ID, *named.params.values(), *named.beside.values(), *named.outcomes.values(), NOTE]]
    for trial in trials:
        proposal = _proposal(trial)
        rows.append([trial.id, *study.space.row(proposal), *study.space.beside(proposal).values(), *empty])
    return csv_of(rows, comma=comma)


def _proposal(trial: Trial) -> Params:
    return trial.params if trial.proposed is None else trial.proposed


# --- read back ---


def filled(study: Study, content: bytes, file: str = "the file") -> Plate:
    """What a plate that was filled in says of the study's trials.

    Columns and rows may come in any order, and rows may be missing. What has no result stays pending. "failed" and
    "abandoned" may stand in the objective's column or in one called status. The objective's standard error may be in a
    column called sem, and one called worker is for people. A parameter that is not a rounding of the
    one that was proposed is what was tried.

    Args:
        study: whose trials they are.
        content: of the file.
        file: its name, for people.

    Raises:
        TableError: cells that are not understood, or contradict each other or what the study knows, all of them.
    """
    named = columns(study)
    known = [ID, *named.params.values(), *named.beside.values(), *named.measured, SEM, STATUS, NOTE, WORKER]
    table = parsed(content, file, known, _numeric(study, named))
    if ID not in table.columns:
        raise TableError(f"nothing of {file} was taken: it has no column {ID}; its columns are {list(table.columns)}")
    study.refresh()
    plate, seen = Plate(), dict[int, tuple[int, _Said]]()
    with Problems(file).raised() as problems:
        for row in table.rows:
            before = len(problems.found)
            trial = _trial(study, row, problems)
            if trial is None:
                continue
            said = _said(study, named, table, row, trial, problems)
            if len(problems.found) > before:
                continue
            first, other = seen.setdefault(trial.id, (row.number, said))
            if other != said:
                problems.say(row.number, ID, f"says something else of trial {trial.id} than row {first}")
            elif first == row.number:
                _take(study, plate, row, trial, said, problems)
    return plate


def _numeric(study: Study, named: Headings) -> list[str]:
    """The headings of columns of numbers."""
    numbers = [p.name for p in study.space.parameters if isinstance(p, Real | Integer)]
    return [*(named.params[name] for name in numbers), *named.measured, SEM]


def _take(study: Study, plate: Plate, row: Row, trial: Trial, said: _Said, problems: Problems) -> None:
    """Put what a row says into the plate, if the study can be told it."""
    sign = 1.0 if study.direction == "maximize" else -1.0
    try:
        if said.end is not None:
            entry = given_up(study.state, [trial.id], said.end, said.report.note, sign)
            ends = plate.failed if said.end is Status.FAILED else plate.abandoned
            ends[trial.id] = said.report.note
        elif said.nothing:
            plate.pending.append(trial.id)
            return
        else:
            entry = told(study.state, {trial.id: said.report}, sign)
            plate.results[trial.id] = said.report
    except GdoptError as error:
        problems.say(row.number, None, error)
    else:
        plate.new += entry is not None


def _trial(study: Study, row: Row, problems: Problems) -> Trial | None:
    text = row.cells[ID]
    found = re.fullmatch(r"(\d{1,9})([.,]0*)?", text)
    if found is None:
        problems.say(row.number, ID, f"{text!r} is no id; expected a whole number")
    elif int(found[1]) >= len(study.state.trials):
        problems.say(row.number, ID, f"trial {found[1]} is unknown; there are {len(study.state.trials)} trials")
    else:
        return study.state.trials[int(found[1])]
    return None


def _said(study: Study, named: Headings, table: Table, row: Row, trial: Trial, problems: Problems) -> _Said:
    """What a row says of a trial; with problems noted, nothing that counts."""
    objective = named.outcomes[study.objective]
    end = _end(row, objective, problems)
    worded = row.cells.get(objective, "").lower() in ENDS
    cells = {**row.cells, objective: ""} if worded else row.cells
    measured = _measured(study, named, table, cells, row.number, problems)
    params = _params(study, named, table, row, _proposal(trial), problems)
    if end is not None:
        for name in measured:
            problems.say(row.number, named.outcomes[name], f"is given, though the trial is {end.value}")
        if params is not None:
            problems.say(row.number, None, f"is {end.value}, of which only the proposal is kept: do not edit {params}")
    if row.cells.get(STATUS, "").lower() == Status.DONE.value and study.objective not in measured:
        problems.say(row.number, STATUS, f"is done, but there is no {objective}")
    value = measured.pop(study.objective, None)
    result = None if value is None else Result(*value)
    unmeasured = result is None and not measured
    return _Said(Report(result, measured, None if unmeasured else params, row.cells.get(NOTE, "")), end)


def _end(row: Row, objective: str, problems: Problems) -> Status | None:
    """Failed or abandoned, if a row says so in the column of its status or of the objective."""
    status, value = (row.cells.get(name, "").lower() for name in (STATUS, objective))
    if status not in ("", *Status):
        problems.say(row.number, STATUS, f"{status!r} is unknown; expected {', '.join(Status)} or nothing")
    ends = {one for one in (status, value) if one in ENDS}
    if len(ends) > 1:
        problems.say(row.number, STATUS, f"is {status}, but {objective} says {value}")
    return Status(min(ends)) if ends else None


def _measured(
    study: Study, named: Headings, table: Table, cells: Mapping[str, str], row: int, problems: Problems
) -> dict[str, Measured]:
    """The outcomes that a row has."""
    found = dict[str, Measured]()
    for name, heading in named.outcomes.items():
        value = _number(table, cells.get(heading, ""), row, heading, problems)
        called = named.sem(name)
        if name == study.objective and cells.get(SEM):
            if cells.get(called, "") not in ("", cells[SEM]):
                problems.say(row, SEM, f"is {cells[SEM]}, but {called} says {cells[called]}")
            called = SEM
        sem = _number(table, cells.get(called, ""), row, called, problems)
        if sem is not None and value is None:
            problems.say(row, called, f"is given without {heading}")
        elif sem is not None and sem < 0:
            problems.say(row, called, f"{sem} is negative; expected a standard error")
        elif value is not None:
            found[name] = (value, sem)
    return found


def _number(table: Table, text: str, row: int, column: str, problems: Problems) -> float | None:
    """The number in a cell; None if it is empty or, which is noted, no number."""
    if not text:
        return None
    try:
        return table.finite(text)
    except ValueError as error:
        problems.say(row, column, error)
        return None


def _params(
    study: Study, named: Headings, table: Table, row: Row, proposal: Params, problems: Problems
) -> Params | None:
    """What was tried, None if it is what was proposed."""
    tried = dict(proposal)
    for parameter in study.space.parameters:
        heading, proposed = named.params[parameter.name], proposal.get(parameter.name)
        if heading not in table.columns or row.cells[heading] in _shown(proposed):
            continue
        # A level that is blank looks empty too.
        if not row.cells[heading] and conditions(parameter) and str(proposed).strip():
            del tried[parameter.name]
            continue
        try:
            tried[parameter.name] = _tried(parameter, table, row.cells[heading], proposed)
        except ValueError as error:
            problems.say(row.number, heading, error)
    if tried == dict(proposal):
        return None
    try:
        study.space.check_tried(tried)
    except SpaceError as error:
        problems.say(row.number, None, error)
    return tried


def _shown(value: Value | None) -> tuple[str, ...]:
    """The cells that a plate may have of a value; an empty one of what does not count."""
    if value is None:
        return ("",)
    text = str(value)
    return (text, text.replace(".", ",")) if isinstance(value, float) else (text,)


def _tried(parameter: Parameter, table: Table, text: str, proposed: Value | None) -> Value:
    """The value of a parameter in a cell: the one that was proposed, if it is a rounding of it."""
    if proposed is None:
        return _value(parameter, table, text)
    if not isinstance(parameter, Real | Integer):
        return proposed if text == str(proposed).strip() else _value(parameter, table, text)
    if isinstance(parameter, Real) and text:
        number = table.number(text)
        if _rounds(number, float(proposed)):
            return proposed
        if _lost_its_mark(text, number, float(proposed)):
            raise ValueError(f"{text!r} looks like the proposed {proposed} with its decimal mark lost or moved")
    return _value(parameter, table, text)


def _value(parameter: Parameter, table: Table, text: str, far: bool = False) -> Value:
    """The value in a cell, which may have been tried.

    Raises:
        ValueError: it does not, or there is none.
    """
    if not text:
        raise ValueError("is empty; expected what was tried")
    if isinstance(parameter, Choice):
        # A level may have blanks around it, which no cell has.
        fitting = [level for level in parameter.levels if level.strip() == text]
        text = fitting[0] if len(fitting) == 1 else text
    if isinstance(parameter, Real | Integer):
        number = float(table.number(text))
        parameter.check_tried(number, far)
        return parameter.plain(number)
    parameter.check(text)
    return parameter.plain(text)


def _rounds(shown: Decimal, proposed: float) -> bool:
    """Whether a number is the proposal rounded to the digits that it is shown with, or to those a spreadsheet keeps."""
    exponent = shown.as_tuple().exponent
    assert isinstance(exponent, int)
    gap = abs(shown - Decimal(repr(proposed)))
    return gap <= Decimal(5).scaleb(exponent - 1) or gap <= Decimal(repr(abs(proposed))) * Decimal(10) ** (1 - DIGITS)


def _lost_its_mark(text: str, shown: Decimal, proposed: float) -> bool:
    """Whether a cell has the proposal's digits at another place, as where a point was taken to separate thousands."""
    digits, own = (re.sub(r"\D", "", re.sub(r"[eE].*", "", one)).strip("0") for one in (text, repr(proposed)))
    return len(digits) >= TELLING and own.startswith(digits) and not math.isclose(float(shown), proposed)


# --- data from before ---


@dataclass
class Before:
    """Results from before the study.

    Args:
        rows: parameters and what was measured, by keys that are the same whenever the row is the same; of a design that
            failed, a report without a result.
        own: ids of trials of this study that the file has, as an export of it does.
        left_out: how many other rows have no result, by their status.
    """

    rows: dict[str, tuple[Params, Report]] = field(default_factory=dict)
    own: list[int] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)


def known(study: Study, content: bytes, file: str = "the file", *, outside: bool = False) -> Before:
    """Results from before the study, a row each; of an export of another study, the trials that are done or failed.

    Equal rows are repeated measurements: the n-th of them has the same key in every file.

    Args:
        study: that they are for.
        content: of a file with a column for each parameter and for the objective.
        file: its name, for people.
        outside: whether parameters may lie far outside the bounds, as `Study.add` takes it.

    Raises:
        TableError: cells that are not understood or cannot have been tried, all of them.
    """
    named = columns(study)
    table = _results(study, named, content, file)
    study.refresh()
    trials, found, counts = study.trials, Before(), dict[str, int]()
    with Problems(file).raised() as problems:
        for row in table.rows:
            end = _unmeasured(study, named, row, problems)
            if end not in (None, Status.FAILED.value):
                found.left_out[end] = found.left_out.get(end, 0) + 1
                continue
            params = _given(study, named, table, row, problems, outside)
            measured = {} if end else _measured(study, named, table, row.cells, row.number, problems)
            if end is None and study.objective not in measured:
                problems.say(row.number, named.outcomes[study.objective], "has no value, which every row needs")
                continue
            if (own := _own(study, trials, row, params, measured)) is not None:
                found.own.append(own)
                continue
            said = identity(json.dumps([params, measured], sort_keys=True).encode())
            counts[said] = counts.get(said, 0) + 1
            objective = measured.pop(study.objective, None)
            note = row.cells.get(NOTE, "") or row.cells.get(REASON, "")
            report = Report(None if objective is None else Result(*objective), measured, note=note)
            found.rows[f"row {said} {counts[said]}"] = (params, report)
    return found


def _results(study: Study, named: Headings, content: bytes, file: str) -> Table:
    """The table of a file of results.

    Raises:
        TableError: it is none, or has no column for a parameter or the objective, or is a plate.
    """
    columns = [*named.params.values(), *named.beside.values(), *named.measured, *RESERVED]
    table = parsed(content, file, columns, _numeric(study, named))
    needed = [*named.params.values(), named.outcomes[study.objective]]
    with Problems(file).raised() as problems:
        if missing := [one for one in needed if one not in table.columns]:
            raise problems.fatal(f"it has no columns {missing}")
        # Else the plate of a study would be added to it again, beside its own trials.
        if ID in table.columns and not set(EXPORTED) <= set(table.columns):
            problems.say(
                table.header,
                ID,
                f"is unknown in results from before; a plate is told, and an export has {' and '.join(EXPORTED)} too",
            )
    return table


def _unmeasured(study: Study, named: Headings, row: Row, problems: Problems) -> str | None:
    """The status of a row that has no result and does not need one."""
    objective = named.outcomes[study.objective]
    end = _end(row, objective, problems)
    status = row.cells.get(STATUS, "").lower() if end is None else end.value
    if status in ("", Status.DONE.value) or status not in [*Status]:
        return None
    if row.cells.get(objective, "").lower() not in ("", *ENDS):
        problems.say(row.number, objective, f"is given, though the trial is {status}")
    return status


def _own(
    study: Study, trials: Sequence[Trial], row: Row, params: Params, measured: Mapping[str, Measured]
) -> int | None:
    """The id of the study's own trial that a row of an export is."""
    id = row.cells.get(ID, "")
    if not re.fullmatch(r"\d{1,9}", id) or int(id) >= len(trials):
        return None
    trial = trials[int(id)]
    if dict(trial.params) != dict(params):
        return None
    if trial.result is None:
        return trial.id if trial.status is Status.FAILED and not measured else None
    known = {study.objective: (trial.result.value, trial.result.sem), **trial.outcomes}
    return trial.id if known == dict(measured) else None


def _given(study: Study, named: Headings, table: Table, row: Row, problems: Problems, far: bool) -> Params:
    """The parameters of a row."""
    params, before = dict[str, Value](), len(problems.found)
    for parameter in study.space.parameters:
        heading = named.params[parameter.name]
        if not row.cells[heading] and conditions(parameter):
            continue
        try:
            params[parameter.name] = _value(parameter, table, row.cells[heading], far)
        except ValueError as error:
            problems.say(row.number, heading, error)
    if len(problems.found) == before:
        try:
            study.space.check_tried(params, far)
        except SpaceError as error:
            problems.say(row.number, None, error)
    return params
