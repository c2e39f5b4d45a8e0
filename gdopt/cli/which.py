"""The study of a verb: `--study`, GDOPT_STUDY, or the only study file in the folder.

If a file or a database has several studies, the name of the study follows a "#": `postgresql://lab/screens#amines`.
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
        help="The study's file, or the URL of a PostgreSQL database, followed by #NAME if it has several studies; "
        "by default the only *.gdopt file in this folder.",
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
    """The given place of the study, or the only study file in the folder.

    Raises:
        StoreError: no place was given, and the folder has no study file or several.
    """
    if given:
        return given
    found = sorted(str(path) for path in Path().glob(f"*{SUFFIX}"))
    if len(found) == 1:
        return found[0]
    there = f"there are {', '.join(found)} in this folder" if found else f"there is no *{SUFFIX} in this folder"
    raise StoreError(f"which study? {there}: give --study PATH, or set GDOPT_STUDY")


def split(place: str) -> tuple[str, str]:
    """The path or URL, and the name of the study in it."""
    from gdopt.storage.sql_engine import ALONE

    where, _, name = place.rpartition("#")
    return (where, name) if where and name and not Path(place).exists() else (place, ALONE)


def opened(given: str | None, design_filter: str | None = None) -> "Study":
    """The study, with its design filter if the filter's name is given.

    Raises:
        StoreError: there is no study, or it cannot be read.
        SettingsError: the study has another filter or none, or the function is not found.
    """
    from gdopt.algorithms import user_functions
    from gdopt.study.study import Study

    where, name = split(place(given))
    study = Study.load(where, name=name)
    if design_filter is not None:
        study.algorithm = user_functions.given(study.algorithm, design_filter)
    return study
