"""Torrent files are named by the info-hash of exactly the bytes they hold, and nothing else passes for one."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harvestmouse.adapters.bencode import info_hash, is_torrent
from harvestmouse.adapters.errors import NotATorrent
from tests.support.torrents import MIB, encode, info_hash_of, make_torrent

_VALUES = st.recursive(
    st.integers() | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.binary(max_size=8), inner, max_size=4),
    max_leaves=10,
)


@given(st.dictionaries(st.binary(max_size=8), _VALUES, max_size=5), st.dictionaries(st.binary(), _VALUES, max_size=4))
def test_a_torrent_is_named_like_elsewhere(around: dict[bytes, object], info: dict[bytes, object]) -> None:
    """Whatever else the file holds, the name is the digest of its info dictionary."""
    torrent = encode({**around, b"info": info})
    assert info_hash(torrent) == info_hash_of(torrent)


@pytest.mark.parametrize("size", [0, 1, MIB, 100 * MIB])
def test_torrents_of_the_tests_are_named(size: int) -> None:
    """The torrents that real clients take are named as they name them."""
    torrent, identity = make_torrent("barn", size, "http://127.0.0.1:9/announce")
    assert info_hash(torrent) == identity
    assert is_torrent(torrent)


@given(st.binary(max_size=300))
@example(b"d4:infod")
@example(b"d4:infode")
@example(b"d4:info-1:e")
@example(b"d99999999999:x")
@example(b"d4:info" + b"l" * 100_000)
@example(b"d4:info" + b"d1:a" * 100_000)
@example(b"d 4:infodee")
@example("d\N{FULLWIDTH DIGIT FOUR}:infodee".encode())
def test_any_bytes_are_a_torrent_or_an_error(content: bytes) -> None:
    """Malformed input ends in an error of ours, quickly."""
    try:
        assert len(info_hash(content)) == 40
    except NotATorrent:
        assert not is_torrent(content)


@given(st.data())
def test_a_cut_torrent_is_none(data: st.DataObject) -> None:
    """No part of a torrent file that ends before its info dictionary does passes for it."""
    torrent, _ = make_torrent("barn", 20_000, "http://127.0.0.1:9/announce")
    cut = data.draw(st.integers(0, len(torrent) - 2))
    assert not is_torrent(torrent[:cut])


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b"d4:infoi5ee", b"d4:info5:wrongee", b"d3:onei1ee", b"l4:infodee", b"4:info", b"de"],
)
def test_what_is_no_torrent_is_refused(content: bytes) -> None:
    """A page, another value or a dictionary without info is no torrent file."""
    with pytest.raises(NotATorrent):
        info_hash(content)
