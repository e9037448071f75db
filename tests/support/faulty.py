"""A site and a client that fail as real ones do, and a book below them of what truly happened.

The book is written from the world itself, at the moment of each change, and knows nothing of plans.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from attrs import Factory, define, evolve, field, frozen

from harvestmouse.adapters.errors import (
    AdapterError,
    ClientUnavailable,
    ClientUnclear,
    ItemError,
    NotATorrent,
    PurchaseUncertain,
    RateLimited,
    SessionInvalid,
    SiteUnavailable,
    UnexpectedBody,
)
from harvestmouse.adapters.interface import Client, Listing, Site
from harvestmouse.adapters.memory import MemoryClient, MemorySite
from harvestmouse.core.actions import AddTorrent, BuyUpload, BuyVip
from harvestmouse.core.model import Malformed, Preferences, Profile, SearchPage, SearchResult, Torrent
from harvestmouse.core.search import Query
from harvestmouse.core.wire.mam import PurchaseReply

T = TypeVar("T")
RECENT_SECONDS = 30 * 60


@frozen(kw_only=True)
class Deletion:
    """A deletion that happened.

    Attributes:
        torrent: As it was at that moment.
        seeded: Seconds that the site had counted; ``None`` where it never heard of the torrent.
    """

    torrent: Torrent
    seeded: int | None


@frozen(kw_only=True)
class Addition:
    """A torrent that was added.

    Attributes:
        offer: As the last search showed it.
        account: As it was when the profile was last read.
        snatched: Whether the site had already counted it.
        unsatisfied: All that the site counts as unsatisfied, and what was added lately and it has not heard of yet,
            this one included.
        managed: Torrents of its category, this one included.
        disk_left: Free space, less the whole size of everything the run has added.
        wedge: Whether a wedge was spent on it.
    """

    offer: SearchResult
    account: Profile
    snatched: bool
    unsatisfied: int
    managed: int
    disk_left: int
    wedge: bool


@frozen(kw_only=True)
class Purchase:
    """A purchase that happened.

    Attributes:
        shown: The balance that the profile last showed.
        paid: Points.
        before: The account at that moment.
    """

    at: int
    asked: BuyUpload | BuyVip
    shown: float
    paid: float
    before: Profile


@frozen(kw_only=True)
class Write:
    """A change of the client's preferences.

    Attributes:
        torrents: The client's at that moment.
    """

    values: Mapping[str, Any]
    torrents: tuple[Torrent, ...]


@define
class Book:
    """What truly happened in one run.

    Attributes:
        fetched: Ids whose torrent file the site handed out.
        started: Torrents that were started, as they were before.
    """

    deletions: list[Deletion] = Factory(list)
    additions: list[Addition] = Factory(list)
    purchases: list[Purchase] = Factory(list)
    writes: list[Write] = Factory(list)
    started: list[Torrent] = Factory(list)
    fetched: list[int] = Factory(list)
    account: Profile | None = None
    shown: Profile | None = None
    offers: dict[int, SearchResult] = Factory(dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was changed outside."""
        return not (self.deletions or self.additions or self.purchases or self.writes or self.started or self.fetched)


@define
class WatchedSite(MemorySite):
    """The world's site, with a book of what it did."""

    book: Book

    def profile(self) -> Profile:
        self.book.shown = super().profile()
        self.book.account = self.world.profile
        return self.book.shown

    def search(self, query: Query, now: int) -> SearchPage:
        page = super().search(query, now)
        self.book.offers |= {one.id: one for one in page.results}
        return page

    def torrent_file(self, torrent_id: int, *, wedge: bool = False) -> bytes:
        content = super().torrent_file(torrent_id, wedge=wedge)
        self.book.fetched.append(torrent_id)
        return content

    def buy(self, purchase: BuyUpload | BuyVip) -> PurchaseReply:
        before = self.world.profile
        reply = super().buy(purchase)
        if reply.success:
            assert self.book.shown is not None
            entry = Purchase(
                at=self.world.now,
                asked=purchase,
                shown=self.book.shown.bonus_points or 0.0,
                paid=(before.bonus_points or 0.0) - (self.world.profile.bonus_points or 0.0),
                before=before,
            )
            self.book.purchases.append(entry)
        return reply


