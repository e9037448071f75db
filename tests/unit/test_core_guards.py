"""Whether to grab at all: each guard at its boundary, and which comes first where two hold."""

from typing import Any

import pytest

from harvestmouse.core.guards import guard, profile_guard, slots_free_in, unsat_paused
from harvestmouse.core.model import AccountClass, LedgerOutcome, Malformed, Torrent, TrackerMessage
from harvestmouse.core.plan import GUARDS
from harvestmouse.core.policy import FIELD, SEED, Policy
from tests.support.builders import (
    GIB,
    HOUR,
    MIB,
    MINUTE,
    NOW,
    download,
    entry,
    message,
    mouse,
    policy,
    profile,
    result,
    skipped,
    snapshot,
    torrent,
)
from tests.support.builders import (
    plan_results as plan,
)

FULL = tuple(torrent(number) for number in range(500))


def unsat(count: int | None, limit: int | None = 50) -> dict[str, Any]:
    """Return a snapshot's part about an account with so many unsatisfied torrents."""
    return {"profile": profile(unsat_count=count, unsat_limit=limit)}


# Each guard alone, in the order of the design.
_GUARD_TABLE: list[tuple[str, dict[str, Any], Policy]] = [
    ("profile_unknown", {"profile": None}, SEED),
    ("mouse_class", {"profile": mouse(uploaded_bytes=9 * GIB)}, SEED),
    ("low_ratio", {"profile": profile(uploaded_bytes=11 * GIB)}, SEED),
    ("download_freeze", {"download_freeze_until": NOW + 1}, SEED),
    ("unsatisfied_limit", unsat(40), SEED),
    ("unsatisfied_unknown", unsat(None), SEED),
    ("hit_and_run", {"profile": profile(hit_and_run_count=1)}, policy(grab={"hold_on_hit_and_run": True})),
    ("client_full", {"torrents": FULL}, SEED),
    ("disk_low", {"free_space_bytes": 10 * GIB}, SEED),
    ("quota_full", {"torrents": (torrent(),)}, policy(grab={"category_quota": 100 * MIB})),
    ("client_unknown", {"torrents": None}, SEED),
    ("ledger_unknown", {"ledger": None}, SEED),
]


