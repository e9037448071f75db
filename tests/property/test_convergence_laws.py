"""A plan that was carried out is not made again."""

from attrs import evolve
from hypothesis import event, given
from hypothesis import strategies as st

from harvestmouse.core.actions import Action
from harvestmouse.core.after import after
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.model import Snapshot
from harvestmouse.core.policy import Policy
from tests.property import strategies as my

worlds = {
    "grab": my.open_snapshots(),
    "janitor": my.cleanup_snapshots,
    "spend": my.spend_snapshots,
    "reconcile": my.reconcile_snapshots,
}
jobs = st.sampled_from(sorted(worlds)).flatmap(lambda job: st.tuples(st.just(job), worlds[job]))


def subject(action: Action) -> tuple[str, str]:
    """Return what is done to what, without the figures that go with it."""
    return action.kind, str(getattr(action, "hash", getattr(action, "id", action)))


class TestG9:
    """G9: Plans converge: applied to a faithful world, the next plan has none of the same actions."""

    @given(jobs, my.policies())
    def test_no_action_is_asked_for_twice(self, world: tuple[str, Snapshot], policy: Policy) -> None:
        """For every job, in the world its own plan leaves."""
        job, snapshot = world
        # With one tier alone the same purchase may be needed twice; the published tiers halve what the cap allows.
        policy = evolve(policy, spend=evolve(policy.spend, tiers=(50, 100, 200, 500)))
        first = JOBS[job](snapshot, policy)
        event(f"{job}: {'acts' if first.actions else 'rests'}")
        second = JOBS[job](after(snapshot, first), policy)
        assert not {subject(action) for action in first.actions} & {subject(action) for action in second.actions}

    @given(my.spend_snapshots, my.policies())
    def test_purchases_come_to_an_end(self, snapshot: Snapshot, policy: Policy) -> None:
        """Whatever the tiers, the balance does."""
        for _ in range(5):
            snapshot = after(snapshot, JOBS["spend"](snapshot, policy))
        assert JOBS["spend"](snapshot, policy).actions == ()

    @given(my.cleanup_snapshots, my.policies())
    def test_the_janitor_comes_to_rest(self, snapshot: Snapshot, policy: Policy) -> None:
        """With a share of at least one deletion a run, in at most as many runs as there are torrents."""
        for _ in snapshot.torrents or ():
            plan = JOBS["janitor"](snapshot, policy)
            snapshot = after(snapshot, plan)
        assert JOBS["janitor"](snapshot, policy).actions == ()

    @given(my.reconcile_snapshots, my.policies())
    def test_reconciliation_is_done_in_one_run(self, snapshot: Snapshot, policy: Policy) -> None:
        """Nothing is left to write or to start."""
        assert JOBS["reconcile"](after(snapshot, JOBS["reconcile"](snapshot, policy)), policy).actions == ()
