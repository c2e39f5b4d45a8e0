"""Read the cells of a plate or of a file of past results: status, outcomes and parameters."""

import math
import re
from collections.abc import Mapping
from decimal import Decimal

from gdopt.errors import SpaceError
from gdopt.space.parameters import Choice, Integer, Parameter, Params, Real, Value, conditions
from gdopt.spreadsheet import Problems, Row, Table
from gdopt.study.headings import Headings
from gdopt.study.study import Study
from gdopt.trials.trial import Measured, Status, Trial

__all__ = [
    "ENDS",
    "ID",
    "NOTE",
    "REASON",
    "SEM",
    "STATUS",
    "WORKER",
    "numeric_headings",
    "outcomes_in",
    "params_in",
    "proposal_of",
    "status_in",
    "value_in",
]

ID, STATUS, NOTE, REASON, SEM, WORKER = "id", "status", "note", "reason", "sem", "worker"
ENDS = (Status.FAILED.value, Status.ABANDONED.value)
# Significant digits that a spreadsheet keeps.
DIGITS = 15
# From this many equal digits on, a number with a shifted decimal mark is an error and no coincidence.
TELLING = 4


def proposal_of(trial: Trial) -> Params:
    """The proposed parameters of a trial."""
    return trial.params if trial.proposed is None else trial.proposed


def numeric_headings(study: Study, named: Headings) -> list[str]:
    """The headings of columns of numbers."""
    numbers = [p.name for p in study.space.parameters if isinstance(p, Real | Integer)]
    return [*(named.params[name] for name in numbers), *named.measured, SEM]


def status_in(row: Row, objective: str, problems: Problems) -> Status | None:
    """Failed or abandoned, if the status or the objective of a row has this word."""
    status, value = (row.cells.get(name, "").lower() for name in (STATUS, objective))
    if status not in ("", *Status):
        problems.say(row.number, STATUS, f"{status!r} is unknown; expected {', '.join(Status)} or nothing")
    ends = {one for one in (status, value) if one in ENDS}
    if len(ends) > 1:
        problems.say(row.number, STATUS, f"is {status}, but {objective} is {value}")
    return Status(min(ends)) if ends else None


def outcomes_in(
    study: Study, named: Headings, table: Table, cells: Mapping[str, str], row: int, problems: Problems
) -> dict[str, Measured]:
    """The outcomes in a row, with their standard errors."""
    found = dict[str, Measured]()
    for name, heading in named.outcomes.items():
        value = _number_in(table, cells.get(heading, ""), row, heading, problems)
        called = named.sem(name)
        if name == study.objective and cells.get(SEM):
            if cells.get(called, "") not in ("", cells[SEM]):
                problems.say(row, SEM, f"is {cells[SEM]}, but {called} is {cells[called]}")
            called = SEM
        sem = _number_in(table, cells.get(called, ""), row, called, problems)
        if sem is not None and value is None:
            problems.say(row, called, f"is given without {heading}")
        elif sem is not None and sem < 0:
            problems.say(row, called, f"{sem} is negative; expected a standard error")
        elif value is not None:
            found[name] = (value, sem)
    return found


def _number_in(table: Table, text: str, row: int, column: str, problems: Problems) -> float | None:
    """The number in a cell; None if the cell is empty, or is no number, which is added to the problems."""
    if not text:
        return None
    try:
        return table.finite(text)
    except ValueError as error:
        problems.say(row, column, error)
        return None


def params_in(
    study: Study, named: Headings, table: Table, row: Row, proposal: Params, problems: Problems
) -> Params | None:
    """The parameters that were tried; None if they are the proposed ones."""
    tried = dict(proposal)
    for parameter in study.space.parameters:
        heading, proposed = named.params[parameter.name], proposal.get(parameter.name)
        if heading not in table.columns or row.cells[heading] in _texts_of(proposed):
            continue
        # The cell of a blank category is empty too.
        if not row.cells[heading] and conditions(parameter) and str(proposed).strip():
            del tried[parameter.name]
            continue
        try:
            tried[parameter.name] = _tried_value(parameter, table, row.cells[heading], proposed)
        except ValueError as error:
            problems.say(row.number, heading, error)
    if tried == dict(proposal):
        return None
    try:
        study.space.check_tried(tried)
    except SpaceError as error:
        problems.say(row.number, None, error)
    return tried


def _texts_of(value: Value | None) -> tuple[str, ...]:
    """The texts that a plate may have for a value; the empty text for an inactive parameter."""
    if value is None:
        return ("",)
    text = str(value)
    return (text, text.replace(".", ",")) if isinstance(value, float) else (text,)


def _tried_value(parameter: Parameter, table: Table, text: str, proposed: Value | None) -> Value:
    """The value in a cell; the proposed value, if the cell is a rounding of it."""
    if proposed is None:
        return value_in(parameter, table, text)
    if not isinstance(parameter, Real | Integer):
        return proposed if text == str(proposed).strip() else value_in(parameter, table, text)
    if isinstance(parameter, Real) and text:
        number = table.number(text)
        if _rounds(number, float(proposed)):
            return proposed
        if _lost_its_mark(text, number, float(proposed)):
            raise ValueError(f"{text!r} looks like the proposed {proposed} with its decimal mark lost or moved")
    return value_in(parameter, table, text)


def value_in(parameter: Parameter, table: Table, text: str, far: bool = False) -> Value:
    """The value in a cell.

    Args:
        parameter: the parameter of the column.
        table: the table, which has the decimal mark.
        text: the cell.
        far: whether a number may lie far outside the bounds.

    Raises:
        ValueError: the cell is empty, or the parameter cannot have had its value.
    """
    if not text:
        raise ValueError("is empty; expected the value that was tried")
    if isinstance(parameter, Choice):
        # A category may have blanks around it; a cell has none.
        fitting = [category for category in parameter.categories if category.strip() == text]
        text = fitting[0] if len(fitting) == 1 else text
    if isinstance(parameter, Real | Integer):
        number = float(table.number(text))
        parameter.check_tried(number, far)
        return parameter.plain(number)
    parameter.check(text)
    return parameter.plain(text)


def _rounds(shown: Decimal, proposed: float) -> bool:
    """Whether a number is the proposal, rounded to the digits shown or to the digits that a spreadsheet keeps."""
    exponent = shown.as_tuple().exponent
    assert isinstance(exponent, int)
    gap = abs(shown - Decimal(repr(proposed)))
    return gap <= Decimal(5).scaleb(exponent - 1) or gap <= Decimal(repr(abs(proposed))) * Decimal(10) ** (1 - DIGITS)


def _lost_its_mark(text: str, shown: Decimal, proposed: float) -> bool:
    """Whether a cell has the digits of the proposal with another decimal mark, such as a point read as a separator."""
    digits, own = (re.sub(r"\D", "", re.sub(r"[eE].*", "", one)).strip("0") for one in (text, repr(proposed)))
    return len(digits) >= TELLING and own.startswith(digits) and not math.isclose(float(shown), proposed)
