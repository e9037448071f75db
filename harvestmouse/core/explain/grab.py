"""Why a search result is taken or left, whether anything may be grabbed at all, and what would change that."""

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import chain
from math import ceil, floor
from typing import Any

from attrs import evolve

from harvestmouse.core.actions import AddTorrent
from harvestmouse.core.disk import category_bytes, still_to_write
from harvestmouse.core.explain.flips import (
    Change,
    Found,
    crossings,
    downwards,
    flip_to,
    flips_by,
    found_about,
    later,
    resized,
    upwards,
)
from harvestmouse.core.explain.model import Condition, Explanation, Flip, Rule, decision_about, steps_to
from harvestmouse.core.grab import JOB, plan_grab
from harvestmouse.core.guards import UNSAT_LAG_SECONDS, guard, slots_free_in, unsat_ceiling, unsat_limit, unsat_used
from harvestmouse.core.model import (
    AccountClass,
    LedgerEntry,
    LedgerOutcome,
    Profile,
    SearchPage,
    SearchResult,
    Snapshot,
)
from harvestmouse.core.plan import Decision, Plan, Reason, Verdict
from harvestmouse.core.policy import GrabPolicy, Policy
from harvestmouse.core.room import room_for, wedges_at_hand
from harvestmouse.core.sift import latest, needs_wedge, normal_name, rank, score
from harvestmouse.core.spend import SITE_RATIO
from harvestmouse.core.units import format_size, format_span

_YES, _NO = True, False


def guard_rules(snapshot: Snapshot, policy: Policy) -> tuple[Rule, ...]:
    """Return the guards of the design, section 5.1, in their order."""
    return (
        *_standing_rules(snapshot, policy.grab),
        *_obligation_rules(snapshot, policy.grab),
        *_space_rules(snapshot, policy),
        *_knowledge_rules(snapshot),
    )


def _standing_rules(snapshot: Snapshot, grab: GrabPolicy) -> Iterator[Rule]:
    """Yield what the account's class and ratio forbid, and the site itself."""
    profile, freeze = snapshot.profile or Profile(), snapshot.download_freeze_until
    names = ("uploaded_bytes", "downloaded_bytes", "account_class")
    missing = tuple(Condition(name, getattr(profile, name), "missing") for name in names)
    yield Rule(Reason.PROFILE_UNKNOWN, missing, any_of=True)
    yield Rule(Reason.MOUSE_CLASS, (Condition("account_class", profile.account_class, "is", AccountClass.MOUSE),))
    yield Rule(Reason.LOW_RATIO, (Condition("ratio", profile.ratio, "<", grab.ratio_floor),))
    left = 0 if freeze is None else freeze - snapshot.taken_at
    yield Rule(Reason.DOWNLOAD_FREEZE, (Condition("freeze_left_seconds", left, ">", 0),))


def _obligation_rules(snapshot: Snapshot, grab: GrabPolicy) -> Iterator[Rule]:
    """Yield what the account's unsatisfied torrents and hit-and-runs forbid."""
    used, limit = unsat_used(snapshot), unsat_limit(snapshot.profile)
    ceiling = None if limit is None else unsat_ceiling(snapshot, limit, grab)
    yield Rule(Reason.UNSATISFIED_LIMIT, (Condition("unsat_used", used, ">=", ceiling),))
    required = Condition("require_unsat", grab.require_unsat, "is", _YES)
    yield Rule(Reason.UNSATISFIED_UNKNOWN, (required, Condition("unsat_known", used is not None, "is", _NO)))
    holds = Condition("hold_on_hit_and_run", grab.hold_on_hit_and_run, "is", _YES)
    count = (snapshot.profile or Profile()).hit_and_run_count
    yield Rule(Reason.HIT_AND_RUN, (holds, Condition("hit_and_run_count", count, "not surely", 0)))


def _space_rules(snapshot: Snapshot, policy: Policy) -> Iterator[Rule]:
    """Yield what forbids one torrent more in the client."""
    grab, held = policy.grab, snapshot.held(policy.client.category)
    yield Rule(Reason.CLIENT_FULL, (Condition("managed_torrents", held, ">=", grab.max_torrents),))
    kept = grab.disk_reserve + still_to_write(snapshot)
    yield Rule(Reason.DISK_LOW, (Condition("free_space_bytes", snapshot.free_space_bytes, "<=", kept),))
    limited = Condition("category_quota_bytes", grab.category_quota, ">", 0)
    taken = Condition("category_bytes", category_bytes(snapshot, policy), ">=", grab.category_quota)
    yield Rule(Reason.QUOTA_FULL, (limited, taken))


