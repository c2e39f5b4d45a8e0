"""What a verb answers: data for programs, with `--json`, or text for people. A verb returns it, and prints nothing."""

import inspect
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Annotated, Any

import typer

from gdopt.errors import GdoptError

__all__ = ["Answer", "listed", "verb"]

Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON, errors too, and nothing else.")]


@dataclass(frozen=True)
class Answer:
    """What a verb has to say.

    Args:
        data: as JSON takes it.
        text: the same for people.
    """

    data: Any
    text: str


def verb(app: typer.Typer, function: Callable[..., Answer], panel: str) -> None:
    """Add a function to the command line, as a verb with `--json`.

    Args:
        app: the command line.
        function: its name, which may end in "_", is the verb's.
        panel: of the help, where it is listed.
    """

    @wraps(function)
    def spoken(*, as_json: bool, **given: Any) -> None:
        if not as_json:
            # As in files: a terminal has no half of a surrogate pair, which earlier versions kept.
            typer.echo(function(**given).text.encode(errors="backslashreplace").decode())
            return
        try:
            data = function(**given).data
        except GdoptError as error:
            typer.echo(json.dumps({"error": type(error).__name__, "message": str(error)}))
            raise typer.Exit(1) from error
        typer.echo(json.dumps(data, allow_nan=False))

    own = inspect.signature(function)
    option = inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Json)
    spoken.__signature__ = own.replace(  # type: ignore[attr-defined]  # where typer looks for the options
        parameters=[*own.parameters.values(), option], return_annotation=None
    )
    # A negative number is a value, not an option.
    numbers = {"ignore_unknown_options": True}
    app.command(function.__name__.rstrip("_"), rich_help_panel=panel, context_settings=numbers)(spoken)


def listed(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lines with a column for each title; numbers to six digits, nothing for None."""
    cells = [list(titles), *([_cell(one) for one in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(one.ljust(width) for one, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
