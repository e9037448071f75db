"""What owes seed time is got to seed it, the most urgent first, and what cannot be is told."""

from datetime import timedelta
from typing import Any

import pytest

from harvestmouse.core.actions import ForceStart, Reannounce, Resume
from harvestmouse.core.guarantees import check
from harvestmouse.core.model import Torrent, TrackerMessage
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import SEED, Policy
from harvestmouse.core.rescue import next_messages, plan_rescue
from tests.support.builders import (
    DAY,
    HOUR,
    NOW,
    OWED,
    TRACKER,
    decided,
    download,
    hash_of,
    message,
    policy,
    snapshot,
    torrent,
)

EAGER = policy(reconcile={"force_start": True}, rescue={"reannounce": True})
WORKS = (TrackerMessage(host=TRACKER, status=2, text=""),)
AWAY = (message("Connection refused"),)
MOUSE = (message("User currently mouse rank, you need to get your ratio up!"),)


def owing(number: int = 1, **changes: Any) -> Torrent:
    """Return a torrent that has seeded for a day and announces well."""
    return torrent(number, **({"seeding_time": DAY, "messages": WORKS} | changes))


def rescued(*torrents: Torrent, wanted: Policy = EAGER) -> Plan:
    """Return the plan, which no guarantee forbids."""
    seen = snapshot(torrents=list(torrents))
    plan = plan_rescue(seen, wanted)
    assert check(plan, seen, wanted) == ()
    return plan


def verdict(one: Torrent, wanted: Policy = EAGER) -> tuple[str, str] | None:
    """Return what is decided about one torrent."""
    return decided(rescued(one, wanted=wanted)).get(one.hash)


def facts(plan: Plan, number: int = 1) -> dict[str, Any]:
    """Return the facts of one decision."""
    return next(dict(one.facts) for one in plan.decisions if one.subject == hash_of(number))


def order(plan: Plan) -> list[int]:
    """Return the numbers of the torrents that are acted on."""
    return [int(getattr(action, "hash", ""), 16) for action in plan.actions]


class TestWhatIsLookedAt:
    def test_what_owes_nothing_has_no_decision(self) -> None:
        """Neither has a download, nor a torrent of another category."""
        plan = rescued(owing(1, seeding_time=OWED), download(2), owing(3, category="books", state="queuedUP"))
        assert plan.decisions == ()

    def test_a_second_less_than_what_is_owed_has_one(self) -> None:
        """The limit is the janitor's."""
        assert verdict(owing(seeding_time=OWED - 1)) == ("keep", "announcing")

    def test_the_smaller_clock_tells_what_is_owed(self) -> None:
        """The client's clock has seen enough, and the tracker's has not."""
        late = owing(seeding_time=OWED, tracker_seconds=OWED - HOUR, state="queuedUP")
        assert verdict(late) == ("force_start", "owed_queued")
        assert facts(rescued(late))["owed_seconds"] == HOUR
        assert facts(rescued(late))["tracker_seconds"] == OWED - HOUR

    def test_what_repairs_a_hit_and_run_is_seeded_for_its_hold(self) -> None:
        """By its tag, in whatever case, until seven days are seen."""
        repairing = owing(seeding_time=OWED, state="stoppedUP", tags=frozenset({"Recovery"}))
        assert verdict(repairing) == ("resume", "owed_stopped")
        assert facts(rescued(repairing))["owed_seconds"] == 3 * DAY
        last = owing(seeding_time=7 * DAY - 1, state="stoppedUP", tags=frozenset({"recovery"}))
        assert verdict(last) == ("resume", "owed_stopped")
        assert verdict(owing(seeding_time=7 * DAY, state="stoppedUP", tags=frozenset({"recovery"}))) is None

    def test_without_a_torrent_list_the_job_is_skipped(self) -> None:
        """What is unknown is not assumed."""
        plan = plan_rescue(snapshot(torrents=None), EAGER)
        assert plan.skip is not None
        assert (plan.skip.reason, plan.complete, plan.actions) == ("client_unknown", False, ())


