"""Sites that break one promise each, made from the embedded one."""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, evolve, field

from harvestmouse.adapters.errors import (
    DownloadFrozen,
    ItemError,
    NotATorrent,
    PurchaseUncertain,
    SessionInvalid,
    SiteUnavailable,
    UnexpectedBody,
)
from harvestmouse.adapters.memory import MemorySite, World
from harvestmouse.core.actions import BuyUpload, BuyVip
from harvestmouse.core.model import AccountClass, Malformed, Profile, SearchPage, SearchResult
from harvestmouse.core.search import BY_DEMAND, Query
from harvestmouse.core.wire.mam import PurchaseReply
from harvestmouse.testing.site import ACCOUNT
from tests.support.world import snatch_in, world_of

_COOKIE = "gorgonzola"
_FREEZE_SECONDS = 3600


@define
class RightSite(MemorySite):
    """The embedded site with a cookie, and with trouble of every kind.

    Attributes:
        asked: How many purchases it was asked for.
    """

    cookie: str = field(default=_COOKIE, repr=False)
    asked: int = field(default=0, init=False)
    frozen: bool = field(default=False, init=False)
    losing: bool = field(default=False, init=False)
    signed_out: bool = field(default=False, init=False)
    gone: bool = field(default=False, init=False)
    garbled: bool = field(default=False, init=False)
    muddled: bool = field(default=False, init=False)

    def profile(self) -> Profile:
        self.look_for_trouble()
        return super().profile()

    def search(self, query: Query, now: int) -> SearchPage:
        self.look_for_trouble()
        page = super().search(query, now)
        rows = (Malformed(subject="7", problem="cannot read size"),) if self.garbled else ()
        return evolve(page, malformed=rows)

    def seed_times(self) -> dict[int, int]:
        self.look_for_trouble()
        return super().seed_times()

    def torrent_file(self, torrent_id: int, *, wedge: bool = False) -> bytes:
        self.look_for_trouble()
        if self.frozen:
            raise DownloadFrozen("downloads are refused", _FREEZE_SECONDS)
        content = super().torrent_file(torrent_id, wedge=wedge)
        if self.losing:
            raise SiteUnavailable("no answer")
        return content

    def buy(self, purchase: BuyUpload | BuyVip) -> PurchaseReply:
        self.asked += 1
        if self.gone or self.muddled:
            raise PurchaseUncertain("no answer")
        self.look_for_trouble()
        reply = super().buy(purchase)
        if self.losing:
            raise PurchaseUncertain("no answer")
        return reply

    def look_for_trouble(self) -> None:
        if self.gone:
            raise SiteUnavailable("no connection")
        if self.signed_out:
            raise SessionInvalid("the session is refused")
        if self.muddled:
            raise UnexpectedBody("the answer is no JSON")


@define
class Stage:
    """The site above, or a wrong one in its place."""

    make: Callable[[World], Any] = RightSite
    world: World = field(factory=lambda: world_of(account=ACCOUNT))
    site: Any = field(init=False)
    secrets: tuple[str, ...] = (_COOKIE,)

    def __attrs_post_init__(self) -> None:
        self.site = self.make(self.world)

    @property
    def now(self) -> int:
        return self.world.now

    def become(self, profile: Profile) -> None:
        self.world.profile = profile

    def account(self) -> Profile:
        return self.world.profile

    def offer(self, *results: SearchResult) -> None:
        self.world.catalogue.extend(results)

    def snatch(self, torrent_id: int, seeded: int) -> None:
        snatch_in(self.world, torrent_id, seeded)

    def garble(self) -> None:
        self.site.garbled = True

    def muddle(self) -> None:
        self.site.muddled = True

    def asked_to_buy(self) -> int:
        return int(self.site.asked)

    def lose_reply(self) -> None:
        self.site.losing = True

    def freeze(self) -> int:
        self.site.frozen = True
        return _FREEZE_SECONDS

    def sign_out(self) -> None:
        self.site.signed_out = True

    def move(self) -> None:
        self.site.world.egress = "redacted-000002"

    def go_away(self) -> None:
        self.site.gone = True


def reads(change: Callable[[Profile], Profile]) -> Callable[[], Stage]:
    """Make a stage whose site reads the profile otherwise than it is."""

    class Reads(RightSite):
        def profile(self) -> Profile:
            return change(super().profile())

    return lambda: Stage(make=Reads)


def asks(change: Callable[[Query], Query]) -> Callable[[], Stage]:
    """Make a stage whose site searches for something else than it was asked."""

    class Asks(RightSite):
        def search(self, query: Query, now: int) -> SearchPage:
            return super().search(change(query), now)

    return lambda: Stage(make=Asks)


def finds(change: Callable[[SearchPage], SearchPage]) -> Callable[[], Stage]:
    """Make a stage whose site returns another page than was found."""

    class Finds(RightSite):
        def search(self, query: Query, now: int) -> SearchPage:
            return change(super().search(query, now))

    return lambda: Stage(make=Finds)


