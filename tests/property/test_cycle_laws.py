"""One plan of all jobs decides what the jobs decide alone, but for the places that it frees."""

import json
from collections import Counter
from random import Random
from typing import Any

from attrs import evolve
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from harvestmouse.core.actions import DeleteTorrent, ForceStart, Resume
from harvestmouse.core.after import after
from harvestmouse.core.cycle import plan_cycle
from harvestmouse.core.guarantees import check, g7, g8, g9
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.model import Snapshot
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import Policy
from harvestmouse.core.reconcile import KEYS
from harvestmouse.core.wire import parse_snapshot
from harvestmouse.core.wire.plan import dump, parse_plan, unparse_plan
from tests.property import strategies as my
from tests.property.test_knowledge_laws import PARTS
from tests.support.builders import CATEGORY, DAY, GIB, NOW, download, torrent

World = tuple[Snapshot, Policy]
# More places than anything drawn here takes.
_PLENTY = 1000
# Torrents that surely have something to be done about them, besides those that any listing has.
_STUCK = [download(number, added_on=NOW - 2 * DAY) for number in (31, 32, 33)]
_RESTING = [torrent(number, state=state, seeding_time=DAY) for number, state in ((34, "queuedUP"), (35, "stoppedUP"))]
_DUE = st.sets(st.integers(0, 4), max_size=3).map(lambda places: [(*_STUCK, *_RESTING)[place] for place in places])
_UPLOADS = st.sampled_from([14 * GIB, 20 * GIB])


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw a whole world: one in which any job may have something to do, and few places or many."""
    seen, policy = draw(my.grab_worlds(unique=True))
    client = draw(my.snapshots())
    torrents = None if client.torrents is None else (*client.torrents, *draw(_DUE))
    points = draw(st.sampled_from([0.0, 30_000.0, 99_999.0]))
    figures: dict[str, Any] = {"bonus_points": points, "uploaded_bytes": draw(_UPLOADS)}
    seen = evolve(
        seen,
        profile=seen.profile and evolve(seen.profile, **figures),
        torrents=torrents,
        malformed_torrents=client.malformed_torrents,
        preferences=client.preferences,
        connection=client.connection,
    )
    most = draw(st.sampled_from([max(1, seen.held(CATEGORY) + room) for room in (-1, 0, 0, 0, 1)] + [_PLENTY] * 3))
    reconcile = evolve(policy.reconcile, force_start=draw(my.flags))
    return seen, evolve(policy, grab=evolve(policy.grab, max_torrents=most), reconcile=reconcile)


def roomy(policy: Policy, places: int) -> Policy:
    """Return the policy with so many places in the client."""
    return evolve(policy, grab=evolve(policy.grab, max_torrents=places))


def part(plan: Plan, job: str) -> Plan:
    """Return the plan of one job."""
    (found,) = (one for one in plan.parts if one.job == job)
    return found


def about_keys(plan: Plan) -> Plan:
    """Return what reconcile decides about preferences; torrents are rescue's."""
    return evolve(
        plan,
        actions=tuple(action for action in plan.actions if not hasattr(action, "hash")),
        decisions=tuple(decision for decision in plan.decisions if decision.subject in KEYS),
        advice=(),
    )


def hashes(plan: Plan, *kinds: type) -> list[str]:
    """Return the torrents that actions of these kinds are about."""
    return [str(getattr(action, "hash", "")) for action in plan.actions if isinstance(action, kinds)]


class TestAlone:
    """Where no budget binds, each job decides as it does alone."""

    @given(worlds())
    def test_every_part_is_the_plan_of_its_job(self, world: World) -> None:
        """With places for all; of reconcile, what is about preferences."""
        seen, policy = world[0], roomy(world[1], _PLENTY)
        joint = plan_cycle(seen, policy)
        event(f"{sum(bool(one.actions) for one in joint.parts)} jobs act")
        assert joint.parts
        for one in joint.parts:
            alone = JOBS[one.job](seen, policy)
            assert one == (about_keys(alone) if one.job == "reconcile" else alone)

    @given(worlds())
    def test_where_places_are_short_grab_has_those_that_the_janitor_frees_and_no_more(self, world: World) -> None:
        """It decides as it would alone in a client that has so many more; all other jobs decide as they do alone."""
        seen, policy = world
        joint = plan_cycle(seen, policy)
        freed = len(hashes(joint, DeleteTorrent))
        alone = JOBS["grab"](seen, roomy(policy, policy.grab.max_torrents + freed))
        grabbed = part(joint, "grab")
        full = JOBS["grab"](seen, policy).skip is not None and grabbed.skip is None
        event(f"{'full before' if full else 'not full'}, {'adds' if grabbed.actions else 'adds nothing'}")
        assert (grabbed.actions, grabbed.decisions) == (alone.actions, alone.decisions)
        assert (grabbed.skip and grabbed.skip.reason) == (alone.skip and alone.skip.reason)
        for job in ("monitor", "janitor", "spend", "rescue"):
            assert part(joint, job) == JOBS[job](seen, policy)

    @given(worlds())
    def test_it_never_starts_fewer_torrents_than_reconcile_would(self, world: World) -> None:
        """What rescue leaves of them waits for a place in its run."""
        seen, policy = world
        joint = plan_cycle(seen, policy)
        alone = hashes(JOBS["reconcile"](seen, policy), ForceStart, Resume)
        started = hashes(joint, ForceStart, Resume)
        event(f"{'starts' if alone else 'rests'}")
        acting = len(part(joint, "rescue").actions)
        assert set(alone) <= set(started) or acting == policy.rescue.per_run