def _knowledge_rules(snapshot: Snapshot) -> Iterator[Rule]:
    """Yield what has to be known of the client and of earlier grabs."""
    client = (
        Condition("torrents", _size(snapshot.torrents), "missing"),
        Condition("free_space_bytes", snapshot.free_space_bytes, "missing"),
        *_missing_clients(snapshot),
        *_nameless(snapshot),
    )
    yield Rule(Reason.CLIENT_UNKNOWN, client, any_of=True)
    yield Rule(Reason.LEDGER_UNKNOWN, (Condition("ledger", _size(snapshot.ledger), "missing"),))


def _missing_clients(snapshot: Snapshot) -> Iterator[Condition]:
    if snapshot.missing_clients:
        yield Condition("missing_clients", snapshot.missing_clients, "is not", ())


def _nameless(snapshot: Snapshot) -> Iterator[Condition]:
    if "" in snapshot.names:
        yield Condition("torrents_without_name", True, "is", True)  # noqa: FBT003


def guard_flips(snapshot: Snapshot, policy: Policy) -> Iterator[Flip]:
    """Yield what would let grab run, or stop it."""

    def outlook(seen: Snapshot) -> Found:
        skip = guard(seen, policy)
        return None, None if skip is None else skip.reason

    now = outlook(snapshot)
    for change in _guard_changes(snapshot, policy, now[1]):
        for flip in flips_by(change, outlook, now):
            yield evolve(flip, note=_guard_note(flip, snapshot, policy) or flip.note)


def _guard_note(flip: Flip, snapshot: Snapshot, policy: Policy) -> str:
    if flip.reason is Reason.CLIENT_UNKNOWN and snapshot.torrents is None:
        return "until the client is asked"
    free, wanted = slots_free_in(snapshot, policy), -(flip.amount or 0)
    if flip.change == "unsat_count" and 0 < wanted <= len(free):
        return f"in about {format_span(free[wanted - 1])}, as torrents become satisfied"
    return ""


def guard_depends(snapshot: Snapshot, reason: Reason | None) -> Iterator[str]:
    """Yield what else lets grab run again."""
    if reason is Reason.MOUSE_CLASS and snapshot.profile is not None:
        profile = snapshot.profile
        missing = ceil(Fraction(SITE_RATIO) * (profile.downloaded_bytes or 0)) - (profile.uploaded_bytes or 0)
        yield f"the site, which gives the class: {format_size(max(0, missing))} of upload are missing to ratio 1"
    if reason is Reason.QUOTA_FULL:
        yield "the sizes of the category's torrents, which take their quota until they are deleted"


def explain_grab(plan: Plan, snapshot: Snapshot, policy: Policy, identity: int) -> Explanation:
    """Explain what *plan*, which was not skipped, decided about a search result."""
    decision = decision_about(plan, str(identity))
    title = None if decision is None else decision.facts.get("title")
    explanation = Explanation(job=JOB, subject=str(identity), name=title, decided_at=plan.decided_at, decision=decision)
    if decision is None:
        return explanation
    row = _row(snapshot, decision)
    if row is None:
        return evolve(explanation, steps=steps_to(_malformed(decision.facts.get("problem")), decision.reason))
    rules = _rules(plan, snapshot, policy, row)
    return evolve(
        explanation,
        steps=steps_to(rules, decision.reason),
        flips=tuple(_flips(snapshot, policy, row, rules, decision)),
        depends=tuple(_depends(plan, snapshot, policy, row, decision.reason)),
    )


def _guard_changes(snapshot: Snapshot, policy: Policy, reason: Reason | None) -> Iterator[Change]:
    """Yield what would relieve a job that is skipped, or press one that runs."""
    relief, profile = reason is not None, snapshot.profile
    rules = guard_rules(snapshot, policy)
    ends = [entry.at + UNSAT_LAG_SECONDS for entry in snapshot.ledger or () if entry.at is not None]
    ends += [one.completion_on + UNSAT_LAG_SECONDS for one in snapshot.torrents or () if one.completion_on]
    ends += [] if snapshot.download_freeze_until is None else [snapshot.download_freeze_until]
    yield Change(
        kind="time_seconds",
        apply=lambda amount: evolve(snapshot, taken_at=snapshot.taken_at + amount),
        amounts=upwards(end - snapshot.taken_at for end in ends),
    )
    if profile is not None:
        yield from _profile_changes(snapshot, profile, policy, rules, relief=relief)
    if snapshot.torrents is not None:
        yield from _client_changes(snapshot, policy, rules, relief=relief)


