"""Which preferences are written and why, and which owed torrents the queue holds back."""

from typing import Any

import pytest

from harvestmouse.core.actions import ForceStart, Resume, SetPreferences
from harvestmouse.core.model import Preferences, Torrent
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import FIELD, SEED, Policy
from harvestmouse.core.reconcile import KEYS, plan_reconcile
from tests.support.builders import (
    HOUR,
    OWED,
    decided,
    decision_on,
    download,
    hash_of,
    policy,
    preferences,
    skipped,
    snapshot,
    torrent,
)

STARTING = policy(reconcile={"force_start": True}, cleanup={"protect_tags": ("keep",)})


def plan(*torrents: Torrent, prefs: Preferences | None = None, with_policy: Policy = SEED, **changes: Any) -> Plan:
    """Plan the reconciliation of a client that holds these torrents."""
    seen = {"torrents": torrents, "preferences": preferences() if prefs is None else prefs}
    return plan_reconcile(snapshot(**(seen | changes)), with_policy)


def written(made: Plan) -> dict[str, tuple[object, str]]:
    """Return what would be written for each key, and why."""
    sets = [action for action in made.actions if isinstance(action, SetPreferences)]
    return {key: (change["to"], change["reason"]) for one in sets for key, change in one.changes.items()}


def owed(count: int, **changes: Any) -> tuple[Torrent, ...]:
    """Return so many torrents that owe seed time."""
    return tuple(torrent(number, seeding_time=HOUR, **changes) for number in range(count))


class TestPreferences:
    """Only keys that differ are written, each with its reason."""

    def test_a_client_as_wanted_is_left_alone(self) -> None:
        """Every key is decided, none written."""
        made = plan()
        assert made.actions == ()
        assert decided(made) == dict.fromkeys(KEYS, ("keep", "as_wanted"))

    @pytest.mark.parametrize(
        ("key", "found", "wanted"),
        [
            ("queueing_enabled", False, True),
            ("max_active_downloads", 3, 20),
            ("max_active_uploads", 3, 150),
            ("dont_count_slow_torrents", False, True),
        ],
    )
    def test_a_key_that_differs_is_written_alone(self, key: str, found: object, wanted: object) -> None:
        """The action shows the old value and the new (incident I16 among them)."""
        changes: dict[str, Any] = {key: found}
        made = plan(prefs=preferences(**changes))
        assert made.actions == (SetPreferences(changes={key: {"from": found, "to": wanted, "reason": "wanted"}}),)
        assert decided(made)[key] == ("change", "wanted")

    @pytest.mark.parametrize(
        ("preset", "figures"),
        [
            (SEED, {"max_active_downloads": 20, "max_active_uploads": 150, "max_active_torrents": 170}),
            (FIELD, {"max_active_downloads": 5, "max_active_uploads": 500, "max_active_torrents": 505}),
        ],
    )
    def test_each_preset_has_its_own_figures(self, preset: Policy, figures: dict[str, int]) -> None:
        """The seed's 150 active torrents are corrected to the sum of its uploads and downloads."""
        made = plan(
            prefs=preferences(max_active_downloads=1, max_active_uploads=1, max_active_torrents=1), with_policy=preset
        )
        assert {key: value for key, (value, _) in written(made).items()} == figures

    @pytest.mark.parametrize("key", KEYS)
    def test_an_unknown_preference_is_not_written(self, key: str) -> None:
        """What is not known cannot be told to differ."""
        unknown: dict[str, Any] = {key: None}
        made = plan(prefs=preferences(**unknown))
        assert (decided(made)[key], made.actions) == (("keep", "unknown"), ())

    def test_without_preferences_the_job_is_skipped(self) -> None:
        """The plan is not whole."""
        made = plan_reconcile(snapshot(preferences=None), SEED)
        assert (skipped(made), made.complete, made.actions) == ("client_unknown", False, ())

    def test_without_the_torrents_the_limits_are_left_alone(self) -> None:
        """How many slots are owed is unknown, so neither limit is written; the other keys are."""
        prefs = Preferences(
            queueing_enabled=False,
            max_active_downloads=1,
            max_active_uploads=1,
            max_active_torrents=1,
            dont_count_slow_torrents=False,
        )
        made = plan(prefs=prefs, torrents=None)
        assert set(written(made)) == {"queueing_enabled", "max_active_downloads", "dont_count_slow_torrents"}
        assert made.complete is False


