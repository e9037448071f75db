"""A plan that was carried out is not made again."""

from attrs import evolve
from hypothesis import assume, event, given

from harvestmouse.core.after import after
from harvestmouse.core.guarantees import g9
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.model import Snapshot
from harvestmouse.core.policy import Policy
from tests.property import strategies as my


class TestG9:
    """G9: Plans converge: applied to a faithful world, the next plan has none of the same actions."""

    @given(my.jobs)
    def test_no_action_is_asked_for_twice(self, world: tuple[str, tuple[Snapshot, Policy]]) -> None:
        """For every job, in the world its own plan leaves."""
        job, (snapshot, policy) = world
        # With one tier alone the same purchase may be needed twice; the published tiers halve what the cap allows.
        policy = evolve(policy, spend=evolve(policy.spend, tiers=(50, 100, 200, 500)))
        first = JOBS[job](snapshot, policy)
        event(f"{job}: {'acts' if first.actions else 'rests'}")
        assert list(g9(first, JOBS[job](after(snapshot, first), policy))) == []

    @given(my.jobs)
    def test_the_predicate_tells_a_plan_that_is_made_again(self, world: tuple[str, tuple[Snapshot, Policy]]) -> None:
        """One violation for each action, and for each key that is written."""
        job, (snapshot, policy) = world
        plan = JOBS[job](snapshot, policy)
        assume(plan.actions)
        assert len(list(g9(plan, plan))) >= len(plan.actions)
        assert list(g9(plan, evolve(plan, actions=()))) == []

    @given(my.WORLDS["spend"])
    def test_purchases_come_to_an_end(self, world: tuple[Snapshot, Policy]) -> None:
        """Whatever the tiers, the balance does."""
        snapshot, policy = world
        for _ in range(5):
            snapshot = after(snapshot, JOBS["spend"](snapshot, policy))
        assert JOBS["spend"](snapshot, policy).actions == ()

    @given(my.WORLDS["janitor"])
    def test_the_janitor_comes_to_rest(self, world: tuple[Snapshot, Policy]) -> None:
        """With a share of at least one deletion a run, in at most as many runs as there are torrents."""
        snapshot, policy = world
        for _ in snapshot.torrents or ():
            snapshot = after(snapshot, JOBS["janitor"](snapshot, policy))
        assert JOBS["janitor"](snapshot, policy).actions == ()

    @given(my.WORLDS["reconcile"])
    def test_reconciliation_is_done_in_one_run(self, world: tuple[Snapshot, Policy]) -> None:
        """Nothing is left to write or to start."""
        snapshot, policy = world
        assert JOBS["reconcile"](after(snapshot, JOBS["reconcile"](snapshot, policy)), policy).actions == ()
