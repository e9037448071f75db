"""What to ask the site for next, and when enough was seen."""

from typing import Any

import pytest
from attrs import evolve

from harvestmouse.core.model import AccountClass, Malformed, Profile, SearchResult, Snapshot
from harvestmouse.core.policy import SEED, Policy
from harvestmouse.core.search import next_query, next_step, requests_of
from tests.support.builders import (
    GIB,
    MIB,
    page,
    picked,
    policy,
    profile,
    result,
    snapshot,
)
from tests.support.builders import (
    plan_results as plan,
)


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

    def test_the_largest_of_what_may_be_picked_must_fit(self) -> None:
        """Which of them will be picked is not known yet."""
        sizes = [100, 100, 100, 100, 100, 900]
        good = [result(number, leechers=90, seeders=0, size_bytes=size * MIB) for number, size in enumerate(sizes)]
        pages = (page(*good, result(9, leechers=10), found=1000),)
        assert next_query(_seen(*pages, free_space_bytes=10 * GIB + 1299 * MIB), SEED) is not None
        assert next_query(_seen(*pages, free_space_bytes=10 * GIB + 1300 * MIB), SEED) is None

    def test_without_a_profile_only_freeleech_is_asked_for(self) -> None:
        """An unknown class gets nothing free for VIP; the guards hold the picks anyway."""
        vip = [result(number, leechers=90, free=False, vip=True) for number in range(9)]
        query = next_query(_seen(page(*vip, found=100), profile=None), SEED)
        assert query is not None
        assert (query.search_type, query.start) == ("fl", 9)

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


NEW = policy(grab={"strategy": "new"})
WEDGES = policy(grab={"wedges": True})


def paid(number: int, **changes: Any) -> SearchResult:
    """Return a result that is free for nobody."""
    return result(number, free=False, takes_wedge=True, **changes)


class TestNewest:
    """With `strategy = "new"` the newest come first: fresh freeleech before the crowd comes."""

    def test_the_site_is_asked_for_the_newest(self) -> None:
        """All else is as by demand."""
        new, wanted = next_query(snapshot(searches=None), NEW), next_query(snapshot(searches=None), SEED)
        assert new is not None
        assert wanted is not None
        assert (new.sort, wanted.sort) == ("dateDesc", "leechersDesc")
        assert evolve(new, sort=wanted.sort) == wanted

    def test_enough_is_what_fills_the_room(self) -> None:
        """What follows is older, and may be wanted more: nothing bounds it."""
        rows = [result(number, leechers=number) for number in range(1, 6)]
        assert next_query(_seen(page(*rows, found=1000)), NEW) is None
        assert next_query(_seen(page(*rows[1:], found=1000)), NEW) is not None
        assert next_query(_seen(page(*rows, found=1000)), SEED) is not None

    def test_candidates_that_may_not_fit_the_disk_fill_no_room(self) -> None:
        """The next page may hold something smaller."""
        rows = [result(number) for number in range(5)]
        pages = (page(*rows, found=1000),)
        assert next_query(_seen(*pages, free_space_bytes=10 * GIB + 499 * MIB), NEW) is not None
        assert next_query(_seen(*pages, free_space_bytes=10 * GIB + 500 * MIB), NEW) is None

    def test_pages_are_bounded_all_the_same(self) -> None:
        """Five by default, or fewer where the site has no more."""
        pages = [page(result(number), found=1000) for number in range(5)]
        few = policy(NEW, grab={"per_run": 50})
        assert next_query(_seen(*pages[:4]), few) is not None
        assert next_query(_seen(*pages), few) is None
        assert next_query(_seen(page(result(), found=1)), few) is None


