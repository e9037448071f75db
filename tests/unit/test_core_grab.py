"""Which results are taken: ranking, budgets, and what the operator is told."""

from datetime import timedelta
from typing import Any

import pytest

from harvestmouse.core.actions import AddTorrent
from harvestmouse.core.model import LedgerOutcome, Malformed, SearchResult
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import SEED
from harvestmouse.core.room import room_for
from harvestmouse.core.sift import is_barred, score
from harvestmouse.core.wire.plan import unparse_action
from tests.support.builders import (
    GIB,
    MIB,
    NOW,
    decided,
    decision_on,
    download,
    entry,
    page,
    picked,
    policy,
    profile,
    result,
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


NOT_FREE: dict[str, Any] = {"free": False}


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

    def test_there_is_never_room_for_less_than_nothing(self) -> None:
        """A client that holds more than it may takes nothing more, and an unknown disk is no space."""
        full = room_for(snapshot(torrents=[torrent(number) for number in range(501)], free_space_bytes=None), SEED)
        assert (full.picks, full.bytes) == (0, -SEED.grab.disk_reserve)

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
        assert made.advice == ("The snapshot has no search results, so nothing could be looked at.",)


class TestAdvice:
    """Every run says how many results each rule refused, and hints at the rule when one refuses nearly all (I8)."""

    def test_a_rule_that_refuses_nearly_all_is_named(self) -> None:
        """Nine of ten is nearly all."""
        refused = [result(number, seeders=300) for number in range(9)]
        made = plan(*refused, result(100))
        assert made.counts["reject"]["oversupplied"] == 9
        assert any("9 of 10" in sentence and "seeder_ceiling" in sentence for sentence in made.advice)

    @pytest.mark.parametrize(("count", "words"), [(1, "Only 1 result matches "), (2, "Only 2 results match ")])
    def test_hardly_any_result_is_a_hint_at_the_filters(self, count: int, words: str) -> None:
        """The site filters before it answers, so that no result tells of it."""
        (advice,) = plan(*(result(number) for number in range(count))).advice
        assert advice.startswith(f"{words}the filters sent to the site (seeder_ceiling = 50, leecher_floor = 1, sizes)")

    def test_less_than_nine_in_ten_is_no_hint(self) -> None:
        """Eight of ten is usual."""
        refused = [result(number, seeders=300) for number in range(8)]
        assert plan(*refused, result(100), result(101)).advice == ()

    def test_few_results_are_no_hint(self) -> None:
        """Nine results, all refused, say too little."""
        made = plan(*(result(number, seeders=300) for number in range(9)))
        assert not any("9 of 9" in sentence for sentence in made.advice)

    @pytest.mark.parametrize(
        ("facts", "hint"),
        [
            (NOT_FREE, "not_freeleech: nearly all would cost this account ratio."),
            ({"leechers": 0}, "no_demand: leecher_floor = 1."),
            ({"size_bytes": 1}, "too_small: min_size is above nearly all of them."),
            ({"size_bytes": 9 * GIB}, "too_large: max_size is below nearly all of them."),
            (
                {"seeders": 51},
                "oversupplied: seeder_ceiling = 50; the site is well seeded, the field preset has 200.",
            ),
        ],
    )
    def test_the_hint_speaks_of_the_rule_s_own_figure(self, facts: dict[str, Any], hint: str) -> None:
        """The operator knows which key to turn."""
        made = plan(*(result(number, **facts) for number in range(10)))
        assert made.advice[0] == f"10 of 10 results were refused as {hint}"

    def test_rows_that_cannot_be_read_are_the_site_s_doing(self) -> None:
        """No figure of the policy helps then."""
        rows = tuple(Malformed(subject=str(number), problem="") for number in range(10))
        hint = "malformed: the site's answers may have changed their shape."
        assert plan(searches=(page(malformed=rows),)).advice[0] == f"10 of 10 results were refused as {hint}"

    def test_filters_that_leave_hardly_a_result_are_named(self) -> None:
        """The site filters too, so an empty page may be the policy's doing."""
        assert any("Only 0 results" in sentence for sentence in plan().advice)
        assert any("Only 4 results" in one for one in plan(*(result(number) for number in range(4))).advice)
        refused = (result(number, snatched=True) for number in range(5))
        assert plan(*refused).advice == ()


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
            "unsat_next_free_seconds": None,
            "unsat_resume_seconds": 0,
            "hit_and_run_count": 0,
            "managed_torrents": 1,
            "managed_bytes": 100 * MIB,
            "free_space_bytes": 100 * GIB,
            "still_to_write_bytes": 0,
            "wedges": None,
            "pages_seen": 1,
            "results_seen": 1,
            "results_found": 1,
            "requests": [
                {
                    "search_type": "fl",
                    "sort": "leechersDesc",
                    "start": 0,
                    "rows": 1,
                    "why": "what is wanted most comes first",
                }
            ],
            "search_ended": "the site has no more",
        }

    def test_what_is_unknown_is_not_zero(self) -> None:
        """A torrent whose size nobody knows counts for nothing, a client that nobody asked for nothing known."""
        assert plan(torrents=(torrent(size_bytes=None),)).figures["managed_bytes"] == 0
        unknown = plan(torrents=None).figures
        assert (unknown["managed_torrents"], unknown["managed_bytes"]) == (None, None)
        assert unknown["still_to_write_bytes"] is None

    def test_a_decision_carries_the_facts_the_rules_looked_at(self) -> None:
        """The score among them."""
        offered = result(authors=("Somebody", "Another"), fl_vip=True)
        assert dict(decision_on(plan(offered), "1001").facts) == {
            "title": "Title 1001",
            "authors": ["Somebody", "Another"],
            "size_bytes": 100 * MIB,
            "seeders": 10,
            "leechers": 5,
            "free_by_wedge": True,
            "vip": True,
            "score": 210.0,
        }

    def test_the_plan_shows_the_figures_it_was_made_with(self) -> None:
        """Category and every figure of the grab policy."""
        shown = plan(result()).policy
        assert (shown["category"], shown["ratio_floor"]) == ("mam-farming", 1.2)

    def test_the_cool_down_is_policy(self) -> None:
        """An operator may let stuck titles come back at once."""
        eager = policy(grab={"regrab_after": timedelta(0)})
        assert is_barred([entry(outcome=LedgerOutcome.NEVER_STARTED, at=NOW)], eager.grab, NOW) is False


