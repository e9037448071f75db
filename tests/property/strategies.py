"""What the laws are tried on: values, policies and snapshots that meet, and raw bodies with the services' quirks.

Figures are drawn around the policy's boundaries, and names, ids and info-hashes from small pools, since
independent draws hardly ever collide. Left out on purpose: more than a dozen torrents or results, which find
nothing that fewer do not; and two refusing trackers on one torrent, which have a test of their own.
"""

from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from itertools import product
from math import ceil
from random import Random
from typing import Any, cast

from attrs import evolve
from hypothesis import strategies as st

from harvestmouse.core.model import (
    AccountClass,
    Connection,
    LedgerEntry,
    LedgerOutcome,
    Malformed,
    Preferences,
    Profile,
    SearchPage,
    SearchResult,
    Snapshot,
    Torrent,
    TrackerMessage,
)
from harvestmouse.core.policy import FIELD, SEED, AddressPolicy, Policy
from tests.support.builders import (
    CATEGORY,
    DAY,
    GIB,
    MIB,
    MINUTE,
    NOW,
    hash_of,
    raw_block,
    raw_preferences,
    raw_profile,
    raw_result,
    raw_search,
    raw_snapshot,
    raw_torrent,
    raw_tracker,
    torrent,
)

flags = st.booleans()
_held_names = st.sampled_from(["It", "it!", "Split", "Dune", "dune", "Title 3", "???", "A_B", "a b"])
names = st.one_of(_held_names, st.just(""))
numbers = st.integers(0, 15)
ids = st.integers(1, 16)
_rolls = st.integers(0, 15)
_UNLUCKY = 11


def around(*bounds: int) -> list[int]:
    """Return each of these bounds, what is just under it, and what is just over it; nothing below zero."""
    return [max(0, bound + step) for bound in bounds for step in (0, -1, 1)]


def near(*bounds: int) -> st.SearchStrategy[int]:
    """Draw one of these bounds, or one of its neighbours."""
    return st.sampled_from(around(*bounds))


