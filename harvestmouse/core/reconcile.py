"""Which queueing preferences the client should have, and which owed torrents its queue holds back."""

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve

from harvestmouse.core.actions import Action, ForceStart, Resume, SetPreferences
from harvestmouse.core.cleanup import is_protected, owes_seed_time, tracker_facts
from harvestmouse.core.model import Snapshot, Torrent
from harvestmouse.core.plan import Decision, Plan, Reason, Skip, Verdict
from harvestmouse.core.policy import Policy, ReconcilePolicy, figures
from harvestmouse.core.units import counted

JOB = "reconcile"

# The only preferences this job ever writes.
KEYS = (
    "queueing_enabled",
    "max_active_downloads",
    "max_active_uploads",
    "max_active_torrents",
    "dont_count_slow_torrents",
)
NO_LIMIT = -1

QUEUED = frozenset({"queuedUP"})
STOPPED = frozenset({"pausedUP", "stoppedUP"})


def plan_reconcile(snapshot: Snapshot, policy: Policy) -> Plan:
    """Decide which client preferences to write, and which owed torrents to start.

    Args:
        snapshot: Needs the preferences; needs the torrents for the slot limits.
        policy: Its sections ``client``, ``cleanup`` (what is owed) and ``reconcile``.

    Returns:
        A plan with a decision for every key, and one for every managed torrent that owes seed time but is
        queued or stopped. Where there are several clients, each has its own preferences and slots, and the subject of
        a key is ``client/key``.
    """
    known = snapshot.preferences is not None or bool(snapshot.queues)
    plan = Plan(
        job=JOB,
        decided_at=snapshot.taken_at,
        complete=known and snapshot.torrents is not None and not snapshot.missing_clients,
        policy={"category": policy.client.category, **figures(policy.reconcile)},
    )
    if not known:
        return evolve(plan, skip=Skip(reason=Reason.CLIENT_UNKNOWN, detail="the client's preferences are missing"))
    queues = {name: _queue(one, policy) for name, one in snapshot.of_each_client().items()}
    changes = (action for name, keys in queues.items() for action in _changes(keys, name))
    keys = (evolve(one, subject=subject_of(name, one.subject)) for name, own in queues.items() for one in own)
    idle = list(_idle(snapshot, policy))
    return evolve(
        plan,
        actions=(*changes, *(action for _, action in idle if action is not None)),
        decisions=(*keys, *(decision for decision, _ in idle)),
        figures={"owed_torrents": owed_slots(snapshot, policy), "owed_not_announcing": len(idle)},
        advice=tuple(_advice([decision for decision, _ in idle], policy.reconcile)),
    )


def subject_of(client: str | None, key: str) -> str:
    """Return the subject of the decision about a key; of several clients it begins with the client's name."""
    return key if client is None else f"{client}/{key}"


def owed_slots(snapshot: Snapshot, policy: Policy) -> int | None:
    """Count the torrents that may owe seed time, in any category: all of them share the client's upload slots."""
    if snapshot.torrents is None:
        return None
    unread = len(snapshot.malformed_torrents)
    return unread + sum(owes_seed_time(torrent, policy.cleanup) for torrent in snapshot.torrents)


def wanted(policy: ReconcilePolicy, owed: int | None) -> Mapping[str, tuple[Any, Reason]]:
    """Return what each key should be and why; ``None`` where the number of owed torrents has to be known first."""
    values: dict[str, tuple[Any, Reason]] = {key: (getattr(policy, key), Reason.WANTED) for key in KEYS}
    if owed is None:
        values["max_active_uploads"] = values["max_active_torrents"] = (None, Reason.UNKNOWN)
        return values
    uploads, downloads = policy.max_active_uploads, policy.max_active_downloads
    if uploads != NO_LIMIT and uploads < owed:
        uploads = owed
        values["max_active_uploads"] = (uploads, Reason.OWED_SLOTS)
    total = NO_LIMIT if NO_LIMIT in (uploads, downloads) else uploads + downloads
    most = policy.max_active_torrents
    if most != NO_LIMIT and (total == NO_LIMIT or most < total):
        values["max_active_torrents"] = (total, Reason.SUM_OF_SLOTS)
    return values


def _queue(snapshot: Snapshot, policy: Policy) -> list[Decision]:
    """Decide every key of one client."""
    owed = owed_slots(snapshot, policy)
    return [_key(key, snapshot, policy, owed) for key in KEYS]


def _key(key: str, snapshot: Snapshot, policy: Policy, owed: int | None) -> Decision:
    current = getattr(snapshot.preferences, key)
    value, reason = wanted(policy.reconcile, owed)[key]
    facts = {"from": current, "to": value}
    if current is None or value is None:
        return Decision(key, Verdict.KEEP, Reason.UNKNOWN, facts)
    if current == value:
        return Decision(key, Verdict.KEEP, Reason.AS_WANTED, facts)
    return Decision(key, Verdict.CHANGE, reason, facts)


def _changes(keys: Iterable[Decision], client: str | None) -> Iterable[Action]:
    changes = {one.subject: {**one.facts, "reason": one.reason.value} for one in keys if one.decision is Verdict.CHANGE}
    if changes:
        yield SetPreferences(changes=changes, client=client)


def _idle(snapshot: Snapshot, policy: Policy) -> Iterable[tuple[Decision, Action | None]]:
    """Yield the managed torrents that owe seed time while the tracker does not see them."""
    for torrent in snapshot.managed(policy.client.category):
        if torrent.state not in QUEUED | STOPPED or not owes_seed_time(torrent, policy.cleanup):
            continue
        queued = torrent.state in QUEUED
        reason = Reason.OWED_QUEUED if queued else Reason.OWED_STOPPED
        protected = torrent.tags is None or is_protected(torrent, policy.cleanup)
        action: Action | None = None
        verdict = Verdict.KEEP
        certain = torrent.has_completed is True and torrent.seeding_time is not None
        if policy.reconcile.force_start and certain and not protected:
            kind = ForceStart if queued else Resume
            action = kind(hash=torrent.hash, name=torrent.name, reason=reason)
            verdict = Verdict.FORCE_START if queued else Verdict.RESUME
        yield Decision(torrent.hash, verdict, reason, _facts(torrent, policy)), action


def _facts(torrent: Torrent, policy: Policy) -> dict[str, Any]:
    seeded = torrent.seeded_seconds
    left = None if seeded is None else max(0, int(policy.cleanup.owed_seconds) - seeded)
    return {
        "name": torrent.name,
        "state": torrent.state,
        "seeding_seconds": torrent.seeding_time,
        **tracker_facts(torrent),
        "owed_seconds": left,
    }


def _advice(idle: list[Decision], policy: ReconcilePolicy) -> Iterable[str]:
    left = sum(decision.decision is Verdict.KEEP for decision in idle)
    if left:
        remedy = (
            "protecting tags forbid a start"
            if policy.force_start
            else "force_start = true in [reconcile] allows a start"
        )
        owe = counted(left, "torrent owes", "torrents owe")
        yield f"{owe} seed time while queued or stopped, unseen by the tracker; {remedy}."