class TestCorrections:
    """Upload slots >= torrents owing seed time, and active torrents >= uploads + downloads."""

    @pytest.mark.parametrize(
        ("count", "uploads", "reason"), [(150, 150, "wanted"), (151, 151, "owed_slots"), (300, 300, "owed_slots")]
    )
    def test_every_torrent_owing_seed_time_gets_a_slot(self, count: int, uploads: int, reason: str) -> None:
        """Beyond the wanted 150 slots the number owed decides, and the sum follows."""
        made = plan(*owed(count), prefs=preferences(max_active_uploads=5, max_active_torrents=5))
        assert written(made)["max_active_uploads"] == (uploads, reason)
        assert written(made)["max_active_torrents"] == (uploads + 20, "sum_of_slots")

    def test_torrents_of_every_category_share_the_slots(self) -> None:
        """The client has one queue."""
        made = plan(*owed(151, category="other"))
        assert written(made)["max_active_uploads"] == (151, "owed_slots")

    @pytest.mark.parametrize(
        ("facts", "counts"),
        [
            ({"seeding_time": OWED - 1}, True),
            ({"seeding_time": OWED}, False),
            ({"seeding_time": None}, True),
            ({"state": "missingFiles", "progress": 0.0, "seeding_time": 1}, True),
        ],
    )
    def test_owing_is_having_completed_and_not_seeded_long_enough(self, facts: dict[str, Any], *, counts: bool) -> None:
        """A seeding time nobody knows counts as owing."""
        assert plan(torrent(**facts)).figures["owed_torrents"] == counts

    def test_a_download_owes_nothing(self) -> None:
        """It has never completed."""
        assert plan(download()).figures["owed_torrents"] == 0

    @pytest.mark.parametrize(
        ("figures", "torrents"),
        [
            ({"max_active_uploads": -1}, -1),
            ({"max_active_downloads": -1}, -1),
            ({"max_active_torrents": -1}, -1),
            ({"max_active_torrents": 170}, 170),
            ({"max_active_torrents": 171}, 171),
        ],
    )
    def test_no_limit_stays_no_limit_and_lifts_the_sum(self, figures: dict[str, int], torrents: int) -> None:
        """Without a limit on either part there is none on the whole; enough is left as it is."""
        made = plan(prefs=preferences(max_active_torrents=1), with_policy=policy(reconcile=figures))
        assert written(made)["max_active_torrents"][0] == torrents

    def test_a_limit_that_is_the_sum_is_the_policy_s_own(self) -> None:
        """Nothing was corrected, so the reason is the policy."""
        exact = policy(reconcile={"max_active_torrents": 170})
        assert written(plan(prefs=preferences(max_active_torrents=9), with_policy=exact)) == {
            "max_active_torrents": (170, "wanted")
        }

    def test_unlimited_uploads_are_enough_for_any_number_owed(self) -> None:
        """No correction is needed."""
        made = plan(
            *owed(200),
            prefs=preferences(max_active_uploads=1),
            with_policy=policy(reconcile={"max_active_uploads": -1}),
        )
        assert written(made)["max_active_uploads"] == (-1, "wanted")


