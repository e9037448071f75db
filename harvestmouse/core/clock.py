"""How much seed time the tracker can have seen, added up from one look at the client to the next.

The client's own clock goes on while a tracker refuses or does not answer, and the site's does not (incident I5).
"""

from collections.abc import Iterable, Iterator, Mapping

from attrs import evolve

from harvestmouse.core.model import Seen, Torrent, TrackerClock, fold_tags
from harvestmouse.core.policy import CleanupPolicy, Policy
from harvestmouse.core.trackers import SEEDING, disowned, is_working
from harvestmouse.core.units import DAY

# So long a torrent is remembered that the client does not list: it was restarted, or its list was cut.
KEPT_SECONDS = 30 * DAY


def is_announcing(torrent: Torrent) -> bool | None:
    """Whether a tracker takes its announces; ``None`` where nothing tells."""
    if torrent.state is None:
        return None
    if torrent.state not in SEEDING:
        return False
    return None if torrent.messages is None else is_working(torrent)


def repairs(torrent: Torrent, policy: CleanupPolicy) -> bool:
    """Whether its tag says that it repairs a hit-and-run."""
    return policy.recovery_tag.casefold() in fold_tags(torrent.tags or ())


def needed_seconds(torrent: Torrent, policy: CleanupPolicy) -> int:
    """Return how long a torrent has to seed, in seconds; longer where it repairs a hit-and-run."""
    return int(max(policy.owed_seconds, policy.recovery_hold.total_seconds() if repairs(torrent, policy) else 0))


def drift(torrent: Torrent) -> int:
    """Return how far the client's clock is ahead of the tracker's, in seconds; 0 where nobody can tell."""
    if torrent.seeding_time is None or torrent.tracker_seconds is None:
        return 0
    return max(0, torrent.seeding_time - torrent.tracker_seconds)


def unheard(managed: Iterable[Torrent], policy: CleanupPolicy) -> tuple[Torrent, ...]:
    """Return the torrents whose tracker messages tell whether their clock goes on."""
    if not policy.tracker_clock:
        return ()
    asked = (one for one in managed if one.messages is None and one.state in SEEDING and one.has_completed)
    return tuple(one for one in asked if (one.seeded_seconds or 0) < needed_seconds(one, policy))


def advance(clock: TrackerClock | None, torrents: Iterable[Torrent], policy: Policy, now: int) -> TrackerClock:
    """Return the record with one more look at the client.

    The time since a torrent was last seen announcing counts where it announces now as well, and at most
    `cleanup.tracker_gap` of it; any other look in between ends that. A torrent whose messages nobody asked for, or
    whose state the client does not tell, was not looked at.

    Args:
        clock: The record so far; ``None`` where there is none.
        torrents: As the client lists them, of any category.
        policy: Its sections ``client`` and ``cleanup``.
        now: When the client was asked, in unix seconds.
    """
    record = {key: one for key, one in (clock or {}).items() if now - one.listed_at <= KEPT_SECONDS}
    listed = {one.hash: one for one in _kept(torrents, policy)}
    for key, seen in record.items():
        if key not in listed:
            record[key] = evolve(seen, announcing=False)
    for key, torrent in listed.items():
        before = record.pop(key, None)
        seen = _first(torrent, policy.cleanup, now) if before is None else _next(before, torrent, policy.cleanup, now)
        if not _is_settled(seen, torrent, policy.cleanup):
            record[key] = seen
    return dict(sorted(record.items()))


def corrected(
    clock: TrackerClock, torrents: Iterable[Torrent], times: Mapping[str, int], policy: Policy, now: int
) -> TrackerClock:
    """Return the record with the site's own figures in place of what was added up; torrents without one stay.

    No figure counts for more than the torrent's age in the client, whatever an id is mistaken for.

    Args:
        clock: With the present look at the client.
        torrents: As the client lists them, of any category.
        times: What the site has counted, in seconds by info-hash.
        policy: Its sections ``client`` and ``cleanup``.
        now: When the client was asked, in unix seconds.
    """
    record = dict(clock)
    for torrent in _kept((one for one in torrents if one.hash in times), policy):
        seen = record.pop(torrent.hash, None) or _first(torrent, policy.cleanup, now)
        age = seen.seconds if torrent.added_on is None else max(0, now - torrent.added_on)
        # What was up to now is in the site's figure, so that the next look counts from now.
        since = now if seen.announcing else seen.announced_at
        seen = evolve(seen, seconds=min(times[torrent.hash], age), announced_at=since)
        if not _is_settled(seen, torrent, policy.cleanup):
            record[torrent.hash] = seen
    return dict(sorted(record.items()))


def shown(torrents: Iterable[Torrent], clock: TrackerClock | None) -> tuple[Torrent, ...]:
    """Return the torrents with their time on the tracker's clock.

    The client's stands alone outside the record, and where the site has taken a torrent away: the tracker's would
    stand still for ever.

    Args:
        torrents: All that are listed, with the tracker messages that are known.
        clock: The record.
    """
    listed = tuple(torrents)
    record = clock or {}
    gone = disowned(listed, record)
    seconds = {key: seen.seconds for key, seen in record.items() if key not in gone}
    times = ((one, seconds.get(one.hash)) for one in listed)
    return tuple(one if one.tracker_seconds == time else evolve(one, tracker_seconds=time) for one, time in times)


def _kept(torrents: Iterable[Torrent], policy: Policy) -> Iterator[Torrent]:
    """Yield the torrents of which a record is kept."""
    return (one for one in torrents if one.category == policy.client.category and one.has_completed)


def _first(torrent: Torrent, policy: CleanupPolicy, now: int) -> Seen:
    """Begin a record: what was before cannot be known, so that the client is believed, or nobody."""
    seconds = max(0, torrent.seeding_time or 0) if policy.trust_unseen else 0
    return Seen(seconds=seconds, announcing=is_announcing(torrent) is True, listed_at=now, announced_at=now)


def _next(seen: Seen, torrent: Torrent, policy: CleanupPolicy, now: int) -> Seen:
    announcing, elapsed = is_announcing(torrent), now - seen.announced_at
    if announcing is None:
        return evolve(seen, listed_at=now)
    if not announcing:
        return evolve(seen, announcing=False, listed_at=now)
    # A clock that was set back credits nothing.
    credit = max(0, min(elapsed, int(policy.tracker_gap.total_seconds()))) if seen.announcing else 0
    return Seen(seconds=seen.seconds + credit, announcing=True, listed_at=now, announced_at=now)


def _is_settled(seen: Seen, torrent: Torrent, policy: CleanupPolicy) -> bool:
    """Whether both clocks are past all that is asked, so that the client's is right alone and the record stays small.

    Where an unseen torrent begins at nothing it would begin there again, so it stays.
    """
    return policy.trust_unseen and min(seen.seconds, torrent.seeding_time or 0) >= needed_seconds(torrent, policy)
