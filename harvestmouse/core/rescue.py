"""Which torrents that owe seed time are not seeding it, how long they have left, and what gets them seeding."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import Any

from attrs import evolve, frozen

from harvestmouse.core.actions import Action, ForceStart, Reannounce, Resume
from harvestmouse.core.cleanup import SETTLED_STATES, is_protected, owes_seed_time, tracker_facts
from harvestmouse.core.clock import is_announcing, needed_seconds
from harvestmouse.core.model import Snapshot, Torrent
from harvestmouse.core.plan import Decision, Plan, Reason, Skip, Verdict
from harvestmouse.core.policy import Policy, figures
from harvestmouse.core.reconcile import QUEUED, STOPPED
from harvestmouse.core.trackers import SEEDING, refusals, shared_refusals
from harvestmouse.core.units import counted

JOB = "rescue"

_KINDS: Mapping[Verdict, type[ForceStart | Resume | Reannounce]] = {
    Verdict.FORCE_START: ForceStart,
    Verdict.RESUME: Resume,
    Verdict.REANNOUNCE: Reannounce,
}
_NOT_SEEDING = frozenset(
    {Reason.OWED_QUEUED, Reason.OWED_STOPPED, Reason.OWED_REFUSED, Reason.OWED_ERROR, Reason.ACCOUNT_EVENT,
     Reason.RESCUE_LIMIT}
)  # fmt: skip


@frozen
class _Found:
    """What one torrent needs.

    Attributes:
        verdict: What would get it seeding; ``None`` where nothing that a client can be told would.
        reason: Why it is left, where it is.
    """

    torrent: Torrent
    verdict: Verdict | None
    reason: Reason


def plan_rescue(snapshot: Snapshot, policy: Policy) -> Plan:
    """Decide which torrents to start or to announce, so that they seed what they owe in time.

    Args:
        snapshot: Needs the torrents, and the tracker messages of those that `next_messages` names.
        policy: Its sections ``client``, ``cleanup`` (what is owed), ``rescue``, and ``reconcile.force_start``.

    Returns:
        A plan with one decision for every managed torrent that owes seed time or is held to repair a hit-and-run;
        its actions begin with the torrent that has the least time to spare.
    """
    owing = [one for one in snapshot.managed(policy.client.category) if _owes(one, policy)]
    plan = Plan(
        job=JOB,
        decided_at=snapshot.taken_at,
        complete=snapshot.torrents is not None and not snapshot.missing_clients and not next_messages(owing, policy),
        policy={
            "category": policy.client.category,
            "force_start": policy.reconcile.force_start,
            **figures(policy.rescue),
        },
    )
    if snapshot.torrents is None:
        return evolve(plan, skip=Skip(reason=Reason.CLIENT_UNKNOWN, detail="the torrent list is missing"))
    events = shared_refusals(snapshot.managed(policy.client.category))
    found = (_find(one, policy, events) for one in owing)
    if snapshot.missing_clients:
        # Whether most are refused alike nobody can tell.
        found = (evolve(one, verdict=None, reason=Reason.UNKNOWN) if _is_refused(one) else one for one in found)
    urgent = sorted(found, key=lambda one: _urgency(one.torrent, plan, policy))
    acting = [one for one in urgent if one.verdict is not None]
    chosen, waiting = acting[: policy.rescue.per_run], acting[policy.rescue.per_run :]
    held = {one.torrent.hash: Reason.RESCUE_LIMIT for one in waiting}
    decisions = [_decision(one, held.get(one.torrent.hash), plan, policy) for one in urgent]
    return evolve(
        plan,
        actions=tuple(_action(one) for one in chosen),
        decisions=tuple(sorted(decisions, key=lambda decision: decision.subject)),
        figures=_figures(decisions),
        advice=tuple(_advice(decisions, events, policy)),
    )


def next_messages(managed: Iterable[Torrent], policy: Policy) -> tuple[Torrent, ...]:
    """Return the torrents whose tracker messages have to be known: those that owe and should be announcing."""
    return tuple(one for one in managed if one.messages is None and one.state in SEEDING and _owes(one, policy))


def _owes(torrent: Torrent, policy: Policy) -> bool:
    return owes_seed_time(torrent, policy.cleanup) or (_owed_seconds(torrent, policy) or 0) > 0


def _owed_seconds(torrent: Torrent, policy: Policy) -> int | None:
    """Return how long it still has to seed, by the smaller of its clocks."""
    seeded = torrent.seeded_seconds
    if seeded is None or torrent.has_completed is not True:
        return None
    return max(0, needed_seconds(torrent, policy.cleanup) - seeded)


def _deadline(torrent: Torrent, policy: Policy) -> int | None:
    """Return until when the site wants the seed time seen, in unix seconds."""
    completed = torrent.completion_on or 0
    return completed + int(policy.rescue.deadline.total_seconds()) if completed > 0 else None


def _slack(torrent: Torrent, now: int, policy: Policy) -> int | None:
    """Return how long it may rest before the site's time cannot be met any more; ``None`` where nothing tells."""
    deadline, seeded = _deadline(torrent, policy), torrent.seeded_seconds
    if deadline is None or seeded is None:
        return None
    left = int(policy.cleanup.seed_time.total_seconds()) - seeded
    return deadline - now - left if left > 0 else None


def _urgency(torrent: Torrent, plan: Plan, policy: Policy) -> tuple[float, str]:
    slack = _slack(torrent, plan.decided_at, policy)
    return inf if slack is None else slack, torrent.hash


