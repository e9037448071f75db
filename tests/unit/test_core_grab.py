"""Grab's guards, rejections, ranking and budgets, each at its boundary and in its order."""

from datetime import timedelta
from typing import Any

import pytest

from harvestmouse.core.actions import AddTorrent
from harvestmouse.core.grab import plan_grab
from harvestmouse.core.guards import guard, profile_guard
from harvestmouse.core.model import AccountClass, LedgerEntry, LedgerOutcome, Malformed, SearchResult, Snapshot
from harvestmouse.core.plan import GUARDS, OUTCOMES, Plan, Verdict
from harvestmouse.core.policy import FIELD, SEED, Policy
from harvestmouse.core.search import next_query
from harvestmouse.core.sift import is_barred, normal_name, score
from tests.support.builders import (
    DAY,
    GIB,
    HOUR,
    MIB,
    MINUTE,
    NOW,
    decided,
    decision_on,
    entry,
    hash_of,
    mouse,
    page,
    policy,
    profile,
    result,
    skipped,
    snapshot,
    torrent,
)

FULL = tuple(torrent(number) for number in range(500))


def plan(*results: SearchResult, with_policy: Policy = SEED, **changes: Any) -> Plan:
    """Plan a grab from one page of these results."""
    return plan_grab(snapshot(**({"searches": (page(*results),)} | changes)), with_policy)


def picked(made: Plan) -> list[int]:
    """Return the ids a plan would add, in its order."""
    return [action.id for action in made.actions if isinstance(action, AddTorrent)]


def why(one: SearchResult, with_policy: Policy = SEED, **changes: Any) -> str:
    """Return the reason of the decision about one result, alone on its page."""
    return decided(plan(one, with_policy=with_policy, **changes))[str(one.id)][1]


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

    @pytest.mark.parametrize("missing", [unsat(None), unsat(2, None)])
    def test_unknown_unsatisfied_figures_hold_where_the_policy_says_so(self, missing: dict[str, Any]) -> None:
        """With `require_unsat` off the grab goes on."""
        assert skipped(plan(**missing)) == "unsatisfied_unknown"
        assert skipped(plan(with_policy=policy(grab={"require_unsat": False}), **missing)) is None

    @pytest.mark.parametrize("count", [1, None])
    def test_hit_and_runs_hold_only_where_asked_and_are_always_reported(self, count: int | None) -> None:
        """Off by default; an unknown number of hit-and-runs holds like a known one."""
        account = profile(hit_and_run_count=count)
        assert skipped(plan(profile=account, with_policy=policy(grab={"hold_on_hit_and_run": True}))) == "hit_and_run"
        made = plan(profile=account)
        assert skipped(made) is None
        assert any("1 hit-and-runs" in sentence for sentence in made.advice) is (count == 1)

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

    @pytest.mark.parametrize("missing", [{"torrents": None}, {"free_space_bytes": None}])
    def test_a_client_that_does_not_tell_is_unknown(self, missing: dict[str, Any]) -> None:
        """Without listing or free space nothing is added."""
        assert skipped(plan(**missing)) == "client_unknown"


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
    ({"torrents": None, "free_space_bytes": 0}, "disk_low"),
    ({"torrents": None, "ledger": None}, "client_unknown"),
]


@pytest.mark.parametrize(("changes", "winner"), _GUARD_PAIRS, ids=[winner for _, winner in _GUARD_PAIRS])
def test_where_two_guards_hold_the_earlier_is_the_reason(changes: dict[str, Any], winner: str) -> None:
    """The order of the guards is written once, in the design."""
    assert skipped(plan(result(), with_policy=policy(grab={"hold_on_hit_and_run": True}), **changes)) == winner


NOT_FREE: dict[str, Any] = {"free": False}
# Each rejection alone, in the order of the design.
_REJECTIONS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("not_freeleech", NOT_FREE, {}),
    ("already_snatched", {"snatched": True}, {}),
    ("already_grabbed", {}, {"ledger": (entry(),)}),
    ("already_in_client", {}, {"torrents": (torrent(name="title 1001"),)}),
    ("too_small", {"size_bytes": 50 * MIB - 1}, {}),
    ("too_large", {"size_bytes": GIB + 1}, {}),
    ("no_demand", {"leechers": 0}, {}),
    ("oversupplied", {"seeders": 51}, {}),
]


