"""What is not known is never a reason to act."""

from typing import Any

from attrs import evolve
from hypothesis import event, given
from hypothesis import strategies as st

from harvestmouse.core.cleanup import plan_cleanup
from harvestmouse.core.grab import plan_grab
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.model import Snapshot
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import Policy
from tests.property import strategies as my

PARTS = ("profile", "searches", "torrents", "preferences", "free_space_bytes", "ledger")
TORRENT_FACTS = """
    category tags state added_on completion_on seeding_time progress downloaded_bytes uploaded_bytes seeders
""".split()  # noqa: SIM905 - a list of words reads best as words
PROFILE_FACTS = "account_class uploaded_bytes downloaded_bytes unsat_count unsat_limit hit_and_run_count".split()  # noqa: SIM905


def subjects(plan: Plan) -> set[object]:
    """Return what each action is about: an info-hash, a site's id, or the action itself."""
    return {getattr(action, "hash", getattr(action, "id", repr(action))) for action in plan.actions}


def without(snapshot: Snapshot, **facts: Any) -> Snapshot:
    """Return the snapshot with these parts of it replaced."""
    return evolve(snapshot, **facts)


class TestG7:
    """G7: Less knowledge never means more action: removing a fact from a snapshot never adds an action."""

    @given(my.snapshots(), my.policies(), st.sampled_from(PARTS), st.sampled_from(sorted(JOBS)))
    def test_a_missing_part_adds_no_action(self, snapshot: Snapshot, policy: Policy, part: str, job: str) -> None:
        """Whichever part, whichever job."""
        more = JOBS[job](snapshot, policy)
        less = JOBS[job](without(snapshot, **{part: None}), policy)
        event(f"{job}: {'acts' if more.actions else 'rests'}")
        if job != "reconcile":
            assert subjects(less) <= subjects(more)
        assert len(less.actions) <= len(more.actions)

    @given(my.cleanup_snapshots, my.policies(), st.integers(0, 8), st.sampled_from(TORRENT_FACTS))
    def test_a_missing_fact_deletes_no_torrent_that_would_have_stayed(
        self, snapshot: Snapshot, policy: Policy, place: int, fact: str
    ) -> None:
        """Of the torrent it is missing of; a place under the cap that it leaves free is another's."""
        if not snapshot.torrents:
            return
        number = place % len(snapshot.torrents)
        unknown: dict[str, Any] = {fact: None}
        vague = [evolve(one, **unknown) if at == number else one for at, one in enumerate(snapshot.torrents)]
        before = plan_cleanup(snapshot, policy)
        after = plan_cleanup(evolve(snapshot, torrents=vague), policy)
        name = snapshot.torrents[number].hash
        if name in subjects(after):
            event("it goes all the same")
            assert name in subjects(before)

    @given(my.open_snapshots(), my.policies(), st.sampled_from(PROFILE_FACTS))
    def test_a_missing_figure_of_the_profile_picks_nothing_more(
        self, snapshot: Snapshot, policy: Policy, fact: str
    ) -> None:
        """With `require_unsat` on, as it is by default."""
        strict = evolve(policy, grab=evolve(policy.grab, require_unsat=True))
        assert snapshot.profile is not None
        less = without(snapshot, profile=evolve(snapshot.profile, **{fact: None}))
        assert subjects(plan_grab(less, strict)) <= subjects(plan_grab(snapshot, strict))

    @given(my.spend_snapshots, my.policies(), st.sampled_from(("uploaded_bytes", "downloaded_bytes", "bonus_points")))
    def test_a_missing_figure_of_the_profile_buys_nothing(self, snapshot: Snapshot, policy: Policy, fact: str) -> None:
        """Neither credit nor VIP."""
        if snapshot.profile is not None:
            less = without(snapshot, profile=evolve(snapshot.profile, **{fact: None}))
            assert JOBS["spend"](less, policy).actions == ()
