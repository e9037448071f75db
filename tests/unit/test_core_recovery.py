"""The way back: what is wrong, who does what, when, with which figures, and what nobody knows."""

import json
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from attrs import evolve

from harvestmouse.core import recovery
from harvestmouse.core.model import AccountClass, Profile, Snapshot
from harvestmouse.core.policy import FIELD, SEED, Policy
from harvestmouse.core.recovery import State, Step, Unknown, Way, Who, disabled_way, find_way
from harvestmouse.core.wire.plan import dump
from harvestmouse.core.wire.recovery import unparse_way
from harvestmouse.runners.demo import incident
from tests.support.builders import (
    DAY,
    GIB,
    HOUR,
    MIB,
    NOW,
    OWED,
    download,
    message,
    mouse,
    policy,
    preferences,
    profile,
    snapshot,
    torrent,
)

# A hundred points an hour.
EARNED = ((NOW - 10 * HOUR, 23_551.0), (NOW, 24_551.0))


def way(account: Profile | None = None, with_policy: Policy = SEED, **changes: Any) -> Way:
    """Return the way back of an account."""
    return find_way(snapshot(profile=account or profile(), **changes), with_policy)


def steps(found: Way, who: Who, words: str) -> list[Step]:
    """Return the steps of somebody that say these words."""
    return [step for step in found.steps if step.who is who and words in step.what]


def step(found: Way, who: Who, words: str) -> Step:
    """Return the one step of somebody that says these words."""
    (only,) = steps(found, who, words)
    return only


BUYS = (Who.JOBS, "buys")
LOOK = "look at the profile in a browser"


class TestWell:
    """An account in good standing has no way to go."""

    def test_it_is_said_and_nothing_else(self) -> None:
        """No step, and nothing that has to be learnt."""
        found = way(torrents=(torrent(1), torrent(2, seeding_time=DAY, messages=(message("", status=2),))))
        assert (found.states, found.steps, found.unknown) == ((State.WELL,), (), ())

    def test_a_queue_that_differs_is_no_trouble(self) -> None:
        """Reconcile sets it; there is nothing to recover from."""
        assert way(preferences=preferences(max_active_uploads=3)).states == (State.WELL,)


class TestIncident:
    """The seed's account: 715.55 MiB down, nothing up, 24 551 points (incidents I1, I2, I4)."""

    @pytest.fixture
    def seen(self) -> Snapshot:
        """Return what there was to see that morning, with a balance of ten hours before."""
        world = incident()
        return snapshot(
            taken_at=world.now,
            profile=world.profile,
            torrents=tuple(world.torrents.values()),
            preferences=world.preferences,
            balances=EARNED,
        )

    def test_a_person_is_told_to_buy_a_gib_now(self, seen: Snapshot) -> None:
        """For 500 points, to a ratio of about 1.43."""
        found = find_way(seen, SEED)
        assert found.states == (State.MOUSE,)
        buys = found.steps[0]
        assert (buys.at, buys.who) == (NOW, Who.PERSON)
        assert buys.what.startswith("In the web store, buy 1 GiB of upload credit for 500 BP: the ratio goes from 0.00")
        assert buys.what.endswith("to 1.43, out of class Mouse.")
        assert (buys.figures["gib"], buys.figures["cost_bp"]) == (1.0, 500)
        assert buys.figures["ratio_after"] == pytest.approx(1024 / 715.55)

    def test_the_jobs_need_949_points_and_nine_and_a_half_hours(self, seen: Snapshot) -> None:
        """50 GiB at 25 000, above the reserve of 500, at 100 points an hour."""
        buys = step(find_way(seen, SEED), Who.JOBS, "buys")
        assert buys.at == NOW + int(9.49 * HOUR)
        assert buys.figures["missing_bp"] == 949
        assert (buys.figures["gib"], buys.figures["cost_bp"]) == (50.0, 25_000)
        assert buys.figures["ratio_after"] == pytest.approx(51_200 / 715.55)
        assert buys.what.startswith("If nothing is bought by hand, spend buys 50 GiB of upload credit for 25000 BP")

    def test_the_class_is_left_within_the_hour(self, seen: Snapshot) -> None:
        """And the grabber goes on, since the ratio is over its floor too."""
        found = find_way(seen, SEED)
        assert step(found, Who.WAIT, "serves it again").at == NOW + HOUR
        assert step(found, Who.JOBS, "Grab").at == NOW + HOUR

    def test_the_backlog_goes(self, seen: Snapshot) -> None:
        """466 at once; what has begun goes on once it can, and the queue is set right."""
        found = find_way(seen, SEED)
        assert step(found, Who.JOBS, "as never started").figures == {"torrents": 466}
        assert step(found, Who.WAIT, "begun to download").figures == {"torrents": 35}
        assert "max_active_uploads from 3 to 150" in step(found, Who.JOBS, "Reconcile").what

    def test_without_an_income_nobody_knows_when(self, seen: Snapshot) -> None:
        """How to learn it is told."""
        found = way(seen.profile)
        buys = step(found, Who.JOBS, "buys")
        assert (buys.at, buys.figures["missing_bp"]) == (None, 949)
        assert [one.fact for one in found.unknown] == ["income of points"]
        assert found.steps[-1] is buys


