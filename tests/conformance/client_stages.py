"""Clients to hold their promises against, each with its world behind it."""

import json
import shutil
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from attrs import define, field

from harvestmouse.adapters.bencode import info_hash
from harvestmouse.adapters.memory import MemoryClient, World
from harvestmouse.adapters.qbittorrent import QbittorrentClient
from harvestmouse.adapters.secret import Secret
from harvestmouse.adapters.several import SeveralClients
from harvestmouse.adapters.transmission import TransmissionClient
from harvestmouse.core.model import TrackerMessage
from harvestmouse.testing import cannot, torrent_file
from harvestmouse.testing.client import CATEGORY, REFUSAL, SIZE_BYTES
from tests.support.builders import TRACKER, download, hash_of, raw_torrent, torrent
from tests.support.qbittorrent import Login, QBittorrent, wait_for
from tests.support.tracker import Swarm, Tracker
from tests.support.transmission import SESSION, USUAL, Transmission, raw_row
from tests.support.transmission import Impostor as TransmissionImpostor
from tests.support.world import world_of

NOBODY = "http://127.0.0.1:9"


@define
class MemoryStage:
    """The embedded client."""

    world: World = field(factory=lambda: world_of(torrents=[]))
    full: bool = False

    @property
    def client(self) -> MemoryClient:
        return MemoryClient(self.world)

    @property
    def now(self) -> int:
        return self.world.now

    @property
    def free_space_bytes(self) -> int:
        return self.world.free_space_bytes

    @property
    def save_path(self) -> str:
        return "/downloads"

    def file_of(self, name: str) -> bytes:
        return torrent_file(name, SIZE_BYTES)

    def put(
        self,
        name: str,
        *,
        category: str = CATEGORY,
        tags: Iterable[str] = (),
        whole: bool = True,
        stopped: bool = False,
    ) -> str:
        identity = info_hash(self.file_of(name))
        running = "queuedUP" if self.full else "stalledUP"
        state = {(True, True): "pausedUP", (False, True): "pausedDL", (True, False): running}
        self.world.torrents[identity] = (torrent if whole else download)(
            hash=identity,
            name=name,
            category=category,
            tags=frozenset(tags),
            size_bytes=SIZE_BYTES,
            messages=None,
            state=state.get((whole, stopped), "stalledDL"),
        )
        return identity

    def refuse(self, identity: str) -> None:
        self.world.said[identity] = TrackerMessage(host=TRACKER, status=4, text=REFUSAL)

    def accept(self, identity: str) -> None:
        """Do nothing: the world's tracker refuses nobody."""

    def close_slots(self) -> None:
        self.full = True

    def away(self) -> MemoryClient:
        cannot("the embedded client is always there")

    def garbled(self) -> MemoryClient:
        cannot("the embedded client has no rows to read")

    def muddled(self) -> MemoryClient:
        cannot("the embedded client gives no answers to read")

    def locked_out(self, password: str) -> MemoryClient:
        cannot("the embedded client asks for no password")


@define
class SeveralStage(MemoryStage):
    """Two embedded clients as one, which take turns with what is put in."""

    other: World = field(factory=lambda: world_of(torrents=[]))
    client: SeveralClients = field(init=False)  # type: ignore[assignment]

    def __attrs_post_init__(self) -> None:
        self.client = SeveralClients({"home": MemoryClient(self.world), "box": MemoryClient(self.other)})

    def put(self, name: str, **how: Any) -> str:
        identity = super().put(name, **how)
        if len(self.world.torrents) > len(self.other.torrents) + 1:
            self.other.torrents[identity] = self.world.torrents.pop(identity)
        return identity

    def refuse(self, identity: str) -> None:
        for world in (self.world, self.other):
            world.said[identity] = TrackerMessage(host=TRACKER, status=4, text=REFUSAL)

    def away(self) -> SeveralClients:  # type: ignore[override]
        return SeveralClients({name: QbittorrentClient(url=NOBODY) for name in ("home", "box")})


