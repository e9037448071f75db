"""What stages of every port need."""

import hashlib
from typing import NoReturn

import pytest

_PIECE = 1 << 18


def cannot(why: str) -> NoReturn:
    """Skip the promise: this world cannot be arranged so.

    Args:
        why: A sentence for the report of the tests, such as "this client asks for no password".
    """
    pytest.skip(why)


def torrent_file(name: str, size_bytes: int, announce: str = "http://127.0.0.1:9/announce") -> bytes:
    """Make the torrent file of one file of zeros.

    Args:
        name: The file's and the torrent's name.
        size_bytes: How many zeros.
        announce: The tracker's address; the default answers nobody.
    """
    whole, rest = divmod(size_bytes, _PIECE)
    pieces = _hash_of_zeros(_PIECE) * whole + (_hash_of_zeros(rest) if rest else b"")
    info = b"d6:lengthi%de4:name%s12:piece lengthi%de6:pieces%s7:privatei1ee" % (
        size_bytes,
        _text(name.encode()),
        _PIECE,
        _text(pieces),
    )
    return b"d8:announce%s4:info%se" % (_text(announce.encode()), info)


def hash_of(number: int) -> str:
    """Return an info-hash that no torrent has."""
    return f"{number:040x}"


def _text(content: bytes) -> bytes:
    return b"%d:%s" % (len(content), content)


def _hash_of_zeros(length: int) -> bytes:
    return hashlib.sha1(bytes(length), usedforsecurity=False).digest()