class TestWedges:
    """A wedge fills a place that nothing free takes."""

    def made(self, *rows: SearchResult, **figures: Any) -> Plan:
        """Plan with wedges on and three of them."""
        return plan(*rows, profile=profile(wedges=3), with_policy=policy(grab={"wedges": True, **figures}))

    def test_what_is_free_comes_first(self) -> None:
        """However much the other is wanted."""
        made = self.made(result(1), paid(2, leechers=900), per_run=1)
        assert picked(made) == [1]
        assert made.figures["wedges"] == 3
        assert decided(made)["2"] == ("reject", "not_selected")
        assert picked(self.made(result(1), paid(2, leechers=900), per_run=2)) == [1, 2]

    def test_the_action_says_that_a_wedge_is_used(self) -> None:
        """And no other action does, in so many words: plans of before read the same."""
        free, wedge = (unparse_action(one) for one in self.made(result(1), paid(2)).actions)
        assert wedge["use_wedge"] is True
        assert "use_wedge" not in free

    def test_so_many_a_run_and_the_best_of_them(self) -> None:
        """One by default; the rest have no budget."""
        made = self.made(paid(1), paid(2, leechers=9), paid(3))
        assert picked(made) == [2]
        assert decided(made)["1"] == decided(made)["3"] == ("reject", "over_budget")
        assert picked(self.made(paid(1), paid(2), paid(3), wedges_per_run=2)) == [3, 2]

    def test_the_reserve_stays(self) -> None:
        """Three wedges, two of them never spent."""
        assert picked(self.made(paid(1), paid(2), wedges_per_run=5, wedge_reserve=2)) == [2]

    def test_one_that_does_not_fit_leaves_its_wedge_to_the_next(self) -> None:
        """The disk is as small as it is."""
        made = plan(
            paid(1),
            paid(2, leechers=9, size_bytes=200 * MIB),
            profile=profile(wedges=3),
            with_policy=policy(grab={"wedges": True}),
            free_space_bytes=10 * GIB + 150 * MIB,
        )
        assert picked(made) == [1]


class TestBytes:
    """What fits the disk, with what downloads still have to write, and the category's quota."""

    def test_what_is_still_to_be_downloaded_takes_its_space(self) -> None:
        """Of every category."""
        held = (download(1, left_bytes=50 * MIB), download(2, left_bytes=50 * MIB, category="other"))
        for space, why in ((200 * MIB, "selected"), (200 * MIB - 1, "over_budget")):
            made = plan(result(size_bytes=100 * MIB), torrents=held, free_space_bytes=10 * GIB + space)
            assert decided(made)["1001"][1] == why
        assert made.figures["still_to_write_bytes"] == 100 * MIB

    def test_picks_stay_within_the_quota_together(self) -> None:
        """By whole sizes; one that is smaller may still fit."""
        rows = (result(1, leechers=9), result(2, leechers=8), result(3, size_bytes=50 * MIB))
        wanted = policy(grab={"category_quota": 250 * MIB})
        made = plan(*rows, torrents=(torrent(size_bytes=100 * MIB),), with_policy=wanted)
        assert decided(made) == {
            "1": ("pick", "selected"),
            "2": ("reject", "over_budget"),
            "3": ("pick", "selected"),
        }

    def test_without_a_quota_any_size_will_do(self) -> None:
        """And 0 is none."""
        assert SEED.grab.category_quota == 0
        assert picked(plan(result(), torrents=(torrent(size_bytes=None),))) == [1001]


def paid(number: int, **changes: Any) -> SearchResult:
    """Return a result that is free for nobody."""
    return result(number, free=False, takes_wedge=True, **changes)
