"""Read past results, measured before a campaign, from a CSV file."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gdopt.errors import SpaceError
from gdopt.lab.cells import ENDS, ID, NOTE, REASON, STATUS, numeric_headings, outcomes_in, status_in, value_in
from gdopt.lab.plate import EXPORTED, headings_of
from gdopt.space.parameters import Params, Value, conditions
from gdopt.spreadsheet import Problems, Row, Table, parsed
from gdopt.storage.events import Report
from gdopt.storage.store import content_hash
from gdopt.study.headings import RESERVED, Headings
from gdopt.study.study import Study
from gdopt.trials.trial import Measured, Result, Status, Trial

__all__ = ["PastResults", "past_results"]


@dataclass
class PastResults:
    """Results from before the study.

    Args:
        rows: parameters and outcomes, by a key made from the contents of the row; a failed design has a report without
            a result.
        own: ids of the study's own trials, which an export of the study contains.
        left_out: number of the other rows without a result, by status.
    """

    rows: dict[str, tuple[Params, Report]] = field(default_factory=dict)
    own: list[int] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)


def past_results(study: Study, content: bytes, file: str = "the file", *, outside: bool = False) -> PastResults:
    """Results from before the study, one in each row; from an export of another study, its done and failed trials.

    Equal rows are repeated measurements: the n-th of equal rows has the same key in every file.

    Args:
        study: the study that takes the results.
        content: bytes of a file with a column for each parameter and for the objective.
        file: name of the file, for error messages.
        outside: whether parameters may lie far outside the bounds, as in `Study.add`.

    Raises:
        TableError: cells are invalid; the message lists them.
    """
    named = headings_of(study)
    table = _results(study, named, content, file)
    study.refresh()
    trials, found, counts = study.trials, PastResults(), dict[str, int]()
    with Problems(file).raised() as problems:
        for row in table.rows:
            end = _unmeasured(study, named, row, problems)
            if end not in (None, Status.FAILED.value):
                found.left_out[end] = found.left_out.get(end, 0) + 1
                continue
            params = _params_in(study, named, table, row, problems, outside)
            measured = {} if end else outcomes_in(study, named, table, row.cells, row.number, problems)
            if end is None and study.objective not in measured:
                problems.say(row.number, named.outcomes[study.objective], "has no value, which every row needs")
                continue
            if (own := _own(study, trials, row, params, measured)) is not None:
                found.own.append(own)
                continue
            said = content_hash(json.dumps([params, measured], sort_keys=True).encode())
            counts[said] = counts.get(said, 0) + 1
            objective = measured.pop(study.objective, None)
            note = row.cells.get(NOTE, "") or row.cells.get(REASON, "")
            report = Report(None if objective is None else Result(*objective), measured, note=note)
            found.rows[f"row {said} {counts[said]}"] = (params, report)
    return found


def _results(study: Study, named: Headings, content: bytes, file: str) -> Table:
    """The table of a file of results.

    Raises:
        TableError: the file is no table, has no column for a parameter or the objective, or is a plate.
    """
    columns = [*named.params.values(), *named.annotations.values(), *named.measured, *RESERVED]
    table = parsed(content, file, columns, numeric_headings(study, named))
    needed = [*named.params.values(), named.outcomes[study.objective]]
    with Problems(file).raised() as problems:
        if missing := [one for one in needed if one not in table.columns]:
            raise problems.fatal(f"it has no columns {missing}")
        # Otherwise a plate's results would be added to its own study a second time, as new trials.
        if ID in table.columns and not set(EXPORTED) <= set(table.columns):
            problems.say(
                table.header,
                ID,
                f"is unknown in results from before; a plate is told, and an export has {' and '.join(EXPORTED)} too",
            )
    return table


def _unmeasured(study: Study, named: Headings, row: Row, problems: Problems) -> str | None:
    """The status of a row without a result that needs none; None for all other rows."""
    objective = named.outcomes[study.objective]
    end = status_in(row, objective, problems)
    status = row.cells.get(STATUS, "").lower() if end is None else end.value
    if status in ("", Status.DONE.value) or status not in [*Status]:
        return None
    if row.cells.get(objective, "").lower() not in ("", *ENDS):
        problems.say(row.number, objective, f"is given, though the trial is {status}")
    return status


def _own(
    study: Study, trials: Sequence[Trial], row: Row, params: Params, measured: Mapping[str, Measured]
) -> int | None:
    """The id of the study's own trial that a row of an export repeats; None if there is none."""
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


def _params_in(study: Study, named: Headings, table: Table, row: Row, problems: Problems, far: bool) -> Params:
    """The parameters of a row."""
    params, before = dict[str, Value](), len(problems.found)
    for parameter in study.space.parameters:
        heading = named.params[parameter.name]
        if not row.cells[heading] and conditions(parameter):
            continue
        try:
            params[parameter.name] = value_in(parameter, table, row.cells[heading], far)
        except ValueError as error:
            problems.say(row.number, heading, error)
    if len(problems.found) == before:
        try:
            study.space.check_tried(params, far)
        except SpaceError as error:
            problems.say(row.number, None, error)
    return params
