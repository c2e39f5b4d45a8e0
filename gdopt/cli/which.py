"""Which study a verb is about: `--study`, or GDOPT_STUDY, or the only one in the folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gdopt.errors import StoreError

if TYPE_CHECKING:
    from gdopt.study import Study

__all__ = ["SUFFIX", "Where", "opened", "place"]

SUFFIX = ".gdopt"

Where = Annotated[
    str | None,
    typer.Option(
        "--study",
        envvar="GDOPT_STUDY",
        help="The study's file, or the URL of a PostgreSQL database; the only *.gdopt in this folder by default.",
        show_default=False,
    ),
]


def place(given: str | None) -> str:
    """The path or URL of the study.

    Raises:
        StoreError: it was not given, and the folder has none or several.
    """
    if given:
        return given
    found = sorted(str(path) for path in Path().glob(f"*{SUFFIX}"))
    if len(found) == 1:
        return found[0]
    there = f"there are {', '.join(found)} in this folder" if found else f"there is no *{SUFFIX} in this folder"
    raise StoreError(f"which study? {there}: give --study PATH, or set GDOPT_STUDY")


def opened(given: str | None) -> "Study":
    """The study.

    Raises:
        StoreError: there is none, or it cannot be read.
    """
    from gdopt.study import Study

    return Study.open(place(given))
