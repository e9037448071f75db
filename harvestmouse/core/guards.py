"""Whether to grab at all: the guards, in their order, and the unsatisfied headroom they leave."""

from math import inf

from harvestmouse.core.model import AccountClass, LedgerOutcome, Snapshot
from harvestmouse.core.plan import Reason, Skip
from harvestmouse.core.policy import GrabPolicy, Policy
from harvestmouse.core.units import format_size, format_span

# The site's unsatisfied count trails real snatches; own grabs of the last half hour are added to it.
UNSAT_LAG_SECONDS = 1800


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
    used, limit = unsat_used(snapshot), profile.unsat_limit
    if used is not None and limit is not None and used >= unsat_ceiling(snapshot, limit, grab):
        detail = f"{used} of {limit} unsatisfied, {grab.unsat_reserve} kept in reserve"
        return Skip(reason=Reason.UNSATISFIED_LIMIT, detail=detail)
    if grab.require_unsat and (used is None or limit is None):
        detail = "the profile does not tell the unsatisfied count and limit, and require_unsat is on"
        return Skip(reason=Reason.UNSATISFIED_UNKNOWN, detail=detail)
    if grab.hold_on_hit_and_run and profile.hit_and_run_count != 0:
        detail = f"{profile.hit_and_run_count} hit-and-runs on the account"
        return Skip(reason=Reason.HIT_AND_RUN, detail=detail)
    return None


def guard(snapshot: Snapshot, policy: Policy) -> Skip | None:
    """Return why nothing may be grabbed; the first guard that holds, in the order of the design, section 5.1."""
    skip = profile_guard(snapshot, policy)
    if skip is not None:
        return skip
    held, free = snapshot.held(policy.client.category), snapshot.free_space_bytes
    if held >= policy.grab.max_torrents:
        return Skip(reason=Reason.CLIENT_FULL, detail=f"{held} torrents, at most {policy.grab.max_torrents}")
    if free is not None and free <= policy.grab.disk_reserve:
        detail = f"{format_size(free)} free, {format_size(policy.grab.disk_reserve)} kept in reserve"
        return Skip(reason=Reason.DISK_LOW, detail=detail)
    if snapshot.torrents is None or free is None:
        missing = "torrent list" if snapshot.torrents is None else "free space"
        return Skip(reason=Reason.CLIENT_UNKNOWN, detail=f"the client's {missing} is missing")
    if snapshot.ledger is None:
        return Skip(reason=Reason.LEDGER_UNKNOWN, detail="what was grabbed before is unknown; none is an empty list")
    return None


def unsat_headroom(snapshot: Snapshot, policy: GrabPolicy) -> float:
    """Return how many unsatisfied slots may still be used; infinite where nothing tells and nobody asks."""
    used, limit = unsat_used(snapshot), None if snapshot.profile is None else snapshot.profile.unsat_limit
    return inf if used is None or limit is None else limit - policy.unsat_reserve - used


def _unknown_profile(snapshot: Snapshot) -> str:
    if snapshot.profile is None:
        return "the profile is missing"
    if snapshot.profile.account_class is None:
        return f"class {snapshot.profile.class_name!r} is on no rung this version knows"
    return "the profile does not tell uploaded and downloaded bytes"


def unsat_used(snapshot: Snapshot) -> int | None:
    """Count unsatisfied torrents: the site's figure, and own grabs it cannot know yet."""
    if snapshot.profile is None or snapshot.profile.unsat_count is None:
        return None
    since = snapshot.taken_at - UNSAT_LAG_SECONDS
    recent = {
        entry.id
        for entry in snapshot.ledger or ()
        if entry.outcome in (LedgerOutcome.ADDING, LedgerOutcome.GRABBED) and entry.at is not None and entry.at > since
    }
    return snapshot.profile.unsat_count + len(recent)


def unsat_ceiling(snapshot: Snapshot, limit: int, policy: GrabPolicy) -> int:
    """Return the unsatisfied count at which nothing more is grabbed."""
    # After a pause twice the reserve must be free: pausing and resuming at one level flaps.
    return limit - policy.unsat_reserve * (2 if snapshot.unsatisfied_paused else 1)
