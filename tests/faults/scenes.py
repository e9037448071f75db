"""The worlds in which faults are tried, one a job: a site, a real client behind the proxy, and what must stay true."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from attrs import define, field

from harvestmouse.adapters.state.journal import Journal
from harvestmouse.adapters.state.ledger import Ledger
from harvestmouse.core.model import LedgerEntry
from tests.support.fault_proxy import FaultProxy
from tests.support.mam_server import Account, CatalogueTorrent, MamServer
from tests.support.qbittorrent import Ages, QBittorrent
from tests.support.rig import CATEGORY, DAY, HOUR, environment_of, seeded
from tests.support.torrents import GIB, MIB, make_torrent, write_content
from tests.support.tracker import Tracker

_NEW_KEYS = ("queueing_enabled", "max_active_downloads", "max_active_uploads", "max_active_torrents",
             "dont_count_slow_torrents")  # fmt: skip
_LATE_SECONDS, _SAVED_SECONDS = 0.1, 0.1
_BEFORE = Account(uploaded_bytes=16 * GIB, downloaded_bytes=10 * GIB, seedbonus=90_000)


@define
class Stock:
    """A real client with torrents in it, which can be put back as it was.

    Attributes:
        names: What the torrents are called, by info-hash.
    """

    client: QBittorrent
    tracker: Tracker
    names: dict[str, str] = field(factory=dict)
    _whole: list[bytes] = field(factory=list)
    _ages: dict[str, Ages] = field(factory=dict)

    def put(self, name: str, ages: Ages | None = None, *, kind: str = "", whole: bool = False, **how: Any) -> str:
        """Put a torrent in, and return its info-hash."""
        content, _ = make_torrent(name, 60 * MIB, self.tracker.announce_url(kind))
        identity = self.client.add(content, complete=whole, **{"category": CATEGORY, **how})
        self.names[identity] = name
        if whole:
            self._whole.append(content)
        if ages is not None:
            self._ages[identity] = ages
        return identity

    def keep(self) -> None:
        """Let the torrents grow old, and keep a copy of the client's profile."""
        self.client.age(self._ages)
        self.client.stop()
        shutil.copytree(self._profile, self._copy)
        self.client.start()

    def restart(self) -> None:
        """Restart the client, once it has saved what it was told."""
        time.sleep(_SAVED_SECONDS)
        self.client.settle()
        self.client.restart()

    def put_back(self) -> None:
        """Start the client again from the copy; what it has in memory is of no use."""
        os.kill(self.client.pid, signal.SIGKILL)
        self.client.stop()
        shutil.rmtree(self._profile)
        shutil.copytree(self._copy, self._profile)
        shutil.rmtree(self.client.downloads, ignore_errors=True)
        for content in self._whole:
            write_content(content, self.client.downloads)
        self.client.start()

    @property
    def _profile(self) -> Path:
        return self.client.directory / "qBittorrent"

    @property
    def _copy(self) -> Path:
        return self.client.directory / "copy"


