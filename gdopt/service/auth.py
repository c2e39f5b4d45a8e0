"""The access token of a service: created once, in a file that only its owner can read."""

import os
import secrets
import stat
from pathlib import Path

from gdopt.errors import StoreError

__all__ = ["read_token", "token_beside"]

# Random bytes of a generated token.
RANDOM = 32
# Minimum number of characters of a token from elsewhere.
SHORTEST = 16
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def token_beside(study: Path) -> Path:
    """The default path of the token of a study's file."""
    return study.with_name(f".{study.name}.token")


def read_token(path: Path) -> str:
    """The token in a file; a missing file is created with a new token.

    Raises:
        StoreError: the file cannot be read or created, can be read by others, or has no valid token.
    """
    try:
        _make(path)
        mode = path.stat().st_mode
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"cannot read the token in {path}: {error}") from error
    # Windows has no such file modes.
    if os.name == "posix" and mode & OTHERS:
        raise StoreError(f"the token in {path} can be read by others: chmod 600 {path}")
    if len(token) < SHORTEST or not token.isprintable() or " " in token:
        raise StoreError(f"{path} holds no token: expected {SHORTEST} characters or more without spaces")
    return token


def _make(path: Path) -> None:
    """Create a file with a new token if it is missing; if two processes do this at once, one succeeds."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    if path.exists():
        return
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(RANDOM) + "\n")
        path.hardlink_to(part)
    except FileExistsError:
        pass
    finally:
        part.unlink()