class TestCredit:
    """How the ratio gets where it has to be."""

    def test_a_purchase_that_is_affordable_comes_on_the_next_run(self) -> None:
        """Whether or not somebody buys by hand."""
        buys = step(way(mouse(bonus_points=25_500.0)), Who.JOBS, "buys")
        assert (buys.at, buys.figures["missing_bp"]) == (NOW, 0)
        assert " BP, on its next run: the ratio goes to " in buys.what

    def test_a_large_debt_takes_several(self) -> None:
        """300 GiB: six times 50 to a ratio of 1, two more to 1.2, 250 hours apart."""
        found = way(mouse(downloaded_bytes=300 * GIB), balances=EARNED)
        bought = steps(found, Who.JOBS, "buys")
        ratios = [round(one.figures["ratio_after"], 2) for one in bought]
        assert ratios == [0.17, 0.33, 0.5, 0.67, 0.83, 1.0, 1.17, 1.33]
        times = [one.at or 0 for one in bought]
        assert times[0] == NOW + int(9.49 * HOUR)
        assert {after - before for before, after in pairwise(times)} == {250 * HOUR}
        by_hand = step(found, Who.PERSON, "web store")
        assert by_hand.figures == {"gib": 300.0, "cost_bp": 150_000, "ratio_after": 1.0}
        assert by_hand.at == NOW + int((150_000 - 24_551) / 100 * HOUR)
        assert "bit by bit as points come in" in by_hand.what
        assert by_hand.what.endswith("ratio_floor of 1.2; the field preset has 0.5.")
        assert step(found, Who.WAIT, "serves it again").at == (by_hand.at or 0) + HOUR
        assert step(found, Who.JOBS, "Grab").at == times[-1] + HOUR

    def test_a_debt_beyond_all_measure_is_told_for_its_first_dozen(self) -> None:
        """Whoever owes thousands of GiB does not read on."""
        found = way(mouse(downloaded_bytes=3000 * GIB), balances=EARNED)
        last = steps(found, Who.JOBS, "buys")[-1]
        assert len(steps(found, Who.JOBS, "buys")) == 12
        more = step(found, Who.JOBS, "More purchases")
        assert (more.what, more.at) == (
            "More purchases follow these 12, until the ratio is 1.2 or more.",
            last.at,
        )
        assert found.steps.index(more) == found.steps.index(last) + 1
        assert steps(way(mouse(downloaded_bytes=500 * GIB), balances=EARNED), Who.JOBS, "More purchases") == []

    def test_the_jobs_buy_once_a_run(self) -> None:
        """Points for two purchases are there; the second comes with the next run, six hours later."""
        bought = steps(
            way(mouse(downloaded_bytes=60 * GIB, bonus_points=51_000.0), policy(spend={"tiers": (50,)})), *BUYS
        )
        assert [(one.at, one.figures["missing_bp"]) for one in bought] == [(NOW, 0), (NOW + 6 * HOUR, 0)]

    def test_the_jobs_buy_no_more_than_it_takes(self) -> None:
        """At the ratio exactly; what spend buys beyond that is no part of the way."""
        rich = mouse(downloaded_bytes=50 * GIB, bonus_points=99_999.0)
        assert [one.figures["ratio_after"] for one in steps(way(rich, FIELD), *BUYS)] == [2.0]
        modest = way(rich, policy(FIELD, spend={"tiers": (50,)}))
        assert [one.figures["ratio_after"] for one in steps(modest, *BUYS)] == [1.0]

    def test_the_last_points_pay_by_hand(self) -> None:
        """The reserve binds the jobs only."""
        buys = step(way(mouse(downloaded_bytes=GIB, bonus_points=500.0)), Who.PERSON, "web store")
        assert (buys.at, buys.figures["cost_bp"]) == (NOW, 500)

    def test_half_a_point_that_is_missing_has_to_come_in(self) -> None:
        """Nobody knows when, without an income."""
        buys = step(way(mouse(downloaded_bytes=GIB, bonus_points=499.5)), Who.PERSON, "web store")
        assert (buys.at, buys.figures["cost_bp"]) == (None, 500)

    def test_several_purchases_by_hand_can_be_made_at_once(self) -> None:
        """Where the points are there: no single amount of the store is enough for 30 GiB but 100, which is too dear."""
        buys = step(way(mouse(downloaded_bytes=30 * GIB)), Who.PERSON, "web store")
        assert (buys.at, buys.figures["gib"], buys.figures["cost_bp"]) == (NOW, 30.0, 15_000)
        assert "in several purchases" in buys.what

    def test_points_that_are_there_to_the_last_can_be_spent_at_once(self) -> None:
        """30 GiB for 15 000 points; with one point less they have to come in."""
        account = mouse(downloaded_bytes=30 * GIB, bonus_points=15_000.0)
        buys = step(way(account), Who.PERSON, "web store")
        assert buys.what == (
            "In the web store, buy 30 GiB of upload credit for 15000 BP, in several purchases: the ratio goes from "
            "0.00 to 1.00, out of class Mouse. Grab then still waits for its ratio_floor of 1.2; the field preset "
            "has 0.5."
        )
        assert "bit by bit" in step(way(evolve(account, bonus_points=14_999.0)), Who.PERSON, "web store").what

    def test_what_was_uploaded_before_counts(self) -> None:
        """10 GiB of 60 are there, so that 50 lift it to 1; a byte more takes one GiB more."""
        account = mouse(uploaded_bytes=10 * GIB, downloaded_bytes=60 * GIB, bonus_points=0.0)
        buys = step(way(account), Who.PERSON, "web store")
        assert "the ratio goes from 0.17 to 1.00, out of class Mouse." in buys.what
        assert buys.figures == {"gib": 50.0, "cost_bp": 25_000, "ratio_after": 1.0}
        more = step(way(evolve(account, downloaded_bytes=60 * GIB + 1)), Who.PERSON, "web store")
        assert more.figures["gib"] == 51.0

    def test_out_of_class_mouse_it_is_not_told_to_leave_it(self) -> None:
        """To the word."""
        assert step(way(profile(uploaded_bytes=7 * GIB)), Who.PERSON, "web store").what == (
            "In the web store, buy 5 GiB of upload credit for 2500 BP: the ratio goes from 0.70 to 1.20."
        )

    def test_a_floor_that_is_just_reached_holds_nothing(self) -> None:
        """From class Mouse to a ratio of exactly 1."""
        buys = step(way(mouse(downloaded_bytes=5 * GIB), policy(grab={"ratio_floor": 1.0})), Who.PERSON, "web store")
        assert buys.what.endswith("to 1.00, out of class Mouse.")

    def test_an_unknown_upload_is_no_upload_to_reckon_with(self) -> None:
        """Nobody knows what has to be bought, nor when the tracker serves the account again."""
        found = way(mouse(uploaded_bytes=None), balances=EARNED, torrents=(torrent(seeding_time=HOUR),))
        assert [one for one in found.steps if "buy" in one.what] == []
        assert step(found, Who.WAIT, "All that owes").at is None

    def test_a_policy_that_never_buys_is_named(self) -> None:
        """The smallest tier is over the cap; nothing is lifted by that."""
        found = way(mouse(bonus_points=0.0), policy(spend={"tiers": (500,)}))
        advice = step(found, Who.PERSON, "tiers or reserve")
        assert advice == Step(
            NOW,
            Who.PERSON,
            "Lower tiers or reserve in [spend]: 250500 BP are over the site's cap, so it never buys.",
            {"gib": 500.0, "cost_bp": 250_000, "missing_bp": 250_500},
        )
        assert step(found, Who.WAIT, "With that credit").at is None

    @pytest.mark.parametrize(("reserve", "never"), [(499, False), (500, True)])
    def test_the_cap_binds_price_and_reserve_together(self, reserve: int, never: bool) -> None:
        """199 GiB cost 99 500, and the site holds 99 999."""
        found = way(mouse(), policy(spend={"tiers": (199,), "reserve": reserve}))
        assert bool(steps(found, Who.PERSON, "tiers or reserve")) is never

    def test_an_unknown_income_is_told(self) -> None:
        """With what is missing to the last point."""
        assert step(way(mouse(bonus_points=0.0)), *BUYS) == Step(
            None,
            Who.JOBS,
            "If nothing is bought by hand, spend buys 50 GiB of upload credit for 25000 BP once 25500 more BP have "
            "come in; how many come in is not known yet.",
            {"gib": 50.0, "cost_bp": 25_000, "missing_bp": 25_500},
        )

    def test_no_income_is_told(self) -> None:
        """None has come in lately, which is not the same as unknown."""
        found = way(mouse(), balances=((NOW - 10 * HOUR, 24_551.0), (NOW, 24_551.0)))
        assert step(found, Who.JOBS, "buys").what.endswith("hardly any have come in lately.")
        assert found.unknown == ()

    def test_unknown_points_say_nothing_of_purchases(self) -> None:
        """They are named as unknown."""
        found = way(mouse(bonus_points=None))
        assert [one for one in found.steps if "buy" in one.what] == []
        assert step(found, Who.WAIT, "With enough credit the site lifts").at is None
        assert [one.fact for one in found.unknown] == ["bonus points"]

    @pytest.mark.parametrize("uploaded", [20 * GIB, 12 * GIB])
    def test_what_is_bought_already_is_waited_for(self, uploaded: int) -> None:
        """The site still shows class Mouse for a while; nothing more has to be bought."""
        found = way(mouse(uploaded_bytes=uploaded, downloaded_bytes=10 * GIB), torrents=(torrent(seeding_time=HOUR),))
        lifts = step(found, Who.WAIT, "The ratio is enough")
        assert lifts.at == NOW + HOUR
        assert lifts.what == (
            "The ratio is enough: the site lifts the account out of class Mouse, and the tracker serves it again. If "
            "that takes longer than a day, ask the staff."
        )
        assert step(found, Who.WAIT, "has its 72 hours").at == NOW + HOUR + OWED - HOUR
        assert [one for one in found.steps if "buy" in one.what] == []

    @pytest.mark.parametrize(("points", "gib"), [(24_551.0, 2.5), (100.0, 2.0)])
    def test_a_ratio_of_one_lacks_the_floor_alone(self, points: float, gib: float) -> None:
        """In class Mouse still, at 10 GiB of 10: one GiB gives 1.1, and the floor is 1.2."""
        found = way(mouse(uploaded_bytes=10 * GIB, downloaded_bytes=10 * GIB, bonus_points=points))
        assert step(found, Who.WAIT, "The ratio is enough").at == NOW + HOUR
        buys = step(found, Who.PERSON, "web store")
        assert buys.figures["gib"] == gib
        assert "Mouse" not in buys.what
        assert steps(found, Who.WAIT, "With that credit") == []

    @pytest.mark.parametrize(
        ("uploaded", "with_policy", "states"),
        [
            (12 * GIB, SEED, (State.WELL,)),
            (12 * GIB - 1, SEED, (State.LOW_RATIO,)),
            (10 * GIB, FIELD, (State.WELL,)),
            (10 * GIB - 1, FIELD, (State.LOW_RATIO,)),
        ],
    )
    def test_a_ratio_is_low_under_the_floor_and_under_one(
        self, uploaded: int, with_policy: Policy, states: tuple[State, ...]
    ) -> None:
        """The field preset grabs from 0.5 on, but the site wants 1."""
        assert way(profile(uploaded_bytes=uploaded), with_policy).states == states

    def test_a_floor_that_blocks_can_be_lowered(self) -> None:
        """Where the field preset's would let it grab (incident I9)."""
        found = way(profile(uploaded_bytes=7 * GIB))
        assert step(found, Who.PERSON, "lower ratio_floor in [grab] from 1.2").at == NOW
        assert step(found, Who.PERSON, "web store").figures["ratio_after"] == 1.2
        assert steps(way(profile(uploaded_bytes=5 * GIB)), Who.PERSON, "lower ratio_floor")
        assert steps(way(profile(uploaded_bytes=5 * GIB - 1)), Who.PERSON, "lower ratio_floor") == []
        assert steps(way(profile(uploaded_bytes=7 * GIB), FIELD), Who.PERSON, "lower ratio_floor") == []

    def test_grab_is_not_told_to_go_on_where_it_never_stopped(self) -> None:
        """The field preset grabs at 0.7, though the site wants 1."""
        assert steps(way(profile(uploaded_bytes=7 * GIB), FIELD), Who.JOBS, "Grab") == []

    def test_a_floor_that_is_met_is_not_to_be_lowered(self) -> None:
        """At 0.7 exactly grab goes on, and the site alone wants more."""
        found = way(profile(uploaded_bytes=7 * GIB), policy(grab={"ratio_floor": 0.7}))
        assert found.states == (State.LOW_RATIO,)
        assert [one for one in found.steps if "grab" in one.what.lower()] == []

    def test_an_open_purchase_is_waited_for(self) -> None:
        """Nothing is foretold of the next one."""
        found = way(mouse(bonus_points=30_000.0), purchase_pending=True)
        assert steps(found, Who.JOBS, "buys") == []
        waits = step(found, Who.WAIT, "earlier purchase")
        assert (waits.at, waits.what) == (
            None, "A later run of spend sees whether an earlier purchase happened; until then it buys nothing."
        )  # fmt: skip


