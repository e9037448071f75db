"""Fetch what each job decides from, in the order that asks the least."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

from attrs import evolve

from harvestmouse.adapters.errors import AdapterError
from harvestmouse.core import address, attribution, cleanup, cycle, grab, guards, reconcile, rescue, search, spend
from harvestmouse.core.income import PAUSE_SECONDS
from harvestmouse.core.model import LedgerEntry, LedgerOutcome, Profile, Snapshot, Torrent
from harvestmouse.core.policy import Policy
from harvestmouse.core.spend import settle
from harvestmouse.core.wire.snapshot import parse_memory
from harvestmouse.runners.clients import missing_from, of_those_there, preferences_of, remembered, there
from harvestmouse.runners.clock import NOT_ASKED, ask_site, clocked, with_earlier
from harvestmouse.runners.ports import Ports, log

_Half = TypeVar("_Half")


@of_those_there
def fetch_janitor(ports: Ports, policy: Policy) -> Snapshot:
    """List the category, then ask for the tracker messages that can change a decision."""
    listing = ports.client.torrents(policy.client.category)
    now = ports.clock()
    return Snapshot(
        taken_at=now,
        **clocked(ports, policy, _heard(ports, with_earlier(ports, policy, listing.torrents, now), policy, now), now),
        malformed_torrents=listing.malformed,
        **missing_from(ports, listing),
        **parse_memory(remembered(ports, listing)),
    )


def _heard(ports: Ports, listed: Iterable[Torrent], policy: Policy, now: int) -> tuple[Torrent, ...]:
    """Return the torrents of a listing, with the tracker messages that can change a decision of the janitor."""
    torrents = {torrent.hash: torrent for torrent in sorted(listed, key=lambda one: one.hash)}
    managed = [torrent for torrent in torrents.values() if torrent.category == policy.client.category]
    if all(one.messages is not None for one in managed):
        # Newer clients tell with the list.
        return tuple(torrents.values())
    kept = cleanup.kept_unheard(managed, policy.cleanup, now)
    while wanted := cleanup.next_messages(managed, policy.cleanup, now, kept):
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
        # What a client that is away may have taken is not settled.
        ledger=ports.ledger.entries() if listing.missing else _settle_additions(ports, listing.torrents),
        **clocked(ports, policy, listing.torrents, ports.clock()),
        malformed_torrents=listing.malformed,
        **missing_from(ports, listing),
        free_space_bytes=listing.free_space_bytes,
    )
    if guards.guard(snapshot, policy) is not None:
        return snapshot
    return _searched(ports, policy, snapshot)


def _settle_additions(ports: Ports, torrents: Iterable[Torrent]) -> tuple[LedgerEntry, ...]:
    """Close the additions whose end an earlier run did not see, by what the client has now.

    One that the client does not have stays barred until the site shows whether it counted the download: fetching it
    again before that may be a second snatch.
    """
    held, now = {torrent.hash for torrent in torrents}, ports.clock()
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
    memory = {**ports.memory.account(), "purchase_pending": _purchase_pending(ports, profile, now)}
    return Snapshot(taken_at=now, profile=profile, **parse_memory(memory))


def _purchase_pending(ports: Ports, profile: Profile | None, now: int) -> bool:
    """Settle an earlier purchase by the profile, and tell whether the profile is still unfit to buy on."""
    pending = ports.journal.pending()
    if pending is not None:
        happened = settle(pending, profile, now)
        if happened is not None:
            ports.journal.close(now, "happened" if happened else "did not happen")
            log.info("An earlier purchase is settled: it %s.", "happened" if happened else "did not happen")
            pending = None
    closed = ports.journal.last_closed()
    return pending is not None or (closed is not None and now < closed + PAUSE_SECONDS)


@of_those_there
def fetch_reconcile(ports: Ports, policy: Policy) -> Snapshot:
    """Read the preferences and list every torrent: all of them share the slots."""
    preferences = preferences_of(ports)
    listing, now = ports.client.everything(), ports.clock()
    return Snapshot(
        taken_at=now,
        **there(preferences, listing),
        **clocked(ports, policy, listing.torrents, now),
        malformed_torrents=listing.malformed,
        **missing_from(ports, listing),
    )


def fetch_monitor(ports: Ports, policy: Policy) -> Snapshot:
    """List every torrent, with the connection."""
    listing, now = ports.client.overview(), ports.clock()
    return Snapshot(
        taken_at=now,
        **clocked(ports, policy, listing.torrents, now),
        malformed_torrents=listing.malformed,
        connection=listing.connection,
        **missing_from(ports, listing),
    )


@of_those_there
def fetch_rescue(ports: Ports, policy: Policy) -> Snapshot:
    """List the category, then ask what the trackers say of the torrents that owe seed time and should announce."""
    listing, now = ports.client.torrents(policy.client.category), ports.clock()
    listed = with_earlier(ports, policy, listing.torrents, now)
    heard = {one.hash: one for one in ports.client.with_messages(rescue.next_messages(listed, policy))}
    return Snapshot(
        taken_at=now,
        **clocked(ports, policy, [heard.get(one.hash, one) for one in listed], now),
        malformed_torrents=listing.malformed,
        **missing_from(ports, listing),
    )


def fetch_address(ports: Ports, policy: Policy) -> Snapshot:
    """Ask the site where it sees this host, and the client where others see it; nothing where the policy has it off."""
    memory = parse_memory(ports.memory.account())
    if not policy.address.register_address:
        return Snapshot(taken_at=ports.clock(), **memory)
    own, listing = ports.site.address(), ports.client.overview()
    return Snapshot(
        taken_at=ports.clock(),
        site_address=own,
        connection=listing.connection,
        torrents=listing.torrents,
        malformed_torrents=listing.malformed,
        **missing_from(ports, listing),
        **memory,
    )


def fetch_everything(ports: Ports, policy: Policy) -> Snapshot:
    """Ask once for all that any job decides from, and settle nothing."""
    profile = ports.read_profile()
    client = _client_half(ports, policy, ask_site(ports, policy))
    return _searched(ports, policy, _unsettled(ports, profile, client))


def fetch_recovery(ports: Ports, policy: Policy) -> Snapshot:
    """Ask for the account and what the client holds, and neither search nor settle anything.

    Where the client fails, all that it would have told is unknown; the error is in `Ports.lost`.
    """
    profile = ports.read_profile()
    client = _half(ports, partial(_client_half, ports, policy, ask_site(ports, policy)))
    return _unsettled(ports, profile, client or ({"taken_at": ports.clock()}, ports.memory.listing()))


def _unsettled(ports: Ports, profile: Profile, client: tuple[dict[str, Any], dict[str, Any]]) -> Snapshot:
    known, count = client
    memory = parse_memory(ports.memory.account() | count)
    return Snapshot(**known, profile=profile, ledger=ports.ledger.entries(), **memory)


def fetch_cycle(ports: Ports, policy: Policy) -> Snapshot:
    """Ask once for what all jobs decide from, and search only if grab may.

    Where the site or the client fails, all that it would have told is unknown, and the jobs that need only the other
    go on; the error is in `Ports.lost`.
    """
    profile = _half(ports, ports.read_profile, "profile")
    own = _half(ports, ports.site.address, "egress") if policy.address.register_address and profile else None
    times = ask_site(ports, policy) if profile else NOT_ASKED
    client = _half(
        ports, partial(_client_half, ports, policy, times), "torrents", "trackers", "preferences", "transfer"
    )
    known, count = ({"taken_at": ports.clock()}, ports.memory.listing()) if client is None else client
    pending = _purchase_pending(ports, profile, known["taken_at"])
    memory = {**ports.memory.account(), **count, "purchase_pending": pending}
    known |= {"profile": profile, "site_address": own, "ledger": ports.ledger.entries()}
    snapshot = Snapshot(**known, **parse_memory(memory))
    if ports.lost or guards.profile_guard(snapshot, policy) is not None:
        return snapshot
    snapshot = evolve(snapshot, ledger=_settle_additions(ports, snapshot.torrents or ()))
    roomy = cycle.with_places_of(cleanup.plan_cleanup(snapshot, policy), snapshot)
    if guards.guard(roomy, policy) is not None:
        return snapshot
    searched = _half(ports, partial(_searched, ports, policy, roomy), "searches")
    return snapshot if searched is None else evolve(searched, leaving=frozenset())


def _half(ports: Ports, ask: Callable[[], _Half], *bodies: str) -> _Half | None:
    """Ask one service; where it fails, nothing of the answer is used, and so none of its bodies recorded."""
    try:
        return ask()
    except AdapterError as error:
        if not error.service:
            raise
        ports.lost[error.service] = error
        if ports.tape is not None:
            ports.tape.drop(*bodies)
        return None


@of_those_there
def _client_half(ports: Ports, policy: Policy, times: Mapping[str, int]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return all that the client tells, as parts of a snapshot, with the seed times that the site has told.

    Behind it comes what is remembered of the list.
    """
    preferences, listing, now = preferences_of(ports), ports.client.everything(), ports.clock()
    listed = with_earlier(ports, policy, listing.torrents, now, times)
    torrents = {one.hash: one for one in _heard(ports, listed, policy, now)}
    managed = (one for one in torrents.values() if one.category == policy.client.category)
    owing = ports.client.with_messages(rescue.next_messages(managed, policy))
    seen = {
        "taken_at": now,
        **there(preferences, listing),
        **clocked(ports, policy, (torrents | {one.hash: one for one in owing}).values(), now, times),
        "malformed_torrents": listing.malformed,
        "free_space_bytes": listing.free_space_bytes,
        "connection": listing.connection,
        **missing_from(ports, listing),
    }
    return seen, remembered(ports, listing)


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
    address.JOB: fetch_address,
    cycle.JOB: fetch_cycle,
    rescue.JOB: fetch_rescue,
}

# These jobs use the site's session, so only one of them runs at a time; the others never wait.
SITE_JOBS = frozenset({grab.JOB, spend.JOB, address.JOB, cycle.JOB})