def each(change: Callable[[SearchResult], SearchResult]) -> Callable[[], Stage]:
    """Make a stage whose site shows each result otherwise than it is."""
    return finds(lambda page: evolve(page, results=tuple(change(one) for one in page.results)))


@define
class NothingThere(RightSite):
    def search(self, query: Query, now: int) -> SearchPage:
        page = super().search(query, now)
        if not page.results:
            raise ItemError("nothing returned")
        return page


@define
class FindsAll(RightSite):
    def search(self, query: Query, now: int) -> SearchPage:
        return SearchPage(results=tuple(self.world.catalogue), found=len(self.world.catalogue))


@define
class SendsPages(RightSite):
    def torrent_file(self, torrent_id: int, *, wedge: bool = False) -> bytes:
        return b"<html>%d</html>" % torrent_id


@define
class SendsTheFirst(RightSite):
    def torrent_file(self, torrent_id: int, *, wedge: bool = False) -> bytes:
        return super().torrent_file(self.world.catalogue[0].id, wedge=wedge)


@define
class NamesNoId(RightSite):
    def torrent_file(self, torrent_id: int, *, wedge: bool = False) -> bytes:
        try:
            return super().torrent_file(torrent_id, wedge=wedge)
        except NotATorrent:
            raise NotATorrent("there is none") from None


@define
class FreezesForADay(RightSite):
    def torrent_file(self, torrent_id: int, *, wedge: bool = False) -> bytes:
        try:
            return super().torrent_file(torrent_id, wedge=wedge)
        except DownloadFrozen:
            raise DownloadFrozen("downloads are refused", 86_400) from None


@define
class SpendsNoWedge(RightSite):
    def torrent_file(self, torrent_id: int, *, wedge: bool = False) -> bytes:
        return super().torrent_file(torrent_id)


@define
class SpendsWedges(RightSite):
    def torrent_file(self, torrent_id: int, *, wedge: bool = False) -> bytes:
        return super().torrent_file(torrent_id, wedge=True)


@define
class SpendsAnotherWedge(RightSite):
    def torrent_file(self, torrent_id: int, *, wedge: bool = False) -> bytes:
        try:
            return super().torrent_file(torrent_id, wedge=wedge)
        except SiteUnavailable:
            return super().torrent_file(torrent_id, wedge=wedge)


@define
class TellsNoBalance(RightSite):
    def buy(self, purchase: BuyUpload | BuyVip) -> PurchaseReply:
        return PurchaseReply(success=super().buy(purchase).success)


@define
class RaisesRefusals(RightSite):
    def buy(self, purchase: BuyUpload | BuyVip) -> PurchaseReply:
        reply = super().buy(purchase)
        if not reply.success:
            raise ItemError(str(reply.error))
        return reply


@define
class BuysTwice(RightSite):
    def buy(self, purchase: BuyUpload | BuyVip) -> PurchaseReply:
        super().buy(purchase)
        return super().buy(purchase)


@define
class TriesAgain(RightSite):
    def buy(self, purchase: BuyUpload | BuyVip) -> PurchaseReply:
        try:
            return super().buy(purchase)
        except PurchaseUncertain:
            return super().buy(purchase)


@define
class SureOfNothing(RightSite):
    def buy(self, purchase: BuyUpload | BuyVip) -> PurchaseReply:
        try:
            return super().buy(purchase)
        except PurchaseUncertain:
            return PurchaseReply(success=False, error="no answer")


