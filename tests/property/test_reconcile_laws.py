"""Reconciliation: its own keys only, slots for all that owe, and no torrent that is none of its business."""

from hypothesis import event, given
from hypothesis import strategies as st

from harvestmouse.core.actions import ForceStart, Resume, SetPreferences
from harvestmouse.core.guarantees import check
from harvestmouse.core.model import Snapshot, Torrent
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import Policy
from harvestmouse.core.reconcile import plan_reconcile
from tests.property import strategies as my

OWN = {
    "queueing_enabled",
    "max_active_downloads",
    "max_active_uploads",
    "max_active_torrents",
    "dont_count_slow_torrents",
}
worlds = my.WORLDS["reconcile"]


def written(plan: Plan) -> dict[str, int]:
    """Return the values that the plan would write."""
    sets = [action for action in plan.actions if isinstance(action, SetPreferences)]
    assert len(sets) <= 1
    return {key: change["to"] for one in sets for key, change in one.changes.items()}


def behind(torrent: Torrent) -> int:
    """Return the seeding time on the clock that is behind the other."""
    clocks = (torrent.seeding_time, torrent.tracker_seconds)
    return 0 if torrent.seeding_time is None else min(clock for clock in clocks if clock is not None)


def surely_owes(torrent: Torrent, policy: Policy) -> bool:
    """Tell whether a torrent shows a sign of completion and has not seeded long enough."""
    signs = (torrent.progress or 0) >= 1 or bool(torrent.completion_on) or (torrent.seeding_time or 0) > 0
    return signs and behind(torrent) < 72 * 3600 + policy.cleanup.seed_time_margin.total_seconds()


def may_owe(torrent: Torrent, policy: Policy) -> bool:
    """Tell whether a torrent owes seed time, or could for all that is known."""
    unknown = None in (torrent.progress, torrent.completion_on, torrent.seeding_time)
    enough = behind(torrent) >= 72 * 3600 + policy.cleanup.seed_time_margin.total_seconds()
    return surely_owes(torrent, policy) or (unknown and not enough)


class TestG10:
    """G10: Reconciliation touches only its own keys, and leaves upload slots for every torrent owing seed time."""

    @given(worlds)
    def test_only_its_own_keys_are_written(self, world: tuple[Snapshot, Policy]) -> None:
        """And each only where it differs from what was found."""
        snapshot, policy = world
        changes = written(plan_reconcile(snapshot, policy))
        event(f"{len(changes)} keys written")
        assert set(changes) <= OWN
        for key, value in changes.items():
            found = getattr(snapshot.preferences, key)
            assert found is not None
            assert found != value

    @given(worlds)
    def test_every_torrent_owing_seed_time_has_an_upload_slot_afterwards(self, world: tuple[Snapshot, Policy]) -> None:
        """In any category, and what may owe counts too."""
        snapshot, policy = world
        if snapshot.torrents is None or snapshot.preferences is None:
            return
        changes = written(plan_reconcile(snapshot, policy))
        slots = changes.get("max_active_uploads", snapshot.preferences.max_active_uploads)
        if slots is not None and slots != -1:
            assert slots >= sum(may_owe(torrent, policy) for torrent in snapshot.torrents)

    @given(worlds)
    def test_active_torrents_make_room_for_uploads_and_downloads(self, world: tuple[Snapshot, Policy]) -> None:
        """Together, once all is as wanted."""
        snapshot, policy = world
        if snapshot.torrents is None or snapshot.preferences is None:
            return
        left = written(plan_reconcile(snapshot, policy))
        keys = ("max_active_uploads", "max_active_downloads", "max_active_torrents")
        uploads, downloads, whole = (left.get(key, getattr(snapshot.preferences, key)) for key in keys)
        if None in (uploads, downloads, whole) or whole == -1:
            return
        assert -1 not in (uploads, downloads)
        assert whole >= uploads + downloads

    @given(worlds)
    def test_without_the_torrents_no_slot_limit_is_written(self, world: tuple[Snapshot, Policy]) -> None:
        """How many owe is unknown then."""
        snapshot, policy = world
        if snapshot.torrents is None:
            changes = written(plan_reconcile(snapshot, policy))
            assert not {"max_active_uploads", "max_active_torrents"} & set(changes)

    @given(worlds)
    def test_a_plan_of_reconcile_passes_its_own_checks(self, world: tuple[Snapshot, Policy]) -> None:
        """The guarantees are checked again before anything is done."""
        snapshot, policy = world
        assert check(plan_reconcile(snapshot, policy), snapshot, policy) == ()

    @given(worlds, st.sampled_from([*sorted(OWN), "listen_port", "max_ratio"]), st.integers(-1, 8))
    def test_a_plan_that_writes_another_key_or_too_few_slots_is_refused(
        self, world: tuple[Snapshot, Policy], key: str, value: int
    ) -> None:
        """Slots for all that may owe, in any category; with the torrents unknown, for no number is it known."""
        snapshot, policy = world
        change = {key: {"from": None, "to": value, "reason": ""}}
        plan = Plan(job="reconcile", decided_at=snapshot.taken_at, actions=(SetPreferences(changes=change),))
        slots = key in ("max_active_uploads", "max_active_torrents") and value != -1
        owing = [one for one in snapshot.torrents or () if may_owe(one, policy)]
        few = slots and (snapshot.torrents is None or value < len(owing))
        event(f"refused: {few or key not in OWN}")
        assert bool(check(plan, snapshot, policy)) is (few or key not in OWN)


class TestStarts:
    """Torrents owing seed time that are queued or stopped are started where policy allows, and reported always."""

    @given(worlds)
    def test_every_owed_torrent_the_tracker_does_not_see_is_reported(self, world: tuple[Snapshot, Policy]) -> None:
        """Of the managed category, with preferences known."""
        snapshot, policy = world
        plan = plan_reconcile(snapshot, policy)
        if plan.skip is not None:
            return
        reported = {one.subject for one in plan.decisions} - OWN
        waiting = ("queuedUP", "pausedUP", "stoppedUP")
        mine = [one for one in snapshot.torrents or () if one.category == "mam-farming" and one.state in waiting]
        assert {one.hash for one in mine if surely_owes(one, policy)} <= reported
        assert reported <= {one.hash for one in mine if may_owe(one, policy)}

    @given(worlds)
    def test_only_an_unprotected_torrent_is_started_and_only_where_allowed(
        self, world: tuple[Snapshot, Policy]
    ) -> None:
        """A queued one is forced, a stopped one resumed."""
        snapshot, policy = world
        torrents = {torrent.hash: torrent for torrent in snapshot.torrents or ()}
        protecting = [tag.lower() for tag in policy.cleanup.protect_tags]
        for action in plan_reconcile(snapshot, policy).actions:
            if isinstance(action, ForceStart | Resume):
                event(f"started by {action.kind}")
                torrent = torrents[action.hash]
                assert policy.reconcile.force_start
                assert torrent.category == "mam-farming"
                assert not [tag for tag in torrent.tags or () if tag.lower() in protecting]
                assert (torrent.state == "queuedUP") is isinstance(action, ForceStart)
