"""What several policies make of the same history, as far as it can tell."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import Any

from attrs import Factory, define, field, fields, frozen

from harvestmouse.core import cleanup, grab, spend
from harvestmouse.core.actions import AddTorrent, BuyUpload, BuyVip, DeleteTorrent
from harvestmouse.core.cycle import with_places_of
from harvestmouse.core.estimate import Estimate, mean_of, share_of
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.model import Snapshot
from harvestmouse.core.plan import Plan, Reason, Verdict
from harvestmouse.core.policy import GrabPolicy, Policy, figures
from harvestmouse.core.units import DAY, GIB

# Picks are put together by their score: from each of these on, up to the next.
SCORE_STEPS = (0, 50, 100, 200)

# What a search asks the site for: figures of the grab policy.
CEILINGS, FLOORS = ("seeder_ceiling", "max_size"), ("leecher_floor", "min_size")

# A plan that is held for one of these says nothing about its policy: the recorded run did not ask, or got no answer.
_NOT_TOLD = frozenset({Reason.PROFILE_UNKNOWN, Reason.CLIENT_UNKNOWN, Reason.LEDGER_UNKNOWN})


@frozen(kw_only=True)
class Run:
    """One run of the history.

    Attributes:
        category: The category it was made for, where it tells.
        bounds: What its searches asked for, as `CEILINGS` and `FLOORS`; where one is not known, it is left out.
        scores: The scores, by id, of what it wanted to add.
        bought: Whether it bought something.
        added: What it really added: by id, when the site had got it in unix seconds, where that is told.
        in_cycle: Whether it was part of a cycle, in which grab may use places that the janitor frees.
    """

    job: str
    snapshot: Snapshot
    category: str | None = None
    bounds: Mapping[str, int] = field(factory=dict)
    scores: Mapping[int, float] = field(factory=dict)
    bought: bool = False
    added: Mapping[int, int | None] = field(factory=dict)
    in_cycle: bool = False


@frozen(kw_only=True)
class Later:
    """What the history shows of torrents after the moment a policy would have deleted them.

    Attributes:
        uploading: Torrents that uploaded more: they would have met a later demand.
        idle: Torrents that were seen again, and had uploaded nothing more.
        unseen: Torrents that were not seen again: of them nothing is known.
        uploaded_bytes: What they uploaded after that moment, together.
        share: Those uploading, of those that were seen again.
    """

    uploading: int
    idle: int
    unseen: int
    uploaded_bytes: int
    share: Estimate


@frozen(kw_only=True)
class Upload:
    """How much picks uploaded, in bytes for a GiB of their size a day.

    Attributes:
        all: Of all that the history took and showed a day or longer.
        by_score: The same by score, from each of `SCORE_STEPS` on; those below the first come first.
    """

    all: Estimate
    by_score: tuple[Estimate, ...]


@frozen(kw_only=True)
class Result:
    """What the history would have been under one policy.

    Attributes:
        name: The policy's name.
        skips: How many runs were skipped, by job and reason.
        incomplete: How many runs lack something that the policy needs, by job.
        narrower: How many searches asked the site for less than the policy would, by the figure that is narrower.
        foreign: How many runs were made for another category than the policy's.
        results: How many search results were looked at; one that was seen twice counts twice.
        rejections: How many of them were refused, by reason.
        picks: How many different results were picked.
        peak_bytes: The most that picks took of the disk at one time, if none of them went but by this policy.
        deletions: How many different torrents were deleted, by the reason that came first.
        freed_bytes: Size of those that held data.
        purchases: How many purchases were wanted; one that goes on being wanted counts once.
        points: Their cost.
    """

    name: str
    skips: Mapping[str, Mapping[str, int]]
    incomplete: Mapping[str, int]
    narrower: Mapping[str, int]
    foreign: int
    results: int
    rejections: Mapping[str, int]
    picks: int
    peak_bytes: int
    deletions: Mapping[str, int]
    freed_bytes: int
    later: Later
    purchases: int
    points: int
    upload: Upload


@frozen(kw_only=True)
class Comparison:
    """The same history under several policies.

    Attributes:
        first_at: Unix seconds, as is *last_at*; ``None`` without any run.
        runs: How many runs there were, by job.
        searches: How many of them had search results.
        differences: The figures in which the policies differ, each by policy.
        upload: The history's own picks, by the scores it gave them.
    """

    first_at: int | None
    last_at: int | None
    runs: Mapping[str, int]
    searches: int
    differences: Mapping[str, Mapping[str, Any]]
    upload: Upload
    results: tuple[Result, ...]


def compare(history: Iterable[Run], policies: Mapping[str, Policy]) -> Comparison:
    """Decide every run of a history again under each policy.

    Args:
        history: In the order of time; one run is held at a time.
        policies: By name.
    """
    seen = History()
    tallies = {name: _Tally(policy) for name, policy in policies.items()}
    for run in history:
        seen.add(run)
        for tally in tallies.values():
            tally.add(run, seen)
    yields = seen.yields()
    return Comparison(
        first_at=seen.first_at,
        last_at=seen.last_at,
        runs=dict(seen.runs),
        searches=seen.searches,
        differences=_differences(policies),
        upload=_upload(yields, seen.scores),
        results=tuple(tally.result(name, seen, yields) for name, tally in tallies.items()),
    )


@frozen
class Sight:
    """A torrent as it was last seen; what was added again starts from nothing, and is another one."""

    at: int
    hash: str
    added_on: int
    uploaded_bytes: int
    size_bytes: int

    @property
    def age(self) -> int:
        """How long it had been in the client, seconds."""
        return self.at - self.added_on

    def per_gib(self, seconds: float) -> float:
        """Return what it uploaded over so many seconds, as bytes for a GiB of its size a day."""
        gib_days: float = self.size_bytes / GIB * (seconds / DAY)
        return self.uploaded_bytes / gib_days


@define
class History:
    """What later runs tell about earlier ones.

    Attributes:
        within: Torrents are looked at until they are so many seconds old; by default for ever.
    """

    within: float = inf
    first_at: int | None = None
    last_at: int | None = None
    runs: Counter[str] = Factory(Counter)
    searches: int = 0
    scores: dict[int, float] = Factory(dict)
    ids: dict[str, int] = Factory(dict)
    sights: dict[tuple[str, int], Sight] = Factory(dict)

    def add(self, run: Run) -> None:
        """Take in the next run."""
        at = run.snapshot.taken_at
        self.first_at = at if self.first_at is None else self.first_at
        self.last_at = at
        self.runs[run.job] += 1
        self.searches += run.job == grab.JOB and run.snapshot.searches is not None
        for id_, score in run.scores.items():
            self.scores.setdefault(id_, score)
        self.ids |= {entry.info_hash: entry.id for entry in run.snapshot.ledger or () if entry.info_hash}
        for one in run.snapshot.torrents or ():
            if one.added_on is not None and one.uploaded_bytes is not None and one.size_bytes:
                sight = Sight(at, one.hash, one.added_on, one.uploaded_bytes, one.size_bytes)
                if sight.age <= self.within:
                    self.sights[one.hash, one.added_on] = sight

    def yields(self) -> dict[int, float]:
        """Return what each id of the ledger uploaded, bytes for a GiB a day; of several tries the longest."""
        longest: dict[int, Sight] = {}
        for sight in self.sights.values():
            id_ = self.ids.get(sight.hash)
            if id_ is not None and (id_ not in longest or sight.age > longest[id_].age):
                longest[id_] = sight
        return {id_: one.per_gib(one.age) for id_, one in longest.items() if one.age >= DAY}


@define
class _Tally:
    """What one policy has decided so far."""

    policy: Policy
    skips: dict[str, Counter[str]] = Factory(dict)
    incomplete: Counter[str] = Factory(Counter)
    narrower: Counter[str] = Factory(Counter)
    foreign: int = 0
    results: int = 0
    rejections: Counter[str] = Factory(Counter)
    picks: dict[int, float] = Factory(dict)
    held: dict[int, int] = Factory(dict)
    peak_bytes: int = 0
    deletions: dict[str, str] = Factory(dict)
    deleted: list[Sight] = Factory(list)
    freed_bytes: int = 0
    purchases: int = 0
    points: int = 0
    wanted: str | None = None

    def add(self, run: Run, seen: History) -> None:
        snapshot = run.snapshot
        if run.in_cycle and run.job == grab.JOB:
            snapshot = with_places_of(JOBS[cleanup.JOB](snapshot, self.policy), snapshot)
        plan = JOBS[run.job](snapshot, self.policy)
        self.foreign += run.category not in (None, self.policy.client.category)
        if not plan.complete and (plan.skip is None or plan.skip.reason in _NOT_TOLD):
            self.incomplete[run.job] += 1
        if plan.skip is not None:
            self.skips.setdefault(run.job, Counter())[plan.skip.reason.value] += 1
        elif run.job == grab.JOB:
            self._grab(plan, run)
        elif run.job == cleanup.JOB:
            self._delete(plan, run.snapshot, seen)
        elif run.job == spend.JOB:
            self._spend(plan)
            # What the history bought is settled: to want the same again is another purchase.
            self.wanted = None if run.bought else self.wanted

    def _grab(self, plan: Plan, run: Run) -> None:
        if run.snapshot.searches is not None:
            self.narrower.update(_narrower(run.bounds, self.policy.grab))
        self.results += len(plan.decisions)
        self.rejections.update(one.reason.value for one in plan.decisions if one.decision is Verdict.REJECT)
        for action in plan.actions:
            if isinstance(action, AddTorrent) and action.id not in self.picks:
                self.picks[action.id] = action.score
                self.held[action.id] = action.size_bytes
        self.peak_bytes = max(self.peak_bytes, sum(self.held.values()))

    def _delete(self, plan: Plan, snapshot: Snapshot, seen: History) -> None:
        torrents = {one.hash: one for one in snapshot.torrents or ()}
        for action in plan.actions:
            if not isinstance(action, DeleteTorrent) or action.hash in self.deletions:
                continue
            one = torrents[action.hash]
            self.deletions[one.hash] = str(action.reason)
            self.freed_bytes += one.size_bytes or 0 if one.holds_data else 0
            self.held.pop(seen.ids.get(one.hash, -1), None)
            at = snapshot.taken_at
            self.deleted.append(Sight(at, one.hash, one.added_on or 0, one.uploaded_bytes or 0, one.size_bytes or 0))

    def _spend(self, plan: Plan) -> None:
        buy = next((one for one in plan.actions if isinstance(one, BuyUpload | BuyVip)), None)
        if buy is not None and buy.kind != self.wanted:
            self.purchases += 1
            self.points += buy.cost_bp
        self.wanted = None if buy is None else buy.kind

    def result(self, name: str, seen: History, yields: Mapping[int, float]) -> Result:
        return Result(
            name=name,
            skips=self.skips,
            incomplete=self.incomplete,
            narrower=self.narrower,
            foreign=self.foreign,
            results=self.results,
            rejections=self.rejections,
            picks=len(self.picks),
            peak_bytes=self.peak_bytes,
            deletions=Counter(self.deletions.values()),
            freed_bytes=self.freed_bytes,
            later=_later(self.deleted, seen),
            purchases=self.purchases,
            points=self.points,
            upload=_upload(yields, self.picks),
        )


def _narrower(bounds: Mapping[str, int], policy: GrabPolicy) -> Iterable[str]:
    """Yield the bounds of a recorded search which kept results from being seen that the policy would take."""
    for key, bound in bounds.items():
        wanted = getattr(policy, key)
        if (wanted > bound) if key in CEILINGS else (wanted < bound):
            yield key


def _later(deleted: Iterable[Sight], seen: History) -> Later:
    gains, unseen = [], 0
    for one in deleted:
        last = seen.sights.get((one.hash, one.added_on))
        if last is None or last.at <= one.at:
            unseen += 1
        else:
            gains.append(max(0, last.uploaded_bytes - one.uploaded_bytes))
    uploading = sum(gain > 0 for gain in gains)
    return Later(
        uploading=uploading,
        idle=len(gains) - uploading,
        unseen=unseen,
        uploaded_bytes=sum(gains),
        share=share_of(uploading, len(gains)),
    )


def _upload(yields: Mapping[int, float], scores: Mapping[int, float]) -> Upload:
    known = [(scores[id_], yields[id_]) for id_ in scores if id_ in yields]
    return Upload(all=mean_of(value for _, value in known), by_score=by_steps(known, SCORE_STEPS))


def by_steps(pairs: Iterable[tuple[float, float]], steps: Sequence[float]) -> tuple[Estimate, ...]:
    """Return the mean of the second figures where the first is below all *steps*, and from each of them on."""
    found: list[list[float]] = [[] for _ in range(len(steps) + 1)]
    for first, second in pairs:
        found[sum(first >= step for step in steps)].append(second)
    return tuple(mean_of(values) for values in found)


def _differences(policies: Mapping[str, Policy]) -> dict[str, dict[str, Any]]:
    """Return the figures in which the policies differ, each by policy, under the names of the configuration."""
    rows: dict[str, dict[str, Any]] = {}
    for name, policy in policies.items():
        for section in (attribute.name for attribute in fields(Policy)):
            title = "qbittorrent" if section == "client" else section
            for key, value in figures(getattr(policy, section)).items():
                rows.setdefault(f"{title}.{key}", {})[name] = value
    return {key: row for key, row in rows.items() if any(value != next(iter(row.values())) for value in row.values())}