class Impostor:
    """Something that answers in the client's place, to use in a `with` statement.

    Attributes:
        answers: Its answers by the Web API's name of what is asked; to all else it answers with a page.
    """

    def __init__(self, answers: Mapping[str, str]) -> None:
        handler = type("Handler", (_ImpostorHandler,), {"answers": answers})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _ImpostorHandler(BaseHTTPRequestHandler):
    answers: ClassVar[Mapping[str, str]]

    def do_GET(self) -> None:
        content = self.answers.get(urlsplit(self.path).path.removeprefix("/api/v2/"), "<html>Welcome</html>").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class chose the name
        """Say nothing."""


@define
class QbittorrentStage:
    """A real client of some version, started when it is entered and emptied between two tests."""

    folder: Path
    binary: Path
    _programs: ExitStack = field(factory=ExitStack, init=False)
    program: QBittorrent = field(init=False)
    tracker: Tracker = field(init=False)
    client: QbittorrentClient = field(init=False)
    _guarded: QBittorrent | None = field(default=None, init=False)
    _emptied: int = field(default=0, init=False)

    def __enter__(self) -> Self:
        self.tracker = self._programs.enter_context(Tracker(Swarm(seeders=7, leechers=2)))
        self.program = self._programs.enter_context(QBittorrent(self.folder / "profile", self.binary))
        self.client = QbittorrentClient(url=self.program.url)
        return self

    def __exit__(self, *_: object) -> None:
        self._programs.close()

    @property
    def now(self) -> int:
        return int(time.time())

    @property
    def free_space_bytes(self) -> int:
        return shutil.disk_usage(self.program.downloads).free

    @property
    def save_path(self) -> str:
        # The client deletes files some time after their torrent, which the next test may put in again.
        return str(self.program.downloads / str(self._emptied))

    def file_of(self, name: str) -> bytes:
        return torrent_file(name, SIZE_BYTES, self.tracker.announce_url())

    def put(
        self,
        name: str,
        *,
        category: str = CATEGORY,
        tags: Iterable[str] = (),
        whole: bool = True,
        stopped: bool = False,
    ) -> str:
        return self.program.add(
            self.file_of(name),
            category=category,
            tags=tags,
            save_path=Path(self.save_path),
            complete=whole,
            paused=stopped,
        )

    def refuse(self, identity: str) -> None:
        self.tracker.refusals[identity] = REFUSAL
        self.program.post("torrents/reannounce", hashes=identity)
        self.program.wait_for_tracker(identity, 4, 5)

    def accept(self, identity: str) -> None:
        del self.tracker.refusals[identity]

    def close_slots(self) -> None:
        wishes = '{"queueing_enabled": true, "max_active_torrents": 0, "max_active_uploads": 0}'
        self.program.post("app/setPreferences", json=wishes)

    def away(self) -> QbittorrentClient:
        return QbittorrentClient(url=NOBODY)

    def garbled(self) -> QbittorrentClient:
        mine = raw_torrent(1, name="mine", category=CATEGORY)
        rows = [{}, mine, {**mine, "hash": None}, {"hash": 7}]
        state = {"server_state": {"free_space_on_disk": 5 << 30}, "rid": 1}
        answers = {
            "torrents/info": rows,
            "sync/maindata": {**state, "torrents": {hash_of(1): mine, hash_of(2): None, "": mine}},
        }
        return self._before({path: json.dumps(answer) for path, answer in answers.items()})

    def muddled(self) -> QbittorrentClient:
        return self._before({})

    def _before(self, answers: Mapping[str, str]) -> QbittorrentClient:
        return QbittorrentClient(url=self._programs.enter_context(Impostor(answers)).url)

    def locked_out(self, password: str) -> QbittorrentClient:
        if self._guarded is None:
            guarded = QBittorrent(self.folder / "guarded", self.binary, login=Login())
            self._guarded = self._programs.enter_context(guarded)
        return QbittorrentClient(url=self._guarded.url, username=Login().username, password=Secret(password))

    def empty(self) -> None:
        """Give back an empty client with its usual preferences."""
        self.client.close()
        self.program.post("torrents/delete", hashes="all", deleteFiles="true")
        wait_for(lambda: not self.program.torrents(), "qBittorrent to be empty")
        self._emptied += 1
        self.program.post("app/setPreferences", json='{"queueing_enabled": false, "max_active_downloads": 3}')
        self.tracker.refusals.clear()


