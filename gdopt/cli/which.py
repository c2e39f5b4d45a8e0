"""Which study a verb is about: `--study`, or GDOPT_STUDY, or the only one in the folder.

One of several in a file or a database is written with its name after it: `postgresql://lab/screens#amines`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gdopt.errors import RenamedError, StoreError

if TYPE_CHECKING:
    from gdopt.study.study import Study

__all__ = ["SUFFIX", "DesignFilterName", "OldDesignFilterName", "Where", "opened", "place", "refuse_old_name", "split"]

SUFFIX = ".gdopt"

Where = Annotated[
    str | None,
    typer.Option(
        "--study",
        envvar="GDOPT_STUDY",
        help="The study's file, or the URL of a PostgreSQL database, #NAME after it if it holds several; "
        "the only *.gdopt in this folder by default.",
        show_default=False,
    ),
]

DesignFilterName = Annotated[
    str | None,
    typer.Option(
        "--design-filter",
        envvar="GDOPT_DESIGN_FILTER",
        metavar="MODULE:FUNCTION",
        help="The design filter that the campaign names, a function of a module in this folder. "
        "It returns True for each design that may be proposed.",
        show_default=False,
    ),
]

# The option's name in version 0.1: hidden, and any value is refused.
OldDesignFilterName = Annotated[str | None, typer.Option("--allowed", envvar="GDOPT_ALLOWED", hidden=True)]


def refuse_old_name(allowed: str | None) -> None:
    """Raise `RenamedError` if `--allowed` or GDOPT_ALLOWED of version 0.1 was given."""
    if allowed is not None:
        raise RenamedError(
            f"{allowed!r} was given by --allowed or GDOPT_ALLOWED, which version 0.2 renamed: "
            "give --design-filter, or set GDOPT_DESIGN_FILTER and unset GDOPT_ALLOWED"
        )


def place(given: str | None) -> str:
    """Where the study is, as it was given or found.

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


def split(place: str) -> tuple[str, str]:
    """The path or URL of a study, and its name."""
    from gdopt.storage.sql_engine import ALONE

    where, _, name = place.rpartition("#")
    return (where, name) if where and name and not Path(place).exists() else (place, ALONE)


def opened(given: str | None, design_filter: str | None = None) -> "Study":
    """The study, with the function that says what is allowed where its name is given.

    Raises:
        StoreError: there is none, or it cannot be read.
        SettingsError: the study does not ask that function, or it is not found.
    """
    from gdopt.algorithms import user_functions
    from gdopt.study.study import Study

    where, name = split(place(given))
    study = Study.load(where, name=name)
    if design_filter is not None:
        study.algorithm = user_functions.given(study.algorithm, design_filter)
    return study