@define
class WatchedClient(MemoryClient):
    """The world's client, with a book of what it did."""

    book: Book

    def add(self, torrent_file: bytes, info_hash: str, wanted: AddTorrent) -> None:
        snatched = info_hash in self.world.snatches
        super().add(torrent_file, info_hash, wanted)
        torrents, book = self.world.torrents, self.book
        assert book.account is not None
        # One that the tracker has not heard of yet will count as soon as it has. A run knows those of half an hour.
        since = self.world.now - RECENT_SECONDS
        unheard = [one for one in torrents.values() if one.hash not in self.world.snatches]
        recent = sum((one.added_on or 0) > since for one in unheard)
        sizes = sum(one.offer.size_bytes for one in book.additions) + wanted.size_bytes
        entry = Addition(
            offer=book.offers[wanted.id],
            account=book.account,
            snatched=snatched,
            unsatisfied=self.world.unsatisfied() + recent,
            managed=sum(one.category == wanted.category for one in torrents.values()),
            disk_left=self.world.free_space_bytes - sizes,
            wedge=wanted.use_wedge,
        )
        book.additions.append(entry)

    def delete(self, hashes: Iterable[str], *, delete_files: bool) -> None:
        wanted = list(hashes)
        for identity in wanted:
            snatch = self.world.snatches.get(identity)
            if identity in self.world.torrents:
                seeded = None if snatch is None else snatch.seeded
                self.book.deletions.append(Deletion(torrent=self.world.torrents[identity], seeded=seeded))
        super().delete(wanted, delete_files=delete_files)

    def set_preferences(self, values: Mapping[str, Any]) -> None:
        self.book.writes.append(Write(values=dict(values), torrents=tuple(self.world.torrents.values())))
        super().set_preferences(values)

    def force_start(self, hashes: Iterable[str]) -> None:
        super().force_start(self._noted(hashes))

    def resume(self, hashes: Iterable[str]) -> None:
        super().resume(self._noted(hashes))

    def _noted(self, hashes: Iterable[str]) -> list[str]:
        wanted = list(hashes)
        self.book.started += [self.world.torrents[one] for one in wanted if one in self.world.torrents]
        return wanted


class Killed(BaseException):
    """The run's process ends here."""


@frozen(kw_only=True)
class Fault:
    """What goes wrong with one request.

    Attributes:
        request: The name of the request.
        nth: Which of those; the first is 0.
        kind: ``before`` and ``after`` its effect it fails; ``killed before`` and ``killed after``, the run does;
            ``item`` where it is about one item, only that fails; ``partial`` leaves rows of a listing unreadable;
            ``meanwhile`` somebody does something first, if the request is one that reads.
        which: Which of the errors, or of the rows.
        meanwhile: What somebody does.
    """

    request: str
    nth: int
    kind: str
    which: int = 0
    meanwhile: Callable[[], object] | None = None


_SITE_ERRORS: tuple[type[AdapterError], ...] = (SiteUnavailable, RateLimited, UnexpectedBody, SessionInvalid)
# An answer that tells no has done nothing; only a lost one may have.
_REFUSALS = (RateLimited, UnexpectedBody, SessionInvalid)
_CLIENT_ERRORS: tuple[type[AdapterError], ...] = (ClientUnavailable, ClientUnclear)


@define
class Script:
    """The faults of one run, request by request over both ports.

    Attributes:
        played: The kinds of those that happened.
    """

    faults: tuple[Fault, ...] = ()
    played: list[str] = Factory(list)
    _asked: Counter[str] = field(factory=Counter, init=False)

    def site(self, request: str, answer: Callable[[], T], *, reads: bool = True) -> T:
        """Answer a request to the site, unless the script says otherwise."""
        errors = _SITE_ERRORS
        if request == "buy":
            # The site's adapter turns whatever leaves a purchase open into this one error.
            errors = (PurchaseUncertain, PurchaseUncertain, PurchaseUncertain, SessionInvalid)
        return self._play(request, answer, errors, NotATorrent if request == "torrent_file" else None, reads=reads)

    def client(self, request: str, answer: Callable[[], T], *, reads: bool = True) -> T:
        """Answer a request to the client, unless the script says otherwise."""
        return self._play(request, answer, _CLIENT_ERRORS, ItemError if request == "add" else None, reads=reads)

    def _play(
        self,
        request: str,
        answer: Callable[[], T],
        errors: tuple[type[AdapterError], ...],
        item: type[ItemError] | None,
        *,
        reads: bool,
    ) -> T:
        fault = self._fault_of(request, may_item=item is not None, reads=reads)
        if fault is None:
            return answer()
        error = errors[fault.which % len(errors)](f"{request}: as the script says")
        kind = fault.kind
        if kind == "after" and isinstance(error, _REFUSALS):
            kind = "before"
        self.played.append(f"{kind}: {request}")
        early: dict[str, BaseException] = {"before": error, "killed before": Killed()}
        if item is not None:
            early["item"] = item(f"{request}: as the script says")
        late: dict[str, BaseException] = {"after": error, "killed after": Killed()}
        _raise(early.get(kind))
        if kind == "meanwhile" and fault.meanwhile is not None:
            fault.meanwhile()
        result = answer()
        _raise(late.get(kind))
        if kind == "partial" and isinstance(result, Listing):
            return _partial(result, fault.which)  # type: ignore[return-value]
        return result

    def _fault_of(self, request: str, *, may_item: bool, reads: bool) -> Fault | None:
        """Return what the script has for this request, if it can happen to it."""
        nth = self._asked[request]
        self._asked[request] += 1
        possible = {"meanwhile": reads, "item": may_item, "partial": request in ("torrents", "everything", "look")}
        here = (one for one in self.faults if (one.request, one.nth) == (request, nth))
        return next((one for one in here if possible.get(one.kind, True)), None)