class TestBacklog:
    """What the janitor takes, day by day."""

    def test_what_cannot_start_goes_as_it_comes_of_age(self) -> None:
        """In class Mouse nothing starts: 24 hours after it was added, and a second."""
        ages = (25 * HOUR, 20 * HOUR, HOUR)
        held = tuple(download(number, added_on=NOW - age) for number, age in enumerate(ages))
        kept = download(9, tags=frozenset({"keep"}))
        found = way(mouse(), policy(cleanup={"protect_tags": ("keep",)}), torrents=(*held, kept))
        assert [(one.at, one.figures) for one in found.steps if "never started" in one.what] == [
            (NOW, {"torrents": 1}),
            (NOW + 23 * HOUR + 1, {"torrents": 2}),
        ]

    def test_what_was_added_just_now_goes_with_the_rest_of_the_day(self) -> None:
        """24 hours from now are still this day."""
        held = (download(1, added_on=NOW), download(2, added_on=NOW - HOUR))
        gone = step(way(mouse(), torrents=held), Who.JOBS, "never started")
        assert (gone.at, gone.figures) == (NOW + DAY + 1, {"torrents": 2})

    def test_longer_patience_is_told_by_the_day(self) -> None:
        """One step for each day."""
        patient = policy(cleanup={"never_started_age": timedelta(days=3)})
        held = tuple(download(number, added_on=NOW - number * DAY) for number in range(3))
        found = way(mouse(), patient, torrents=held)
        assert [one.at for one in found.steps if "never started" in one.what] == [
            NOW + DAY + 1,
            NOW + 2 * DAY + 1,
            NOW + 3 * DAY + 1,
        ]

    def test_a_day_ends_with_its_last_second(self) -> None:
        """What comes of age a second later is told with the next day."""
        patient = policy(cleanup={"never_started_age": timedelta(days=3)})
        held = (download(1, added_on=NOW - 2 * DAY), download(2, added_on=NOW - 2 * DAY + 1))
        gone = steps(way(mouse(), patient, torrents=held), Who.JOBS, "never started")
        assert [one.at for one in gone] == [NOW + DAY + 1, NOW + DAY + 2]

    def test_partial_downloads_that_are_kept_are_told_no_end(self) -> None:
        """The policy says so."""
        keeping = policy(cleanup={"keep_partials": True})
        found = way(mouse(), keeping, torrents=(download(1, downloaded_bytes=MIB, progress=0.1),))
        assert step(found, Who.WAIT, "begun to download").what == (
            "What has begun to download (1 torrent) goes on where it stopped, once the class is left."
        )

    def test_out_of_class_mouse_only_what_is_due_is_told(self) -> None:
        """Anything else may start any minute."""
        held = (download(1, added_on=NOW - 25 * HOUR), download(2))
        found = way(profile(uploaded_bytes=0), torrents=held)
        assert [one.at for one in found.steps if "never started" in one.what] == [NOW]
        assert steps(found, Who.WAIT, "begun to download") == []