class TestRules:
    """The first that holds decides."""

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({}, ("keep", "announcing")),
            ({"state": "forcedUP"}, ("keep", "announcing")),
            ({"state": "queuedUP"}, ("force_start", "owed_queued")),
            ({"state": "pausedUP"}, ("resume", "owed_stopped")),
            ({"state": "stoppedUP"}, ("resume", "owed_stopped")),
            ({"messages": AWAY}, ("reannounce", "owed_refused")),
            ({"messages": ()}, ("reannounce", "owed_refused")),
            ({"messages": (message("", status=1),)}, ("reannounce", "owed_refused")),
            ({"messages": (*AWAY, *WORKS)}, ("keep", "announcing")),
            ({"messages": None}, ("keep", "unknown")),
            ({"state": "error"}, ("keep", "owed_error")),
            ({"state": "missingFiles", "progress": 0.0}, ("keep", "owed_error")),
            ({"state": "stalledDL", "progress": 0.5}, ("keep", "owed_error")),
            ({"state": "queuedDL", "progress": 0.5}, ("keep", "owed_error")),
            ({"state": "checkingUP"}, ("keep", "transient_state")),
            ({"state": "of a later version"}, ("keep", "transient_state")),
            ({"state": None}, ("keep", "unknown")),
            ({"tags": None, "state": "queuedUP"}, ("keep", "unknown")),
            ({"seeding_time": None, "state": "queuedUP"}, ("keep", "unknown")),
            (
                {"progress": None, "completion_on": None, "seeding_time": None, "state": "queuedUP"},
                ("keep", "unknown"),
            ),
        ],
    )
    def test_state_and_tracker_decide(self, changes: dict[str, Any], expected: tuple[str, str]) -> None:
        """What a client can be told is told; the rest is kept, and why."""
        assert verdict(owing(**changes)) == expected

    @pytest.mark.parametrize("state", ["queuedUP", "stoppedUP", "error", "checkingUP", "stalledUP"])
    def test_a_protecting_tag_comes_first(self, state: str) -> None:
        """Whatever else is the matter."""
        wanted = policy(reconcile={"force_start": True}, cleanup={"protect_tags": ("keep",)})
        assert verdict(owing(state=state, tags=frozenset({"Keep"})), wanted) == ("keep", "protected")

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"state": "queuedUP"}, "owed_queued"),
            ({"state": "pausedUP"}, "owed_stopped"),
            ({"messages": AWAY}, "owed_refused"),
        ],
    )
    def test_by_default_nothing_is_done(self, changes: dict[str, Any], reason: str) -> None:
        """It is told, with the switch that would let it be done."""
        plan = rescued(owing(**changes), wanted=SEED)
        assert (decided(plan), plan.actions) == ({hash_of(1): ("keep", reason)}, ())
        switch = "reannounce = true" if reason == "owed_refused" else "force_start = true"
        assert [sentence for sentence in plan.advice if switch in sentence and sentence.startswith("1 ")]

    def test_each_switch_is_for_its_own(self) -> None:
        """Starting and announcing are allowed apart."""
        torrents = [owing(1, state="queuedUP"), owing(2, messages=AWAY)]
        starting = rescued(*torrents, wanted=policy(reconcile={"force_start": True}))
        announcing = rescued(*torrents, wanted=policy(rescue={"reannounce": True}))
        assert (order(starting), order(announcing)) == ([1], [2])

    def test_the_actions_name_torrent_and_reason(self) -> None:
        """As the plan's JSON form has them."""
        plan = rescued(owing(1, state="queuedUP"), owing(2, state="stoppedUP"), owing(3, messages=AWAY))
        assert plan.actions == (
            ForceStart(hash=hash_of(1), name="Torrent 1", reason="owed_queued"),
            Resume(hash=hash_of(2), name="Torrent 2", reason="owed_stopped"),
            Reannounce(hash=hash_of(3), name="Torrent 3", reason="owed_refused"),
        )


class TestDeadline:
    def test_the_most_urgent_comes_first(self) -> None:
        """By the time that may still pass, not by age or hash; one of unknown completion comes last."""
        plan = rescued(
            owing(1, state="queuedUP", completion_on=NOW - 5 * DAY),
            owing(2, state="queuedUP", completion_on=0),
            owing(3, state="queuedUP", completion_on=NOW - 20 * DAY),
            owing(4, state="queuedUP", completion_on=NOW - 20 * DAY, seeding_time=0),
        )
        assert order(plan) == [4, 3, 1, 2]

    def test_the_facts_tell_deadline_and_slack(self) -> None:
        """Thirty days from completion; the site asks 72 hours, without the janitor's margin."""
        found = facts(rescued(owing(completion_on=NOW - 20 * DAY, seeding_time=DAY)))
        assert found["deadline_at"] == NOW + 10 * DAY
        assert found["slack_seconds"] == 8 * DAY
        assert found["owed_seconds"] == OWED - DAY

    def test_what_the_site_has_seen_enough_of_has_no_slack(self) -> None:
        """Only the margin is still owed, which is no matter of the deadline."""
        found = facts(rescued(owing(completion_on=NOW - 40 * DAY, seeding_time=3 * DAY)))
        assert (found["slack_seconds"], found["owed_seconds"]) == (None, DAY)
        found = facts(rescued(owing(completion_on=NOW - 20 * DAY, seeding_time=3 * DAY - 1)))
        assert found["slack_seconds"] == 10 * DAY - 1

    @pytest.mark.parametrize(("slack", "late"), [(0, 0), (-1, 1)])
    def test_what_cannot_be_met_is_told(self, slack: int, late: int) -> None:
        """With the one repair there is, which only a person can make."""
        plan = rescued(owing(completion_on=NOW - 28 * DAY + slack, seeding_time=DAY))
        assert plan.figures["owed_late"] == late
        assert any("1 000 BP" in sentence and sentence.startswith("1 ") for sentence in plan.advice) is bool(late)

    def test_the_deadline_is_policy(self) -> None:
        """Another site has another."""
        plan = rescued(owing(completion_on=NOW), wanted=policy(rescue={"deadline": timedelta(days=10)}))
        assert facts(plan)["deadline_at"] == NOW + 10 * DAY

    def test_the_figures_count_what_does_not_seed(self) -> None:
        """And tell how long the most urgent of those may wait; what announces is not waited for."""
        plan = rescued(
            owing(1, completion_on=NOW - 25 * DAY),
            owing(2, state="queuedUP", completion_on=NOW - 10 * DAY),
            owing(3, state="error", completion_on=NOW - 5 * DAY),
            owing(4, state="moving"),
        )
        assert plan.figures == {
            "owed_torrents": 4,
            "owed_not_announcing": 2,
            "owed_late": 0,
            "least_slack_seconds": 18 * DAY,
        }

    def test_with_nothing_to_wait_for_there_is_no_least_slack(self) -> None:
        """Unknown is not zero."""
        assert rescued(owing()).figures["least_slack_seconds"] is None


