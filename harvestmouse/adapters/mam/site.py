"""The MyAnonamouse API, endpoint by endpoint."""

import time

from attrs import define, field

from harvestmouse.adapters.bencode import is_torrent
from harvestmouse.adapters.errors import (
    DownloadFrozen,
    ItemError,
    NotATorrent,
    PurchaseUncertain,
    RateLimited,
    RemoteUnavailable,
    SchemaChanged,
    UnexpectedBody,
)
from harvestmouse.adapters.mam.classify import NotThere, page_error, read_json
from harvestmouse.adapters.mam.session import Answer, Endpoint, MamSession
from harvestmouse.adapters.tape import Tape
from harvestmouse.core.actions import BuyUpload, BuyVip
from harvestmouse.core.model import Profile, SearchPage
from harvestmouse.core.search import Query
from harvestmouse.core.units import format_span
from harvestmouse.core.wire import parse_freeze, parse_profile, parse_purchase, parse_search
from harvestmouse.core.wire.coerce import as_count, as_flag, as_text
from harvestmouse.core.wire.mam import PurchaseReply, parse_seed_times
from harvestmouse.core.wire.redact import keep_ip

# No class may have more than 200 unsatisfied torrents, and a page has 250.
_MOST_PAGES = 4


@define
class MamSite:
    """The site behind one session; see `harvestmouse.adapters.interface.Site`.

    Attributes:
        tape: Takes what the site sends, where the run is recorded.
    """

    session: MamSession
    tape: Tape | None = None
    # Whose account it is: asked for with, and told nobody.
    _uid: int | None = field(default=None, init=False, repr=False)

    def profile(self) -> Profile:
        """Read the account.

        The flag ``id`` is left out: with it the site has been seen to return other figures.
        """
        place = Endpoint.PROFILE.value
        answer = self.session.read(Endpoint.PROFILE, params={"snatch_summary": ""})
        body = read_json(place, answer.text)
        profile = parse_profile(body)
        if profile is None:
            raise UnexpectedBody(f"{place}: the answer has no user name, so it is no profile of a signed-in account")
        if profile.class_name is None and profile.uploaded_bytes is None and profile.bonus_points is None:
            raise SchemaChanged(f"{place}: the profile has neither class nor upload nor points")
        if self.tape is not None:
            self.tape.keep_profile(body)
        self._uid = as_count(body.get("uid"))
        return profile

    def search(self, query: Query, now: int) -> SearchPage:
        """Make one search request."""
        place = Endpoint.SEARCH.value
        answer = self.session.read(Endpoint.SEARCH, body=query.body())
        body = read_json(place, answer.text)
        page = parse_search(body, now)
        if page is None:
            error = body.get("error")
            if error is None:
                raise SchemaChanged(f"{place}: the answer has neither results nor an error")
            raise UnexpectedBody(f"{place}: the site answers with an error ({error})")
        if self.tape is not None:
            self.tape.keep_search(body)
        return page

    def seed_times(self) -> dict[int, int]:
        """Read the account's list of unsatisfied torrents, page by page until one brings nothing new.

        Each page is asked for once: it is an extra, and not in the site's API documentation.
        """
        place = Endpoint.USER_TORRENTS.value
        if self._uid is None:
            self.profile()
        if self._uid is None:
            raise SchemaChanged(f"{place}: the profile has no uid to ask with")
        times: dict[int, int] = {}
        for number in range(_MOST_PAGES):
            params = {"uid": str(self._uid), "iteration": str(number), "type": "unsat"}
            page = parse_seed_times(read_json(place, self.session.once(Endpoint.USER_TORRENTS, params=params).text))
            if page is None:
                raise SchemaChanged(f"{place}: the answer is no list of torrents with their seed times")
            if page.keys() <= times.keys():
                break
            times |= page
        if self.tape is not None:
            self.tape.keep_seed_times(times)
        return times

    def torrent_file(self, torrent_id: int, *, wedge: bool = False) -> bytes:
        """Fetch a torrent file, with the cookie: without it the site refuses all but known addresses."""
        params = {"tid": str(torrent_id)} | ({"fl": "1"} if wedge else {})
        try:
            # Once: a second request could be a second snatch, or spend a second wedge.
            answer = self.session.once(Endpoint.DOWNLOAD, params=params)
        except NotThere as error:
            raise NotATorrent(f"torrent {torrent_id}: it is gone: {error.args[0]}") from None
        if is_torrent(answer.content):
            return answer.content
        raise self._no_torrent(torrent_id, answer)

    def buy(self, purchase: BuyUpload | BuyVip) -> PurchaseReply:
        """Make one purchase; an answer that does not tell leaves it uncertain."""
        what = (
            {"spendtype": "upload", "amount": str(purchase.gib)}
            if isinstance(purchase, BuyUpload)
            else {"spendtype": "VIP", "duration": str(purchase.weeks)}
        )
        try:
            answer = self.session.once(Endpoint.BUY, params={**what, "_": str(time.time_ns() // 1_000_000)})
            reply = parse_purchase(read_json(Endpoint.BUY.value, answer.text))
        except RemoteUnavailable as error:
            raise PurchaseUncertain(f"{Endpoint.BUY.value}: the purchase was sent, and then: {error.args[0]}") from None
        if reply.success is None:
            raise PurchaseUncertain(f"{Endpoint.BUY.value}: the answer does not say whether the purchase happened")
        return reply

    def address(self) -> str:
        """Ask where the site sees this host, and return the word that stands for that address."""
        body = read_json(Endpoint.ADDRESS.value, self.session.read(Endpoint.ADDRESS).text)
        word = keep_ip(body.get("ip"))
        if word is None:
            raise SchemaChanged(f"{Endpoint.ADDRESS.value}: the answer has no address")
        if self.tape is not None:
            self.tape.keep_egress(body)
        return word

    def register_address(self) -> bool:
        """Register the address that the request comes from; return whether that was a change."""
        place = Endpoint.REGISTER.value
        try:
            answer = self.session.once(Endpoint.REGISTER)
        except RateLimited:
            raise ItemError(f"{place}: the site took another address less than an hour ago") from None
        body = read_json(place, answer.text)
        if as_flag(body.get("Success")) is not True:
            raise UnexpectedBody(f"{place}: the answer does not say that the address was taken")
        return "no change" not in (as_text(body.get("msg")) or "").casefold()

    def close(self) -> None:
        """Let go of connections."""
        self.session.close()

    @staticmethod
    def _no_torrent(torrent_id: int, answer: Answer) -> Exception:
        text = answer.text
        freeze = parse_freeze(text)
        if freeze is not None:
            return DownloadFrozen(f"the site refuses downloads for {format_span(freeze)}", freeze)
        place = Endpoint.DOWNLOAD.value
        if not text.strip() or text.lstrip().startswith("<"):
            return page_error(place, text) if text.strip() else UnexpectedBody(f"{place}: the answer is empty")
        return NotATorrent(f"torrent {torrent_id}: the site sent no torrent file")