class TestSeeding:
    """What is owed, and until when."""

    def test_resting_torrents_are_to_be_started(self) -> None:
        """By a person, unless the policy lets rescue do it."""
        held = (torrent(1, state="queuedUP", seeding_time=HOUR), torrent(2, state="stoppedUP", seeding_time=2 * HOUR))
        found = way(torrents=held)
        assert found.states == (State.NOT_SEEDING,)
        assert step(found, Who.PERSON, "start what owes").figures == {"queued": 1, "stopped": 1}
        assert step(found, Who.WAIT, "All that owes") == Step(
            NOW + OWED - HOUR,
            Who.WAIT,
            "All that owes seed time (2 torrents) has its 72 hours, and 24 to be sure, if it seeds from now on.",
            {"torrents": 2, "seconds": OWED - HOUR},
        )
        started = way(with_policy=policy(reconcile={"force_start": True}), torrents=held)
        assert step(started, Who.JOBS, "Rescue") == Step(
            NOW,
            Who.JOBS,
            "Rescue starts 2 torrents and announces 0 once more, to seed what is owed.",
            {"started": 2, "announced": 0},
        )
        assert steps(started, Who.PERSON, "start what owes") == []

    def test_the_last_moment_of_the_most_urgent_is_told(self) -> None:
        """Completed 20 days ago, 71 hours to go: ten days less 71 hours are left."""
        resting = torrent(1, state="stoppedUP", seeding_time=HOUR, completion_on=NOW - 20 * DAY)
        assert step(way(torrents=(resting,)), Who.PERSON, "last moment") == Step(
            NOW + 10 * DAY - 71 * HOUR,
            Who.PERSON,
            "The last moment for the most urgent torrent that is not seeding; later it becomes a hit-and-run.",
            {"seconds": 10 * DAY - 71 * HOUR},
        )

    def test_one_that_is_too_late_can_be_paid_for(self) -> None:
        """1 000 points each."""
        resting = torrent(1, state="stoppedUP", seeding_time=HOUR, completion_on=NOW - 29 * DAY)
        found = way(torrents=(resting,))
        late = step(found, Who.PERSON, "too late")
        assert steps(found, Who.PERSON, "last moment") == []
        assert late.figures == {"torrents": 1, "cost_bp": 1000}

    def test_in_class_mouse_the_clock_starts_when_it_is_left(self) -> None:
        """The tracker refuses every announce until then, which is no trouble of its own."""
        refused = (message("User currently mouse rank, you need to get your ratio up!"),)
        held = tuple(torrent(number, seeding_time=DAY, messages=refused) for number in range(4))
        found = way(mouse(), torrents=held)
        assert step(found, Who.WAIT, "counted from when the class is left").at == NOW + HOUR + OWED - DAY
        assert steps(found, Who.PERSON, "refuses") == []
        stuck = way(mouse(bonus_points=0.0), torrents=held)
        assert step(stuck, Who.WAIT, "counted from when the class is left").at is None
        owing = way(mouse(bonus_points=0.0, hit_and_run_count=1))
        assert step(owing, Who.WAIT, "first of them").at is None

    def test_refused_torrents_are_to_be_looked_at(self) -> None:
        """Out of class Mouse a refusal means something; an unknown passkey means the account's address."""
        held = tuple(torrent(n, seeding_time=DAY, messages=(message("Unrecognized host/PassKey."),)) for n in range(4))
        found = way(torrents=held)
        assert found.states == (State.NOT_SEEDING, State.STRANGER)
        assert step(found, Who.PERSON, "refuses") == Step(
            NOW,
            Who.PERSON,
            "The tracker refuses what owes seed time (4 torrents), or does not answer: see in the client what it says.",
            {"torrents": 4},
        )
        again = way(with_policy=policy(rescue={"reannounce": True}), torrents=held[:1])
        assert step(again, Who.JOBS, "Rescue").figures == {"started": 0, "announced": 1}
        assert step(found, Who.PERSON, "passkey").figures == {"torrents": 4}

    def test_unasked_trackers_are_named(self) -> None:
        """Nobody knows whether they take the announces."""
        found = way(torrents=(torrent(1, seeding_time=DAY, messages=None),))
        assert found.states == (State.WELL,)
        assert [one.fact for one in found.unknown] == ["whether what may owe seed time (1 torrent) is seeding it"]

    def test_hit_and_runs_are_seeded_again_or_paid_for(self) -> None:
        """60 of them, at 1 000 points each."""
        found = way(profile(hit_and_run_count=60))
        assert found.states == (State.HIT_AND_RUN,)
        repair = step(found, Who.PERSON, "hit-and-runs (60)")
        assert repair.figures == {"torrents": 60, "cost_bp": 60_000}
        assert 'tag it "recovery": the janitor leaves it for 7 days' in repair.what
        assert step(found, Who.WAIT, "first of them").at == NOW + 72 * HOUR


