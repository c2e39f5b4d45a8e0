"""Functions of the user's by name, such as "rules:miscible": of a module that is found from the folder one is in.

A file may name a function and cannot bring it: what is loaded is a `Named`, which runs nothing until a person has said
the same name.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn, cast

from gdopt.algorithms.base import Algorithm
from gdopt.errors import SettingsError

__all__ = ["FunctionReference", "filter_name", "function", "given", "with_filter"]


@dataclass(frozen=True)
class FunctionReference:
    """In the place of a function that is known by its name only.

    Args:
        name: module:function.

    Raises:
        SettingsError: it is no such name.
    """

    name: str

    def __post_init__(self) -> None:
        module, _, attribute = self.name.partition(":")
        if not (all(part.isidentifier() for part in module.split(".")) and attribute.isidentifier()):
            raise SettingsError(f"{self.name!r}: expected module:function")

    def __call__(self, *given: object) -> NoReturn:
        """Raises `SettingsError`, as the function is not here."""
        raise SettingsError(
            f"the study asks {self.name} what is design_filter, and its file cannot bring that function: "
            f"give --design-filter {self.name}, or set GDOPT_DESIGN_FILTER; in Python open the study with algorithm="
        )


def function(name: str) -> Callable[..., Any]:
    """The function of a module, which may be in the folder that the program runs in.

    Raises:
        SettingsError: there is none.
    """
    module, _, attribute = name.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(f"{name!r}: expected module:function, of a module found from here: {error}") from error
    if not callable(found):
        raise SettingsError(f"{name!r} is a {type(found).__name__}, expected a function")
    return found  # type: ignore[no-any-return]


def filter_name(algorithm: Algorithm) -> str | None:
    """The name of the function that an algorithm asks which designs are allowed; None if it asks none."""
    found = getattr(algorithm, "design_filter", None)
    if found is None or isinstance(found, FunctionReference):
        return None if found is None else found.name
    return f"{getattr(found, '__module__', '')}:{getattr(found, '__qualname__', type(found).__qualname__)}"


def with_filter(algorithm: Algorithm, design_filter: Callable[..., bool]) -> Algorithm:
    """The algorithm with a function that says which designs are design_filter.

    Raises:
        SettingsError: it asks no function.
    """
    settings = cast(Any, algorithm)
    if "design_filter" not in {f.name for f in fields(settings)}:
        raise SettingsError(f"design_filter: {type(algorithm).__name__} asks no function which designs may be proposed")
    return cast(Algorithm, replace(settings, design_filter=design_filter))


def given(algorithm: Algorithm, name: str) -> Algorithm:
    """The algorithm with the function in the place of its name, which a person has said.

    Raises:
        SettingsError: the algorithm has another name or none, or there is no such function.
    """
    kept = getattr(algorithm, "design_filter", None)
    if kept != FunctionReference(name):
        asks = f"asks {kept.name}" if isinstance(kept, FunctionReference) else "asks no function"
        raise SettingsError(f"--design-filter {name}: the study {asks} what is allowed")
    return with_filter(algorithm, function(name))