class TestRejections:
    """Rejections per result, in this order, the first that holds."""

    @pytest.mark.parametrize(("reason", "facts", "changes"), _REJECTIONS, ids=[row[0] for row in _REJECTIONS])
    def test_each_rejection_has_its_own_reason(
        self, reason: str, facts: dict[str, Any], changes: dict[str, Any]
    ) -> None:
        """Nothing else is wrong with the result."""
        assert why(result()) == "selected"
        assert why(result(**facts), **changes) == reason

    @pytest.mark.parametrize("later", range(1, len(_REJECTIONS)))
    @pytest.mark.parametrize("earlier", range(len(_REJECTIONS)))
    def test_where_two_rejections_hold_the_earlier_is_the_reason(self, earlier: int, later: int) -> None:
        """Every pair of rules that can hold together, in both orders of the table."""
        first, second = _REJECTIONS[earlier], _REJECTIONS[later]
        if later <= earlier or {first[0], second[0]} == {"too_small", "too_large"}:
            return
        assert why(result(**(first[1] | second[1])), **(first[2] | second[2])) == first[0]

    def test_the_table_has_every_rejection_in_its_published_order(self) -> None:
        """A new rule enters the table with the code; a malformed row comes first, what is left over last."""
        names = [reason.value for reason in OUTCOMES["grab"][Verdict.REJECT]]
        assert names == ["malformed", *(row[0] for row in _REJECTIONS), "not_selected", "over_budget"]

    @pytest.mark.parametrize(
        ("facts", "account_class", "free"),
        [
            ({"free": True}, AccountClass.USER, True),
            ({"personal_freeleech": True}, AccountClass.USER, True),
            ({"vip": True}, AccountClass.USER, False),
            ({"vip": True}, AccountClass.POWER_USER, False),
            ({"fl_vip": True}, AccountClass.POWER_USER, False),
            ({"vip": True}, AccountClass.VIP, True),
            ({"fl_vip": True}, AccountClass.VIP, True),
            ({"vip": True}, AccountClass.ELITE_VIP, True),
            ({"fl_vip": True}, AccountClass.ELITE_VIP, True),
            ({}, AccountClass.ELITE_VIP, False),
        ],
    )
    def test_free_is_what_costs_this_account_nothing(
        self, facts: dict[str, Any], account_class: AccountClass, *, free: bool
    ) -> None:
        """A VIP torrent is free for VIP classes only; `fl_vip` alone does not say which of the two it is."""
        account = profile(account_class=account_class, class_name=account_class.value)
        reason = why(result(**(NOT_FREE | facts)), profile=account)
        assert reason == ("selected" if free else "not_freeleech")

    @pytest.mark.parametrize(
        ("facts", "reason"),
        [
            ({"size_bytes": 50 * MIB}, "selected"),
            ({"size_bytes": GIB}, "selected"),
            ({"leechers": 1}, "selected"),
            ({"seeders": 50}, "selected"),
            ({"seeders": 0}, "selected"),
        ],
    )
    def test_the_bands_are_inclusive(self, facts: dict[str, Any], reason: str) -> None:
        """At each limit a result is still inside."""
        assert why(result(**facts)) == reason

    def test_the_field_preset_takes_well_seeded_results(self) -> None:
        """A ceiling of 200 instead of 50 (incident I8)."""
        assert why(result(seeders=200)) == "oversupplied"
        assert why(result(seeders=200), FIELD) == "selected"
        assert why(result(seeders=201), FIELD) == "oversupplied"

    def test_a_malformed_row_is_rejected_and_the_rest_go_on(self) -> None:
        """One row the parser could not read costs nothing but itself (incident I7)."""
        broken = page(result(2), malformed=(Malformed(subject="1", problem="cannot read size"),))
        made = plan(searches=(broken,))
        assert decided(made) == {"1": ("reject", "malformed"), "2": ("pick", "selected")}
        assert decision_on(made, "1").facts == {"problem": "cannot read size"}


