"""The tracker's clock goes on only while a tracker was seen to take the announces (incident I5)."""

from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from harvestmouse.core.attribution import plan_monitor
from harvestmouse.core.cleanup import plan_cleanup
from harvestmouse.core.clock import advance, corrected, drift, shown, unheard
from harvestmouse.core.guarantees import check
from harvestmouse.core.model import Seen, Snapshot, Torrent, TrackerClock, TrackerMessage
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import SEED, Policy
from harvestmouse.core.reconcile import plan_reconcile
from harvestmouse.core.rescue import plan_rescue
from harvestmouse.core.wire.clock import parse_clock, unparse_clock
from tests.support.builders import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    OWED,
    TRACKER,
    decided,
    decision_on,
    download,
    hash_of,
    message,
    policy,
    preferences,
    snapshot,
    torrent,
)

WORKS = (TrackerMessage(host=TRACKER, status=2, text=""),)
QUARTER = 15 * MINUTE


def seeding(number: int = 1, **changes: Any) -> Torrent:
    """Return a torrent that has seeded for a day and whose tracker works."""
    return torrent(number, **({"seeding_time": DAY, "messages": WORKS} | changes))


def seen(*looks: tuple[int, Torrent | None], wanted: Policy = SEED, clock: TrackerClock | None = None) -> TrackerClock:
    """Return the record after looks at a client that lists one torrent or none, each at a time after `NOW`."""
    for after, one in looks:
        clock = advance(clock, [] if one is None else [one], wanted, NOW + after)
    assert clock is not None
    return clock


def seconds(*looks: tuple[int, Torrent | None], wanted: Policy = SEED) -> int:
    """Return the time on the tracker's clock of that torrent after these looks, less the day it began with."""
    return seen(*looks, wanted=wanted)[hash_of(1)].seconds - DAY


