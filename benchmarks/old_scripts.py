"""The three scripts that are replaced, as the seed document tells them: before its repair, and after.

Nobody has their text. What it does not tell is assumed in their favour, but for what it names as a fault.
"""

from collections.abc import Iterable
from contextlib import suppress
from math import ceil
from random import Random

from attrs import define, field

from harvestmouse.adapters.bencode import info_hash
from harvestmouse.adapters.errors import AdapterError, ItemError
from harvestmouse.adapters.interface import Client, Site
from harvestmouse.core.actions import AddTorrent, BuyUpload
from harvestmouse.core.model import AccountClass, SearchResult, Torrent
from harvestmouse.core.search import NEWEST, Query
from harvestmouse.core.units import DAY, GIB, HOUR, MIB

CATEGORY = "mam-farming"
# What their author set by hand, or wanted to: the first is what a client comes with.
SLOTS_AFTER = {
    "max_active_downloads": 20,
    "max_active_uploads": 150,
    "max_active_torrents": 150,
    "dont_count_slow_torrents": True,
}
_MOST_TORRENTS, _PER_RUN, _ROWS = 500, 5, 20
_OLD_THRESHOLD, _PRICE, _RESERVE, _TARGET = 30_000, 500, 500, 2.0
_TIERS = (50, 100, 200, 500)
_SEEDED = 72 * HOUR
_RATIO_FLOOR = 1.2
_UNREGISTERED = ("unregistered", "torrent not found", "info hash not authorized", "not registered")


@define
class OldScripts:
    """Grabber, spender and cleanup.

    Attributes:
        repaired: With the rules of the repair.
        luck: Which page of the search is looked at.
    """

    repaired: bool
    luck: Random
    _grabbed: set[int] = field(factory=set, init=False)

    def grab(self, site: Site, client: Client, now: int) -> None:
        """Add up to five torrents from one page of the search, which is a random one."""
        profile = site.profile()
        if profile.account_class is AccountClass.MOUSE:
            if self.repaired:
                return
        else:
            # Every half an hour, but never in class Mouse.
            with suppress(ItemError):
                site.register_address()
        if self.repaired and (profile.ratio or 0.0) < _RATIO_FLOOR:
            return
        held = {one.name for one in client.torrents(CATEGORY).torrents}
        if len(held) >= _MOST_TORRENTS:
            return
        for result in self._chosen(site, held, now):
            # Whatever becomes of it: never again.
            self._grabbed.add(result.id)
            with suppress(ItemError):
                content = site.torrent_file(result.id)
                client.add(content, info_hash(content), _addition(result))

    def _chosen(self, site: Site, held: Iterable[str], now: int) -> list[SearchResult]:
        names = set(held)
        low, high = (50 * MIB, GIB) if self.repaired else (0, 100 * MIB)
        query = Query(search_type="fl", min_size=0, max_size=1 << 50, min_leechers=0, max_seeders=1 << 30, sort=NEWEST,
                      start=self.luck.randrange(1200 // _ROWS) * _ROWS, rows=_ROWS)  # fmt: skip
        found = [
            one
            for one in site.search(query, now).results
            if one.id not in self._grabbed and one.title not in names and low <= one.size_bytes <= high
        ]
        if self.repaired:
            found = [one for one in found if one.leechers >= 1 and one.seeders <= 50]  # noqa: PLR2004 - the seed's bands
        return sorted(found, key=self._score, reverse=True)[:_PER_RUN]

    def _score(self, one: SearchResult) -> float:
        return one.leechers * 3 - one.seeders * 0.5 if self.repaired else 1 / (one.seeders + 1)

    def spend(self, site: Site) -> None:
        """Buy: from 30 000 points on the smallest amount, or since the repair what the deficit asks for."""
        profile = site.profile()
        points, up, down = profile.bonus_points or 0.0, profile.uploaded_bytes or 0, profile.downloaded_bytes or 0
        tier: int | None = _TIERS[0]
        if self.repaired:
            deficit = down * _TARGET - up
            needed = ceil(deficit / GIB) + 1 if deficit > 0 else 0
            affordable = (points - _RESERVE) // _PRICE
            tier = next((one for one in _TIERS if needed and needed <= one <= affordable), None)
        elif points < _OLD_THRESHOLD:
            tier = None
        if tier is not None:
            site.buy(BuyUpload(gib=tier, cost_bp=tier * _PRICE))

    def clean(self, client: Client, now: int) -> None:
        """Delete by seed time alone, or since the repair by six rules; all on the client's clock and its progress."""
        torrents = client.torrents(CATEGORY).torrents
        if self.repaired:
            due = [one.hash for one in client.with_messages(torrents) if _is_due(one, now)]
        else:
            due = [one.hash for one in torrents if (one.seeding_time or 0) > _SEEDED]
        if due:
            client.delete(due, delete_files=True)


def run_all(scripts: OldScripts, site: Site, client: Client, now: int, *, spends: bool) -> None:
    """Run the scripts one by one; what fails is tried again next time."""
    with suppress(AdapterError):
        scripts.clean(client, now)
    if spends:
        with suppress(AdapterError):
            scripts.spend(site)
    with suppress(AdapterError):
        scripts.grab(site, client, now)


def _is_due(torrent: Torrent, now: int) -> bool:
    age, seeded = now - (torrent.added_on or now), torrent.seeding_time or 0
    if torrent.progress == 1 and seeded < _SEEDED:
        return False
    said = " ".join(message.text.casefold() for message in torrent.messages or ())
    return (
        any(word in said for word in _UNREGISTERED)
        or (torrent.progress == 0 and age > DAY)
        or (torrent.state == "stalledDL" and age > 3 * DAY)
        or seeded > 14 * DAY
        or (torrent.uploaded_bytes == 0 and age > 7 * DAY)
        or (seeded > 3 * DAY and (torrent.seeders or 0) > 5)  # noqa: PLR2004 - the seed's figure
    )


def _addition(result: SearchResult) -> AddTorrent:
    return AddTorrent(
        id=result.id,
        title=result.title,
        score=0.0,
        size_bytes=result.size_bytes,
        seeders=result.seeders,
        leechers=result.leechers,
        category=CATEGORY,
        save_path="/downloads/mam-farming",
        tags=("mam",),
    )