def _find(torrent: Torrent, policy: Policy, events: frozenset[str]) -> _Found:
    """Apply the rules in their order; the first that holds decides."""
    if is_protected(torrent, policy.cleanup):
        return _Found(torrent, None, Reason.PROTECTED)
    if torrent.state is not None and torrent.state not in SETTLED_STATES:
        return _Found(torrent, None, Reason.TRANSIENT_STATE)
    if torrent.state is not None and torrent.state not in QUEUED | STOPPED | SEEDING:
        # An error, or it was whole once and downloads again, or waits to.
        return _Found(torrent, None, Reason.OWED_ERROR)
    if torrent.state is None or torrent.tags is None or _owed_seconds(torrent, policy) is None:
        return _Found(torrent, None, Reason.UNKNOWN)
    started = policy.reconcile.force_start
    if torrent.state in QUEUED:
        return _Found(torrent, Verdict.FORCE_START if started else None, Reason.OWED_QUEUED)
    if torrent.state in STOPPED:
        return _Found(torrent, Verdict.RESUME if started else None, Reason.OWED_STOPPED)
    return _announce(torrent, policy, events)


def _announce(torrent: Torrent, policy: Policy, events: frozenset[str]) -> _Found:
    announcing = is_announcing(torrent)
    if announcing is None:
        return _Found(torrent, None, Reason.UNKNOWN)
    if announcing:
        return _Found(torrent, None, Reason.ANNOUNCING)
    if refusals(torrent) & events:
        return _Found(torrent, None, Reason.ACCOUNT_EVENT)
    return _Found(torrent, Verdict.REANNOUNCE if policy.rescue.reannounce else None, Reason.OWED_REFUSED)


def _is_refused(found: _Found) -> bool:
    return found.reason is Reason.OWED_REFUSED and bool(refusals(found.torrent))


def _action(found: _Found) -> Action:
    assert found.verdict is not None  # only those that need something are chosen
    kind = _KINDS[found.verdict]
    return kind(hash=found.torrent.hash, name=found.torrent.name, reason=found.reason)


def _decision(found: _Found, held: Reason | None, plan: Plan, policy: Policy) -> Decision:
    torrent = found.torrent
    facts = {
        "name": torrent.name,
        "state": torrent.state,
        "seeding_seconds": torrent.seeding_time,
        **tracker_facts(torrent),
        "owed_seconds": _owed_seconds(torrent, policy),
        "deadline_at": _deadline(torrent, policy),
        "slack_seconds": _slack(torrent, plan.decided_at, policy),
    }
    verdict = Verdict.KEEP if held or found.verdict is None else found.verdict
    return Decision(torrent.hash, verdict, held or found.reason, facts)


def _figures(decisions: Sequence[Decision]) -> dict[str, Any]:
    resting = [one for one in decisions if one.reason in _NOT_SEEDING]
    slacks = [one.facts["slack_seconds"] for one in resting if one.facts["slack_seconds"] is not None]
    return {
        "owed_torrents": len(decisions),
        "owed_not_announcing": len(resting),
        "owed_late": sum(map(_is_late, decisions)),
        "least_slack_seconds": min(slacks, default=None),
    }


def _is_late(decision: Decision) -> bool:
    slack = decision.facts["slack_seconds"]
    return slack is not None and slack < 0


def _advice(decisions: Sequence[Decision], events: frozenset[str], policy: Policy) -> Iterable[str]:
    counts = Counter(one.reason for one in decisions if one.decision is Verdict.KEEP)
    resting = counts[Reason.OWED_QUEUED] + counts[Reason.OWED_STOPPED]
    if resting:
        yield (
            f"{_owe(resting)} while queued or stopped, unseen by the tracker; force_start = true in [reconcile] lets "
            "rescue start such torrents, and reconcile gives them upload slots."
        )
    if counts[Reason.OWED_REFUSED]:
        yield (
            f"{_owe(counts[Reason.OWED_REFUSED])} while the tracker refuses or does not answer; reannounce = true in "
            "[rescue] announces once more."
        )
    if counts[Reason.ACCOUNT_EVENT]:
        said = ", ".join(f'"{text}"' for text in sorted(events))
        yield f"Most torrents are refused with the same words ({said}), which no announce changes: {_meaning(said)}."
    if counts[Reason.OWED_ERROR]:
        yield (
            f"{_owe(counts[Reason.OWED_ERROR])} in an error or without data: look at the client's disk and mounts, "
            "then re-check by hand."
        )
    if counts[Reason.RESCUE_LIMIT]:
        wait = counted(counts[Reason.RESCUE_LIMIT], "more waits", "more wait")
        yield f"{wait} for later runs, as per_run = {policy.rescue.per_run} has it."
    late = sum(map(_is_late, decisions))
    if late:
        yield (
            f"{counted(late, 'torrent')} cannot be seeded for the site's time before the deadline any more; on the "
            "site a person can pay 1 000 BP, which counts as 72 h for one torrent."
        )


def _owe(count: int) -> str:
    return f"{counted(count, 'torrent owes', 'torrents owe')} seed time"


# What the site's tracker says, and what to do about it.
_MEANINGS = {
    "mouse": "the account is in class Mouse, and only upload credit gets it out",
    "passkey": "the tracker does not know the passkey or the client's address; look at the site in a browser",
    "unrecognized host": "the tracker does not know the client's address; look at the site in a browser",
}


def _meaning(said: str) -> str:
    found = (meaning for words, meaning in _MEANINGS.items() if words in said)
    return next(found, "that is the account, the passkey or the tracker; look at the site in a browser")
