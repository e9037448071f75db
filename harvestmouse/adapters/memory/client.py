"""The world's torrent client, and what its operator may do with it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import define, evolve, field

from harvestmouse.adapters.bencode import info_hash as info_hash_of
from harvestmouse.adapters.errors import AlreadyInClient
from harvestmouse.adapters.interface import Listing
from harvestmouse.adapters.memory.bodies import (
    WEBAPI_VERSION,
    preferences_body,
    torrent_rows,
    tracker_rows,
    transfer_body,
)
from harvestmouse.adapters.memory.queue import DOWNLOADING, SEEDING
from harvestmouse.adapters.memory.world import World, held_bytes, is_whole
from harvestmouse.adapters.tape import Tape
from harvestmouse.core.actions import AddTorrent
from harvestmouse.core.model import Connection, Preferences, Torrent


@define
class MemoryClient:
    """The world's torrent client; see `harvestmouse.adapters.interface.Client`.

    Attributes:
        tape: Takes what a real client would have sent, where the run is recorded.
    """

    world: World
    tape: Tape | None = field(default=None, kw_only=True)

    def torrents(self, category: str) -> Listing:
        """List the torrents of one category."""
        torrents = tuple(one for one in self.world.torrents.values() if one.category == category)
        self._record(torrents)
        return Listing(torrents=torrents)

    def everything(self) -> Listing:
        """List all torrents, with the free space and a connection that is always there."""
        connection = Connection(
            status="connected", dht_nodes=0, download_speed=0, upload_speed=0, addresses=self.world.addresses
        )
        torrents = tuple(self.world.torrents.values())
        self._record(torrents)
        if self.tape is not None:
            self.tape.keep_transfer(transfer_body(connection))
        return Listing(torrents=torrents, free_space_bytes=self.world.free_space_bytes, connection=connection)

    def overview(self) -> Listing:
        """List all torrents, with the connection."""
        return self.everything()

    def look(self, hashes: Iterable[str]) -> Listing:
        """List these torrents."""
        wanted = set(hashes)
        return Listing(torrents=tuple(one for one in self.world.torrents.values() if one.hash in wanted))

    def with_messages(self, torrents: Iterable[Torrent]) -> tuple[Torrent, ...]:
        """Return the torrents with what their tracker last said; one that never announced has heard nothing."""
        said = self.world.said
        heard = tuple(
            one if one.messages is not None else evolve(one, messages=(said[one.hash],) if one.hash in said else ())
            for one in torrents
        )
        if self.tape is not None:
            for one in heard:
                self.tape.keep_trackers(one.hash, tracker_rows(one.messages or ()))
        return heard

    def preferences(self) -> Preferences:
        """Read the queueing preferences."""
        if self.tape is not None:
            self.tape.keep_preferences(preferences_body(self.world.preferences))
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
            left_bytes=wanted.size_bytes,
            downloaded_bytes=0,
            uploaded_bytes=0,
            seeders=wanted.seeders,
        )

    def delete(self, hashes: Iterable[str], *, delete_files: bool) -> None:
        """Delete torrents, and what they hold on disk."""
        for identity in hashes:
            torrent = self.world.torrents.pop(identity, None)
            if torrent is not None and delete_files:
                self.world.free_space_bytes += held_bytes(torrent)

    def set_preferences(self, values: Mapping[str, Any]) -> None:
        """Write preferences."""
        self.world.preferences = evolve(self.world.preferences, **values)

    def force_start(self, hashes: Iterable[str]) -> None:
        """Start torrents past the queue."""
        self._change(hashes, lambda one: evolve(one, state="forcedUP" if is_whole(one) else "forcedDL"))

    def resume(self, hashes: Iterable[str]) -> None:
        """Start stopped torrents."""
        self._change(hashes, lambda one: evolve(one, state="stalledUP" if is_whole(one) else "stalledDL"))

    def reannounce(self, hashes: Iterable[str]) -> None:
        """Announce torrents that run."""
        for identity in hashes:
            torrent = self.world.torrents.get(identity)
            if torrent is not None and torrent.state in SEEDING | DOWNLOADING:
                self.world.announce(torrent)

    def close(self) -> None:
        """Do nothing: there is no connection."""

    # What only an operator does.

    def stop(self, hashes: Iterable[str]) -> None:
        """Stop torrents, in the words of qBittorrent 5."""
        self._change(hashes, lambda one: evolve(one, state="stoppedUP" if is_whole(one) else "stoppedDL"))

    def recheck(self, hashes: Iterable[str]) -> None:
        """Check torrents against their data; meanwhile the progress is the check's own."""
        self._change(hashes, _checking)

    def restart(self) -> None:
        """Start the program anew: every torrent's data is looked at first."""
        busy = [one.hash for one in self.world.torrents.values() if one.state not in ("missingFiles", "error")]
        self._change(busy, lambda one: evolve(one, state="checkingResumeData", progress=0.0))

    def unmount(self) -> None:
        """Lose the disk: whole torrents miss their files, and nothing else can be written."""
        self._change(list(self.world.torrents), _diskless)

    def mount(self) -> None:
        """Have the disk again: what missed it is checked."""
        lost = [one.hash for one in self.world.torrents.values() if one.state in ("missingFiles", "error")]
        self.recheck(lost)

    def _record(self, torrents: Iterable[Torrent]) -> None:
        if self.tape is not None:
            self.tape.version = WEBAPI_VERSION
            for _ in self.tape.through(torrent_rows(torrents)):
                pass

    def _change(self, hashes: Iterable[str], change: Callable[[Torrent], Torrent]) -> None:
        for identity in hashes:
            torrent = self.world.torrents.get(identity)
            if torrent is not None:
                self.world.torrents[identity] = change(torrent)


def _checking(torrent: Torrent) -> Torrent:
    return evolve(torrent, state="checkingUP" if is_whole(torrent) else "checkingDL", progress=0.0)


def _diskless(torrent: Torrent) -> Torrent:
    if is_whole(torrent):
        return evolve(torrent, state="missingFiles", progress=0.0, downloaded_bytes=0)
    return evolve(torrent, state="error", progress=0.0)