@define
class TransmissionStage:
    """A real daemon, started when it is entered and emptied between two tests."""

    folder: Path
    binary: Path
    _programs: ExitStack = field(factory=ExitStack, init=False)
    program: Transmission = field(init=False)
    tracker: Tracker = field(init=False)
    client: TransmissionClient = field(init=False)
    _guarded: Transmission | None = field(default=None, init=False)
    _emptied: int = field(default=0, init=False)

    def __enter__(self) -> Self:
        self.tracker = self._programs.enter_context(Tracker(Swarm(seeders=7, leechers=2)))
        self.program = self._programs.enter_context(Transmission(self.folder / "daemon", self.binary))
        self.client = TransmissionClient(url=self.program.url, category=CATEGORY)
        return self

    def __exit__(self, *_: object) -> None:
        self._programs.close()

    @property
    def now(self) -> int:
        return int(time.time())

    @property
    def free_space_bytes(self) -> int:
        return shutil.disk_usage(self.program.downloads).free

    @property
    def save_path(self) -> str:
        # The daemon deletes files some time after their torrent, which the next test may put in again.
        return str(self.program.downloads / str(self._emptied))

    def file_of(self, name: str) -> bytes:
        return torrent_file(name, SIZE_BYTES, self.tracker.announce_url())

    def put(
        self,
        name: str,
        *,
        category: str = CATEGORY,
        tags: Iterable[str] = (),
        whole: bool = True,
        stopped: bool = False,
    ) -> str:
        return self.program.add(
            self.file_of(name),
            labels=[*([category] if category else []), *tags],
            save_path=Path(self.save_path),
            complete=whole,
            paused=stopped,
        )

    def refuse(self, identity: str) -> None:
        self.program.hear_refusal(self.tracker, identity, REFUSAL)

    def accept(self, identity: str) -> None:
        del self.tracker.refusals[identity]

    def close_slots(self) -> None:
        self.program.ask("session-set", seed_queue_enabled=True, seed_queue_size=0)

    def away(self) -> TransmissionClient:
        return TransmissionClient(url=NOBODY)

    def garbled(self) -> TransmissionClient:
        mine = raw_row(1, name="mine", labels=[CATEGORY])
        rows = [{}, mine, {**mine, "hashString": None}, {"hashString": 7}, None]
        stats = {"downloadSpeed": 0, "uploadSpeed": 0}
        return self._before(session_get=SESSION, session_stats=stats, torrent_get={"torrents": rows})

    def muddled(self) -> TransmissionClient:
        return self._before()

    def _before(self, **answers: object) -> TransmissionClient:
        return TransmissionClient(url=self._programs.enter_context(TransmissionImpostor(**answers)).url)

    def locked_out(self, password: str) -> TransmissionClient:
        if self._guarded is None:
            guarded = Transmission(self.folder / "guarded", self.binary, login=Login())
            self._guarded = self._programs.enter_context(guarded)
        return TransmissionClient(url=self._guarded.url, username=Login().username, password=Secret(password))

    def empty(self) -> None:
        """Give back an empty daemon with its usual queues."""
        self.client.close()
        hashes = list(self.program.torrents())
        if hashes:
            self.program.ask("torrent-remove", ids=hashes, delete_local_data=True)
        wait_for(lambda: not self.program.torrents(), "Transmission to be empty")
        self._emptied += 1
        self.program.ask("session-set", **USUAL)
        self.tracker.refusals.clear()
