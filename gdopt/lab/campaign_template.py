"""Write a campaign as a TOML file with comments."""

import json
import re
from collections.abc import Mapping

from pydantic import BaseModel

from gdopt.lab.campaign import Campaign, ChoiceEntry, IntegerEntry, RealEntry

__all__ = ["EXAMPLE", "campaign_text"]

# From this size on all floats are whole; TOML's integers end at 2**63.
WHOLE = 2**53
EXAMPLE = Campaign(
    name="suzuki",
    direction="maximize",
    objective="yield",
    outcome_constraints=["impurity <= 2"],
    parameters=[
        RealEntry(name="temperature", kind="real", low=20, high=120, unit="degC"),
        RealEntry(name="loading", kind="real", low=0.001, high=0.1, log_scale=True),
        IntegerEntry(name="hours", kind="integer", low=1, high=24),
        ChoiceEntry(name="base", kind="choice", categories=["KOAc", "Cs2CO3", "K3PO4"]),
    ],
)
TOP = {
    "name": "The study will be kept in NAME.gdopt, beside this file.",
    "direction": '"maximize" or "minimize"; of several objectives { yield = "maximize", cost = "minimize" }.',
    "objective": "The outcome to optimize; a column of every plate. Leave it out with several objectives.",
    "reference_point": "With several objectives, the worst values of interest, such as { yield = 50, cost = 20 }.",
    "outcome_constraints": 'Bounds on other outcomes, such as ["impurity <= 2"]; a trial outside is never the best.',
    "tracking_metrics": 'Outcomes that are recorded but not optimized, such as ["colour"]; they are numbers.',
    "batch": "Trials in a batch, unless `gdopt ask -n` gives another number.",
    "seed": "The same seed and the same results give the same trials.",
    "algorithm": '"guided" is the diffusion model; others are for comparison, such as "random".',
}
DESIGN_FILTER = """\
# Your own Python function, module:function. It returns True for each design that may be proposed.
# design_filter = "rules:mixes"  # then `gdopt ask --design-filter rules:mixes`, where rules.py is"""
PARAMETERS = """\
# One [[parameters]] for each parameter. kind = "real" or "integer" has low, high and unit; log_scale = true
# (real, low above 0) makes equal ratios equal steps. kind = "choice" has categories. A parameter that is active
# only for some values of earlier parameters has active_if = { base = ["KOAc", "K3PO4"] }."""
CONSTRAINTS = """\
# Linear constraints on designs: the sum of coefficient times parameter is at most `upper`.
# [[constraints]]
# coefficients = { a = 1, b = 1 }
# upper = 10"""
TABLE = """\
# Instead of parameters, a table of candidates: each design is a row of a CSV file. One column identifies the rows;
# the descriptors are the columns by which rows are similar.
# [table]
# file = "catalogue.csv"
# id = "compound"
# descriptors = ["mass", "logp"]  # default: all other columns"""
CORPUS = """\
# Unlabelled designs, to which a prior is fitted: a CSV with a column for each parameter (numbers, choices), or a
# file of SMILES (one parameter of kind "molecule") or of sequences (kind "sequence"), a line each or FASTA.
# [corpus]
# file = "designs.csv"
# steps = 3000  # maximum number of training steps
# weights = "count"  # the column of the designs' weights
# outcome = "yield"  # or an outcome of a related task: better designs have larger weights"""
PRIOR = """\
# Instead of a corpus, a prior that is already fitted.
# [prior]
# file = "prior.safetensors"  # as `gdopt prior fit` writes it"""
EXPERT = """\
# Instead of a corpus, an expert's beliefs about parameters: a mean and a standard deviation, or an interval. All
# parameters must be real with log_scale = false; parameters without a belief are uniform between their bounds.
# [expert]
# temperature = { mean = 80, std = 10 }
# pressure = { low = 2, high = 4 }"""
SETTINGS = """\
# Settings of the algorithm, by name.
# [settings]
# candidates = 1000"""


def campaign_text(campaign: Campaign) -> str:
    """A TOML file of the campaign with a comment for each key; `read_campaign` reads it back.

    Example:
        >>> campaign_text(EXAMPLE).splitlines()[1]
        'name = "suzuki"'
    """
    several = not isinstance(campaign.direction, str)
    # One objective has no reference point; several objectives have no single name.
    left_out = "objective" if several else "reference_point"
    top = [
        f"# {comment}\n{name} = {_toml(getattr(campaign, name))}\n" for name, comment in TOP.items() if name != left_out
    ]
    parts = [
        *top,
        DESIGN_FILTER,
        *([f"design_filter = {_toml(campaign.design_filter)}"] if campaign.design_filter else []),
        "",
        PARAMETERS,
    ]
    parts += [_table("[[parameters]]", one) for one in campaign.parameters]
    parts += [CONSTRAINTS, *(_table("[[constraints]]", one) for one in campaign.constraints)]
    parts += [TABLE, *([_table("[table]", campaign.table)] if campaign.table else [])]
    parts += [CORPUS, *([_table("[corpus]", campaign.corpus)] if campaign.corpus else [])]
    parts += [PRIOR, *([_table("[prior]", campaign.prior)] if campaign.prior else [])]
    parts += [EXPERT]
    if campaign.expert:
        believed = {name: one.model_dump(exclude_none=True) for name, one in campaign.expert.items()}
        parts.append(_named("[expert]", believed))
    parts += [SETTINGS]
    if campaign.settings:
        parts.append(_named("[settings]", campaign.settings))
    return "\n".join(parts) + "\n"


def _table(title: str, entry: BaseModel) -> str:
    """A table of the file, without the keys that have their default values."""
    required = {name for name, one in type(entry).model_fields.items() if one.is_required()}
    values = entry.model_dump(exclude_defaults=True) | entry.model_dump(include=required)
    return _named(title, {name: values[name] for name in type(entry).model_fields if name in values})


def _named(title: str, values: Mapping[str, object]) -> str:
    return "\n".join([title, *(f"{_key(name)} = {_toml(value)}" for name, value in values.items())]) + "\n"


def _toml(value: object) -> str:
    """A value in TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(name)} = {_toml(one)}" for name, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, float) and value.is_integer() and abs(value) < WHOLE:
        return str(int(value))
    if isinstance(value, str):
        # JSON does not escape DEL, which TOML does not allow.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)


def _key(name: str) -> str:
    """A key in TOML, in quotes where it needs them."""
    return name if re.fullmatch(r"[\w-]+", name, re.ASCII) else _toml(name)
