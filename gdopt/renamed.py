"""Names of version 0.1: each raises an error with its name of today."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar

from gdopt.errors import RenamedError

__all__ = ["CAMPAIGN", "PUBLIC", "old_name", "renamed"]

# Attributes of the package `gdopt`.
PUBLIC: Mapping[str, str] = {"Limit": "OutcomeConstraint"}
# Keys of a campaign's file.
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
    """The error that a name of version 0.1 was used.

    Example:
        >>> print(old_name("gdopt", "Limit", "OutcomeConstraint"))
        gdopt: Limit was renamed to OutcomeConstraint in version 0.2
    """
    return RenamedError(f"{owner}: {old} was renamed to {new} in version 0.2")


def renamed(
    *, arguments: Mapping[str, str] | None = None, attributes: Mapping[str, str] | None = None
) -> Callable[[C], C]:
    """A class decorator: old arguments of the constructor and old attributes raise `RenamedError`.

    Args:
        arguments: new names of arguments by their old names.
        attributes: new names of methods and attributes by their old names.
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
        if attributes:

            def missing(self: Any, name: str) -> Any:
                if name in attributes:
                    raise old_name(cls.__name__, name, attributes[name])
                raise AttributeError(f"{cls.__name__!r} object has no attribute {name!r}", name=name, obj=self)

            made.__getattr__ = missing
        return cls

    return decorate
