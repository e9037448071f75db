"""How plans change when the world or the policy changes in a way whose effect is known beforehand."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from attrs import Attribute, evolve, fields, fields_dict
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from harvestmouse.core.actions import AddTorrent, BuyUpload, BuyVip
from harvestmouse.core.guarantees import g7
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.model import Snapshot, Torrent
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import Policy
from tests.property import strategies as my
from tests.property.plans import acted_on, due
from tests.support.builders import DAY, HOUR, MIB, NOW, decided, message, torrent

# What stricter means, figure by figure, and the job it speaks to.
LIMITS = {
    "grab.ratio_floor": "higher",
    "grab.per_run": "lower",
    "grab.max_torrents": "lower",
    "grab.unsat_reserve": "higher",
    "grab.require_unsat": "on",
    "grab.hold_on_hit_and_run": "on",
    "grab.wedges": "off",
    "grab.wedges_per_run": "lower",
    "grab.wedge_reserve": "higher",
    "cleanup.max_data_deletions": "lower",
    "cleanup.max_data_share": "lower",
    "cleanup.always_allowed": "lower",
    "cleanup.max_shrink": "lower",
    "spend.overflow": "off",
    "spend.overflow_ahead": "lower",
    "reconcile.force_start": "off",
    "rescue.per_run": "lower",
    "address.register_address": "off",
}
# These decide item by item. What they refuse leaves its place, under a limit, to another item.
RULES = {
    "grab.min_size": "higher",
    "grab.max_size": "lower",
    "grab.leecher_floor": "higher",
    "grab.seeder_ceiling": "lower",
    "grab.disk_reserve": "higher",
    "grab.category_quota": "lower",
    "grab.regrab_after": "higher",
    "cleanup.seed_time": "higher",
    "cleanup.seed_time_margin": "higher",
    "cleanup.recovery_hold": "higher",
    "cleanup.protect_tags": "more",
    "cleanup.never_started_age": "higher",
    "cleanup.stalled_age": "higher",
    "cleanup.keep_partials": "on",
    "cleanup.satisfied_seed_time": "higher",
    "cleanup.satisfied_seeder_floor": "higher",
    "cleanup.graceful_seed_time": "higher",
    "cleanup.zero_demand_age": "higher",
    "rescue.reannounce": "off",
}
# These say how many points may go. What they leave can pay for something smaller.
PURSE = {"spend.reserve": "higher", "spend.target_ratio": "lower", "spend.vip": "off"}
NO_DIRECTION = {
    "client.category": "names what is managed",
    "client.save_path": "names a place",
    "client.tags": "names what is added",
    "grab.leecher_weight": "ranks: what sinks lets another rise",
    "grab.seeder_weight": "ranks: what sinks lets another rise",
    "grab.wedge_bonus": "ranks: what sinks lets another rise",
    "grab.strategy": "says what is asked of the site first; no decision reads it",
    "grab.max_pages": "bounds what is asked of the site; no plan reads it",
    "cleanup.recovery_tag": "names what is held",
    "spend.price_per_gib": "is the site's price, not a wish",
    "spend.tiers": "without the smallest tier that covers the need, a larger one is bought",
    "reconcile.queueing_enabled": "is a wish: another value is as much an action",
    "reconcile.max_active_downloads": "is a wish: another value is as much an action",
    "reconcile.max_active_uploads": "is a wish: another value is as much an action",
    "reconcile.max_active_torrents": "is a wish: another value is as much an action",
    "reconcile.dont_count_slow_torrents": "is a wish: another value is as much an action",
    "cleanup.tracker_clock": "is for the record that a run leaves; no plan reads it",
    "cleanup.tracker_gap": "is for the record that a run leaves; no plan reads it",
    "cleanup.trust_unseen": "is for the record that a run leaves; no plan reads it",
    "rescue.deadline": "ranks: what is less urgent lets another come first",
    "monitor.labels": "names what is counted; nothing is acted on",
}
DIRECTIONS = LIMITS | RULES | PURSE
JOB_OF = {
    "grab": "grab",
    "cleanup": "janitor",
    "spend": "spend",
    "reconcile": "reconcile",
    "rescue": "rescue",
    "address": "address",
}
# Figures of one job that another job's plan is made from as well.
SHARED = {
    ("cleanup.seed_time", "reconcile"): "what owes needs a slot and is started",
    ("cleanup.seed_time_margin", "reconcile"): "what owes needs a slot and is started",
    ("cleanup.protect_tags", "reconcile"): "what is protected is not started",
    ("grab.ratio_floor", "spend"): "advice names the next threshold",
    ("cleanup.seed_time", "rescue"): "what owes is rescued",
    ("cleanup.seed_time_margin", "rescue"): "what owes is rescued",
    ("cleanup.recovery_hold", "rescue"): "what repairs a hit-and-run is rescued for so long",
    ("cleanup.protect_tags", "rescue"): "what is protected is not touched",
    ("reconcile.force_start", "rescue"): "it is the one switch for starts",
    ("cleanup.seed_time", "monitor"): "what the site calls unsatisfied is counted",
}

_STEPS: Mapping[type, list[Any]] = {
    timedelta: [timedelta(seconds=1), timedelta(days=1), timedelta(days=40)],
    float: [0.1, 0.5, 1000.0],
    int: [1, 3, 100, 100_000],
}
_SIZE_STEPS = [1, 250 * MIB, 900 * MIB]


# There are thirty figures; each has a third of the examples for itself.
a_third = settings(max_examples=settings().max_examples // 3)


def figure(policy: Policy, name: str) -> Any:
    """Return the figure of this name."""
    section, _, key = name.partition(".")
    return getattr(getattr(policy, section), key)


def attribute(name: str) -> "Attribute[Any]":
    """Return what the policy says of a figure."""
    section, _, key = name.partition(".")
    return fields_dict(type(getattr(Policy(), section)))[key]


def changed(policy: Policy, name: str, value: Any) -> Policy:
    """Return the policy with one figure changed."""
    section, _, key = name.partition(".")
    return evolve(policy, **{section: evolve(getattr(policy, section), **{key: value})})


@st.composite
def stricter(draw: st.DrawFn, policy: Policy, name: str) -> Policy:
    """Draw the policy with one figure moved in the direction that means less."""
    before, direction = figure(policy, name), DIRECTIONS[name]
    if direction in ("on", "off"):
        return changed(policy, name, direction == "on")
    if direction == "more":
        return changed(policy, name, (*before, draw(st.sampled_from(["mam", "Recovery", "keep"]))))
    step = draw(st.sampled_from(_SIZE_STEPS if attribute(name).metadata.get("size") else _STEPS[type(before)]))
    after = before + step if direction == "higher" else max(type(before)(0), before - step)
    if name == "grab.category_quota":
        # 0 is no quota at all.
        after = max(1, before - step) if before else step * 4
    if name == "grab.min_size":
        after = min(after, policy.grab.max_size)
    if name == "grab.max_size":
        after = max(after, policy.grab.min_size)
    return changed(policy, name, after)


@st.composite
def tightened(draw: st.DrawFn, name: str) -> tuple[Snapshot, Policy, Policy]:
    """Draw a world of the figure's job, and the policy before and after the figure became stricter."""
    seen, policy = draw(my.WORLDS[job_of(name)])
    return seen, policy, draw(stricter(policy, name))


