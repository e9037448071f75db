"""What the outside must be able to do: the ports behind which adapters stand.

An adapter is a pure doer: named values in, values or `harvestmouse.adapters.errors` out, and no decision.
A third party's package brings its own by an entry point in the group ``harvestmouse.sites`` or
``harvestmouse.clients``, and the configuration names it: ``adapter = "..."`` in ``[mam]`` or ``[qbittorrent]``.
What each port promises is in `harvestmouse.testing`, as tests that such an author can run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harvestmouse.adapters.errors import AdapterError
    from harvestmouse.adapters.state.cookie import Cookie
    from harvestmouse.core.actions import AddTorrent, BuyUpload, BuyVip
    from harvestmouse.core.model import Connection, LedgerEntry, Malformed, Preferences, Profile, SearchPage, Torrent
    from harvestmouse.core.search import Query
    from harvestmouse.core.spend import Purchase
    from harvestmouse.core.wire.mam import PurchaseReply


@frozen(kw_only=True)
class Listing:
    """Torrents as a client lists them.

    Attributes:
        torrents: Those that could be read.
        malformed: Rows that could not.
        free_space_bytes: Free space where the client says it.
        connection: How the client is connected, where it says so.
        missing: The clients that did not answer, each with its error, where there are several.
    """

    torrents: tuple[Torrent, ...]
    malformed: tuple[Malformed, ...] = ()
    free_space_bytes: int | None = None
    connection: Connection | None = None
    missing: Mapping[str, AdapterError] = field(factory=dict)


@frozen(kw_only=True)
class Setup:
    """How a client is set up; ``None`` is unknown.

    Attributes:
        version: Its own, in its words.
        save_path: Where it saves unless a torrent says otherwise, as it sees the disk.
        categories: Where each category that there is saves; empty where it has no path of its own.
    """

    version: str | None = None
    save_path: str | None = None
    categories: Mapping[str, str] | None = None


class Site(Protocol):
    """A private tracker's site, over one session."""

    def profile(self) -> Profile:
        """Read the account; raise where the answer is no signed-in profile."""

    def search(self, query: Query, now: int) -> SearchPage:
        """Make one search request."""

    def seed_times(self) -> Mapping[int, int]:
        """Return for how many seconds the site has seen the account's unsatisfied torrents seeded, by its ids.

        Those it does not name are unknown. Asked only where the operator wants it.
        """

    def torrent_file(self, torrent_id: int, *, wedge: bool = False) -> bytes:
        """Fetch a torrent file; raise `NotATorrent` or `DownloadFrozen` where the site sends something else.

        With *wedge* the site is asked to spend a freeleech wedge on it, never twice: who asks knows that it is free for
        nobody, since the site spends the wedge in any case.
        """

    def buy(self, purchase: BuyUpload | BuyVip) -> PurchaseReply:
        """Make one purchase; never twice. Raise `PurchaseUncertain` where the reply does not tell."""

    def address(self) -> str:
        """Return the word that stands for the address which the site sees this host at."""

    def register_address(self) -> bool:
        """Register that address for the tracker; return whether that was a change. Raise `ItemError` if too soon."""

    def close(self) -> None:
        """Let go of connections."""


class Client(Protocol):
    """A torrent client."""

    def torrents(self, category: str) -> Listing:
        """List the torrents of one category."""

    def everything(self) -> Listing:
        """List the torrents of every category, with the free space and, where that asks no more, the connection."""

    def overview(self) -> Listing:
        """List the torrents of every category, with the connection; nothing waits for the free space."""

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

    def reannounce(self, hashes: Iterable[str]) -> None:
        """Announce torrents to their trackers now; what those answer shows a little later."""

    def close(self) -> None:
        """End the session and let go of connections."""


class Cookies(Protocol):
    """Where the site's rotating cookie is kept."""

    def candidates(self) -> list[Cookie]:
        """Return the cookies to try, best first; a secret that the operator has changed goes before what was kept."""

    def store(self, value: str) -> None:
        """Keep a cookie the site has just set, durably; the word that ends a session is never kept."""


class Ledger(Protocol):
    """What happened to the site's ids, in order."""

    def entries(self) -> tuple[LedgerEntry, ...]:
        """Return all entries, oldest first; raise `StateError` where they cannot be read: unknown is not empty."""

    def append(self, entry: LedgerEntry) -> None:
        """Add one entry, durably."""

    def ids(self) -> dict[str, int]:
        """Return the site's ids by info-hash, each as the newest entry about it has it."""


class Journal(Protocol):
    """Purchases: noted before they are asked for, closed when their fate is known."""

    def open(self, purchase: Purchase) -> None:
        """Note a purchase, durably, before it is asked for."""

    def close(self, at: int, outcome: str) -> None:
        """Note the fate of the last purchase."""

    def pending(self) -> Purchase | None:
        """Return the purchase whose fate is unknown, if any; raise `StateError` where nobody can tell."""

    def last_closed(self) -> int | None:
        """Return when the last purchase was closed, in unix seconds."""


class Memory(Protocol):
    """What a run leaves for the next; it only makes decisions more careful, so that damage counts as nothing known."""

    def account(self) -> dict[str, Any]:
        """Return what is remembered of the account, as the snapshot's ``memory`` has it."""

    def remember_account(self, **facts: Any) -> None:
        """Change some facts about the account; a fact that is ``None`` is forgotten."""

    def remember_balance(self, at: int, points: float) -> None:
        """Add a balance to the history from which income is estimated; the oldest may be forgotten."""

    def listing(self) -> dict[str, Any]:
        """Return what is remembered of the torrent list."""

    def remember_listing(self, count: int, clients: Mapping[str, int] | None = None) -> None:
        """Remember how many managed torrents there are after a run, and in each of several clients."""

    def told(self) -> dict[str, Any]:
        """Return what the operator has been told."""

    def remember_told(self, facts: Mapping[str, Any]) -> None:
        """Replace what the operator has been told."""

    def tracker_clock(self) -> dict[str, Any]:
        """Return what is remembered of the torrents' seeding, as the snapshot's ``memory`` has it."""

    def remember_tracker_clock(self, record: Mapping[str, Any]) -> None:
        """Replace what is remembered of the torrents' seeding, durably and as a whole."""
