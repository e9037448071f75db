"""What the operator wants: every figure the decisions use, with its limits, and the presets to start from."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from math import isfinite
from typing import Any

from attrs import Attribute, evolve, field, fields, frozen

from harvestmouse.core.errors import PolicyError
from harvestmouse.core.units import GIB, MIB, exact_duration, exact_size

# The site gives a torrent's seed time 72 hours to be reached (rule 2.5); the policy may ask for more, never for less.
SITE_SEED_TIME_SECONDS = 72 * 3600

_ZERO = timedelta(0)
_SITE_SEED_TIME = timedelta(seconds=SITE_SEED_TIME_SECONDS)

Check = Callable[[Any, "Attribute[Any]", Any], None]


def show(value: object, *, is_size: bool = False) -> Any:
    """Write a figure the way the configuration file has it."""
    if isinstance(value, timedelta):
        return exact_duration(value)
    if is_size and isinstance(value, int):
        return exact_size(value)
    return list(value) if isinstance(value, tuple) else value


def _within(low: Any = None, high: Any = None, *, type_: type | tuple[type, ...] = (int, float)) -> Check:
    def check(_: Any, attribute: "Attribute[Any]", value: Any) -> None:
        is_size = bool(attribute.metadata.get("size"))
        if not isinstance(value, type_) or (isinstance(value, bool) and type_ is not bool):
            raise PolicyError(f"{attribute.name} = {value!r} is of the wrong kind")
        if isinstance(value, float) and not isfinite(value):
            raise PolicyError(f"{attribute.name} = {value} is no finite number")
        if low is not None and value < low:
            least = show(low, is_size=is_size)
            raise PolicyError(f"{attribute.name} = {show(value, is_size=is_size)} is too low; at least {least}")
        if high is not None and value > high:
            most = show(high, is_size=is_size)
            raise PolicyError(f"{attribute.name} = {show(value, is_size=is_size)} is too high; at most {most}")

    return check


def _count(default: int, low: int = 0, high: int | None = None) -> Any:
    return field(default=default, validator=_within(low, high, type_=int))


def _number(default: float, low: float | None = 0.0, high: float | None = None) -> Any:
    return field(default=default, converter=_as_float, validator=_within(low, high, type_=float))


def _as_float(value: Any) -> Any:
    # TOML writes 2 where 2.0 is meant.
    return float(value) if type(value) is int else value


def _size(default: int) -> Any:
    return field(default=default, validator=_within(0, type_=int), metadata={"size": True})


def _span(default: timedelta, low: timedelta = _ZERO) -> Any:
    return field(default=default, validator=_within(low, type_=timedelta))


def _flag(default: bool) -> Any:  # noqa: FBT001 - it is the value itself
    return field(default=default, validator=_within(type_=bool))


def _words(_: Any, attribute: "Attribute[Any]", value: Any) -> None:
    if not isinstance(value, tuple) or not all(isinstance(word, str) and word.strip() for word in value):
        raise PolicyError(f"{attribute.name} = {show(value)} is no list of words")


def _word(_: Any, attribute: "Attribute[Any]", value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        raise PolicyError(f"{attribute.name} = {value!r} is empty; every job needs it")


def _one_of(*words: str) -> Check:
    def check(_: Any, attribute: "Attribute[Any]", value: Any) -> None:
        if value not in words:
            raise PolicyError(f"{attribute.name} = {value!r} is not one of {', '.join(words)}")

    return check


def _labels(_: Any, attribute: "Attribute[Any]", value: Any) -> None:
    _words(_, attribute, value)
    for word in value:
        name, equals, label = word.partition("=")
        if not (name.strip() and equals and label.strip()):
            raise PolicyError(f"{attribute.name}: {word!r} is no label; write it as 'category=label' or 'domain=label'")


def _tiers(_: Any, attribute: "Attribute[Any]", value: Any) -> None:
    # The site refuses automated purchases under 50 GiB.
    whole = isinstance(value, tuple) and all(type(tier) is int and tier >= 50 for tier in value)  # noqa: PLR2004
    if not value or not whole:
        raise PolicyError(f"{attribute.name} = {show(value)} is no list of whole GiB, each at least 50")


def _sorted_tuple(value: Any) -> Any:
    try:
        return tuple(sorted(set(value)))
    except TypeError:
        return value


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple | set | frozenset) else value


@frozen(kw_only=True)
class ClientPolicy:
    """Where farmed torrents live in the client.

    Attributes:
        category: The managed category; torrents outside it are never touched.
        save_path: Where the client puts them.
        tags: Tags of added torrents.
    """

    category: str = field(default="mam-farming", validator=_word)
    save_path: str = field(default="/downloads/mam-farming", validator=_word)
    tags: tuple[str, ...] = field(default=("mam", "freeleech"), converter=_tuple, validator=_words)


@frozen(kw_only=True)
class GrabPolicy:
    """When to grab, and what.

    Attributes:
        ratio_floor: No grab under this ratio.
        min_size: Smallest torrent, bytes.
        max_size: Largest torrent, bytes.
        leecher_floor: Fewest leechers.
        seeder_ceiling: Most seeders.
        leecher_weight: Score for a leecher.
        seeder_weight: Score taken off for a seeder.
        wedge_bonus: Score for a result that is free by a wedge.
        per_run: Most picks in one run.
        max_torrents: Most torrents in the category.
        unsat_reserve: Unsatisfied slots left unused.
        disk_reserve: Free space left unused, bytes.
        max_pages: Most search pages in one run.
        require_unsat: Hold where the profile does not tell the unsatisfied count.
        hold_on_hit_and_run: Hold while the account has hit-and-runs.
        regrab_after: How long a torrent removed as never started stays barred.
        strategy: What to look at first: demand (most leechers) or new (newest).
        category_quota: Most bytes the category may hold; 0 for no limit.
        wedges: Spend freeleech wedges on results that are not free.
        wedges_per_run: Most wedges spent in one run.
        wedge_reserve: Wedges never spent.
    """

    ratio_floor: float = _number(1.2)
    min_size: int = _size(50 * MIB)
    max_size: int = _size(GIB)
    leecher_floor: int = _count(1)
    seeder_ceiling: int = _count(50)
    leecher_weight: float = _number(3.0)
    seeder_weight: float = _number(0.5)
    wedge_bonus: float = _number(200.0)
    per_run: int = _count(5)
    max_torrents: int = _count(500)
    unsat_reserve: int = _count(10)
    disk_reserve: int = _size(10 * GIB)
    max_pages: int = _count(5, 1, 50)
    require_unsat: bool = _flag(default=True)
    hold_on_hit_and_run: bool = _flag(default=False)
    regrab_after: timedelta = _span(timedelta(days=14))
    strategy: str = field(default="demand", validator=_one_of("demand", "new"))
    category_quota: int = _size(0)
    wedges: bool = _flag(default=False)
    wedges_per_run: int = _count(1)
    wedge_reserve: int = _count(0)

    def __attrs_post_init__(self) -> None:
        """Refuse a size band that nothing fits."""
        if self.min_size > self.max_size:
            raise PolicyError(f"min_size = {exact_size(self.min_size)} is above max_size = {exact_size(self.max_size)}")


@frozen(kw_only=True)
class CleanupPolicy:
    """What the janitor may delete, and when.

    Attributes:
        seed_time: The site's seed time; never less than its 72 hours.
        seed_time_margin: What the client's clock may run ahead of the tracker's.
        recovery_tag: Tag of torrents seeded to repair a hit-and-run.
        recovery_hold: How long those are seeded.
        protect_tags: Torrents with one of these tags are never touched.
        never_started_age: Age above which a torrent with nothing downloaded goes.
        stalled_age: Age above which a stalled download goes.
        keep_partials: Keep stalled downloads that hold some data.
        satisfied_seed_time: Seeding time above which a well-seeded torrent goes.
        satisfied_seeder_floor: Well-seeded is more seeders than this.
        graceful_seed_time: Seeding time above which any torrent goes.
        zero_demand_age: Age above which a torrent that uploaded nothing goes.
        max_data_deletions: Most deletions of torrents with data in one run.
        max_data_share: Largest share of the managed torrents with data that one run may delete.
        always_allowed: So many of those deletions are allowed whatever their share.
        max_shrink: Largest share of the managed torrents that may vanish between two runs.
        tracker_clock: Keep a clock of the seed time that the tracker can have seen; the smaller of the two counts.
        tracker_gap: Most seed time that clock counts between two runs.
        trust_unseen: Begin that clock at the client's figure; otherwise at nothing.
    """

    seed_time: timedelta = _span(_SITE_SEED_TIME, _SITE_SEED_TIME)
    seed_time_margin: timedelta = _span(timedelta(hours=24))
    recovery_tag: str = field(default="recovery", validator=_word)
    recovery_hold: timedelta = _span(timedelta(days=7))
    protect_tags: tuple[str, ...] = field(default=(), converter=_tuple, validator=_words)
    never_started_age: timedelta = _span(timedelta(hours=24))
    stalled_age: timedelta = _span(timedelta(days=3))
    keep_partials: bool = _flag(default=False)
    satisfied_seed_time: timedelta = _span(timedelta(days=3))
    satisfied_seeder_floor: int = _count(5)
    graceful_seed_time: timedelta = _span(timedelta(days=14))
    zero_demand_age: timedelta = _span(timedelta(days=7))
    max_data_deletions: int = _count(50)
    max_data_share: float = _number(0.5, 0.0, 1.0)
    always_allowed: int = _count(50)
    max_shrink: float = _number(0.5, 0.0, 1.0)
    tracker_clock: bool = _flag(default=True)
    tracker_gap: timedelta = _span(timedelta(hours=1))
    trust_unseen: bool = _flag(default=True)

    @property
    def owed_seconds(self) -> float:
        """Seeding time a completed torrent owes before anything may delete it, in seconds."""
        return (self.seed_time + self.seed_time_margin).total_seconds()


@frozen(kw_only=True)
class SpendPolicy:
    """What to buy with bonus points.

    Attributes:
        target_ratio: The ratio that purchases are to reach.
        reserve: Points never spent.
        price_per_gib: Points for a GiB of upload credit.
        tiers: Amounts that may be bought, GiB; the site sells automated buyers no less than 50.
        vip: Top up VIP when there is no deficit.
        overflow: Buy credit with points that the site's cap would swallow.
        overflow_ahead: Within what time; no less than from one run to the next.
    """

    target_ratio: float = _number(2.0)
    reserve: int = _count(500)
    price_per_gib: int = _count(500, 1)
    tiers: tuple[int, ...] = field(default=(50, 100, 200, 500), converter=_sorted_tuple, validator=_tiers)
    vip: bool = _flag(default=False)
    overflow: bool = _flag(default=False)
    overflow_ahead: timedelta = _span(timedelta(hours=6))


@frozen(kw_only=True)
class ReconcilePolicy:
    """Queueing preferences the client should have; -1 means no limit.

    Attributes:
        queueing_enabled: Whether the client queues at all.
        max_active_downloads: Download slots.
        max_active_uploads: Upload slots; never fewer than torrents that owe seed time.
        max_active_torrents: Slots in all; never fewer than uploads and downloads together.
        dont_count_slow_torrents: Let dead downloads hold no slot.
        force_start: Force-start or resume torrents that owe seed time and are queued or stopped.
    """

    queueing_enabled: bool = _flag(default=True)
    max_active_downloads: int = _count(20, -1)
    max_active_uploads: int = _count(150, -1)
    max_active_torrents: int = _count(150, -1)
    dont_count_slow_torrents: bool = _flag(default=True)
    force_start: bool = _flag(default=False)


@frozen(kw_only=True)
class RescuePolicy:
    """What to do for torrents that owe seed time and are not seeded; `reconcile.force_start` lets them be started.

    Attributes:
        reannounce: Announce once more those whose tracker refuses or does not answer.
        per_run: Most torrents started or announced in one run.
        deadline: The site's limit for the seed time, counted from completion.
    """

    reannounce: bool = _flag(default=False)
    per_run: int = _count(50)
    deadline: timedelta = _span(timedelta(days=30))


@frozen(kw_only=True)
class MonitorPolicy:
    """How torrents are attributed to trackers.

    Attributes:
        labels: Labels of categories, which come first, and of tracker domains, each as category=label or domain=label.
    """

    labels: tuple[str, ...] = field(
        default=("mam-farming=mam", "myanonamouse.net=mam"), converter=_tuple, validator=_labels
    )


@frozen(kw_only=True)
class AddressPolicy:
    """Whether the site is told the client's address.

    Attributes:
        register_address: Tell the site the client's address when it changes, where this host is seen to share it.
    """

    register_address: bool = _flag(default=False)


@frozen(kw_only=True)
class Policy:
    """Everything the operator wants, section by section."""

    client: ClientPolicy = field(factory=ClientPolicy)
    grab: GrabPolicy = field(factory=GrabPolicy)
    cleanup: CleanupPolicy = field(factory=CleanupPolicy)
    spend: SpendPolicy = field(factory=SpendPolicy)
    reconcile: ReconcilePolicy = field(factory=ReconcilePolicy)
    rescue: RescuePolicy = field(factory=RescuePolicy)
    monitor: MonitorPolicy = field(factory=MonitorPolicy)
    address: AddressPolicy = field(factory=AddressPolicy)


def figures(section: Any) -> Mapping[str, Any]:
    """Return a section's figures by name, written the way the configuration file has them."""
    return {
        attribute.name: show(getattr(section, attribute.name), is_size=bool(attribute.metadata.get("size")))
        for attribute in fields(type(section))
    }


# The seed document's figures.
SEED = Policy()

# What the seed's operators later measured on the live site: it is well seeded, so a ceiling of 50 refuses 99 % of the
# freeleech catalogue; a floor of 1.2 keeps an account that left Mouse from recovering; dead downloads hold all slots.
FIELD = evolve(
    SEED,
    grab=evolve(SEED.grab, ratio_floor=0.5, seeder_ceiling=200),
    cleanup=evolve(SEED.cleanup, keep_partials=True),
    reconcile=evolve(SEED.reconcile, max_active_downloads=5, max_active_uploads=500, max_active_torrents=505),
)

PRESETS: Mapping[str, Policy] = {"seed": SEED, "field": FIELD}