def job_of(name: str) -> str:
    """Return the job that a figure speaks to."""
    return JOB_OF[name.partition(".")[0]]


def spent(plan: Plan) -> int:
    """Return the points that the plan's purchases cost."""
    return sum(action.cost_bp for action in plan.actions if isinstance(action, BuyUpload | BuyVip))


class TestStricterPolicy:
    """A stricter policy never adds an action."""

    def test_every_figure_has_a_direction_or_a_reason_why_it_has_none(self) -> None:
        """A new figure has to be put into one of the tables, and into one only."""
        names = [
            f"{section.name}.{one.name}"
            for section in fields(Policy)
            for one in fields(type(getattr(Policy(), section.name)))
        ]
        assert sorted([*LIMITS, *RULES, *PURSE, *NO_DIRECTION]) == sorted(names)

    @pytest.mark.parametrize("name", LIMITS)
    @a_third
    @given(st.data())
    def test_a_tighter_limit_only_takes_actions_away(self, name: str, data: st.DataObject) -> None:
        """What is left of the plan was in it before."""
        decide = JOBS[job_of(name)]
        seen, policy, strict = data.draw(tightened(name))
        more, less = decide(seen, policy), decide(seen, strict)
        event("less" if len(less.actions) < len(more.actions) else "the same")
        assert list(g7(less, more)) == []

    @pytest.mark.parametrize("name", RULES)
    @a_third
    @given(st.data())
    def test_a_stricter_rule_makes_nothing_due_that_was_not(self, name: str, data: st.DataObject) -> None:
        """And so adds no action; only a place under a limit goes to the next that was due before."""
        decide = JOBS[job_of(name)]
        seen, policy, strict = data.draw(tightened(name))
        more, less = decide(seen, policy), decide(seen, strict)
        event("less" if due(less) < due(more) else "the same")
        assert due(less) <= due(more)
        assert acted_on(less) <= due(more)
        if due(more) <= acted_on(more):
            event("nothing was held back for room")
            assert list(g7(less, more)) == []

    @pytest.mark.parametrize("name", PURSE)
    @a_third
    @given(st.data())
    def test_a_tighter_purse_spends_no_more(self, name: str, data: st.DataObject) -> None:
        """Where credit is all that points go to: without a deficit they may go to VIP, and without VIP to overflow."""
        seen, policy, strict = data.draw(tightened(name))
        if name != "spend.reserve":
            alone: dict[str, Any] = {"overflow": False} | ({"vip": False} if name == "spend.target_ratio" else {})
            policy, strict = (evolve(one, spend=evolve(one.spend, **alone)) for one in (policy, strict))
        more, less = JOBS["spend"](seen, policy), JOBS["spend"](seen, strict)
        event("less" if spent(less) < spent(more) else "the same")
        assert spent(less) <= spent(more)

    def test_protecting_one_torrent_sends_no_other_away(self) -> None:
        """Three of three that the rule reaches are refused in one breath, which speaks of the account."""
        saying = [torrent(number, messages=(message("unregistered torrent"),)) for number in (1, 2)]
        third = torrent(3, messages=saying[0].messages, tags=frozenset({"keep"}))
        owing = [torrent(number, seeding_time=DAY) for number in range(4, 10)]
        seen = Snapshot(taken_at=NOW, torrents=[*saying, third, *owing])
        strict = changed(Policy(), "cleanup.protect_tags", ("keep",))
        assert list(g7(JOBS["janitor"](seen, strict), JOBS["janitor"](seen, Policy()))) == []

    @given(my.WORLDS["reconcile"], st.data())
    def test_protecting_more_torrents_starts_no_other(
        self, world: tuple[Snapshot, Policy], data: st.DataObject
    ) -> None:
        """Of those that owe; slots are wanted for all of them as before."""
        seen, policy = world
        strict = data.draw(stricter(policy, "cleanup.protect_tags"))
        more, less = JOBS["reconcile"](seen, policy), JOBS["reconcile"](seen, strict)
        event("less" if len(less.actions) < len(more.actions) else "the same")
        assert list(g7(less, more)) == []

    @given(st.data(), my.jobs, st.sampled_from(sorted(DIRECTIONS)))
    def test_a_figure_of_one_job_changes_no_plan_of_another(
        self, data: st.DataObject, world: tuple[str, tuple[Snapshot, Policy]], name: str
    ) -> None:
        """But for the few that are shared."""
        job, (seen, policy) = world
        assume(job_of(name) != job and (name, job) not in SHARED)
        assert JOBS[job](seen, data.draw(stricter(policy, name))) == JOBS[job](seen, policy)