class TestLimits:
    """What only time ends."""

    def test_a_freeze_ends_when_the_site_said(self) -> None:
        """And no longer counts after that."""
        found = way(download_freeze_until=NOW + 26 * HOUR)
        assert found.states == (State.FROZEN,)
        assert step(found, Who.WAIT, "takes downloads again").at == NOW + 26 * HOUR
        assert way(download_freeze_until=NOW).states == (State.WELL,)
        assert steps(way(mouse(), download_freeze_until=NOW), Who.WAIT, "takes downloads again") == []

    def test_unsatisfied_torrents_end_as_they_seed(self) -> None:
        """40 of 50 are the limit; grab goes on under 30, when eleven more have their 72 hours."""
        working = (message("", status=2),)
        held = tuple(torrent(n, seeding_time=(72 - n) * HOUR, messages=working) for n in range(1, 30))
        found = way(profile(unsat_count=40), torrents=held)
        assert found.states == (State.UNSATISFIED,)
        waits = step(found, Who.WAIT, "satisfied")
        assert (waits.at, waits.figures["unsat_used"], waits.figures["unsat_limit"]) == (NOW + 11 * HOUR, 40, 50)
        assert waits.what.endswith("Deleting one frees no slot, only 72 hours of seeding do.")
        assert step(way(profile(unsat_count=40)), Who.WAIT, "satisfied").at is None
        assert way(profile(unsat_count=39)).states == (State.WELL,)


