"""What is explained of a torrent with two clocks, and of one that is rescued."""

from typing import Any

from harvestmouse.core.explain import Explanation, Outcome, explain_job, explain_torrent
from harvestmouse.core.model import Seen, Torrent, TrackerMessage
from harvestmouse.core.policy import SEED, Policy
from harvestmouse.runners.explain_words import describe
from tests.support.builders import (
    DAY,
    HOUR,
    NOW,
    OWED,
    TRACKER,
    hash_of,
    message,
    policy,
    preferences,
    snapshot,
    torrent,
)

WORKS = (TrackerMessage(host=TRACKER, status=2, text=""),)
EAGER = policy(reconcile={"force_start": True}, rescue={"reannounce": True, "per_run": 1})


def explained(*torrents: Torrent, job: str, wanted: Policy = SEED) -> Explanation:
    """Explain the first of these torrents."""
    clock = {hash_of(1): Seen(seconds=HOUR, announcing=True, listed_at=NOW, announced_at=NOW)}
    seen = snapshot(torrents=torrents, tracker_clock=clock, preferences=preferences(max_active_uploads=500))
    return explain_torrent(seen, wanted, torrents[0].hash, job)


def owing(number: int = 1, **changes: Any) -> Torrent:
    """Return a torrent that the tracker has seen for an hour of the client's day."""
    return torrent(number, **({"seeding_time": DAY, "tracker_seconds": HOUR, "messages": WORKS} | changes))


def flips(one: Explanation) -> list[tuple[str, int | None, str | None, str]]:
    """Return what would change: its kind, by how much, to what reason, and on what that rests."""
    return [
        (each.change, each.amount, None if each.reason is None else each.reason.value, each.note) for each in one.flips
    ]


class TestTwoClocks:
    def test_the_rule_shows_both_and_the_smaller_is_compared(self) -> None:
        """Both are figures of the rule; the wait is the smaller one's, while it goes on announcing."""
        one = explained(owing(), job="janitor")
        (step,) = (each for each in one.steps if each.outcome is Outcome.HOLDS)
        shown = {each.name: each.value for each in step.conditions}
        assert (shown["seeding_seconds"], shown["tracker_seconds"]) == (DAY, HOUR)
        assert flips(one)[0] == ("seeding_seconds", OWED - HOUR, "active", "if it goes on announcing")

    def test_a_client_that_is_behind_is_compared_itself(self) -> None:
        """Its figure may be stale."""
        one = explained(owing(tracker_seconds=2 * DAY), job="janitor")
        assert flips(one)[0][:3] == ("seeding_seconds", OWED - DAY, "active")

    def test_a_start_waits_for_the_smaller_one_too(self) -> None:
        """Of reconcile, which says so of what rests."""
        one = explained(owing(state="queuedUP", seeding_time=OWED), job="reconcile")
        assert flips(one)[0][:2] == ("seeding_seconds", OWED - HOUR)


class TestRescue:
    def test_what_seeds_well_is_told_when_it_owes_nothing(self) -> None:
        """And nothing else would change it."""
        one = explained(owing(), job="rescue")
        assert flips(one) == [("seeding_seconds", OWED - HOUR, None, "if it goes on announcing")]

    def test_what_is_refused_is_told_what_helps(self) -> None:
        """In words as well."""
        one = explained(owing(messages=(message("gone"),)), job="rescue")
        assert [each[0] for each in flips(one)] == ["seeding_seconds", "announcing"]
        assert one.flips[1].reason == "announcing"
        assert any("once it seeds and a tracker takes it: becomes announcing (keep)" in line for line in describe(one))

    def test_what_waits_for_its_turn_shows_rule_and_limit(self) -> None:
        """Another has less time to spare."""
        urgent = owing(2, state="queuedUP", completion_on=NOW - 20 * DAY)
        one = explained(owing(state="queuedUP"), urgent, job="rescue", wanted=EAGER)
        holding = [(each.reason.value, each.conditions[0].value) for each in one.steps if each.outcome is Outcome.HOLDS]
        assert holding == [("owed_queued", "queuedUP"), ("rescue_limit", 1)]

    def test_what_is_started_is_not_held_by_the_limit(self) -> None:
        """Its step says so."""
        one = explained(owing(state="queuedUP"), job="rescue", wanted=EAGER)
        assert (one.steps[-1].reason, one.steps[-1].outcome) == ("rescue_limit", Outcome.DOES_NOT_HOLD)

    def test_what_is_not_known_is_named(self) -> None:
        """Fact by fact; of a torrent without a seeding time nothing can be foretold by it."""
        one = explained(owing(state=None, tags=None, seeding_time=None, messages=None), job="rescue")
        (step,) = (each for each in one.steps if each.outcome is Outcome.HOLDS)
        assert step.conditions[0].value == ("state", "tags", "seeding_time", "messages")
        assert "seeding_seconds" not in [each[0] for each in flips(one)]

    def test_what_owes_nothing_has_no_decision(self) -> None:
        """And no steps: the job does not look at it."""
        one = explained(torrent(1, seeding_time=20 * DAY), job="rescue")
        assert (one.decision, one.steps, one.flips) == (None, (), ())

    def test_the_job_is_skipped_without_a_list(self) -> None:
        """Its one guard."""
        (one,) = explain_job(snapshot(torrents=None), SEED, "rescue")
        assert one.skip is not None
        assert [(each.reason, each.outcome) for each in one.steps] == [("client_unknown", Outcome.HOLDS)]