def rarely(none: object, *values: Any) -> st.SearchStrategy[Any]:
    """Draw one of these values, and now and then the first argument: mostly, that the fact is unknown."""
    often = list(values) * (24 // len(values) + 1)
    return st.sampled_from([*often, none])


@st.composite
def maybe(draw: st.DrawFn, strategy: st.SearchStrategy[Any]) -> Any:
    """Draw from *strategy*, and now and then nothing: the part is unknown."""
    return None if draw(_rolls) == _UNLUCKY else draw(strategy)


def often(*groups: Sequence[Any]) -> st.SearchStrategy[Any]:
    """Draw a group, then one of its values: from one long list Hypothesis draws mostly its beginning."""
    return st.sampled_from(groups).flatmap(st.sampled_from)


AGES = [*around(0, DAY, 3 * DAY, 7 * DAY, 30 * DAY), 5 * DAY, 10 * DAY]
SEEDING_TIMES = around(0, 3 * DAY, 4 * DAY, 5 * DAY, 7 * DAY, 14 * DAY)
_UP = ["stalledUP", "stalledUP", "stalledUP", "uploading", "queuedUP", "stoppedUP", "pausedUP", "forcedUP"]
_DOWN = ["stalledDL", "stalledDL", "stalledDL", "downloading", "queuedDL", "stoppedDL", "metaDL"]
_BUSY = ["checkingUP", "moving", "missingFiles", "error", "unknown", "allocating"]
_TAGS: list[frozenset[str] | None] = [*[frozenset({"mam"})] * 12, *[frozenset({"Recovery", "mam"})] * 3, frozenset()]
_TAGS += [frozenset({"KEEP"}), frozenset({"keep", "recovery"}), None]
_CATEGORIES = [*[CATEGORY] * 8, "other", "", None]
# As (category, tags), (downloaded, uploaded, seeders).
labels = st.tuples(st.sampled_from(_CATEGORIES), st.sampled_from(_TAGS))
_COUNTS = list(product([0, GIB], [0, 1], [5, 6]))
counts = st.sampled_from([*_COUNTS * 5, (None, 0, 5), (0, None, 5), (0, 0, None)])
texts = st.sampled_from(
    [
        "Unregistered torrent",
        "unregistered  TORRENT",
        "Torrent not found",
        "Not Found",
        "",
        "unregisteredness",
        "Mouse rank",
    ]
)
_SILENT = TrackerMessage(host="u.example", status=1, text="Unregistered torrent")
_MESSAGES = [
    (_SILENT, TrackerMessage(host=host, status=status, text=text, reports_tracker_errors=newer))
    for host in ("t.example", None)
    for status, newer in ((4, False), (4, True), (5, False), (5, True), (2, False), (None, True))
    for text in ("Unregistered torrent", "unregistered  TORRENT", "Torrent not found", "Not Found", "unregisteredness")
]
_GONE = (TrackerMessage(host="t.example", status=4, text="Unregistered torrent"),)
message_lists = often(*[[()]] * 7, *[[_GONE]] * 2, [None], [*_MESSAGES])
hosts = st.sampled_from(["t.myanonamouse.net", "t.myanonamouse.net", "other.example", None])
# Signs of completion as (progress, completion_on, seeding_time): contradicting each other, unknown, absurd.
_ODD: list[tuple[float | None, int | None, int | None]] = [
    (0.3, 0, 5 * DAY),
    (0.0, NOW - DAY, 0),
    (1.0, 0, 0),
    (1.5, 0, 0),
    (-0.1, 0, 0),
    (None, 0, 0),
    (1.0, None, 5 * DAY),
    (0.0, NOW - DAY, 4 * DAY),
    (1.0, NOW - DAY, None),
    (0.0, 0, -1),
]
_NEVER = list(product(_DOWN, [(0.0, 0, 0), (0.5, 0, 0)]))
_WHOLE = list(product(_UP, [(1.0, NOW - DAY, seeded) for seeded in SEEDING_TIMES if seeded >= 3 * DAY]))
_STRANGE = list(product([None, "stalledUP", "stalledDL", "queuedUP"], _ODD))
_AT_WORK = list(product(_BUSY, [(0.0, 0, 0), (1.0, NOW - DAY, DAY), (1.0, NOW - DAY, 20 * DAY)]))
# Whole once, though progress or the other signs deny it: what a client shows while it checks, or has lost its files.
_DENIED = list(
    product(["stalledDL", "stalledDL", "queuedDL", "stoppedDL"], [(0.0, NOW - DAY, 0), (0.3, 0, DAY), (1.0, 0, 0)])
)
_PARTIAL = [("stalledDL", (0.5, 0, 0))]
_OWING = list(product(["queuedUP", "stoppedUP", "pausedUP", "stalledUP"], [(1.0, NOW - DAY, DAY)]))
_kinds = often(*[_NEVER] * 5, *[_WHOLE] * 5, _STRANGE, _AT_WORK, *[_DENIED] * 2, *[_PARTIAL] * 2, _OWING)
tracker_times = near(0, 3 * DAY, 4 * DAY, 7 * DAY)
_additions = rarely(None, *(NOW - age for age in AGES), NOW + 1, 0, -5)


@st.composite
def torrents(draw: st.DrawFn, number: int) -> Torrent:
    """Draw one torrent of this number, with every fact known and possible, mostly, so that every rule is reached."""
    state, (progress, completion_on, seeding_time) = draw(_kinds)
    category, tags = draw(labels)
    downloaded, uploaded, seeders = draw(counts)
    return Torrent(
        hash=hash_of(number),
        name=draw(_held_names),
        category=category,
        tags=tags,
        state=state,
        added_on=draw(_additions),
        completion_on=completion_on,
        seeding_time=seeding_time,
        progress=progress,
        size_bytes=100 * MIB,
        left_bytes=draw(rarely(None, 0 if (progress or 0) >= 1 else int(100 * MIB * (1 - max(0, progress or 0))))),
        downloaded_bytes=downloaded,
        uploaded_bytes=uploaded,
        seeders=seeders,
        tracker_host=draw(hosts),
        messages=draw(message_lists),
        tracker_seconds=draw(tracker_times) if draw(_rolls) == _UNLUCKY else None,
    )


@st.composite
def listings(draw: st.DrawFn, max_size: int = 7) -> tuple[Torrent, ...]:
    """Draw the client's torrents: of different info-hashes, at times nearly all alike, seldom none."""
    chosen = draw(st.permutations(range(12)))[: draw(st.sampled_from(range(max_size + 1)))]
    if len(chosen) < 3 or draw(flags):
        return tuple(draw(torrents(number)) for number in chosen)
    alike = draw(torrents(0))
    odd = {number: draw(torrents(number)) for number in chosen[: draw(st.sampled_from([0, 1, len(chosen) // 2]))]}
    return tuple(odd.get(number, evolve(alike, hash=hash_of(number))) for number in chosen)


# As (free, personal_freeleech, vip, fl_vip, snatched).
_OFFERS = [
    *[(True, False, False, True, False)] * 40,
    *[(False, False, True, True, False)] * 12,
    *[(False, False, False, False, False)] * 8,
    *product([False, True], repeat=5),
]


@st.composite
def results(draw: st.DrawFn) -> SearchResult:
    """Draw one result, mostly one that nothing refuses."""
    free, personal, vip, fl_vip, snatched = draw(st.sampled_from(_OFFERS))
    number = draw(ids)
    return SearchResult(
        id=number,
        title=draw(st.one_of(*[st.just(f"New {number}")] * 3, names)),
        size_bytes=draw(st.sampled_from([*[100 * MIB, 300 * MIB] * 4, 700 * MIB, *around(50 * MIB, GIB)])),
        seeders=draw(st.sampled_from([*[0] * 4, *range(6), 5, 10, 20, *around(50, 200)])),
        leechers=draw(st.sampled_from([0, 1, 2, 2, 3, 5, 5, 5, 5, 10, 40])),
        free=free,
        personal_freeleech=personal,
        vip=vip,
        fl_vip=fl_vip,
        snatched=snatched,
        # Where a flag is missing it counts as off, and nobody knows whether it is.
        takes_wedge=not (free or personal or vip or fl_vip) and draw(rarely(False, True)),
    )


malformed_rows = st.builds(Malformed, subject=ids.map(str), problem=st.just("cannot read size"))


@st.composite
def pages(draw: st.DrawFn, *, unique: bool = False) -> tuple[SearchPage, ...]:
    """Draw a search's pages; with *unique* no id is on offer twice."""
    least = draw(st.sampled_from([4, 6, 6, 0]))
    rows = draw(st.lists(results(), min_size=least, max_size=8, unique_by=(lambda row: row.id) if unique else None))
    cut = draw(st.integers(0, len(rows)))
    broken = () if unique else tuple(draw(st.lists(malformed_rows, max_size=2)))
    return (
        SearchPage(results=tuple(rows[:cut]), found=len(rows)),
        SearchPage(results=tuple(rows[cut:]), malformed=broken, found=draw(maybe(st.just(len(rows))))),
    )


entries = st.builds(
    LedgerEntry,
    id=ids,
    at=rarely(None, *(NOW - age for age in around(0, 30 * MINUTE, DAY, 14 * DAY))),
    outcome=st.sampled_from([*LedgerOutcome, LedgerOutcome.NEVER_STARTED, "a word of another version"]),
    info_hash=st.one_of(st.none(), numbers.map(hash_of)),
)
# As a file that is only appended to has them: by time, and what bars last within one second.
_RANKS = (LedgerOutcome.ADDING, LedgerOutcome.FAILED, LedgerOutcome.NEVER_STARTED)


def by_time(line: LedgerEntry) -> tuple[int, int]:
    """Order the lines of a ledger."""
    return line.at or 0, [*_RANKS, line.outcome].index(line.outcome)


ledgers = st.lists(entries, max_size=5).map(lambda lines: tuple(sorted(lines, key=by_time)))

_CLASSES = [*AccountClass, AccountClass.USER, AccountClass.VIP]
# The site gives a class more than its least at times, and never less; a new member is a User too.
_LIMITS = {
    AccountClass.MOUSE: (20,),
    AccountClass.USER: (50, 50, 20),
    AccountClass.POWER_USER: (100, 120),
    AccountClass.VIP: (150, 200),
    AccountClass.ELITE_VIP: (200,),
    None: (50,),
}
_accounts = st.builds(
    Profile,
    account_class=rarely(None, *_CLASSES),
    class_name=st.just("a class"),
    uploaded_bytes=rarely(
        None, 0, *(800 * GIB - need for need in around(49 * GIB, 99 * GIB)), *around(12 * GIB, 20 * GIB)
    ),
    downloaded_bytes=rarely(None, 10 * GIB, 10 * GIB, 10 * GIB, 0, 400 * GIB, 400 * GIB),
    bonus_points=rarely(
        None, 0.0, 999.9, 26512.091, 99999.0, 99999.0, *map(float, around(500, 5500, 25500, 50500, 99999))
    ),
    vip_until=rarely(None, *(NOW + ahead - 7 * DAY for ahead in around(0, 7 * DAY, 34 * DAY, 62 * DAY, 90 * DAY))),
    hit_and_run_count=rarely(None, 0, 0, 1),
    wedges=rarely(None, 0, 1, 2, 3),
)


@st.composite
def profiles_(draw: st.DrawFn) -> Profile:
    """Draw an account whose unsatisfied count is near its limit, which is one that the site gives its class."""
    account = draw(_accounts)
    limit = draw(st.sampled_from(_LIMITS[account.account_class]))
    count = draw(rarely(None, 2, *(limit - less for less in around(0, 9, 12, 20))))
    return evolve(account, unsat_count=count and max(0, count), unsat_limit=draw(rarely(None, limit)))


profiles = profiles_()

client_preferences = st.builds(
    Preferences,
    queueing_enabled=rarely(None, True, False),
    max_active_downloads=rarely(None, -1, 0, 3, 5, 20),
    max_active_uploads=rarely(None, -1, 0, 3, 150, 500),
    max_active_torrents=rarely(None, -1, 0, 5, 150, 170, 505),
    dont_count_slow_torrents=rarely(None, True, False),
)

connections = st.builds(
    Connection,
    status=rarely(None, "connected", "firewalled"),
    dht_nodes=rarely(None, 0, 300),
    download_speed=rarely(None, 0, MIB),
    upload_speed=rarely(None, 0, MIB),
)

free_spaces = st.sampled_from([*around(10 * GIB), 10 * GIB + 400 * MIB, 11 * GIB, 14 * GIB])
_NAMED = (Malformed(subject="row:0", problem="no info-hash", names=frozenset({"Dune"})),)
_NAMELESS = (Malformed(subject="row:0", problem="no info-hash"),)
cleanup_snapshots = st.builds(
    Snapshot,
    taken_at=st.just(NOW),
    torrents=maybe(listings()),
    malformed_torrents=st.sampled_from([(), (), (), (), _NAMED, _NAMED, _NAMELESS]),
    remembered_count=st.sampled_from([None, None, None, None, 0, 5, 12, 19]),
)
spend_snapshots = st.builds(
    Snapshot,
    taken_at=st.just(NOW),
    profile=maybe(profiles),
    purchase_pending=st.sampled_from([False] * 5 + [True]),
    balances=st.sampled_from(
        [(), *(((NOW - 300 * MINUTE, 0.0), (NOW, 5.0 * income)) for income in (0, 100, 1413, 9000))]
    ),
)
reconcile_snapshots = st.builds(
    Snapshot, taken_at=st.just(NOW), torrents=maybe(listings()), preferences=maybe(client_preferences)
)

monitor_snapshots = st.builds(
    Snapshot, taken_at=st.just(NOW), torrents=maybe(listings()), connection=maybe(connections)
)


@st.composite
def grab_snapshots(draw: st.DrawFn, *, unique: bool = False) -> Snapshot:
    """Draw what grab looks at, some parts of it unknown."""
    return Snapshot(
        taken_at=NOW,
        profile=draw(maybe(profiles)),
        searches=draw(maybe(pages(unique=unique))),
        torrents=draw(maybe(listings(max_size=4))),
        free_space_bytes=draw(maybe(free_spaces)),
        ledger=draw(maybe(ledgers)),
        download_freeze_until=draw(st.sampled_from([None, None, NOW - 1, NOW, NOW + 1])),
        unsatisfied_paused=draw(st.sampled_from([False, False, True])),
    )


@st.composite
def open_snapshots(draw: st.DrawFn, *, unique: bool = True) -> Snapshot:
    """Draw a world in which no guard of grab holds, mostly, so that results are looked at."""
    rung = draw(st.sampled_from([AccountClass.USER, AccountClass.VIP]))
    limit = _LIMITS[rung][0]
    account = Profile(
        account_class=rung,
        uploaded_bytes=20 * GIB,
        downloaded_bytes=10 * GIB,
        unsat_count=limit - draw(st.sampled_from([50, 30, 18, 14, 13, 12, 11, 10])),
        unsat_limit=limit,
        hit_and_run_count=draw(st.sampled_from([0] * 7 + [1])),
        wedges=draw(rarely(None, 0, 1, 2, 3, 3)),
    )
    return Snapshot(
        taken_at=NOW,
        profile=account,
        searches=draw(pages(unique=unique)),
        torrents=draw(listings(max_size=3)),
        free_space_bytes=10 * GIB + draw(st.sampled_from([1, 200 * MIB, 400 * MIB, *[4 * GIB] * 5])),
        ledger=draw(ledgers),
    )


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Draw a whole world at one instant, for laws about every job."""
    seen = draw(st.one_of(grab_snapshots(), open_snapshots()))
    client = draw(cleanup_snapshots)
    return evolve(
        seen,
        torrents=client.torrents,
        malformed_torrents=client.malformed_torrents,
        remembered_count=client.remembered_count,
        preferences=draw(maybe(client_preferences)),
        connection=draw(maybe(connections)),
        purchase_pending=draw(flags),
    )


_CLEANUPS: list[dict[str, Any]] = [
    {
        "keep_partials": partials,
        "max_data_deletions": most,
        "always_allowed": 50 if partials else 2,
        "protect_tags": tags,
        "seed_time_margin": timedelta(hours=hours),
    }
    for partials in (False, True)
    for most in (50, 50, 0, 1, 3)
    for tags in ((), (), ("Keep", "never used"))
    for hours in (24, 0, 48)
]
_GRABS: list[dict[str, Any]] = [
    {
        "per_run": picks,
        "max_torrents": most,
        "unsat_reserve": reserve,
        "ratio_floor": floor,
        "hold_on_hit_and_run": hold,
    }
    for picks in (5, 0, 1, 3)
    for most in (500, 3, 5)
    for reserve in (10, 0, 18)
    for floor in (1.2, 0.0, 0.5)
    for hold in (False, False, True)
]
_WEDGES: list[dict[str, Any]] = [
    *[{"wedges": False}] * 4,
    *({"wedges": True, "wedges_per_run": most, "wedge_reserve": kept} for most in (1, 2, 0) for kept in (0, 0, 2)),
]
_QUOTAS = [*[0] * 6, 200 * MIB, 400 * MIB, 800 * MIB, 2 * GIB]
_SPENDS: list[dict[str, Any]] = [
    {"vip": vip, "overflow": overflow, "reserve": reserve, "target_ratio": target, "tiers": tiers}
    for vip in (False, True)
    for overflow in (False, True)
    for reserve in (500, 0, 30000)
    for target in (2.0, 1.0, 2.1)
    for tiers in ((50, 100, 200, 500), (50,), (60, 75))
]
_RECONCILES: list[dict[str, Any]] = [
    {"force_start": start, "max_active_uploads": up, "max_active_downloads": down, "max_active_torrents": whole}
    for start in (False, True)
    for up in (150, -1, 0, 2)
    for down in (20, -1, 0)
    for whole in (150, -1, 0, 3)
]


_RESCUES: list[dict[str, Any]] = [
    {"reannounce": announce, "per_run": most, "deadline": timedelta(days=days)}
    for announce in (False, True, True)
    for most in (50, 50, 1, 2, 0)
    for days in (30, 30, 10)
]


def some_policies(count: int, luck: Random) -> list[Policy]:
    """Return presets with some figures changed, small where a cap or a budget is to bind."""
    made = []
    for _ in range(count):
        base = luck.choice([SEED, FIELD])
        grab = luck.choice(_GRABS) | {"require_unsat": luck.choice([True, True, False])} | luck.choice(_WEDGES)
        grab |= {"category_quota": luck.choice(_QUOTAS), "strategy": luck.choice(["demand", "new"])}
        cleanup = evolve(base.cleanup, **luck.choice(_CLEANUPS))
        spend = evolve(base.spend, **luck.choice(_SPENDS))
        reconcile = evolve(base.reconcile, **luck.choice(_RECONCILES))
        rescue = evolve(base.rescue, **luck.choice(_RESCUES))
        own: dict[str, Any] = {"cleanup": cleanup, "spend": spend, "reconcile": reconcile, "rescue": rescue}
        made.append(evolve(base, grab=evolve(base.grab, **grab), **own))
    return made


# Made once, since a policy is slow to check and a few hundred meet every pair of figures.
_POLICIES = [SEED, FIELD, *some_policies(400, Random(1))]


def policies() -> st.SearchStrategy[Policy]:
    """Draw a policy; the presets are the simplest."""
    return often(*(_POLICIES[at : at + 20] for at in range(0, len(_POLICIES), 20)))


@st.composite
def crowds(draw: st.DrawFn) -> Snapshot:
    """Draw a listing in which about half of the torrents show one refusal: of all, or of those the rule reaches."""
    alike = torrent(seeding_time=draw(st.sampled_from([5 * DAY, 15 * DAY])), messages=())
    sheltered = draw(st.integers(0, 4))
    size = draw(st.integers(3, 8))
    saying = draw(near(size // 2, (size + sheltered) // 2))
    parts = [evolve(alike, hash=hash_of(number), messages=_GONE if number < saying else ()) for number in range(size)]
    owing = [
        evolve(alike, hash=hash_of(number), seeding_time=DAY, messages=draw(st.sampled_from([_GONE, ()])))
        for number in range(size, size + sheltered)
    ]
    return Snapshot(taken_at=NOW, torrents=[*parts, *owing])


_fresh = st.lists(near(30 * MINUTE, 60 * MINUTE, 0), max_size=2)
_UNKNOWN_FIGURES: list[dict[str, Any]] = [{"unsat_count": None}, {"unsat_limit": None}]
_UNKNOWN_PARTS: list[dict[str, Any]] = [{part: None} for part in ("ledger", "torrents", "free_space_bytes", "searches")]


@st.composite
def grab_worlds(draw: st.DrawFn, *, unique: bool = False) -> tuple[Snapshot, Policy]:
    """Draw a world in which results are looked at, with limits that leave room for a few picks, or for none."""
    policy, seen = draw(policies()), draw(open_snapshots(unique=unique))
    held = len(seen.managed(CATEGORY))
    most = draw(st.sampled_from([held + room for room in (1, 1, 2, 3, 0)] + [500] * 5))
    paused = draw(st.sampled_from([False, False, True]))
    account = cast("Profile", seen.profile)
    limit = cast("int", account.unsat_limit) - policy.grab.unsat_reserve * (2 if paused else 1)
    count = max(0, limit - draw(st.sampled_from([4, 3, 3, 5, 9, 9, 9, 2, 1, 0])))
    lines = [LedgerEntry(id=50 + number, at=NOW - age) for number, age in enumerate(draw(_fresh))]
    figures = {"unsat_count": count} | draw(often(*[[{}]] * 12, _UNKNOWN_FIGURES))
    account = evolve(account, **figures)
    ledger = (*lines, *(seen.ledger or ()))
    seen = evolve(seen, profile=account, ledger=ledger, unsatisfied_paused=paused)
    seen = evolve(seen, **draw(often(*[[{}]] * 8, _UNKNOWN_PARTS)))
    return seen, evolve(policy, grab=evolve(policy.grab, max_torrents=most))


@st.composite
def spend_worlds(draw: st.DrawFn) -> tuple[Snapshot, Policy]:
    """Draw an account whose need is about one of the tiers, and whose points are about the price of one."""
    policy, seen = draw(policies()), draw(spend_snapshots)
    spend, account = policy.spend, seen.profile
    if account is None or draw(_rolls) == _UNLUCKY:
        return seen, policy
    need, step = draw(st.sampled_from([*spend.tiers, 0, 0, *spend.tiers])), draw(st.sampled_from([0, 1, -1, GIB]))
    downloaded = draw(st.sampled_from([400 * GIB, 2000 * GIB]))
    # The need in GiB is the deficit and one more.
    missing = (need - 1) * GIB + step if need else min(step, 0)
    uploaded = max(0, ceil(downloaded * Fraction(spend.target_ratio)) - missing)
    # Where nothing is missing there may be much more, as VIP wants it whatever the target.
    uploaded += 0 if need else draw(st.sampled_from([0, downloaded]))
    paid = draw(st.sampled_from([*spend.tiers, 200])) * spend.price_per_gib
    priced = min(99999.0, spend.reserve + paid + draw(st.sampled_from([0, 0, 0.5, -0.5, 30000])))
    points = draw(st.sampled_from([priced, priced, account.bonus_points, 99999.0, 99998.9]))
    known = evolve(account, downloaded_bytes=downloaded, uploaded_bytes=uploaded, bonus_points=points)
    return evolve(seen, profile=known), policy


_WORKS = (TrackerMessage(host="t.example", status=2, text=""),)
_AWAY = (TrackerMessage(host="t.example", status=4, text="Connection refused"),)
_ANNOUNCES: list[tuple[TrackerMessage, ...] | None] = [*[_WORKS] * 4, *[_AWAY] * 4, _GONE, (*_AWAY, *_WORKS), (), None]
_RESTS = [*["queuedUP", "stoppedUP", "pausedUP"] * 2, "error", "missingFiles", "moving", "stalledDL", None]


@st.composite
def owing(draw: st.DrawFn, number: int) -> Torrent:
    """Draw a torrent that owes seed time, mostly: seeding with a tracker that says something, or at rest."""
    one = draw(torrents(number))
    state = draw(st.sampled_from(_RESTS)) if draw(flags) else "stalledUP"
    completed = draw(rarely(None, *(NOW - age for age in around(DAY, 7 * DAY, 27 * DAY, 30 * DAY)), 0))
    return evolve(
        one,
        category=draw(st.sampled_from([*[CATEGORY] * 8, "other", None])),
        state=state,
        messages=draw(st.sampled_from(_ANNOUNCES)),
        progress=1.0,
        completion_on=completed,
        seeding_time=draw(rarely(None, *around(0, 3 * DAY, 4 * DAY, 7 * DAY))),
        tracker_seconds=draw(st.sampled_from([None, None, *around(0, 3 * DAY, 4 * DAY)])),
    )


@st.composite
def rescue_snapshots(draw: st.DrawFn) -> Snapshot:
    """Draw what rescue looks at, nothing where nobody lists it; at times most are refused in one breath."""
    if draw(_rolls) == _UNLUCKY:
        return Snapshot(taken_at=NOW)
    some = [draw(owing(number)) for number in range(draw(st.integers(0, 6)))]
    alike = draw(owing(0))
    crowd = [evolve(alike, hash=hash_of(20 + number)) for number in range(draw(st.sampled_from([0, 0, 2, 3, 4])))]
    return Snapshot(taken_at=NOW, torrents=[*some, *crowd])


_WORDS = ("redacted-00000a", "redacted-00000b")


@st.composite
def address_worlds(draw: st.DrawFn) -> tuple[Snapshot, Policy]:
    """Draw who is seen where, what was registered when, and whether anything may be."""
    connection = draw(st.none() | st.builds(Connection, addresses=st.frozensets(st.sampled_from(_WORDS))))
    ago = st.sampled_from([-60, 0, 1, 3599, 3600, 90_000])
    registered = draw(st.none() | st.tuples(ago.map(lambda seconds: NOW - seconds), st.sampled_from(_WORDS)))
    own = draw(st.none() | st.sampled_from(_WORDS))
    policy = evolve(draw(policies()), address=AddressPolicy(register_address=draw(st.integers(0, 3)) > 0))
    return Snapshot(taken_at=NOW, connection=connection, site_address=own, registered=registered), policy


WORLDS: dict[str, st.SearchStrategy[tuple[Snapshot, Policy]]] = {
    "grab": st.integers(0, 4).flatmap(lambda n: grab_worlds() if n else st.tuples(grab_snapshots(), policies())),
    "janitor": st.tuples(st.integers(0, 5).flatmap(lambda n: cleanup_snapshots if n else crowds()), policies()),
    "spend": spend_worlds(),
    "reconcile": st.tuples(reconcile_snapshots, policies()),
    "monitor": st.tuples(monitor_snapshots, policies()),
    "rescue": st.tuples(rescue_snapshots(), policies()),
    "address": address_worlds(),
}
# A job, and a world that has something in it for that job.
jobs = st.sampled_from(sorted(WORLDS)).flatmap(lambda job: st.tuples(st.just(job), WORLDS[job]))


# Any JSON value: numbers without end, lone surrogates and big integers included, as Python's reader lets them through.
json_scalars = st.one_of(
    st.none(),
    flags,
    st.integers(),
    st.integers(2**60, 2**70),
    st.floats(),
    st.text(st.characters(exclude_categories=()), max_size=8),
    st.sampled_from(
        ["∞", "1,002.9 MiB", "Nothing returned, out of 0", "0", "-1", "2026-04-19 11:40:00", hash_of(1), "{}"]
    ),
)
KEYS = """
    format taken_at mam qbittorrent ledger memory profile searches torrents trackers preferences data found error id
    title size seeders leechers my_snatched free vip hash tags state username classname snatch_summary unsat count
    limit seedbonus url status msg job decided_at actions action decisions subject decision reason facts skip detail
    policy advice figures changes server_state free_space_on_disk balances webapi_version success
    transfer connection_status dht_nodes tracker magnet_uri
""".split()  # noqa: SIM905 - a list of words reads best as words
_keys = st.one_of(st.sampled_from(KEYS), st.text(max_size=3))
json_values = st.recursive(
    json_scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_keys, inner, max_size=5)),
    max_leaves=12,
)


def _spelled(flag: st.SearchStrategy[bool]) -> st.SearchStrategy[object]:
    return st.builds(lambda on, spell: spell(on), flag, st.sampled_from([int, bool, lambda on: str(int(on))]))


@st.composite
def raw_rows(draw: st.DrawFn, number: int) -> dict[str, Any]:
    """Draw a row of search results in one of its spellings, at times one that cannot be read."""
    row = raw_result(
        number,
        title=draw(st.one_of(names, st.just(1984))),
        size=draw(st.sampled_from(["100.0 MiB", "1,002.9 MiB", "104857600", 104857600])),
        seeders=draw(st.sampled_from([3, "3", "1,204", 51])),
        leechers=draw(st.sampled_from([1, "7", 0, 40])),
        free=draw(_spelled(flags)),
        fl_vip=draw(_spelled(flags)),
        my_snatched=draw(_spelled(st.sampled_from([False] * 4 + [True]))),
        vip_expire=draw(st.sampled_from([0, NOW - 1, NOW + 1])),
        author_info=draw(st.sampled_from(["", None, "{not json", '{"8234": "Name"}'])),
    )
    broken: dict[str, Any] = draw(st.sampled_from([{"size": "big"}, {"seeders": None}]))
    return row | broken if not draw(st.integers(0, 9)) else row


@st.composite
def raw_listings(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the client's part of a snapshot document."""
    chosen = draw(st.lists(numbers, max_size=5, unique=True))
    rows: list[dict[str, Any]] = []
    trackers: dict[str, object] = {}
    for number in chosen:
        one = draw(torrents(number))
        facts = {
            "name": one.name,
            "category": one.category,
            "tags": None if one.tags is None else ", ".join(sorted(one.tags)),
            "state": one.state,
            "added_on": one.added_on,
            "completion_on": one.completion_on or draw(st.sampled_from([0, -1])),
            "seeding_time": one.seeding_time,
            "progress": one.progress,
            "downloaded": one.downloaded_bytes,
            "uploaded": one.uploaded_bytes,
            "num_complete": one.seeders,
            "amount_left": one.left_bytes,
            "tracker": None if one.tracker_host is None else f"https://{one.tracker_host}/tracker.php/PASSKEY/announce",
        }
        rows.append(raw_torrent(number, **facts))
        if draw(flags):
            private = {"url": "** [DHT] **", "status": 0, "msg": "This torrent is private"}
            trackers[hash_of(number)] = [private, raw_tracker(draw(texts))]
    if chosen and not draw(st.integers(0, 4)):
        rows.append({**rows[0], "name": "the same info-hash again"})
    return {
        "webapi_version": draw(st.sampled_from(["2.8.19", "2.16.2", None])),
        "torrents": rows,
        "trackers": trackers,
        "preferences": raw_preferences(max_active_uploads=draw(st.sampled_from([3, 150, "150"]))),
        "transfer": {"connection_status": "connected", "dht_nodes": draw(st.sampled_from([300, "300", -1]))},
        "free_space_bytes": draw(st.integers(10 * GIB, 14 * GIB)),
    }


@st.composite
def raw_snapshots(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a snapshot document with the services' quirks; every id is on offer once, and once in the ledger."""
    offered = draw(st.lists(ids, max_size=6, unique=True))
    rows = [draw(raw_rows(number)) for number in offered]
    cut = draw(st.integers(0, len(rows)))
    name, limit = draw(st.sampled_from([("VIP", 150), (" User", 50), ("Mouse", 20), ("Vole", 50)]))
    summary = {
        "unsat": raw_block(draw(st.sampled_from([2, str(limit - 12), limit - 10, None])), limit=limit),
        "inactHnr": raw_block(0),
        "seedHnr": raw_block(draw(st.sampled_from([0, "1", None]))),
    }
    profile = raw_profile(
        classname=name,
        uploaded_bytes=draw(st.sampled_from([0, 12 * GIB, 20 * GIB])),
        downloaded_bytes=draw(st.sampled_from([10 * GIB, 0])),
        seedbonus=draw(st.sampled_from([5000, 26512.091, "25,500"])),
        ratio=draw(st.sampled_from(["∞", 2.0])),
        wedges=draw(st.sampled_from([1, "2", 0])),
        **draw(st.sampled_from([summary, {"snatch_summary": summary}])),
    )
    lines = draw(st.lists(entries, max_size=4, unique_by=lambda entry: entry.id))
    return raw_snapshot(
        mam={
            "profile": profile,
            "searches": [raw_search(*rows[:cut], found=len(rows)), raw_search(*rows[cut:], found=str(len(rows)))],
        },
        qbittorrent=draw(raw_listings()),
        memory={
            "download_freeze_until": draw(st.sampled_from([None, None, None, NOW + 1, str(NOW)])),
            "unsatisfied_paused": draw(flags),
            "purchase_pending": draw(flags),
            "remembered_count": draw(st.sampled_from([None, None, "5"])),
        },
        ledger=[{"id": one.id, "at": one.at, "outcome": str(one.outcome), "info_hash": one.info_hash} for one in lines],
    )


def shuffled(value: Any, luck: Random) -> Any:
    """Return *value* with every list and every object in it in another order."""
    if isinstance(value, dict):
        return {key: shuffled(value[key], luck) for key in luck.sample(sorted(value), len(value))}
    if isinstance(value, list):
        return [shuffled(one, luck) for one in luck.sample(value, len(value))]
    return value