@define
class TellsMinutes(RightSite):
    def seed_times(self) -> dict[int, int]:
        return {one: seconds // 60 for one, seconds in super().seed_times().items()}


@define
class SignedOutIsAway(RightSite):
    def look_for_trouble(self) -> None:
        if self.gone or self.signed_out:
            raise SiteUnavailable("no answer")


@define
class AwayIsEmpty(RightSite):
    def search(self, query: Query, now: int) -> SearchPage:
        return SearchPage() if self.gone else super().search(query, now)


@define
class UnderstandsAnything(RightSite):
    def look_for_trouble(self) -> None:
        """See none."""


@define
class ShowsItsCookie(RightSite):
    def look_for_trouble(self) -> None:
        if self.signed_out:
            raise SessionInvalid(f"the site refuses {self.cookie}")


@define
class ShowsItsAddress(RightSite):
    def address(self) -> str:
        return "192.0.2.7"


@define
class SeesAChangeInEverything(RightSite):
    def register_address(self) -> bool:
        RightSite.register_address(self)
        return True


@define
class TakesAnyAddress(RightSite):
    def register_address(self) -> bool:
        try:
            return RightSite.register_address(self)
        except ItemError:
            return False


@define
class ClosesOnce(RightSite):
    def close(self) -> None:
        raise RuntimeError("it is closed already")


# What is wrong, by the promise it breaks.
WRONG: Mapping[str, Callable[[], Stage]] = {
    "test_the_profile_is_the_account": reads(lambda one: evolve(one, uploaded_bytes=(one.uploaded_bytes or 0) // 1024)),
    "test_zero_is_told_as_zero": reads(lambda one: evolve(one, hit_and_run_count=one.hit_and_run_count or None)),
    "test_what_the_site_does_not_tell_is_unknown": reads(lambda one: evolve(one, unsat_limit=one.unsat_limit or 0)),
    "test_a_class_nobody_has_heard_of_is_unknown": reads(
        lambda one: evolve(one, account_class=one.account_class or AccountClass.USER)
    ),
    "test_the_end_of_vip_is_in_unix_seconds": reads(lambda one: evolve(one, vip_until=(one.vip_until or 0) + 7200)),
    "test_a_search_tells_every_fact_that_the_rules_need": each(lambda one: evolve(one, snatched=False)),
    "test_a_search_leaves_out_what_costs_ratio": asks(lambda query: evolve(query, search_type="fl-VIP")),
    "test_a_search_for_vip_classes_holds_vip_torrents_too": asks(lambda query: evolve(query, search_type="fl")),
    "test_a_search_holds_to_the_sizes": asks(lambda query: evolve(query, min_size=query.min_size + 1)),
    "test_a_search_holds_to_demand_and_supply": asks(lambda query: evolve(query, max_seeders=1000)),
    "test_a_search_brings_the_greatest_demand_first": finds(lambda page: evolve(page, results=page.results[::-1])),
    "test_a_search_brings_the_newest_first_where_asked": asks(lambda query: evolve(query, sort=BY_DEMAND)),
    "test_a_search_of_everything_holds_what_costs_ratio": asks(lambda query: evolve(query, search_type="fl-VIP")),
    "test_only_what_is_free_for_nobody_takes_a_wedge": each(lambda one: evolve(one, takes_wedge=not one.free)),
    "test_pages_together_hold_everything_once": asks(lambda query: evolve(query, start=query.start // query.rows)),
    "test_a_page_says_how_many_were_found_in_all": finds(lambda page: evolve(page, found=page.row_count)),
    "test_a_page_past_the_end_is_empty": lambda: Stage(make=FindsAll),
    "test_a_search_that_finds_nothing_is_an_empty_page": lambda: Stage(make=NothingThere),
    "test_a_row_that_cannot_be_read_harms_no_other": finds(lambda page: evolve(page, malformed=())),
    "test_a_torrent_file_is_a_torrent": lambda: Stage(make=SendsPages),
    "test_each_id_has_a_torrent_of_its_own": lambda: Stage(make=SendsTheFirst),
    "test_an_id_that_is_gone_is_an_item_s_failure": lambda: Stage(make=NamesNoId),
    "test_a_freeze_is_told_with_its_length": lambda: Stage(make=FreezesForADay),
    "test_a_wedge_is_spent_where_it_is_asked_for": lambda: Stage(make=SpendsNoWedge),
    "test_a_download_spends_no_wedge_by_itself": lambda: Stage(make=SpendsWedges),
    "test_a_wedge_is_not_asked_for_twice": lambda: Stage(make=SpendsAnotherWedge),
    "test_a_purchase_of_upload_is_told_with_the_new_balance": lambda: Stage(make=TellsNoBalance),
    "test_a_purchase_of_vip_is_told_with_the_new_balance": lambda: Stage(make=TellsNoBalance),
    "test_a_refused_purchase_is_told_with_the_site_s_words": lambda: Stage(make=RaisesRefusals),
    "test_a_purchase_is_asked_for_once": lambda: Stage(make=BuysTwice),
    "test_a_purchase_whose_reply_is_lost_is_uncertain_and_not_asked_for_again": lambda: Stage(make=TriesAgain),
    "test_a_purchase_from_a_site_that_is_away_is_uncertain": lambda: Stage(make=SureOfNothing),
    "test_a_purchase_with_an_unreadable_reply_is_uncertain": lambda: Stage(make=SureOfNothing),
    "test_seed_times_are_those_of_the_site_in_seconds": lambda: Stage(make=TellsMinutes),
    "test_an_answer_of_something_else_is_no_answer": lambda: Stage(make=UnderstandsAnything),
    "test_a_refused_session_is_told": lambda: Stage(make=SignedOutIsAway),
    "test_a_site_that_is_away_is_unavailable": lambda: Stage(make=AwayIsEmpty),
    "test_no_secret_shows": lambda: Stage(make=ShowsItsCookie),
    "test_an_address_is_told_as_a_word": lambda: Stage(make=ShowsItsAddress),
    "test_an_address_is_registered_once": lambda: Stage(make=SeesAChangeInEverything),
    "test_a_second_address_within_the_hour_is_an_item_error": lambda: Stage(make=TakesAnyAddress),
    "test_closing_twice_does_no_harm": lambda: Stage(make=ClosesOnce),
}
