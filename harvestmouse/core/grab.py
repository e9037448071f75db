"""Whether to grab at all, what to ask the site for, and which results to take."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import Any

from attrs import astuple, evolve, frozen

from harvestmouse.core.actions import AddTorrent
from harvestmouse.core.model import (
    AccountClass,
    LedgerEntry,
    LedgerOutcome,
    SearchPage,
    SearchResult,
    Snapshot,
)
from harvestmouse.core.plan import Decision, Plan, Reason, Skip, Verdict
from harvestmouse.core.policy import GrabPolicy, Policy, figures
from harvestmouse.core.units import format_size, format_span

JOB = "grab"

# The site's unsatisfied count trails real snatches; own grabs of the last half hour are added to it.
UNSAT_LAG_SECONDS = 1800
PAGE_ROWS = 100
_MIB = 1 << 20
# One rule that refuses nine in ten of at least so many results is worth a hint.
_HINT_SHARE, _HINT_LEAST = 0.9, 10


@frozen(kw_only=True)
class Query:
    """One search request: the site filters and sorts, so that no page is wasted.

    Attributes:
        search_type: ``fl`` (freeleech) or ``fl-VIP`` (freeleech or VIP).
        min_size: Bytes.
        max_size: Bytes.
        start: Rows to skip.
    """

    search_type: str
    min_size: int
    max_size: int
    min_leechers: int
    max_seeders: int
    start: int = 0
    rows: int = PAGE_ROWS

    def body(self) -> dict[str, object]:
        """Return the request's JSON form, as ``loadSearchJSONbasic.php`` documents it."""
        return {
            "perpage": self.rows,
            "tor": {
                "searchType": self.search_type,
                "searchIn": "torrents",
                "cat": ["0"],
                # Whole MiB, rounded outwards; the size band itself is held by the decision.
                "minSize": self.min_size // _MIB,
                "maxSize": -(-self.max_size // _MIB),
                "unit": _MIB,
                "minLeechers": self.min_leechers,
                "maxSeeders": self.max_seeders,
                "sortType": "leechersDesc",
                "startNumber": self.start,
            },
        }


@frozen(kw_only=True)
class _Room:
    """How much a run may add: torrents, unsatisfied slots, bytes."""

    picks: int
    unsat: float
    bytes: int


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
    rejected, candidates = _sift(snapshot, policy)
    ranked = sorted(candidates, key=lambda one: (score(one, policy.grab), one.id), reverse=True)
    decisions, picks = _choose(ranked, _room(snapshot, policy), policy.grab)
    decisions = sorted([*decisions, *rejected], key=_subject_order)
    return evolve(
        plan,
        actions=tuple(_action(one, policy) for one in picks),
        decisions=tuple(decisions),
        advice=tuple(_advice(snapshot, decisions, policy.grab)),
    )


def profile_guard(snapshot: Snapshot, policy: Policy) -> Skip | None:
    """Return why the profile alone forbids to grab, before any search request is sent."""
    profile, grab = snapshot.profile, policy.grab
    if profile is None or profile.ratio is None or profile.account_class is None:
        return Skip(reason=Reason.PROFILE_UNKNOWN, detail=_unknown_profile(snapshot))
    name, ratio = profile.account_class.value, profile.ratio
    if profile.account_class is AccountClass.MOUSE:
        return Skip(reason=Reason.MOUSE_CLASS, detail=f"class={name} ratio={ratio:.2f}")
    if ratio < grab.ratio_floor:
        return Skip(reason=Reason.LOW_RATIO, detail=f"ratio {ratio:.4f} is under the floor {grab.ratio_floor}")
    freeze = snapshot.download_freeze_until
    if freeze is not None and freeze > snapshot.taken_at:
        detail = f"the site refuses downloads for another {format_span(freeze - snapshot.taken_at)}"
        return Skip(reason=Reason.DOWNLOAD_FREEZE, detail=detail)
    used, limit = _unsat_used(snapshot), profile.unsat_limit
    if used is not None and limit is not None and used >= _unsat_ceiling(snapshot, limit, grab):
        detail = f"{used} of {limit} unsatisfied, {grab.unsat_reserve} kept in reserve"
        return Skip(reason=Reason.UNSATISFIED_LIMIT, detail=detail)
    if grab.require_unsat and (used is None or limit is None):
        detail = "the profile does not tell the unsatisfied count and limit, and require_unsat is on"
        return Skip(reason=Reason.UNSATISFIED_UNKNOWN, detail=detail)
    if grab.hold_on_hit_and_run and profile.hit_and_run_count != 0:
        detail = f"{profile.hit_and_run_count} hit-and-runs on the account"
        return Skip(reason=Reason.HIT_AND_RUN, detail=detail)
    return None


def guard(snapshot: Snapshot, policy: Policy) -> Skip | None:
    """Return why nothing may be grabbed; the first guard that holds, in the order of the design, section 5.1."""
    skip = profile_guard(snapshot, policy)
    if skip is not None:
        return skip
    held, free = len(snapshot.managed(policy.client.category)), snapshot.free_space_bytes
    if held >= policy.grab.max_torrents:
        return Skip(reason=Reason.CLIENT_FULL, detail=f"{held} torrents, at most {policy.grab.max_torrents}")
    if free is not None and free <= policy.grab.disk_reserve:
        detail = f"{format_size(free)} free, {format_size(policy.grab.disk_reserve)} kept in reserve"
        return Skip(reason=Reason.DISK_LOW, detail=detail)
    if snapshot.torrents is None or free is None:
        missing = "torrent list" if snapshot.torrents is None else "free space"
        return Skip(reason=Reason.CLIENT_UNKNOWN, detail=f"the client's {missing} is missing")
    if snapshot.ledger is None:
        return Skip(reason=Reason.LEDGER_UNKNOWN, detail="what was grabbed before is unknown; none is an empty list")
    return None


def next_query(snapshot: Snapshot, policy: Policy) -> Query | None:
    """Return the next search to make, or ``None`` where enough was seen.

    Enough was seen when the pages are used up, the site has no more, or no unseen result could be
    picked any more: results come by demand, so the last page's demand bounds what follows.
    """
    grab, pages = policy.grab, snapshot.searches or ()
    seen = sum(page.row_count for page in pages)
    account_class = None if snapshot.profile is None else snapshot.profile.account_class
    query = Query(
        search_type="fl-VIP" if account_class is not None and account_class.gets_vip_free else "fl",
        min_size=grab.min_size,
        max_size=grab.max_size,
        min_leechers=grab.leecher_floor,
        max_seeders=grab.seeder_ceiling,
        start=seen,
    )
    if not pages:
        return query
    last = pages[-1]
    if len(pages) >= grab.max_pages or last.row_count == 0 or (last.found is not None and seen >= last.found):
        return None
    return None if _nothing_better_follows(snapshot, policy) else query


def score(result: SearchResult, policy: GrabPolicy) -> float:
    """Score a result: demand raises it, supply lowers it, a wedge adds its bonus."""
    bonus = policy.wedge_bonus if result.free_by_wedge else 0.0
    return result.leechers * policy.leecher_weight - result.seeders * policy.seeder_weight + bonus


def is_barred(entries: Iterable[LedgerEntry], policy: GrabPolicy, now: int) -> bool:
    """Whether the ledger's entries of one id forbid to grab it again; the latest decides."""
    barred = False
    for entry in sorted(entries, key=_when):
        if entry.outcome == LedgerOutcome.NEVER_STARTED and entry.at is not None:
            barred = now < entry.at + policy.regrab_after.total_seconds()
        else:
            barred = entry.outcome != LedgerOutcome.FAILED
    return barred


def _when(entry: LedgerEntry) -> tuple[int, int]:
    # A line without a time is of the old format, and older than all others; within one second an end
    # comes after its beginning, and what bars after what frees.
    order = (LedgerOutcome.ADDING, LedgerOutcome.FAILED, LedgerOutcome.NEVER_STARTED)
    return entry.at or 0, order.index(LedgerOutcome(entry.outcome)) if entry.outcome in order else len(order)


def normal_name(name: str) -> str:
    """Reduce a name to its letters and digits, so that whole names can be compared."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(re.sub(r"[\W_]+", " ", folded).split())


def _unknown_profile(snapshot: Snapshot) -> str:
    if snapshot.profile is None:
        return "the profile is missing"
    if snapshot.profile.account_class is None:
        return f"class {snapshot.profile.class_name!r} is on no rung this version knows"
    return "the profile does not tell uploaded and downloaded bytes"


def _unsat_used(snapshot: Snapshot) -> int | None:
    """Count unsatisfied torrents: the site's figure, and own grabs it cannot know yet."""
    if snapshot.profile is None or snapshot.profile.unsat_count is None:
        return None
    since = snapshot.taken_at - UNSAT_LAG_SECONDS
    recent = {
        entry.id
        for entry in snapshot.ledger or ()
        if entry.outcome in (LedgerOutcome.ADDING, LedgerOutcome.GRABBED) and entry.at is not None and entry.at > since
    }
    return snapshot.profile.unsat_count + len(recent)


def _unsat_ceiling(snapshot: Snapshot, limit: int, policy: GrabPolicy) -> int:
    # After a pause twice the reserve must be free: pausing and resuming at one level flaps.
    return limit - policy.unsat_reserve * (2 if snapshot.unsatisfied_paused else 1)


def _room(snapshot: Snapshot, policy: Policy) -> _Room:
    grab, profile = policy.grab, snapshot.profile
    used = _unsat_used(snapshot)
    limit = None if profile is None else profile.unsat_limit
    slots = grab.max_torrents - len(snapshot.managed(policy.client.category))
    return _Room(
        picks=max(0, min(grab.per_run, slots)),
        unsat=inf if used is None or limit is None else limit - grab.unsat_reserve - used,
        bytes=(snapshot.free_space_bytes or 0) - grab.disk_reserve,
    )


def _sift(snapshot: Snapshot, policy: Policy) -> tuple[list[Decision], list[SearchResult]]:
    """Split what was seen into rejections and candidates, one of them for every id."""
    rejected: dict[str, Decision] = {}
    candidates: dict[int, SearchResult] = {}
    reject = _Rejecter(snapshot, policy)
    for page in snapshot.searches or ():
        for row in page.malformed:
            unread = Decision(row.subject, Verdict.REJECT, Reason.MALFORMED, {"problem": row.problem})
            _keep_first_rule(rejected, unread)
        for result in page.results:
            reason = reject(result)
            if reason is not None:
                _keep_first_rule(rejected, _decision(result, Verdict.REJECT, reason, policy.grab))
            elif result.id not in candidates or _modest(result, policy) < _modest(candidates[result.id], policy):
                candidates[result.id] = result
    # The same id on two pages with different facts: the page that refuses it is believed.
    wanted = [one for one in candidates.values() if str(one.id) not in rejected]
    return list(rejected.values()), wanted


def _modest(result: SearchResult, policy: Policy) -> tuple[Any, ...]:
    """Order rows of one id by what they argue for, the least first; all fields, so that no two differing rows tie."""
    return score(result, policy.grab), *astuple(result)


def _keep_first_rule(rejected: dict[str, Decision], decision: Decision) -> None:
    order = list(Reason)
    other = rejected.get(decision.subject)
    if other is None or _rank(decision, order) < _rank(other, order):
        rejected[decision.subject] = decision


def _rank(decision: Decision, order: Sequence[Reason]) -> tuple[int, str]:
    return order.index(decision.reason), repr(sorted(decision.facts.items()))


class _Rejecter:
    """The rejection rules, with the look-ups they share over a run."""

    def __init__(self, snapshot: Snapshot, policy: Policy) -> None:
        self._policy = policy.grab
        self._now = snapshot.taken_at
        self._account_class = None if snapshot.profile is None else snapshot.profile.account_class
        self._names = {normal_name(torrent.name) for torrent in snapshot.torrents or ()} - {""}
        hashes = {torrent.hash for torrent in snapshot.torrents or ()}
        self._entries: dict[int, list[LedgerEntry]] = {}
        for entry in snapshot.ledger or ():
            self._entries.setdefault(entry.id, []).append(entry)
        self._held_ids = {entry.id for entry in snapshot.ledger or () if entry.info_hash in hashes}

    def __call__(self, result: SearchResult) -> Reason | None:
        """Return the first rule that refuses the result, in the order of the design, section 5.1."""
        policy = self._policy
        rules: Mapping[Reason, bool] = {
            Reason.NOT_FREELEECH: not result.is_free_for(self._account_class),
            Reason.ALREADY_SNATCHED: result.snatched,
            Reason.ALREADY_GRABBED: is_barred(self._entries.get(result.id, ()), policy, self._now),
            Reason.ALREADY_IN_CLIENT: result.id in self._held_ids or normal_name(result.title) in self._names,
            Reason.TOO_SMALL: result.size_bytes < policy.min_size,
            Reason.TOO_LARGE: result.size_bytes > policy.max_size,
            Reason.NO_DEMAND: result.leechers < policy.leecher_floor,
            Reason.OVERSUPPLIED: result.seeders > policy.seeder_ceiling,
        }
        return next((reason for reason, holds in rules.items() if holds), None)


def _choose(
    ranked: Iterable[SearchResult], room: _Room, policy: GrabPolicy
) -> tuple[list[Decision], list[SearchResult]]:
    """Take the best that fit; one too large for the disk budget leaves its place to the next."""
    decisions: list[Decision] = []
    picks: list[SearchResult] = []
    space = room.bytes
    for result in ranked:
        if len(picks) >= room.picks:
            verdict, reason = Verdict.REJECT, Reason.NOT_SELECTED
        elif len(picks) >= room.unsat or result.size_bytes > space:
            verdict, reason = Verdict.REJECT, Reason.OVER_BUDGET
        else:
            verdict, reason = Verdict.PICK, Reason.SELECTED
            picks.append(result)
            space -= result.size_bytes
        decisions.append(_decision(result, verdict, reason, policy))
    return decisions, picks


def _nothing_better_follows(snapshot: Snapshot, policy: Policy) -> bool:
    grab, last = policy.grab, (snapshot.searches or ())[-1]
    if not last.results:
        return False
    bound = min(result.leechers for result in last.results) * grab.leecher_weight + grab.wedge_bonus
    _, candidates = _sift(snapshot, policy)
    room = _room(snapshot, policy)
    sizes = sum(sorted((one.size_bytes for one in candidates), reverse=True)[: room.picks])
    # A tie goes to the newest id, which may be on the next page.
    better = sum(score(one, grab) > bound for one in candidates)
    return better >= room.picks and sizes <= room.bytes


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
    )