class TestClient:
    """What has to be looked at."""

    @pytest.mark.parametrize("state", ["error", "missingFiles"])
    def test_errors_are(self, state: str) -> None:
        """A disk or a mount, most likely."""
        found = way(torrents=(torrent(1, state=state),))
        assert found.states == (State.CLIENT_ERROR,)
        assert step(found, Who.PERSON, "disk and mounts").figures == {"torrents": 1}

    def test_other_categories_are_not(self) -> None:
        """They are somebody else's."""
        assert way(torrents=(torrent(1, state="error", category="films"),)).states == (State.WELL,)


class TestUnknown:
    """What is missing is named, with how to learn it; nothing is made up."""

    def test_an_empty_snapshot_names_everything(self) -> None:
        """And has no steps."""
        found = find_way(Snapshot(taken_at=NOW), SEED)
        assert (found.states, found.steps) == ((State.UNKNOWN,), ())
        assert found.unknown == (
            Unknown("class, upload and download of the account", LOOK + ", then run this again"),
            Unknown("bonus points", "look at the store in a browser"),
            Unknown("hit-and-runs", LOOK),
            Unknown("unsatisfied torrents", LOOK),
            Unknown("the client's torrents", "see that the client runs, then run this again"),
        )

    def test_each_client_that_did_not_answer_is_named(self) -> None:
        """Where there are several, the others are looked at all the same."""
        found = way(torrents=(torrent(1, state="error"),), missing_clients=("box", "attic"))
        assert found.states == (State.CLIENT_ERROR,)
        learn = "see that this client runs, then run this again"
        assert found.unknown == (Unknown("the torrents of box", learn), Unknown("the torrents of attic", learn))

    @pytest.mark.parametrize("missing", ["uploaded_bytes", "downloaded_bytes", "account_class"])
    def test_each_fact_of_the_account_is_needed(self, missing: str) -> None:
        """Without one of them nobody knows what is wrong."""
        without: dict[str, Any] = {missing: None}
        assert way(profile(**without)).unknown[0].fact == "class, upload and download of the account"

    def test_the_income_is_asked_for_where_points_are_short(self) -> None:
        """At the ratio that is wanted nothing has to be bought."""
        learn = "let spend or grab run twice, at least an hour apart; a dry run is enough"
        for with_policy in (SEED, FIELD):
            assert way(mouse(), with_policy).unknown == (Unknown("income of points", learn),)
        assert way(profile(uploaded_bytes=12 * GIB - 1)).unknown == (Unknown("income of points", learn),)
        assert way(profile(uploaded_bytes=12 * GIB)).unknown == ()

    def test_what_nobody_asked_the_trackers_is_named(self) -> None:
        """With how many torrents it is about."""
        (unasked,) = way(torrents=(torrent(1, seeding_time=HOUR, messages=None),)).unknown
        assert unasked == Unknown(
            "whether what may owe seed time (1 torrent) is seeding it", "look at its trackers in the client"
        )

    def test_a_class_on_no_known_rung_is_unknown(self) -> None:
        """What the client shows is told all the same."""
        found = way(profile(account_class=None, class_name="Dev"), torrents=(torrent(1, state="error"),))
        assert found.states == (State.UNKNOWN, State.CLIENT_ERROR)
        assert step(found, Who.PERSON, "disk and mounts").at == NOW

    @pytest.mark.parametrize(
        ("fact", "name"), [("hit_and_run_count", "hit-and-runs"), ("unsat_count", "unsatisfied torrents")]
    )
    def test_a_missing_figure_is_named(self, fact: str, name: str) -> None:
        """Unknown is not zero."""
        missing: dict[str, Any] = {fact: None}
        assert [one.fact for one in way(profile(**missing)).unknown] == [name]


