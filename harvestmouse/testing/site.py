"""What every site's adapter promises."""

import re
from collections.abc import Callable, Collection
from typing import Any, Protocol

import pytest
from attrs import evolve

from harvestmouse.adapters.bencode import info_hash, is_torrent
from harvestmouse.adapters.errors import (
    DownloadFrozen,
    ItemError,
    NotATorrent,
    PurchaseUncertain,
    RemoteUnavailable,
    SessionInvalid,
    SiteUnavailable,
)
from harvestmouse.adapters.interface import Site
from harvestmouse.core.actions import BuyUpload, BuyVip
from harvestmouse.core.model import AccountClass, Profile, SearchPage, SearchResult
from harvestmouse.core.search import NEWEST, Query
from harvestmouse.core.units import GIB, HOUR, MIB, WEEK

ACCOUNT = Profile(
    account_class=AccountClass.POWER_USER,
    class_name="Power User",
    uploaded_bytes=30 * GIB,
    downloaded_bytes=10 * GIB,
    bonus_points=60_000.0,
    unsat_count=3,
    unsat_limit=100,
    hit_and_run_count=1,
    wedges=3,
)
_QUERY = Query(search_type="fl", min_size=0, max_size=2 * GIB, min_leechers=0, max_seeders=1000)
_UPLOAD = BuyUpload(gib=50, cost_bp=25_000)
_VIP = BuyVip(weeks=4, cost_bp=5_000)
_TOO_SMALL = BuyUpload(gib=1, cost_bp=500)
_TOO_DEAR = BuyUpload(gib=200, cost_bp=100_000)
_NO_ID = 999_999
# A balance may be told in whole points.
_ROUNDING_BP = 1

CALLS: dict[str, Callable[[Site, int], object]] = {
    "profile": lambda site, _: site.profile(),
    "search": lambda site, now: site.search(_QUERY, now),
    "torrent_file": lambda site, _: site.torrent_file(1001),
    "seed_times": lambda site, _: site.seed_times(),
}


class SiteStage(Protocol):
    """A site whose account is `ACCOUNT` and which offers nothing, and the means to arrange it.

    A method that this kind of site has no use for calls `harvestmouse.testing.cannot`.
    """

    @property
    def site(self) -> Site:
        """Return the adapter under test, the same each time."""

    @property
    def now(self) -> int:
        """Return the time at the site, in unix seconds."""

    @property
    def secrets(self) -> Collection[str]:
        """Return what the adapter knows and must not show: cookies, keys, passwords."""

    def become(self, profile: Profile) -> None:
        """Make the account what this profile says; a fact that is ``None`` is one that the site does not tell."""

    def account(self) -> Profile:
        """Return the truth about uploaded bytes, points, VIP and wedges, not by way of the adapter."""

    def offer(self, *results: SearchResult) -> None:
        """Put torrents on offer; their sizes are whole MiB."""

    def snatch(self, torrent_id: int, seeded: int) -> None:
        """Let the account have snatched a torrent on offer, and the site have seen it seeded for so many seconds."""

    def garble(self) -> None:
        """Put one more torrent on offer, whose row in a search cannot be read."""

    def muddle(self) -> None:
        """Let the site answer with something else from now on, such as a page for people."""

    def asked_to_buy(self) -> int:
        """Return how many purchases the site was asked for."""

    def lose_reply(self) -> None:
        """Let the site do what it is asked next, and the answer get lost."""

    def freeze(self) -> int:
        """Let the site refuse downloads for a while, and return for how many seconds it says so."""

    def sign_out(self) -> None:
        """Let the site refuse the session from now on."""

    def move(self) -> None:
        """Ask the site from another address from now on."""

    def go_away(self) -> None:
        """Let the site answer nothing from now on."""


