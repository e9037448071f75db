"""How much a run may add: torrents, unsatisfied slots, bytes, wedges."""

from attrs import frozen

from harvestmouse.core.disk import bytes_left
from harvestmouse.core.guards import unsat_headroom
from harvestmouse.core.model import Snapshot
from harvestmouse.core.policy import GrabPolicy, Policy


@frozen(kw_only=True)
class Room:
    """How much a run may add: torrents, unsatisfied slots, bytes, and torrents that are free only by a wedge."""

    picks: int
    unsat: float
    bytes: float
    wedges: int


def room_for(snapshot: Snapshot, policy: Policy) -> Room:
    """Return how much this run may add."""
    slots = policy.grab.max_torrents - snapshot.held(policy.client.category)
    return Room(
        picks=max(0, min(policy.grab.per_run, slots)),
        unsat=unsat_headroom(snapshot, policy.grab),
        bytes=bytes_left(snapshot, policy),
        wedges=wedges_at_hand(snapshot, policy.grab),
    )


def wedges_at_hand(snapshot: Snapshot, policy: GrabPolicy) -> int:
    """Return how many wedges this run may spend; an unknown balance is none."""
    if not policy.wedges or snapshot.profile is None:
        return 0
    return max(0, min(policy.wedges_per_run, (snapshot.profile.wedges or 0) - policy.wedge_reserve))
