"""A plate: a batch of trials as a CSV file, which a laboratory fills in.

A row is a trial. The columns are id, the parameters, the annotations of a table of candidates, the outcomes, and note.
The columns `NAME sem`, status and worker may be added. The cell of an inactive parameter is empty. The command line
and the service write and read the same format.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from gdopt.errors import GdoptError, SettingsError, TableError
from gdopt.lab.cells import (
    ENDS,
    ID,
    NOTE,
    SEM,
    STATUS,
    WORKER,
    numeric_headings,
    outcomes_in,
    params_in,
    proposal_of,
    status_in,
)
from gdopt.spreadsheet import Problems, Row, Table, parsed
from gdopt.spreadsheet import written as csv_of
from gdopt.storage.events import Report, given_up, told
from gdopt.study.headings import Headings, headings
from gdopt.study.study import Study
from gdopt.trials.trial import Result, Status, Trial

__all__ = ["EXPORTED", "Plate", "headings_of", "plate_text", "read_plate"]

# Only an export of a study has these columns.
EXPORTED = ("round", "source")


@dataclass
class Plate:
    """The contents of a filled-in plate, with values in the user's direction.

    Args:
        results: results by trial id.
        failed: reasons by id of the failed trials.
        abandoned: reasons by id of the abandoned trials.
        pending: ids of the rows without results.
        new: number of rows with results that the study does not have yet.
    """

    results: dict[int, Report] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    abandoned: dict[int, str] = field(default_factory=dict)
    pending: list[int] = field(default_factory=list)
    new: int = 0

    def tell(self, study: Study, worker: str | None = None) -> bool:
        """Record all results in one transaction. Returns whether any of them was new."""
        return study.tell(self.results, failed=self.failed, abandoned=self.abandoned, worker=worker)


@dataclass(frozen=True)
class _RowResult:
    """The result in one row."""

    report: Report
    end: Status | None

    @property
    def is_empty(self) -> bool:
        return self.end is None and self.report.result is None and not self.report.outcomes and not self.report.note


def headings_of(study: Study) -> Headings:
    """The headings of the columns of a study's plates.

    Raises:
        SettingsError: a name is empty, or has blanks around it, which are lost in a cell.
    """
    found = headings(study.outcomes, study.space.names, study.space.annotation_names)
    given = [*found.outcomes, *found.params, *found.annotations]
    if blank := [one for one in given if one != one.strip() or not one]:
        raise SettingsError(f"a plate has a column for each of {given}; {blank} cannot be the name of one")
    return found


def plate_text(study: Study, trials: Sequence[Trial], *, comma: bool = False) -> str:
    """The CSV text of a plate with one row for each trial and empty columns for the outcomes.

    Args:
        study: the study of the trials.
        trials: the trials.
        comma: whether to write decimal commas and semicolons between cells, for European spreadsheets.

    Example:
        >>> from gdopt import RandomSearch, Real, Space, Study
        >>> study = Study(Space([Real("x", 0, 1)]), direction="maximize", objective="y", algorithm=RandomSearch())
        >>> plate_text(study, study.ask(1)).splitlines()[0]
        'id,x,y,note'
    """
    named = headings_of(study)
    empty = [None] * (len(named.outcomes) + 1)
    rows: list[list[object]] = [
        [ID, *named.params.values(), *named.annotations.values(), *named.outcomes.values(), NOTE]
    ]
    for trial in trials:
        proposal = proposal_of(trial)
        rows.append([trial.id, *study.space.row(proposal), *study.space.annotations(proposal).values(), *empty])
    return csv_of(rows, comma=comma)


def read_plate(study: Study, content: bytes, file: str = "the file") -> Plate:
    """The results in a filled-in plate.

    Columns and rows may be in any order, and rows may be missing. A trial without a result stays pending. The words
    "failed" and "abandoned" may be in the objective's column or in a column status. The objective's standard error may
    be in a column sem. A column worker is ignored. A parameter value that is no rounding of the proposed value is
    recorded as the value that was tried.

    Args:
        study: the study of the trials.
        content: bytes of the file.
        file: name of the file, for error messages.

    Raises:
        TableError: cells are invalid, or contradict each other or the study; the message lists them.
    """
    named = headings_of(study)
    known = [ID, *named.params.values(), *named.annotations.values(), *named.measured, SEM, STATUS, NOTE, WORKER]
    table = parsed(content, file, known, numeric_headings(study, named))
    if ID not in table.columns:
        raise TableError(f"nothing of {file} was taken: it has no column {ID}; its columns are {list(table.columns)}")
    study.refresh()
    plate, seen = Plate(), dict[int, tuple[int, _RowResult]]()
    with Problems(file).raised() as problems:
        for row in table.rows:
            before = len(problems.found)
            trial = _trial(study, row, problems)
            if trial is None:
                continue
            result = _result_in(study, named, table, row, trial, problems)
            if len(problems.found) > before:
                continue
            first, other = seen.setdefault(trial.id, (row.number, result))
            if other != result:
                problems.say(row.number, ID, f"is {trial.id} as in row {first}, but the results differ")
            elif first == row.number:
                _take(study, plate, row, trial, result, problems)
    return plate


def _take(study: Study, plate: Plate, row: Row, trial: Trial, result: _RowResult, problems: Problems) -> None:
    """Add the result of a row to the plate, or to the problems if the study would refuse it."""
    sign = 1.0 if study.direction == "maximize" else -1.0
    try:
        if result.end is not None:
            entry = given_up(study.state, [trial.id], result.end, result.report.note, sign)
            ends = plate.failed if result.end is Status.FAILED else plate.abandoned
            ends[trial.id] = result.report.note
        elif result.is_empty:
            plate.pending.append(trial.id)
            return
        else:
            entry = told(study.state, {trial.id: result.report}, sign)
            plate.results[trial.id] = result.report
    except GdoptError as error:
        problems.say(row.number, None, error)
    else:
        plate.new += entry is not None


def _trial(study: Study, row: Row, problems: Problems) -> Trial | None:
    """The trial of a row; None if its id is invalid, which is added to the problems."""
    text = row.cells[ID]
    found = re.fullmatch(r"(\d{1,9})([.,]0*)?", text)
    if found is None:
        problems.say(row.number, ID, f"{text!r} is no id; expected a whole number")
    elif int(found[1]) >= len(study.state.trials):
        problems.say(row.number, ID, f"trial {found[1]} is unknown; there are {len(study.state.trials)} trials")
    else:
        return study.state.trials[int(found[1])]
    return None


def _result_in(study: Study, named: Headings, table: Table, row: Row, trial: Trial, problems: Problems) -> _RowResult:
    """The result in a row; invalid cells are added to the problems, and the result is then incomplete."""
    objective = named.outcomes[study.objective]
    end = status_in(row, objective, problems)
    worded = row.cells.get(objective, "").lower() in ENDS
    cells = {**row.cells, objective: ""} if worded else row.cells
    measured = outcomes_in(study, named, table, cells, row.number, problems)
    params = params_in(study, named, table, row, proposal_of(trial), problems)
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
    return _RowResult(Report(result, measured, None if unmeasured else params, row.cells.get(NOTE, "")), end)
