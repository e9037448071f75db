"""What was seen at one instant: the frozen values every decision is made from.

``None`` always means *unknown*, never zero: a decision that needs the fact is held.
Nothing in here holds a secret: no user name, no passkey, no cookie, no download hash.
"""

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from functools import lru_cache
from math import inf

from attrs import evolve, field, frozen


class AccountClass(StrEnum):
    """The rungs of the account ladder; any other class name is unknown to us."""

    MOUSE = "Mouse"
    USER = "User"
    POWER_USER = "Power User"
    VIP = "VIP"
    ELITE_VIP = "Elite VIP"

    @property
    def gets_vip_free(self) -> bool:
        """Whether VIP torrents cost this class no ratio."""
        return self in (AccountClass.VIP, AccountClass.ELITE_VIP)


@frozen(kw_only=True)
class Profile:
    """The account as ``jsonLoad.php`` tells it.

    Attributes:
        account_class: The class, or ``None`` where the name is on no rung we know.
        class_name: The class's name as the site wrote it.
        uploaded_bytes: Credited upload; authoritative, unlike the site's rounded ratio.
        downloaded_bytes: Counted download.
        bonus_points: Balance in BP.
        vip_until: End of VIP in unix seconds; ``None`` without VIP, and where it cannot be read.
        vip_unreadable: Whether the end of VIP that the site tells cannot be read; ``None`` where it tells none.
        unsat_count: Torrents snatched and not yet seeded 72 h.
        unsat_limit: How many of those the class may have.
        hit_and_run_count: Hit-and-runs on the account, seeding again or not.
        wedges: Freeleech wedges that may be spent.
    """

    account_class: AccountClass | None = None
    class_name: str | None = None
    uploaded_bytes: int | None = None
    downloaded_bytes: int | None = None
    bonus_points: float | None = None
    vip_until: int | None = None
    vip_unreadable: bool | None = None
    unsat_count: int | None = None
    unsat_limit: int | None = None
    hit_and_run_count: int | None = None
    wedges: int | None = None

    @property
    def ratio(self) -> float | None:
        """Upload over download from the byte counts; infinite with nothing downloaded."""
        if self.uploaded_bytes is None or self.downloaded_bytes is None:
            return None
        return self.uploaded_bytes / self.downloaded_bytes if self.downloaded_bytes else inf


@frozen(kw_only=True)
class Malformed:
    """A row of a service's body that cannot be used.

    Attributes:
        subject: The row's identity where it has one, else a digest of its content.
        problem: What is wrong with it.
        category: Its category, where it is a torrent that tells.
        names: What its rows call it, where it is a torrent that tells; empty where one of several does not.
        client: The name of the client that lists it, where there are several and only one does.
    """

    subject: str
    problem: str
    category: str | None = None
    names: frozenset[str] | None = None
    client: str | None = None


@frozen(kw_only=True)
class SearchResult:
    """One torrent on offer, as ``loadSearchJSONbasic.php`` lists it.

    Attributes:
        id: The site's torrent id.
        size_bytes: The whole torrent's size.
        authors: For people; nothing is decided by them.
        free: Global freeleech.
        personal_freeleech: Made free for this account by a wedge.
        vip: Free for VIP classes.
        fl_vip: Free or VIP; alone it does not say which.
        snatched: The account has snatched it before.
        takes_wedge: The site says of every flag that it is off: it is free for nobody, and a wedge would make it so.
    """

    id: int
    title: str
    size_bytes: int
    seeders: int
    leechers: int
    authors: tuple[str, ...] = ()
    free: bool = False
    personal_freeleech: bool = False
    vip: bool = False
    fl_vip: bool = False
    snatched: bool = False
    takes_wedge: bool = False

    @property
    def free_by_wedge(self) -> bool:
        """Whether a wedge, personal or global, makes it free for everybody who asks."""
        return self.free or self.personal_freeleech

    def is_free_for(self, account_class: AccountClass | None) -> bool:
        """Whether downloading it costs an account of this class no ratio."""
        if self.free_by_wedge:
            return True
        return (self.vip or self.fl_vip) and account_class is not None and account_class.gets_vip_free


@frozen(kw_only=True)
class SearchPage:
    """One answer of the site's search.

    Attributes:
        found: How many results match the query in all.
    """

    results: tuple[SearchResult, ...] = ()
    malformed: tuple[Malformed, ...] = ()
    found: int | None = None

    @property
    def row_count(self) -> int:
        """How many rows the site sent, usable or not."""
        return len(self.results) + len(self.malformed)


