"""A batch as a CSV file: written for a laboratory, read back with what was measured, and data from before.

A row is a trial. Its columns are id, the parameters, what a table of candidates says of them, one for each outcome, and
note; `NAME sem`, status and worker may be added. The cell of a parameter that does not count is empty.
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

# No other file than an export of a study has these.
EXPORTED = ("round", "source")


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


def headings_of(study: Study) -> Headings:
    """The headings of the columns of a study's plates.

    Raises:
        SettingsError: a name has blanks around it, which no cell has, or is empty.
    """
    found = headings(study.outcomes, study.space.names, study.space.annotation_names)
    given = [*found.outcomes, *found.params, *found.annotations]
    if blank := [one for one in given if one != one.strip() or not one]:
        raise SettingsError(f"a plate has a column for each of {given}; {blank} cannot be the name of one")
    return found


def plate_text(study: Study, trials: Sequence[Trial], *, comma: bool = False) -> str:
    """The CSV of trials to be measured, its outcomes' columns empty.

    Args:
        study: of the trials.
        trials: a row each.
        comma: whether to write decimal commas and semicolons between cells, as many European spreadsheets read it.
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
    named = headings_of(study)
    known = [ID, *named.params.values(), *named.annotations.values(), *named.measured, SEM, STATUS, NOTE, WORKER]
    table = parsed(content, file, known, numeric_headings(study, named))
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


def _said(study: Study, named: Headings, table: Table, row: Row, trial: Trial, problems: Problems) -> _Said:
    """What a row says of a trial; with problems noted, nothing that counts."""
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
    return _Said(Report(result, measured, None if unmeasured else params, row.cells.get(NOTE, "")), end)
