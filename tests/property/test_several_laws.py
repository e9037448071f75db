"""Several clients decide as one that holds all, and one that is away adds nothing."""

import pytest
from attrs import evolve
from hypothesis import event, example, given
from hypothesis import strategies as st

from harvestmouse.core.guarantees import check
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.model import ClientQueue, Snapshot
from harvestmouse.core.plan import Plan, Reason
from harvestmouse.core.policy import SEED, Policy
from harvestmouse.core.reconcile import KEYS
from harvestmouse.core.union import united
from tests.property import strategies as my
from tests.property.plans import acted_on
from tests.support.builders import NOW, message, policy, preferences, snapshot, torrent

NAMES = ("home", "box")
_LIMITS = (Reason.DELETION_LIMIT, Reason.RESCUE_LIMIT)
_GONE = (message("Unregistered torrent"),)

worlds = st.one_of(my.snapshots(), my.rescue_snapshots(), my.crowds())


def split(seen: Snapshot, first: frozenset[str]) -> Snapshot:
    """Return the snapshot with some torrents in one client and the rest in another."""
    torrents = [evolve(one, client=NAMES[one.hash not in first]) for one in seen.torrents or ()]
    wishes = seen.preferences
    return evolve(
        seen,
        torrents=None if seen.torrents is None else torrents,
        preferences=None,
        queues=() if wishes is None or seen.torrents is None else tuple(ClientQueue(name, wishes) for name in NAMES),
    )


def without(seen: Snapshot, name: str) -> Snapshot:
    """Return what is known where one of the two does not answer."""
    return evolve(
        seen,
        torrents=[one for one in seen.torrents or () if one.client != name],
        queues=tuple(one for one in seen.queues if one.name != name),
        missing_clients=(name,),
    )


def some_of(seen: Snapshot, luck: int) -> frozenset[str]:
    """Return the info-hashes of some of the torrents, by the bits of a number."""
    return frozenset(one.hash for place, one in enumerate(seen.torrents or ()) if luck >> place & 1)


bits = st.integers(0, 2**12 - 1)


class TestTogether:
    @pytest.mark.parametrize("job", sorted(set(JOBS) - {"reconcile"}))
    @given(seen=worlds, luck=bits, with_policy=my.policies())
    def test_they_decide_as_one_that_holds_all(self, job: str, seen: Snapshot, luck: int, with_policy: Policy) -> None:
        """Who holds a torrent matters to no decision about it, nor to any count."""
        assert JOBS[job](split(seen, some_of(seen, luck)), with_policy) == JOBS[job](seen, with_policy)

    @given(seen=worlds, luck=bits, with_policy=my.policies())
    def test_each_has_the_preferences_of_a_client_of_its_own(
        self, seen: Snapshot, luck: int, with_policy: Policy
    ) -> None:
        """Its keys are decided as if there were no other; torrents are started as if there were one."""
        first = some_of(seen, luck)
        plan, whole = (JOBS["reconcile"](one, with_policy) for one in (split(seen, first), seen))
        if seen.torrents is None or seen.preferences is None:
            return
        decisions = {one.subject: one for one in plan.decisions}
        for name, own in zip(NAMES, (first, {one.hash for one in seen.torrents} - first), strict=True):
            alone = evolve(seen, torrents=[one for one in seen.torrents if one.hash in own])
            for one in JOBS["reconcile"](alone, with_policy).decisions:
                if one.subject in KEYS:
                    event(f"{one.subject}: {one.reason}")
                    assert evolve(decisions.pop(f"{name}/{one.subject}"), subject=one.subject) == one
        assert decisions == {one.subject: one for one in whole.decisions if one.subject not in KEYS}
        assert not check(plan, split(seen, first), with_policy)

    @given(seen=my.snapshots(), luck=bits)
    def test_what_each_lists_is_what_all_hold(self, seen: Snapshot, luck: int) -> None:
        """Nothing is lost or there twice."""
        first = some_of(seen, luck)
        parts = {
            name: ([one for one in seen.torrents or () if (one.hash in first) == (name == "home")], ())
            for name in NAMES
        }
        torrents, malformed = united(parts)
        assert (
            sorted(torrents, key=lambda one: one.hash),
            malformed,
        ) == ([evolve(one, client=NAMES[one.hash not in first]) for one in seen.torrents or ()], ())


class TestMissing:
    def adds_nothing(self, less: Plan, more: Plan) -> bool:
        """Tell whether the plan made with one client away acts on nothing else; what a limit held may come earlier."""
        limited = {one.subject for one in more.decisions if one.reason in _LIMITS}
        return acted_on(less) <= acted_on(more) | limited

    @pytest.mark.parametrize("job", ["janitor", "grab", "rescue", "reconcile"])
    @given(seen=worlds, luck=bits, with_policy=my.policies(), name=st.sampled_from(NAMES))
    @example(
        # The refusal of one torrent is all there is where the others that show it are away.
        seen=snapshot(torrents=[torrent(number, messages=_GONE, seeding_time=432_000) for number in range(4)]),
        luck=0b0001,
        with_policy=SEED,
        name="box",
    )
    @example(
        seen=snapshot(torrents=[torrent(number, messages=_GONE, seeding_time=3600) for number in range(4)]),
        luck=0b0001,
        with_policy=policy(rescue={"reannounce": True}),
        name="box",
    )
    def test_a_client_that_is_away_adds_no_action(
        self, job: str, seen: Snapshot, luck: int, with_policy: Policy, name: str
    ) -> None:
        """What the others hold is looked at no less carefully; the count of the last run is that of those there."""
        if seen.torrents is None:
            return
        both = split(evolve(seen, remembered_count=None), some_of(seen, luck))
        less, more = (JOBS[job](one, with_policy) for one in (without(both, name), both))
        event(f"{len(less.actions)} of {len(more.actions)} actions")
        assert self.adds_nothing(less, more)
        assert not [one for one in less.decisions if one.subject.startswith(f"{name}/")]
        if job in ("janitor", "rescue"):
            assert not less.complete

    @given(seen=my.open_snapshots())
    def test_nothing_is_grabbed_without_it(self, seen: Snapshot) -> None:
        """Whatever else is known."""
        plan = JOBS["grab"](without(split(seen, frozenset()), "box"), SEED)
        assert not plan.actions
        assert plan.skip is not None

    def test_a_plan_for_it_is_refused(self) -> None:
        """Its preferences may be anything, and so may what it holds (G10)."""
        both = Snapshot(
            taken_at=NOW,
            torrents=[evolve(torrent(1, seeding_time=3600), client="box")],
            queues=tuple(ClientQueue(name, preferences(max_active_uploads=7)) for name in NAMES),
        )
        plan = JOBS["reconcile"](both, SEED)
        assert not check(plan, both, SEED)
        (violation,) = check(plan, without(both, "box"), SEED)
        assert (violation.guarantee, violation.detail) == ("G10", "the client 'box' is not there")
