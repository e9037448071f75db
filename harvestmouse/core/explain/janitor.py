"""Why a torrent goes or stays, and when or by what that would change."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import chain

from attrs import evolve

from harvestmouse.core.after import after
from harvestmouse.core.cleanup import (
    ERROR_STATES,
    JOB,
    LEAST_SHRINK,
    SETTLED_STATES,
    data_cap,
    plan_cleanup,
)
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
from harvestmouse.core.explain.model import Condition, Explanation, Flip, Outcome, Rule, decision_about, steps_to
from harvestmouse.core.model import Snapshot, Torrent
from harvestmouse.core.plan import OUTCOMES, Plan, Reason, Verdict
from harvestmouse.core.policy import CleanupPolicy, Policy
from harvestmouse.core.trackers import unregistered_texts
from harvestmouse.core.units import counted

# Runs looked ahead until a torrent that waits for its turn goes.
_MOST_RUNS = 10
# Reasons that hang on nothing but the torrent's own figures, which time moves.
_TIMED = frozenset({Reason.UNKNOWN, Reason.HNR_WINDOW, Reason.RECOVERY_HOLD, Reason.ACTIVE})
# The rules that come before what trackers say, of which the last two are a matter of time.
_HELD = frozenset({Reason.PROTECTED, Reason.TRANSIENT_STATE, Reason.CLIENT_ERROR, Reason.UNKNOWN})
_BEFORE_MESSAGES = _HELD | {Reason.HNR_WINDOW, Reason.RECOVERY_HOLD}
_DELETING = OUTCOMES[JOB][Verdict.DELETE]


def guard_rules(snapshot: Snapshot, policy: Policy) -> tuple[Rule, ...]:
    """Return what lets the janitor do nothing."""
    before = snapshot.remembered_count
    managed = len(snapshot.managed(policy.client.category))
    listed = None if snapshot.torrents is None else len(snapshot.torrents) + len(snapshot.malformed_torrents)
    missing = None if before is None or listed is None else before - managed
    allowed = None if before is None else max(before * policy.cleanup.max_shrink, LEAST_SHRINK)
    return (
        Rule(Reason.CLIENT_UNKNOWN, (Condition("torrents", listed, "missing"),)),
        Rule(
            Reason.EMPTY_LISTING,
            (Condition("listed_torrents", listed, "is", 0), Condition("remembered_torrents", before, "not surely", 0)),
        ),
        Rule(Reason.SHRUNKEN_LISTING, (Condition("missing_torrents", missing, ">", allowed),)),
    )


def guard_flips(snapshot: Snapshot, policy: Policy) -> Iterator[Flip]:
    """Yield how many torrents more would let a job run that is skipped, or how many fewer would stop one that runs."""

    def outlook(seen: Snapshot) -> Found:
        skip = plan_cleanup(seen, policy).skip
        return None, None if skip is None else skip.reason

    if snapshot.torrents is None:
        return
    category, now = policy.client.category, outlook(snapshot)
    managed = len(snapshot.managed(category))
    rules = guard_rules(snapshot, policy)
    amounts = [*crossings(rules, "listed_torrents"), *(-amount for amount in crossings(rules, "missing_torrents"))]
    change = Change(
        kind="managed_torrents",
        apply=lambda amount: resized(snapshot, category, amount),
        amounts=downwards(amounts, managed) if now[1] is None else upwards(amounts),
        start=managed,
    )
    yield from flips_by(change, outlook, now)


def explain_cleanup(plan: Plan, snapshot: Snapshot, policy: Policy, torrent: Torrent) -> Explanation:
    """Explain what *plan*, which was not skipped, decided about a managed torrent."""
    decision = decision_about(plan, torrent.hash)
    reason = None if decision is None else decision.reason
    explanation = Explanation(
        job=JOB, subject=torrent.hash, name=torrent.name, decided_at=plan.decided_at, decision=decision
    )
    if decision is None or reason is Reason.MALFORMED:
        return explanation
    unlimited = _due(snapshot, policy, torrent) if reason is Reason.DELETION_LIMIT else None
    rules = _rules(plan, snapshot, policy, torrent)
    steps = steps_to(rules, reason, unlimited)
    if decision.decision is Verdict.DELETE:
        steps = (*steps[:-1], evolve(steps[-1], outcome=Outcome.DOES_NOT_HOLD))
    return evolve(
        explanation,
        steps=steps,
        flips=tuple(_flips(snapshot, policy, torrent, rules, (decision.decision, decision.reason))),
        depends=tuple(_depends(snapshot, policy, torrent, decision.reason)),
    )


def _rules(plan: Plan, snapshot: Snapshot, policy: Policy, torrent: Torrent) -> tuple[Rule, ...]:
    """Return the rules of the design, section 5.2, in their order."""
    age = None if torrent.added_on is None else snapshot.taken_at - torrent.added_on
    return (
        *_untouched_rules(plan, snapshot, policy.cleanup, torrent, age),
        *_owing_rules(policy.cleanup, torrent),
        *_refusal_rules(plan, snapshot, policy, torrent),
        *_unfinished_rules(policy.cleanup, torrent, age),
        *_finished_rules(policy.cleanup, torrent, age),
        Rule(Reason.ACTIVE),
        _limit_rule(plan, snapshot, policy, torrent),
    )


def _untouched_rules(
    plan: Plan, snapshot: Snapshot, rules: CleanupPolicy, torrent: Torrent, age: int | None
) -> Iterator[Rule]:
    """Yield what keeps a torrent whatever it has done."""
    protecting = tuple(tag.casefold() for tag in rules.protect_tags)
    yield Rule(Reason.PROTECTED, (Condition("tags", _tags(torrent), "has", protecting),))
    yield Rule(Reason.TRANSIENT_STATE, (Condition("state", torrent.state, "none of", tuple(sorted(SETTLED_STATES))),))
    yield Rule(Reason.CLIENT_ERROR, (Condition("state", torrent.state, "one of", tuple(sorted(ERROR_STATES))),))
    decision, unusable = decision_about(plan, torrent.hash), tuple(_unusable(torrent, age))
    if not unusable and decision is not None and decision.reason is Reason.UNKNOWN and snapshot.missing_clients:
        unusable = ("missing_clients",)
    yield Rule(Reason.UNKNOWN, (Condition("unusable_facts", unusable, "is not", ()),))


def _owing_rules(rules: CleanupPolicy, torrent: Torrent) -> Iterator[Rule]:
    """Yield what keeps a torrent that owes seed time, or repairs a hit-and-run."""
    yield Rule(Reason.HNR_WINDOW, (_completed(torrent), *owes(torrent, rules.owed_seconds)))
    tagged = Condition("tags", _tags(torrent), "has", (rules.recovery_tag.casefold(),))
    yield Rule(Reason.RECOVERY_HOLD, (tagged, *owes(torrent, rules.recovery_hold.total_seconds())))


def _refusal_rules(plan: Plan, snapshot: Snapshot, policy: Policy, torrent: Torrent) -> Iterator[Rule]:
    """Yield what follows from its trackers' not knowing a torrent."""
    refusals = tuple(sorted(unregistered_texts(torrent))) if torrent.messages is not None else None
    events = tuple(sorted(_events(plan, snapshot, policy)))
    yield Rule(Reason.ACCOUNT_EVENT, (Condition("refusals", refusals, "has", events),))
    yield Rule(Reason.UNREGISTERED, (Condition("refusals", refusals, "is not", ()),))