@st.composite
def later(draw: st.DrawFn, one: Torrent, owed: int, elapsed: int) -> Torrent:
    """Draw what may have become of a torrent: it seeded at most as long as time passed, and whatever else."""
    gap = owed - (one.seeding_time or 0)
    seeded = draw(st.sampled_from([0, elapsed, gap - 1, gap, gap + 1]))
    other = draw(my.torrents(0))
    return evolve(
        one,
        seeding_time=(one.seeding_time or 0) + max(0, min(seeded, elapsed)),
        state=other.state,
        downloaded_bytes=other.downloaded_bytes,
        uploaded_bytes=other.uploaded_bytes,
        seeders=other.seeders,
        messages=other.messages,
    )


class TestTimePassing:
    """Time passing never turns a kept `hnr_window` into an earlier deletion."""

    @given(st.data(), my.WORLDS["janitor"], my.near(1, HOUR, DAY, 4 * DAY, 5 * DAY, 60 * DAY))
    def test_what_owed_seed_time_goes_only_after_it_has_seeded_the_rest(
        self, data: st.DataObject, world: tuple[Snapshot, Policy], elapsed: int
    ) -> None:
        """However old it is by then, and whatever its state, demand and tracker."""
        seen, policy = world
        owed = int(policy.cleanup.owed_seconds)
        first = decided(JOBS["janitor"](seen, policy))
        kept = [one for one in seen.torrents or () if first.get(one.hash) == ("keep", "hnr_window")]
        then = [data.draw(later(one, owed, elapsed)) for one in kept]
        plan = JOBS["janitor"](evolve(seen, taken_at=NOW + elapsed, torrents=then, remembered_count=None), policy)
        seeded = {one.hash: one.seeding_time or 0 for one in then}
        event(f"{len(acted_on(plan))} of {len(kept)} gone")
        assert all(seeded[name] >= owed for name in acted_on(plan))

    @given(my.WORLDS["janitor"], st.integers(0, 90 * DAY))
    def test_what_owes_seed_time_stays_while_its_seeding_time_stands_still(
        self, world: tuple[Snapshot, Policy], elapsed: int
    ) -> None:
        """A client that is off, or a torrent that waits in the queue."""
        seen, policy = world
        before = decided(JOBS["janitor"](seen, policy))
        after = decided(JOBS["janitor"](evolve(seen, taken_at=NOW + elapsed), policy))
        owing = {name for name, why in before.items() if why == ("keep", "hnr_window")}
        event(f"{len(owing)} owing")
        assert {name: after.get(name) for name in owing} == dict.fromkeys(owing, ("keep", "hnr_window"))


