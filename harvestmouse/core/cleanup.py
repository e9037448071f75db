"""Which torrents of the managed category may go, and why every other one stays."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from attrs import evolve

from harvestmouse.core import clock
from harvestmouse.core.actions import DeleteTorrent
from harvestmouse.core.model import Malformed, Snapshot, Torrent, fold_tags
from harvestmouse.core.plan import Decision, Plan, Reason, Skip, Verdict
from harvestmouse.core.policy import CleanupPolicy, Policy, figures
from harvestmouse.core.trackers import LEAST_EVENT, unregistered_texts
from harvestmouse.core.units import DAY, HOUR, counted, exact_duration, format_span

JOB = "janitor"

# States in which a client's figures describe its own work and not the torrent; whatever is not in
# SETTLED_STATES, words of newer clients included, is treated the same.
ERROR_STATES = frozenset({"error", "missingFiles"})
SETTLED_STATES = ERROR_STATES | {
    "uploading", "stalledUP", "queuedUP", "forcedUP", "pausedUP", "stoppedUP",
    "downloading", "stalledDL", "queuedDL", "forcedDL", "pausedDL", "stoppedDL", "metaDL", "forcedMetaDL",
}  # fmt: skip

LEAST_SHRINK = 10

_WITNESSES = frozenset({None, Reason.PROTECTED, Reason.UNKNOWN})
# What the seed time decides, on whichever clock.
_SEED_TIME = frozenset({Reason.HNR_WINDOW, Reason.RECOVERY_HOLD})
_DELETING = frozenset({Reason.UNREGISTERED, Reason.NEVER_STARTED, Reason.STALLED_OLD, Reason.GRACEFUL_RETIRE,
                       Reason.ZERO_DEMAND, Reason.SATISFIED_REDUNDANT})  # fmt: skip


def plan_cleanup(snapshot: Snapshot, policy: Policy) -> Plan:
    """Decide which torrents of the managed category to delete.

    Args:
        snapshot: Needs the torrents; uses their tracker messages.
        policy: Its sections ``client`` and ``cleanup``.

    Returns:
        A plan with one decision for every torrent of the managed category.
    """
    plan = Plan(job=JOB, decided_at=snapshot.taken_at, policy=_figures(policy))
    managed = snapshot.managed(policy.client.category)
    skip = _guard(snapshot, len(managed), policy.cleanup)
    if skip is not None:
        return evolve(plan, skip=skip, complete=snapshot.torrents is not None and not snapshot.missing_clients)

    early = kept_early(managed, policy.cleanup, snapshot.taken_at)
    heard = _on_the_clients_clock(managed, early, policy.cleanup, snapshot.taken_at)
    texts = _texts_of(managed)
    events = account_events(managed, heard, texts)
    late = (
        early[one.hash] or _reason(one, texts[one.hash], policy.cleanup, snapshot.taken_at, events) for one in managed
    )
    if snapshot.missing_clients:
        # Whether it is on most torrents nobody can tell.
        late = (Reason.UNKNOWN if reason is Reason.UNREGISTERED else reason for reason in late)
    reasons = _limit(zip(managed, late, strict=True), data_cap(managed, policy.cleanup))
    decisions = [_decision(one, reason, snapshot.taken_at) for one, reason in reasons]
    decisions += [
        _malformed(one) for one in snapshot.malformed_torrents if one.category in (None, policy.client.category)
    ]
    deleted = [(one, reason) for one, reason in reasons if reason in _DELETING]
    return evolve(
        plan,
        actions=tuple(DeleteTorrent(hash=one.hash, name=one.name, reason=reason) for one, reason in deleted),
        decisions=tuple(sorted(decisions, key=lambda decision: decision.subject)),
        complete=not (snapshot.missing_clients or _unheard(managed, heard, texts, policy.cleanup, snapshot.taken_at)),
        figures={**_tally(managed, [one for one, _ in deleted]), **_clock_figures(snapshot, managed, policy.cleanup)},
        advice=(*_advice(events, reasons, policy.cleanup), *_clock_advice(managed, policy.cleanup)),
    )


def next_messages(
    managed: Sequence[Torrent],
    policy: CleanupPolicy,
    now: int,
    kept: Mapping[str, Reason | None] | None = None,
) -> tuple[Torrent, ...]:
    """Return the torrents whose tracker messages have to be known next; none where no message can change anything.

    First come those that no earlier rule keeps. Of those that go anyway and hold data, only as many as the run
    may delete have to be asked, since the rest keep `deletion_limit` whatever their trackers say. Then come as
    many others as could, together with what was heard, still show an account event. Those that owe seed time are
    asked for because of the tracker's clock.

    Args:
        managed: The torrents of the category, with the messages that are known.
        policy: The rules.
        now: Unix seconds.
        kept: What `kept_unheard` says of them, where it is known already: no message changes it.
    """
    early = kept_unheard(managed, policy, now) if kept is None else kept
    wanted = _unheard(managed, early, _texts_of(managed), policy, now)
    known = {one.hash for one in wanted}
    return (*wanted, *(one for one in clock.unheard(managed, policy) if one.hash not in known))


def kept_early(managed: Iterable[Torrent], policy: CleanupPolicy, now: int) -> dict[str, Reason | None]:
    """Return by info-hash which of rules 1 to 3 keeps each torrent; ``None`` where it reaches the rules that delete."""
    return {one.hash: _kept_early(one, policy, now) for one in managed}


def kept_unheard(managed: Sequence[Torrent], policy: CleanupPolicy, now: int) -> Mapping[str, Reason | None]:
    """Return what `kept_early` says by the client's clock alone, for `next_messages`."""
    return _on_the_clients_clock(managed, kept_early(managed, policy, now), policy, now)


