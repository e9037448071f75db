"""What the outside must be able to do: the ports behind which adapters stand.

An adapter is a pure doer: named values in, values or `harvestmouse.adapters.errors` out, and no decision.
A third party's package brings its own by an entry point in the group ``harvestmouse.sites`` or
``harvestmouse.clients``, and the configuration names it: ``adapter = "..."`` in ``[mam]`` or ``[qbittorrent]``.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from attrs import frozen

from harvestmouse.core.actions import AddTorrent, BuyUpload, BuyVip
from harvestmouse.core.model import Malformed, Preferences, Profile, SearchPage, Torrent
from harvestmouse.core.search import Query
from harvestmouse.core.wire.mam import PurchaseReply


@frozen(kw_only=True)
class Listing:
    """Torrents as a client lists them.

    Attributes:
        torrents: Those that could be read.
        malformed: Rows that could not.
        free_space_bytes: Free space where the client says it.
    """

    torrents: tuple[Torrent, ...]
    malformed: tuple[Malformed, ...] = ()
    free_space_bytes: int | None = None


class Site(Protocol):
    """A private tracker's site, over one session."""

    def profile(self) -> Profile:
        """Read the account; raise where the answer is no signed-in profile."""

    def search(self, query: Query, now: int) -> SearchPage:
        """Make one search request."""

    def torrent_file(self, torrent_id: int) -> bytes:
        """Fetch a torrent file; raise `NotATorrent` or `DownloadFrozen` where the site sends something else."""

    def buy(self, purchase: BuyUpload | BuyVip) -> PurchaseReply:
        """Make one purchase; never twice. Raise `PurchaseUncertain` where the reply does not tell."""

    def close(self) -> None:
        """Let go of connections."""


class Client(Protocol):
    """A torrent client."""

    def torrents(self, category: str) -> Listing:
        """List the torrents of one category."""

    def everything(self) -> Listing:
        """List the torrents of every category, with the free space."""

    def look(self, hashes: Iterable[str]) -> Listing:
        """List these torrents afresh; one that is gone is absent."""

    def with_messages(self, torrents: Iterable[Torrent]) -> tuple[Torrent, ...]:
        """Return the torrents with what their trackers say, asking only for those that lack it."""

    def preferences(self) -> Preferences:
        """Read the queueing preferences."""

    def add(self, torrent_file: bytes, info_hash: str, wanted: AddTorrent) -> None:
        """Add a torrent and see it listed; raise `AlreadyInClient` or `ItemError` where that fails."""

    def delete(self, hashes: Iterable[str], *, delete_files: bool) -> None:
        """Delete torrents; the caller looks afterwards whether they are gone."""

    def set_preferences(self, values: Mapping[str, Any]) -> None:
        """Write preferences, these keys only."""

    def force_start(self, hashes: Iterable[str]) -> None:
        """Start queued torrents past the queue."""

    def resume(self, hashes: Iterable[str]) -> None:
        """Start stopped torrents."""

    def close(self) -> None:
        """End the session and let go of connections."""