def larger(row: Any, factor: int, *names: str) -> Any:
    """Return a value with these figures of it multiplied, where they are known."""
    facts = {name: getattr(row, name) for name in names}
    return evolve(row, **{name: None if fact is None else fact * factor for name, fact in facts.items()})


factors = st.sampled_from([2, 4, 1024])


class TestScaling:
    """Scaling sizes and limits together changes nothing."""

    @given(my.WORLDS["grab"], factors)
    def test_larger_torrents_on_a_larger_disk_are_picked_alike(
        self, world: tuple[Snapshot, Policy], factor: int
    ) -> None:
        """Sizes, size band, free space, reserve, upload and download, all by one factor."""
        seen, policy = world
        pages = tuple(
            evolve(page, results=tuple(larger(row, factor, "size_bytes") for row in page.results))
            for page in seen.searches or ()
        )
        account = seen.profile and larger(seen.profile, factor, "uploaded_bytes", "downloaded_bytes")
        held = seen.torrents and [larger(one, factor, "size_bytes", "left_bytes") for one in seen.torrents]
        wide = larger(
            evolve(seen, searches=pages if seen.searches else None, profile=account, torrents=held),
            factor,
            "free_space_bytes",
        )
        # The upper end first: the band must not be empty in between.
        grab = larger(larger(policy.grab, factor, "max_size"), factor, "min_size", "disk_reserve", "category_quota")
        one, other = JOBS["grab"](seen, policy), JOBS["grab"](wide, evolve(policy, grab=grab))
        event(f"{len(one.actions)} picks")
        assert decided(one) == decided(other)
        assert [pick.id for pick in one.actions if isinstance(pick, AddTorrent)] == [
            pick.id for pick in other.actions if isinstance(pick, AddTorrent)
        ]

    @given(my.WORLDS["janitor"], factors)
    def test_larger_torrents_go_and_stay_alike(self, world: tuple[Snapshot, Policy], factor: int) -> None:
        """No rule of the janitor knows a size."""
        seen, policy = world
        names = ("size_bytes", "downloaded_bytes", "uploaded_bytes")
        wide = evolve(seen, torrents=seen.torrents and [larger(one, factor, *names) for one in seen.torrents])
        assert decided(JOBS["janitor"](seen, policy)) == decided(JOBS["janitor"](wide, policy))

    @given(my.WORLDS["janitor"], st.sampled_from([2, 3]))
    def test_slower_clocks_and_longer_spans_go_together(self, world: tuple[Snapshot, Policy], factor: int) -> None:
        """Ages and seeding times against every span of the policy."""
        seen, policy = world
        spans = {one.name: figure(policy, f"cleanup.{one.name}") for one in fields(type(policy.cleanup))}
        slow: dict[str, Any] = {name: span * factor for name, span in spans.items() if isinstance(span, timedelta)}
        aged = [_aged(one, factor) for one in seen.torrents or ()]
        old = evolve(seen, torrents=None if seen.torrents is None else aged)
        patient = evolve(policy, cleanup=evolve(policy.cleanup, **slow))
        plan = JOBS["janitor"](seen, policy)
        event(f"{len(plan.actions)} deletions")
        assert decided(plan) == decided(JOBS["janitor"](old, patient))

    @given(my.WORLDS["spend"], factors)
    def test_dearer_credit_and_more_points_buy_alike(self, world: tuple[Snapshot, Policy], factor: int) -> None:
        """Points, reserve and price; VIP and the cap of the balance are the site's, and do not scale."""
        seen, policy = world
        spend = evolve(policy.spend, vip=False, overflow=False)
        rich = evolve(seen, profile=seen.profile and larger(seen.profile, factor, "bonus_points"))
        dear = evolve(policy, spend=larger(spend, factor, "reserve", "price_per_gib"))
        one, other = JOBS["spend"](seen, evolve(policy, spend=spend)), JOBS["spend"](rich, dear)
        event(f"{len(one.actions)} purchases")
        assert decided(one) == decided(other)
        assert [action.gib for action in one.actions if isinstance(action, BuyUpload)] == [
            action.gib for action in other.actions if isinstance(action, BuyUpload)
        ]