class TestWedges:
    """One search more asks for what is not free, after what is free has left a place that a wedge may fill."""

    account = profile(wedges=1)

    def test_what_is_free_is_asked_for_first(self) -> None:
        """Whatever the balance."""
        query = next_query(snapshot(searches=None, profile=self.account), WEDGES)
        assert query is not None
        assert query.search_type == "fl"

    def test_one_search_asks_for_everything_that_has_a_seeder(self) -> None:
        """From its first row, with the same filters and order."""
        first, query = (
            next_query(snapshot(searches=None), SEED),
            next_query(_seen(page(result()), profile=self.account), WEDGES),
        )
        assert first is not None
        assert query == evolve(first, search_type="active")

    def test_it_is_made_once(self) -> None:
        """However little it has found."""
        pages = (page(result()), page(result(), paid(2), found=900))
        assert next_query(_seen(*pages, profile=self.account), WEDGES) is None

    @pytest.mark.parametrize(
        ("account", "wanted"),
        [
            (profile(wedges=1), SEED),
            (profile(wedges=0), WEDGES),
            (profile(wedges=None), WEDGES),
            (profile(wedges=1), policy(WEDGES, grab={"wedge_reserve": 1})),
            (profile(wedges=1), policy(WEDGES, grab={"wedges_per_run": 0})),
            (profile(wedges=1), policy(WEDGES, grab={"per_run": 1})),
            (profile(wedges=1), policy(WEDGES, grab={"max_pages": 1})),
            (profile(wedges=1, unsat_count=39), WEDGES),
        ],
    )
    def test_it_is_not_made_where_no_wedge_could_be_spent(self, account: Profile, wanted: Policy) -> None:
        """Off, none left above the reserve, no place left, or no page."""
        assert next_query(_seen(page(result()), profile=account), wanted) is None


class TestWhy:
    """Every request has its reason, and so has the end."""

    def test_each_request_is_told_with_its_reason(self) -> None:
        """What was asked for, from which row, what came, and why."""
        first, second = page(result(1, leechers=9), found=2), page(result(2, leechers=8), found=2)
        made, ended = requests_of(_seen(first, second), SEED)
        facts = {"search_type": "fl", "sort": "leechersDesc", "rows": 1}
        more = "0 candidates are surely better than what follows; there is room for 5"
        assert made == [
            {**facts, "start": 0, "why": "what is wanted most comes first"},
            {**facts, "start": 1, "why": more},
        ]
        assert ended == "the site has no more"

    @pytest.mark.parametrize(
        ("pages", "wanted", "why"),
        [
            ((page(found=9),), SEED, "the site has no more"),
            ((page(result(), found=9),), policy(grab={"max_pages": 1}), "1 pages, at most 1"),
            (
                (page(*[result(number, leechers=90) for number in range(5)], result(6), found=99),),
                SEED,
                "5 candidates are surely better than what follows; there is room for 5",
            ),
            (
                (page(*[result(number) for number in range(6)], found=99),),
                NEW,
                "6 candidates were found; there is room for 5",
            ),
        ],
    )
    def test_the_end_is_told_with_its_reason(self, pages: Any, wanted: Policy, why: str) -> None:
        """Once for the search."""
        step = next_step(_seen(*pages), wanted)
        assert (step.query, step.why) == (None, why)
        assert requests_of(_seen(*pages), wanted)[1] == why

    def test_the_search_for_wedges_says_what_is_left(self) -> None:
        """And why nothing free follows."""
        free, other = page(result(1), result(2)), page(result(1), paid(9), found=900)
        made, ended = requests_of(_seen(free, other, profile=profile(wedges=2)), WEDGES)
        assert [one["why"] for one in made][1:] == [
            "what is free leaves 3 of 5 places to a wedge: the site has no more"
        ]
        assert (made[1]["search_type"], made[1]["start"]) == ("active", 0)
        assert ended == "one search is made for wedges"

    def test_pages_that_nobody_would_have_asked_for_have_no_entry(self) -> None:
        """Those of another policy's run, say."""
        pages = (page(result(1, leechers=9), found=2), page(result(2, leechers=8), found=2))
        made, ended = requests_of(_seen(*pages), policy(grab={"max_pages": 1}))
        assert len(made) == 1
        assert ended == "1 pages, at most 1"

    def test_a_search_that_would_go_on_has_no_end(self) -> None:
        """Before the first page, and where a run was cut short."""
        assert requests_of(snapshot(searches=None), SEED) == ([], None)
        assert requests_of(_seen(page(result(), found=9)), SEED)[1] is None