class TestCredit:
    """The time between two looks counts if the torrent announced at both."""

    def test_the_first_look_begins_with_the_client_s_figure(self) -> None:
        """What was before cannot be known."""
        assert seen((0, seeding()))[hash_of(1)] == Seen(seconds=DAY, announcing=True, listed_at=NOW, announced_at=NOW)

    def test_a_torrent_that_has_just_completed_begins_at_nothing(self) -> None:
        """To the second."""
        assert seen((0, seeding(seeding_time=0)))[hash_of(1)].seconds == 0

    def test_what_does_not_announce_is_remembered_as_such(self) -> None:
        """As a word that the file can have: it rests, or is not listed any more."""
        for later in (seeding(state="stoppedUP"), None):
            assert seen((0, seeding()), (QUARTER, later))[hash_of(1)].announcing is False

    def test_what_owes_nothing_is_not_asked_for(self) -> None:
        """From the second on in which it no longer does."""
        owing, done = (seeding(messages=None, seeding_time=seconds) for seconds in (OWED - 1, OWED))
        assert unheard([owing, done], SEED.cleanup) == (owing,)

    def test_a_torrent_that_nobody_has_seen_may_begin_at_nothing(self) -> None:
        """Where the operator does not trust the client."""
        wanted = policy(cleanup={"trust_unseen": False})
        assert seen((0, seeding()), wanted=wanted)[hash_of(1)].seconds == 0

    @pytest.mark.parametrize("state", ["uploading", "stalledUP", "forcedUP"])
    def test_time_between_two_announces_counts(self, state: str) -> None:
        """Whatever the client's own figure says, which may be stale."""
        assert seconds((0, seeding()), (QUARTER, seeding(state=state)), (2 * QUARTER, seeding())) == 2 * QUARTER

    @pytest.mark.parametrize(
        "changes",
        [
            {"state": "queuedUP"},
            {"state": "stoppedUP"},
            {"state": "pausedUP"},
            {"state": "checkingUP"},
            {"state": "error"},
            {"state": "stalledDL"},
            {"messages": (message("unregistered torrent"),)},
            {"messages": (message("Connection refused"),)},
            {"messages": (message("", status=1),)},
            {"messages": (message("", status=3),)},
            {"messages": (message("refused", status=5, reports_tracker_errors=True),)},
            {"messages": ()},
        ],
    )
    def test_time_without_an_announce_does_not(self, changes: dict[str, Any]) -> None:
        """Neither before such a look nor after it."""
        resting = seeding(**changes)
        assert seconds((0, seeding()), (QUARTER, resting), (2 * QUARTER, seeding())) == 0
        assert seconds((0, resting), (QUARTER, resting)) == 0

    def test_one_working_tracker_is_enough(self) -> None:
        """Another may refuse."""
        both = seeding(messages=(message("gone"), *WORKS))
        assert seconds((0, both), (QUARTER, both)) == QUARTER

    @pytest.mark.parametrize("unknown", [{"messages": None}, {"state": None}])
    def test_what_nobody_asked_for_is_no_look(self, unknown: dict[str, Any]) -> None:
        """Its own end counts nothing, and the looks around it count as without it."""
        vague = seeding(**unknown)
        assert seconds((0, seeding()), (QUARTER, vague)) == 0
        assert seconds((0, seeding()), (QUARTER, vague), (2 * QUARTER, seeding())) == 2 * QUARTER
        assert seconds((0, vague), (QUARTER, seeding())) == 0
        assert seen((0, seeding()), (QUARTER, vague))[hash_of(1)].listed_at == NOW + QUARTER

    def test_a_gap_counts_an_hour_at_most(self) -> None:
        """Nobody knows what happened while nobody looked."""
        assert seconds((0, seeding()), (HOUR, seeding())) == HOUR
        assert seconds((0, seeding()), (DAY, seeding())) == HOUR
        wide = policy(cleanup={"tracker_gap": timedelta(hours=6)})
        assert seconds((0, seeding()), (DAY, seeding()), wanted=wide) == 6 * HOUR

    def test_a_clock_that_was_set_back_counts_nothing(self) -> None:
        """And the record goes on from there."""
        assert seconds((HOUR, seeding()), (0, seeding())) == 0
        assert seconds((HOUR, seeding()), (0, seeding()), (QUARTER, seeding())) == QUARTER

    def test_the_record_is_that_of_the_managed_category(self) -> None:
        """Others, and downloads, are nobody's business."""
        listed = [seeding(1, category="books"), download(2), seeding(3)]
        assert set(advance(None, listed, SEED, NOW)) == {hash_of(3)}

    def test_the_record_is_in_order(self) -> None:
        """Equal records are written alike."""
        listed = [seeding(3), seeding(1), seeding(2)]
        assert list(advance(None, listed, SEED, NOW)) == [hash_of(1), hash_of(2), hash_of(3)]

    def test_of_two_runs_at_once_either_is_right(self) -> None:
        """Both have read the same record; whichever writes last, nothing counts twice."""
        first = seen((0, seeding()))
        late = advance(first, [seeding()], SEED, NOW + 20 * MINUTE)
        early = advance(first, [seeding()], SEED, NOW + 10 * MINUTE)
        for last in (late, early):
            assert seen((30 * MINUTE, seeding()), clock=last)[hash_of(1)].seconds == DAY + 30 * MINUTE