class TestLimit:
    def test_a_run_does_its_share(self) -> None:
        """The most urgent; the rest wait, and are told to."""
        wanted = policy(reconcile={"force_start": True}, rescue={"reannounce": True, "per_run": 2})
        plan = rescued(
            owing(1, state="queuedUP", completion_on=NOW - DAY),
            owing(2, state="stoppedUP", completion_on=NOW - 3 * DAY),
            owing(3, messages=AWAY, completion_on=NOW - 2 * DAY),
            wanted=wanted,
        )
        assert order(plan) == [2, 3]
        assert decided(plan)[hash_of(1)] == ("keep", "rescue_limit")
        assert "1 more waits for later runs, as per_run = 2 has it." in plan.advice
        fewer = rescued(*(owing(number, state="queuedUP") for number in range(4)), wanted=wanted)
        assert "2 more wait for later runs, as per_run = 2 has it." in fewer.advice

    def test_what_is_not_allowed_takes_no_place(self) -> None:
        """Of two that rest only one may be started."""
        wanted = policy(rescue={"reannounce": True, "per_run": 1})
        plan = rescued(owing(1, state="queuedUP", completion_on=NOW - 9 * DAY), owing(2, messages=AWAY), wanted=wanted)
        assert order(plan) == [2]
        assert decided(plan)[hash_of(1)] == ("keep", "owed_queued")


class TestAccountEvent:
    """The same refusal on most torrents speaks of the account, and no announce changes it."""

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("User currently mouse rank, you need to get your ratio up!", "class Mouse"),
            ("Unrecognized host/PassKey. (192.0.2.7)", "passkey"),
            ("Connection refused", "look at the site in a browser"),
        ],
    )
    def test_nobody_is_announced_and_the_text_is_told(self, text: str, said: str) -> None:
        """What it is, as far as the words tell."""
        plan = rescued(*(owing(number, messages=(message(text),)) for number in (1, 2, 3)))
        assert set(decided(plan).values()) == {("keep", "account_event")}
        assert plan.actions == ()
        assert any(text.casefold() in sentence and said in sentence for sentence in plan.advice)

    @pytest.mark.parametrize(("refused", "taken", "event"), [(3, 2, True), (3, 3, False), (2, 0, False)])
    def test_most_is_more_than_half_and_at_least_three(self, refused: int, taken: int, event: bool) -> None:
        """Among those that should be announcing, whether they owe or not."""
        torrents = [owing(number, messages=MOUSE) for number in range(refused)]
        torrents += [owing(10 + number, seeding_time=20 * DAY) for number in range(taken)]
        plan = rescued(*torrents)
        assert (plan.actions == ()) is event

    def test_another_refusal_is_announced_all_the_same(self) -> None:
        """Only those with the common words wait."""
        torrents = [owing(number, messages=MOUSE) for number in (1, 2, 3)]
        assert order(rescued(*torrents, owing(4, messages=AWAY))) == [4]

    def test_one_of_unknown_state_is_a_witness(self) -> None:
        """What is not known of one torrent announces no other."""
        torrents = [owing(1, messages=MOUSE), owing(2, messages=MOUSE), owing(3, messages=MOUSE, state=None)]
        assert rescued(*torrents, owing(4), owing(5)).actions == ()

    def test_those_at_rest_are_no_witnesses(self) -> None:
        """Version 4.5 keeps the last words of a torrent that was stopped long ago."""
        resting = [owing(number, messages=MOUSE, state="stoppedUP") for number in (1, 2, 3)]
        assert order(rescued(*resting, owing(4, messages=MOUSE))) == [1, 2, 3, 4]