class TestJoint:
    """The guarantees hold for the plan as a whole."""

    @given(worlds())
    def test_breaks_no_guarantee(self, world: World) -> None:
        """G1 to G6, G10 and the limits, over all actions at once."""
        seen, policy = world
        assert check(plan_cycle(seen, policy), seen, policy) == ()

    @given(worlds())
    def test_no_torrent_has_two_actions_and_none_two_decisions_of_one_job(self, world: World) -> None:
        """Nothing is deleted and started."""
        joint = plan_cycle(*world)
        touched = [str(getattr(action, "hash", "")) for action in joint.actions if hasattr(action, "hash")]
        assert len(touched) == len(set(touched))
        for one in joint.parts:
            subjects = [decision.subject for decision in one.decisions]
            assert len(subjects) == len(set(subjects))

    @given(worlds(), st.sampled_from(PARTS))
    def test_a_missing_part_adds_no_action(self, world: World, name: str) -> None:
        """G7, for all jobs at once."""
        seen, policy = world
        unknown: dict[str, Any] = {name: None}
        less, more = plan_cycle(evolve(seen, **unknown), policy), plan_cycle(seen, policy)
        event(f"without {name}: {'acts' if more.actions else 'rests'}")
        assert list(g7(less, more)) == []

    @given(my.raw_snapshots(), st.integers(0, 999), my.policies())
    def test_the_order_of_rows_and_keys_does_not_matter(self, one: dict[str, Any], seed: int, policy: Policy) -> None:
        """G8, to the byte."""
        plans = [plan_cycle(parse_snapshot(body), policy) for body in (one, my.shuffled(one, Random(seed)))]
        assert list(g8(*plans)) == []
        texts = [dump(unparse_plan(plan)) for plan in plans]
        assert texts[0] == texts[1]

    @given(worlds())
    def test_no_action_is_asked_for_twice(self, world: World) -> None:
        """G9: carried out in a faithful world, the next cycle has none of the same."""
        seen, policy = world
        policy = evolve(policy, spend=evolve(policy.spend, tiers=(50, 100, 200, 500)))
        first = plan_cycle(seen, policy)
        event(f"{'acts' if first.actions else 'rests'}")
        assert list(g9(first, plan_cycle(after(seen, first), policy))) == []

    @given(worlds())
    def test_its_form_reads_back(self, world: World) -> None:
        """As an equal plan."""
        plan = plan_cycle(*world)
        assert parse_plan(json.loads(dump(unparse_plan(plan)))) == plan


def test_the_worlds_reach_what_the_laws_are_about() -> None:
    """Every job acts in some, and grab in a client that was full."""
    counts: Counter[str] = Counter()

    @settings(
        max_examples=600,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(worlds())
    def count(world: World) -> None:
        seen, policy = world
        joint = plan_cycle(seen, policy)
        counts.update(one.job for one in joint.parts if one.actions)
        used = set(part(joint, "grab").actions) - set(JOBS["grab"](seen, policy).actions)
        counts["places freed and used"] += bool(used)
        counts["places short all the same"] += seen.held(CATEGORY) > policy.grab.max_torrents
        counts["all act"] += len([one for one in joint.parts if one.actions]) >= 4

    count()
    names = ("janitor", "spend", "reconcile", "rescue", "grab", "places freed and used", "all act")
    print(counts)  # noqa: T201 - the table is what one wants to see
    assert {name: counts[name] for name in (*names, "places short all the same") if counts[name] < 8} == {}