class TestGuards:
    """Guards, in this order, the first that holds is the skip reason."""

    @pytest.mark.parametrize(("reason", "changes", "with_policy"), _GUARD_TABLE, ids=[row[0] for row in _GUARD_TABLE])
    def test_each_guard_ends_the_job_with_its_own_reason(
        self, reason: str, changes: dict[str, Any], with_policy: Policy
    ) -> None:
        """A skipped plan has neither actions nor decisions."""
        made = plan(result(), with_policy=with_policy, **changes)
        assert (skipped(made), made.actions, made.decisions) == (reason, (), ())

    def test_the_table_has_every_guard_in_its_published_order(self) -> None:
        """A new guard enters the table with the code."""
        assert [row[0] for row in _GUARD_TABLE] == [reason.value for reason in GUARDS["grab"]]

    def test_an_account_in_good_standing_is_not_skipped(self) -> None:
        """None of the guards holds by default."""
        assert guard(snapshot(), SEED) is None

    def test_the_guards_that_need_only_the_profile_come_before_any_search(self) -> None:
        """They decide without torrents, searches, ledger and free space (incident I1)."""
        empty: dict[str, Any] = {"torrents": None, "searches": None, "ledger": None, "free_space_bytes": None}
        for reason, changes, with_policy in _GUARD_TABLE[:7]:
            skip = profile_guard(snapshot(**(empty | changes)), with_policy)
            assert skip is not None
            assert skip.reason.value == reason

    @pytest.mark.parametrize(
        "unknown",
        [
            {"account_class": None, "class_name": "Vole"},
            {"account_class": None, "class_name": None},
            {"uploaded_bytes": None},
            {"downloaded_bytes": None},
        ],
    )
    def test_a_profile_that_does_not_tell_is_unknown(self, unknown: dict[str, Any]) -> None:
        """An unknown class is unknown, not the lowest."""
        assert skipped(plan(profile=profile(**unknown))) == "profile_unknown"

    @pytest.mark.parametrize(
        ("uploaded", "with_policy", "reason"),
        [
            (12 * GIB, SEED, None),
            (12 * GIB - 1, SEED, "low_ratio"),
            (5 * GIB, FIELD, None),
            (5 * GIB - 1, FIELD, "low_ratio"),
        ],
    )
    def test_the_ratio_is_computed_to_the_byte(self, uploaded: int, with_policy: Policy, reason: str | None) -> None:
        """At the floor is enough; one byte under it is not."""
        assert skipped(plan(with_policy=with_policy, profile=profile(uploaded_bytes=uploaded))) == reason

    def test_with_nothing_downloaded_the_ratio_is_infinite(self) -> None:
        """A fresh account may grab, and the plan writes its ratio as the site does."""
        made = plan(profile=profile(uploaded_bytes=0, downloaded_bytes=0))
        assert skipped(made) is None
        assert made.figures["ratio"] == "∞"

    def test_a_freeze_ends_at_the_time_the_site_told(self) -> None:
        """At that second downloads are allowed again."""
        assert skipped(plan(download_freeze_until=NOW)) is None
        assert skipped(plan(download_freeze_until=NOW + 1)) == "download_freeze"

    def test_a_freeze_beyond_all_calendars_is_a_freeze(self) -> None:
        """An absurd time in the memory of earlier runs ends no run with an error."""
        assert skipped(plan(download_freeze_until=2**60)) == "download_freeze"

    @pytest.mark.parametrize(
        ("count", "paused", "reason"),
        [
            (39, False, None),
            (40, False, "unsatisfied_limit"),
            (29, True, None),
            (30, True, "unsatisfied_limit"),
        ],
    )
    def test_the_unsatisfied_reserve_has_hysteresis(self, count: int, *, paused: bool, reason: str | None) -> None:
        """Ten of fifty are kept free; after a pause twenty must be."""
        assert skipped(plan(**unsat(count), unsatisfied_paused=paused)) == reason

    @pytest.mark.parametrize(
        ("limit", "resumes_at"), [(31, 10), (30, 9), (29, 9), (20, 4), (13, 1), (12, 0), (11, 0), (10, None), (9, None)]
    )
    def test_after_a_pause_a_small_limit_is_left_a_level_to_resume_at(self, limit: int, resumes_at: int | None) -> None:
        """A new member's is 20, of which twice the reserve is all: half of what may be used is enough then."""
        going = [n for n in range(limit + 1) if skipped(plan(**unsat(n, limit), unsatisfied_paused=True)) is None]
        assert max(going, default=None) == resumes_at

    @pytest.mark.parametrize(
        ("outcome", "age", "counted"),
        [
            (LedgerOutcome.GRABBED, 30 * MINUTE - 1, True),
            (LedgerOutcome.ADDING, 30 * MINUTE - 1, True),
            (LedgerOutcome.GRABBED, 30 * MINUTE, False),
            (LedgerOutcome.FAILED, 1, False),
            (LedgerOutcome.NEVER_STARTED, 1, False),
        ],
    )
    def test_own_grabs_the_profile_cannot_know_yet_are_counted(
        self, outcome: LedgerOutcome, age: int, *, counted: bool
    ) -> None:
        """The site's count trails real snatches by up to half an hour."""
        made = plan(**unsat(39), ledger=(entry(outcome=outcome, at=NOW - age),))
        assert skipped(made) == ("unsatisfied_limit" if counted else None)

    def test_a_grab_counted_twice_in_the_ledger_is_one(self) -> None:
        """Being added and being grabbed are two lines of one torrent."""
        lines = (entry(outcome=LedgerOutcome.ADDING, at=NOW - 9), entry(at=NOW - 5))
        assert plan(ledger=lines).figures["unsat_used"] == 3

    @pytest.mark.parametrize(
        ("facts", "counted"),
        [
            # Nothing of it has arrived, so that nothing shows that it ever announced.
            ({"state": "queuedDL"}, True),
            ({"state": "stoppedDL"}, True),
            ({"state": "stalledDL"}, True),
            ({"state": None, "downloaded_bytes": None, "progress": None}, True),
            ({"state": "queuedDL", "downloaded_bytes": None, "progress": None}, True),
            # It is running, and may have begun a minute ago.
            ({"state": "downloading", "downloaded_bytes": MIB, "progress": 0.1}, True),
            ({"state": "stalledDL", "downloaded_bytes": MIB, "progress": 0.1}, False),
            ({"state": "queuedDL", "downloaded_bytes": MIB}, False),
            ({"state": "pausedDL", "downloaded_bytes": MIB}, False),
            ({"state": "stoppedDL", "progress": 0.1}, False),
            # Its data came from peers whom the tracker named, half an hour ago at the latest.
            ({"state": "stalledUP", "progress": 1.0, "completion_on": NOW - 30 * MINUTE + 1}, True),
            ({"state": "stalledUP", "progress": 1.0, "completion_on": NOW - 30 * MINUTE}, False),
            ({"state": "stalledUP", "progress": 1.0, "completion_on": 0, "seeding_time": 30 * MINUTE - 1}, True),
            ({"state": "stalledUP", "progress": 1.0, "completion_on": 0, "seeding_time": 30 * MINUTE}, False),
        ],
    )
    def test_own_grabs_count_until_the_tracker_has_heard_of_them_for_half_an_hour(
        self, facts: dict[str, Any], *, counted: bool
    ) -> None:
        """A torrent in the queue, or whose tracker is away, has not announced, however old its grab."""
        ours = download(7, **facts)
        made = plan(**unsat(39), ledger=(entry(info_hash=ours.hash),), torrents=(ours,))
        assert skipped(made) == ("unsatisfied_limit" if counted else None)

    def test_a_grab_that_the_client_does_not_have_counts_for_half_an_hour_only(self) -> None:
        """Nobody else's torrents count, and none that has gone."""
        line = entry(info_hash="f" * 40)
        assert plan(ledger=(line,), torrents=(download(7),)).figures["unsat_used"] == 2

    @pytest.mark.parametrize(
        ("rung", "limit"),
        [
            (AccountClass.USER, 20),
            (AccountClass.POWER_USER, 100),
            (AccountClass.VIP, 150),
            (AccountClass.ELITE_VIP, 200),
        ],
    )
    def test_a_limit_that_is_not_told_is_the_least_of_the_class(self, rung: AccountClass, limit: int) -> None:
        """The profile has the count; a new member is a User too."""
        for count, reason in ((limit - 11, None), (limit - 10, "unsatisfied_limit")):
            account = profile(account_class=rung, unsat_count=count, unsat_limit=None)
            assert skipped(plan(profile=account)) == reason

    def test_a_limit_that_is_told_counts_whatever_the_class(self) -> None:
        """The table is for where the site is silent."""
        assert skipped(plan(**unsat(39, 50))) is None
        assert skipped(plan(profile=profile(account_class=AccountClass.VIP, unsat_count=40))) == "unsatisfied_limit"

    def test_an_unknown_count_holds_where_the_policy_says_so(self) -> None:
        """With `require_unsat` off the grab goes on."""
        assert skipped(plan(**unsat(None))) == "unsatisfied_unknown"
        assert skipped(plan(with_policy=policy(grab={"require_unsat": False}), **unsat(None))) is None

    @pytest.mark.parametrize("count", [1, None])
    def test_hit_and_runs_hold_only_where_asked_and_are_always_reported(self, count: int | None) -> None:
        """Off by default; an unknown number of hit-and-runs holds like a known one."""
        account = profile(hit_and_run_count=count)
        assert skipped(plan(profile=account, with_policy=policy(grab={"hold_on_hit_and_run": True}))) == "hit_and_run"
        made = plan(profile=account)
        assert skipped(made) is None
        assert any("1 hit-and-run," in sentence for sentence in made.advice) is (count == 1)

    def test_the_client_is_full_at_its_limit(self) -> None:
        """Only torrents of the managed category count."""
        assert skipped(plan(torrents=FULL)) == "client_full"
        assert skipped(plan(torrents=FULL[1:])) is None
        others = tuple(torrent(number, category="other") for number in range(600))
        assert skipped(plan(torrents=others)) is None

    def test_the_disk_is_low_at_its_reserve(self) -> None:
        """One byte above the reserve goes on."""
        assert skipped(plan(free_space_bytes=10 * GIB)) == "disk_low"
        assert skipped(plan(free_space_bytes=10 * GIB + 1)) is None

    @pytest.mark.parametrize(
        ("facts", "waiting"),
        [
            ({"left_bytes": 3}, 3),
            ({"left_bytes": 3, "category": "other"}, 3),
            ({"left_bytes": 0, "progress": 0.0}, 0),
            ({"left_bytes": None, "size_bytes": 7}, 7),
            ({"left_bytes": None, "size_bytes": 7, "progress": None}, 7),
            ({"left_bytes": None, "size_bytes": 7, "progress": 1.0}, 0),
        ],
    )
    def test_what_downloads_still_have_to_write_is_spoken_for(self, facts: dict[str, Any], waiting: int) -> None:
        """Of every category; where the client does not tell how much that is, all of a torrent that is not whole."""
        held = (download(**facts),)
        assert skipped(plan(torrents=held, free_space_bytes=10 * GIB + waiting)) == "disk_low"
        assert skipped(plan(torrents=held, free_space_bytes=10 * GIB + waiting + 1)) is None

    def test_a_download_of_which_nothing_is_known_may_fill_any_disk(self) -> None:
        """Neither what is left nor its size."""
        vague = download(left_bytes=None, size_bytes=None)
        assert skipped(plan(torrents=(vague,))) == "disk_low"

    @pytest.mark.parametrize(
        ("held", "reason"),
        [
            ((torrent(1), torrent(2)), "quota_full"),
            ((torrent(1), torrent(2, size_bytes=100 * MIB - 1)), None),
            ((torrent(1), torrent(2, category="other")), None),
            ((torrent(1), torrent(2, category=None)), "quota_full"),
            ((torrent(1), torrent(2, size_bytes=None)), "quota_full"),
            ((download(1), download(2)), "quota_full"),
        ],
    )
    def test_the_quota_is_full_when_the_category_s_torrents_reach_it(
        self, held: tuple[Torrent, ...], reason: str | None
    ) -> None:
        """By their whole sizes, downloaded or not; what may be of the category, and what has no size, counts."""
        made = plan(torrents=held, with_policy=policy(grab={"category_quota": 200 * MIB}))
        assert skipped(made) == reason

    def test_a_row_that_cannot_be_read_may_fill_the_quota(self) -> None:
        """Where it may be of the category; without a quota nobody asks."""
        rows = (Malformed(subject="row:1", problem="no info-hash", names=frozenset({"Barn"})),)
        assert skipped(plan(malformed_torrents=rows)) is None
        assert skipped(plan(malformed_torrents=rows, with_policy=policy(grab={"category_quota": GIB}))) == "quota_full"

    @pytest.mark.parametrize("missing", [{"torrents": None}, {"free_space_bytes": None}, {"missing_clients": ("b",)}])
    def test_a_client_that_does_not_tell_is_unknown(self, missing: dict[str, Any]) -> None:
        """Without listing or free space nothing is added."""
        assert skipped(plan(**missing)) == "client_unknown"

    @pytest.mark.parametrize(
        "missing",
        [
            {"torrents": (torrent(name=""),)},
            {"malformed_torrents": (Malformed(subject="row:1", problem="no info-hash"),)},
            {"malformed_torrents": (Malformed(subject="row:1", problem="differ", names=frozenset({"Barn", ""})),)},
        ],
        ids=["a torrent", "a row", "one of two rows"],
    )
    def test_what_has_no_name_may_be_on_offer(self, missing: dict[str, Any]) -> None:
        """A torrent is known by its name where the ledger has not its info-hash."""
        held = plan(**missing)
        assert held.skip is not None
        assert (held.skip.reason, held.skip.detail) == (
            "client_unknown", "a torrent has no name, and may be one that is on offer"
        )  # fmt: skip