MEANINGS = {
    "Currently Mouse rank": "the account is in class Mouse, and only upload credit gets it out",
    "Unknown PassKey": "the tracker does not know the passkey or the client's address; look at the site in a browser",
    "Unrecognized host": "the tracker does not know the client's address; look at the site in a browser",
    "Timed out": "that is the account, the passkey or the tracker; look at the site in a browser",
}


class TestWords:
    """What a plan says of what no run can do."""

    @pytest.mark.parametrize(("text", "meaning"), MEANINGS.items(), ids=list(MEANINGS))
    def test_what_most_are_refused_with_is_said_with_its_meaning(self, text: str, meaning: str) -> None:
        """In the tracker's words, and what to do about it."""
        plan = rescued(*(owing(number, messages=(message(text),)) for number in (1, 2, 3)))
        assert plan.advice == (
            (
                f'Most torrents are refused with the same words ("{text.casefold()}"), '
                f"which no announce changes: {meaning}."
            ),
        )

    def test_two_texts_are_two(self) -> None:
        """Each on all of them, from two trackers."""
        both = (message("Timed out"), message("Away"))
        (sentence,) = rescued(*(owing(number, messages=both) for number in (1, 2, 3))).advice
        assert '("away", "timed out")' in sentence

    @pytest.mark.parametrize(
        ("changes", "advice"),
        [
            (
                {"state": "queuedUP"},
                (
                    "1 torrent owes seed time while queued or stopped, unseen by the tracker; "
                    "force_start = true in [reconcile] lets rescue start such torrents, and reconcile gives "
                    "them upload slots."
                ),
            ),
            (
                {"messages": AWAY},
                (
                    "1 torrent owes seed time while the tracker refuses or does not answer; "
                    "reannounce = true in [rescue] announces once more."
                ),
            ),
            (
                {"state": "error"},
                (
                    "1 torrent owes seed time in an error or without data: look at the client's disk and mounts, "
                    "then re-check by hand."
                ),
            ),
            (
                {"completion_on": NOW - 29 * DAY},
                (
                    "1 torrent cannot be seeded for the site's time before the deadline any more; on the site a "
                    "person can pay 1 000 BP, which counts as 72 h for one torrent."
                ),
            ),
        ],
    )
    def test_what_is_left_to_a_person_is_said(self, changes: dict[str, Any], advice: str) -> None:
        """The switch or the deed that would help."""
        assert rescued(owing(**changes), wanted=SEED).advice == (advice,)

    def test_a_decision_tells_what_it_was_made_from(self) -> None:
        """And the plan, what of the policy it hangs on."""
        plan = rescued(owing(state="queuedUP", name="Saltmarsh"))
        found = facts(plan)
        assert (found["name"], found["state"], found["seeding_seconds"]) == ("Saltmarsh", "queuedUP", DAY)
        assert plan.policy["category"] == "mam-farming"

    def test_a_job_without_torrents_says_what_is_missing(self) -> None:
        """As the other jobs do."""
        skip = plan_rescue(snapshot(torrents=None), EAGER).skip
        assert skip is not None
        assert skip.detail == "the torrent list is missing"


class TestMissingClient:
    """One of several clients does not answer."""

    def test_what_is_refused_is_left_as_most_may_be(self) -> None:
        """Silence of a tracker is none of the account's; what is queued is started all the same."""
        seen = [
            owing(1, state="queuedUP"),
            owing(2, messages=AWAY),
            owing(3, messages=(message(""),)),
            owing(4),
        ]
        plan = plan_rescue(snapshot(torrents=seen, missing_clients=("attic",)), EAGER)
        assert [one for _, one in sorted(decided(plan).items())] == [
            ("force_start", "owed_queued"), ("keep", "unknown"), ("reannounce", "owed_refused"), ("keep", "announcing")
        ]  # fmt: skip


class TestMessages:
    def test_they_are_asked_of_what_owes_and_should_announce(self) -> None:
        """And not twice."""
        wanted = owing(1, messages=None)
        others = [
            owing(2),
            owing(3, messages=None, state="queuedUP"),
            owing(4, messages=None, seeding_time=OWED),
            download(5, messages=None),
        ]
        assert next_messages([wanted, *others], SEED) == (wanted,)

    def test_a_plan_without_them_is_not_whole(self) -> None:
        """It may be that the tracker refuses, and nobody has asked."""
        assert rescued(owing()).complete
        assert not rescued(owing(messages=None)).complete
