"""Ask for the tracker messages of many torrents over a few kept connections.

One request a torrent is what clients before 5.1 offer.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing

from harvestmouse.adapters.errors import ClientUnavailable, ClientUnclear
from harvestmouse.adapters.qbittorrent.connection import FAILURES, Connection, reason
from harvestmouse.adapters.qbittorrent.session import Session

_ENDPOINT = "torrents/trackers"
# With four in flight the client never waits for us; more gain nothing.
_CONNECTIONS = 4
_OK, _NOT_FOUND = 200, 404
# Who sleeps between two answers is often woken on the core that the client works on, and from then on the two take
# turns. So we look for the next answer, as a rule 0.1 ms away, for twice that time, and only then go to sleep;
# not for long where it does not help: the client is far away, or has no core of its own.
_LOOKS, _IN_VAIN = 200, 50


def fetch_messages(session: Session, hashes: Sequence[str]) -> Iterator[tuple[str, list[object]]]:
    """Yield info-hash and body of ``torrents/trackers``; a torrent that is gone has none.

    Raises:
        ClientUnavailable: The client stopped answering.
        ClientUnclear: An answer is no list.
    """
    place = session.place(_ENDPOINT)
    try:
        with ExitStack() as stack:
            count = min(_CONNECTIONS, len(hashes))
            lines = [stack.enter_context(closing(session.connection())) for _ in range(count)]
            for info_hash, status, content in _ask(lines, session, hashes):
                if status == _OK:
                    yield info_hash, _read(content, place)
                elif status != _NOT_FOUND:
                    raise ClientUnavailable(f"{place}: the client answers {status}")
    except FAILURES as error:
        raise ClientUnavailable(f"{place}: {reason(error)}") from None


def _ask(lines: Sequence[Connection], session: Session, hashes: Sequence[str]) -> Iterator[tuple[str, int, bytes]]:
    """Keep a request in flight on every connection, and read the answers in turn."""
    # Those of the session, so that the client opens no other.
    headers = session.headers()
    for line, info_hash in zip(lines, hashes, strict=False):
        line.ask("GET", f"{_ENDPOINT}?hash={info_hash}", headers)
    in_vain = 0 if (os.cpu_count() or 1) > 1 else _IN_VAIN
    for number, info_hash in enumerate(hashes):
        line = lines[number % len(lines)]
        if in_vain < _IN_VAIN and not any(line.is_answered for _ in range(_LOOKS)):
            in_vain += 1
        answer = line.answer()
        content = answer.read()
        if number + len(lines) < len(hashes):
            line.ask("GET", f"{_ENDPOINT}?hash={hashes[number + len(lines)]}", headers)
        yield info_hash, answer.status, content


def _read(content: bytes, place: str) -> list[object]:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, list):
        raise ClientUnclear(f"{place}: the answer is no list")
    return body
