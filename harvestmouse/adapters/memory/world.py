"""An embedded site, swarm and client, for the demonstration, for tests and for simulation."""

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import Factory, define, evolve

from harvestmouse.adapters.bencode import info_hash as info_hash_of
from harvestmouse.adapters.errors import AlreadyInClient, NotATorrent
from harvestmouse.adapters.interface import Listing
from harvestmouse.core.actions import AddTorrent, BuyUpload, BuyVip
from harvestmouse.core.model import Preferences, Profile, SearchPage, SearchResult, Torrent
from harvestmouse.core.search import Query
from harvestmouse.core.units import GIB, WEEK
from harvestmouse.core.wire.mam import PurchaseReply

LEAST_UPLOAD_GIB = 50
PREFERENCES = Preferences(
    queueing_enabled=True,
    max_active_downloads=3,
    max_active_uploads=3,
    max_active_torrents=5,
    dont_count_slow_torrents=False,
)


@define
class World:
    """All there is: one account, one catalogue, one client, one clock.

    Attributes:
        now: Unix seconds; only `pass_time` moves it.
        torrents: The client's torrents by info-hash.
    """

    now: int
    profile: Profile
    catalogue: list[SearchResult] = Factory(list)
    torrents: dict[str, Torrent] = Factory(dict)
    preferences: Preferences = PREFERENCES
    free_space_bytes: int = 200 * GIB

    def pass_time(self, seconds: int) -> None:
        """Let time pass: whatever seeds goes on seeding."""
        self.now += seconds
        for identity, torrent in self.torrents.items():
            if torrent.state in ("uploading", "stalledUP", "forcedUP"):
                grown = (torrent.seeding_time or 0) + seconds
                self.torrents[identity] = evolve(torrent, seeding_time=grown)


@define
class MemorySite:
    """The world's site; see `harvestmouse.adapters.interface.Site`."""

    world: World

    def profile(self) -> Profile:
        """Read the account."""
        return self.world.profile

    def search(self, query: Query, now: int) -> SearchPage:  # noqa: ARG002 - nothing here expires
        """Filter and sort as the real site does, by demand."""
        found = sorted(
            (one for one in self.world.catalogue if _matches(one, query)),
            key=lambda one: (one.leechers, one.id),
            reverse=True,
        )
        return SearchPage(results=tuple(found[query.start : query.start + query.rows]), found=len(found))

    def torrent_file(self, torrent_id: int) -> bytes:
        """Make a torrent file of an id; nobody downloads it."""
        result = next((one for one in self.world.catalogue if one.id == torrent_id), None)
        if result is None:
            raise NotATorrent(f"torrent {torrent_id}: the site sent no torrent file")
        name = str(torrent_id).encode()
        return b"d4:infod6:lengthi%de4:name%d:%see" % (result.size_bytes, len(name), name)

    def buy(self, purchase: BuyUpload | BuyVip) -> PurchaseReply:
        """Sell upload credit and VIP at the site's rules."""
        profile, points = self.world.profile, self.world.profile.bonus_points or 0.0
        if isinstance(purchase, BuyUpload) and purchase.gib < LEAST_UPLOAD_GIB:
            return PurchaseReply(success=False, error="Automated spenders buy at least 50 GB")
        if purchase.cost_bp > points:
            return PurchaseReply(success=False, error="Insufficient funds")
        points -= purchase.cost_bp
        if isinstance(purchase, BuyUpload):
            credit = (profile.uploaded_bytes or 0) + purchase.gib * GIB
            self.world.profile = evolve(profile, uploaded_bytes=credit, bonus_points=points)
        else:
            until = max(profile.vip_until or 0, self.world.now) + purchase.weeks * WEEK
            self.world.profile = evolve(profile, vip_until=until, bonus_points=points)
        return PurchaseReply(success=True, bonus_points=points)

    def close(self) -> None:
        """Do nothing: there is no connection."""


@define
class MemoryClient:
    """The world's torrent client; see `harvestmouse.adapters.interface.Client`."""

    world: World

    def torrents(self, category: str) -> Listing:
        """List the torrents of one category."""
        return Listing(torrents=tuple(one for one in self.world.torrents.values() if one.category == category))

    def everything(self) -> Listing:
        """List all torrents, with the free space."""
        torrents = tuple(self.world.torrents.values())
        return Listing(torrents=torrents, free_space_bytes=self.world.free_space_bytes)

    def look(self, hashes: Iterable[str]) -> Listing:
        """List these torrents."""
        wanted = set(hashes)
        return Listing(torrents=tuple(one for one in self.world.torrents.values() if one.hash in wanted))

    def with_messages(self, torrents: Iterable[Torrent]) -> tuple[Torrent, ...]:
        """Return the torrents; one without messages has a tracker that says nothing."""
        return tuple(one if one.messages is not None else evolve(one, messages=()) for one in torrents)

    def preferences(self) -> Preferences:
        """Read the queueing preferences."""
        return self.world.preferences

    def add(self, torrent_file: bytes, info_hash: str, wanted: AddTorrent) -> None:
        """Add a torrent; it starts to download at once."""
        if info_hash != info_hash_of(torrent_file) or info_hash in self.world.torrents:
            raise AlreadyInClient(f"torrent {wanted.id}: the client has it already")
        self.world.torrents[info_hash] = Torrent(
            hash=info_hash,
            name=wanted.title,
            category=wanted.category,
            tags=frozenset(wanted.tags),
            state="downloading",
            added_on=self.world.now,
            completion_on=0,
            seeding_time=0,
            progress=0.0,
            size_bytes=wanted.size_bytes,
            downloaded_bytes=0,
            uploaded_bytes=0,
            seeders=wanted.seeders,
        )
        self.world.free_space_bytes -= wanted.size_bytes

    def delete(self, hashes: Iterable[str], *, delete_files: bool) -> None:
        """Delete torrents, and what they hold on disk."""
        for identity in hashes:
            torrent = self.world.torrents.pop(identity, None)
            if torrent is not None and delete_files and torrent.size_bytes is not None:
                self.world.free_space_bytes += int(torrent.size_bytes * (torrent.progress or 0))

    def set_preferences(self, values: Mapping[str, Any]) -> None:
        """Write preferences."""
        self.world.preferences = evolve(self.world.preferences, **values)

    def force_start(self, hashes: Iterable[str]) -> None:
        """Start torrents past the queue."""
        self._start(hashes, "forcedUP", "forcedDL")

    def resume(self, hashes: Iterable[str]) -> None:
        """Start stopped torrents."""
        self._start(hashes, "stalledUP", "stalledDL")

    def close(self) -> None:
        """Do nothing: there is no connection."""

    def _start(self, hashes: Iterable[str], whole: str, unfinished: str) -> None:
        for identity in hashes:
            torrent = self.world.torrents.get(identity)
            if torrent is not None:
                state = whole if (torrent.progress or 0) >= 1 else unfinished
                self.world.torrents[identity] = evolve(torrent, state=state)


def _matches(result: SearchResult, query: Query) -> bool:
    offered = result.free or result.personal_freeleech or (query.search_type == "fl-VIP" and result.vip)
    in_bands = query.min_size <= result.size_bytes <= query.max_size and result.seeders <= query.max_seeders
    return offered and in_bands and result.leechers >= query.min_leechers
