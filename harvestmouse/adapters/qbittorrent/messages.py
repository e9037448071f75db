"""Ask for the tracker messages of many torrents over a few kept connections.

One request a torrent is what clients before 5.1 offer. The client answers one in about a tenth of a millisecond,
which a general HTTP library exceeds many times over; so requests are written and plain answers read by hand.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from io import BufferedReader
from urllib.parse import urlsplit

from harvestmouse.adapters.errors import ClientUnavailable, ClientUnclear

# With four in flight the client never waits for us; more gain nothing.
_CONNECTIONS = 4
_OK, _NOT_FOUND = 200, 404


def fetch_messages(
    url: str, headers: Mapping[str, str], hashes: Sequence[str], timeout: float, place: str
) -> Iterator[tuple[str, list[object]]]:
    """Yield info-hash and body of ``torrents/trackers``; a torrent that is gone has none.

    Args:
        url: The client's base address.
        headers: Those of an authenticated session, so that the client opens no other.
        hashes: Info-hashes to ask for.
        timeout: Seconds for one answer.
        place: How errors name the client.

    Raises:
        ClientUnavailable: The client stopped answering.
        ClientUnclear: An answer is no list.
    """
    try:
        with ExitStack() as stack:
            count = min(_CONNECTIONS, len(hashes))
            lines = [stack.enter_context(closing(_Line(url, headers, timeout))) for _ in range(count)]
            for info_hash, content in _ask(lines, hashes, place):
                if content is not None:
                    yield info_hash, _read(content, place)
    except (HTTPException, OSError, ValueError) as error:
        raise ClientUnavailable(f"{place}: {type(error).__name__}") from None


def _ask(lines: Sequence["_Line"], hashes: Sequence[str], place: str) -> Iterator[tuple[str, bytes | None]]:
    """Keep a request in flight on every connection, and read the answers in turn."""
    for line, info_hash in zip(lines, hashes, strict=False):
        line.send(info_hash)
    for number, info_hash in enumerate(hashes):
        line = lines[number % len(lines)]
        status, content = line.receive()
        if number + len(lines) < len(hashes):
            line.send(hashes[number + len(lines)])
        if status not in (_OK, _NOT_FOUND):
            raise ClientUnavailable(f"{place}: the client answers {status}")
        yield info_hash, content if status == _OK else None


class _Line:
    """One kept connection, opened anew where the other side does not keep it."""

    def __init__(self, url: str, headers: Mapping[str, str], timeout: float) -> None:
        parts = urlsplit(url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=timeout)
        self._answers: BufferedReader | None = None
        self._start = f"GET {parts.path.rstrip('/')}/api/v2/torrents/trackers?hash="
        own = {"Host": parts.netloc.rpartition("@")[2], **headers}
        self._end = " HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in own.items()) + "\r\n"

    def send(self, info_hash: str) -> None:
        if self._answers is None:
            self._connection.connect()
            self._answers = self._connection.sock.makefile("rb")
        self._connection.sock.sendall(f"{self._start}{info_hash}{self._end}".encode("latin-1"))

    def receive(self) -> tuple[int, bytes]:
        """Read one answer; anything but a plain body of a told length is none of qBittorrent's."""
        answers = self._answers
        if answers is None:
            raise HTTPException("nothing was asked")
        status_line, length, kept = answers.readline(), None, True
        while header := answers.readline().strip().lower():
            name, _, value = header.partition(b":")
            if name == b"content-length":
                length = int(value)
            elif name == b"connection":
                kept = value.strip() != b"close"
        if length is None:
            raise HTTPException("no plain answer")
        content = answers.read(length)
        if len(content) < length:
            raise HTTPException("the answer was cut")
        if not kept:
            self.close()
        return int(status_line.split(None, 2)[1]), content

    def close(self) -> None:
        if self._answers is not None:
            self._answers.close()
            self._answers = None
        self._connection.close()


def _read(content: bytes, place: str) -> list[object]:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, list):
        raise ClientUnclear(f"{place}: the answer is no list")
    return body