class TestRecord:
    def test_what_vanishes_is_remembered_for_a_month(self) -> None:
        """A client that restarts, or a list that is cut, does not give back the client's own figure."""
        back = seeding(seeding_time=3 * DAY)
        assert seconds((0, seeding()), (QUARTER, None), (2 * QUARTER, back), (3 * QUARTER, back)) == QUARTER
        assert hash_of(1) in seen((0, seeding()), (30 * DAY, None))
        assert seen((0, seeding()), (30 * DAY + 1, None)) == {}

    def test_what_is_listed_is_remembered_however_long_it_rests(self) -> None:
        """Two months in the queue are no absence."""
        resting = seeding(state="queuedUP", seeding_time=3 * DAY)
        looks = [(day * DAY, resting) for day in range(1, 60)]
        assert seconds((0, seeding()), *looks, (60 * DAY, None), (61 * DAY, resting)) == 0

    @pytest.mark.parametrize(("client", "tracker"), [(OWED - 1, OWED), (OWED, OWED - 1), (OWED - 1, OWED - 1)])
    def test_what_owes_on_either_clock_stays_in_the_record(self, client: int, tracker: int) -> None:
        """The smaller one counts."""
        clock = {hash_of(1): Seen(seconds=tracker, announcing=False, listed_at=NOW, announced_at=NOW)}
        assert seen((QUARTER, seeding(seeding_time=client)), clock=clock)[hash_of(1)].seconds == tracker

    def test_what_owes_on_neither_leaves_it(self) -> None:
        """Then the client's clock is right alone, and the record stays small."""
        clock = {hash_of(1): Seen(seconds=OWED, announcing=False, listed_at=NOW, announced_at=NOW)}
        assert seen((QUARTER, seeding(seeding_time=OWED)), clock=clock) == {}
        assert seen((0, seeding(seeding_time=OWED))) == {}

    def test_what_has_left_it_shows_the_client_s_clock_alone(self) -> None:
        """Though an earlier run's record had it."""
        clock = {hash_of(1): Seen(seconds=HOUR, announcing=True, listed_at=NOW, announced_at=NOW)}
        (before,) = shown([seeding()], clock)
        assert before.tracker_seconds == HOUR
        assert shown([before], {}) == shown([before], None) == (seeding(),)

    def test_what_repairs_a_hit_and_run_stays_for_its_hold(self) -> None:
        """Seven days, by its tag."""
        repairing = seeding(seeding_time=7 * DAY - 1, tags=frozenset({"RECOVERY"}))
        assert set(seen((0, repairing))) == {hash_of(1)}
        assert seen((0, evolve(repairing, seeding_time=7 * DAY))) == {}

    def test_where_the_client_is_not_trusted_nothing_leaves(self) -> None:
        """It would begin at nothing once more."""
        wanted = policy(cleanup={"trust_unseen": False})
        clock = {hash_of(1): Seen(seconds=OWED, announcing=False, listed_at=NOW, announced_at=NOW)}
        assert set(seen((QUARTER, seeding(seeding_time=OWED)), clock=clock, wanted=wanted)) == {hash_of(1)}

    def test_it_is_read_as_it_was_written(self) -> None:
        """Word for word."""
        clock = advance(None, [seeding(1), seeding(2, state="queuedUP")], SEED, NOW)
        assert parse_clock(unparse_clock(clock)) == clock

    @pytest.mark.parametrize(
        "row",
        [
            None,
            7,
            {"seconds": -1, "announcing": True, "listed_at": NOW, "announced_at": NOW},
            {"seconds": 1, "announcing": "perhaps", "listed_at": NOW, "announced_at": NOW},
            {"seconds": 1, "announcing": True, "announced_at": NOW},
            {"seconds": 1, "announcing": True, "listed_at": NOW},
        ],
    )
    def test_a_row_that_cannot_be_read_is_left_out(self, row: object) -> None:
        """The others stand."""
        whole = unparse_clock(seen((0, seeding())))
        assert parse_clock({**whole, hash_of(2): row}) == parse_clock(whole)

    @pytest.mark.parametrize("value", [None, [], "{}", 7])
    def test_what_is_no_record_is_none(self, value: object) -> None:
        """As good as none: the client's clock stands alone."""
        assert parse_clock(value) is None

    def test_what_is_no_info_hash_is_left_out(self) -> None:
        """It would be written into every recording."""
        (row,) = unparse_clock(seen((0, seeding()))).values()
        assert parse_clock({"https://secret.example/": row, "A" * 40: row}) == {}


