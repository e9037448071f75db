"""Just enough bencoding to name a torrent by its info-hash."""

import hashlib

from harvestmouse.adapters.errors import NotATorrent

_DEEPEST = 64


def info_hash(torrent: bytes) -> str:
    """Return the info-hash (version 1) of a torrent file, lower-case hexadecimal.

    Raises:
        NotATorrent: The bytes are no torrent file.
    """
    try:
        at = torrent.index(b"d", 0, 1) + 1
        while torrent[at : at + 1] != b"e":
            key_end = _skip(torrent, at, 1)
            value_end = _skip(torrent, key_end, 1)
            if torrent[at:key_end] == b"4:info" and torrent[key_end : key_end + 1] == b"d":
                return hashlib.sha1(torrent[key_end:value_end], usedforsecurity=False).hexdigest()
            at = value_end
    except (ValueError, IndexError):
        pass
    raise NotATorrent("the site sent no torrent file")


def is_torrent(body: bytes) -> bool:
    """Whether the bytes are a torrent file."""
    try:
        info_hash(body)
    except NotATorrent:
        return False
    return True


def _skip(data: bytes, at: int, depth: int) -> int:
    """Return where the value that starts at *at* ends."""
    if depth > _DEEPEST:
        raise ValueError("too deep")
    kind = data[at : at + 1]
    if kind == b"i":
        return data.index(b"e", at) + 1
    if kind in (b"l", b"d"):
        at += 1
        while data[at : at + 1] != b"e":
            at = _skip(data, at, depth + 1)
        return at + 1
    colon = data.index(b":", at, at + 12)
    end = colon + 1 + int(data[at:colon])
    if not kind.isdigit() or end > len(data):
        raise ValueError("no string")
    return end
