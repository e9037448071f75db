"""Sites to hold their promises against, each with its world behind it."""

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from attrs import define, evolve, field

from harvestmouse.adapters.mam import Limits, MamSession, MamSite
from harvestmouse.adapters.memory import MemorySite, World
from harvestmouse.adapters.secret import Secret
from harvestmouse.adapters.state.cookie import CookieStore
from harvestmouse.core.model import Profile, SearchResult
from harvestmouse.testing import cannot
from harvestmouse.testing.site import ACCOUNT
from tests.support.mam_server import CatalogueTorrent, Egress, Fault, MamServer, ManualClock
from tests.support.world import snatch_in, world_of

_SHOP = "/json/bonusBuy.php"
_SHOPPING_BP = 25_000
_FREEZE_SECONDS = 93_842  # both worlds say 1 day, 2 hours, 4 minutes and 2 seconds


@define
class MemoryStage:
    """The embedded site, with a session."""

    folder: Path
    world: World = field(factory=lambda: world_of(account=ACCOUNT))
    site: MemorySite = field(init=False)

    def __attrs_post_init__(self) -> None:
        store = CookieStore(self.folder / "mam_id", Secret(self.world.session.cookie))
        self.site = MemorySite(self.world, cookies=store)

    @property
    def now(self) -> int:
        return self.world.now

    @property
    def secrets(self) -> Collection[str]:
        cannot("the embedded site's cookie opens nothing")

    def become(self, profile: Profile) -> None:
        self.world.profile = profile

    def account(self) -> Profile:
        return self.world.profile

    def offer(self, *results: SearchResult) -> None:
        self.world.catalogue.extend(results)

    def snatch(self, torrent_id: int, seeded: int) -> None:
        snatch_in(self.world, torrent_id, seeded)

    def garble(self) -> None:
        cannot("the embedded site has no rows to read")

    def muddle(self) -> None:
        cannot("the embedded site gives no answers to read")

    def asked_to_buy(self) -> int:
        spent = (ACCOUNT.bonus_points or 0) - (self.world.profile.bonus_points or 0)
        return int(spent // _SHOPPING_BP)

    def lose_reply(self) -> None:
        cannot("the embedded site loses no replies")

    def freeze(self) -> int:
        self.become(evolve(self.world.profile, unsat_count=self.world.profile.unsat_limit))
        return _FREEZE_SECONDS

    def sign_out(self) -> None:
        self.world.session.renew()

    def move(self) -> None:
        self.world.egress = "redacted-000002"

    def go_away(self) -> None:
        cannot("the embedded site is always there")


@define
class MamStage:
    """MyAnonamouse's adapter before the stand-in for the site."""

    folder: Path
    clock: ManualClock = field(factory=ManualClock)
    server: MamServer = field(init=False)
    site: MamSite = field(init=False)
    _first_cookie: str = field(default="", init=False)

    def __enter__(self) -> Self:
        self.server = MamServer(clock=self.clock).start()
        self._first_cookie = self.server.cookie
        store = CookieStore(self.folder / "mam_id", Secret(self.server.cookie))
        limits = Limits(spacing=0.0, connect=1.0, read=1.0)
        self.site = MamSite(MamSession(self.server.url, store, limits, lambda _: None))
        self.become(ACCOUNT)
        return self

    def __exit__(self, *_: object) -> None:
        self.site.close()
        self.server.close()

    @property
    def now(self) -> int:
        return int(self.clock())

    @property
    def secrets(self) -> Collection[str]:
        return (self._first_cookie, self.server.cookie)

    def become(self, profile: Profile) -> None:
        account = self.server.account
        account.classname = profile.class_name
        account.uploaded_bytes = profile.uploaded_bytes or 0
        account.downloaded_bytes = profile.downloaded_bytes or 0
        account.seedbonus = profile.bonus_points or 0.0
        account.vip_until = None if profile.vip_until is None else datetime.fromtimestamp(profile.vip_until, UTC)
        account.unsat_count = profile.unsat_count or 0
        account.unsat_limit = profile.unsat_limit
        account.inact_hnr = profile.hit_and_run_count or 0
        account.wedges = profile.wedges or 0

    def account(self) -> Profile:
        account = self.server.account
        until = account.vip_until
        return Profile(
            uploaded_bytes=account.uploaded_bytes,
            bonus_points=account.seedbonus,
            vip_until=None if until is None else int(until.timestamp()),
            wedges=account.wedges,
        )

    def offer(self, *results: SearchResult) -> None:
        self.server.catalogue.extend(
            CatalogueTorrent(
                id=one.id,
                title=one.title,
                size_bytes=one.size_bytes,
                seeders=one.seeders,
                leechers=one.leechers,
                free=int(one.free),
                vip=int(one.vip),
                my_snatched=int(one.snatched),
            )
            for one in results
        )

    def snatch(self, torrent_id: int, seeded: int) -> None:
        self.server.world.seeded[torrent_id] = seeded

    def garble(self) -> None:
        self.server.catalogue.append(CatalogueTorrent(id=7, free=1, row={"size": "large"}))

    def muddle(self) -> None:
        self.server.faults.add(Fault("wrong_type", times=None))

    def asked_to_buy(self) -> int:
        return self.server.count(_SHOP)

    def lose_reply(self) -> None:
        self.server.faults.add(Fault("cut", happens=True))

    def freeze(self) -> int:
        self.server.account.unsat_count = self.server.account.unsat_limit or 0
        return _FREEZE_SECONDS

    def sign_out(self) -> None:
        self.server.disable_account()

    def move(self) -> None:
        self.server.world.egress = Egress(ip="198.51.100.9")

    def go_away(self) -> None:
        self.server.faults.add(Fault("cut", times=None))