class TestDuplicates:
    """The site's own flag and the ledger decide; a name match is on normalised whole names (incident I17)."""

    @pytest.mark.parametrize("name", ["it", "IT", " It. ", "[It]", "_it_"])
    def test_a_whole_name_matches_whatever_its_case_and_punctuation(self, name: str) -> None:
        """Case, brackets and underscores do not make another torrent."""
        assert why(result(title="It"), torrents=(torrent(name=name),)) == "already_in_client"

    @pytest.mark.parametrize("name", ["Split", "It Ends", "Kit", "I t", "", "!!!"])
    def test_a_part_of_a_name_matches_nothing(self, name: str) -> None:
        """A title `It` is not present because another name contains it."""
        assert why(result(title="It"), torrents=(torrent(name=name),)) == "selected"

    def test_names_in_every_category_count(self) -> None:
        """A torrent the account seeds elsewhere is not fetched again."""
        assert why(result(title="It"), torrents=(torrent(name="It", category="other"),)) == "already_in_client"

    def test_titles_without_letters_are_never_the_same(self) -> None:
        """Nothing is left to compare."""
        assert normal_name("...") == ""
        assert why(result(title="!!!"), torrents=(torrent(name="???"),)) == "selected"

    def test_a_ledger_line_with_the_info_hash_of_a_listed_torrent_counts(self) -> None:
        """The ledger knows under which info-hash an id was added, even where it once failed."""
        line = entry(outcome=LedgerOutcome.FAILED, info_hash=hash_of(7))
        assert why(result(), ledger=(line,), torrents=(torrent(7, name="Renamed"),)) == "already_in_client"
        assert why(result(), ledger=(line,)) == "selected"

    @pytest.mark.parametrize(
        ("outcome", "barred"),
        [
            (LedgerOutcome.ADDING, True),
            (LedgerOutcome.GRABBED, True),
            (LedgerOutcome.RETIRED, True),
            ("a word of another version", True),
            (LedgerOutcome.FAILED, False),
        ],
    )
    def test_what_the_ledger_s_last_word_bars(self, outcome: str, *, barred: bool) -> None:
        """A failed grab may be tried again; every other word bars."""
        assert is_barred([entry(outcome=outcome)], SEED.grab, NOW) is barred

    def test_a_torrent_that_never_started_may_come_back_after_a_cool_down(self) -> None:
        """Seen once is not barred for ever (incident I18)."""
        ended = entry(outcome=LedgerOutcome.NEVER_STARTED, at=NOW - 14 * DAY)
        assert is_barred([ended], SEED.grab, NOW) is False
        assert is_barred([ended], SEED.grab, NOW - 1) is True

    def test_an_ending_without_a_time_bars(self) -> None:
        """The cool-down cannot be told to be over."""
        assert is_barred([entry(outcome=LedgerOutcome.NEVER_STARTED, at=None)], SEED.grab, NOW) is True

    def test_a_line_of_the_old_format_bars(self) -> None:
        """A bare id counts as grabbed, at a time nobody knows."""
        assert is_barred([LedgerEntry(id=1)], SEED.grab, NOW) is True
        assert is_barred([], SEED.grab, NOW) is False

    def test_the_last_word_about_an_id_holds(self) -> None:
        """Failed, then grabbed: barred; grabbed, then failed: not."""
        early, late = {"at": NOW - 9}, {"at": NOW - 5}
        failed: dict[str, Any] = {"outcome": LedgerOutcome.FAILED}
        for order in (1, -1):
            assert is_barred([entry(**early), entry(**late, **failed)][::order], SEED.grab, NOW) is False
            assert is_barred([entry(**early, **failed), entry(**late)][::order], SEED.grab, NOW) is True