class TestPause:
    """Grabbing pauses at the limit less the reserve, and goes on under that less the reserve once more."""

    @pytest.mark.parametrize(
        ("count", "limit", "before", "after"),
        [
            (39, 50, False, False),
            (40, 50, False, True),
            (30, 50, True, True),
            (29, 50, True, False),
            (None, 50, True, True),
            (None, 50, False, False),
            (0, 50, True, False),
        ],
    )
    def test_it_begins_and_ends_by_the_count(self, count: int | None, limit: int, before: bool, after: bool) -> None:
        """Where nobody knows the count, all stays as it was."""
        seen = snapshot(**unsat(count, limit), unsatisfied_paused=before)
        assert unsat_paused(seen, SEED.grab) is after

    def test_without_a_profile_it_stays(self) -> None:
        """Nor without a limit, for a class that has none in the table."""
        for account in (None, profile(unsat_count=0, unsat_limit=None, account_class=None)):
            assert unsat_paused(snapshot(profile=account, unsatisfied_paused=True), SEED.grab)


class TestForecast:
    """When unsatisfied slots free themselves, from the seeding times at hand."""

    def test_a_slot_frees_itself_when_a_torrent_has_seeded_for_the_site_s_72_hours(self) -> None:
        """Without the margin, which is for deleting; the soonest comes first."""
        held = (
            torrent(1, seeding_time=60 * HOUR),
            torrent(2, seeding_time=70 * HOUR),
            torrent(3, seeding_time=72 * HOUR),
            torrent(4, seeding_time=72 * HOUR - 1),
        )
        assert slots_free_in(snapshot(torrents=held), SEED) == [1, 2 * HOUR, 12 * HOUR]

    @pytest.mark.parametrize("state", ["uploading", "stalledUP", "forcedUP"])
    def test_it_seeds_whether_anybody_downloads_or_not(self, state: str) -> None:
        """In each of the states in which the clocks go on."""
        assert slots_free_in(snapshot(torrents=(torrent(seeding_time=70 * HOUR, state=state),)), SEED) == [2 * HOUR]

    @pytest.mark.parametrize(
        "facts",
        [
            {"state": "queuedUP"},
            {"state": "stoppedUP"},
            {"state": None},
            {"seeding_time": None},
            {"category": "other"},
        ],
    )
    def test_what_does_not_seed_or_is_not_ours_frees_no_slot(self, facts: dict[str, Any]) -> None:
        """Nobody can tell when it will."""
        held = torrent(**({"seeding_time": HOUR} | facts))
        assert slots_free_in(snapshot(torrents=(held,)), SEED) == []

    @pytest.mark.parametrize(
        ("messages", "slots"),
        [
            ((message("no"),), []),
            ((message("", status=1),), []),
            ((message("no"), message("", status=2)), [2 * HOUR]),
            (None, [2 * HOUR]),
        ],
    )
    def test_what_no_tracker_takes_frees_no_slot(
        self, messages: tuple[TrackerMessage, ...] | None, slots: list[int]
    ) -> None:
        """The site counts nothing of it; where nobody asked the trackers it is taken to go well."""
        held = torrent(seeding_time=70 * HOUR, messages=messages)
        assert slots_free_in(snapshot(torrents=(held,)), SEED) == slots

    def test_the_slower_of_two_clocks_is_believed(self) -> None:
        """The client's goes on while the tracker is away; the site's does not."""
        held = torrent(seeding_time=70 * HOUR, tracker_seconds=50 * HOUR)
        assert slots_free_in(snapshot(torrents=(held,)), SEED) == [22 * HOUR]

    def test_the_plan_tells_the_next_slot_and_when_grabbing_resumes(self) -> None:
        """At a count of 41 of 50 twelve slots have to be free before 29 are used, twice the reserve under the limit."""
        held = tuple(torrent(number, seeding_time=(72 - number) * HOUR) for number in range(1, 13))
        figures = plan(**unsat(41), torrents=held).figures
        assert (figures["unsat_next_free_seconds"], figures["unsat_resume_seconds"]) == (HOUR, 12 * HOUR)

    @pytest.mark.parametrize(("limit", "count", "seconds"), [(20, 10, 6 * HOUR), (11, 1, HOUR), (10, 0, None)])
    def test_of_a_small_limit_it_tells_when_grabbing_resumes(self, limit: int, count: int, seconds: int | None) -> None:
        """At 10 of 20 six slots have to be free before 4 are used; a limit that is all reserve leaves none, ever."""
        held = tuple(torrent(number, seeding_time=(72 - number) * HOUR) for number in range(1, 13))
        assert plan(**unsat(count, limit), torrents=held).figures["unsat_resume_seconds"] == seconds

    def test_nothing_is_waited_for_where_a_slot_is_free(self) -> None:
        """And where too few seed nobody can tell, which is not 0."""
        assert plan(**unsat(39)).figures["unsat_resume_seconds"] == 0
        assert plan(**unsat(40)).figures["unsat_resume_seconds"] is None
        assert plan(**unsat(None)).figures["unsat_resume_seconds"] is None