@define
class Scene:
    """One world that a fault is tried in.

    Attributes:
        job: What is run.
        moment: How long a client that has said yes may take to list what it did, in seconds.
        later: How many seconds after the faulty run each clean one begins.
        total: How many things the job has to do.
        environment: All that a run is told.
    """

    job: ClassVar[str] = ""
    moment: ClassVar[float] = 0.05
    later: ClassVar[Sequence[int]] = (61,)
    total: ClassVar[int] = 0

    site: MamServer
    directory: Path
    stock: Stock | None
    environment: dict[str, str] = field(factory=dict)

    @property
    def state_dir(self) -> Path:
        """Where a run keeps its files."""
        return self.directory / "state"

    @property
    def uses_site(self) -> bool:
        """Whether the job talks to the site."""
        return self.job in ("grab", "spend")

    @property
    def ledger(self) -> Ledger:
        """What a run remembers of ids."""
        return Ledger(self.state_dir / "grabbed_ids.txt")

    @staticmethod
    def fill(stock: Stock) -> None:
        """Put in what is there before."""

    def expected(self) -> dict[str, str]:
        """Return what torrents that come in are called, by info-hash."""
        return {}

    @property
    def client(self) -> QBittorrent:
        """The real client."""
        assert self.stock is not None
        return self.stock.client

    def done(self) -> int:
        """Count what the job has done of what it has to do."""
        raise NotImplementedError

    def wrongs(self) -> Iterator[str]:
        """Yield, in words, what must never be so after any run."""
        yield from self._unreadable()
        if self.stock is not None:
            held = self.client.torrents()
            yield from (f"{self.stock.names[one]} is gone" for one in self._kept() if one not in held)

    def ended_wrong(self) -> Iterator[str]:
        """Yield, in words, what must not be so after a clean run of an admitted session."""
        if self.uses_site and self._cookie_on_disk() != self.site.cookie:
            yield "the cookie on disk is not the site's"

    def left_open(self) -> Iterator[str]:
        """Yield, in words, what must be settled after the last clean run."""
        yield from ()

    def _kept(self) -> Sequence[str]:
        """Return the torrents that no run may touch."""
        return ()

    def _cookie_on_disk(self) -> str:
        path = self.state_dir / "mam_id"
        return path.read_text().splitlines()[0] if path.exists() else ""

    def _unreadable(self) -> Iterator[str]:
        """Yield the state files that cannot be read, and what else lies about."""
        files = [path for path in self.state_dir.iterdir() if path.is_file()] if self.state_dir.exists() else []
        for path in files:
            if path.name.startswith("."):
                yield f"{path.name} was left behind"
            if path.suffix not in (".json", ".jsonl"):
                continue
            for line in path.read_text().splitlines():
                try:
                    json.loads(line)
                except ValueError:
                    yield f"{path.name} cannot be read"
        lines = (self.state_dir / "grabbed_ids.txt").read_text().splitlines() if self.ledger.path.exists() else []
        if len(lines) != len(self.ledger.entries()):
            yield "the ledger cannot be read"


class GrabScene(Scene):
    """Two torrents are free and wanted; the client has one that owes seed time, and a stranger's."""

    job = "grab"
    total = 2
    # Past the time in which the site may not show a download yet.
    later = (61, 3600)

    @staticmethod
    def catalogue() -> list[CatalogueTorrent]:
        """Return what the site has."""
        return [
            CatalogueTorrent(id=1001, title="Book 1", size_bytes=60 * MIB, leechers=8, free=1),
            CatalogueTorrent(id=1002, title="Book 2", size_bytes=60 * MIB, leechers=7, free=1),
            CatalogueTorrent(id=2001, title="Not free", leechers=90),
        ]

    @staticmethod
    def fill(stock: Stock) -> None:
        """Put in what is there before."""
        stock.put("owing", seeded(DAY, HOUR), whole=True)
        stock.put("stranger", seeded(30 * DAY, 20 * DAY), whole=True, category="films")

    def done(self) -> int:
        """Count the wanted torrents in the client."""
        return len(self.client.torrents().keys() & self._wanted().keys())

    def expected(self) -> dict[str, str]:
        """Return the wanted torrents."""
        return {identity: f"torrent {number}" for identity, number in self._wanted().items()}

    def _wanted(self) -> dict[str, int]:
        return {self.site.world.info_hash(number): number for number in (1001, 1002)}

    def _kept(self) -> Sequence[str]:
        assert self.stock is not None
        return tuple(self.stock.names)

    def wrongs(self) -> Iterator[str]:
        """Yield what is wrong between client and ledger, too."""
        yield from Scene.wrongs(self)
        held = self.client.torrents().keys()
        latest: dict[int, LedgerEntry] = {one.id: one for one in self.ledger.entries()}
        for identity, number in self._wanted().items():
            entry = latest.get(number)
            if identity in held and entry is None:
                yield f"{number} is in the client and forgotten"
            elif identity in held and entry is not None and entry.outcome == "failed" and entry.info_hash != identity:
                yield f"{number} is in the client, and free to be grabbed again"
            elif identity not in held and entry is not None and entry.outcome == "grabbed":
                yield f"{number} is remembered as grabbed, and never was"
        strange = held - self._wanted().keys() - set(self._kept())
        yield from (f"nobody wanted {one}" for one in strange)

    def ended_wrong(self) -> Iterator[str]:
        """Yield what a clean run should have put right in the ledger, too."""
        yield from Scene.ended_wrong(self)
        held, entries = self.client.torrents().keys(), self.ledger.entries()
        hashes = {one.info_hash for one in entries}
        for identity, number in self._wanted().items():
            if identity in held and identity not in hashes:
                yield f"the ledger does not know the info-hash of {number}, which is in the client"

    def left_open(self) -> Iterator[str]:
        """Yield torrents that are still barred as being added."""
        held = self.client.torrents().keys()
        latest = {one.id: one.outcome for one in self.ledger.entries()}
        for identity, number in self._wanted().items():
            if identity not in held and latest.get(number) == "adding":
                yield f"{number} is barred as being added, and is not in the client"


