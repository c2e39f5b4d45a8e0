"""A batch as a CSV file: written for a laboratory, read back with what was measured, and data from before.

A row is a trial. Its columns are id, the parameters, what a table of candidates says of them, one for each outcome, and
note; `NAME sem` and status may be added. The cell of a parameter that does not count is empty.
"""

import csv
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from gdopt.algorithm import Measured, Result, Status, Trial
from gdopt.errors import GdoptError, SettingsError, SpaceError, TableError
from gdopt.journal import Report, given_up, told
from gdopt.space import Choice, Integer, Parameter, Params, Real, Value, conditions
from gdopt.spreadsheet import Problems, Row, Table, parsed
from gdopt.store import identity
from gdopt.study import Study

__all__ = ["Plate", "columns", "filled", "known", "written"]

ID, STATUS, NOTE = "id", "status", "note"
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

    def tell(self, study: Study) -> bool:
        """Record it all, in one transaction; whether anything of it was new."""
        return study.tell(self.results, failed=self.failed, abandoned=self.abandoned)


@dataclass(frozen=True)
class _Said:
    """What one row says."""

    report: Report
    end: Status | None

    @property
    def nothing(self) -> bool:
        return self.end is None and self.report.result is None and not self.report.outcomes and not self.report.note


# --- written ---


def columns(study: Study) -> dict[str, str]:
    """The heading of each parameter's column: its name, after "params." where another column has that name.

    Raises:
        SettingsError: two columns would have the same heading.
    """
    others = [ID, STATUS, NOTE, *study.outcomes, *map(_sem, study.outcomes)]
    named = {name: f"params.{name}" if name in others else name for name in study.space.names}
    headings = [*others, *named.values()]
    twice = sorted({one for one in headings if headings.count(one) > 1 or one != one.strip() or not one})
    if twice:
        raise SettingsError(f"a plate has a column for each of {headings}; {twice} cannot be the name of one")
    return named


def written(study: Study, trials: Sequence[Trial], *, comma: bool = False) -> str:
    """The CSV of trials to be measured, its outcomes' columns empty.

    Args:
        study: of the trials.
        trials: a row each.
        comma: whether to write decimal commas and semicolons between cells, as many European spreadsheets read it.
    """
    out = io.StringIO()
    lines = csv.writer(out, delimiter=";" if comma else ",", lineterminator="\r\n")
    named = columns(study)
    lines.writerow([ID, *named.values(), *_beside(study, named), *study.outcomes, NOTE])
    for trial in trials:
        proposal = _proposal(trial)
        values = [*study.space.row(proposal), *study.space.beside(proposal).values()]
        cells = [_text(value, comma) for value in values]
        lines.writerow([trial.id, *cells, *("" for _ in study.outcomes), ""])
    return out.getvalue()


def _beside(study: Study, named: Mapping[str, str]) -> list[str]:
    """The headings of what is shown beside the parameters and never read; after "table." where they are taken."""
    others = [ID, STATUS, NOTE, *named.values(), *study.outcomes, *map(_sem, study.outcomes)]
    return [f"table.{name}" if name in others else name for name in study.space.beside_names]


def _text(value: Value | None, comma: bool) -> str:
    """A cell; an empty one of what does not count."""
    if value is None:
        return ""
    return str(value).replace(".", ",") if comma and isinstance(value, float) else str(value)


def _sem(name: str) -> str:
    return f"{name} sem"


def _proposal(trial: Trial) -> Params:
    return trial.params if trial.proposed is None else trial.proposed


# --- read back ---


def filled(study: Study, content: bytes, file: str = "the file") -> Plate:
    """What a plate that was filled in says of the study's trials.

    Columns and rows may come in any order, and rows may be missing. What has no result stays pending. "failed" and
    "abandoned" may stand in the objective's column or in one called status. A parameter that is not a rounding of the
    one that was proposed is what was tried.

    Args:
        study: whose trials they are.
        content: of the file.
        file: its name, for people.

    Raises:
        TableError: cells that are not understood, or contradict each other or what the study knows, all of them.
    """
    named = columns(study)
    outcomes = [*study.outcomes, *map(_sem, study.outcomes)]
    numbers = [named[p.name] for p in study.space.parameters if isinstance(p, Real | Integer)]
    beside = _beside(study, named)
    table = parsed(content, file, [ID, *named.values(), *beside, *outcomes, STATUS, NOTE], [*numbers, *outcomes])
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


def _said(study: Study, named: Mapping[str, str], table: Table, row: Row, trial: Trial, problems: Problems) -> _Said:
    """What a row says of a trial; with problems noted, nothing that counts."""
    end = _end(study, row, problems)
    cells = row.cells if end is None else {**row.cells, study.objective: ""}
    measured = _measured(study, table, cells, row.number, problems)
    params = _params(study, named, table, row, _proposal(trial), problems)
    if end is not None and (row.cells.get(study.objective, "").lower() not in ("", *ENDS) or measured):
        problems.say(row.number, study.objective, f"is given, though the trial is {end.value}")
    if end is not None and params is not None:
        problems.say(row.number, None, f"is {end.value}, of which only the proposal is kept: do not edit {params}")
    if row.cells.get(STATUS, "").lower() == Status.DONE.value and study.objective not in measured:
        problems.say(row.number, STATUS, f"is done, but there is no {study.objective}")
    objective = measured.pop(study.objective, None)
    result = None if objective is None else Result(*objective)
    unmeasured = result is None and not measured
    return _Said(Report(result, measured, None if unmeasured else params, row.cells.get(NOTE, "")), end)


