"""Keep the tracker's clock from one run to the next."""

from collections.abc import Iterable
from typing import Any

from harvestmouse.adapters.errors import StateError
from harvestmouse.core.clock import advance, shown
from harvestmouse.core.model import Snapshot, Torrent, TrackerClock
from harvestmouse.core.policy import Policy
from harvestmouse.core.wire.clock import parse_clock, unparse_clock
from harvestmouse.runners.ports import Ports, log


def with_earlier(ports: Ports, policy: Policy, torrents: Iterable[Torrent]) -> tuple[Torrent, ...]:
    """Return the torrents with their time on the tracker's clock as earlier runs have left it."""
    return shown(torrents, _earlier(ports) if policy.cleanup.tracker_clock else None)


def clocked(ports: Ports, policy: Policy, torrents: Iterable[Torrent], now: int) -> dict[str, Any]:
    """Return the torrents and the tracker's clock with this look at them, as parts of a snapshot."""
    listed = tuple(torrents)
    if not policy.cleanup.tracker_clock:
        return {"torrents": listed}
    clock = advance(_earlier(ports), listed, policy, now)
    return {"torrents": shown(listed, clock), "tracker_clock": clock}


def remember_clock(ports: Ports, snapshot: Snapshot) -> None:
    """Leave the clock for the next run; of two runs at once the last one wins, and either is right by itself."""
    if snapshot.tracker_clock is None:
        return
    try:
        ports.memory.remember_tracker_clock(unparse_clock(snapshot.tracker_clock))
    except StateError as error:
        log.warning("%s", error)


def _earlier(ports: Ports) -> TrackerClock | None:
    try:
        return parse_clock(ports.memory.tracker_clock())
    except StateError as error:
        # As good as none: jobs that need nothing else of the state directory go on.
        log.warning("%s", error)
        return None
