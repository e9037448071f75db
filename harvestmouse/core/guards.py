"""Whether to grab at all: the guards, in their order, and the unsatisfied headroom they leave."""

from collections.abc import Mapping, Sequence
from math import inf

from harvestmouse.core.disk import category_bytes, disk_left, quota_left, still_to_write
from harvestmouse.core.model import AccountClass, LedgerOutcome, Profile, Snapshot, Torrent
from harvestmouse.core.plan import Reason, Skip
from harvestmouse.core.policy import SITE_SEED_TIME_SECONDS, GrabPolicy, Policy
from harvestmouse.core.trackers import is_working
from harvestmouse.core.units import counted, format_size, format_span

# The site's unsatisfied count trails real snatches; own grabs of the last half hour are added to it.
UNSAT_LAG_SECONDS = 1800
# What the site gives a class at the least, for a profile that has the count but not the limit. A new member is a User
# too, and the profile does not tell them apart, so that a User has what a new member has.
LEAST_UNSAT_LIMITS: Mapping[AccountClass, int] = {
    AccountClass.USER: 20,
    AccountClass.POWER_USER: 100,
    AccountClass.VIP: 150,
    AccountClass.ELITE_VIP: 200,
}
# A download with some data that stands in one of these states has been heard of: its data came from peers, whom only
# the tracker names. In any other it may have begun just now.
_AT_REST = frozenset({"stalledDL", "queuedDL", "stoppedDL", "pausedDL"})
# States in which the clocks of seeding time go on.
_SEEDING = frozenset({"uploading", "stalledUP", "forcedUP"})


def profile_guard(snapshot: Snapshot, policy: Policy) -> Skip | None:
    """Return why the profile alone forbids to grab, before any search request is sent."""
    profile, grab = snapshot.profile, policy.grab
    if profile is None or profile.ratio is None or profile.account_class is None:
        return Skip(reason=Reason.PROFILE_UNKNOWN, detail=_unknown_profile(snapshot))
    name, ratio = profile.account_class.value, profile.ratio
    if profile.account_class is AccountClass.MOUSE:
        return Skip(reason=Reason.MOUSE_CLASS, detail=f"class={name} ratio={ratio:.2f}")
    if ratio < grab.ratio_floor:
        return Skip(reason=Reason.LOW_RATIO, detail=f"ratio {ratio:.4f} is under the floor {grab.ratio_floor}")
    freeze = snapshot.download_freeze_until
    if freeze is not None and freeze > snapshot.taken_at:
        detail = f"the site refuses downloads for another {format_span(freeze - snapshot.taken_at)}"
        return Skip(reason=Reason.DOWNLOAD_FREEZE, detail=detail)
    used, limit = unsat_used(snapshot), unsat_limit(profile)
    if used is not None and limit is not None and used >= unsat_ceiling(snapshot, limit, grab):
        return Skip(reason=Reason.UNSATISFIED_LIMIT, detail=_unsatisfied(used, limit, snapshot, policy))
    if grab.require_unsat and used is None:
        detail = "the profile does not tell the unsatisfied count, and require_unsat is on"
        return Skip(reason=Reason.UNSATISFIED_UNKNOWN, detail=detail)
    if grab.hold_on_hit_and_run and profile.hit_and_run_count != 0:
        count = profile.hit_and_run_count
        shown = "an unknown number of hit-and-runs" if count is None else counted(count, "hit-and-run")
        return Skip(reason=Reason.HIT_AND_RUN, detail=f"{shown} on the account")
    return None


def guard(snapshot: Snapshot, policy: Policy) -> Skip | None:
    """Return why nothing may be grabbed; the first guard that holds, in the order of the design, section 5.1."""
    skip = profile_guard(snapshot, policy)
    if skip is not None:
        return skip
    held, free = snapshot.held(policy.client.category), snapshot.free_space_bytes
    if held >= policy.grab.max_torrents:
        return Skip(reason=Reason.CLIENT_FULL, detail=f"{counted(held, 'torrent')}, at most {policy.grab.max_torrents}")
    if free is not None and disk_left(snapshot, policy) <= 0:
        return Skip(reason=Reason.DISK_LOW, detail=_low_disk(free, snapshot, policy))
    if quota_left(snapshot, policy) <= 0:
        used, quota = category_bytes(snapshot, policy), format_size(policy.grab.category_quota)
        return Skip(reason=Reason.QUOTA_FULL, detail=f"{_size(used)} in the category, at most {quota}")
    if snapshot.torrents is None or free is None:
        missing = "torrent list" if snapshot.torrents is None else "free space"
        return Skip(reason=Reason.CLIENT_UNKNOWN, detail=f"the client's {missing} is missing")
    if snapshot.missing_clients:
        # It may have what would be picked, and it takes places.
        missing = ", ".join(snapshot.missing_clients)
        return Skip(reason=Reason.CLIENT_UNKNOWN, detail=f"the client {missing} is missing, so is what it holds")
    if "" in snapshot.names:
        return Skip(reason=Reason.CLIENT_UNKNOWN, detail="a torrent has no name, and may be one that is on offer")
    if snapshot.ledger is None:
        return Skip(reason=Reason.LEDGER_UNKNOWN, detail="what was grabbed before is unknown; none is an empty list")
    return None


def _unsatisfied(used: int, limit: int, snapshot: Snapshot, policy: Policy) -> str:
    level, wait = unsat_ceiling(snapshot, limit, policy.grab), unsat_resume_seconds(snapshot, policy)
    detail = f"{used} of {limit} unsatisfied, {policy.grab.unsat_reserve} kept in reserve"
    if snapshot.unsatisfied_paused and level > 0:
        detail += f", paused until fewer than {level} are"
    return detail if wait is None else f"{detail}; enough slots free themselves in about {format_span(wait)}"


