"""Fill a real qBittorrent with torrents of every kind and keep it running, to measure against.

    python -m benchmarks.fill 5000 4.5

prints the client's address and serves until it is stopped. Of twenty torrents twelve seed, one seeds while its tracker
says unregistered, two are stopped and complete, two are stalled downloads, one is stalled and unregistered,
and two never started.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.qbittorrent import Ages, QBittorrent, find_binary
from tests.support.torrents import MIB, make_torrent
from tests.support.tracker import Tracker

# What of twenty torrents each is: tracker, paused, complete.
_MIX = (
    *[("", False, True)] * 12,
    ("unreg", False, True),
    *[("", True, True)] * 2,
    *[("", False, False)] * 2,
    ("unreg", False, False),
    *[("", True, False)] * 2,
)


@contextmanager
def filled(count: int, binary: str | Path = "qbittorrent-nox") -> Iterator[QBittorrent]:
    """Start a client with *count* torrents whose ages are spread over a month."""
    settings = {"BitTorrent": {r"Session\RefreshInterval": "1500", r"Session\QueueingSystemEnabled": "false"}}
    with (
        TemporaryDirectory() as folder,
        Tracker() as tracker,
        QBittorrent(Path(folder), binary, settings=settings) as client,
    ):
        client.age(dict(_add(client, tracker, number) for number in range(count)))
        yield client


def _add(client: QBittorrent, tracker: Tracker, number: int) -> tuple[str, Ages]:
    kind, paused, complete = _MIX[number % len(_MIX)]
    name = f"Author {number % 97} - Some Title {number:05}.m4b"
    torrent, _ = make_torrent(name, 20 * MIB, tracker.announce_url(kind))
    identity = client.add(torrent, category="mam-farming", tags=["mam"], paused=paused, complete=complete, settle=False)
    return identity, _ages(number, complete=complete)


def _ages(number: int, *, complete: bool) -> Ages:
    added = timedelta(hours=1 + number * 7 % 720)
    if not complete:
        return Ages(added_ago=added)
    return Ages(added_ago=added, completed_ago=added, seeding_time=added * 0.9, uploaded=number % 3 * MIB)


def main() -> None:
    """Fill and wait."""
    # An end by an exception stops the client too; waiting for the signal would leave it to any thread.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with filled(int(sys.argv[1]), find_binary(sys.argv[2])) as client:
        print(client.url, client.pid, flush=True)  # noqa: T201 - it is the result
        signal.pause()


if __name__ == "__main__":
    main()
