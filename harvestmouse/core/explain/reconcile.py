"""Why a preference is written or left, why a torrent is started or not, and what would change that."""

from collections.abc import Iterable, Iterator
from itertools import chain

from attrs import evolve

from harvestmouse.core.cleanup import owes_seed_time
from harvestmouse.core.explain.flips import (
    CLOCKS,
    SEEDING_STATES,
    Change,
    Found,
    Outlook,
    crossings,
    downwards,
    flip_to,
    flips_by,
    found_about,
    later,
    owes,
    resized,
    seeding_note,
    upwards,
    with_torrent,
)
from harvestmouse.core.explain.model import Condition, Explanation, Rule, decision_about, steps_to
from harvestmouse.core.model import Preferences, Snapshot, Torrent
from harvestmouse.core.plan import Decision, Plan, Reason
from harvestmouse.core.policy import Policy
from harvestmouse.core.reconcile import (
    JOB,
    KEYS,
    NO_LIMIT,
    QUEUED,
    STOPPED,
    owed_slots,
    plan_reconcile,
    subject_of,
    wanted,
)

_YES = True


def guard_rules(snapshot: Snapshot, policy: Policy) -> tuple[Rule, ...]:  # noqa: ARG001 - one shape for all
    """Return what lets reconcile do nothing."""
    known = None if snapshot.preferences is None and not snapshot.queues else len(KEYS)
    return (Rule(Reason.CLIENT_UNKNOWN, (Condition("preferences", known, "missing"),)),)


def explain_keys(plan: Plan, snapshot: Snapshot, policy: Policy) -> Iterator[Explanation]:
    """Explain each preference that *plan*, which was not skipped, looked at."""
    decisions = {one.subject: one for one in plan.decisions}
    for client, held in snapshot.of_each_client().items():
        keys = [evolve(decisions[subject_of(client, key)], subject=key) for key in KEYS]
        for explained in _explain_keys(keys, plan, held, policy):
            about = subject_of(client, explained.subject)
            yield evolve(explained, subject=about, decision=decisions[about])


def _explain_keys(
    decisions: Iterable[Decision], plan: Plan, snapshot: Snapshot, policy: Policy
) -> Iterator[Explanation]:
    """Explain each preference of one client."""
    assert snapshot.preferences is not None  # the job is skipped without them
    for decision in decisions:
        key = decision.subject
        now = decision.decision, decision.reason
        outlook = _outlook(policy, key)
        figure = decision.facts["to"]
        flips = chain.from_iterable(flips_by(change, outlook, now) for change in _owing(snapshot, policy, key))
        if figure is not None:
            changed = evolve(snapshot, preferences=evolve(snapshot.preferences, **{key: figure}))
            flips = chain(flips, flip_to("preference", figure, outlook(changed), now))
        yield Explanation(
            job=JOB,
            subject=key,
            decided_at=plan.decided_at,
            decision=decision,
            steps=steps_to(_key_rules(snapshot.preferences, snapshot, policy, decision), decision.reason),
            flips=tuple(flips),
        )


def explain_start(plan: Plan, snapshot: Snapshot, policy: Policy, torrent: Torrent) -> Explanation:
    """Explain whether *plan*, which was not skipped, starts a torrent; it decides on those alone that owe and rest."""
    decision = decision_about(plan, torrent.hash)
    now: Found = (None, None) if decision is None else (decision.decision, decision.reason)
    rules = _start_rules(policy, torrent)
    outlook = _outlook(policy, torrent.hash)
    changes = _seeding(snapshot, torrent, rules) if decision is not None else ()
    flips = chain.from_iterable(flips_by(change, outlook, now) for change in changes)
    if decision is not None:
        running = with_torrent(snapshot, evolve(torrent, state="stalledUP"))
        flips = chain(flips, flip_to("state", "stalledUP", outlook(running), now, "once the client lets it seed"))
    return Explanation(
        job=JOB,
        subject=torrent.hash,
        name=torrent.name,
        decided_at=plan.decided_at,
        decision=decision,
        steps=steps_to(rules, now[1]),
        flips=tuple(flips),
    )


