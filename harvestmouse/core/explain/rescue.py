"""Why a torrent that owes seed time is rescued or left, and what would change that."""

from collections.abc import Iterator

from attrs import evolve

from harvestmouse.core.cleanup import SETTLED_STATES
from harvestmouse.core.clock import SEEDING, WORKING, is_announcing, needed_seconds
from harvestmouse.core.explain.flips import (
    Change,
    Found,
    Outlook,
    crossings,
    flip_to,
    flips_by,
    found_about,
    later,
    upwards,
    with_torrent,
)
from harvestmouse.core.explain.model import Condition, Explanation, Flip, Rule, decision_about, steps_to
from harvestmouse.core.model import Snapshot, Torrent, TrackerMessage
from harvestmouse.core.plan import Plan, Reason
from harvestmouse.core.policy import Policy
from harvestmouse.core.reconcile import QUEUED, STOPPED
from harvestmouse.core.rescue import JOB, account_events, plan_rescue, refusals

_YES = True


def explain_rescue(plan: Plan, snapshot: Snapshot, policy: Policy, torrent: Torrent) -> Explanation:
    """Explain what *plan*, which was not skipped, decided about a torrent; it decides on those alone that owe."""
    decision = decision_about(plan, torrent.hash)
    explanation = Explanation(
        job=JOB, subject=torrent.hash, name=torrent.name, decided_at=plan.decided_at, decision=decision
    )
    if decision is None:
        return explanation
    rules = _rules(plan, snapshot, policy, torrent)
    limited = _due(snapshot, policy, torrent) if decision.reason is Reason.RESCUE_LIMIT else None
    return evolve(
        explanation,
        steps=steps_to(rules, decision.reason, limited),
        flips=tuple(_flips(snapshot, policy, torrent, rules, (decision.decision, decision.reason))),
    )


def _rules(plan: Plan, snapshot: Snapshot, policy: Policy, torrent: Torrent) -> tuple[Rule, ...]:
    tags = None if torrent.tags is None else tuple(sorted(tag.casefold() for tag in torrent.tags))
    protecting = tuple(tag.casefold() for tag in policy.cleanup.protect_tags)
    owes = Condition("seeding_seconds", torrent.seeded_seconds, "<", needed_seconds(torrent, policy.cleanup))
    said = tuple(sorted(refusals(torrent))) if torrent.messages is not None else None
    events = tuple(sorted(account_events(snapshot.managed(policy.client.category))))
    announcing = Condition("announcing", is_announcing(torrent), "is", _YES)
    chosen = len(plan.actions)
    return (
        Rule(Reason.PROTECTED, (Condition("tags", tags, "has", protecting),)),
        Rule(Reason.TRANSIENT_STATE, (Condition("state", torrent.state, "none of", tuple(sorted(SETTLED_STATES))),)),
        Rule(Reason.OWED_ERROR, (Condition("state", torrent.state, "none of", _states(QUEUED, STOPPED, SEEDING)),)),
        Rule(Reason.UNKNOWN, (Condition("unusable_facts", tuple(_unusable(torrent)), "is not", ()),)),
        Rule(Reason.OWED_QUEUED, (owes, Condition("state", torrent.state, "one of", _states(QUEUED)))),
        Rule(Reason.OWED_STOPPED, (owes, Condition("state", torrent.state, "one of", _states(STOPPED)))),
        Rule(Reason.ANNOUNCING, (owes, announcing)),
        Rule(Reason.ACCOUNT_EVENT, (owes, Condition("refusals", said, "has", events))),
        Rule(Reason.OWED_REFUSED, (owes, evolve(announcing, threshold=not _YES))),
        Rule(Reason.RESCUE_LIMIT, (Condition("torrents_before", chosen, ">=", policy.rescue.per_run),)),
    )


def _states(*groups: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(frozenset().union(*groups)))


def _unusable(torrent: Torrent) -> Iterator[str]:
    """Yield the facts that are missing."""
    for name in ("state", "tags", "has_completed", "seeding_time"):
        if getattr(torrent, name) is None:
            yield name
    if is_announcing(torrent) is None:
        yield "messages"


def _outlook(policy: Policy, torrent: Torrent) -> Outlook:
    def found(seen: Snapshot) -> Found:
        return found_about(plan_rescue(seen, policy), torrent.hash)

    return found


def _due(snapshot: Snapshot, policy: Policy, torrent: Torrent) -> Reason | None:
    """Return what would be the reason if a run might start all that it finds."""
    free = evolve(policy, rescue=evolve(policy.rescue, per_run=len(snapshot.torrents or ())))
    return _outlook(free, torrent)(snapshot)[1]


def _flips(snapshot: Snapshot, policy: Policy, torrent: Torrent, rules: tuple[Rule, ...], now: Found) -> Iterator[Flip]:
    outlook = _outlook(policy, torrent)
    if torrent.seeded_seconds is not None:
        resting = f"if it seeds all that time, which it does not as {torrent.state}"
        change = Change(
            kind="seeding_seconds",
            apply=lambda amount: later(snapshot, amount, torrent.hash),
            amounts=upwards(crossings(rules, "seeding_seconds")),
            note="if it goes on announcing" if is_announcing(torrent) else resting,
        )
        yield from flips_by(change, outlook, now)
    for kind, to, changed, note in _ways(torrent):
        yield from flip_to(kind, to, outlook(with_torrent(snapshot, changed)), now, note)


def _ways(torrent: Torrent) -> Iterator[tuple[str, object, Torrent, str]]:
    """Yield what the client, people or the tracker may do about it."""
    working = (TrackerMessage(host=torrent.tracker_host, status=WORKING, text=""),)
    if torrent.state not in SEEDING:
        yield "state", "stalledUP", evolve(torrent, state="stalledUP", messages=working), "with a tracker that works"
    elif torrent.messages is not None and not is_announcing(torrent):
        yield "messages", (), evolve(torrent, messages=working), "if its tracker takes it"
