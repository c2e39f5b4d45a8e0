"""The verbs that begin a campaign: `gdopt init` writes its file, `gdopt new` creates its study."""

import math
import os
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gdopt.arguments import counted
from gdopt.cli.answer import Answer
from gdopt.cli.which import SUFFIX, Where, split
from gdopt.errors import SettingsError, SpaceError, StoreError

if TYPE_CHECKING:
    from gdopt.lab.campaign import Campaign

__all__ = ["VERBS"]


def init(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("campaign.toml"),
    example: Annotated[bool, typer.Option("--example", help="Write an example to edit, without questions.")] = False,
) -> Answer:
    """Ask questions about a campaign, and write the answers as a file with comments."""
    from gdopt.cli.output import put
    from gdopt.lab.campaign_template import EXAMPLE, campaign_text

    if path.exists():
        raise StoreError(f"{path} is there already: choose another file, or delete it")
    # Checked before the questions: otherwise the answers would be lost.
    if not os.access(path.parent, os.W_OK):
        raise StoreError(f"cannot write {path}: there is no folder {path.parent} that can be written to")
    put(path, campaign_text(EXAMPLE if example else _described(path)))
    text = f"{path} is written; look through it, then: gdopt new {path}"
    return Answer({"file": str(path)}, text)


def new(
    path: Annotated[Path, typer.Argument(help="The campaign's file.")] = Path("campaign.toml"),
    study: Where = None,
) -> Answer:
    """Create the study of a campaign: NAME.gdopt in its folder. With a corpus, this trains a prior."""
    from rich.console import Console

    from gdopt.console import training
    from gdopt.lab.campaign_builder import start_study
    from gdopt.lab.campaign_reader import read_campaign
    from gdopt.lab.plate import headings_of
    from gdopt.storage.sql_store import SqlStore

    found = read_campaign(path)
    where, name = split(study or str(path.parent / f"{found.name}{SUFFIX}"))
    store = SqlStore(where, name)
    if store.header() is not None:
        raise StoreError(f"{store} holds a study already: choose another name, or delete it")
    console = Console(stderr=True, highlight=False)
    with training(console) if found.corpus else nullcontext() as show:
        made = start_study(found, path.parent, store, show)
    headings_of(made)
    made.create()
    data = {"study": str(store), "parameters": list(made.space.names), "outcomes": list(made.outcomes)}
    goal = f"{made.config} over {counted(len(made.space.names), 'parameter')}"
    return Answer(data, f"{store}: {goal}; next: gdopt ask --csv plate1.csv")


# --- questions ---

# On the error stream: the output has the answer of the verb only.
_ask = partial(typer.prompt, err=True)
_maybe = partial(_ask, default="", show_default=False)


def _described(path: Path) -> "Campaign":
    """The campaign of the answers to the questions.

    Raises:
        SettingsError: the answers are no valid campaign, or the questions were not answered.
    """
    from gdopt.lab.campaign_reader import checked

    try:
        raw = _answers(path)
    except typer.Abort as error:
        raise SettingsError("the questions were not answered; gdopt init --example asks none") from error
    return checked(raw, "these answers")


def _answers(path: Path) -> dict[str, Any]:
    from gdopt.trials.objectives import OutcomeConstraint

    name = re.sub(r"[^\w.\-]+", "-", path.resolve().parent.name).strip("-.") or "campaign"
    raw: dict[str, Any] = {"name": _ask("Name of the campaign, for its file", default=name, value_proc=_file_name)}
    ways = _directions()
    raw |= _improved(ways)
    limits = [*_several("A limit on another outcome, such as impurity <= 2", partial(_limit, ways))]
    outcomes = [*ways, *(OutcomeConstraint.of(one).outcome for one in limits)]
    raw |= {
        "outcome_constraints": limits,
        "tracking_metrics": [*_names("Another outcome, only to be written down", outcomes)],
        "batch": _ask("Trials in a batch", default=8, value_proc=_count),
    }
    if corpus := _maybe("A CSV file of designs without labels (empty: none)"):
        raw["corpus"] = {"file": corpus}
    while not (parameters := [_parameter(name) for name in _names("Name of a parameter", [])]) and not corpus:
        typer.echo("  a campaign without a file of designs needs a parameter", err=True)
    return {**raw, "parameters": parameters}


