"""The report of a study: one HTML page that needs no other file and no network."""

import io
from collections.abc import Sequence
from dataclasses import astuple, fields
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from gdopt import spreadsheet
from gdopt.algorithms.user_functions import filter_name
from gdopt.arguments import counted
from gdopt.errors import StoreError, TrialError
from gdopt.lab.summary import front_rows
from gdopt.space.parameters import Parameter, conditions
from gdopt.study.rounds import RoundSummary
from gdopt.study.study import Study

__all__ = ["is_report", "page"]

# A report has its mark within this many bytes.
LOOKED_AT = 1000
# The mark that identifies a report.
MARK = '<meta name="generator" content="gdopt">'
STYLE = """\
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 75em; margin: 2em auto; padding: 0 1em }
h1 { margin-bottom: 0 } h2 { margin-top: 2em; break-after: avoid }
table { border-collapse: collapse; font-size: 13px } div { overflow-x: auto }
th, td { padding: .2em .6em; text-align: left; border-bottom: 1px solid #ddd; vertical-align: top }
thead { display: table-header-group } tr { break-inside: avoid }
td { font-variant-numeric: tabular-nums } svg { max-width: 100%; height: auto }
@media print { body { max-width: none; margin: 0; font-size: 11px } table { font-size: 9px } div { overflow: visible } }
"""


def page(study: Study, title: str) -> str:
    """The HTML of a page with the best trial, a figure of the progress, the outcomes, the rounds and all trials.

    Args:
        study: the study, which may have no trials yet.
        title: title of the page.
    """
    titles, *cells = spreadsheet.cells(study.to_frame())
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    goal = str(study.config)
    counts = f"{counted(len(study.trials), 'trial')}, {len(study.state.done)} with a value"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(goal)} &middot; {counts} &middot; {made}</p>",
        *_best(study),
        *_figure(study),
        "<h2>Outcomes</h2>",
        _table(["outcome", "what it is for", "measured"], _outcomes(study)),
        "<h2>Parameters</h2>",
        _table(
            ["parameter", "what may be tried"], [[p.name, _range(p) + _condition(p)] for p in study.space.parameters]
        ),
        *_constraints(study),
        "<h2>Rounds</h2>",
        _table([f.name.replace("_", " ") for f in fields(RoundSummary)], [astuple(one) for one in study.rounds]),
        "<h2>Trials</h2>",
        _table(_columns(study, titles), cells),
    ]
    head = f'<meta charset="utf-8">{MARK}<title>{escape(title)}</title><style>\n{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n' + "\n".join(parts) + "\n</body></html>\n"


def is_report(path: Path) -> bool:
    """Whether a file is a report of gdopt, which a newer report may overwrite.

    Raises:
        StoreError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return MARK.encode() in file.read(LOOKED_AT)
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error


def _best(study: Study) -> list[str]:
    """The best trial or, with several objectives, the Pareto front."""
    try:
        if study.config.several:
            return ["<h2>Front</h2>", f"<p>Hypervolume {study.hypervolume:.6g}</p>", _front(study)]
        best = study.best
    except TrialError as error:
        return ["<h2>Best</h2>", f"<p>{escape(str(error))}</p>"]
    measured = [(study.objective, best.value), *((name, value) for name, (value, _) in best.outcomes.items())]
    params = [(_heading(p), best.params[p.name]) for p in study.space.parameters if p.name in best.params]
    outside = [("outside", one) for one in study.space.broken(best.params)] if best.outside else []
    return ["<h2>Best</h2>", _table(["trial", str(best.id)], [*measured, *params, *outside])]


def _front(study: Study) -> str:
    """The table of the Pareto-optimal trials."""
    names = [objective.name for objective in study.objectives]
    return _table(["trial", *names, *map(_heading, study.space.parameters)], front_rows(study))


def _figure(study: Study) -> list[str]:
    """The progress as SVG; nothing before the first result."""
    try:
        figure = study.plot() if study.state.done else None
    except TrialError:
        # With several objectives, no trial has a value of each yet.
        figure = None
    if figure is None:
        return []
    drawn = io.StringIO()
    # Without metadata: it names the date and the program, and refers to vocabularies on other sites.
    figure.savefig(drawn, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    text = drawn.getvalue()
    return ["<h2>Progress</h2>", text[text.index("<svg") :]]


def _constraints(study: Study) -> list[str]:
    """The table of the linear constraints and the design filter; nothing if there are none."""
    known: list[list[object]] = [[str(one)] for one in study.space.constraints]
    if name := filter_name(study.algorithm):
        known.append([f"allowed by {name}"])
    return ["<h2>Constraints</h2>", _table(["every design that is proposed satisfies"], known)] if known else []


def _heading(parameter: Parameter) -> str:
    """The name of a parameter with its unit, if it has one."""
    unit = getattr(parameter, "unit", "")
    return f"{parameter.name} [{unit}]" if unit else parameter.name


def _columns(study: Study, columns: Sequence[str]) -> list[str]:
    """The headings of the table of trials, parameters with their units."""
    headings = {}
    for parameter in study.space.parameters:
        prefixed = f"params.{parameter.name}"
        named = prefixed if prefixed in columns else parameter.name
        headings[named] = named.removesuffix(parameter.name) + _heading(parameter)
    return [headings.get(one, one) for one in columns]


def _outcomes(study: Study) -> list[list[object]]:
    """A row for each outcome: its name, its role and the number of trials that have it."""
    limits = {limit.outcome: f"has to be {limit.sense} {limit.bound:g}" for limit in study.outcome_constraints}
    roles = {**{one.name: f"{one.direction}d" for one in study.objectives}, **limits}
    done = {name: sum(name in t.outcomes for t in study.trials) for name in study.outcomes}
    done[study.objective] = len(study.state.done)
    return [[name, roles.get(name, "written down"), done[name]] for name in study.outcomes]


def _range(parameter: object) -> str:
    """The values that a parameter may have, in words."""
    if (categories := getattr(parameter, "categories", None)) is not None:
        return ", ".join(categories)
    if (rows := getattr(parameter, "rows", None)) is not None:
        return f"one of {rows} rows"
    if (low := getattr(parameter, "low", None)) is None:
        return type(parameter).__name__.lower()
    scale = ", by ratios" if getattr(parameter, "log_scale", False) else ""
    return f"{low:g} to {getattr(parameter, 'high', None):g} {getattr(parameter, 'unit', '')}".rstrip() + scale


def _condition(parameter: Parameter) -> str:
    """The condition of a parameter in words; empty if it is always active."""
    needs = [f"{name} is {' or '.join(map(str, values))}" for name, values in conditions(parameter)]
    return f", if {' and '.join(needs)}" if needs else ""


def _table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table in HTML."""
    if not rows:
        return "<p>None yet.</p>"
    head = "".join(f"<th>{escape(one)}</th>" for one in titles)
    body = "\n".join("<tr>" + "".join(f"<td>{escape(_text(one))}</td>" for one in row) + "</tr>" for row in rows)
    return f"<div><table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{name} {one}" for name, one in value.items())
    return f"{value:.6g}" if isinstance(value, float) else str(value)