class TestIdle:
    """Torrents owing seed time that are queued or stopped are started where policy allows, and reported always."""

    @pytest.mark.parametrize(
        ("state", "reason", "action"),
        [
            ("queuedUP", "owed_queued", ForceStart),
            ("pausedUP", "owed_stopped", Resume),
            ("stoppedUP", "owed_stopped", Resume),
        ],
    )
    def test_an_owed_torrent_the_tracker_does_not_see_is_reported_and_started(
        self, state: str, reason: str, action: type[ForceStart | Resume]
    ) -> None:
        """Reported either way, with what is left to seed (incident I5)."""
        idle = torrent(state=state, seeding_time=HOUR)
        reported = plan(idle)
        assert decided(reported)[hash_of(1)] == ("keep", reason)
        facts = {"name": "Torrent 1", "state": state, "seeding_seconds": HOUR, "owed_seconds": OWED - HOUR}
        assert dict(decision_on(reported, 1).facts) == facts
        (advice,) = reported.advice
        assert advice == (
            "1 torrent owes seed time while queued or stopped, unseen by the tracker; "
            "force_start = true in [reconcile] allows a start."
        )
        started = plan(idle, with_policy=STARTING)
        assert started.actions == (action(hash=hash_of(1), name="Torrent 1", reason=reason),)

    @pytest.mark.parametrize(
        "state", ["uploading", "stalledUP", "forcedUP", "queuedDL", "pausedDL", "stoppedDL", "moving"]
    )
    def test_torrents_in_other_states_are_left_alone(self, state: str) -> None:
        """They seed, or download, or the client works on them."""
        assert hash_of(1) not in decided(plan(torrent(state=state, seeding_time=HOUR), with_policy=STARTING))

    def test_a_torrent_that_owes_nothing_may_rest(self) -> None:
        """At 96 hours it is done; a second before it is not."""
        assert hash_of(1) not in decided(plan(torrent(state="stoppedUP", seeding_time=OWED), with_policy=STARTING))
        assert hash_of(1) in decided(plan(torrent(state="stoppedUP", seeding_time=OWED - 1), with_policy=STARTING))

    @pytest.mark.parametrize("tags", [frozenset({"Keep"}), None])
    def test_a_protected_torrent_is_reported_and_not_touched(self, tags: frozenset[str] | None) -> None:
        """Unknown tags may protect."""
        made = plan(torrent(state="stoppedUP", seeding_time=HOUR, tags=tags), with_policy=STARTING)
        assert (decided(made)[hash_of(1)], made.actions) == (("keep", "owed_stopped"), ())
        (advice,) = made.advice
        assert advice.endswith("; protecting tags forbid a start.")

    def test_one_torrent_at_work_hides_no_other(self) -> None:
        """All of the category are looked at."""
        made = plan(torrent(1, seeding_time=HOUR), torrent(2, state="stoppedUP", seeding_time=HOUR))
        assert hash_of(2) in decided(made)

    def test_torrents_of_other_categories_are_none_of_its_business(self) -> None:
        """They share the slots, but nobody starts them."""
        idle = torrent(state="stoppedUP", seeding_time=HOUR, category="other")
        assert hash_of(1) not in decided(plan(idle, with_policy=STARTING))

    def test_an_unknown_seeding_time_starts_nothing(self) -> None:
        """It may be reported, but an action takes a positive reason."""
        assert plan(torrent(state="stoppedUP"), with_policy=STARTING).actions == ()
        assert plan(torrent(state="stoppedUP", seeding_time=None), with_policy=STARTING).actions == ()

    def test_preferences_come_before_starts_and_torrents_in_order(self) -> None:
        """Slots first, then what fills them, by info-hash."""
        idle = [torrent(number, state="queuedUP", seeding_time=HOUR) for number in (2, 1)]
        made = plan(*idle, prefs=preferences(max_active_uploads=1), with_policy=STARTING)
        assert [getattr(action, "hash", None) for action in made.actions] == [None, hash_of(1), hash_of(2)]


class TestFacts:
    """What a plan shows of the client and the policy."""

    @pytest.mark.parametrize(
        ("found", "reason"), [(None, "unknown"), (150, "as_wanted"), (9, "wanted")], ids=["unknown", "same", "other"]
    )
    def test_a_decision_about_a_key_tells_what_is_and_what_is_wanted(self, found: int | None, reason: str) -> None:
        """Also where nothing is written."""
        decision = decision_on(plan(prefs=preferences(max_active_uploads=found)), "max_active_uploads")
        assert (decision.reason.value, dict(decision.facts)) == (reason, {"from": found, "to": 150})

    def test_the_plan_shows_the_figures_it_was_made_with(self) -> None:
        """Category and every figure of the policy."""
        shown = plan().policy
        assert (shown["category"], shown["max_active_uploads"]) == ("mam-farming", 150)

    def test_a_skip_says_what_is_missing(self) -> None:
        """In words."""
        skip = plan_reconcile(snapshot(preferences=None), SEED).skip
        assert skip is not None
        assert skip.detail == "the client's preferences are missing"
