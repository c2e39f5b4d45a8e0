"""Functions of the user by name, such as "rules:miscible": module:function, found from the current folder.

A file can name a function but not contain it: a `FunctionReference` is read from the file, and runs nothing until a
person has given the same name.
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
    """A function that is known by its name only.

    Args:
        name: module:function.

    Raises:
        SettingsError: the name has another form.

    Example:
        >>> FunctionReference("rules:miscible").name
        'rules:miscible'
    """

    name: str

    def __post_init__(self) -> None:
        module, _, attribute = self.name.partition(":")
        if not (all(part.isidentifier() for part in module.split(".")) and attribute.isidentifier()):
            raise SettingsError(f"{self.name!r}: expected module:function")

    def __call__(self, *arguments: object) -> NoReturn:
        """Raises `SettingsError`: the function was not loaded."""
        raise SettingsError(
            f"the design filter of the study is {self.name}, which its file does not contain: "
            f"give --design-filter {self.name}, or set GDOPT_DESIGN_FILTER; in Python load the study with algorithm="
        )


def function(name: str) -> Callable[..., Any]:
    """The function of a name; its module may be in the current folder.

    Raises:
        SettingsError: there is no such function.
    """
    module, _, attribute = name.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        loaded = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(f"{name!r}: expected module:function, of a module found from here: {error}") from error
    if not callable(loaded):
        raise SettingsError(f"{name!r} is a {type(loaded).__name__}, expected a function")
    return loaded  # type: ignore[no-any-return]


def filter_name(algorithm: Algorithm) -> str | None:
    """The name of an algorithm's design filter; None without a filter."""
    loaded = getattr(algorithm, "design_filter", None)
    if loaded is None or isinstance(loaded, FunctionReference):
        return None if loaded is None else loaded.name
    return f"{getattr(loaded, '__module__', '')}:{getattr(loaded, '__qualname__', type(loaded).__qualname__)}"


def with_filter(algorithm: Algorithm, design_filter: Callable[..., bool]) -> Algorithm:
    """The algorithm with a design filter.

    Raises:
        SettingsError: the algorithm takes no filter.
    """
    settings = cast(Any, algorithm)
    if "design_filter" not in {f.name for f in fields(settings)}:
        raise SettingsError(f"design_filter: {type(algorithm).__name__} has no such setting")
    return cast(Algorithm, replace(settings, design_filter=design_filter))


def given(algorithm: Algorithm, name: str) -> Algorithm:
    """The algorithm with the function of its `FunctionReference`, whose name a person has given.

    Raises:
        SettingsError: the algorithm has a filter of another name or none, or there is no such function.
    """
    kept = getattr(algorithm, "design_filter", None)
    if kept != FunctionReference(name):
        stored = f"is {kept.name}" if isinstance(kept, FunctionReference) else "is not set"
        raise SettingsError(f"--design-filter {name}: the design filter of the study {stored}")
    return with_filter(algorithm, function(name))