class TestRanking:
    """Score: `leechers*3 - seeders*0.5 + (200 if free by a wedge)`; ties by id, newest first; the best 5."""

    @pytest.mark.parametrize(
        ("facts", "expected"),
        [
            ({"leechers": 5, "seeders": 10}, 210.0),
            ({"leechers": 0, "seeders": 0}, 200.0),
            ({"leechers": 5, "seeders": 10, "free": False, "personal_freeleech": True}, 210.0),
            ({"leechers": 5, "seeders": 10, "free": False, "vip": True}, 10.0),
            ({"leechers": 0, "seeders": 3, "free": False, "fl_vip": True}, -1.5),
        ],
    )
    def test_the_score_is_demand_less_supply_and_a_wedge_s_bonus(self, facts: dict[str, Any], expected: float) -> None:
        """A VIP torrent gets no bonus: it is free for some only."""
        assert score(result(**facts), SEED.grab) == expected

    def test_the_best_five_are_picked_best_first(self) -> None:
        """The rest is not selected (incident I3: demand first)."""
        made = plan(*(result(number, leechers=number) for number in range(1, 8)))
        assert picked(made) == [7, 6, 5, 4, 3]
        assert decided(made)["2"] == ("reject", "not_selected")

    def test_ties_go_to_the_newest(self) -> None:
        """The higher id was uploaded later."""
        made = plan(result(1), result(3), result(2), with_policy=policy(grab={"per_run": 2}))
        assert picked(made) == [3, 2]

    def test_the_picks_stay_within_the_free_slots(self) -> None:
        """With 498 of 500 there is room for two."""
        made = plan(*(result(number) for number in range(1001, 1006)), torrents=FULL[:498])
        assert len(picked(made)) == 2
        assert made.counts["reject"]["not_selected"] == 3

    def test_the_picks_stay_within_the_unsatisfied_headroom(self) -> None:
        """With 38 of 50 and a reserve of 10 there is room for two."""
        made = plan(*(result(number) for number in range(1001, 1006)), **unsat(38))
        assert len(picked(made)) == 2
        assert made.counts["reject"]["over_budget"] == 3

    def test_the_picks_stay_within_the_disk_budget(self) -> None:
        """One too large leaves its place to the next; exactly filling the budget is allowed."""
        made = plan(
            result(1, leechers=9, size_bytes=200 * MIB),
            result(2, leechers=8, size_bytes=101 * MIB),
            result(3, leechers=7, size_bytes=100 * MIB),
            free_space_bytes=10 * GIB + 300 * MIB,
        )
        assert picked(made) == [1, 3]
        assert decided(made)["2"] == ("reject", "over_budget")

    def test_an_action_says_all_that_is_needed_to_add_it(self) -> None:
        """Category, save path and tags are those of the client's policy."""
        (action,) = plan(result()).actions
        assert action == AddTorrent(
            id=1001,
            title="Title 1001",
            score=210.0,
            size_bytes=100 * MIB,
            seeders=10,
            leechers=5,
            category="mam-farming",
            save_path="/downloads/mam-farming",
            tags=("mam", "freeleech"),
        )


class TestSeveralPages:
    """Every item looked at has exactly one decision, however often it was seen."""

    def test_an_id_on_two_pages_is_decided_once(self) -> None:
        """The less flattering figures are believed."""
        made = plan(searches=(page(result(leechers=9)), page(result(leechers=2))))
        assert [action.leechers for action in made.actions if isinstance(action, AddTorrent)] == [2]

    def test_the_page_that_refuses_an_id_is_believed(self) -> None:
        """Nothing is picked that any page calls snatched."""
        for pages in ((page(result()), page(result(snatched=True))), (page(result(snatched=True)), page(result()))):
            assert decided(plan(searches=pages)) == {"1001": ("reject", "already_snatched")}

    def test_two_malformed_rows_of_one_id_are_told_in_any_order(self) -> None:
        """The plan does not depend on which row came first."""
        rows = tuple(Malformed(subject="1", problem=f"cannot read {name}") for name in ("size", "title"))
        one, other = page(malformed=rows), page(malformed=rows[::-1])
        assert plan(searches=(one,)) == plan(searches=(other,))

    def test_two_rows_of_one_id_with_one_score_are_decided_in_any_order(self) -> None:
        """One more leecher and six more seeders weigh the same, but the plan shows both figures."""
        rows = result(leechers=10, seeders=10), result(leechers=11, seeders=16)
        assert plan(*rows) == plan(*rows[::-1])

    def test_ledger_lines_with_times_may_stand_in_any_order(self) -> None:
        """What happened last is told by the time, where both lines have one."""
        lines = (entry(at=NOW - 2 * HOUR, outcome=LedgerOutcome.FAILED), entry(at=NOW - HOUR))
        assert plan(result(), ledger=lines) == plan(result(), ledger=lines[::-1])


