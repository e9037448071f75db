"""A list of torrents is read object by object, wherever the network cuts it."""

import json
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harvestmouse.adapters.qbittorrent.listing import iter_objects

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_OBJECTS = st.lists(st.dictionaries(st.text(max_size=5), _VALUES, max_size=4), max_size=6)

ROWS = [{"name": 'Maus "groß" — 🐭, [}{]', "tags": ["a"]}, {}, {"deep": {"er": [{"x": "]"}]}}]
TEXT = json.dumps(ROWS, ensure_ascii=False, indent=1).encode()


# As clients write them: no space between, and every torrent begins with the same key.
ALIKE = [
    {"added_on": 1, "name": 'The end,{"added_on":', "trackers": [{"msg": ""}, {"msg": "x"}]},
    {"added_on": 2, "name": "},{", "trackers": []},
    {"added_on": 3, "trackers": [{"url": 1}, {"added_on": 5}, {"added_on": 6}]},
    *({"added_on": number, "name": f"Maus {number}"} for number in range(4, 12)),
]
COMPACT = json.dumps(ALIKE, separators=(",", ":")).encode()


def read(*chunks: bytes) -> list[Any]:
    return list(iter_objects(chunks))


@pytest.mark.parametrize("size", range(1, 40))
def test_chunks_of_any_size_give_the_same(size: int) -> None:
    """The boundaries fall everywhere, within characters of several bytes too."""
    assert read(*(TEXT[at : at + size] for at in range(0, len(TEXT), size))) == ROWS


@pytest.mark.parametrize("size", [*range(1, 40), 100, 200, 300, len(COMPACT)])
def test_elements_that_begin_alike_are_told_apart(size: int) -> None:
    """What looks like the beginning of one, within a name or deeper, is none."""
    assert read(*(COMPACT[at : at + size] for at in range(0, len(COMPACT), size))) == ALIKE


@pytest.mark.parametrize("cut", range(len(COMPACT)))
def test_a_compact_list_that_ends_too_early_is_an_error(cut: int) -> None:
    """All that came whole is read before."""
    with pytest.raises(ValueError, match="too early"):
        read(COMPACT[:cut])


@pytest.mark.parametrize("cut", range(len(TEXT) + 1))
def test_one_cut_anywhere_gives_the_same(cut: int) -> None:
    """Two chunks make the list, however they share it."""
    assert read(TEXT[:cut], TEXT[cut:]) == ROWS


@given(_OBJECTS, st.sampled_from([None, 1]), st.booleans(), st.lists(st.integers(0, 400)))
def test_any_list_in_any_chunks(rows: list[Any], indent: int | None, ascii_: bool, cuts: list[int]) -> None:
    """What was written is what is read."""
    text = json.dumps(rows, ensure_ascii=ascii_, indent=indent).encode("utf-8", "surrogatepass")
    if ascii_ or text.decode("utf-8", "ignore").encode() == text:
        places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
        assert read(*(text[start:end] for start, end in pairwise(places))) == rows


@pytest.mark.parametrize("cut", range(len(TEXT)))
def test_a_list_that_ends_too_early_is_an_error(cut: int) -> None:
    """A truncated list is never taken for a short one."""
    with pytest.raises(ValueError, match="too early"):
        read(TEXT[:cut])


@pytest.mark.parametrize("text", [b'{"a": 1}', b'"x"', b"null", b"<html>", b"Forbidden", b"5"])
def test_what_is_no_list_is_an_error(text: bytes) -> None:
    """Another value, a page or a word is refused at its first character."""
    with pytest.raises(ValueError, match="expected"):
        read(text)


@pytest.mark.parametrize(
    "text", [b"[5]", b'["x"]', b"[[{}]]", b"[{}, null]", b'[{"a": 1} x]', b'[{"a":1},5,{"a":2},{"a":3}]']
)
def test_a_list_of_other_things_is_an_error(text: bytes) -> None:
    """Torrents are objects."""
    with pytest.raises(ValueError, match="expected"):
        read(text)


def test_an_empty_list_is_empty() -> None:
    """A client without torrents says so in two characters, or with space between."""
    assert read(b"[]") == read(b" [", b" ", b"] ") == []


def test_objects_come_before_the_list_is_whole() -> None:
    """The first torrent is there while the rest is on its way."""

    def chunks() -> Any:
        yield b'[{"hash": "1"}, {"ha'
        raise AssertionError("the second chunk was asked for too early")

    assert next(iter(iter_objects(chunks()))) == {"hash": "1"}


@given(st.lists(st.binary(max_size=30)))
@example([b"[" + b"{" * 5])
@example([b"\xff\xfe[", b"\xf0\x9f"])
def test_any_bytes_are_a_list_or_an_error(chunks: list[bytes]) -> None:
    """No answer does worse than a value error."""
    with suppress(ValueError):
        assert isinstance(read(*chunks), list)