def _low_disk(free: int, snapshot: Snapshot, policy: Policy) -> str:
    waiting = still_to_write(snapshot)
    spoken = f"{_size(waiting)} still to be downloaded, " if waiting else ""
    return f"{format_size(free)} free, {spoken}{format_size(policy.grab.disk_reserve)} kept in reserve"


def _size(size: float) -> str:
    return "an unknown size" if size == inf else format_size(int(size))


def unsat_limit(profile: Profile | None) -> int | None:
    """Return how many unsatisfied torrents the account may have: the site's figure, else the least of its class."""
    if profile is None or profile.unsat_limit is not None:
        return None if profile is None else profile.unsat_limit
    return None if profile.account_class is None else LEAST_UNSAT_LIMITS.get(profile.account_class)


def unsat_headroom(snapshot: Snapshot, policy: GrabPolicy) -> float:
    """Return how many unsatisfied slots may still be used; infinite where nothing tells and nobody asks."""
    used, limit = unsat_used(snapshot), unsat_limit(snapshot.profile)
    return inf if used is None or limit is None else limit - policy.unsat_reserve - used


def _unknown_profile(snapshot: Snapshot) -> str:
    if snapshot.profile is None:
        return "the profile is missing"
    if snapshot.profile.class_name is None:
        return "the profile does not tell the class"
    if snapshot.profile.account_class is None:
        return f"class {snapshot.profile.class_name!r} is on no rung this version knows"
    return "the profile does not tell uploaded and downloaded bytes"


def unsat_used(snapshot: Snapshot) -> int | None:
    """Count unsatisfied torrents: the site's figure, and own grabs it cannot know yet.

    Those are the grabs of the last half hour, and older ones of which the client does not show that the tracker has
    heard of them half an hour ago: one that waits in the queue, or whose tracker is away, has not announced.
    """
    if snapshot.profile is None or snapshot.profile.unsat_count is None:
        return None
    since = snapshot.taken_at - UNSAT_LAG_SECONDS
    unheard = {torrent.hash for torrent in snapshot.torrents or () if not _was_heard(torrent, snapshot.taken_at)}
    own = {
        entry.id
        for entry in snapshot.ledger or ()
        if entry.outcome in (LedgerOutcome.ADDING, LedgerOutcome.GRABBED)
        and ((entry.at is not None and entry.at > since) or entry.info_hash in unheard)
    }
    return snapshot.profile.unsat_count + len(own)


def _was_heard(torrent: Torrent, now: int) -> bool:
    """Whether the tracker has surely heard of it, and so long ago that the site counts it."""
    completed = torrent.completion_on or 0
    if (torrent.seeding_time or 0) >= UNSAT_LAG_SECONDS or 0 < completed <= now - UNSAT_LAG_SECONDS:
        return True
    return torrent.shows_data and torrent.state in _AT_REST


def unsat_ceiling(snapshot: Snapshot, limit: int, policy: GrabPolicy) -> int:
    """Return the unsatisfied count at which nothing more is grabbed."""
    return _resume_level(limit, policy) if snapshot.unsatisfied_paused else limit - policy.unsat_reserve


def unsat_paused(snapshot: Snapshot, policy: GrabPolicy) -> bool:
    """Whether unsatisfied torrents pause grabbing after this look; where nobody can tell, all stays as it was."""
    used, limit = unsat_used(snapshot), unsat_limit(snapshot.profile)
    if used is None or limit is None:
        return snapshot.unsatisfied_paused
    return used >= unsat_ceiling(snapshot, limit, policy)


def _resume_level(limit: int, policy: GrabPolicy) -> int:
    """Return the unsatisfied count under which grabbing goes on after a pause."""
    usable = limit - policy.unsat_reserve
    # Twice the reserve must be free, since pausing and resuming at one level flaps; of a small limit that could be more
    # than there is, and grabbing would never go on, so that half of what may be used is enough.
    return usable - min(policy.unsat_reserve, usable // 2)


def slots_free_in(snapshot: Snapshot, policy: Policy) -> Sequence[int]:
    """Return in how many seconds unsatisfied slots free themselves, one figure a slot, the soonest first.

    They are those of managed torrents that are seeding and go on to, by what is left of the site's seed time on the
    smaller of the two clocks; the slots of others, also of those that no tracker is known to take, free themselves
    later, or nobody can tell when.
    """
    left = (
        SITE_SEED_TIME_SECONDS - torrent.seeded_seconds
        for torrent in snapshot.managed(policy.client.category)
        if torrent.state in _SEEDING
        and torrent.seeded_seconds is not None
        and (is_working(torrent) or not torrent.messages)
    )
    return sorted(seconds for seconds in left if seconds > 0)


def unsat_resume_seconds(snapshot: Snapshot, policy: Policy) -> int | None:
    """Return in how many seconds enough slots have freed themselves to grab again; 0 where no slot is waited for."""
    used, limit = unsat_used(snapshot), unsat_limit(snapshot.profile)
    if used is None or limit is None:
        return None
    if used < unsat_ceiling(snapshot, limit, policy.grab):
        return 0
    # The run that resumes comes after a pause.
    level, free = _resume_level(limit, policy.grab), slots_free_in(snapshot, policy)
    wanted = used - level + 1
    return free[wanted - 1] if level > 0 and wanted <= len(free) else None