class JanitorScene(Scene):
    """Three torrents are to go; five must stay, whatever a tracker or a listing says."""

    job = "janitor"
    total = 3

    @staticmethod
    def fill(stock: Stock) -> None:
        """Put in what is to go, and what must stay."""
        old = Ages(added_ago=2 * DAY)
        stock.put("dead 1", old)
        stock.put("dead 2", old)
        stock.put("retired", seeded(21 * DAY, 20 * DAY), whole=True)
        stock.put("owing", seeded(2 * DAY, DAY), whole=True)
        stock.put("owing, unregistered", seeded(4 * DAY, DAY), whole=True, kind="unreg")
        stock.put("recovering", seeded(6 * DAY, 5 * DAY, uploaded=0), whole=True, tags=["recovery"])
        stock.put("protected", old, tags=["keep"])
        stock.put("stranger", old, category="films")

    def _named(self, *names: str) -> list[str]:
        assert self.stock is not None
        return [identity for identity, name in self.stock.names.items() if name in names]

    def _kept(self) -> Sequence[str]:
        return self._named("owing", "owing, unregistered", "recovering", "protected", "stranger")

    def remember(self) -> None:
        """Let the ledger know the torrents that never started."""
        for number, identity in enumerate(self._named("dead 1", "dead 2"), 3001):
            self.ledger.append(LedgerEntry(id=number, at=1_700_000_000, info_hash=identity))

    def done(self) -> int:
        """Count what has gone."""
        left = self.client.torrents()
        return sum(identity not in left for identity in self._named("dead 1", "dead 2", "retired"))

    def ended_wrong(self) -> Iterator[str]:
        """Yield torrents that went as never started while the ledger still has them as grabbed."""
        latest = {one.info_hash: one.outcome for one in self.ledger.entries()}
        left = self.client.torrents()
        for name in ("dead 1", "dead 2"):
            (identity,) = self._named(name)
            if identity not in left and latest[identity] != "never_started":
                yield f"the ledger still has {name} as grabbed, which is gone"