def _decision(result: SearchResult, verdict: Verdict, reason: Reason, policy: GrabPolicy) -> Decision:
    facts = {
        "title": result.title,
        "authors": list(result.authors),
        "size_bytes": result.size_bytes,
        "seeders": result.seeders,
        "leechers": result.leechers,
        "free_by_wedge": result.free_by_wedge,
        "vip": result.vip or result.fl_vip,
        "score": score(result, policy),
    }
    return Decision(str(result.id), verdict, reason, facts)


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
        "unsat_used": _unsat_used(snapshot),
        "unsat_limit": None if profile is None else profile.unsat_limit,
        "hit_and_run_count": None if profile is None else profile.hit_and_run_count,
        "managed_torrents": None if managed is None else len(managed),
        "managed_bytes": None if managed is None else sum(torrent.size_bytes or 0 for torrent in managed),
        "free_space_bytes": snapshot.free_space_bytes,
        "pages_seen": None if pages is None else len(pages),
        "results_seen": None if pages is None else sum(page.row_count for page in pages),
        "results_found": _found(pages),
    }


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
        yield (
            f"Only {found} results match the filters sent to the site (seeder_ceiling = {policy.seeder_ceiling}, "
            f"leecher_floor = {policy.leecher_floor}, sizes); the field preset allows 200 seeders."
        )
    profile = snapshot.profile
    if profile is not None and profile.hit_and_run_count:
        yield f"The account has {profile.hit_and_run_count} hit-and-runs: seed those first."