@frozen(kw_only=True)
class TrackerMessage:
    """What one tracker of a torrent last said.

    Attributes:
        host: The tracker's host; ``None`` where its address cannot be read.
        status: The client's status code for it.
        text: The tracker's words.
        reports_tracker_errors: Whether the client tells a tracker's refusal (5) from no answer (4).
    """

    host: str | None
    status: int | None
    text: str
    reports_tracker_errors: bool = False


@frozen(kw_only=True)
class Torrent:
    """One torrent in the client.

    Attributes:
        hash: Info-hash, lower-case hexadecimal: the identity.
        state: The client's own word for the state.
        added_on: Unix seconds.
        completion_on: Unix seconds; 0 where it never completed.
        seeding_time: Seconds, on the client's clock.
        tracker_seconds: Seeding time that the tracker can have seen; ``None`` where nobody kept that clock, or
            the site has taken the torrent away.
        progress: 0 to 1.
        left_bytes: What of it still has to be downloaded.
        seeders: Seeders in the swarm.
        tracker_host: Host of its tracker; ``None`` where the client names none.
        messages: What its trackers said; ``None`` where nobody asked.
        client: The name of the client that holds it; ``None`` where there is one client only.
    """

    hash: str
    name: str
    category: str | None = None
    tags: frozenset[str] | None = None
    state: str | None = None
    added_on: int | None = None
    completion_on: int | None = None
    seeding_time: int | None = None
    progress: float | None = None
    size_bytes: int | None = None
    left_bytes: int | None = None
    downloaded_bytes: int | None = None
    uploaded_bytes: int | None = None
    seeders: int | None = None
    tracker_host: str | None = None
    messages: tuple[TrackerMessage, ...] | None = None
    tracker_seconds: int | None = None
    client: str | None = None

    @property
    def seeded_seconds(self) -> int | None:
        """Return the seeding time on the smaller of the two clocks, in seconds: what is surely behind it."""
        if self.seeding_time is None or self.tracker_seconds is None:
            return self.seeding_time
        return min(self.seeding_time, self.tracker_seconds)

    @property
    def has_completed(self) -> bool | None:
        """Whether it was ever whole; ``None`` where the facts do not tell.

        Progress alone does not tell: it falls below 1 while a client re-checks, moves, or has lost its files.
        """
        if (self.progress or 0) >= 1 or (self.completion_on or 0) > 0 or (self.seeding_time or 0) > 0:
            return True
        if self.progress is None or self.completion_on is None or self.seeding_time is None:
            return None
        return False

    def with_messages(self, messages: tuple[TrackerMessage, ...] | None) -> "Torrent":
        """Return the torrent with what its trackers said; ``None`` changes nothing."""
        return self if messages is None or messages is self.messages else evolve(self, messages=messages)

    @property
    def holds_data(self) -> bool:
        """Whether deleting it may lose downloaded data; unknown counts as yes."""
        return self.has_completed is not False or self.downloaded_bytes != 0 or self.progress != 0

    @property
    def shows_data(self) -> bool:
        """Whether it surely holds downloaded data; unknown counts as no."""
        return self.has_completed is True or (self.downloaded_bytes or 0) > 0 or (self.progress or 0) > 0


@lru_cache(maxsize=256)
def fold_tags(tags: Collection[str]) -> frozenset[str]:
    """Return tags as they are compared, whatever their case."""
    # Thousands of torrents share a handful of tag sets.
    return frozenset(tag.casefold() for tag in tags)


@frozen(kw_only=True)
class Preferences:
    """The client's queueing preferences; a count of -1 means no limit."""

    queueing_enabled: bool | None = None
    max_active_downloads: int | None = None
    max_active_uploads: int | None = None
    max_active_torrents: int | None = None
    dont_count_slow_torrents: bool | None = None


@frozen
class ClientQueue:
    """The queueing preferences of one of several clients.

    Attributes:
        name: The client's name.
    """

    name: str
    preferences: Preferences


@frozen(kw_only=True)
class Connection:
    """How the client is connected.

    Attributes:
        status: The client's own word: ``connected``, ``firewalled`` or ``disconnected``.
        dht_nodes: DHT nodes it knows.
        download_speed: Bytes a second.
        upload_speed: Bytes a second.
        addresses: Words that stand for the addresses others see it at; empty where it does not tell.
    """

    status: str | None = None
    dht_nodes: int | None = None
    download_speed: int | None = None
    upload_speed: int | None = None
    addresses: frozenset[str] = frozenset()


class LedgerOutcome(StrEnum):
    """How an id in the ledger ended."""

    ADDING = "adding"
    GRABBED = "grabbed"
    FAILED = "failed"
    NEVER_STARTED = "never_started"
    RETIRED = "retired"