def _unfinished_rules(rules: CleanupPolicy, torrent: Torrent, age: int | None) -> Iterator[Rule]:
    """Yield what becomes of a torrent that has never completed."""
    never = Condition("has_completed", torrent.has_completed, "is", False)  # noqa: FBT003
    nothing = Condition("downloaded_bytes", torrent.downloaded_bytes, "is", 0)
    yield Rule(Reason.NEVER_STARTED, (never, nothing, _older_than(age, rules.never_started_age)))
    stalled = (never, Condition("state", torrent.state, "is", "stalledDL"), _older_than(age, rules.stalled_age))
    partial = (
        Condition("progress", torrent.progress, ">", 0),
        Condition("keep_partials", rules.keep_partials, "is", True),  # noqa: FBT003
    )
    yield Rule(Reason.PARTIAL_DOWNLOAD, (*stalled, *partial))
    yield Rule(Reason.STALLED_OLD, stalled)


def _finished_rules(rules: CleanupPolicy, torrent: Torrent, age: int | None) -> Iterator[Rule]:
    """Yield what deletes a torrent that has completed."""
    completed = _completed(torrent)
    yield Rule(Reason.GRACEFUL_RETIRE, (completed, _seeded_over(torrent, rules.graceful_seed_time)))
    idle = Condition("uploaded_bytes", torrent.uploaded_bytes, "is", 0)
    yield Rule(Reason.ZERO_DEMAND, (completed, idle, _older_than(age, rules.zero_demand_age)))
    seeders = Condition("seeders", torrent.seeders, ">", rules.satisfied_seeder_floor)
    yield Rule(Reason.SATISFIED_REDUNDANT, (completed, _seeded_over(torrent, rules.satisfied_seed_time), seeders))


