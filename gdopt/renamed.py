"""Names of version 0.1: each raises `RenamedError` with its present name."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, NoReturn, TypeVar

from gdopt.errors import RenamedError

__all__ = ["CAMPAIGN", "PUBLIC", "old_name", "renamed"]

# Attributes of the package `gdopt`.
PUBLIC: Mapping[str, str] = {"Limit": "OutcomeConstraint"}
# Keys of a campaign file.
CAMPAIGN: Mapping[str, str] = {
    "allowed": "design_filter",
    "levels": "categories",
    "limits": "outcome_constraints",
    "log": "log_scale",
    "reference": "reference_point",
    "tracked": "tracking_metrics",
    "when": "active_if",
}

C = TypeVar("C", bound=type)


def old_name(owner: str, old: str, new: str) -> RenamedError:
    """The error for a name of version 0.1.

    Example:
        >>> print(old_name("gdopt", "Limit", "OutcomeConstraint"))
        gdopt: Limit was renamed to OutcomeConstraint in version 0.2
    """
    return RenamedError(f"{owner}: {old} was renamed to {new} in version 0.2")


class _OldAttribute:
    """A class attribute whose access raises `RenamedError`, on the class and on its instances."""

    def __init__(self, old: str, new: str) -> None:
        self.old, self.new = old, new

    def __get__(self, instance: object, owner: type) -> NoReturn:
        raise old_name(owner.__name__, self.old, self.new)


def renamed(
    *, arguments: Mapping[str, str] | None = None, attributes: Mapping[str, str] | None = None
) -> Callable[[C], C]:
    """A class decorator: old arguments of the constructor and old attributes raise `RenamedError`.

    Args:
        arguments: present names of arguments by their old names.
        attributes: present names of methods and attributes by their old names.

    Example:
        >>> @renamed(arguments={"log": "log_scale"}, attributes={"open": "load"})
        ... class Scale:
        ...     def __init__(self, log_scale=False):
        ...         self.log_scale = log_scale
        >>> Scale(log=True)
        Traceback (most recent call last):
        ...
        gdopt.errors.RenamedError: Scale: log= was renamed to log_scale= in version 0.2
        >>> Scale.open
        Traceback (most recent call last):
        ...
        gdopt.errors.RenamedError: Scale: open was renamed to load in version 0.2
    """

    def decorate(cls: C) -> C:
        made: Any = cls
        if arguments:
            original = made.__init__

            @wraps(original)
            def checked(self: Any, *args: Any, **kwargs: Any) -> None:
                for name in kwargs.keys() & arguments.keys():
                    new = arguments[name]
                    raise old_name(cls.__name__, f"{name}=", f"{new}=" if new.isidentifier() else new)
                original(self, *args, **kwargs)

            made.__init__ = checked
        for old, new in (attributes or {}).items():
            setattr(made, old, _OldAttribute(old, new))
        return cls

    return decorate