class TestKnowledge:
    """With a source missing, every decision that needs it is held."""

    def test_a_whole_snapshot_makes_a_whole_plan(self) -> None:
        """Nothing is missing by default."""
        assert plan(result()).complete is True

    @pytest.mark.parametrize("part", ["profile", "searches", "torrents", "ledger"])
    def test_a_plan_without_one_of_its_sources_says_so(self, part: str) -> None:
        """Whatever else it decides."""
        missing: dict[str, Any] = {part: None}
        assert plan(result(), **missing).complete is False

    def test_a_plan_without_the_free_space_says_so(self) -> None:
        """The free space is a source too: the job is skipped for want of it."""
        assert plan(result(), free_space_bytes=None).complete is False

    def test_without_a_ledger_nothing_is_picked(self) -> None:
        """Whether a result was grabbed before is unknown then, and so is the unsatisfied headroom."""
        assert picked(plan(result(), ledger=(entry(),))) == []
        assert picked(plan(result(), ledger=None)) == []

    def test_without_searches_there_is_nothing_to_decide_and_the_plan_says_so(self) -> None:
        """The operator learns why nothing happened."""
        made = plan(searches=None)
        assert (made.actions, made.decisions) == ((), ())
        assert any("no search results" in sentence for sentence in made.advice)


class TestAdvice:
    """Every run says how many results each rule refused, and hints at the rule when one refuses nearly all (I8)."""

    def test_a_rule_that_refuses_nearly_all_is_named(self) -> None:
        """Nine of ten is nearly all."""
        refused = [result(number, seeders=300) for number in range(9)]
        made = plan(*refused, result(100))
        assert made.counts["reject"]["oversupplied"] == 9
        assert any("9 of 10" in sentence and "seeder_ceiling" in sentence for sentence in made.advice)

    def test_less_than_nine_in_ten_is_no_hint(self) -> None:
        """Eight of ten is usual."""
        refused = [result(number, seeders=300) for number in range(8)]
        assert plan(*refused, result(100), result(101)).advice == ()

    def test_few_results_are_no_hint(self) -> None:
        """Nine results, all refused, say too little."""
        made = plan(*(result(number, seeders=300) for number in range(9)))
        assert not any("9 of 9" in sentence for sentence in made.advice)

    @pytest.mark.parametrize(
        ("facts", "word"),
        [
            (NOT_FREE, "not_freeleech"),
            ({"leechers": 0}, "leecher_floor"),
            ({"size_bytes": 1}, "min_size"),
            ({"size_bytes": 9 * GIB}, "max_size"),
        ],
    )
    def test_the_hint_speaks_of_the_rule_s_own_figure(self, facts: dict[str, Any], word: str) -> None:
        """The operator knows which key to turn."""
        made = plan(*(result(number, **facts) for number in range(10)))
        assert any(word in sentence for sentence in made.advice)

    def test_filters_that_leave_hardly_a_result_are_named(self) -> None:
        """The site filters too, so an empty page may be the policy's doing."""
        assert any("Only 0 results" in sentence for sentence in plan().advice)


def _seen(*pages: Any, **changes: Any) -> Snapshot:
    return snapshot(searches=pages, **changes)