def _directions() -> dict[str, str]:
    """The direction of each objective, by name."""
    ways: dict[str, str] = {}
    name = _ask("What is measured and to be improved", default="yield", value_proc=_named)
    while name:
        words = ("maximize", "minimize")
        ways[name] = _ask(f"  maximize or minimize {name}", default="maximize", value_proc=_one_of(*words))
        end = "none" if len(ways) == 1 else "no more"
        name = _maybe(f"Another outcome to be improved, such as cost (empty: {end})", value_proc=partial(_unlike, ways))
    return ways


def _improved(ways: dict[str, str]) -> dict[str, Any]:
    """The keys of one objective, or of several with their reference point as far as it was given."""
    if len(ways) == 1:
        ((name, way),) = ways.items()
        return {"direction": way, "objective": name}
    worst = {name: _maybe(f"Worst {name} of any interest (empty: not known)", value_proc=_number) for name in ways}
    return {"direction": ways, "reference_point": {name: one for name, one in worst.items() if one is not None}}


def _parameter(name: str) -> dict[str, Any]:
    """The table of a parameter; the questions are repeated until it is valid."""
    from gdopt.lab.campaign import ENTRIES

    while True:
        entry = _parameter_answers(name)
        try:
            ENTRIES[entry["kind"]](**entry).parameter()
        except SpaceError as error:
            typer.echo(f"  {error}", err=True)
        else:
            return entry


def _parameter_answers(name: str) -> dict[str, Any]:
    """The answers about one parameter, as a table of the campaign."""
    kinds = ("real", "integer", "choice")
    kind = _ask(f"  {name} is real, integer or choice", default="real", value_proc=_one_of(*kinds))
    if kind == "choice":
        categories = _ask("  its categories, with commas between them")
        return {"name": name, "kind": kind, "categories": [one.strip() for one in categories.split(",") if one.strip()]}
    number = int if kind == "integer" else float
    entry = {"name": name, "kind": kind, "low": _ask("  lowest", type=number), "high": _ask("  highest", type=number)}
    if unit := _maybe("  unit (empty: none)"):
        entry["unit"] = unit
    if kind == "real" and entry["low"] > 0 and typer.confirm("  are equal ratios equal steps", err=True):
        entry["log_scale"] = True
    return entry


def _several(what: str, check: Callable[[str], str] = str) -> Iterator[str]:
    """Answers to a repeated question, until one is empty."""
    end = "none"
    while one := _maybe(f"{what} (empty: {end})", value_proc=check):
        yield one
        end = "no more"


def _names(what: str, taken: Collection[str]) -> Iterator[str]:
    """Names that differ from each other and from the taken names."""
    seen = [*taken]
    for one in _several(what, partial(_unlike, seen)):
        seen.append(one)
        yield one


def _one_of(*words: str) -> Callable[[str], str]:
    """A check that an answer is one of some words; after another answer the question is repeated."""

    def check(text: str) -> str:
        if text not in words:
            raise typer.BadParameter(f"{text!r} is none of {', '.join(words)}")
        return text

    return check


def _file_name(text: str) -> str:
    """A valid name of a campaign."""
    from gdopt.lab.campaign import NAME

    if not re.match(NAME, text.strip()):
        raise typer.BadParameter(f"{text!r}: expected letters, digits, _ . and - without blanks, such as my-campaign")
    return text.strip()


def _named(text: str) -> str:
    """A name that is not blank."""
    if not text.strip():
        raise typer.BadParameter("expected a name")
    return text.strip()


def _count(text: str) -> int:
    """A whole number above 0."""
    if not str(text).strip().isdecimal() or int(text) < 1:
        raise typer.BadParameter(f"{text!r}: expected a whole number above 0")
    return int(text)


def _unlike(taken: Collection[str], text: str) -> str:
    """A name that differs from the taken names."""
    if text.strip() in taken:
        raise typer.BadParameter(f"there is a {text.strip()} already")
    return text.strip()


def _limit(ways: Collection[str], text: str) -> str:
    from gdopt.trials.objectives import OutcomeConstraint

    try:
        if text:
            _unlike(ways, OutcomeConstraint.of(text).outcome)
    except SettingsError as error:
        raise typer.BadParameter(str(error)) from error
    return text


def _number(text: str) -> float | None:
    """A finite number; None for an empty answer."""
    try:
        found = float(text) if text else None
    except ValueError:
        found = math.nan
    if found is not None and not math.isfinite(found):
        raise typer.BadParameter(f"{text!r} is no number")
    return found


VERBS: tuple[Callable[..., Answer], ...] = (init, new)