def at(clock: TrackerClock | None, *torrents: Torrent, **changes: Any) -> Snapshot:
    """Return a snapshot of these torrents with a record."""
    return snapshot(torrents=shown(torrents, clock), tracker_clock=clock, **changes)


def recorded(credited: int, **changes: Any) -> TrackerClock:
    """Return the record of a torrent that the tracker can have seen for so long."""
    facts = {"seconds": credited, "announcing": True, "listed_at": NOW, "announced_at": NOW}
    return {hash_of(1): Seen(**(facts | changes))}


def cleaned(seen: Snapshot, wanted: Policy = SEED) -> Plan:
    """Return the janitor's plan, which no guarantee forbids."""
    plan = plan_cleanup(seen, wanted)
    assert check(plan, seen, wanted) == ()
    return plan


class TestSmallerClock:
    """The smaller of the two clocks tells what is owed."""

    @pytest.mark.parametrize(
        ("client", "tracker", "expected"),
        [
            (OWED, OWED - 1, ("keep", "hnr_window")),
            (OWED - 1, OWED, ("keep", "hnr_window")),
            (OWED, OWED, ("delete", "satisfied_redundant")),
            (OWED, None, ("delete", "satisfied_redundant")),
        ],
    )
    def test_the_janitor_keeps_what_owes_on_either(
        self, client: int, tracker: int | None, expected: tuple[str, str]
    ) -> None:
        """A second less than what is owed is enough; without a record the client's clock stands alone."""
        clock = None if tracker is None else recorded(tracker)
        plan = cleaned(at(clock, seeding(seeding_time=client, seeders=9)))
        assert decided(plan) == {hash_of(1): expected}

    def test_a_repair_is_held_by_the_smaller_one(self) -> None:
        """Until both have seven days."""
        repairing = seeding(seeding_time=20 * DAY, tags=frozenset({"recovery"}))
        assert decided(cleaned(at(recorded(7 * DAY - 1), repairing)))[hash_of(1)] == ("keep", "recovery_hold")
        assert decided(cleaned(at(recorded(7 * DAY), repairing)))[hash_of(1)] == ("delete", "graceful_retire")

    def test_what_owes_nothing_retires_by_the_client_s_figure(self) -> None:
        """The rules of retirement speak of the client's disk, not of the tracker."""
        old = seeding(seeding_time=14 * DAY + 1)
        assert decided(cleaned(at(recorded(OWED), old)))[hash_of(1)] == ("delete", "graceful_retire")

    def test_both_clocks_are_facts_where_there_are_two(self) -> None:
        """And one where there is one."""
        both = decision_on(cleaned(at(recorded(HOUR), seeding())), 1).facts
        assert (both["seeding_seconds"], both["tracker_seconds"]) == (DAY, HOUR)
        assert "tracker_seconds" not in decision_on(cleaned(at(None, seeding())), 1).facts

    def test_the_guarantee_holds_for_either_clock(self) -> None:
        """A plan made from the client's clock alone is refused where the tracker's says less."""
        gone = seeding(seeding_time=OWED, seeders=9)
        plan = plan_cleanup(at(None, gone), SEED)
        assert plan.actions
        (violation,) = check(plan, at(recorded(OWED - 1), gone), SEED)
        assert (violation.guarantee, violation.subject) == ("G1", hash_of(1))
        assert str(OWED - 1) in violation.detail

    def test_what_only_the_tracker_s_clock_keeps_is_a_witness_still(self) -> None:
        """Three refused in one breath are the account's trouble, with or without a record of one of them."""
        refused = [
            seeding(number, seeding_time=OWED, messages=(message("unregistered torrent"),)) for number in (1, 2, 3)
        ]
        kept = dict(decided(cleaned(at(recorded(HOUR), *refused))))
        assert kept.pop(hash_of(1)) == ("keep", "hnr_window")
        assert set(kept.values()) == {("keep", "account_event")}

    def test_slots_are_kept_for_what_owes_on_either(self) -> None:
        """It is started as well, where the policy allows."""
        wanted = policy(reconcile={"force_start": True, "max_active_uploads": 0})
        waiting = seeding(seeding_time=OWED, state="queuedUP")
        plan = plan_reconcile(at(recorded(HOUR), waiting, preferences=preferences(max_active_uploads=0)), wanted)
        assert plan.figures["owed_torrents"] == 1
        facts = decision_on(plan, 1).facts
        assert decided(plan)[hash_of(1)] == ("force_start", "owed_queued")
        assert (facts["seeding_seconds"], facts["tracker_seconds"], facts["owed_seconds"]) == (OWED, HOUR, OWED - HOUR)

    def test_the_monitor_counts_as_unsatisfied_what_either_calls_so(self) -> None:
        """The site's 72 hours, without a margin."""
        held = seeding(seeding_time=20 * DAY)
        for credited, count in ((3 * DAY - 1, 1), (3 * DAY, 0)):
            figures = plan_monitor(at(recorded(credited), held), SEED).figures
            assert figures["trackers"]["mam"]["unsatisfied"] == count


