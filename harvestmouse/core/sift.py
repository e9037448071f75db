"""Which search results are worth having: the rejections, in their order, and the score of the rest."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import astuple

from harvestmouse.core.model import LedgerEntry, LedgerOutcome, SearchResult, Snapshot
from harvestmouse.core.plan import Decision, Reason, Verdict
from harvestmouse.core.policy import GrabPolicy, Policy
from harvestmouse.core.room import wedges_at_hand

_ORDER: Mapping[str, int] = {reason: number for number, reason in enumerate(Reason)}


def sift(snapshot: Snapshot, policy: Policy) -> tuple[list[Decision], list[SearchResult]]:
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
                _keep_first_rule(rejected, decide(result, Verdict.REJECT, reason, policy.grab))
            elif result.id not in candidates or _modest(result, policy) < _modest(candidates[result.id], policy):
                candidates[result.id] = result
    # The same id on two pages with different facts: the page that refuses it is believed.
    wanted = [one for one in candidates.values() if str(one.id) not in rejected]
    return list(rejected.values()), wanted


def _modest(result: SearchResult, policy: Policy) -> tuple[Any, ...]:
    """Order rows of one id by what they argue for, the least first; all fields, so that no two differing rows tie."""
    return score(result, policy.grab), *astuple(result)


def _keep_first_rule(rejected: dict[str, Decision], decision: Decision) -> None:
    other = rejected.get(decision.subject)
    if other is None or _rank(decision) < _rank(other):
        rejected[decision.subject] = decision


def _rank(decision: Decision) -> tuple[int, str]:
    return _ORDER[decision.reason], repr(sorted(decision.facts.items()))


class _Rejecter:
    """The rejection rules, with the look-ups they share over a run."""

    def __init__(self, snapshot: Snapshot, policy: Policy) -> None:
        self._policy = policy.grab
        self._now = snapshot.taken_at
        self._account_class = None if snapshot.profile is None else snapshot.profile.account_class
        self._names = {normal_name(name) for name in snapshot.names} - {""}
        hashes = {torrent.hash for torrent in snapshot.torrents or ()}
        self._entries: dict[int, list[LedgerEntry]] = {}
        for entry in snapshot.ledger or ():
            self._entries.setdefault(entry.id, []).append(entry)
        self._wedges = wedges_at_hand(snapshot, policy.grab) > 0
        rows = (row for page in snapshot.searches or () for row in page.results)
        self._said_free = {row.id for row in rows if not needs_wedge(row)}
        self._held_ids = {entry.id for entry in snapshot.ledger or () if entry.info_hash in hashes}

    def __call__(self, result: SearchResult) -> Reason | None:
        """Return the first rule that refuses the result, in the order of the design, section 5.1."""
        policy = self._policy
        rules: Mapping[Reason, bool] = {
            Reason.NOT_FREELEECH: not (result.is_free_for(self._account_class) or self._may_be_freed(result)),
            Reason.ALREADY_SNATCHED: result.snatched,
            Reason.ALREADY_GRABBED: is_barred(self._entries.get(result.id, ()), policy, self._now),
            Reason.ALREADY_IN_CLIENT: result.id in self._held_ids or normal_name(result.title) in self._names,
            Reason.TOO_SMALL: result.size_bytes < policy.min_size,
            Reason.TOO_LARGE: result.size_bytes > policy.max_size,
            Reason.NO_DEMAND: result.leechers < policy.leecher_floor,
            Reason.OVERSUPPLIED: result.seeders > policy.seeder_ceiling,
        }
        return next((reason for reason, holds in rules.items() if holds), None)

    def _may_be_freed(self, result: SearchResult) -> bool:
        # After an addition that failed the site may have spent a wedge on it already, and not show that yet. And where
        # one page says that it is free and another that it is not, a wedge on it may be lost.
        known = result.id in self._entries or result.id in self._said_free
        return self._wedges and needs_wedge(result) and not known


def needs_wedge(result: SearchResult) -> bool:
    """Whether it is free for nobody in any way, so that a wedge is the one way to take it without cost."""
    return result.takes_wedge and not (result.free_by_wedge or result.vip or result.fl_vip)


def rank(result: SearchResult, policy: GrabPolicy) -> tuple[bool, float, int]:
    """Order results: what is free before what takes a wedge, then by score, and of the same score the newest first."""
    return not needs_wedge(result), score(result, policy), result.id


def score(result: SearchResult, policy: GrabPolicy) -> float:
    """Score a result: demand raises it, supply lowers it, a wedge adds its bonus."""
    bonus = policy.wedge_bonus if result.free_by_wedge else 0.0
    return result.leechers * policy.leecher_weight - result.seeders * policy.seeder_weight + bonus


def is_barred(entries: Iterable[LedgerEntry], policy: GrabPolicy, now: int) -> bool:
    """Whether the ledger's entries of one id forbid to grab it again; the latest decides."""
    entry = latest(entries)
    if entry is None:
        return False
    if entry.outcome == LedgerOutcome.NEVER_STARTED and entry.at is not None:
        return now < entry.at + policy.regrab_after.total_seconds()
    return entry.outcome != LedgerOutcome.FAILED


def latest(entries: Iterable[LedgerEntry]) -> LedgerEntry | None:
    """Return the ledger's last word about one id."""
    return max(reversed(tuple(entries)), key=_when, default=None)


def _when(entry: LedgerEntry) -> tuple[int, int]:
    # A line without a time is of the old format, and older than all others; within one second an end
    # comes after its beginning, and what bars after what frees.
    order = (LedgerOutcome.ADDING, LedgerOutcome.FAILED, LedgerOutcome.NEVER_STARTED)
    return entry.at or 0, order.index(LedgerOutcome(entry.outcome)) if entry.outcome in order else len(order)


def normal_name(name: str) -> str:
    """Reduce a name to its letters and digits, so that whole names can be compared."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(re.sub(r"[\W_]+", " ", folded).split())


def decide(result: SearchResult, verdict: Verdict, reason: Reason, policy: GrabPolicy) -> Decision:
    """Write down what was decided about a result, and from which figures."""
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
