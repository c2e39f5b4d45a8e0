"""Checks of arguments that the modules of this package share."""

from gdopt.errors import SettingsError

__all__ = ["check_count"]


def check_count(name: str, given: int, least: int) -> None:
    """Raise `SettingsError` unless a number is whole, and `least` or above."""
    if isinstance(given, bool) or not isinstance(given, int) or given < least:
        raise SettingsError(f"{name} = {given!r}: expected a whole number, {least} or above")
