"""`gdopt init` writes a campaign's file, `gdopt new` makes its study."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gdopt.cli.answer import Answer
from gdopt.cli.which import SUFFIX, Where
from gdopt.errors import SettingsError, StoreError

if TYPE_CHECKING:
    from gdopt.campaign import Campaign

__all__ = ["VERBS"]


def init(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("campaign.toml"),
    example: Annotated[bool, typer.Option("--example", help="Ask nothing, write an example to be edited.")] = False,
) -> Answer:
    """Ask what a campaign is about, and write it into a file with comments."""
    from gdopt import campaign
    from gdopt.cli.output import put

    if path.exists():
        raise StoreError(f"{path} is there already: choose another file, or delete it")
    put(path, campaign.written(campaign.EXAMPLE if example else _described(path)))
    text = f"{path} is written; look through it, then: gdopt new {path}"
    return Answer({"file": str(path)}, text)


def new(
    path: Annotated[Path, typer.Argument(help="The campaign's file.")] = Path("campaign.toml"),
    study: Where = None,
) -> Answer:
    """Make the study of a campaign: NAME.gdopt beside its file. A prior is trained, if it has a corpus."""
    from rich.console import Console

    from gdopt import campaign, plate
    from gdopt.demo.loop import training
    from gdopt.sql_store import SqlStore

    found = campaign.read(path)
    where = study or str(path.parent / f"{found.name}{SUFFIX}")
    store = SqlStore(where)
    if store.header() is not None:
        raise StoreError(f"{where} holds a study already: choose another name, or delete it")
    console = Console(stderr=True, highlight=False)
    with training(console) if found.corpus else nullcontext() as show:
        made = campaign.started(found, path.parent, where, show)
    plate.columns(made)
    made.keep()
    data = {"study": where, "parameters": list(made.space.names), "outcomes": list(made.outcomes)}
    goal = f"{made.direction} {made.objective} over {len(made.space.names)} parameters"
    return Answer(data, f"{where}: {goal}; next: gdopt ask --csv plate1.csv")


# --- questions ---

# On the error stream, as the answer alone is printed on the other.
_ask = partial(typer.prompt, err=True)
_maybe = partial(_ask, default="", show_default=False)


def _described(path: Path) -> "Campaign":
    """The campaign that a person describes.

    Raises:
        SettingsError: the answers make no campaign, or there were none.
    """
    from gdopt import campaign

    try:
        raw = _answers(path)
    except typer.Abort as error:
        raise SettingsError("the questions were not answered; gdopt init --example asks none") from error
    return campaign.checked(raw, "these answers")


def _answers(path: Path) -> dict[str, Any]:
    raw: dict[str, Any] = {
        "name": _ask("Name of the campaign, for its file", default=path.resolve().parent.name),
        "direction": _ask("maximize or minimize", default="maximize"),
        "objective": _ask("What is measured and to be improved", default="yield"),
        "limits": _several("A limit on another outcome, such as impurity <= 2"),
        "tracked": _several("Another outcome, only to be written down"),
        "batch": _ask("Trials in a batch", default=8, type=int),
    }
    if corpus := _maybe("A CSV file of designs without labels (empty: none)"):
        raw["corpus"] = {"file": corpus}
    return {**raw, "parameters": [_parameter(name) for name in _several("Name of a parameter")]}


def _parameter(name: str) -> dict[str, Any]:
    kind = _ask(f"  {name} is real, integer or choice", default="real")
    if kind == "choice":
        levels = _ask("  its levels, with commas between them")
        return {"name": name, "kind": kind, "levels": [one.strip() for one in levels.split(",")]}
    number = int if kind == "integer" else float
    said = {"name": name, "kind": kind, "low": _ask("  lowest", type=number), "high": _ask("  highest", type=number)}
    if unit := _maybe("  unit (empty: none)"):
        said["unit"] = unit
    if kind == "real" and said["low"] > 0 and typer.confirm("  are equal ratios equal steps", err=True):
        said["log"] = True
    return said


def _several(what: str) -> list[str]:
    """Answers until there is none."""
    found: list[str] = []
    while one := _maybe(f"{what} (empty: no {'more' if found else 'one'})".replace("no one", "none")):
        found.append(one)
    return found


VERBS: tuple[Callable[..., Answer], ...] = (init, new)
