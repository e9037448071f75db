"""Read a JSON document from a file, compressed or not, and never more of it than a machine holds."""

import json
import sys
import zlib

LARGEST = 1 << 30
_MAGIC, _GZIP = b"\x1f\x8b", 16 + zlib.MAX_WBITS


class DocumentError(Exception):
    """A file holds no whole document; the text says why, and not which file."""


def read_document(path: str) -> object:
    """Read and decode a file; ``-`` is stdin.

    Raises:
        DocumentError: It cannot be read, is cut, or is too large.
    """
    content = _read(path)
    if content[:2] == _MAGIC:
        content = _unpack(content)
    if not content.strip():
        raise DocumentError("it is empty; record or copy it again")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"it is no JSON, or is truncated ({error}); record or copy it again") from None


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
