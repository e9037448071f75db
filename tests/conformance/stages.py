"""Clients to hold the promises of `harvestmouse.adapters.interface.Client` against, each with its world behind it."""

from collections.abc import Iterable
from typing import Protocol

from attrs import define, evolve, field

from harvestmouse.adapters.bencode import info_hash
from harvestmouse.adapters.interface import Client
from harvestmouse.adapters.memory import MemoryClient, World
from harvestmouse.adapters.qbittorrent import QbittorrentClient
from harvestmouse.core.model import TrackerMessage
from tests.support.builders import TRACKER, download, torrent
from tests.support.qbittorrent import QBittorrent
from tests.support.torrents import MIB, make_torrent
from tests.support.tracker import UNREGISTERED, Tracker
from tests.support.world import world_of


class ClientStage(Protocol):
    """A client and the means to arrange its world."""

    @property
    def client(self) -> Client:
        """Return the adapter under test."""

    def put(
        self,
        name: str,
        *,
        category: str = "mam-farming",
        tags: Iterable[str] = (),
        whole: bool = True,
        stopped: bool = False,
    ) -> str:
        """Put a torrent of 5 MiB into the client, and return its info-hash."""

    def refuse(self, identity: str) -> None:
        """Let the torrent's tracker say that it is not registered."""

    def close_slots(self) -> None:
        """Leave no slot to what is put in afterwards."""

    def file_of(self, name: str) -> bytes:
        """Make a torrent file that the client does not have."""

    @property
    def save_path(self) -> str:
        """Where the client may write."""


@define
class MemoryStage:
    """The embedded client."""

    world: World = field(factory=lambda: world_of(torrents=[]))
    closed: bool = False

    @property
    def client(self) -> Client:
        return MemoryClient(self.world)

    def put(
        self,
        name: str,
        *,
        category: str = "mam-farming",
        tags: Iterable[str] = (),
        whole: bool = True,
        stopped: bool = False,
    ) -> str:
        identity = info_hash(self.file_of(name))
        make = torrent if whole else download
        running = "queuedUP" if self.closed else "stalledUP"
        state = {(True, True): "pausedUP", (False, True): "pausedDL", (True, False): running}
        self.world.torrents[identity] = make(
            hash=identity,
            name=name,
            category=category,
            tags=frozenset(tags),
            size_bytes=5 * MIB,
            messages=None,
            state=state.get((whole, stopped), "stalledDL"),
        )
        return identity

    def refuse(self, identity: str) -> None:
        said = TrackerMessage(host=TRACKER, status=4, text=UNREGISTERED)
        self.world.torrents[identity] = evolve(self.world.torrents[identity], messages=(said,))

    def close_slots(self) -> None:
        self.closed = True

    def file_of(self, name: str) -> bytes:
        return make_torrent(name, 5 * MIB, "http://127.0.0.1:9/announce")[0]

    @property
    def save_path(self) -> str:
        return "/downloads"


@define
class RealStage:
    """A real client of some version."""

    program: QBittorrent
    tracker: Tracker
    client: QbittorrentClient = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.client = QbittorrentClient(url=self.program.url)

    def put(
        self,
        name: str,
        *,
        category: str = "mam-farming",
        tags: Iterable[str] = (),
        whole: bool = True,
        stopped: bool = False,
    ) -> str:
        content = self.file_of(name)
        return self.program.add(content, category=category, tags=tags, complete=whole, paused=stopped)

    def refuse(self, identity: str) -> None:
        self.tracker.refusals[identity] = UNREGISTERED
        self.program.post("torrents/reannounce", hashes=identity)
        self.program.wait_for_tracker(identity, 4, 5)

    def close_slots(self) -> None:
        wishes = '{"queueing_enabled": true, "max_active_torrents": 0, "max_active_uploads": 0}'
        self.program.post("app/setPreferences", json=wishes)

    def file_of(self, name: str) -> bytes:
        return make_torrent(name, 5 * MIB, self.tracker.announce_url())[0]

    @property
    def save_path(self) -> str:
        return str(self.program.downloads)

    def empty(self) -> None:
        """Give back an empty client with its usual preferences."""
        self.client.close()
        self.program.post("torrents/delete", hashes="all", deleteFiles="true")
        self.program.post("app/setPreferences", json='{"queueing_enabled": false, "max_active_downloads": 3}')
        self.tracker.refusals.clear()
