"""The world's site, and the cookie with which it is asked."""

from attrs import define, field

from harvestmouse.adapters.errors import DownloadFrozen, ItemError, MissingCookie, NotATorrent
from harvestmouse.adapters.memory.account import sell
from harvestmouse.adapters.memory.bodies import profile_body, search_body
from harvestmouse.adapters.memory.world import World, identity_of, torrent_file_of
from harvestmouse.adapters.state.cookie import CookieStore
from harvestmouse.adapters.tape import Tape
from harvestmouse.core.actions import BuyUpload, BuyVip
from harvestmouse.core.model import Profile, SearchPage, SearchResult
from harvestmouse.core.search import NEWEST, Query
from harvestmouse.core.units import HOUR, format_span
from harvestmouse.core.wire.mam import PurchaseReply

# How long the profile shows the figures from before a purchase.
BALANCE_LAG_SECONDS = 60
# For how long downloads are refused to whoever asks for one past the unsatisfied limit: 1 d 2 h 4 min 2 s.
FREEZE_SECONDS = 93_842


@define
class MemorySite:
    """The world's site; see `harvestmouse.adapters.interface.Site`.

    Attributes:
        cookies: Where the session's cookie is kept; without it the site knows its caller.
        tape: Takes what the real site would have sent, where the run is recorded.
    """

    world: World
    cookies: CookieStore | None = field(default=None, kw_only=True)
    tape: Tape | None = field(default=None, kw_only=True)

    def profile(self) -> Profile:
        """Read the account, as far as the site shows it."""
        self._sign_in()
        profile = self.world.shown_profile()
        if self.tape is not None:
            self.tape.keep_profile(profile_body(profile))
        return profile

    def search(self, query: Query, now: int) -> SearchPage:  # noqa: ARG002 - nothing here expires
        """Filter and sort as the real site does; the greater its id, the newer an offer is."""
        self._sign_in()
        shown = (self.world.shown(one) for one in self.world.catalogue if self._is_in_bands(one, query))
        newest = query.sort == NEWEST
        found = sorted(
            (one for one in shown if _is_offered(one, query)),
            key=lambda one: (0 if newest else one.leechers, one.id),
            reverse=True,
        )
        page = SearchPage(results=tuple(found[query.start : query.start + query.rows]), found=len(found))
        if self.tape is not None:
            self.tape.keep_search(search_body(page))
        return page

    def seed_times(self) -> dict[int, int]:
        """Tell what the site has counted of torrents that it has on offer and that are not satisfied."""
        self._sign_in()
        counted = ((one.id, self.world.snatches.get(identity_of(one))) for one in self.world.catalogue)
        times = {one: snatch.seeded for one, snatch in counted if snatch is not None and not snatch.is_satisfied}
        if self.tape is not None:
            self.tape.keep_seed_times(times)
        return times

    def torrent_file(self, torrent_id: int, *, wedge: bool = False) -> bytes:
        """Hand out a torrent file, unless the account is at its unsatisfied limit.

        A wedge is spent whatever the torrent's flags say, since the real site does not look either.
        """
        self._sign_in()
        result = next((one for one in self.world.catalogue if one.id == torrent_id), None)
        if result is None:
            raise NotATorrent(f"torrent {torrent_id}: the site sent no torrent file")
        self._freeze(identity_of(result))
        if wedge:
            self.world.spend_wedge(result)
        return torrent_file_of(result)

    def buy(self, purchase: BuyUpload | BuyVip) -> PurchaseReply:
        """Sell upload credit and VIP at the site's rules."""
        self._sign_in()
        world, before = self.world, self.world.profile
        world.profile, reply = sell(before, purchase, world.price_per_gib, world.now)
        if reply.success:
            world.old_figures = (world.now + BALANCE_LAG_SECONDS, before)
        return reply

    def address(self) -> str:
        """Return the word for the address that the site sees."""
        if self.tape is not None:
            self.tape.keep_egress({"ip": self.world.egress, "time": self.world.now})
        return self.world.egress

    def register_address(self) -> bool:
        """Take the address that the site sees, once an hour."""
        self._sign_in()
        at, known = self.world.registered or (None, "")
        if known == self.world.egress:
            return False
        if at is not None and self.world.now < at + HOUR:
            raise ItemError("the site took another address less than an hour ago")
        self.world.registered = (self.world.now, self.world.egress)
        return True

    def close(self) -> None:
        """Do nothing: there is no connection."""

    def _sign_in(self) -> None:
        """Present the kept cookie, and keep the one that takes its place."""
        if self.cookies is None:
            return
        candidates = self.cookies.candidates()
        if not candidates:
            raise MissingCookie("there is no cookie for the site")
        self.cookies.store(self.world.session.present(candidates[0].value.reveal()))

    def _is_in_bands(self, result: SearchResult, query: Query) -> bool:
        swarm = self.world.swarms.get(identity_of(result))
        seeders = result.seeders if swarm is None else swarm.seeders
        leechers = result.leechers if swarm is None else swarm.leechers_at(self.world.now)
        in_size = query.min_size <= result.size_bytes <= query.max_size
        return in_size and seeders <= query.max_seeders and leechers >= query.min_leechers

    def _freeze(self, identity: str) -> None:
        world, limit = self.world, self.world.profile.unsat_limit
        if limit is not None and identity not in world.snatches and world.unsatisfied() >= limit:
            world.frozen_until = max(world.frozen_until, world.now + FREEZE_SECONDS)
        left = world.frozen_until - world.now
        if left > 0:
            raise DownloadFrozen(f"the site refuses downloads for {format_span(left)}", left)


def _is_offered(result: SearchResult, query: Query) -> bool:
    return {
        "fl": result.free or result.personal_freeleech,
        "fl-VIP": result.free or result.personal_freeleech or result.vip,
        "active": result.seeders > 0,
    }[query.search_type]