def _limit_rule(plan: Plan, snapshot: Snapshot, policy: Policy, torrent: Torrent) -> Rule:
    """Return what keeps a torrent for a later run, though it is due."""
    earlier = _data_deletions_before(plan, snapshot, policy, torrent)
    most = data_cap(snapshot.managed(policy.client.category), policy.cleanup)
    holds = Condition("holds_data", torrent.holds_data, "is", True)  # noqa: FBT003
    return Rule(Reason.DELETION_LIMIT, (holds, Condition("data_deletions_before", earlier, ">=", most)))


def _tags(torrent: Torrent) -> tuple[str, ...] | None:
    return None if torrent.tags is None else tuple(sorted(tag.casefold() for tag in torrent.tags))


def _completed(torrent: Torrent) -> Condition:
    return Condition("has_completed", torrent.has_completed, "is", True)  # noqa: FBT003


def _older_than(age: int | None, least: timedelta) -> Condition:
    return Condition("age_seconds", age, ">", least.total_seconds())


def _seeded_over(torrent: Torrent, least: timedelta) -> Condition:
    return Condition("seeding_seconds", torrent.seeding_time, ">", least.total_seconds())


def _unusable(torrent: Torrent, age: int | None) -> Iterator[str]:
    """Yield the facts that are missing or impossible."""
    for name in ("tags", "state", "completion_on"):
        if getattr(torrent, name) is None:
            yield name
    for name in ("seeding_time", "downloaded_bytes", "uploaded_bytes", "seeders"):
        count = getattr(torrent, name)
        if count is None or count < 0:
            yield name
    if age is None or age < 0 or (torrent.added_on or 0) <= 0:
        yield "added_on"
    if torrent.progress is None or not 0 <= torrent.progress <= 1:
        yield "progress"


def _events(plan: Plan, snapshot: Snapshot, policy: Policy) -> frozenset[str]:
    """Return the refusals that the plan took for the account's trouble."""
    texts = {one.hash: unregistered_texts(one) for one in snapshot.managed(policy.client.category)}
    speaking: set[str] = set()
    refused: set[str] = set()
    for one in plan.decisions:
        if one.subject in texts and one.reason not in _BEFORE_MESSAGES:
            (speaking if one.reason is Reason.ACCOUNT_EVENT else refused).update(texts[one.subject])
    return frozenset(speaking - refused)


def _data_deletions_before(plan: Plan, snapshot: Snapshot, policy: Policy, torrent: Torrent) -> int:
    gone = {one.subject for one in plan.decisions if one.decision is Verdict.DELETE}
    managed = snapshot.managed(policy.client.category)
    return sum(one.holds_data and one.hash in gone and one.hash < torrent.hash for one in managed)


def _outlook(policy: Policy, torrent: Torrent) -> Outlook:
    def found(seen: Snapshot) -> Found:
        return found_about(plan_cleanup(seen, policy), torrent.hash)

    return found


def _due(snapshot: Snapshot, policy: Policy, torrent: Torrent) -> Reason | None:
    """Return what would be the reason if a run might delete all that is due."""
    most = len(snapshot.torrents or ())
    free = evolve(policy.cleanup, max_data_deletions=most, always_allowed=most)
    return _outlook(evolve(policy, cleanup=free), torrent)(snapshot)[1]


def _flips(snapshot: Snapshot, policy: Policy, torrent: Torrent, rules: tuple[Rule, ...], now: Found) -> Iterator[Flip]:
    outlook = _outlook(policy, torrent)
    if now[1] in _TIMED:
        yield from chain.from_iterable(flips_by(change, outlook, now) for change in _times(snapshot, torrent, rules))
    yield from chain.from_iterable(flips_by(change, outlook, now) for change in _amounts(snapshot, torrent, rules))
    for kind, to, changed, note in _flags(torrent, policy.cleanup, now[1]):
        yield from flip_to(kind, to, outlook(with_torrent(snapshot, changed)), now, note)
    if now[1] is Reason.DELETION_LIMIT:
        yield from _turn(snapshot, policy, outlook)