def _profile_changes(
    snapshot: Snapshot, profile: Profile, policy: Policy, rules: tuple[Rule, ...], *, relief: bool
) -> Iterator[Change]:
    levels = {
        "unsat_count": crossings(rules, "unsat_used"),
        "hit_and_run_count": [1, -(profile.hit_and_run_count or 0)],
        **_ratio_levels(profile, policy, relief=relief),
    }
    for kind, amounts in levels.items():
        figure = getattr(profile, kind)
        if figure is None:
            continue
        falls = relief and kind != "uploaded_bytes"
        yield Change(
            kind=kind,
            apply=lambda amount, kind=kind, figure=figure: evolve(  # type: ignore[misc]
                snapshot, profile=evolve(profile, **{kind: figure + amount})
            ),
            amounts=downwards(amounts, figure) if falls else upwards(amounts),
            start=figure,
        )


def _ratio_levels(profile: Profile, policy: Policy, *, relief: bool) -> Mapping[str, list[int]]:
    """Return by how much more upload, or else more download, the ratio crosses its floor."""
    up, down, low = profile.uploaded_bytes, profile.downloaded_bytes, Fraction(policy.grab.ratio_floor)
    if up is None or down is None or not low:
        return {}
    kind, exact = ("uploaded_bytes", ceil(low * down) - up) if relief else ("downloaded_bytes", floor(up / low) - down)
    # A ratio is a rounded quotient, so the floor is crossed near the exact figure, and surely a little further on.
    return {kind: [exact, exact + 1, exact + 2 + exact // 1024]}


def _client_changes(snapshot: Snapshot, policy: Policy, rules: tuple[Rule, ...], *, relief: bool) -> Iterator[Change]:
    category, free = policy.client.category, snapshot.free_space_bytes
    held = len(snapshot.managed(category))
    amounts = crossings(rules, "managed_torrents")
    yield Change(
        kind="managed_torrents",
        apply=lambda amount: _resized(snapshot, category, amount),
        amounts=downwards(amounts, held) if relief else upwards(amounts),
        start=held,
    )
    if free is not None:
        amounts = crossings(rules, "free_space_bytes")
        yield Change(
            kind="free_space_bytes",
            apply=lambda amount: evolve(snapshot, free_space_bytes=free + amount),
            amounts=upwards(amounts) if relief else downwards(amounts, free),
            start=free,
        )


def _resized(snapshot: Snapshot, category: str, amount: int) -> Snapshot:
    """Return the snapshot with so many torrents more or fewer in the category, and the disk as it is."""
    if amount > 0:
        return resized(snapshot, category, amount, progress=1.0, size_bytes=0)
    # Which of them go nobody knows, so that what they still have to write stays.
    gone = {torrent.hash for torrent in snapshot.managed(category)[amount:]}
    moved = [evolve(one, category="") if one.hash in gone else one for one in snapshot.torrents or ()]
    return evolve(snapshot, torrents=moved)


def _row(snapshot: Snapshot, decision: Decision) -> SearchResult | None:
    """Return the row that was decided on: of one id seen twice with different facts, the one that shows in them."""
    shown = ("title", "size_bytes", "seeders", "leechers", "free_by_wedge")
    rows = _rows(snapshot, int(decision.subject))
    shows = (row for row in rows if all(getattr(row, name) == decision.facts.get(name) for name in shown))
    # Of two that differ in nothing else, the one that is refused.
    return min(shows, key=lambda row: (row.vip or row.fl_vip, row.takes_wedge, not row.snatched), default=None)


def _contradicted(snapshot: Snapshot, row: SearchResult) -> bool:
    return any(one != row for one in _rows(snapshot, row.id))


def _rows(snapshot: Snapshot, identity: int) -> Iterator[SearchResult]:
    return (row for page in snapshot.searches or () for row in page.results if row.id == identity)


def _malformed(problem: object) -> tuple[Rule, ...]:
    return (Rule(Reason.MALFORMED, (Condition("problem", problem or "", "is not", ""),)),)


def _rules(plan: Plan, snapshot: Snapshot, policy: Policy, row: SearchResult) -> tuple[Rule, ...]:
    """Return the rejections of the design, section 5.1, in their order."""
    grab, account = policy.grab, snapshot.profile
    free = row.is_free_for(None if account is None else account.account_class)
    before = _picked_before(plan, policy, row)
    room = room_for(snapshot, policy)
    space = room.bytes - sum(pick.size_bytes for pick in before)
    by_wedge: tuple[Condition, ...] = ()
    spending: tuple[Condition, ...] = ()
    if wedges_at_hand(snapshot, grab):
        # A wedge may be lost where another page says that it is free.
        may = all(map(needs_wedge, _rows(snapshot, row.id))) and _last(snapshot, row) is None
        by_wedge = (Condition("free_by_spending_a_wedge", may, "is", _NO),)
    if needs_wedge(row):
        left = room.wedges - sum(pick.use_wedge for pick in before)
        spending = (Condition("wedges_left", left, "<=", 0),)
    return (
        *_malformed(None),
        Rule(Reason.NOT_FREELEECH, (Condition("free_for_this_account", free, "is", _NO), *by_wedge)),
        Rule(Reason.ALREADY_SNATCHED, (Condition("snatched", row.snatched, "is", _YES),)),
        Rule(Reason.ALREADY_GRABBED, _barred(_last(snapshot, row), policy, snapshot.taken_at)),
        Rule(Reason.ALREADY_IN_CLIENT, (Condition("in_client", tuple(_held(snapshot, row).values()), "is not", ()),)),
        Rule(Reason.TOO_SMALL, (Condition("size_bytes", row.size_bytes, "<", grab.min_size),)),
        Rule(Reason.TOO_LARGE, (Condition("size_bytes", row.size_bytes, ">", grab.max_size),)),
        Rule(Reason.NO_DEMAND, (Condition("leechers", row.leechers, "<", grab.leecher_floor),)),
        Rule(Reason.OVERSUPPLIED, (Condition("seeders", row.seeders, ">", grab.seeder_ceiling),)),
        Rule(Reason.NOT_SELECTED, (Condition("better_picks", len(before), ">=", room.picks),)),
        Rule(
            Reason.OVER_BUDGET,
            (
                Condition("unsat_slots_left", _finite(room.unsat - len(before)), "<=", 0),
                Condition("size_bytes", row.size_bytes, ">", space),
                *spending,
            ),
            any_of=True,
        ),
        Rule(Reason.SELECTED),
    )


def _picked_before(plan: Plan, policy: Policy, row: SearchResult) -> list[AddTorrent]:
    own = rank(row, policy.grab)
    return [one for one in _picks(plan) if _rank_of(one) > own]


def _picks(plan: Plan) -> list[AddTorrent]:
    return [one for one in plan.actions if isinstance(one, AddTorrent)]


def _rank_of(pick: AddTorrent) -> tuple[bool, float, int]:
    return not pick.use_wedge, pick.score, pick.id


def _finite(number: float) -> float | None:
    # JSON has no infinity; where nothing tells and nobody asks, the figure is unknown.
    return number if abs(number) < float("inf") else None


def _last(snapshot: Snapshot, row: SearchResult) -> LedgerEntry | None:
    return latest(entry for entry in snapshot.ledger or () if entry.id == row.id)


def _barred(entry: LedgerEntry | None, policy: Policy, now: int) -> tuple[Condition, ...]:
    outcome = "none" if entry is None else str(entry.outcome)
    if entry is not None and outcome == LedgerOutcome.NEVER_STARTED and entry.at is not None:
        until = policy.grab.regrab_after.total_seconds()
        return (
            Condition("ledger_outcome", outcome, "is", outcome),
            Condition("ended_seconds", now - entry.at, "<", until),
        )
    return (Condition("ledger_outcome", outcome, "none of", ("none", LedgerOutcome.FAILED.value)),)


def _held(snapshot: Snapshot, row: SearchResult) -> Mapping[str, str]:
    """Return the torrents in the client, by info-hash, that are this one by the ledger or by name."""
    hashes = {entry.info_hash for entry in snapshot.ledger or () if entry.id == row.id}
    title = normal_name(row.title)
    return {
        one.hash: one.name
        for one in snapshot.torrents or ()
        if one.hash in hashes or (title and normal_name(one.name) == title)
    }


def _flips(
    snapshot: Snapshot, policy: Policy, row: SearchResult, rules: tuple[Rule, ...], decision: Decision
) -> Iterator[Flip]:
    now: Found = (decision.decision, decision.reason)

    def outlook(seen: Snapshot) -> Found:
        return found_about(plan_grab(seen, policy), str(row.id))

    # Of facts that contradict each other the more modest count, so that more of one of them says nothing.
    demand = () if _contradicted(snapshot, row) else _demand(snapshot, row, rules, decision)
    changes = chain(demand, _room(snapshot, policy, row, rules, decision))
    yield from chain.from_iterable(flips_by(change, outlook, now) for change in changes)
    if decision.reason is Reason.NOT_FREELEECH:
        freed = _with_row(snapshot, row.id, personal_freeleech=True)
        yield from flip_to("personal_freeleech", _YES, outlook(freed), now, "by a wedge, or once it is freeleech")
    if decision.reason is Reason.ALREADY_IN_CLIENT:
        held = tuple(_held(snapshot, row))
        without = evolve(snapshot, torrents=[one for one in snapshot.torrents or () if one.hash not in held])
        yield from flip_to("torrents_removed", held, outlook(without), now)


def _demand(snapshot: Snapshot, row: SearchResult, rules: tuple[Rule, ...], decision: Decision) -> Iterator[Change]:
    """Yield how the swarm may change: for the better where the result was rejected, else for the worse."""
    rejected = decision.decision is Verdict.REJECT
    for kind, figure, wanted in (("leechers", row.leechers, 1), ("seeders", row.seeders, -1)):
        # Far enough for any rank; the least is found between.
        far = [1, 10, 100, 1000, 10_000, figure] if decision.reason in _RANKED else []
        amounts = [*crossings(rules, kind), *far, *(-amount for amount in far)]
        more = (wanted > 0) is rejected
        yield Change(
            kind=kind,
            apply=lambda amount, kind=kind, figure=figure: _with_row(  # type: ignore[misc]
                snapshot, row.id, **{kind: figure + amount}
            ),
            amounts=upwards(amounts) if more else downwards(amounts, figure),
            start=figure,
        )


_RANKED = frozenset({Reason.SELECTED, Reason.NOT_SELECTED, Reason.OVER_BUDGET})


def _room(
    snapshot: Snapshot, policy: Policy, row: SearchResult, rules: tuple[Rule, ...], decision: Decision
) -> Iterator[Change]:
    """Yield how the ledger's bar may end, and how the room may grow."""
    if decision.reason is Reason.ALREADY_GRABBED:
        yield Change(
            kind="time_seconds",
            apply=lambda amount: later(snapshot, amount),
            amounts=upwards(crossings(rules, "ended_seconds")),
        )
    if decision.decision is not Verdict.REJECT or decision.reason not in _RANKED:
        return
    free, profile = snapshot.free_space_bytes, snapshot.profile
    assert free is not None  # the job is skipped without it
    yield Change(
        kind="free_space_bytes",
        apply=lambda amount: evolve(snapshot, free_space_bytes=free + amount),
        amounts=[row.size_bytes, row.size_bytes * (policy.grab.per_run + 1)],
        start=free,
    )
    if profile is not None and profile.unsat_count is not None:
        count = profile.unsat_count
        yield Change(
            kind="unsat_count",
            apply=lambda amount: evolve(snapshot, profile=evolve(profile, unsat_count=count + amount)),
            amounts=downwards([-1, -policy.grab.per_run, -count], count),
            start=count,
        )


def _with_row(snapshot: Snapshot, identity: int, **facts: Any) -> Snapshot:
    def changed(page: SearchPage) -> SearchPage:
        rows = (evolve(one, **facts) if one.id == identity else one for one in page.results)
        return evolve(page, results=tuple(rows))

    return evolve(snapshot, searches=tuple(map(changed, snapshot.searches or ())))


def _depends(plan: Plan, snapshot: Snapshot, policy: Policy, row: SearchResult, reason: Reason) -> Iterator[str]:
    if _contradicted(snapshot, row):
        yield "the site, which tells two things of it; the more modest is believed"
    picks = _picks(plan)
    if reason is Reason.NOT_SELECTED and needs_wedge(row) and picks and not any(pick.use_wedge for pick in picks):
        yield "the others: a wedge is spent only where what is free leaves a place"
    elif reason is Reason.NOT_SELECTED and picks:
        last = min(picks, key=_rank_of)
        above, own = last.score, score(row, policy.grab)
        yield f"the others: it needs a score above {above:g}, that of the last pick ({last.id}); its own is {own:g}"
    elif reason is Reason.NOT_SELECTED:
        yield "the room in the category, and the policy's per_run"
    elif reason in _RANKED:
        yield "the others, which share the places, the disk and the unsatisfied headroom"
    if reason is Reason.ALREADY_SNATCHED:
        yield "the site, which says that the account has it; that does not change"


def _size(parts: Iterable[object] | None) -> int | None:
    return None if parts is None else len(tuple(parts))