# Each row: facts that two guards both claim, and the earlier one.
_GUARD_PAIRS: list[tuple[dict[str, Any], str]] = [
    ({"profile": mouse(downloaded_bytes=None)}, "profile_unknown"),
    ({"profile": mouse()}, "mouse_class"),
    ({"profile": profile(uploaded_bytes=0), "download_freeze_until": NOW + 9}, "low_ratio"),
    ({**unsat(50), "download_freeze_until": NOW + 9}, "download_freeze"),
    ({"profile": profile(unsat_count=50, hit_and_run_count=1)}, "unsatisfied_limit"),
    ({"profile": profile(unsat_count=None, hit_and_run_count=1)}, "unsatisfied_unknown"),
    ({"profile": profile(hit_and_run_count=1), "torrents": FULL}, "hit_and_run"),
    ({"torrents": FULL, "free_space_bytes": 0}, "client_full"),
    ({"torrents": (torrent(size_bytes=99 * GIB),), "free_space_bytes": 0}, "disk_low"),
    ({"torrents": (torrent(size_bytes=99 * GIB),), "ledger": None}, "quota_full"),
    ({"torrents": None, "ledger": None}, "client_unknown"),
]


@pytest.mark.parametrize(("changes", "winner"), _GUARD_PAIRS, ids=[winner for _, winner in _GUARD_PAIRS])
def test_where_two_guards_hold_the_earlier_is_the_reason(changes: dict[str, Any], winner: str) -> None:
    """The order of the guards is written once, in the design."""
    strict = policy(grab={"hold_on_hit_and_run": True, "category_quota": 64 * GIB})
    assert skipped(plan(result(), with_policy=strict, **changes)) == winner


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"profile": None}, "the profile is missing"),
        ({"profile": profile(account_class=None, class_name="Rat")}, "class 'Rat' is on no rung this version knows"),
        ({"profile": profile(account_class=None, class_name=None)}, "the profile does not tell the class"),
        ({"profile": profile(uploaded_bytes=None)}, "the profile does not tell uploaded and downloaded bytes"),
        ({"profile": mouse(uploaded_bytes=715 * MIB)}, "class=Mouse ratio=1.00"),
        ({"profile": profile(uploaded_bytes=11 * GIB)}, "ratio 1.1000 is under the floor 1.2"),
        ({"download_freeze_until": NOW + 90}, "the site refuses downloads for another 1 min 30 s"),
        (unsat(45), "45 of 50 unsatisfied, 10 kept in reserve"),
        (
            unsat(31) | {"unsatisfied_paused": True, "torrents": (torrent(seeding_time=58 * HOUR), torrent(2))},
            "31 of 50 unsatisfied, 10 kept in reserve, paused until fewer than 30 are",
        ),
        (
            unsat(30) | {"unsatisfied_paused": True, "torrents": (torrent(seeding_time=58 * HOUR), torrent(2))},
            (
                "30 of 50 unsatisfied, 10 kept in reserve, paused until fewer than 30 are; "
                "enough slots free themselves in about 14 h"
            ),
        ),
        (
            unsat(1, 11) | {"unsatisfied_paused": True},
            "1 of 11 unsatisfied, 10 kept in reserve, paused until fewer than 1 are",
        ),
        (unsat(0, 10) | {"unsatisfied_paused": True}, "0 of 10 unsatisfied, 10 kept in reserve"),
        (unsat(None), "the profile does not tell the unsatisfied count, and require_unsat is on"),
        ({"profile": profile(hit_and_run_count=3)}, "3 hit-and-runs on the account"),
        ({"profile": profile(hit_and_run_count=1)}, "1 hit-and-run on the account"),
        ({"profile": profile(hit_and_run_count=None)}, "an unknown number of hit-and-runs on the account"),
        ({"torrents": FULL}, "500 torrents, at most 500"),
        ({"free_space_bytes": GIB}, "1 GiB free, 10 GiB kept in reserve"),
        (
            {"free_space_bytes": 12 * GIB, "torrents": (download(left_bytes=3 * GIB),)},
            "12 GiB free, 3 GiB still to be downloaded, 10 GiB kept in reserve",
        ),
        ({"torrents": (torrent(size_bytes=65 * GIB),)}, "65 GiB in the category, at most 64 GiB"),
        ({"torrents": (torrent(size_bytes=None),)}, "an unknown size in the category, at most 64 GiB"),
        ({"torrents": None}, "the client's torrent list is missing"),
        ({"free_space_bytes": None}, "the client's free space is missing"),
        ({"missing_clients": ("attic", "box")}, "the client attic, box is missing, so is what it holds"),
        ({"ledger": None}, "what was grabbed before is unknown; none is an empty list"),
    ],
)
def test_a_skip_says_what_was_measured(changes: dict[str, Any], detail: str) -> None:
    """The operator sees the figure, and what it was held against."""
    skip = plan(
        result(), with_policy=policy(grab={"hold_on_hit_and_run": True, "category_quota": 64 * GIB}), **changes
    ).skip
    assert skip is not None
    assert skip.detail == detail
