"""Tables and figures of records: report.md, report.json and a figure for each problem."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from gdopt.bench.metrics import (
    Record,
    feasible,
    incumbents,
    normalized,
    quartiles,
    ranks,
    reference,
    regret,
    sign_of,
    top_auc,
    top_of,
)
from gdopt.bench.problem import file_name
from gdopt.bench.runner import records
from gdopt.errors import StoreError

__all__ = ["curves_figure", "ranks_figure", "report", "summary"]

# Shares of the budget at which scores are reported.
SHARES = (0.25, 0.5, 1.0)
# Methods differ in dashes and markers as well as in colour.
STYLES = tuple((line, marker) for line in ("-", "--", "-.", ":") for marker in ("o", "s", "^", "D"))


def report(folder: Path) -> dict[str, Any]:
    """Scores by problem and method, and ranks; written to report.json, report.md and figures.

    Raises:
        StoreError: the folder has no records.
    """
    found = list(records(folder))
    if not found:
        raise StoreError(f"{folder} has no records: run `gdopt bench run` into it first")
    made = summary(found)
    (folder / "report.json").write_text(json.dumps(made, indent=1) + "\n")
    (folder / "report.md").write_text(markdown(made))
    for problem in made["problems"]:
        figure = curves_figure([r for r in found if r["problem"] == problem])
        figure.savefig(folder / f"{file_name(problem)}.png", dpi=110)
    ranks_figure(made["ranks"]).savefig(folder / "ranks.png", dpi=110)
    return made


def summary(found: Sequence[Record]) -> dict[str, Any]:
    """Scores at 25, 50 and 100 % of the budget, regret, CPU seconds of an `ask`, and the ranks of the methods.

    For strings also the area under the mean of the ten best; with constraints on results also the feasible share.
    """
    problems: dict[str, Any] = {}
    for problem in sorted({r["problem"] for r in found}):
        of = [r for r in found if r["problem"] == problem]
        zero = reference(of)
        rows = {}
        for method in sorted({r["method"] for r in of}):
            rows[method] = row([r for r in of if r["method"] == method], zero)
        problems[problem] = {"zero": zero, "methods": rows}
    return {"problems": problems, "ranks": ranks(found)}


def row(of: Sequence[Record], zero: float) -> dict[str, Any]:
    """The scores of one method on one problem."""
    scores = [normalized(r, zero) for r in of]
    regrets = [value for r in of if (value := regret(r)) is not None]
    # The first ask only draws first designs.
    asks = [s for r in of for s in r["ask_cpu_seconds"][1:]]
    sign = sign_of(of[0])
    areas = [sign * top_auc(r) for r in of if "params" in r]
    shares = [share for r in of if (share := feasible(r)) is not None]
    return {
        "seeds": len(of),
        "scores": {f"{share:.0%}": quartiles([at(s, share) for s in scores]) for share in SHARES},
        "best": quartiles([float(sign * incumbents(r)[-1]) for r in of]),
        "top_10_auc": quartiles(areas) if areas else None,
        "feasible": quartiles(shares) if shares else None,
        "regret": quartiles(regrets) if regrets else None,
        "cpu_seconds_an_ask": float(np.median(asks)) if asks else None,
    }


def at(scores: np.ndarray, share: float) -> float:
    """The score after a share of the budget."""
    return float(scores[max(round(share * len(scores)), 1) - 1])


# --- as text -----------------------------------------------------------------------------------------


def markdown(made: dict[str, Any]) -> str:
    """The report as a page."""
    lines = [
        "# Benchmark",
        "",
        "## Ranks",
        "",
        RANKS,
        "",
        "| method | average rank | 95 % interval |",
        "| --- | --- | --- |",
    ]
    lines += [f"| {name} | {mean:.2f} | {low:.2f} to {high:.2f} |" for name, (mean, low, high) in made["ranks"].items()]
    lines += ["", "![Average ranks](ranks.png)", "", "## Problems", "", PROBLEMS]
    for problem, of in made["problems"].items():
        lines += ["", f"### {problem}", "", f"Score 0 is {of['zero']:.5g} (higher is better).", ""]
        lines += table(of["methods"])
        lines += ["", f"![Best value against evaluations]({file_name(problem)}.png)"]
    return "\n".join(lines) + "\n"


RANKS = "Methods are ranked within each problem and seed by the value of the last incumbent; 1 is best."
PROBLEMS = (
    "Score: 0 is the median over runs of the incumbent among the initial designs, 1 the optimum, or the best known "
    "value, or a bound. Median (quartiles) over seeds; values are noise-free. Top-10 AUC: the mean of the ten best so "
    "far, averaged over evaluations. Feasible: the share of feasible designs among all after the initial ones."
)
# Headings of columns beside the scores; columns without a value for any method of a problem are left out.
COLUMNS = {"best": "best value", "top_10_auc": "top-10 AUC", "feasible": "feasible", "regret": "regret"}


def table(methods: dict[str, Any]) -> list[str]:
    """The methods of a problem, the best first."""
    shown = [key for key in COLUMNS if any(one[key] is not None for one in methods.values())]
    head = ["method", "seeds", *(f"at {share:.0%}".replace("%", " %") for share in SHARES)]
    head += [COLUMNS[key] for key in shown] + ["CPU-s an ask"]
    order = sorted(methods.items(), key=lambda item: -item[1]["scores"]["100%"][1])
    rows = [[name, str(one["seeds"]), *cells(one, shown)] for name, one in order]
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def cells(one: dict[str, Any], shown: Sequence[str]) -> list[str]:
    """The cells of one method after its name and seeds."""
    quarters = [*(one["scores"][f"{share:.0%}"] for share in SHARES), *(one[key] for key in shown)]
    seconds = "-" if one["cpu_seconds_an_ask"] is None else f"{one['cpu_seconds_an_ask']:.2g}"
    return ["-" if some is None else spread(some) for some in quarters] + [seconds]


def spread(quarters: Sequence[float]) -> str:
    """Median and quartiles."""
    low, middle, high = quarters
    return f"{middle:.4g} ({low:.4g}, {high:.4g})"


# --- as figures --------------------------------------------------------------------------------------


def curves_figure(of: Sequence[Record]) -> Figure:
    """The median over seeds of the incumbent's value, by evaluations, with shaded quartiles."""
    figure = Figure(figsize=(7.5, 4.5), layout="constrained")
    axes = figure.add_subplot()
    sign = sign_of(of[0])
    for i, method in enumerate(sorted({r["method"] for r in of})):
        curves = sign * np.array([incumbents(r) for r in of if r["method"] == method])
        low, middle, high = np.nanquantile(curves, [0.25, 0.5, 0.75], axis=0)
        steps = np.arange(1, len(middle) + 1)
        line, marker = STYLES[i % len(STYLES)]
        axes.plot(
            steps, middle, line, marker=marker, markevery=max(len(steps) // 8, 1), markersize=4,
            color=f"C{i % 10}", label=method,
        )  # fmt: skip
        axes.fill_between(steps, low, high, color=f"C{i % 10}", alpha=0.12, linewidth=0)
    axes.axvline(of[0]["start"], color="0.5", linestyle=":", linewidth=1)
    top = top_of(of[0])
    if top is not None:
        axes.axhline(top, color="black", linewidth=1, label="optimum, best known or bound")
    axes.set(xlabel="evaluations", ylabel=f"value of the incumbent ({of[0]['direction']}d)", title=of[0]["problem"])
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    return figure


def ranks_figure(of: dict[str, tuple[float, float, float]]) -> Figure:
    """Average ranks with their intervals."""
    figure = Figure(figsize=(7.5, 0.8 + 0.35 * len(of)), layout="constrained")
    axes = figure.add_subplot()
    names = list(of)[::-1]
    mean, low, high = (np.array([of[name][i] for name in names]) for i in range(3))
    axes.errorbar(mean, range(len(names)), xerr=[mean - low, high - mean], fmt="o", color="black", capsize=3)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="average rank (1 is best), 95 % interval over seeds")
    axes.grid(alpha=0.3, axis="x")
    return figure