GONE = (message("unregistered torrent"),)


class TestTakenAway:
    """What the site has taken away it counts nothing of any more: the client's clock stands alone again."""

    @pytest.mark.parametrize(
        ("client", "expected"), [(OWED - 1, ("keep", "hnr_window")), (OWED, ("delete", "unregistered"))]
    )
    def test_it_goes_by_the_client_s_clock(self, client: int, expected: tuple[str, str]) -> None:
        """The tracker's stands still, and would keep it for ever."""
        gone = seeding(seeding_time=client, messages=GONE)
        assert decided(cleaned(at(recorded(HOUR), gone, seeding(2))))[hash_of(1)] == expected

    @pytest.mark.parametrize(
        "messages",
        [
            None,
            (),
            (message("timed out"),),
            (*GONE, *WORKS),
            (TrackerMessage(host=TRACKER, status=3, text=GONE[0].text),),
        ],
        ids=["not heard", "silent", "another refusal", "another tracker works", "asking again"],
    )
    def test_whatever_else_is_said_both_clocks_count(self, messages: tuple[TrackerMessage, ...] | None) -> None:
        """Unheard, silent, away, or known to another tracker: the tracker's clock may go on."""
        one = seeding(seeding_time=OWED, messages=messages)
        assert at(recorded(HOUR), one).torrents == (evolve(one, tracker_seconds=HOUR),)

    @pytest.mark.parametrize(("alike", "known", "counts"), [(3, 2, True), (3, 3, False), (2, 0, False)])
    def test_the_account_s_trouble_stops_no_clock(self, alike: int, known: int, *, counts: bool) -> None:
        """The same words on three, and on most, are those of a reset passkey, after which it goes on."""
        others = [seeding(number, messages=WORKS) for number in range(10, 10 + known)]
        refused = [seeding(number, seeding_time=OWED, messages=GONE) for number in range(1, 1 + alike)]
        (first, *_) = at(recorded(HOUR), *refused, *others).torrents or ()
        assert first.tracker_seconds == (HOUR if counts else None)

    def test_others_of_its_category_tell_whether_it_is_the_account_s(self) -> None:
        """Those of another come from another site."""
        refused = [seeding(number, seeding_time=OWED, messages=GONE) for number in (1, 2, 3)]
        elsewhere = [seeding(number, category="films") for number in range(10, 20)]
        (first, *_) = at(recorded(HOUR), *refused, *elsewhere).torrents or ()
        assert first.tracker_seconds == HOUR

    def test_what_is_owed_otherwise_is_the_client_s_figure(self) -> None:
        """No slot is kept for it, nor is it rescued, once the client has counted enough."""
        gone = at(recorded(HOUR), seeding(seeding_time=OWED, messages=GONE), seeding(2, seeding_time=OWED))
        assert plan_reconcile(evolve(gone, preferences=preferences()), SEED).figures["owed_torrents"] == 0
        assert plan_rescue(gone, SEED).decisions == ()


