"""What to ask the site for next, and when enough was seen."""

from typing import Any

import pytest

from harvestmouse.core.model import AccountClass, Malformed, Snapshot
from harvestmouse.core.policy import SEED
from harvestmouse.core.search import next_query
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