def _times(snapshot: Snapshot, torrent: Torrent, rules: tuple[Rule, ...]) -> Iterator[Change]:
    """Yield what time does: as things stand, and, where its seed clock stands still, were it to seed."""
    now = snapshot.taken_at
    ages = upwards([*crossings(rules, "age_seconds"), (torrent.added_on or now) - now])
    seeding = upwards(crossings(rules, *CLOCKS)) if torrent.has_completed else []
    seeds = torrent.state in SEEDING_STATES
    if torrent.has_completed:
        yield Change(
            kind="seeding_seconds",
            apply=lambda amount: later(snapshot, amount, torrent.hash),
            amounts=[*ages, *seeding],
            note=seeding_note(torrent),
        )
    if not (torrent.has_completed and seeds):
        note = f"as {torrent.state}, while nothing else changes"
        yield Change(kind="time_seconds", apply=lambda amount: later(snapshot, amount), amounts=ages, note=note)


def _amounts(snapshot: Snapshot, torrent: Torrent, rules: tuple[Rule, ...]) -> Iterator[Change]:
    """Yield how the figures that others move may change."""
    for kind, figure in (
        ("seeders", torrent.seeders),
        ("uploaded_bytes", torrent.uploaded_bytes),
        ("downloaded_bytes", torrent.downloaded_bytes),
    ):
        if figure is None or figure < 0:
            continue
        amounts = crossings(rules, kind)
        for signed in (upwards(amounts), downwards(amounts, figure) if kind == "seeders" else []):
            yield Change(
                kind=kind,
                apply=lambda amount, kind=kind, figure=figure: with_torrent(  # type: ignore[misc]
                    snapshot, evolve(torrent, **{kind: figure + amount})
                ),
                amounts=signed,
                start=figure,
            )


def _flags(
    torrent: Torrent, policy: CleanupPolicy, reason: Reason | None
) -> Iterator[tuple[str, object, Torrent, str]]:
    """Yield what people, the client or the tracker may do about it."""
    tags = torrent.tags or frozenset()
    if reason in (Reason.PROTECTED, Reason.RECOVERY_HOLD):
        names = policy.protect_tags if reason is Reason.PROTECTED else (policy.recovery_tag,)
        folded = {name.casefold() for name in names}
        gone = frozenset(tag for tag in tags if tag.casefold() in folded)
        yield "tags_removed", tuple(sorted(gone)), evolve(torrent, tags=tags - gone), ""
    if reason in _DELETING:
        for tag in (*policy.protect_tags[:1], policy.recovery_tag):
            yield "tags_added", (tag,), evolve(torrent, tags=tags | {tag}), ""
    if reason in (Reason.TRANSIENT_STATE, Reason.CLIENT_ERROR):
        state = "stalledUP" if torrent.has_completed else "stalledDL"
        note = "once the client has done" if reason is Reason.TRANSIENT_STATE else "once the client finds its files"
        yield "state", state, evolve(torrent, state=state), note
    if reason in (Reason.STALLED_OLD, Reason.PARTIAL_DOWNLOAD):
        yield "state", "downloading", evolve(torrent, state="downloading"), "if its download goes on"
    if reason in (Reason.UNREGISTERED, Reason.ACCOUNT_EVENT):
        yield "messages", (), evolve(torrent, messages=()), "if its tracker takes it again"


def _turn(snapshot: Snapshot, policy: Policy, outlook: Outlook) -> Iterator[Flip]:
    """Yield in which of the next runs it is this torrent's turn."""
    for runs in range(1, _MOST_RUNS + 1):
        plan = plan_cleanup(snapshot, policy)
        snapshot = after(snapshot, plan)
        verdict, reason = outlook(snapshot)
        if not plan.actions or verdict is None:
            return
        if reason is not Reason.DELETION_LIMIT:
            note = "if nothing else becomes due"
            yield Flip(change="runs", amount=runs, verdict=verdict, reason=reason, note=note)
            return


def _depends(snapshot: Snapshot, policy: Policy, torrent: Torrent, reason: Reason) -> Iterator[str]:
    managed = snapshot.managed(policy.client.category)
    if reason in (Reason.UNREGISTERED, Reason.ACCOUNT_EVENT):
        texts = Counter(text for one in managed for text in unregistered_texts(one))
        shared = max((texts[text] for text in unregistered_texts(torrent)), default=0)
        yield f"what the trackers say of the others: {shared} of {counted(len(managed), 'torrent')} with these words"
    elif torrent.messages is None and reason not in _HELD:
        yield "what its trackers say, which nobody has asked"
    if reason is Reason.DELETION_LIMIT:
        cap = counted(data_cap(managed, policy.cleanup), "torrent that holds", "torrents that hold")
        yield f"how many others are due: a run deletes at most {cap} data, in the order of their info-hashes"