class TestDisabled:
    """The site refuses a new cookie too (incident I12)."""

    def test_a_person_is_kept_from_making_it_worse(self) -> None:
        """No new cookies, no repeated logins; the staff is asked."""
        found = disabled_way(NOW)
        text = " ".join(one.what for one in found.steps)
        assert found.states == (State.DISABLED,)
        assert {one.who for one in found.steps} == {Who.PERSON}
        for words in ("Make no new cookie", "do not repeat the login", "ask its staff", "doctor --resume"):
            assert words in text

    def test_all_of_it_is_due_now_but_the_staffs_answer(self) -> None:
        """What a person reads."""
        found = disabled_way(NOW)
        assert (found.taken_at, [one.at for one in found.steps]) == (NOW, [NOW, NOW, NOW, None])
        assert [one.what for one in found.steps[1:]] == [
            (
                "Log in once, in a browser. If the site says that the account is disabled, ask its staff on IRC, and "
                "tell them what runs here."
            ),
            "Leave the client running: what it seeds, it owes.",
            "Once staff has answered and the browser shows the site again: harvestmouse doctor --resume.",
        ]


class TestWhole:
    """One account with nearly every trouble: all that is told of it, to the second and to the word."""

    HELD = (
        torrent(1, state="queuedUP", seeding_time=HOUR),
        torrent(2, state="stoppedUP", seeding_time=2 * HOUR, completion_on=NOW - 29 * DAY, added_on=NOW - 30 * DAY),
        torrent(3, state="queuedUP", seeding_time=HOUR, completion_on=NOW - 40 * DAY, added_on=NOW - 41 * DAY),
        torrent(4, state="queuedUP", seeding_time=HOUR, completion_on=NOW - 40 * DAY, added_on=NOW - 41 * DAY),
        torrent(5, state="error"),
        torrent(6, state="missingFiles"),
        torrent(7, seeding_time=HOUR, messages=(message("Unrecognized host"),)),
        torrent(8, seeding_time=HOUR, messages=(message("bad PassKey"),)),
        *(download(number, added_on=NOW - 2 * DAY) for number in (9, 10)),
        *(download(number) for number in (11, 12)),
        *(download(number, downloaded_bytes=MIB, progress=0.1) for number in (13, 14)),
        *(download(number, added_on=NOW - 5 * DAY, downloaded_bytes=MIB, progress=0.1) for number in (15, 16)),
    )
    # Ten points an hour: 25 400 are missing to 50 GiB and the reserve, 29 900 to the 60 GiB that leave the class.
    BOUGHT, LIFTED = 2540 * HOUR, 2990 * HOUR
    TOLD: tuple[tuple[int | None, str, str, dict[str, Any]], ...] = (
        (
            0,
            "person",
            (
                "Seed the hit-and-runs (2) again: your profile's page lists them. Add to the client what "
                'it has no more, and tag it "recovery": the janitor leaves it for 7 days. Or pay 1000 BP '
                "for each in the store, 2000 BP in all."
            ),
            {"torrents": 2, "cost_bp": 2000},
        ),
        (
            0,
            "person",
            (
                "In the client, start what owes seed time and is queued or stopped (4 torrents): the "
                "tracker does not see it. Or set force_start = true in [reconcile]."
            ),
            {"queued": 3, "stopped": 1},
        ),
        (
            0,
            "person",
            (
                "It is too late to seed 3 torrents for 72 hours within the site's 30 days; seeding "
                "repairs that all the same. In the store 1000 BP each count as 72 hours, 3000 BP in all."
            ),
            {"torrents": 3, "cost_bp": 3000},
        ),
        (
            0,
            "person",
            ("Look at the client's disk and mounts: an error or missing files on 2 torrents. Then re-check."),
            {"torrents": 2},
        ),
        (
            0,
            "person",
            (
                "For 2 torrents the tracker does not know the client's address or the passkey. Compare "
                "both with what the site shows under Preferences."
            ),
            {"torrents": 2},
        ),
        (
            0,
            "wait",
            (
                "What has begun to download (2 torrents) goes on where it stopped, once the class is "
                "left. The janitor deletes what is stalled for 3 days."
            ),
            {"torrents": 2},
        ),
        (
            0,
            "jobs",
            "The janitor deletes 2 torrents as never started.",
            {"torrents": 2},
        ),
        (
            0,
            "jobs",
            "The janitor deletes 2 torrents as stalled for too long.",
            {"torrents": 2},
        ),
        (
            0,
            "jobs",
            ("Reconcile sets the client's max_active_downloads from 2 to 20, max_active_uploads from 3 to 150."),
            {"owed_torrents": 6},
        ),
        (
            23 * HOUR + 1,
            "jobs",
            "The janitor has deleted 2 torrents more as never started, if the class is still Mouse.",
            {"torrents": 2},
        ),
        (
            26 * HOUR,
            "wait",
            ("The site takes downloads again. Until then seed, and download nothing on this account by any means."),
            {"seconds": 26 * HOUR},
        ),
        (
            BOUGHT,
            "jobs",
            (
                "If nothing is bought by hand, spend buys 50 GiB of upload credit for 25000 BP, as soon "
                "as 25400 more BP have come in: the ratio goes to 0.83."
            ),
            {"gib": 50.0, "cost_bp": 25_000, "ratio_after": 50 / 60, "missing_bp": 25_400},
        ),
        (
            LIFTED,
            "person",
            (
                "In the web store, buy 60 GiB of upload credit for 30000 BP, bit by bit as points come "
                "in: the ratio goes from 0.00 to 1.00, out of class Mouse. Grab then still waits for its "
                "ratio_floor of 1.2; the field preset has 0.5."
            ),
            {"gib": 60.0, "cost_bp": 30_000, "ratio_after": 1.0},
        ),
        (
            LIFTED + HOUR,
            "wait",
            (
                "With that credit the site lifts the account out of class Mouse, and the tracker serves "
                "it again: what the client has goes on by itself."
            ),
            {},
        ),
        (
            LIFTED + 73 * HOUR,
            "wait",
            "The first of them can be repaired, if they seed from now on.",
            {"seconds": 72 * HOUR},
        ),
        (
            LIFTED + 96 * HOUR,
            "wait",
            (
                "All that owes seed time (6 torrents) has its 72 hours, and 24 to be sure, counted from "
                "when the class is left."
            ),
            {"torrents": 6, "seconds": 95 * HOUR},
        ),
        (
            BOUGHT + 2500 * HOUR,
            "jobs",
            (
                "Spend then buys 50 GiB of upload credit for 25000 BP, as soon as 25000 more BP have come"
                " in: the ratio goes to 1.67."
            ),
            {"gib": 50.0, "cost_bp": 25_000, "ratio_after": 100 / 60, "missing_bp": 25_000},
        ),
        (
            BOUGHT + 2501 * HOUR,
            "jobs",
            "Grab takes wanted freeleech again, at a ratio of 1.2 or more, if nothing else holds it.",
            {},
        ),
    )

    def test_all_of_it_is_told(self) -> None:
        """Last comes what nobody can date: when enough slots are free, with figures of its own."""
        account = mouse(
            downloaded_bytes=60 * GIB, bonus_points=100.0, hit_and_run_count=2, unsat_count=48, unsat_limit=50
        )
        found = way(
            account,
            balances=((NOW - 10 * HOUR, 0.0), (NOW, 100.0)),
            download_freeze_until=NOW + 26 * HOUR,
            preferences=preferences(max_active_uploads=3, max_active_downloads=2),
            torrents=self.HELD,
        )
        *dated, last = found.steps
        told = [(None if one.at is None else one.at - NOW, one.who.value, one.what, one.figures) for one in dated]
        assert told == list(self.TOLD)
        assert (last.at, last.figures) == (None, {"unsat_used": 48, "unsat_limit": 50, "seconds": None})


