"""Why a torrent that owes seed time is rescued or left, and what would change that."""

from collections.abc import Iterator

from attrs import evolve

from harvestmouse.core.cleanup import SETTLED_STATES
from harvestmouse.core.clock import is_announcing, needed_seconds
from harvestmouse.core.explain.flips import (
    CLOCKS,
    Change,
    Found,
    Outlook,
    crossings,
    flip_to,
    flips_by,
    found_about,
    later,
    owes,
    seeding_note,
    upwards,
    with_torrent,
)
from harvestmouse.core.explain.model import Condition, Explanation, Flip, Outcome, Rule, decision_about, steps_to
from harvestmouse.core.model import Snapshot, Torrent, TrackerMessage
from harvestmouse.core.plan import Decision, Plan, Reason, Verdict
from harvestmouse.core.policy import Policy
from harvestmouse.core.reconcile import QUEUED, STOPPED
from harvestmouse.core.rescue import JOB, plan_rescue
from harvestmouse.core.trackers import SEEDING, WORKING, refusals, shared_refusals

_YES = True


def explain_rescue(plan: Plan, snapshot: Snapshot, policy: Policy, torrent: Torrent) -> Explanation:
    """Explain what *plan*, which was not skipped, decided about a torrent; it decides on those alone that owe."""
    decision = decision_about(plan, torrent.hash)
    explanation = Explanation(
        job=JOB, subject=torrent.hash, name=torrent.name, decided_at=plan.decided_at, decision=decision
    )
    if decision is None:
        return explanation
    rules, wanted = _rules(snapshot, policy, torrent, decision), _unlimited(snapshot, policy)
    turn = next((at for at, action in enumerate(wanted.actions) if action.hash == torrent.hash), None)  # type: ignore[union-attr]
    if turn is not None:
        rules = (*rules, Rule(Reason.RESCUE_LIMIT, (Condition("torrents_before", turn, ">=", policy.rescue.per_run),)))
    steps = steps_to(rules, decision.reason, found_about(wanted, torrent.hash)[1])
    if decision.decision is not Verdict.KEEP:
        steps = (*steps[:-1], evolve(steps[-1], outcome=Outcome.DOES_NOT_HOLD))
    return evolve(
        explanation,
        steps=steps,
        flips=tuple(_flips(snapshot, policy, torrent, rules, (decision.decision, decision.reason))),
    )


def _unlimited(snapshot: Snapshot, policy: Policy) -> Plan:
    """Return the plan of a run that may start all that it finds."""
    most = len(snapshot.torrents or ())
    return plan_rescue(snapshot, evolve(policy, rescue=evolve(policy.rescue, per_run=most)))


def _rules(snapshot: Snapshot, policy: Policy, torrent: Torrent, decision: Decision) -> tuple[Rule, ...]:
    tags = None if torrent.tags is None else tuple(sorted(tag.casefold() for tag in torrent.tags))
    protecting = tuple(tag.casefold() for tag in policy.cleanup.protect_tags)
    owed = owes(torrent, needed_seconds(torrent, policy.cleanup))
    said = tuple(sorted(refusals(torrent))) if torrent.messages is not None else None
    events = tuple(sorted(shared_refusals(snapshot.managed(policy.client.category))))
    announcing = Condition("announcing", is_announcing(torrent), "is", _YES)
    unusable = tuple(_unusable(torrent))
    if not unusable and decision.reason is Reason.UNKNOWN and snapshot.missing_clients:
        unusable = ("missing_clients",)
    return (
        Rule(Reason.PROTECTED, (Condition("tags", tags, "has", protecting),)),
        Rule(Reason.TRANSIENT_STATE, (Condition("state", torrent.state, "none of", _states(SETTLED_STATES)),)),
        Rule(Reason.OWED_ERROR, (Condition("state", torrent.state, "none of", _states(QUEUED, STOPPED, SEEDING)),)),
        Rule(Reason.UNKNOWN, (Condition("unusable_facts", unusable, "is not", ()),)),
        Rule(Reason.OWED_QUEUED, (Condition("state", torrent.state, "one of", _states(QUEUED)), *owed)),
        Rule(Reason.OWED_STOPPED, (Condition("state", torrent.state, "one of", _states(STOPPED)), *owed)),
        Rule(Reason.ANNOUNCING, (announcing, *owed)),
        Rule(Reason.ACCOUNT_EVENT, (Condition("refusals", said, "has", events), *owed)),
        Rule(Reason.OWED_REFUSED, (evolve(announcing, threshold=not _YES), *owed)),
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


def _flips(snapshot: Snapshot, policy: Policy, torrent: Torrent, rules: tuple[Rule, ...], now: Found) -> Iterator[Flip]:
    outlook = _outlook(policy, torrent)
    change = Change(
        kind="seeding_seconds",
        apply=lambda amount: later(snapshot, amount, torrent.hash),
        amounts=upwards(crossings(rules, *CLOCKS)),
        note=seeding_note(torrent),
    )
    if torrent.seeding_time is not None:
        yield from flips_by(change, outlook, now)
    if not is_announcing(torrent):
        working = (TrackerMessage(host=torrent.tracker_host, status=WORKING, text=""),)
        well = evolve(torrent, state="stalledUP", messages=working)
        yield from flip_to("announcing", _YES, outlook(with_torrent(snapshot, well)), now)


def _outlook(policy: Policy, torrent: Torrent) -> Outlook:
    def found(seen: Snapshot) -> Found:
        return found_about(plan_rescue(seen, policy), torrent.hash)

    return found
