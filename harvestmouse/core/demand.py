"""What picks uploaded, by what was known when they were taken, and which figures of the policy that supports moving.

Nothing here changes a policy. A figure is suggested only where the picks of the older half say so, and those of the
newer half, which had no part in choosing it, say so again.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import combinations
from math import fsum, isfinite
from typing import Any

from attrs import Factory, define, evolve, field, frozen

from harvestmouse.core.compare import CEILINGS, FLOORS, SCORE_STEPS, History, Run, Sight, by_steps
from harvestmouse.core.estimate import Estimate, difference_of, mean_of
from harvestmouse.core.model import SearchResult
from harvestmouse.core.policy import SITE_SEED_TIME_SECONDS, GrabPolicy
from harvestmouse.core.sift import score
from harvestmouse.core.units import DAY, MIB

# A pick is measured over its first days. They are as long as the site's seed time: nothing that was ever whole is
# deleted earlier, so that all picks have the same time to show what they are worth.
WINDOW_SECONDS = SITE_SEED_TIME_SECONDS
# So many picks on either side of a bound, in either half.
LEAST_PICKS = 20
# The ranking is looked at within so many picks that were taken one after the other, so that a change of demand with
# time is no difference between them.
BLOCK = 20
# Kendall's tau has to rise by so much: one pair in forty more that is ranked rightly.
LEAST_GAIN = 0.05

# What a bound leaves out has to be worth so many times less. A lowest tenth is nearly always a little worse than the
# rest: without this, each look would narrow the bound once more.
_TIMES = 2

# Candidates for a bound leave out these tenths of the older picks; for the ranking, these points off for a seeder where
# a leecher counts one.
_TENTHS = (1, 2, 3, 4, 5)
_RATIOS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_BOUNDED = {
    "leecher_floor": "leechers",
    "seeder_ceiling": "seeders",
    "min_size": "size_bytes",
    "max_size": "size_bytes",
}
# Figures that only mean something together: a suggestion of one names the other too.
_TOGETHER = (("min_size", "max_size"), ("leecher_weight", "seeder_weight"))


@frozen(kw_only=True)
class Pick:
    """Something that was really added, and what came of it.

    Attributes:
        at: When, in unix seconds.
        result: As the search showed it then.
        score: That of the recorded plan.
        age_seconds: How long the site had had it; ``None`` where the search did not tell.
        per_gib: Upload over the first `WINDOW_SECONDS`, bytes for a GiB of its size a day.
        per_torrent: The same, bytes a day.
    """

    at: int
    result: SearchResult
    score: float
    age_seconds: int | None = None
    per_gib: float
    per_torrent: float


@frozen(kw_only=True)
class Fates:
    """How many picks there are, and of how many it can be told what they uploaded.

    Attributes:
        added: All that were really added.
        measured: Those that can be told.
        gone: Those of them that left the client within `WINDOW_SECONDS`, and uploaded nothing more.
        young: Those whose time was not over when the history ended.
        unseen: The rest: the ledger names no torrent, or the recordings show it too seldom.
    """

    added: int
    measured: int
    gone: int
    young: int
    unseen: int


@frozen(kw_only=True)
class Worth:
    """What some picks uploaded on average, in bytes a day: for a GiB of their size, and for a torrent."""

    per_gib: Estimate
    per_torrent: Estimate

    def is_far_below(self, other: "Worth") -> bool:
        """Whether it is less than half of the other, by GiB and by torrent, intervals and all."""
        return _is_under_half(self.per_gib, other.per_gib) and _is_under_half(self.per_torrent, other.per_torrent)


def _is_under_half(one: Estimate, other: Estimate) -> bool:
    return one.high is not None and other.low is not None and one.high * _TIMES < other.low


@frozen(kw_only=True)
class Bucket:
    """Picks that are alike: from *low* on, and below *high*; ``None`` is no limit."""

    low: float | None
    high: float | None
    worth: Worth


class Verdict(StrEnum):
    """What the data says of a figure of the policy."""

    MOVE = "move"
    NO_DIFFERENCE = "no_difference"
    TOO_FEW = "too_few"


@frozen(kw_only=True)
class Bound:
    """What is known of one of the policy's bounds.

    Attributes:
        key: Its name in the section ``grab``.
        today: Its value, in bytes where it is a size.
        suggested: A narrower one, where *verdict* is to move it.
        tried: The values for which both sides have enough picks.
        outside: Picks that today's bound would refuse, which another policy took.
        left_out: Picks that the suggested bound would leave out, and *kept* the others.
        share: Share of all upload that came from those left out.
    """

    key: str
    today: int
    verdict: Verdict
    suggested: int | None = None
    tried: tuple[int, ...] = ()
    outside: Worth
    left_out: Worth | None = None
    kept: Worth | None = None
    share: float | None = None


@frozen(kw_only=True)
class Ranking:
    """Whether the score puts first what uploads most, by Kendall's tau: 1 always, 0 as often as not, -1 never.

    Attributes:
        today: Tau under today's weights, of all picks.
        leecher_weight: Of the ranking that was best in the older half, as is *seeder_weight*.
        older_gain: By how much its tau is larger than today's in the older half, which it was chosen for.
        newer_gain: The same in the newer half, which is the test.
    """

    verdict: Verdict
    today: Estimate
    leecher_weight: float
    seeder_weight: float
    older_gain: Estimate
    newer_gain: Estimate


@frozen(kw_only=True)
class Findings:
    """What picks tell.

    Attributes:
        all: All of them.
        features: By what was known of them.
        inside: How many would pass today's bounds; the bounds and the ranking are judged by those.
        left_out: How many of these the suggested bounds together would leave out.
        share: Share of their upload that came from those.
        suggested: The figures to change, by their names in the section ``grab``; figures that only mean something
            together are all there.
    """

    all: Worth
    features: Mapping[str, tuple[Bucket, ...]]
    inside: int
    bounds: tuple[Bound, ...]
    ranking: Ranking
    left_out: int
    share: float | None
    suggested: Mapping[str, Any]


@frozen(kw_only=True)
class Demand:
    """What a history tells of demand.

    Attributes:
        first_at: Unix seconds, as is *last_at*; ``None`` without any run.
        runs: How many runs there were, by job.
    """

    first_at: int | None
    last_at: int | None
    runs: Mapping[str, int]
    fates: Fates
    findings: Findings


def learn(history: Iterable[Run], policy: GrabPolicy) -> Demand:
    """Set what every pick of a history uploaded against what was known of it.

    Args:
        history: In the order of time; one run is held at a time.
        policy: Today's.
    """
    followed = _Followed()
    for run in history:
        followed.add(run)
    picks, fates = followed.measured()
    seen = followed.history
    return Demand(
        first_at=seen.first_at, last_at=seen.last_at, runs=dict(seen.runs), fates=fates, findings=judge(picks, policy)
    )


def judge(picks: Iterable[Pick], policy: GrabPolicy) -> Findings:
    """Say what picks tell, in whatever order they come."""
    measured = sorted(picks, key=lambda one: (one.at, one.result.id))
    inside = [one for one in measured if all(_admits(key, getattr(policy, key), one) for key in _BOUNDED)]
    bounds = tuple(_bound(key, measured, inside, policy) for key in _BOUNDED)
    ranking = _ranking(inside, policy)
    suggested: dict[str, Any] = {one.key: one.suggested for one in bounds if one.suggested is not None}
    left_out = [one for one in inside if not all(_admits(key, value, one) for key, value in suggested.items())]
    if ranking.verdict is Verdict.MOVE:
        suggested |= {"leecher_weight": ranking.leecher_weight, "seeder_weight": ranking.seeder_weight}
    for pair in _TOGETHER:
        if not suggested.keys().isdisjoint(pair):
            suggested = {key: getattr(policy, key) for key in pair} | suggested
    return Findings(
        all=_worth(measured),
        features={name: _buckets(name, measured) for name in _FEATURES},
        inside=len(inside),
        bounds=bounds,
        ranking=ranking,
        left_out=len(left_out),
        share=_share(left_out, inside),
        suggested=suggested,
    )


@frozen
class _Added:
    """A pick, before anything is known of what came of it."""

    at: int
    id: int
    result: SearchResult | None
    score: float
    since: int | None


@define
class _Followed:
    """Picks, and what later runs show of them."""

    history: History = field(factory=lambda: History(within=WINDOW_SECONDS))
    added: list[_Added] = Factory(list)
    listings: list[int] = Factory(list)
    last_seen: dict[tuple[str, int | None], int] = Factory(dict)

    def add(self, run: Run) -> None:
        self.history.add(run)
        at, torrents = run.snapshot.taken_at, run.snapshot.torrents
        if torrents is not None:
            self.listings.append(at)
            self.last_seen.update(((one.hash, one.added_on), at) for one in torrents)
        shown = {one.id: one for page in run.snapshot.searches or () for one in page.results} if run.added else {}
        for id_, since in run.added.items():
            self.added.append(_Added(at, id_, shown.get(id_), run.scores.get(id_, 0.0), since))

    def measured(self) -> tuple[list[Pick], Fates]:
        tries: dict[int, list[Sight]] = {}
        for sight in self.history.sights.values():
            tries.setdefault(self.history.ids.get(sight.hash, -1), []).append(sight)
        ends = [(one, *self._end(one, tries.get(one.id, ()))) for one in self.added]
        picks = [_pick(one, one.result, *end) for one, _, end in ends if one.result is not None and end is not None]
        fates = [fate for _, fate, _ in ends]
        return picks, Fates(
            added=len(fates),
            measured=len(picks),
            gone=fates.count("gone"),
            young=fates.count("young"),
            unseen=fates.count("unseen"),
        )

    def _end(self, added: _Added, tries: Iterable[Sight]) -> tuple[str, tuple[Sight, int] | None]:
        """Return what became of a pick, and where it is known, its last sight and for how many seconds that stands."""
        last = self.listings[-1] if self.listings else 0
        # The client has its own clock, and a torrent that was added by hand at another time is no pick.
        near = [one for one in tries if abs(one.added_on - added.at) <= DAY]
        if not near:
            return ("young" if last < added.at + WINDOW_SECONDS else "unseen"), None
        sight = min(near, key=lambda one: (abs(one.added_on - added.at), one.added_on))
        end = sight.added_on + WINDOW_SECONDS
        if last < end:
            # Were those that are gone already counted, the newest picks would look worse than they are.
            return "young", None
        missed = bisect_right(self.listings, self.last_seen[sight.hash, sight.added_on])
        if added.result is None:
            return "unseen", None
        if missed < len(self.listings) and self.listings[missed] <= end:
            return "gone", (sight, WINDOW_SECONDS)
        return ("seen", (sight, sight.age)) if sight.age >= DAY else ("unseen", None)


def _pick(added: _Added, result: SearchResult, sight: Sight, seconds: int) -> Pick:
    return Pick(
        at=added.at,
        result=result,
        score=added.score,
        age_seconds=None if added.since is None else max(0, added.at - added.since),
        per_gib=sight.per_gib(seconds),
        per_torrent=sight.uploaded_bytes * DAY / seconds,
    )


def _worth(picks: Sequence[Pick]) -> Worth:
    return Worth(per_gib=mean_of(one.per_gib for one in picks), per_torrent=mean_of(one.per_torrent for one in picks))


def _share(part: Iterable[Pick], whole: Iterable[Pick]) -> float | None:
    total = fsum(one.per_torrent for one in whole)
    return fsum(one.per_torrent for one in part) / total if total else None


_FEATURES: Mapping[str, Callable[[Pick], float | None]] = {
    "leechers": lambda one: one.result.leechers,
    "seeders": lambda one: one.result.seeders,
    "leechers_per_seeder": lambda one: one.result.leechers / max(1, one.result.seeders),
    "size_bytes": lambda one: one.result.size_bytes,
    "score": lambda one: one.score,
    "free_by_wedge": lambda one: one.result.free_by_wedge,
    "age_seconds": lambda one: one.age_seconds,
}


def _buckets(name: str, picks: Iterable[Pick]) -> tuple[Bucket, ...]:
    """Return picks by one feature: quarters of them, but the score by the steps that comparisons have too."""
    known = [(value, one) for one in picks if (value := _FEATURES[name](one)) is not None]
    steps: Sequence[float] = SCORE_STEPS if name == "score" else _quarters(value for value, _ in known)
    if name == "free_by_wedge":
        steps = (1,)
    per_gib = by_steps(((value, one.per_gib) for value, one in known), steps)
    per_torrent = by_steps(((value, one.per_torrent) for value, one in known), steps)
    rows = zip((None, *steps), (*steps, None), per_gib, per_torrent, strict=True)
    return tuple(
        Bucket(low=low, high=high, worth=Worth(per_gib=one, per_torrent=two))
        for low, high, one, two in rows
        if one.count
    )


def _quarters(values: Iterable[float]) -> list[float]:
    ordered = sorted(values)
    return sorted({ordered[len(ordered) * part // 4] for part in (1, 2, 3)} - {ordered[0]}) if ordered else []


def _admits(key: str, value: int, pick: Pick) -> bool:
    figure: int = getattr(pick.result, _BOUNDED[key])
    return figure <= value if key in CEILINGS else figure >= value


def _halves(picks: Sequence[Pick]) -> tuple[Sequence[Pick], Sequence[Pick]]:
    middle = len(picks) // 2
    return picks[:middle], picks[middle:]


def _split(key: str, value: int, picks: Iterable[Pick]) -> tuple[list[Pick], list[Pick]]:
    """Return the picks that a bound leaves out, and those that it keeps."""
    sides: tuple[list[Pick], list[Pick]] = ([], [])
    for one in picks:
        sides[_admits(key, value, one)].append(one)
    return sides


def _bound(key: str, measured: Iterable[Pick], inside: Sequence[Pick], policy: GrabPolicy) -> Bound:
    """Judge one bound: the gentlest move that both halves support is suggested.

    A bound is only ever moved inwards. What a wider one would let in was hardly ever taken, and where it was, because
    its score was high for something else.
    """
    today: int = getattr(policy, key)
    bound = Bound(key=key, today=today, verdict=Verdict.TOO_FEW, outside=_worth(_split(key, today, measured)[0]))
    older, newer = _halves(inside)
    for value in _narrower(key, older):
        splits = [_split(key, value, half) for half in (older, newer)]
        if any(len(side) < LEAST_PICKS for split in splits for side in split):
            continue
        bound = evolve(bound, verdict=Verdict.NO_DIFFERENCE, tried=(*bound.tried, value))
        if all(_worth(left_out).is_far_below(_worth(kept)) for left_out, kept in splits):
            left_out, kept = _split(key, value, inside)
            return evolve(
                bound,
                verdict=Verdict.MOVE,
                suggested=value,
                left_out=_worth(left_out),
                kept=_worth(kept),
                share=_share(left_out, inside),
            )
    return bound


def _narrower(key: str, picks: Iterable[Pick]) -> list[int]:
    """Return narrower bounds than let these picks in, the one that leaves out least first; sizes are whole MiB.

    Each is as wide as it can be for what it leaves out: of values between two picks nothing is known.
    """
    values: list[int] = sorted(getattr(one.result, _BOUNDED[key]) for one in picks)
    unit = MIB if key.endswith("_size") else 1
    cuts = [len(values) * tenths // 10 for tenths in _TENTHS] if values else []
    if key in FLOORS:
        ends = [bisect_left(values, values[at]) - 1 for at in cuts]
        return sorted({(values[end] // unit + 1) * unit for end in ends if end >= 0})
    ends = [bisect_right(values, values[-1 - at]) for at in cuts]
    return sorted({(-(-values[end] // unit) - 1) * unit for end in ends if end < len(values)}, reverse=True)


def _ranking(picks: Sequence[Pick], policy: GrabPolicy) -> Ranking:
    """Judge the weights: the ranking that is best in the older half is tested in the newer one."""
    older, newer = _halves(picks)
    one_leecher = policy.leecher_weight or 1.0
    weights = {(one_leecher, value) for ratio in _RATIOS if isfinite(value := float(f"{one_leecher * ratio:.4g}"))}
    policies = [evolve(policy, leecher_weight=one, seeder_weight=two) for one, two in sorted(weights)]
    taus = [(difference_of(_taus(older, other)).value or 0.0, other) for other in policies]
    # Of equals the one with fewer points off for a seeder.
    best = max(taus, key=lambda one: one[0])[1]
    gains = [_gain(half, best, policy) for half in (older, newer)]
    if any(one.low is None for one in gains):
        verdict = Verdict.TOO_FEW
    elif all((one.low or 0.0) > 0 and (one.value or 0.0) >= LEAST_GAIN for one in gains):
        verdict = Verdict.MOVE
    else:
        verdict = Verdict.NO_DIFFERENCE
    return Ranking(
        verdict=verdict,
        today=difference_of(_taus(picks, policy)),
        leecher_weight=best.leecher_weight,
        seeder_weight=best.seeder_weight,
        older_gain=gains[0],
        newer_gain=gains[1],
    )


def _gain(picks: Sequence[Pick], other: GrabPolicy, policy: GrabPolicy) -> Estimate:
    pairs = zip(_taus(picks, other), _taus(picks, policy), strict=True)
    return difference_of(one - two for one, two in pairs)


def _taus(picks: Sequence[Pick], policy: GrabPolicy) -> list[float]:
    """Return Kendall's tau of score and upload for each block; pairs that uploaded the same tell nothing."""
    found = []
    for start in range(0, len(picks) - BLOCK + 1, BLOCK):
        block = [(score(one.result, policy), one.per_gib) for one in picks[start : start + BLOCK]]
        signs = [
            _sign(one[0], two[0]) * _sign(one[1], two[1]) for one, two in combinations(block, 2) if one[1] != two[1]
        ]
        if signs:
            found.append(sum(signs) / len(signs))
    return found


def _sign(one: float, two: float) -> int:
    return (one > two) - (one < two)
