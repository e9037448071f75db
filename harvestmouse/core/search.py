"""What to ask the site for next, or that enough was seen."""

from attrs import frozen

from harvestmouse.core.grab import room_for
from harvestmouse.core.model import Snapshot
from harvestmouse.core.policy import Policy
from harvestmouse.core.sift import score, sift

PAGE_ROWS = 100
_MIB = 1 << 20


@frozen(kw_only=True)
class Query:
    """One search request: the site filters and sorts, so that no page is wasted.

    Attributes:
        search_type: ``fl`` (freeleech) or ``fl-VIP`` (freeleech or VIP).
        min_size: Bytes.
        max_size: Bytes.
        start: Rows to skip.
    """

    search_type: str
    min_size: int
    max_size: int
    min_leechers: int
    max_seeders: int
    start: int = 0
    rows: int = PAGE_ROWS

    def body(self) -> dict[str, object]:
        """Return the request's JSON form, as ``loadSearchJSONbasic.php`` documents it."""
        return {
            "perpage": self.rows,
            "tor": {
                "searchType": self.search_type,
                "searchIn": "torrents",
                "cat": ["0"],
                # Whole MiB, rounded outwards; the size band itself is held by the decision.
                "minSize": self.min_size // _MIB,
                "maxSize": -(-self.max_size // _MIB),
                "unit": _MIB,
                "minLeechers": self.min_leechers,
                "maxSeeders": self.max_seeders,
                "sortType": "leechersDesc",
                "startNumber": self.start,
            },
        }


def next_query(snapshot: Snapshot, policy: Policy) -> Query | None:
    """Return the next search to make, or ``None`` where enough was seen.

    Enough was seen when the pages are used up, the site has no more, or no unseen result could be
    picked any more: results come by demand, so the last page's demand bounds what follows.
    """
    grab, pages = policy.grab, snapshot.searches or ()
    seen = sum(page.row_count for page in pages)
    account_class = None if snapshot.profile is None else snapshot.profile.account_class
    query = Query(
        search_type="fl-VIP" if account_class is not None and account_class.gets_vip_free else "fl",
        min_size=grab.min_size,
        max_size=grab.max_size,
        min_leechers=grab.leecher_floor,
        max_seeders=grab.seeder_ceiling,
        start=seen,
    )
    if not pages:
        return query
    last = pages[-1]
    if len(pages) >= grab.max_pages or last.row_count == 0 or (last.found is not None and seen >= last.found):
        return None
    return None if _nothing_better_follows(snapshot, policy) else query


def _nothing_better_follows(snapshot: Snapshot, policy: Policy) -> bool:
    grab, last = policy.grab, (snapshot.searches or ())[-1]
    if not last.results:
        return False
    bound = min(result.leechers for result in last.results) * grab.leecher_weight + grab.wedge_bonus
    _, candidates = sift(snapshot, policy)
    room = room_for(snapshot, policy)
    sizes = sum(sorted((one.size_bytes for one in candidates), reverse=True)[: room.picks])
    # A tie goes to the newest id, which may be on the next page.
    better = sum(score(one, grab) > bound for one in candidates)
    return better >= room.picks and sizes <= room.bytes