class ReconcileScene(Scene):
    """The client's queue is too narrow, and a torrent that owes seed time is stopped."""

    job = "reconcile"
    total = 2
    moment = 0
    before: ClassVar[dict[str, Any]] = {}

    @staticmethod
    def fill(stock: Stock) -> None:
        """Put in stopped torrents, of which one owes seed time."""
        stock.put("owing", seeded(2 * DAY, HOUR), whole=True, paused=True)
        stock.put("free", seeded(9 * DAY, 8 * DAY), whole=True, paused=True)
        stock.put("stranger", seeded(DAY, HOUR), whole=True, paused=True, category="films")

    def _kept(self) -> Sequence[str]:
        assert self.stock is not None
        return tuple(self.stock.names)

    def done(self) -> int:
        """Count the queue and the torrent that seeds."""
        preferences = self.client.get("app/preferences").json()
        wanted = (True, 20, 150, 170, True)
        return (tuple(preferences[key] for key in _NEW_KEYS) == wanted) + self._is_started("owing")

    def _is_started(self, name: str) -> bool:
        """Look until the client, which lists states a moment late, has had time to tell."""
        deadline = time.monotonic() + _LATE_SECONDS
        while self._state(name) in _STOPPED:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def _state(self, name: str) -> str:
        return next(str(one["state"]) for one in self.client.torrents().values() if one["name"] == name)

    def wrongs(self) -> Iterator[str]:
        """Yield what changed that is none of the job's."""
        yield from Scene.wrongs(self)
        yield from (f"{name} was started" for name in ("free", "stranger") if self._state(name) not in _STOPPED)
        now = self.client.get("app/preferences").json()
        yield from (
            f"{key} changed" for key, value in self.before.items() if key not in _NEW_KEYS and now[key] != value
        )


class RescueScene(ReconcileScene):
    """A torrent that owes seed time is stopped, beside others that owe none or are not ours; the queue is to stay."""

    job = "rescue"
    total = 1

    def done(self) -> int:
        """Count the torrent that seeds."""
        return int(self._is_started("owing"))

    def wrongs(self) -> Iterator[str]:
        """Yield what changed that is none of the job's."""
        yield from ReconcileScene.wrongs(self)
        now = self.client.get("app/preferences").json()
        yield from (f"{key} changed" for key in _NEW_KEYS if now[key] != self.before[key])


class SpendScene(Scene):
    """An account 4 GiB short of ratio 2 with points for more than one purchase; no client is needed."""

    job = "spend"
    total = 1
    moment = 0
    later = (61, 300)

    def done(self) -> int:
        """Count the purchases."""
        return (self.site.account.uploaded_bytes - _BEFORE.uploaded_bytes) // (50 * GIB)

    def pending(self) -> bool:
        """Whether the journal is open."""
        return Journal(self.state_dir / "purchases.jsonl").pending() is not None

    def wrongs(self) -> Iterator[str]:
        """Yield purchases that were not wanted."""
        yield from Scene.wrongs(self)
        if self.done() > 1:
            yield f"{self.done()} purchases were made"
        if self.site.account.seedbonus != _BEFORE.seedbonus - 25_000 * self.done():
            yield "points are gone that bought nothing"


_STOPPED = ("pausedUP", "stoppedUP")
SCENES: dict[str, type[Scene]] = {
    one.job: one for one in (GrabScene, JanitorScene, SpendScene, ReconcileScene, RescueScene)
}


@contextmanager
def open_scene(job: str, directory: Path, stock: Stock | None, proxy: FaultProxy | None) -> Iterator[Scene]:
    """Make a fresh world of a job; its client is the stock, put back."""
    kind = SCENES[job]
    tracker_url = "http://127.0.0.1:9" if stock is None else stock.tracker.announce_url()
    catalogue = GrabScene.catalogue() if kind is GrabScene else []
    account = Account(uploaded_bytes=16 * GIB, downloaded_bytes=10 * GIB, seedbonus=90_000)
    if kind is GrabScene:
        account.uploaded_bytes = 40 * GIB
    with MamServer(catalogue=catalogue, account=account, tracker_url=tracker_url) as site:
        if stock is not None:
            stock.put_back()
        scene = kind(site, directory, stock, _environment(site, directory, proxy))
        if isinstance(scene, JanitorScene):
            scene.remember()
        yield scene


def _environment(site: MamServer, directory: Path, proxy: FaultProxy | None) -> dict[str, str]:
    environment = environment_of(site, None, directory) | {
        "HARVESTMOUSE_MAM_READ_TIMEOUT": "10s",
        "HARVESTMOUSE_RECONCILE_FORCE_START": "true",
        "HARVESTMOUSE_CLEANUP_PROTECT_TAGS": "keep",
    }
    return environment if proxy is None else environment | {"HARVESTMOUSE_QBITTORRENT_URL": proxy.url}