class SitePromises:
    """What `harvestmouse.adapters.interface.Site` promises; needs a fixture ``stage``, a `SiteStage`."""

    # The profile

    def test_the_profile_is_the_account(self, stage: SiteStage) -> None:
        """Class, byte counts, points and what is unsatisfied are read in their units."""
        assert evolve(stage.site.profile(), vip_until=None) == ACCOUNT

    def test_zero_is_told_as_zero(self, stage: SiteStage) -> None:
        """An account that has nothing is known to have nothing."""
        poor = evolve(ACCOUNT, uploaded_bytes=0, downloaded_bytes=0, bonus_points=0.0, unsat_count=0,
                      hit_and_run_count=0)  # fmt: skip
        stage.become(poor)
        assert evolve(stage.site.profile(), vip_until=None) == poor

    def test_what_the_site_does_not_tell_is_unknown(self, stage: SiteStage) -> None:
        """A limit that is not told is neither 0 nor none."""
        stage.become(evolve(ACCOUNT, unsat_limit=None))
        assert stage.site.profile().unsat_limit is None

    def test_a_class_nobody_has_heard_of_is_unknown(self, stage: SiteStage) -> None:
        """Its name is kept for people, and it is on no rung."""
        stage.become(evolve(ACCOUNT, account_class=None, class_name="Cheese Baron"))
        profile = stage.site.profile()
        assert (profile.account_class, profile.class_name) == (None, "Cheese Baron")

    def test_the_end_of_vip_is_in_unix_seconds(self, stage: SiteStage) -> None:
        """Not a date, and not in the site's time zone."""
        until = stage.now + 5 * WEEK
        stage.become(evolve(ACCOUNT, vip_until=until))
        assert stage.site.profile().vip_until == until

    # The search

    def test_a_search_tells_every_fact_that_the_rules_need(self, stage: SiteStage) -> None:
        """Id, title, size, demand and flags come back as they are."""
        stage.offer(
            offer(1, title="Plain & simple <b>", size_bytes=300 * MIB, seeders=7, leechers=3),
            offer(2, title="Ærø 日本語", snatched=True, leechers=2),
            offer(3, vip=True, leechers=1),
        )
        found = {one.id: one for one in search(stage).results}
        assert (found[1].title, found[1].size_bytes) == ("Plain & simple <b>", 300 * MIB)
        assert (found[1].seeders, found[1].leechers) == (7, 3)
        assert found[2].title == "Ærø 日本語"
        assert {number: (one.free, one.vip, one.snatched) for number, one in found.items()} == {
            1: (True, False, False),
            2: (True, False, True),
            3: (True, True, False),
        }

    def test_a_search_leaves_out_what_costs_ratio(self, stage: SiteStage) -> None:
        """Freeleech is what was asked for."""
        stage.offer(offer(1), offer(2, free=False), offer(3, free=False, vip=True))
        assert ids(search(stage)) == [1]

    def test_a_search_for_vip_classes_holds_vip_torrents_too(self, stage: SiteStage) -> None:
        """For them VIP torrents are as good as free."""
        stage.offer(offer(1), offer(2, free=False), offer(3, free=False, vip=True))
        assert sorted(ids(search(stage, search_type="fl-VIP"))) == [1, 3]

    def test_a_search_holds_to_the_sizes(self, stage: SiteStage) -> None:
        """Both ends of the band belong to it."""
        stage.offer(*(offer(number, size_bytes=number * 100 * MIB) for number in range(1, 6)))
        assert sorted(ids(search(stage, min_size=200 * MIB, max_size=400 * MIB))) == [2, 3, 4]

    def test_a_search_holds_to_demand_and_supply(self, stage: SiteStage) -> None:
        """Too few leechers or too many seeders are left out, the limits themselves are not."""
        stage.offer(offer(1, leechers=1), offer(2, leechers=2), offer(3, leechers=3, seeders=50),
                    offer(4, leechers=3, seeders=51))  # fmt: skip
        assert sorted(ids(search(stage, min_leechers=2, max_seeders=50))) == [2, 3]

    def test_a_search_brings_the_greatest_demand_first(self, stage: SiteStage) -> None:
        """The search ends where no better result can follow, which rests on this."""
        stage.offer(offer(1, leechers=2), offer(2, leechers=9), offer(3, leechers=5))
        assert ids(search(stage)) == [2, 3, 1]

    def test_a_search_brings_the_newest_first_where_asked(self, stage: SiteStage) -> None:
        """Of the same age the greater id is the newer, whatever the demand."""
        stage.offer(offer(1, leechers=5), offer(2, leechers=9), offer(3, leechers=2))
        assert ids(search(stage, sort=NEWEST)) == [3, 2, 1]

    def test_a_search_of_everything_holds_what_costs_ratio(self, stage: SiteStage) -> None:
        """Whatever somebody seeds."""
        stage.offer(offer(1), offer(2, free=False), offer(3, free=False, vip=True), offer(4, free=False, seeders=0))
        assert sorted(ids(search(stage, search_type="active"))) == [1, 2, 3]

    def test_only_what_is_free_for_nobody_takes_a_wedge(self, stage: SiteStage) -> None:
        """The site spends a wedge on what is free or VIP as well, and it is lost."""
        stage.offer(offer(1), offer(2, free=False), offer(3, free=False, vip=True))
        found = search(stage, search_type="active").results
        assert {one.id: one.takes_wedge for one in found} == {1: False, 2: True, 3: False}

    def test_pages_together_hold_everything_once(self, stage: SiteStage) -> None:
        """A page begins where the one before ended."""
        stage.offer(*(offer(number, leechers=number % 4) for number in range(1, 13)))
        pages = [search(stage, start=start, rows=5) for start in (0, 5, 10)]
        assert [page.row_count for page in pages] == [5, 5, 2]
        assert sorted(number for page in pages for number in ids(page)) == list(range(1, 13))

    def test_a_page_says_how_many_were_found_in_all(self, stage: SiteStage) -> None:
        """Not only how many are on the page."""
        stage.offer(*(offer(number) for number in range(1, 13)))
        assert [search(stage, start=start, rows=5).found for start in (0, 5, 10)] == [12, 12, 12]

    def test_a_page_past_the_end_is_empty(self, stage: SiteStage) -> None:
        """It is no error."""
        stage.offer(offer(1), offer(2))
        assert search(stage, start=5, rows=5).row_count == 0

    def test_a_search_that_finds_nothing_is_an_empty_page(self, stage: SiteStage) -> None:
        """Nothing was found, which is known."""
        page = search(stage)
        assert (page.row_count, page.found) == (0, 0)

    def test_a_row_that_cannot_be_read_harms_no_other(self, stage: SiteStage) -> None:
        """It is told as malformed, and counts as a row where the next page begins."""
        stage.offer(offer(1))
        stage.garble()
        page = search(stage)
        assert (ids(page), len(page.malformed), page.row_count) == ([1], 1, 2)

    # Torrent files

    def test_a_torrent_file_is_a_torrent(self, stage: SiteStage) -> None:
        """The bytes are those of a torrent file, the same torrent each time."""
        stage.offer(offer(1001))
        content = stage.site.torrent_file(1001)
        assert is_torrent(content)
        assert info_hash(stage.site.torrent_file(1001)) == info_hash(content)

    def test_each_id_has_a_torrent_of_its_own(self, stage: SiteStage) -> None:
        """What is fetched is what was asked for."""
        stage.offer(offer(1001), offer(1002))
        assert info_hash(stage.site.torrent_file(1001)) != info_hash(stage.site.torrent_file(1002))

    def test_an_id_that_is_gone_is_an_item_s_failure(self, stage: SiteStage) -> None:
        """One torrent fails, by its number, and the run goes on."""
        with pytest.raises(NotATorrent, match=str(_NO_ID)):
            stage.site.torrent_file(_NO_ID)

    def test_a_freeze_is_told_with_its_length(self, stage: SiteStage) -> None:
        """The site refuses downloads, and says for how long."""
        stage.offer(offer(1001))
        seconds = stage.freeze()
        with pytest.raises(DownloadFrozen) as raised:
            stage.site.torrent_file(1001)
        assert raised.value.seconds == seconds

    def test_a_wedge_is_spent_where_it_is_asked_for(self, stage: SiteStage) -> None:
        """One, and the file is the same."""
        stage.offer(offer(1001, free=False))
        content = stage.site.torrent_file(1001, wedge=True)
        assert is_torrent(content)
        assert stage.account().wedges == 2

    def test_a_download_spends_no_wedge_by_itself(self, stage: SiteStage) -> None:
        """However many there are."""
        stage.offer(offer(1001, free=False))
        stage.site.torrent_file(1001)
        assert stage.account().wedges == 3

    def test_a_wedge_is_not_asked_for_twice(self, stage: SiteStage) -> None:
        """Where the answer is lost it may have been spent, so that a second try could spend another."""
        stage.offer(offer(1001, free=False))
        stage.lose_reply()
        with pytest.raises(SiteUnavailable):
            stage.site.torrent_file(1001, wedge=True)
        assert stage.account().wedges == 2

    # Purchases

    def test_a_purchase_of_upload_is_told_with_the_new_balance(self, stage: SiteStage) -> None:
        """The credit is there, the price is gone, and the reply says so."""
        reply = stage.site.buy(_UPLOAD)
        assert (reply.success, reply.error) == (True, None)
        assert reply.bonus_points == pytest.approx(35_000, abs=_ROUNDING_BP)
        assert stage.account().bonus_points == pytest.approx(35_000, abs=_ROUNDING_BP)
        assert stage.account().uploaded_bytes == 80 * GIB

    def test_a_purchase_of_vip_is_told_with_the_new_balance(self, stage: SiteStage) -> None:
        """The weeks are there, the price is gone, and the reply says so."""
        reply = stage.site.buy(_VIP)
        assert reply.success is True
        assert reply.bonus_points == pytest.approx(55_000, abs=_ROUNDING_BP)
        assert stage.account().vip_until == pytest.approx(stage.now + 4 * WEEK, abs=60)

    @pytest.mark.parametrize("purchase", [_TOO_SMALL, _TOO_DEAR], ids=["too small", "too dear"])
    def test_a_refused_purchase_is_told_with_the_site_s_words(self, stage: SiteStage, purchase: BuyUpload) -> None:
        """It is an answer and no error, and nothing changes."""
        reply = stage.site.buy(purchase)
        assert reply.success is False
        assert reply.error
        assert stage.account().bonus_points == ACCOUNT.bonus_points
        assert stage.account().uploaded_bytes == ACCOUNT.uploaded_bytes

    def test_a_purchase_is_asked_for_once(self, stage: SiteStage) -> None:
        """One call, one request."""
        stage.site.buy(_UPLOAD)
        assert stage.asked_to_buy() == 1

    def test_a_purchase_whose_reply_is_lost_is_uncertain_and_not_asked_for_again(self, stage: SiteStage) -> None:
        """It may have happened, so that a second try could buy twice."""
        stage.lose_reply()
        with pytest.raises(PurchaseUncertain):
            stage.site.buy(_UPLOAD)
        assert stage.asked_to_buy() == 1

    def test_a_purchase_from_a_site_that_is_away_is_uncertain(self, stage: SiteStage) -> None:
        """Nobody can tell whether the request arrived."""
        stage.go_away()
        with pytest.raises(PurchaseUncertain):
            stage.site.buy(_UPLOAD)

    def test_a_purchase_with_an_unreadable_reply_is_uncertain(self, stage: SiteStage) -> None:
        """What cannot be read says neither yes nor no."""
        stage.muddle()
        with pytest.raises(PurchaseUncertain):
            stage.site.buy(_UPLOAD)

    # The seed times

    def test_seed_times_are_those_of_the_site_in_seconds(self, stage: SiteStage) -> None:
        """By its ids; what has been seeded for no time at all is named as well."""
        stage.offer(offer(1001), offer(1002), offer(1003))
        stage.snatch(1001, 0)
        stage.snatch(1002, 71 * HOUR + 59)
        assert dict(stage.site.seed_times()) == {1001: 0, 1002: 71 * HOUR + 59}

    # Trouble

    @pytest.mark.parametrize("name", ["profile", "search", "seed_times"])
    def test_an_answer_of_something_else_is_no_answer(self, stage: SiteStage, name: str) -> None:
        """No call returns as if it had been understood, and no parser's error gets out."""
        stage.muddle()
        with pytest.raises(RemoteUnavailable):
            CALLS[name](stage.site, stage.now)

    @pytest.mark.parametrize("name", [*CALLS, "buy"])
    def test_a_refused_session_is_told(self, stage: SiteStage, name: str) -> None:
        """No call returns as if the account were empty, and the run ends."""
        stage.offer(offer(1001))
        stage.sign_out()
        with pytest.raises(SessionInvalid):
            (CALLS | {"buy": lambda site, _: site.buy(_UPLOAD)})[name](stage.site, stage.now)

    @pytest.mark.parametrize("name", CALLS)
    def test_a_site_that_is_away_is_unavailable(self, stage: SiteStage, name: str) -> None:
        """No call returns as if an absent site had nothing, and no library's error gets out."""
        stage.offer(offer(1001))
        stage.go_away()
        with pytest.raises(SiteUnavailable):
            CALLS[name](stage.site, stage.now)

    def test_no_secret_shows(self, stage: SiteStage) -> None:
        """Neither the adapter nor its errors show what opens the account."""
        shown = [repr(stage.site)]
        stage.site.profile()
        stage.sign_out()
        with pytest.raises(SessionInvalid) as raised:
            stage.site.profile()
        shown += [repr(stage.site), str(raised.value), repr(raised.value)]
        assert [secret for secret in stage.secrets if any(secret in text for text in shown)] == []

    def test_an_address_is_told_as_a_word(self, stage: SiteStage) -> None:
        """The word is the same until the address changes, and nothing of the address shows in it."""
        word = stage.site.address()
        assert word == stage.site.address()
        assert re.fullmatch(r"redacted-[0-9a-f]{6}", word)
        stage.move()
        assert stage.site.address() != word

    def test_an_address_is_registered_once(self, stage: SiteStage) -> None:
        """A second registration of the same address is no change, and no error."""
        assert stage.site.register_address() is True
        assert stage.site.register_address() is False

    def test_a_second_address_within_the_hour_is_an_item_error(self, stage: SiteStage) -> None:
        """The site takes one an hour; what it does not take is not called registered."""
        stage.site.register_address()
        stage.move()
        with pytest.raises(ItemError):
            stage.site.register_address()

    def test_closing_twice_does_no_harm(self, stage: SiteStage) -> None:
        """A site may be closed again, and before it was ever used."""
        stage.site.close()
        stage.site.profile()
        stage.site.close()
        stage.site.close()


def offer(number: int, **changes: Any) -> SearchResult:
    """Return a freeleech torrent on offer."""
    result = SearchResult(id=number, title=f"Title {number}", size_bytes=100 * MIB, seeders=10, leechers=5, free=True)
    return evolve(result, **changes)


def search(stage: SiteStage, **changes: Any) -> SearchPage:
    """Search for everything that is free, and what the test says otherwise."""
    return stage.site.search(evolve(_QUERY, **changes), stage.now)


def ids(page: SearchPage) -> list[int]:
    """Return the ids on a page, in its order."""
    return [result.id for result in page.results]
