"""Read a JSON document from a file, compressed or not, and never more of it than a machine holds; and write one."""

import json
import os
import sys
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

LARGEST = 1 << 30
_MAGIC, _GZIP = b"\x1f\x8b", 16 + zlib.MAX_WBITS


class DocumentError(Exception):
    """A file holds no whole document, or cannot be written; the text says why, and not which file."""


def read_document(path: str, keep: Callable[[dict[str, Any]], object] | None = None) -> object:
    """Read and decode a file; ``-`` is stdin.

    Args:
        path: The file.
        keep: Returns what is kept of each JSON object, so that the rest of a large file is never in memory all at once.

    Raises:
        DocumentError: It cannot be read, is cut, or is too large.
    """
    try:
        # No name is given to the content: it is let go as soon as it is text.
        return json.loads(_content(path), object_hook=keep)
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"it is no JSON, or is truncated ({error}); record or copy it again") from None


def write_document(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file whole or not at all, and make the folder it is to be in.

    Args:
        path: The file.
        content: All that it is to hold.
        mode: Who may read it; by default its owner alone.

    Raises:
        DocumentError: It cannot be written; the old content is still there.
    """
    from tempfile import mkstemp  # noqa: PLC0415 - slow to import, and most commands only read

    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            with suppress(OSError):
                Path(temporary).unlink()
        raise DocumentError(f"cannot be written: {error.strerror or error}") from None


def _content(path: str) -> bytes:
    content = _read(path)
    if content[:2] == _MAGIC:
        content = _unpack(content)
    if not content or content.isspace():
        raise DocumentError("it is empty; record or copy it again")
    return content


def _read(path: str) -> bytes:
    try:
        if path == "-":
            content = sys.stdin.buffer.read(LARGEST + 1)
        else:
            with open(path, "rb") as file:  # noqa: PTH123 - one call less than a Path
                content = file.read(LARGEST + 1)
    except OSError as error:
        raise DocumentError(f"cannot be read: {error.strerror}") from None
    _bound(len(content))
    return content


def _unpack(content: bytes) -> bytes:
    """Unpack all members; a few bytes can unfold to more than a machine has."""
    parts, size = [], 0
    try:
        while content:
            member = zlib.decompressobj(_GZIP)
            parts.append(member.decompress(content, LARGEST + 1 - size))
            size += len(parts[-1])
            _bound(size)
            if not member.eof:
                raise DocumentError("it is no whole gzip file (its end is missing); record or copy it again")
            content = member.unused_data
    except zlib.error as error:
        raise DocumentError(f"it is no whole gzip file ({error}); record or copy it again") from None
    return b"".join(parts)


def _bound(size: int) -> None:
    if size > LARGEST:
        raise DocumentError(f"it is larger than {LARGEST >> 20} MiB")
