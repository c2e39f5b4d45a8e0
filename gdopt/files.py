"""Safetensors files with tensors, a JSON header and a checksum: loading a file runs no code from it."""

import errno
import hashlib
import json
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from gdopt.errors import StoreError

__all__ = ["packed", "parts_of", "put", "read", "sync_folder", "unpacked", "write"]

HEADER, CHECKSUM = "gdopt", "sha256"


def packed(tensors: Mapping[str, Any], header: Mapping[str, Any]) -> bytes:
    """The content of a safetensors file with tensors and a JSON header."""
    # Imported where tensors are packed or unpacked: `put` is for all files, and PyTorch takes a second to import.
    import torch
    from safetensors.torch import save

    # Copies, as safetensors refuses tensors that share memory.
    plain = {k: v.detach().cpu().clone(memory_format=torch.contiguous_format) for k, v in tensors.items()}
    text = json.dumps(header, allow_nan=False)
    metadata = {HEADER: text, CHECKSUM: _checksum(plain, text)}
    content: bytes = save(plain or {"": torch.zeros(0)}, metadata)
    return content


def unpacked(content: bytes, name: str | Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The tensors and the header of a content of `packed`; `name` is the name of the file in errors.

    Raises:
        StoreError: it is not such a file, or it was changed.
    """
    from safetensors.torch import load

    try:
        tensors = load(content)
        # A safetensors file starts with the length of its JSON part, 8 bytes, little end first.
        metadata = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
        text, checksum = metadata[HEADER], metadata[CHECKSUM]
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{name} is not a file that gdopt wrote, or is cut short: {error}") from error
    tensors.pop("", None)
    if _checksum(tensors, text) != checksum:
        raise StoreError(f"{name} was changed after it was written: its sha256 does not match")
    header: dict[str, Any] = json.loads(text)
    return tensors, header


def write(path: Path, tensors: Mapping[str, Any], header: Mapping[str, Any]) -> None:
    """Write the file whole or not at all: a new file is forced to disk, then takes the old one's place.

    Raises:
        StoreError: the folder is missing or cannot be written to.
    """
    try:
        put(path, packed(tensors, header))
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from error


def read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The tensors and the header of a file that `write` wrote.

    Raises:
        StoreError: the file is missing, is not such a file, or was changed.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error
    return unpacked(content, path)


@contextmanager
def parts_of(name: str | Path, tensors: Mapping[str, Any]) -> Iterator[None]:
    """A context in which an object is made of the parts of a file: a valid checksum does not make the parts valid.

    Raises:
        StoreError: a tensor has NaN, or the parts are not valid.
    """
    if spoilt := [key for key, value in tensors.items() if value.is_floating_point() and bool(value.isnan().any())]:
        raise StoreError(f"{name} is not a file that gdopt wrote: {spoilt} have NaN in them")
    try:
        yield
    except StoreError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise StoreError(f"{name} is not a file that gdopt wrote: {type(error).__name__}: {error}") from error


def _checksum(tensors: Mapping[str, Any], header: str) -> str:
    import torch

    digest = hashlib.sha256(header.encode())
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes() if value.numel() else b"")
    return digest.hexdigest()


def put(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: a new one is forced to disk, then takes the old one's place."""
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync_folder(path.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Force the names of a folder's files to disk: without it, a power failure may undo that a file got its name."""
    # Windows opens no folders.
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems sync no folders; SQLite passes over that as well.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