def _outlook(policy: Policy, subject: str) -> Outlook:
    def found(seen: Snapshot) -> Found:
        return found_about(plan_reconcile(seen, policy), subject)

    return found


def _key_rules(preferences: Preferences, snapshot: Snapshot, policy: Policy, decision: Decision) -> tuple[Rule, ...]:
    key = decision.subject
    current, figure = getattr(preferences, key), decision.facts["to"]
    owed = owed_slots(snapshot, policy)
    source = wanted(policy.reconcile, owed)[key][1]
    slots = (Condition("owed_torrents", owed, ">", policy.reconcile.max_active_uploads),)
    return (
        Rule(Reason.UNKNOWN, (Condition(key, current, "missing"), Condition("wanted", figure, "missing")), any_of=True),
        Rule(Reason.AS_WANTED, (Condition(key, current, "is", figure),)),
        Rule(
            Reason.OWED_SLOTS,
            (
                Condition("figure", source.value, "is", Reason.OWED_SLOTS.value),
                *(slots if key == "max_active_uploads" else ()),
            ),
        ),
        Rule(Reason.SUM_OF_SLOTS, (Condition("figure", source.value, "is", Reason.SUM_OF_SLOTS.value),)),
        Rule(Reason.WANTED, (Condition(key, current, "is not", figure),)),
    )


def _owing(snapshot: Snapshot, policy: Policy, key: str) -> Iterator[Change]:
    """Yield more torrents that owe seed time, and fewer: they need upload slots."""
    owed, uploads = owed_slots(snapshot, policy), policy.reconcile.max_active_uploads
    if owed is None or snapshot.torrents is None or uploads == NO_LIMIT:
        return
    category = policy.client.category
    owing = [one for one in snapshot.torrents if owes_seed_time(one, policy.cleanup)]

    def with_owing(amount: int) -> Snapshot:
        if amount >= 0:
            return resized(snapshot, category, amount, completion_on=snapshot.taken_at, seeding_time=0)
        gone = {one.hash for one in owing[amount:]}
        return evolve(snapshot, torrents=[one for one in snapshot.torrents or () if one.hash not in gone])

    current = getattr(snapshot.preferences, key)
    levels = [uploads, *([] if isinstance(current, bool) or current is None else [current])]
    amounts = [level - owed + step for level in levels for step in (-1, 0, 1)]
    for signed in (upwards(amounts), downwards(amounts, owed)):
        yield Change(kind="owed_torrents", apply=with_owing, amounts=signed, start=owed)


def _start_rules(policy: Policy, torrent: Torrent) -> tuple[Rule, ...]:
    known = evolve(torrent, seeding_time=torrent.seeding_time or 0)
    owed = (
        Condition("has_completed", torrent.has_completed, "not surely", not _YES),
        *owes(known, policy.cleanup.owed_seconds),
    )
    mine = Condition("category", torrent.category or "", "is", policy.client.category)
    return (
        Rule(Reason.OWED_QUEUED, (mine, Condition("state", torrent.state, "one of", tuple(sorted(QUEUED))), *owed)),
        Rule(Reason.OWED_STOPPED, (mine, Condition("state", torrent.state, "one of", tuple(sorted(STOPPED))), *owed)),
    )


def _seeding(snapshot: Snapshot, torrent: Torrent, rules: tuple[Rule, ...]) -> Iterator[Change]:
    if torrent.state not in SEEDING_STATES and torrent.seeding_time is not None:
        yield Change(
            kind="seeding_seconds",
            apply=lambda amount: later(snapshot, amount, torrent.hash),
            amounts=upwards(crossings(rules, *CLOCKS)),
            note=seeding_note(torrent),
        )