def _aged(one: Torrent, factor: int) -> Torrent:
    slower: Torrent = larger(one, factor, "seeding_time", "tracker_seconds")
    if one.added_on is None or one.added_on <= 0:
        return slower
    return evolve(slower, added_on=NOW - (NOW - one.added_on) * factor)


@st.composite
def strangers(draw: st.DrawFn) -> Torrent:
    """Draw a torrent of another category, with a name and an info-hash of its own, that is done with the disk."""
    one = draw(my.torrents(99))
    return evolve(
        one, name="Nobody else's", left_bytes=0, category=draw(st.sampled_from(["other", "", None, "MAM-farming"]))
    )


class TestOtherCategories:
    """Adding a torrent of another category changes nothing."""

    @given(my.jobs, strangers())
    def test_a_torrent_of_another_category_changes_no_plan(
        self, world: tuple[str, tuple[Snapshot, Policy]], stranger: Torrent
    ) -> None:
        """Exceptions are about the client as a whole: it lists something, and whatever owes needs a slot."""
        job, (seen, policy) = world
        # An empty listing is doubted, the monitor counts every category, and for grab an unknown one takes a place.
        if not seen.torrents or job == "monitor" or (job == "grab" and stranger.category is None):
            return
        one = JOBS[job](seen, policy)
        other = JOBS[job](evolve(seen, torrents=(*seen.torrents, stranger)), policy)
        if job == "reconcile":
            assert [action for action in one.actions if hasattr(action, "hash")] == [
                action for action in other.actions if hasattr(action, "hash")
            ]
            if stranger.has_completed is not False:
                event("the stranger may owe")
                return
        event(f"{job}: {'acts' if one.actions else 'rests'}")
        assert one == other