def _on_the_clients_clock(
    managed: Iterable[Torrent], early: Mapping[str, Reason | None], policy: CleanupPolicy, now: int
) -> Mapping[str, Reason | None]:
    """Return what `kept_early` says by the client's clock alone.

    What only the tracker's clock keeps bears witness for or against the others as it would without that clock.
    """
    ahead = (one for one in managed if early[one.hash] in _SEED_TIME and clock.drift(one))
    return {**early, **kept_early((evolve(one, tracker_seconds=None) for one in ahead), policy, now)}


def _unheard(
    managed: Sequence[Torrent],
    early: Mapping[str, Reason | None],
    texts: Mapping[str, frozenset[str]],
    policy: CleanupPolicy,
    now: int,
) -> tuple[Torrent, ...]:
    if all(one.messages is not None for one in managed):
        return ()
    reaching = [one for one in managed if early[one.hash] is None]
    due = (one for one in reaching if one.holds_data and _late(one, policy, now) in _DELETING)
    limited = {one.hash for one in islice(due, data_cap(managed, policy), None)}
    unasked = [one for one in reaching if one.messages is None]
    wanted = [one for one in unasked if one.hash not in limited]
    if wanted:
        return tuple(wanted)
    doubt = _event_doubt(reaching, texts)
    if any(texts[one.hash] for one in reaching):
        # A torrent that an earlier rule keeps goes nowhere, but bears witness for or against those that would.
        known = {one.hash for one in reaching}
        unasked += [one for one in managed if one.messages is None and one.hash not in known]
        doubt = max(doubt, _event_doubt(managed, texts))
    # Some answers add to the doubt; asking for a few more than it takes saves another round.
    return tuple(unasked[: doubt + doubt // 8])


def data_cap(managed: Iterable[Torrent], policy: CleanupPolicy) -> int:
    """Return how many torrents that hold data one run may delete: a ceiling, and a share that spares small numbers."""
    share = int(policy.max_data_share * sum(torrent.shows_data for torrent in managed))
    return min(policy.max_data_deletions, max(policy.always_allowed, share))


def is_protected(torrent: Torrent, policy: CleanupPolicy) -> bool:
    """Whether it carries a protecting tag, so that no job touches it."""
    return not fold_tags(policy.protect_tags).isdisjoint(fold_tags(torrent.tags or ()))


def owes_seed_time(torrent: Torrent, policy: CleanupPolicy) -> bool:
    """Whether it has completed and not yet seeded as long as it must, by the smaller of its clocks.

    Unknown seeding time counts as owing.
    """
    return torrent.has_completed is not False and (torrent.seeded_seconds or 0) < policy.owed_seconds


def account_events(
    managed: Sequence[Torrent], early: Mapping[str, Reason | None], texts: Mapping[str, frozenset[str]]
) -> frozenset[str]:
    """Return the texts that most torrents show at once, which therefore speak of the account.

    Most is more than half, of all managed torrents or of those that reach the rule, whichever comes first. A torrent
    that a tag or a missing fact keeps from the rule bears witness all the same.

    Args:
        managed: The torrents of the category.
        early: What `kept_early` says of them.
        texts: What `unregistered_texts` says of them, by info-hash.
    """
    reaching = sum(early[one.hash] is None for one in managed)
    witnesses = [one for one in managed if early[one.hash] in _WITNESSES]
    events = set()
    for group, size in ((managed, len(managed)), (witnesses, reaching)):
        counts = _count_texts(group, texts)
        events |= {text for text, count in counts.items() if count >= LEAST_EVENT and count * 2 > size}
    return frozenset(events)


def _texts_of(torrents: Iterable[Torrent]) -> Mapping[str, frozenset[str]]:
    return {one.hash: unregistered_texts(one) for one in torrents}


def _count_texts(torrents: Iterable[Torrent], texts: Mapping[str, frozenset[str]]) -> Counter[str]:
    return Counter(text for one in torrents for text in texts[one.hash])


def _event_doubt(group: Sequence[Torrent], texts: Mapping[str, frozenset[str]]) -> int:
    """Return how many of the unasked must be asked before no text of theirs can be on most of the group."""
    unasked = sum(one.messages is None for one in group)
    commonest = max(_count_texts(group, texts).values(), default=0)
    return min(unasked, max(0, unasked - (len(group) // 2 - commonest)))


def _guard(snapshot: Snapshot, managed: int, policy: CleanupPolicy) -> Skip | None:
    if snapshot.torrents is None:
        return Skip(reason=Reason.CLIENT_UNKNOWN, detail="the torrent list is missing")
    before = snapshot.remembered_count
    if not snapshot.torrents and not snapshot.malformed_torrents and before != 0:
        detail = (
            "the client listed no torrent; if it is new, nothing is wrong, and the next run goes on"
            if before is None
            else f"the client listed no torrent, {before} left by the last run; is it the right one?"
        )
        return Skip(reason=Reason.EMPTY_LISTING, detail=detail)
    # A few torrents may vanish by hand; a listing that is far shorter than the last run left it is a fault.
    if before is not None and before - managed > max(before * policy.max_shrink, LEAST_SHRINK):
        detail = f"{counted(managed, 'torrent')} listed, {before} left by the last run"
        return Skip(reason=Reason.SHRUNKEN_LISTING, detail=detail)
    return None


def _reason(torrent: Torrent, texts: frozenset[str], policy: CleanupPolicy, now: int, events: frozenset[str]) -> Reason:
    """Apply rules 4 to 7, in the order of the design, section 5.2; the first that holds decides."""
    if texts:
        return Reason.ACCOUNT_EVENT if texts & events else Reason.UNREGISTERED
    return _late(torrent, policy, now) or Reason.ACTIVE


def _kept_early(torrent: Torrent, policy: CleanupPolicy, now: int) -> Reason | None:
    """Apply rules 1 to 3, which keep; no rule that deletes comes before them, whatever the tracker says."""
    if is_protected(torrent, policy):
        return Reason.PROTECTED
    if torrent.state is not None and torrent.state not in SETTLED_STATES:
        return Reason.TRANSIENT_STATE
    if torrent.state in ERROR_STATES:
        return Reason.CLIENT_ERROR
    if torrent.tags is None or not _facts_known(torrent, now):
        return Reason.UNKNOWN
    # Rule 2.5 of the site: seed every torrent 72 hours; the margin is for what neither clock has seen.
    if owes_seed_time(torrent, policy):
        return Reason.HNR_WINDOW
    if clock.repairs(torrent, policy) and (torrent.seeded_seconds or 0) < policy.recovery_hold.total_seconds():
        return Reason.RECOVERY_HOLD
    return None


def _facts_known(torrent: Torrent, now: int) -> bool:
    """Whether every fact a later rule may use is there and possible."""
    one = torrent
    if one.seeding_time is None or one.downloaded_bytes is None or one.uploaded_bytes is None or one.seeders is None:
        return False
    if one.state is None or one.added_on is None or one.completion_on is None or one.progress is None:
        return False
    possible = one.seeding_time >= 0 and one.downloaded_bytes >= 0 and one.uploaded_bytes >= 0 and one.seeders >= 0
    return possible and 0 < one.added_on <= now and 0 <= one.progress <= 1


def _late(torrent: Torrent, policy: CleanupPolicy, now: int) -> Reason | None:
    """Apply rules 5 and 6, which go by the torrent's own facts."""
    return _retire(torrent, policy, now) if torrent.has_completed else _give_up(torrent, policy, now)


def _give_up(torrent: Torrent, policy: CleanupPolicy, now: int) -> Reason | None:
    """Apply rule 5, for torrents that have never completed."""
    age = now - (torrent.added_on or now)
    if age > policy.never_started_age.total_seconds() and torrent.downloaded_bytes == 0:
        return Reason.NEVER_STARTED
    if torrent.state == "stalledDL" and age > policy.stalled_age.total_seconds():
        kept = policy.keep_partials and (torrent.progress or 0) > 0
        return Reason.PARTIAL_DOWNLOAD if kept else Reason.STALLED_OLD
    return None


def _retire(torrent: Torrent, policy: CleanupPolicy, now: int) -> Reason | None:
    """Apply rule 6, for torrents that have completed and owe nothing."""
    age = now - (torrent.added_on or now)
    seeding_time = torrent.seeding_time or 0
    if seeding_time > policy.graceful_seed_time.total_seconds():
        return Reason.GRACEFUL_RETIRE
    if torrent.uploaded_bytes == 0 and age > policy.zero_demand_age.total_seconds():
        return Reason.ZERO_DEMAND
    well_seeded = (torrent.seeders or 0) > policy.satisfied_seeder_floor
    if well_seeded and seeding_time > policy.satisfied_seed_time.total_seconds():
        return Reason.SATISFIED_REDUNDANT
    return None


def _limit(reasons: Iterable[tuple[Torrent, Reason]], most: int) -> list[tuple[Torrent, Reason]]:
    """Keep all but the first *most* deletions of torrents that hold data, in the order of their info-hashes."""
    limited = []
    for torrent, reason in reasons:
        counted = reason in _DELETING and torrent.holds_data
        limited.append((torrent, Reason.DELETION_LIMIT if counted and most <= 0 else reason))
        most -= counted
    return limited


def _decision(torrent: Torrent, reason: Reason, now: int) -> Decision:
    facts = {
        "name": torrent.name,
        "state": torrent.state,
        "age_seconds": None if torrent.added_on is None else now - torrent.added_on,
        "seeding_seconds": torrent.seeding_time,
        **tracker_facts(torrent),
        "has_completed": torrent.has_completed,
        "progress": torrent.progress,
        "downloaded_bytes": torrent.downloaded_bytes,
        "uploaded_bytes": torrent.uploaded_bytes,
        "seeders": torrent.seeders,
    }
    return Decision(torrent.hash, Verdict.DELETE if reason in _DELETING else Verdict.KEEP, reason, facts)


def tracker_facts(torrent: Torrent) -> dict[str, int]:
    """Return the tracker's clock as a fact of a decision, where there is one."""
    return {} if torrent.tracker_seconds is None else {"tracker_seconds": torrent.tracker_seconds}


def _malformed(row: Malformed) -> Decision:
    return Decision(row.subject, Verdict.KEEP, Reason.MALFORMED, {"problem": row.problem})


def _tally(managed: Sequence[Torrent], deleted: Sequence[Torrent]) -> dict[str, int]:
    with_data = [torrent for torrent in deleted if torrent.holds_data]
    return {
        "managed_torrents": len(managed),
        "deletions": len(deleted),
        "deletions_with_data": len(with_data),
        "freed_bytes": sum(torrent.size_bytes or 0 for torrent in with_data),
    }


def _advice(events: frozenset[str], reasons: Sequence[tuple[Torrent, Reason]], policy: CleanupPolicy) -> Iterable[str]:
    counts = Counter(reason for _, reason in reasons)
    if counts[Reason.ACCOUNT_EVENT]:
        said = ", ".join(f'"{text}"' for text in sorted(events))
        yield (
            f"Most torrents show the same tracker message ({said}): that speaks of the account, the passkey or the "
            "tracker, not of the torrents. Look at the site in a browser before anything else."
        )
    if counts[Reason.DELETION_LIMIT]:
        yield (
            f"{counted(counts[Reason.DELETION_LIMIT], 'more torrent is', 'more torrents are')} due; "
            f"max_data_deletions = {policy.max_data_deletions} a run lets later runs take them."
        )
    if counts[Reason.CLIENT_ERROR]:
        yield (
            f"{counted(counts[Reason.CLIENT_ERROR], 'torrent is', 'torrents are')} in an error or missing-files state: "
            "look at the client's disk and mounts, then re-check."
        )


def _clock_figures(snapshot: Snapshot, managed: Sequence[Torrent], policy: CleanupPolicy) -> dict[str, int]:
    """Return how far the clocks are apart, and what the tracker does not see; nothing where its clock is not kept."""
    record = snapshot.tracker_clock
    if record is None:
        return {}
    drifts = [clock.drift(one) for one in managed]
    unseen = (one for one in managed if one.hash in record and owes_seed_time(one, policy))
    return {
        "clock_drift_seconds": max(drifts, default=0),
        "clock_drift_torrents": sum(drift > HOUR for drift in drifts),
        "unseen_torrents": sum(snapshot.taken_at - record[one.hash].announced_at > DAY for one in unseen),
    }


def _clock_advice(managed: Sequence[Torrent], policy: CleanupPolicy) -> Iterable[str]:
    most = max((clock.drift(one) for one in managed), default=0)
    if most > max(HOUR, policy.seed_time_margin.total_seconds()):
        yield (
            f"The client's seed clock is up to {format_span(most)} ahead of what the tracker can have seen, so "
            "torrents stay that much longer: rescue shows which do not announce; runs further apart than "
            f"tracker_gap = {exact_duration(policy.tracker_gap)} count for less, too."
        )


def _figures(policy: Policy) -> dict[str, object]:
    return {"category": policy.client.category, **figures(policy.cleanup)}
