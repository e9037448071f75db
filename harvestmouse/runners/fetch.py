"""Fetch what each job decides from, in the order that asks the least."""

from collections.abc import Callable, Mapping

from attrs import evolve

from harvestmouse.adapters.interface import Listing
from harvestmouse.core import attribution, cleanup, cycle, grab, guards, reconcile, rescue, search, spend
from harvestmouse.core.income import PAUSE_SECONDS
from harvestmouse.core.model import LedgerEntry, LedgerOutcome, Profile, Snapshot, Torrent
from harvestmouse.core.policy import Policy
from harvestmouse.core.spend import settle
from harvestmouse.core.wire.snapshot import parse_memory
from harvestmouse.runners.ports import Ports, log


def fetch_janitor(ports: Ports, policy: Policy) -> Snapshot:
    """List the category, then ask for the tracker messages that can change a decision."""
    listing = ports.client.torrents(policy.client.category)
    now = ports.clock()
    return Snapshot(
        taken_at=now,
        torrents=_heard(ports, listing, policy, now),
        malformed_torrents=listing.malformed,
        **parse_memory(ports.memory.listing()),
    )


def _heard(ports: Ports, listing: Listing, policy: Policy, now: int) -> tuple[Torrent, ...]:
    """Return the torrents of a listing, with the tracker messages that can change a decision of the janitor."""
    torrents = {torrent.hash: torrent for torrent in sorted(listing.torrents, key=lambda one: one.hash)}
    managed = [torrent for torrent in torrents.values() if torrent.category == policy.client.category]
    while wanted := cleanup.next_messages(managed, policy.cleanup, now):
        # A torrent that has gone meanwhile has no messages, and is not asked for again.
        heard = {one.hash: one.with_messages(one.messages or ()) for one in ports.client.with_messages(wanted)}
        managed = [heard.get(torrent.hash, torrent) for torrent in managed]
        torrents |= heard
    return tuple(torrents.values())


def fetch_grab(ports: Ports, policy: Policy) -> Snapshot:
    """Read the profile; ask the client only if the profile allows to grab, and search only if the client does too."""
    profile = ports.read_profile()
    snapshot = Snapshot(
        taken_at=ports.clock(),
        profile=profile,
        ledger=ports.ledger.entries(),
        **parse_memory(ports.memory.account()),
    )
    if guards.profile_guard(snapshot, policy) is not None:
        return snapshot
    listing = ports.client.everything()
    snapshot = evolve(
        snapshot,
        ledger=_settle_additions(ports, listing),
        torrents=listing.torrents,
        malformed_torrents=listing.malformed,
        free_space_bytes=listing.free_space_bytes,
    )
    if guards.guard(snapshot, policy) is not None:
        return snapshot
    return _searched(ports, policy, snapshot)


def _settle_additions(ports: Ports, listing: Listing) -> tuple[LedgerEntry, ...]:
    """Close the additions whose end an earlier run did not see, by what the client has now.

    One that the client does not have stays barred until the site shows whether it counted the download: fetching it
    again before that may be a second snatch.
    """
    held, now = {torrent.hash for torrent in listing.torrents}, ports.clock()
    latest = {entry.id: entry for entry in ports.ledger.entries()}
    for entry in latest.values():
        there = entry.info_hash in held
        if entry.outcome == LedgerOutcome.ADDING and (there or (entry.at or 0) <= now - guards.UNSAT_LAG_SECONDS):
            outcome = LedgerOutcome.GRABBED if there else LedgerOutcome.FAILED
            ports.ledger.append(evolve(entry, at=now, outcome=outcome))
            log.info("Torrent %d, whose addition was cut short, is settled: %s.", entry.id, outcome.value)
    return ports.ledger.entries()


def fetch_spend(ports: Ports, policy: Policy) -> Snapshot:  # noqa: ARG001 - one shape for all
    """Read the profile, and settle an earlier purchase whose fate is unknown."""
    profile, now = ports.read_profile(), ports.clock()
    pending = ports.journal.pending()
    if pending is not None:
        happened = settle(pending, profile, now)
        if happened is not None:
            ports.journal.close(now, "happened" if happened else "did not happen")
            log.info("An earlier purchase is settled: it %s.", "happened" if happened else "did not happen")
            pending = None
    closed = ports.journal.last_closed()
    return pending is not None or (closed is not None and now < closed + PAUSE_SECONDS)


def fetch_reconcile(ports: Ports, policy: Policy) -> Snapshot:  # noqa: ARG001 - one shape for all
    """Read the preferences and list every torrent: all of them share the slots."""
    preferences = ports.client.preferences()
    listing = ports.client.everything()
    return Snapshot(
        taken_at=ports.clock(),
        preferences=preferences,
        torrents=listing.torrents,
        malformed_torrents=listing.malformed,
    )


def fetch_monitor(ports: Ports, policy: Policy) -> Snapshot:  # noqa: ARG001 - one shape for all
    """List every torrent, with the connection."""
    listing = ports.client.overview()
    return Snapshot(
        taken_at=ports.clock(),
        torrents=listing.torrents,
        malformed_torrents=listing.malformed,
        connection=listing.connection,
    )


def fetch_rescue(ports: Ports, policy: Policy) -> Snapshot:
    """List the category, then ask what the trackers say of the torrents that owe seed time and should announce."""
    listing = ports.client.torrents(policy.client.category)
    heard = {one.hash: one for one in ports.client.with_messages(rescue.next_messages(listing.torrents, policy))}
    return Snapshot(
        taken_at=ports.clock(),
        torrents=[heard.get(one.hash, one) for one in listing.torrents],
        malformed_torrents=listing.malformed,
    )


def fetch_everything(ports: Ports, policy: Policy) -> Snapshot:
    """Ask once for all that any job decides from, and settle nothing."""
    profile = ports.read_profile()
    preferences, listing, now = ports.client.preferences(), ports.client.everything(), ports.clock()
    snapshot = Snapshot(
        taken_at=now,
        profile=profile,
        preferences=preferences,
        torrents=_heard(ports, listing, policy, now),
        malformed_torrents=listing.malformed,
        free_space_bytes=listing.free_space_bytes,
        ledger=ports.ledger.entries(),
        **parse_memory(ports.memory.account() | ports.memory.listing()),
    )
    return _searched(ports, policy, snapshot)


def _searched(ports: Ports, policy: Policy, snapshot: Snapshot) -> Snapshot:
    while (query := search.next_query(snapshot, policy)) is not None:
        page = ports.site.search(query, snapshot.taken_at)
        log.debug("search from row %d: %d rows of %s", query.start, page.row_count, page.found)
        snapshot = evolve(snapshot, searches=(*(snapshot.searches or ()), page))
    return snapshot


FETCH: Mapping[str, Callable[[Ports, Policy], Snapshot]] = {
    grab.JOB: fetch_grab,
    cleanup.JOB: fetch_janitor,
    spend.JOB: fetch_spend,
    reconcile.JOB: fetch_reconcile,
    attribution.JOB: fetch_monitor,
    rescue.JOB: fetch_rescue,
}

# These jobs use the site's session, so only one of them runs at a time; the others never wait.
SITE_JOBS = frozenset({grab.JOB, spend.JOB})