class TestDrift:
    def test_it_is_how_far_the_client_is_ahead(self) -> None:
        """Never less than nothing, and 0 where nobody can tell."""
        assert drift(seeding(tracker_seconds=HOUR)) == 23 * HOUR
        assert drift(seeding(tracker_seconds=2 * DAY)) == 0
        assert drift(seeding()) == drift(seeding(seeding_time=None, tracker_seconds=HOUR)) == 0

    def test_it_is_told(self) -> None:
        """The largest, and how many are more than an hour apart."""
        clock = {
            hash_of(number): Seen(seconds=DAY - gap, announcing=True, listed_at=NOW, announced_at=NOW)
            for number, gap in ((1, HOUR), (2, HOUR + 1), (3, 5 * HOUR))
        }
        figures = cleaned(at(clock, *map(seeding, (1, 2, 3)))).figures
        assert (figures["clock_drift_seconds"], figures["clock_drift_torrents"]) == (5 * HOUR, 2)

    def test_what_was_not_seen_for_a_day_and_owes_is_told(self) -> None:
        """A second later than a day; not what owes nothing."""
        for ago, count in ((DAY, 0), (DAY + 1, 1)):
            plan = cleaned(at(recorded(HOUR, announced_at=NOW - ago, announcing=False), seeding()))
            assert plan.figures["unseen_torrents"] == count
        done = recorded(20 * DAY, announced_at=NOW - 9 * DAY, announcing=False)
        assert cleaned(at(done, seeding(seeding_time=9 * DAY))).figures["unseen_torrents"] == 0

    def test_without_a_record_nothing_is_told(self) -> None:
        """A plan from an old recording is what it was."""
        figures = cleaned(at(None, seeding())).figures
        assert {"clock_drift_seconds", "clock_drift_torrents", "unseen_torrents"}.isdisjoint(figures)

    def test_without_a_torrent_nothing_is_apart(self) -> None:
        """Nor where all torrents are of another category."""
        for listed in ((), (seeding(category="books"),)):
            figures = cleaned(at({}, *listed, remembered_count=0)).figures
            assert (figures["clock_drift_seconds"], figures["clock_drift_torrents"]) == (0, 0)

    @pytest.mark.parametrize(("gap", "told"), [(DAY, False), (DAY + 1, True)])
    def test_more_than_the_margin_is_advised_on(self, gap: int, told: bool) -> None:
        """Up to it the operator has nothing to do."""
        plan = cleaned(at(recorded(2 * DAY - gap), seeding(seeding_time=2 * DAY)))
        assert bool(plan.advice) is told

    def test_the_advice_says_how_far_and_what_to_look_at(self) -> None:
        """In words."""
        (advice,) = cleaned(at(recorded(DAY), seeding(seeding_time=3 * DAY))).advice
        assert advice == (
            "The client's seed clock is up to 2 d ahead of what the tracker can have seen, so torrents stay that much "
            "longer: rescue shows which do not announce; runs further apart than tracker_gap = 1h count for less, too."
        )


