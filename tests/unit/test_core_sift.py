"""Which results are refused: each rule at its boundary, in its order, and what counts as a duplicate."""

from typing import Any

import pytest
from attrs import evolve

from harvestmouse.core.actions import AddTorrent
from harvestmouse.core.model import AccountClass, LedgerEntry, LedgerOutcome, Malformed, SearchResult
from harvestmouse.core.plan import OUTCOMES, Verdict
from harvestmouse.core.policy import FIELD, SEED, Policy
from harvestmouse.core.sift import is_barred, normal_name
from tests.support.builders import (
    DAY,
    GIB,
    HOUR,
    MIB,
    NOW,
    decided,
    decision_on,
    entry,
    hash_of,
    page,
    policy,
    profile,
    result,
    torrent,
)
from tests.support.builders import (
    plan_results as plan,
)


def why(one: SearchResult, with_policy: Policy = SEED, **changes: Any) -> str:
    """Return the reason of the decision about one result, alone on its page."""
    return decided(plan(one, with_policy=with_policy, **changes))[str(one.id)][1]


PAID = result(free=False, takes_wedge=True)
WEDGES = policy(grab={"wedges": True})
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
            ({}, "selected"),
            # The site spends a wedge on these as well, and it is lost; a VIP torrent refuses it.
            ({"vip": True, "takes_wedge": False}, "not_freeleech"),
            ({"fl_vip": True, "takes_wedge": False}, "not_freeleech"),
            ({"vip": True}, "not_freeleech"),
            ({"fl_vip": True}, "not_freeleech"),
            # A flag is missing, and may be on.
            ({"takes_wedge": False}, "not_freeleech"),
            ({"snatched": True}, "already_snatched"),
            ({"seeders": 51}, "oversupplied"),
            ({"leechers": 0}, "no_demand"),
        ],
    )
    def test_a_wedge_is_for_what_is_free_for_nobody_and_inside_every_band(
        self, facts: dict[str, Any], reason: str
    ) -> None:
        """With wedges on and one at hand."""
        assert why(PAID, WEDGES, profile=profile(wedges=1)) == "selected"
        assert why(evolve(PAID, **facts), WEDGES, profile=profile(wedges=1)) == reason

    @pytest.mark.parametrize(
        ("held", "figures"),
        [
            (1, {"wedges": False}),
            (0, {"wedges": True}),
            (None, {"wedges": True}),
            (2, {"wedges": True, "wedge_reserve": 2}),
            (2, {"wedges": True, "wedges_per_run": 0}),
        ],
    )
    def test_without_a_wedge_to_spend_what_is_not_free_is_refused(
        self, held: int | None, figures: dict[str, Any]
    ) -> None:
        """Off, none, unknown, all in reserve, or none a run."""
        assert why(PAID, policy(grab=figures), profile=profile(wedges=held)) == "not_freeleech"

    @pytest.mark.parametrize("outcome", [LedgerOutcome.FAILED, LedgerOutcome.NEVER_STARTED])
    def test_what_the_ledger_knows_gets_no_wedge(self, outcome: str) -> None:
        """It may have had one: the site shows that only after a while."""
        lines = (entry(outcome=outcome, at=NOW - 20 * DAY),)
        assert why(PAID, WEDGES, profile=profile(wedges=1), ledger=lines) == "not_freeleech"
        assert why(result(), WEDGES, profile=profile(wedges=1), ledger=lines) == "selected"

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

    @pytest.mark.parametrize("name", ["Split", "It Ends", "Kit", "I t", "!!!"])
    def test_a_part_of_a_name_matches_nothing(self, name: str) -> None:
        """A title `It` is not present because another name contains it."""
        assert why(result(title="It"), torrents=(torrent(name=name),)) == "selected"

    def test_a_row_that_cannot_be_used_has_a_name_all_the_same(self) -> None:
        """Either of two that differ."""
        rows = (Malformed(subject=hash_of(1), problem="differ", names=frozenset({"It", "Barn"})),)
        assert why(result(title="It"), malformed_torrents=rows) == "already_in_client"
        assert why(result(title="Reed"), malformed_torrents=rows) == "selected"

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

    def test_within_one_second_an_end_comes_after_its_beginning(self) -> None:
        """Lines may stand in any order."""
        lines = [entry(outcome=LedgerOutcome.FAILED), entry(outcome=LedgerOutcome.ADDING)]
        for order in (lines, lines[::-1]):
            assert is_barred(order, SEED.grab, NOW) is False

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


class TestSeveralPages:
    """Every item looked at has exactly one decision, however often it was seen."""

    def test_an_id_on_two_pages_is_decided_once(self) -> None:
        """The less flattering figures are believed."""
        made = plan(searches=(page(result(leechers=9)), page(result(leechers=2))))
        assert [action.leechers for action in made.actions if isinstance(action, AddTorrent)] == [2]

    def test_the_page_that_refuses_an_id_is_believed(self) -> None:
        """Nothing is picked that any page calls snatched."""
        for pages in ((page(result()), page(result(snatched=True))), (page(result(snatched=True)), page(result()))):
            made = plan(searches=pages)
            assert decided(made) == {"1001": ("reject", "already_snatched")}
            assert (len(made.decisions), made.actions) == (1, ())

    @pytest.mark.parametrize(
        "other", [{"free": True}, {"vip": True}, {"fl_vip": True}, {"personal_freeleech": True}, {"takes_wedge": False}]
    )
    def test_what_one_page_calls_free_gets_no_wedge(self, other: dict[str, Any]) -> None:
        """Nor is it taken without one, since another page says that it costs ratio."""
        pages = (page(PAID), page(evolve(PAID, **other)))
        for searches in (pages, pages[::-1]):
            made = plan(with_policy=WEDGES, profile=profile(wedges=1), searches=searches)
            assert decided(made) == {"1001": ("reject", "not_freeleech")}

    def test_what_every_page_says_takes_a_wedge_gets_one(self) -> None:
        """Whatever else they say of it, and whatever another title is."""
        pages = (page(PAID, result(id=7)), page(evolve(PAID, leechers=99)))
        made = plan(with_policy=WEDGES, profile=profile(wedges=1), searches=pages)
        assert decided(made) == {"7": ("pick", "selected"), "1001": ("pick", "selected")}

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
