"""A tracker on loopback whose answer is chosen by the path of the announce URL."""

from __future__ import annotations

from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from attrs import frozen

from tests.support.torrents import encode

UNREGISTERED = "Unregistered torrent"
NOT_FOUND = "Torrent not found"
MOUSE_RANK = "User currently mouse rank, you need to get your ratio up!"

_REASONS = {"unreg": UNREGISTERED, "notfound": NOT_FOUND, "mouse": MOUSE_RANK}
_BROKEN = {"404": 404, "500": 500}


@frozen
class Swarm:
    """How many others the tracker claims to know."""

    seeders: int = 0
    leechers: int = 0


class Tracker:
    """A tracker to use in a `with` statement; `/announce` works, other paths fail in one way each.

    Attributes:
        swarm: What the tracker claims about every torrent that has no entry in `swarms`.
        swarms: What it claims about single torrents, by info-hash.
        refusals: Failure reasons by info-hash; they go before whatever the path says.
    """

    def __init__(self, swarm: Swarm | None = None) -> None:
        self.swarm = swarm or Swarm()
        self.swarms: dict[str, Swarm] = {}
        self.refusals: dict[str, str] = {}
        self._announces: Counter[str] = Counter()
        self._lock = Lock()
        self._server = _Server(self)
        # The server looks at its wish to stop this often, which is what stopping it costs.
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where the tracker listens, without a path."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def announce_url(self, kind: str = "") -> str:
        """Return the URL that works, or one that fails: unreg, notfound, mouse, 404 or 500."""
        if kind not in {"", *_REASONS, *_BROKEN}:
            raise ValueError(f"the tracker knows no answer called {kind!r}")
        return f"{self.url}/{kind}/announce" if kind else f"{self.url}/announce"

    def announces(self, info_hash: str) -> int:
        """Count the announces seen for a torrent, the refused ones too."""
        with self._lock:
            return self._announces[info_hash]

    def answer(self, path: str, info_hash: str) -> tuple[int, bytes]:
        """Remember the announce and choose its HTTP status and body."""
        with self._lock:
            self._announces[info_hash] += 1
        kind = path.split("/")[1]
        reason = self.refusals.get(info_hash) or _REASONS.get(kind)
        if reason:
            return 200, encode({"failure reason": reason})
        if kind != "announce":
            return _BROKEN.get(kind, 404), b""
        swarm = self.swarms.get(info_hash, self.swarm)
        return 200, encode(
            {
                "interval": 1800,
                # Clients assume half a minute, for which a test that wants another announce would wait.
                "min interval": 1,
                "complete": swarm.seeders,
                "incomplete": swarm.leechers,
                "peers": b"",
            }
        )


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def __init__(self, tracker: Tracker) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.tracker = tracker

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that is stopped in the middle of an announce is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        # The info-hash is 20 raw bytes, and Latin-1 is the encoding that maps every byte to one character.
        hashes = parse_qs(url.query, encoding="latin-1").get("info_hash", [""])
        status, body = self.server.tracker.answer(url.path, hashes[0].encode("latin-1").hex())
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class chose the name
        """Say nothing: pytest's output is for the tests."""
