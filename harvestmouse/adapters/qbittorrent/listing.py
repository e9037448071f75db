"""Read a list of torrents row by row while it arrives, so that ten thousand of them never are in memory as text."""

import codecs
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from harvestmouse.adapters.errors import ClientUnavailable, ClientUnclear
from harvestmouse.adapters.interface import Listing
from harvestmouse.adapters.qbittorrent.messages import Messages
from harvestmouse.core.model import Malformed, Torrent
from harvestmouse.core.wire.qbittorrent import collect, parse_torrent
from harvestmouse.core.wire.version import Version

_SPACE = " \t\r\n"


def read_listing(rows: Iterable[object], version: Version | None) -> Listing:
    """Read rows of ``torrents/info``; they may arrive one at a time."""
    return _listing(parse_torrent(row, None, version) for row in rows)


def read_heard(
    rows: Iterable[object], version: Version | None, messages: Messages, wanted: Callable[[Torrent], bool]
) -> Listing:
    """Read rows, and ask what the trackers of some torrents say meanwhile.

    A client that stops answering is asked nothing more; whoever needs what is missing asks again, and is told why.
    """
    return _listing(_ask_in_passing((parse_torrent(row, None, version) for row in rows), messages, wanted))


def _listing(listed: Iterable[Torrent | Malformed]) -> Listing:
    torrents, malformed = collect(listed)
    return Listing(torrents=tuple(torrents), malformed=tuple(malformed))


def _ask_in_passing(
    listed: Iterable[Torrent | Malformed], messages: Messages, wanted: Callable[[Torrent], bool]
) -> Iterator[Torrent | Malformed]:
    failed = False
    for one in listed:
        if not failed and isinstance(one, Torrent) and one.messages is None and wanted(one):
            try:
                messages.ask(one.hash)
            except (ClientUnavailable, ClientUnclear):
                failed = True
        yield one
    if not failed:
        with suppress(ClientUnavailable, ClientUnclear):
            messages.finish()


def iter_objects(chunks: Iterable[bytes]) -> Iterator[object]:
    """Yield the elements of a JSON list of objects.

    Raises:
        ValueError: The text is no such list, or ends before the list does.
    """
    decode = json.JSONDecoder().raw_decode
    buffer, at, opened = "", 0, False
    for text in _decoded(chunks):
        buffer, at = buffer[at:] + text, 0
        while True:
            at = _past(buffer, at, _SPACE + ("," if opened else ""))
            if at == len(buffer):
                break
            if not opened:
                _expect(buffer[at], "[")
                opened, at = True, at + 1
                continue
            if buffer[at] == "]":
                return
            _expect(buffer[at], "{")
            try:
                element, at = decode(buffer, at)
            except ValueError:
                # Not yet whole; the next chunk may finish it.
                break
            yield element
    raise ValueError("the list ends too early")


def _decoded(chunks: Iterable[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    for chunk in chunks:
        yield decoder.decode(chunk)


def _past(text: str, at: int, skipped: str) -> int:
    while at < len(text) and text[at] in skipped:
        at += 1
    return at


def _expect(found: str, wanted: str) -> None:
    if found != wanted:
        raise ValueError(f"expected {wanted!r}, found {found!r}")