class TestCorrected:
    """What the site has counted takes the place of what was added up."""

    def put_right(
        self, told: int, one: Torrent | None = None, clock: TrackerClock | None = None, wanted: Policy = SEED
    ) -> TrackerClock:
        """Return the record of one torrent after the site has told its seed time, a day after `NOW`."""
        one = one or seeding(added_on=NOW - 10 * DAY)
        before = seen((0, one), wanted=wanted) if clock is None else clock
        return corrected(before, [one], {hash_of(1): told}, wanted, NOW + DAY)

    @pytest.mark.parametrize("told", [0, DAY - 1, DAY + 1, 3 * DAY])
    def test_the_site_is_believed_up_and_down(self, told: int) -> None:
        """It is the site that asks for the time."""
        assert self.put_right(told)[hash_of(1)].seconds == told

    def test_nothing_counts_for_more_than_the_age(self) -> None:
        """An id may be mistaken for another, and a torrent may have been added a second time."""
        young = seeding(added_on=NOW - HOUR)
        assert self.put_right(3 * DAY, young)[hash_of(1)].seconds == DAY + HOUR
        assert self.put_right(3 * DAY, evolve(young, added_on=NOW + 2 * DAY))[hash_of(1)].seconds == 0

    def test_without_an_age_it_is_believed_downwards_only(self) -> None:
        """What is unknown sets no limit that could be relied on."""
        ageless = seeding(added_on=None)
        assert self.put_right(3 * DAY, ageless)[hash_of(1)].seconds == DAY
        assert self.put_right(HOUR, ageless)[hash_of(1)].seconds == HOUR

    def test_what_had_left_the_record_comes_back(self) -> None:
        """The client said long ago that nothing is owed; the site says otherwise."""
        old = seeding(added_on=NOW - 90 * DAY, seeding_time=60 * DAY)
        record = self.put_right(DAY, old, seen((0, old)))
        assert record == {hash_of(1): Seen(seconds=DAY, announcing=True, listed_at=NOW + DAY, announced_at=NOW + DAY)}
        assert decision_on(cleaned(at(record, old)), hash_of(1)).reason == "hnr_window"
        assert decision_on(cleaned(at({}, old)), hash_of(1)).reason == "graceful_retire"

    def test_what_owes_nothing_any_more_leaves_the_record(self) -> None:
        """As ever, where both clocks are past all that is asked."""
        old = seeding(added_on=NOW - 90 * DAY, seeding_time=60 * DAY)
        behind = {hash_of(1): Seen(seconds=0, announcing=True, listed_at=NOW, announced_at=NOW)}
        assert self.put_right(OWED, old, behind) == {}
        assert self.put_right(OWED - 1, old, behind)[hash_of(1)].seconds == OWED - 1
        untrusting = policy(cleanup={"trust_unseen": False})
        assert self.put_right(OWED, old, behind, untrusting)[hash_of(1)].seconds == OWED

    def test_the_next_look_counts_from_now(self) -> None:
        """The time before is in the site's figure, also where the present look has not heard the tracker."""
        one = seeding(added_on=NOW - 10 * DAY)
        vague = seen((0, one), (QUARTER, evolve(one, messages=None)))
        record = corrected(vague, [one], {hash_of(1): DAY}, SEED, NOW + QUARTER)
        assert seen((2 * QUARTER, one), clock=record)[hash_of(1)].seconds == DAY + QUARTER

    def test_what_rests_stays_as_it_was_seen(self) -> None:
        """That the site has a figure for it does not make it announce."""
        resting = seen((0, seeding()), (QUARTER, seeding(state="stoppedUP")))
        record = corrected(resting, [seeding(state="stoppedUP")], {hash_of(1): HOUR}, SEED, NOW + HOUR)
        assert record[hash_of(1)] == evolve(resting[hash_of(1)], seconds=HOUR)

    def test_others_are_left_alone(self) -> None:
        """What the site does not name, what the client does not list, what is not managed or not complete."""
        named = {hash_of(number): 5 for number in range(2, 6)}
        others = [
            seeding(3, category="films"),
            seeding(4, progress=0.5, completion_on=0, seeding_time=0, state="stalledDL"),
        ]
        record = seen((0, seeding()))
        gone = dict(record) | {hash_of(5): record[hash_of(1)]}
        assert corrected(gone, [seeding(), *others], named, SEED, NOW + DAY) == gone