@frozen(kw_only=True)
class LedgerEntry:
    """One line of the ledger of grabbed ids.

    Attributes:
        at: Unix seconds; ``None`` in lines of the old format.
        outcome: A `LedgerOutcome`, or a word of another version, which counts as grabbed.
    """

    id: int
    at: int | None = None
    outcome: str = LedgerOutcome.GRABBED
    info_hash: str | None = None


@frozen(kw_only=True)
class Seen:
    """What is remembered of one torrent's seeding as the tracker can have seen it.

    Attributes:
        seconds: Seeding time.
        announcing: Whether it announced when it was last looked at, and its tracker took that.
        listed_at: When the client last listed it, in unix seconds.
        announced_at: When it was last seen announcing, in unix seconds; at first, when it was first seen.
    """

    seconds: int
    announcing: bool
    listed_at: int
    announced_at: int


# By info-hash; see `harvestmouse.core.clock`.
TrackerClock = Mapping[str, Seen]


def _by_hash(torrents: Iterable[Torrent] | None) -> tuple[Torrent, ...] | None:
    return None if torrents is None else tuple(sorted(torrents, key=lambda torrent: torrent.hash))


@frozen(kw_only=True)
class Snapshot:
    """All that was known at one moment; an absent part is unknown.

    Attributes:
        taken_at: Unix seconds: the only clock a decision has.
        torrents: Sorted by info-hash.
        download_freeze_until: Unix seconds until which the site refuses downloads.
        unsatisfied_paused: Whether the last run was held by the unsatisfied limit.
        purchase_pending: Whether an earlier purchase's fate is unknown.
        balances: Earlier bonus balances as (unix seconds, points), oldest first.
        remembered_count: How many managed torrents the last run left.
        tracker_clock: What was seen of the managed torrents' seeding; ``None`` where nobody keeps that.
        leaving: Info-hashes of torrents that the same run deletes before anything else: they take no place any more,
            but the client has them still.
        missing_clients: The names of clients that did not answer, where there are several: what they hold is unknown,
            and the rest of the snapshot is of the others.
        queues: The preferences of each client that answered, where there are several; then `preferences` is ``None``.
        site_address: The word that stands for the address which the site sees this host at.
        registered: When the site last took an address, in unix seconds, and the word for it.
    """

    taken_at: int
    profile: Profile | None = None
    searches: tuple[SearchPage, ...] | None = None
    torrents: tuple[Torrent, ...] | None = field(default=None, converter=_by_hash)
    malformed_torrents: tuple[Malformed, ...] = ()
    preferences: Preferences | None = None
    connection: Connection | None = None
    free_space_bytes: int | None = None
    ledger: tuple[LedgerEntry, ...] | None = None
    download_freeze_until: int | None = None
    unsatisfied_paused: bool = False
    purchase_pending: bool = False
    balances: tuple[tuple[int, float], ...] = ()
    remembered_count: int | None = None
    tracker_clock: TrackerClock | None = None
    leaving: frozenset[str] = frozenset()
    missing_clients: tuple[str, ...] = ()
    queues: tuple[ClientQueue, ...] = ()
    site_address: str | None = None
    registered: tuple[int, str] | None = None

    def managed(self, category: str) -> tuple[Torrent, ...]:
        """Return the torrents of *category*, which are the only ones any job may touch."""
        return tuple(torrent for torrent in self.torrents or () if torrent.category == category)

    @property
    def names(self) -> frozenset[str]:
        """What the client's torrents are called; one whose name cannot be read has an empty one."""
        unread = (name for row in self.malformed_torrents for name in row.names or ("",))
        return frozenset([*unread, *(torrent.name for torrent in self.torrents or ())])

    def held(self, category: str) -> int:
        """Count what may take a place in *category*: its torrents, and those whose category cannot be read."""
        places = (category, None)
        unread = sum(row.category in places for row in self.malformed_torrents)
        staying = (torrent for torrent in self.torrents or () if torrent.hash not in self.leaving)
        return unread + sum(torrent.category in places for torrent in staying)

    def of_each_client(self) -> "dict[str | None, Snapshot]":
        """Return by the clients' names what would be known were each the only one; of one client, the snapshot itself.

        A row that no client has for itself counts for each: it may be held by any.
        """
        if not self.queues:
            return {None: self}
        return {
            queue.name: evolve(
                self,
                queues=(),
                preferences=queue.preferences,
                torrents=None if self.torrents is None else [one for one in self.torrents if one.client == queue.name],
                malformed_torrents=tuple(row for row in self.malformed_torrents if row.client in (queue.name, None)),
            )
            for queue in self.queues
        }