class TestNextQuery:
    """A pure function decides the next query, or that enough was seen (pages are bounded)."""

    def test_the_first_query_asks_by_demand_with_the_policy_s_filters(self) -> None:
        """The site filters and sorts, instead of a random page."""
        query = next_query(snapshot(searches=None), SEED)
        assert query is not None
        assert query.body() == {
            "perpage": 100,
            "tor": {
                "searchType": "fl",
                "searchIn": "torrents",
                "cat": ["0"],
                "minSize": 50,
                "maxSize": 1024,
                "unit": MIB,
                "minLeechers": 1,
                "maxSeeders": 50,
                "sortType": "leechersDesc",
                "startNumber": 0,
            },
        }

    @pytest.mark.parametrize(
        ("account_class", "search_type"),
        [
            (AccountClass.USER, "fl"),
            (AccountClass.POWER_USER, "fl"),
            (AccountClass.VIP, "fl-VIP"),
            (AccountClass.ELITE_VIP, "fl-VIP"),
            (None, "fl"),
        ],
    )
    def test_vip_torrents_are_asked_for_only_where_they_are_free(
        self, account_class: AccountClass | None, search_type: str
    ) -> None:
        """Nothing that costs ratio need be fetched."""
        query = next_query(snapshot(searches=None, profile=profile(account_class=account_class)), SEED)
        assert query is not None
        assert query.search_type == search_type

    def test_sizes_sent_to_the_site_are_rounded_outwards(self) -> None:
        """No result inside the band is filtered away."""
        query = next_query(snapshot(searches=None), policy(grab={"min_size": MIB + 1, "max_size": 2 * MIB + 1}))
        assert query is not None
        tor = query.body()["tor"]
        assert isinstance(tor, dict)
        assert (tor["minSize"], tor["maxSize"]) == (1, 3)

    def test_the_next_page_starts_after_the_rows_seen(self) -> None:
        """Malformed rows are rows too."""
        first = page(result(1, leechers=1), malformed=(Malformed(subject="x", problem="y"),), found=100)
        query = next_query(_seen(first), SEED)
        assert query is not None
        assert query.start == 2

    def test_enough_was_seen_when_the_pages_are_used_up(self) -> None:
        """Five pages by default."""
        pages = [page(result(number, leechers=1), found=1000) for number in range(5)]
        assert next_query(_seen(*pages[:4]), SEED) is not None
        assert next_query(_seen(*pages), SEED) is None

    def test_enough_was_seen_when_the_site_has_no_more(self) -> None:
        """All that was found, or an empty page."""
        assert next_query(_seen(page(result(), found=1)), SEED) is None
        assert next_query(_seen(page(found=50)), SEED) is None
        assert next_query(_seen(page(result(leechers=1), found=None)), SEED) is not None

    def test_enough_was_seen_when_nothing_better_can_follow(self) -> None:
        """Results come by demand, so the last one bounds what follows; VIP results have no wedge's bonus."""
        good = [result(number, leechers=90, seeders=0) for number in range(5)]
        assert next_query(_seen(page(*good, result(9, leechers=10), found=1000)), SEED) is None
        assert next_query(_seen(page(*good[:4], result(9, leechers=10), found=1000)), SEED) is not None

    def test_picks_that_may_not_fit_on_the_disk_need_alternatives(self) -> None:
        """With little room the next page may hold something smaller."""
        good = [result(number, leechers=90, seeders=0) for number in range(5)]
        pages = (page(*good, result(9, leechers=10), found=1000),)
        assert next_query(_seen(*pages, free_space_bytes=10 * GIB + 499 * MIB), SEED) is not None
        assert next_query(_seen(*pages, free_space_bytes=10 * GIB + 500 * MIB), SEED) is None

    def test_a_page_of_nothing_but_malformed_rows_tells_nothing_about_demand(self) -> None:
        """The search goes on."""
        broken = page(malformed=(Malformed(subject="x", problem="y"),), found=100)
        assert next_query(_seen(broken), SEED) is not None

    def test_a_tie_that_may_follow_is_looked_at(self) -> None:
        """Ties go to the newest id, so a page that may hold one is fetched."""
        good = [result(number, leechers=10, seeders=0) for number in range(5)]
        unseen = result(99, leechers=10, seeders=0)
        assert 99 in picked(plan(searches=(page(*good, found=6), page(unseen, found=6))))
        assert next_query(_seen(page(*good, found=6)), SEED) is not None


class TestPlan:
    """Decisions stand in a fixed order, with the figures they rest on."""

    def test_decisions_are_in_the_order_of_the_ids(self) -> None:
        """As numbers, not as words."""
        made = plan(result(10), result(9), result(100))
        assert [decision.subject for decision in made.decisions] == ["9", "10", "100"]

    def test_figures_tell_what_was_seen(self) -> None:
        """The account, the client and the search in one place."""
        made = plan(result(), torrents=(torrent(), torrent(2, category="other")))
        assert dict(made.figures) == {
            "ratio": 2.0,
            "class": "User",
            "uploaded_bytes": 20 * GIB,
            "downloaded_bytes": 10 * GIB,
            "balance_bp": 5000.0,
            "unsat_count": 2,
            "unsat_used": 2,
            "unsat_limit": 50,
            "hit_and_run_count": 0,
            "managed_torrents": 1,
            "managed_bytes": 100 * MIB,
            "free_space_bytes": 100 * GIB,
            "pages_seen": 1,
            "results_seen": 1,
            "results_found": 1,
        }

    def test_a_decision_carries_the_facts_the_rules_looked_at(self) -> None:
        """The score among them."""
        facts = decision_on(plan(result()), "1001").facts
        assert (facts["size_bytes"], facts["score"], facts["free_by_wedge"]) == (100 * MIB, 210.0, True)

    def test_the_cool_down_is_policy(self) -> None:
        """An operator may let stuck titles come back at once."""
        eager = policy(grab={"regrab_after": timedelta(0)})
        assert is_barred([entry(outcome=LedgerOutcome.NEVER_STARTED, at=NOW)], eager.grab, NOW) is False
