"""The cells of a plate: written for people, and read back."""

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
# Digits that a spreadsheet keeps.
DIGITS = 15
# So many equal digits at another place are a lost decimal mark, not a coincidence.
TELLING = 4


def proposal_of(trial: Trial) -> Params:
    """The proposed parameters of a trial."""
    return trial.params if trial.proposed is None else trial.proposed


def numeric_headings(study: Study, named: Headings) -> list[str]:
    """The headings of columns of numbers."""
    numbers = [p.name for p in study.space.parameters if isinstance(p, Real | Integer)]
    return [*(named.params[name] for name in numbers), *named.measured, SEM]


def status_in(row: Row, objective: str, problems: Problems) -> Status | None:
    """Failed or abandoned, if a row says so in the column of its status or of the objective."""
    status, value = (row.cells.get(name, "").lower() for name in (STATUS, objective))
    if status not in ("", *Status):
        problems.say(row.number, STATUS, f"{status!r} is unknown; expected {', '.join(Status)} or nothing")
    ends = {one for one in (status, value) if one in ENDS}
    if len(ends) > 1:
        problems.say(row.number, STATUS, f"is {status}, but {objective} says {value}")
    return Status(min(ends)) if ends else None


def outcomes_in(
    study: Study, named: Headings, table: Table, cells: Mapping[str, str], row: int, problems: Problems
) -> dict[str, Measured]:
    """The outcomes that a row has."""
    found = dict[str, Measured]()
    for name, heading in named.outcomes.items():
        value = number_in(table, cells.get(heading, ""), row, heading, problems)
        called = named.sem(name)
        if name == study.objective and cells.get(SEM):
            if cells.get(called, "") not in ("", cells[SEM]):
                problems.say(row, SEM, f"is {cells[SEM]}, but {called} says {cells[called]}")
            called = SEM
        sem = number_in(table, cells.get(called, ""), row, called, problems)
        if sem is not None and value is None:
            problems.say(row, called, f"is given without {heading}")
        elif sem is not None and sem < 0:
            problems.say(row, called, f"{sem} is negative; expected a standard error")
        elif value is not None:
            found[name] = (value, sem)
    return found


def number_in(table: Table, text: str, row: int, column: str, problems: Problems) -> float | None:
    """The number in a cell; None if it is empty or, which is noted, no number."""
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
    """What was tried, None if it is what was proposed."""
    tried = dict(proposal)
    for parameter in study.space.parameters:
        heading, proposed = named.params[parameter.name], proposal.get(parameter.name)
        if heading not in table.columns or row.cells[heading] in texts_of(proposed):
            continue
        # A level that is blank looks empty too.
        if not row.cells[heading] and conditions(parameter) and str(proposed).strip():
            del tried[parameter.name]
            continue
        try:
            tried[parameter.name] = tried_value(parameter, table, row.cells[heading], proposed)
        except ValueError as error:
            problems.say(row.number, heading, error)
    if tried == dict(proposal):
        return None
    try:
        study.space.check_tried(tried)
    except SpaceError as error:
        problems.say(row.number, None, error)
    return tried


def texts_of(value: Value | None) -> tuple[str, ...]:
    """The cells that a plate may have of a value; an empty one of what does not count."""
    if value is None:
        return ("",)
    text = str(value)
    return (text, text.replace(".", ",")) if isinstance(value, float) else (text,)


def tried_value(parameter: Parameter, table: Table, text: str, proposed: Value | None) -> Value:
    """The value of a parameter in a cell: the one that was proposed, if it is a rounding of it."""
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
    """The value in a cell, which may have been tried.

    Raises:
        ValueError: it does not, or there is none.
    """
    if not text:
        raise ValueError("is empty; expected what was tried")
    if isinstance(parameter, Choice):
        # A level may have blanks around it, which no cell has.
        fitting = [level for level in parameter.categories if level.strip() == text]
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