def _end(study: Study, row: Row, problems: Problems) -> Status | None:
    """Failed or abandoned, if a row says so."""
    status, value = (row.cells.get(name, "").lower() for name in (STATUS, study.objective))
    if status not in ("", *Status):
        problems.say(row.number, STATUS, f"{status!r} is unknown; expected {', '.join(Status)} or nothing")
    ends = {one for one in (status, value) if one in ENDS}
    if len(ends) > 1:
        problems.say(row.number, STATUS, f"is {status}, but {study.objective} says {value}")
    return Status(min(ends)) if ends else None


def _measured(
    study: Study, table: Table, cells: Mapping[str, str], row: int, problems: Problems
) -> dict[str, Measured]:
    """The outcomes that a row has."""
    found = dict[str, Measured]()
    for name in study.outcomes:
        value = _number(table, cells.get(name, ""), row, name, problems)
        sem = _number(table, cells.get(_sem(name), ""), row, _sem(name), problems)
        if sem is not None and value is None:
            problems.say(row, _sem(name), f"is given without {name}")
        elif sem is not None and sem < 0:
            problems.say(row, _sem(name), f"{sem} is negative; expected a standard error")
        elif value is not None:
            found[name] = (value, sem)
    return found


def _number(table: Table, text: str, row: int, column: str, problems: Problems) -> float | None:
    """The number in a cell; None if it is empty or, which is noted, no number."""
    if not text:
        return None
    try:
        value = float(table.number(text))
    except ValueError as error:
        problems.say(row, column, error)
        return None
    if not math.isfinite(value):
        problems.say(row, column, f"{text!r} is not finite")
        return None
    return value


def _params(
    study: Study, named: Mapping[str, str], table: Table, row: Row, proposal: Params, problems: Problems
) -> Params | None:
    """What was tried, None if it is what was proposed."""
    tried = dict(proposal)
    for parameter in study.space.parameters:
        heading, proposed = named[parameter.name], proposal.get(parameter.name)
        if heading not in table.columns or row.cells[heading] in (_text(proposed, False), _text(proposed, True)):
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
        study.space.check_names(tried)
    except SpaceError as error:
        problems.say(row.number, None, error)
    for constraint in study.space.constraints:
        try:
            constraint.check(tried)
        except SpaceError as error:
            problems.say(row.number, None, error)
    return tried


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


def _value(parameter: Parameter, table: Table, text: str) -> Value:
    """The value in a cell, which the parameter allows.

    Raises:
        ValueError: it does not, or there is none.
    """
    if not text:
        raise ValueError("is empty; expected what was tried")
    if isinstance(parameter, Choice):
        # A level may have blanks around it, which no cell has.
        fitting = [level for level in parameter.levels if level.strip() == text]
        text = fitting[0] if len(fitting) == 1 else text
    value: Value = float(table.number(text)) if isinstance(parameter, Real | Integer) else text
    parameter.check(value)
    return parameter.plain(value)


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


def known(study: Study, content: bytes, file: str = "the file") -> dict[str, tuple[Params, Report]]:
    """Results from before the study, a row each, by keys that are the same whenever the row is the same.

    Equal rows are repeated measurements: the n-th of them has the same key in every file.

    Args:
        study: that they are for.
        content: of a file with a column for each parameter and for the objective.
        file: its name, for people.

    Raises:
        TableError: cells that are not understood or not in the space, all of them.
    """
    named = columns(study)
    outcomes = [*study.outcomes, *map(_sem, study.outcomes)]
    numbers = [named[p.name] for p in study.space.parameters if isinstance(p, Real | Integer)]
    table = parsed(content, file, [*named.values(), *_beside(study, named), *outcomes, NOTE], [*numbers, *outcomes])
    if missing := [one for one in (*named.values(), study.objective) if one not in table.columns]:
        raise TableError(f"nothing of {file} was taken: it has no columns {missing}")
    found, counts = dict[str, tuple[Params, Report]](), dict[str, int]()
    with Problems(file).raised() as problems:
        for row in table.rows:
            params = _given(study, named, table, row, problems)
            measured = _measured(study, table, row.cells, row.number, problems)
            if study.objective not in measured:
                problems.say(row.number, study.objective, "has no value, which every row needs")
                continue
            said = identity(json.dumps([params, measured], sort_keys=True).encode())
            counts[said] = counts.get(said, 0) + 1
            result = Result(*measured.pop(study.objective))
            found[f"row {said} {counts[said]}"] = (params, Report(result, measured, note=row.cells.get(NOTE, "")))
    return found


def _given(study: Study, named: Mapping[str, str], table: Table, row: Row, problems: Problems) -> Params:
    """The parameters of a row."""
    params, before = dict[str, Value](), len(problems.found)
    for parameter in study.space.parameters:
        heading = named[parameter.name]
        if not row.cells[heading] and conditions(parameter):
            continue
        try:
            params[parameter.name] = _value(parameter, table, row.cells[heading])
        except ValueError as error:
            problems.say(row.number, heading, error)
    if len(problems.found) == before:
        try:
            study.space.check(params)
        except SpaceError as error:
            problems.say(row.number, None, error)
    return params