def _raise(error: BaseException | None) -> None:
    if error is not None:
        raise error


def _partial(listing: Listing, which: int) -> Listing:
    """Make every third row one that cannot be read."""
    torn = [one for number, one in enumerate(listing.torrents) if (number + which) % 3 == 0]
    rows = (
        Malformed(subject=one.hash, problem="torn", category=one.category, names=frozenset({one.name})) for one in torn
    )
    left = tuple(one for one in listing.torrents if one not in torn)
    return evolve(listing, torrents=left, malformed=tuple(rows))


@define
class FaultySite:
    """A site whose requests go by the script."""

    inner: Site
    script: Script

    def profile(self) -> Profile:
        return self.script.site("profile", self.inner.profile)

    def search(self, query: Query, now: int) -> SearchPage:
        return self.script.site("search", lambda: self.inner.search(query, now))

    def seed_times(self) -> Mapping[int, int]:
        return self.script.site("seed_times", self.inner.seed_times)

    def torrent_file(self, torrent_id: int, *, wedge: bool = False) -> bytes:
        return self.script.site("torrent_file", lambda: self.inner.torrent_file(torrent_id, wedge=wedge))

    def buy(self, purchase: BuyUpload | BuyVip) -> PurchaseReply:
        return self.script.site("buy", lambda: self.inner.buy(purchase), reads=False)

    def address(self) -> str:
        return self.script.site("address", self.inner.address)

    def register_address(self) -> bool:
        return self.script.site("register_address", self.inner.register_address, reads=False)

    def close(self) -> None:
        self.inner.close()


@define
class FaultyClient:
    """A client whose requests go by the script."""

    inner: Client
    script: Script

    def torrents(self, category: str) -> Listing:
        return self.script.client("torrents", lambda: self.inner.torrents(category))

    def everything(self) -> Listing:
        return self.script.client("everything", self.inner.everything)

    def overview(self) -> Listing:
        return self.script.client("overview", self.inner.overview)

    def look(self, hashes: Iterable[str]) -> Listing:
        return self.script.client("look", lambda: self.inner.look(hashes))

    def with_messages(self, torrents: Iterable[Torrent]) -> tuple[Torrent, ...]:
        return self.script.client("with_messages", lambda: self.inner.with_messages(torrents))

    def preferences(self) -> Preferences:
        return self.script.client("preferences", self.inner.preferences)

    def add(self, torrent_file: bytes, info_hash: str, wanted: AddTorrent) -> None:
        self.script.client("add", lambda: self.inner.add(torrent_file, info_hash, wanted), reads=False)

    def delete(self, hashes: Iterable[str], *, delete_files: bool) -> None:
        self.script.client("delete", lambda: self.inner.delete(hashes, delete_files=delete_files), reads=False)

    def set_preferences(self, values: Mapping[str, Any]) -> None:
        self.script.client("set_preferences", lambda: self.inner.set_preferences(values), reads=False)

    def force_start(self, hashes: Iterable[str]) -> None:
        self.script.client("force_start", lambda: self.inner.force_start(hashes), reads=False)

    def resume(self, hashes: Iterable[str]) -> None:
        self.script.client("resume", lambda: self.inner.resume(hashes), reads=False)

    def reannounce(self, hashes: Iterable[str]) -> None:
        self.script.client("reannounce", lambda: self.inner.reannounce(hashes), reads=False)

    def close(self) -> None:
        self.inner.close()
