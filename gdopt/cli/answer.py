"""The answer of a verb: JSON for programs with `--json`, text for people without. Verbs return it and print nothing."""

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
    """The answer of a verb.

    Args:
        data: values that JSON can represent.
        text: the same for people.
    """

    data: Any
    text: str


def verb(app: typer.Typer, function: Callable[..., Answer], panel: str) -> None:
    """Add a function to the command line as a verb with the option `--json`.

    Args:
        app: the command line.
        function: the verb has its name, without a "_" at the end.
        panel: the panel of the help that lists the verb.
    """

    @wraps(function)
    def run(*, as_json: bool, **given: Any) -> None:
        if not as_json:
            # A terminal cannot print a lone surrogate, which earlier versions stored; files escape it too.
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
    run.__signature__ = own.replace(  # type: ignore[attr-defined]  # typer reads the options from here
        parameters=[*own.parameters.values(), option], return_annotation=None
    )
    # A negative number is a value, not an option.
    numbers = {"ignore_unknown_options": True}
    app.command(function.__name__.rstrip("_"), rich_help_panel=panel, context_settings=numbers)(run)


def listed(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table as text, with numbers to six digits and empty cells for None."""
    cells = [list(titles), *([_cell(one) for one in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(one.ljust(width) for one, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