class TestForm:
    """The order, and the JSON form."""

    def test_steps_come_in_the_order_of_time(self) -> None:
        """Those of a person first, and those that nobody can date last."""
        held = (torrent(1, state="queuedUP", seeding_time=HOUR), download(2, added_on=NOW - 2 * DAY))
        found = way(profile(uploaded_bytes=7 * GIB, hit_and_run_count=2), torrents=held)
        times = [one.at for one in found.steps]
        dated = [at for at in times if at is not None]
        assert dated == sorted(dated)
        assert times == [*dated, *[None] * (len(times) - len(dated))]
        now = [one.who for one in found.steps if one.at == NOW]
        assert now == sorted(now, key=[Who.PERSON, Who.WAIT, Who.JOBS].index)

    def test_the_figures_are_the_account_s(self) -> None:
        """By the names that are published."""
        owing = (torrent(1, state="queuedUP", seeding_time=HOUR),)
        found = way(mouse(unsat_count=9, unsat_limit=20, hit_and_run_count=2), balances=EARNED, torrents=owing)
        assert found.figures == {
            "class": "Mouse",
            "ratio": 0.0,
            "uploaded_bytes": 0,
            "downloaded_bytes": 715 * MIB,
            "balance_bp": 24_551.0,
            "income_bp_per_hour": 100.0,
            "hit_and_run_count": 2,
            "unsat_used": 9,
            "unsat_limit": 20,
            "owed_torrents": 1,
        }

    def test_the_names_for_other_programs_are_there(self) -> None:
        """Whatever is offered can be imported."""
        assert {getattr(recovery, name) for name in recovery.__all__} == {
            State, Step, Unknown, Way, Who, disabled_way, find_way
        }  # fmt: skip

    def test_the_json_form_holds_all_of_it(self) -> None:
        """In plain values."""
        found = way(mouse(account_class=AccountClass.MOUSE), torrents=(torrent(1, state="error"),))
        form = json.loads(dump(unparse_way(found)))
        assert form["format"] == "harvestmouse-recovery/1"
        assert (form["taken_at"], form["state"], form["states"]) == (NOW, "mouse", ["mouse", "client_error"])
        assert form["figures"]["downloaded_bytes"] == 715 * MIB
        assert form["steps"][0]["figures"]["cost_bp"] == 500
        assert [one["at"] for one in form["steps"]] == [one.at for one in found.steps]
        assert {one["who"] for one in form["steps"]} == {"person", "wait", "jobs"}
        assert form["unknown"][0].keys() == {"fact", "learn"}

    def test_a_ratio_with_nothing_downloaded_is_written_as_the_site_does(self) -> None:
        """JSON has no infinity."""
        assert way(profile(downloaded_bytes=0)).figures["ratio"] == "\N{INFINITY}"
