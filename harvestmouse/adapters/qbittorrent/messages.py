"""Ask for the tracker messages of many torrents over a few kept connections.

One request a torrent is what clients before 5.1 offer.
"""

import json
from collections import deque
from collections.abc import Callable
from typing import Self

from attrs import define, field

from harvestmouse.adapters.errors import ClientUnavailable, ClientUnclear
from harvestmouse.adapters.qbittorrent.connection import FAILURES, Connection, reason
from harvestmouse.adapters.qbittorrent.session import Session
from harvestmouse.adapters.traffic import CLIENT, Result

_ENDPOINT = "torrents/trackers"
# With four in flight the client never waits for us; more gain nothing.
_CONNECTIONS = 4
_OK, _NOT_FOUND = 200, 404


@define
class Messages:
    """What trackers say, asked for one torrent after the other; to use in a `with` statement, and to `finish`.

    Every method raises ``ClientUnavailable`` where the client stops answering, and ``ClientUnclear`` where an answer
    is no list.

    Attributes:
        keep: Takes an info-hash and its body of ``torrents/trackers``, in the order they were asked for; a torrent that
            is gone has none.
    """

    session: Session
    keep: Callable[[str, list[object]], None]
    # In flight; the connections are those of the session, so that the client opens no other.
    _asked: deque[tuple[str, Connection]] = field(factory=deque, init=False)
    _answers: int = field(default=0, init=False)
    _headers: dict[str, str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._headers = self.session.headers()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        traffic = self.session.traffic
        traffic.count(CLIENT, _ENDPOINT, Result.OK, self._answers)
        traffic.count(CLIENT, _ENDPOINT, Result.NO_ANSWER, len(self._asked))
        for _, line in self._asked:
            line.close()

    def ask(self, info_hash: str) -> None:
        """Ask, and read an earlier answer where too many are on their way."""
        try:
            line = self._read() if len(self._asked) == _CONNECTIONS else self.session.connection()
            self._asked.append((info_hash, line))
            line.ask("GET", f"{_ENDPOINT}?hash={info_hash}", self._headers)
        except FAILURES as error:
            raise self._unavailable(reason(error)) from None

    def finish(self) -> None:
        """Read the answers that are still on their way."""
        try:
            while self._asked:
                self._read().close()
        except FAILURES as error:
            raise self._unavailable(reason(error)) from None

    def _read(self) -> Connection:
        """Read the answer that was asked for first, and return its connection."""
        info_hash, line = self._asked[0]
        answer = line.answer()
        content = answer.read()
        if answer.status == _OK:
            self.keep(info_hash, self._list_in(content))
        elif answer.status != _NOT_FOUND:
            raise self._unavailable(f"the client answers {answer.status}")
        self._asked.popleft()
        self._answers += 1
        return line

    def _list_in(self, content: bytes) -> list[object]:
        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, list):
            raise ClientUnclear(f"{self.session.place(_ENDPOINT)}: the answer is no list")
        return body

    def _unavailable(self, why: str) -> ClientUnavailable:
        return ClientUnavailable(f"{self.session.place(_ENDPOINT)}: {why}")
