"""Which of the results that were seen to take, within the room there is."""

from collections import Counter
from collections.abc import Iterable, Sequence
from math import inf

from attrs import evolve

from harvestmouse.core.actions import AddTorrent
from harvestmouse.core.disk import still_to_write
from harvestmouse.core.guards import guard, slots_free_in, unsat_limit, unsat_resume_seconds, unsat_used
from harvestmouse.core.model import SearchPage, SearchResult, Snapshot
from harvestmouse.core.plan import Decision, Plan, Reason, Verdict
from harvestmouse.core.policy import GrabPolicy, Policy, figures
from harvestmouse.core.room import Room, room_for
from harvestmouse.core.search import requests_of
from harvestmouse.core.sift import decide, needs_wedge, rank, score, sift
from harvestmouse.core.units import counted

JOB = "grab"

# One rule that refuses nine in ten of at least so many results is worth a hint.
_HINT_SHARE, _HINT_LEAST = 0.9, 10


def plan_grab(snapshot: Snapshot, policy: Policy) -> Plan:
    """Decide which search results to grab.

    Args:
        snapshot: Needs profile, torrents, free space and searches; uses the ledger.
        policy: Its sections ``client`` and ``grab``.

    Returns:
        A plan with one decision for every search result, unless a guard ends the job.
    """
    plan = Plan(
        job=JOB,
        decided_at=snapshot.taken_at,
        complete=None not in (snapshot.profile, snapshot.searches, snapshot.torrents, snapshot.ledger)
        and snapshot.free_space_bytes is not None,
        figures=_figures(snapshot, policy),
        policy={"category": policy.client.category, **figures(policy.grab)},
    )
    skip = guard(snapshot, policy)
    if skip is not None:
        return evolve(plan, skip=skip)
    rejected, candidates = sift(snapshot, policy)
    ranked = sorted(candidates, key=lambda one: rank(one, policy.grab), reverse=True)
    decisions, picks = _choose(ranked, room_for(snapshot, policy), policy.grab)
    decisions = sorted([*decisions, *rejected], key=_subject_order)
    requests, ended = requests_of(snapshot, policy)
    return evolve(
        plan,
        figures={**plan.figures, "requests": requests, "search_ended": ended},
        actions=tuple(_action(one, policy) for one in picks),
        decisions=tuple(decisions),
        advice=tuple(_advice(snapshot, decisions, policy.grab)),
    )


def _choose(
    ranked: Iterable[SearchResult], room: Room, policy: GrabPolicy
) -> tuple[list[Decision], list[SearchResult]]:
    """Take the best that fit; one too large for the bytes that are left leaves its place to the next."""
    decisions: list[Decision] = []
    picks: list[SearchResult] = []
    space, wedges = room.bytes, room.wedges
    for result in ranked:
        cost = int(needs_wedge(result))
        if len(picks) >= room.picks:
            verdict, reason = Verdict.REJECT, Reason.NOT_SELECTED
        elif len(picks) >= room.unsat or result.size_bytes > space or cost > wedges:
            verdict, reason = Verdict.REJECT, Reason.OVER_BUDGET
        else:
            verdict, reason = Verdict.PICK, Reason.SELECTED
            picks.append(result)
            space -= result.size_bytes
            wedges -= cost
        decisions.append(decide(result, verdict, reason, policy))
    return decisions, picks


def _action(result: SearchResult, policy: Policy) -> AddTorrent:
    return AddTorrent(
        id=result.id,
        title=result.title,
        score=score(result, policy.grab),
        size_bytes=result.size_bytes,
        seeders=result.seeders,
        leechers=result.leechers,
        category=policy.client.category,
        save_path=policy.client.save_path,
        tags=policy.client.tags,
        use_wedge=needs_wedge(result),
    )


def _subject_order(decision: Decision) -> tuple[int, str]:
    return len(decision.subject), decision.subject


def _figures(snapshot: Snapshot, policy: Policy) -> dict[str, object]:
    profile, pages = snapshot.profile, snapshot.searches
    managed = None if snapshot.torrents is None else snapshot.managed(policy.client.category)
    ratio = None if profile is None else profile.ratio
    return {
        # JSON has no infinity: a ratio with nothing downloaded is written as the site does.
        "ratio": "∞" if ratio == inf else ratio,
        "class": None if profile is None else profile.class_name,
        "uploaded_bytes": None if profile is None else profile.uploaded_bytes,
        "downloaded_bytes": None if profile is None else profile.downloaded_bytes,
        "balance_bp": None if profile is None else profile.bonus_points,
        "unsat_count": None if profile is None else profile.unsat_count,
        "unsat_used": unsat_used(snapshot),
        "unsat_limit": unsat_limit(profile),
        "unsat_next_free_seconds": next(iter(slots_free_in(snapshot, policy)), None),
        "unsat_resume_seconds": unsat_resume_seconds(snapshot, policy),
        "hit_and_run_count": None if profile is None else profile.hit_and_run_count,
        "managed_torrents": None if managed is None else len(managed),
        "managed_bytes": None if managed is None else sum(torrent.size_bytes or 0 for torrent in managed),
        "free_space_bytes": snapshot.free_space_bytes,
        "still_to_write_bytes": None if snapshot.torrents is None else _finite(still_to_write(snapshot)),
        "wedges": None if profile is None else profile.wedges,
        "pages_seen": None if pages is None else len(pages),
        "results_seen": None if pages is None else sum(page.row_count for page in pages),
        "results_found": _found(pages),
    }


def _finite(number: float) -> float | None:
    # JSON has no infinity; what nobody can tell is unknown.
    return number if number < inf else None


def _found(pages: Sequence[SearchPage] | None) -> int | None:
    return max((page.found for page in pages or () if page.found is not None), default=None)


_HINTS = {
    Reason.NOT_FREELEECH: "nearly all would cost this account ratio",
    Reason.OVERSUPPLIED: "seeder_ceiling = {0.seeder_ceiling}; the site is well seeded, the field preset has 200",
    Reason.NO_DEMAND: "leecher_floor = {0.leecher_floor}",
    Reason.TOO_SMALL: "min_size is above nearly all of them",
    Reason.TOO_LARGE: "max_size is below nearly all of them",
    Reason.MALFORMED: "the site's answers may have changed their shape",
}


def _advice(snapshot: Snapshot, decisions: Sequence[Decision], policy: GrabPolicy) -> Iterable[str]:
    if snapshot.searches is None:
        yield "The snapshot has no search results, so nothing could be looked at."
    counts = Counter(decision.reason for decision in decisions)
    for reason, hint in _HINTS.items():
        if len(decisions) >= _HINT_LEAST and counts[reason] >= len(decisions) * _HINT_SHARE:
            yield f"{counts[reason]} of {len(decisions)} results were refused as {reason.value}: {hint.format(policy)}."
    found = _found(snapshot.searches)
    if found is not None and found < policy.per_run and counts[Reason.SELECTED] < policy.per_run:
        matched = counted(found, "result matches", "results match")
        yield (
            f"Only {matched} the filters sent to the site (seeder_ceiling = {policy.seeder_ceiling}, "
            f"leecher_floor = {policy.leecher_floor}, sizes); the field preset allows 200 seeders."
        )
    profile = snapshot.profile
    if profile is not None and profile.hit_and_run_count:
        yield f"The account has {counted(profile.hit_and_run_count, 'hit-and-run')}, to be seeded first."
