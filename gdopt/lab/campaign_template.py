"""A campaign as a commented TOML file."""

import json
import re
from collections.abc import Mapping

from pydantic import BaseModel

from gdopt.lab.campaign import Campaign, ChoiceEntry, IntegerEntry, RealEntry

__all__ = ["EXAMPLE", "campaign_text"]

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
    "objective": "What is maximized or minimized; a column of every plate. Left out where there are several.",
    "reference_point": "Of several objectives, the worst values of any interest, such as { yield = 50, cost = 20 }.",
    "outcome_constraints": 'Bounds on other outcomes, such as ["impurity <= 2"]; a trial outside is never the best.',
    "tracking_metrics": 'Outcomes that are only written down, such as ["colour"]; they are numbers.',
    "batch": "Trials in a batch, unless `gdopt ask -n` says otherwise.",
    "seed": "The same seed and the same results give the same trials.",
    "algorithm": '"guided" is the diffusion model; others are for comparison, such as "random".',
}
DESIGN_FILTER = """\
# A Python function of yours, module:function, that says of a design whether it may be proposed at all.
# design_filter = "rules:mixes"  # then `gdopt ask --design-filter rules:mixes`, where rules.py is"""
PARAMETERS = """\
# What may be varied: one [[parameters]] each. kind = "real" or "integer" has low, high and unit; log_scale = true
# (real,
# low above 0) makes equal ratios equal steps. kind = "choice" has categories. A parameter that is active only for some
# categories of parameters before it has active_if = { base = ["KOAc", "K3PO4"] }."""
CONSTRAINTS = """\
# What must hold of each design: the sum of coefficient times parameter is at most `upper`.
# [[constraints]]
# coefficients = { a = 1, b = 1 }
# upper = 10"""
TABLE = """\
# Instead of parameters, a table of candidates, of whose rows some are to be tried: a CSV with a column that names each
# row, and others that say what is alike.
# [table]
# file = "catalogue.csv"
# id = "compound"
# descriptors = ["mass", "logp"]  # all that can, if left out"""
CORPUS = """\
# Designs without labels, which show what is plausible: a CSV with a column for each parameter (numbers, choices), or a
# file of SMILES (one parameter of kind "molecule") or of sequences (kind "sequence"), a line each or FASTA.
# [corpus]
# file = "designs.csv"
# steps = 3000  # of training, at most
# weights = "count"  # a column that says how much each design counts
# outcome = "yield"  # or one that a related task measured: the better, the more it counts"""
PRIOR = """\
# Instead, a prior that was fitted to such designs before.
# [prior]
# file = "prior.safetensors"  # as `gdopt prior fit` writes it"""
EXPERT = """\
# Instead, what an expert believes of parameters (all of them real, log_scale = false): about where, or between what.
# Of the others only the bounds are known.
# [expert]
# temperature = { mean = 80, std = 10 }
# pressure = { low = 2, high = 4 }"""
SETTINGS = """\
# Settings of the algorithm, by name.
# [settings]
# candidates = 1000"""


def campaign_text(campaign: Campaign) -> str:
    """A TOML file of the campaign, with comments that say what each key means; `read` reads it back."""
    several = not isinstance(campaign.direction, str)
    # Of one objective there is no reference, of several no single name.
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
    parts += [table_text("[[parameters]]", one) for one in campaign.parameters]
    parts += [CONSTRAINTS, *(table_text("[[constraints]]", one) for one in campaign.constraints)]
    parts += [TABLE, *([table_text("[table]", campaign.table)] if campaign.table else [])]
    parts += [CORPUS, *([table_text("[corpus]", campaign.corpus)] if campaign.corpus else [])]
    parts += [PRIOR, *([table_text("[prior]", campaign.prior)] if campaign.prior else [])]
    parts += [EXPERT]
    if campaign.expert:
        believed = {name: one.model_dump(exclude_none=True) for name, one in campaign.expert.items()}
        parts.append(_named("[expert]", believed))
    parts += [SETTINGS]
    if campaign.settings:
        parts.append(_named("[settings]", campaign.settings))
    return "\n".join(parts) + "\n"


def table_text(title: str, entry: BaseModel) -> str:
    # What is as it is by itself is left out, so that a file is as short as people would write it.
    required = {name for name, one in type(entry).model_fields.items() if one.is_required()}
    said = entry.model_dump(exclude_defaults=True) | entry.model_dump(include=required)
    said = {name: said[name] for name in type(entry).model_fields if name in said}
    return _named(title, said)


def _named(title: str, values: Mapping[str, object]) -> str:
    return "\n".join([title, *(f"{_key(name)} = {_toml(value)}" for name, value in values.items())]) + "\n"


def _toml(value: object) -> str:
    """A value as TOML has it."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(name)} = {_toml(one)}" for name, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, float) and value.is_integer() and abs(value) < WHOLE:
        return str(int(value))
    if isinstance(value, str):
        # The one character that JSON leaves as it is and TOML does not allow.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)


# Floats of this size are all whole; TOML's integers end not far above.
WHOLE = 2**53


def _key(name: str) -> str:
    return name if re.fullmatch(r"[\w-]+", name, re.ASCII) else _toml(name)
