"""Keep the tracker's clock from one run to the next."""

from collections.abc import Iterable, Mapping
from typing import Any

from harvestmouse.adapters.errors import AdapterError, StateError
from harvestmouse.core.clock import advance, corrected, shown
from harvestmouse.core.model import Snapshot, Torrent, TrackerClock
from harvestmouse.core.policy import Policy
from harvestmouse.core.wire.clock import parse_clock, unparse_clock
from harvestmouse.runners.ports import Ports, log

# What the site has counted, in seconds by info-hash, where nobody asks it.
NOT_ASKED: Mapping[str, int] = {}


def ask_site(ports: Ports, policy: Policy) -> Mapping[str, int]:
    """Return what the site has counted of what the ledger knows, in seconds by info-hash; nothing unless switched on.

    It is an extra: where the site does not tell, the run goes on without it.
    """
    if not (ports.settings.mam.user_torrents and policy.cleanup.tracker_clock):
        return NOT_ASKED
    try:
        times = ports.site.seed_times()
    except AdapterError as error:
        if not error.service:
            raise
        log.warning("The site's own seed times are unknown: %s", error)
        return NOT_ASKED
    return {info_hash: times[one] for info_hash, one in ports.ledger.ids().items() if one in times}


def with_earlier(
    ports: Ports, policy: Policy, torrents: Iterable[Torrent], now: int, times: Mapping[str, int] = NOT_ASKED
) -> tuple[Torrent, ...]:
    """Return the torrents with their time on the tracker's clock as earlier runs, and the site, have left it."""
    listed = tuple(torrents)
    if not policy.cleanup.tracker_clock:
        return shown(listed, None)
    return shown(listed, corrected(_earlier(ports) or {}, listed, times, policy, now))


def clocked(
    ports: Ports, policy: Policy, torrents: Iterable[Torrent], now: int, times: Mapping[str, int] = NOT_ASKED
) -> dict[str, Any]:
    """Return the torrents and the tracker's clock with this look at them, as parts of a snapshot."""
    listed = tuple(torrents)
    if not policy.cleanup.tracker_clock:
        return {"torrents": listed}
    clock = corrected(advance(_earlier(ports), listed, policy, now), listed, times, policy, now)
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
