"""Numbers of things, in words."""

__all__ = ["counted"]


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number and a noun, such as "1 trial" or "3 trials"; the plural adds an s unless it is given."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"
