"""Torrents of any size made of zeros, and the encoding that torrent and resume files share."""

from __future__ import annotations

from functools import cache
from hashlib import sha1
from pathlib import Path
from typing import Any

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

_MOST_PIECES = 1024
_SMALLEST_PIECE = 16 * KIB
_LARGEST_PIECE = 16 * MIB


def encode(value: Any) -> bytes:
    """Bencode integers, byte strings, text, lists and mappings."""
    match value:
        case int():
            return b"i%de" % value
        case bytes():
            return b"%d:%s" % (len(value), value)
        case str():
            return encode(value.encode())
        case list() | tuple():
            return b"l" + b"".join(encode(item) for item in value) + b"e"
        case dict():
            entries = sorted((key.encode() if isinstance(key, str) else key, item) for key, item in value.items())
            return b"d" + b"".join(encode(key) + encode(item) for key, item in entries) + b"e"
        case _:
            raise TypeError(f"{type(value).__name__} cannot be bencoded: {value!r}")


def decode(data: bytes) -> Any:
    """Read one bencoded value; strings and keys stay bytes."""
    value, end = _decode_at(data, 0)
    if end != len(data):
        raise ValueError(f"{len(data) - end} bytes are left after the bencoded value")
    return value


def make_torrent(name: str, size: int, announce_url: str, *, private: bool = True) -> tuple[bytes, str]:
    """Make a torrent of one file of `size` zero bytes; its content never exists, only its hashes do."""
    piece_length = _piece_length(size)
    whole, rest = divmod(size, piece_length)
    pieces = _hash_of_zeros(piece_length) * whole + (_hash_of_zeros(rest) if rest else b"")
    info: dict[str, Any] = {"name": name, "length": size, "piece length": piece_length, "pieces": pieces}
    if private:
        info["private"] = 1
    torrent = encode({"announce": announce_url, "info": info})
    return torrent, info_hash_of(torrent)


def info_hash_of(torrent: bytes) -> str:
    """Name the torrent as clients and trackers do."""
    return sha1(encode(decode(torrent)[b"info"]), usedforsecurity=False).hexdigest()


def write_content(torrent: bytes, directory: Path) -> Path:
    """Create the file a torrent of `make_torrent` describes: sparse, so that it costs no disk."""
    info = decode(torrent)[b"info"]
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / str(info[b"name"], "utf-8")
    with path.open("wb") as file:
        file.truncate(info[b"length"])
    return path


def _piece_length(size: int) -> int:
    length = _SMALLEST_PIECE
    while length < _LARGEST_PIECE and length * _MOST_PIECES < size:
        length *= 2
    return length


@cache
def _hash_of_zeros(length: int) -> bytes:
    return sha1(bytes(length), usedforsecurity=False).digest()


def _decode_at(data: bytes, at: int) -> tuple[Any, int]:
    match data[at : at + 1]:
        case b"i":
            end = data.index(b"e", at)
            return int(data[at + 1 : end]), end + 1
        case b"l":
            return _decode_items(data, at + 1)
        case b"d":
            items, end = _decode_items(data, at + 1)
            return dict(zip(items[::2], items[1::2], strict=True)), end
        case _:
            colon = data.index(b":", at)
            end = colon + 1 + int(data[at:colon])
            return data[colon + 1 : end], end


def _decode_items(data: bytes, at: int) -> tuple[list[Any], int]:
    items = []
    while data[at : at + 1] != b"e":
        item, at = _decode_at(data, at)
        items.append(item)
    return items, at + 1
