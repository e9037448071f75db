"""What to ask the site for next, and why; or that enough was seen, and why."""

from collections.abc import Iterator
from typing import Any

from attrs import evolve, frozen

from harvestmouse.core.model import SearchPage, SearchResult, Snapshot
from harvestmouse.core.policy import Policy
from harvestmouse.core.room import Room, room_for
from harvestmouse.core.sift import needs_wedge, score, sift

PAGE_ROWS = 100
_MIB = 1 << 20
BY_DEMAND, NEWEST = "leechersDesc", "dateDesc"
_SORTS = {"demand": BY_DEMAND, "new": NEWEST}
_FIRST = {BY_DEMAND: "what is wanted most comes first", NEWEST: "what is new comes before the crowd"}


@frozen(kw_only=True)
class Query:
    """One search request: the site filters and sorts, so that no page is wasted.

    Attributes:
        search_type: ``fl`` (freeleech), ``fl-VIP`` (freeleech or VIP) or ``active`` (whatever has a seeder).
        min_size: Bytes.
        max_size: Bytes.
        sort: ``leechersDesc`` (by demand) or ``dateDesc`` (the newest first).
        start: Rows to skip.
    """

    search_type: str
    min_size: int
    max_size: int
    min_leechers: int
    max_seeders: int
    sort: str = BY_DEMAND
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
                "sortType": self.sort,
                "startNumber": self.start,
            },
        }


@frozen
class Step:
    """What the search does next.

    Attributes:
        query: The request; ``None`` where enough was seen.
        why: Why it is made, or why the search has ended.
    """

    query: Query | None
    why: str


def next_query(snapshot: Snapshot, policy: Policy) -> Query | None:
    """Return the next search to make, or ``None`` where enough was seen."""
    return next_step(snapshot, policy).query


def next_step(snapshot: Snapshot, policy: Policy) -> Step:
    """Return the next search to make, or why enough was seen.

    What is free comes first. Where it leaves room, and a wedge may be spent, one search more asks for what is not.
    """
    if not room_for(snapshot, policy).wedges:
        return _free_step(snapshot, policy)
    *_, last = _steps(snapshot, policy)
    return last


def requests_of(snapshot: Snapshot, policy: Policy) -> tuple[list[dict[str, Any]], str | None]:
    """Return the searches that lead to what was seen, each with why it is made, and why there is no other.

    They are worked out from the pages, in the order in which the site gives them: what this policy asks, having seen
    those before. Pages that it would not have asked for have no entry, and where it would go on nothing has ended.
    """
    pages = sorted(snapshot.searches or (), key=lambda page: _place(page, policy))
    *asked, last = _steps(evolve(snapshot, searches=tuple(pages)), policy)
    made = [
        {
            "search_type": step.query.search_type,
            "sort": step.query.sort,
            "start": step.query.start,
            "rows": page.row_count,
            "why": step.why,
        }
        for step, page in zip(asked, pages, strict=False)
        if step.query is not None
    ]
    return made, last.why if last.query is None else None


def _place(page: SearchPage, policy: Policy) -> tuple[Any, ...]:
    """Order pages as they come; what does not tell is ordered by content, so that any order of pages is the same."""
    by_date = _SORTS[policy.grab.strategy] == NEWEST
    first = max((one.id if by_date else one.leechers for one in page.results), default=-1)
    rows = sorted(map(repr, (*page.results, *page.malformed)))
    return any(map(needs_wedge, page.results)), -first, repr(page.found), rows


def _steps(snapshot: Snapshot, policy: Policy) -> Iterator[Step]:
    """Yield every step of the search, from before the first page to after the last that was seen."""
    pages, ended = snapshot.searches or (), None
    for count in range(len(pages) + 1):
        seen = evolve(snapshot, searches=pages[:count])
        step = _free_step(seen, policy) if ended is None else Step(None, "one search is made for wedges")
        if step.query is None and ended is None:
            ended, step = step, _wedge_step(seen, policy, step)
        yield step
        if step.query is None:
            return


def _free_step(snapshot: Snapshot, policy: Policy) -> Step:
    """Return the next search among what is free.

    Enough was seen when the pages are used up, the site has no more, or no unseen result has to be looked for: by
    demand, the last page's demand bounds what follows; by date nothing does, so that enough is what fills the room.
    """
    grab, pages = policy.grab, snapshot.searches or ()
    seen = sum(page.row_count for page in pages)
    account_class = None if snapshot.profile is None else snapshot.profile.account_class
    free = "fl-VIP" if account_class is not None and account_class.gets_vip_free else "fl"
    query = evolve(_query(policy, free), start=seen)
    if not pages:
        return Step(query, _FIRST[query.sort])
    last, room = pages[-1], room_for(snapshot, policy)
    _, candidates = sift(snapshot, policy)
    if last.row_count == 0 or (last.found is not None and seen >= last.found):
        return Step(None, "the site has no more")
    if len(pages) >= grab.max_pages:
        return Step(None, f"{len(pages)} pages, at most {grab.max_pages}")
    if query.sort == NEWEST:
        enough = f"{len(candidates)} candidates were found; there is room for {room.picks}"
        return Step(None if _fills(candidates, room) else query, enough)
    better = _surely_better(candidates, last, policy)
    many = f"{len(better)} candidates are surely better than what follows; there is room for {room.picks}"
    return Step(None if _fills(better, room) else query, many)


def _wedge_step(snapshot: Snapshot, policy: Policy, free: Step) -> Step:
    """Return the one search among what a wedge would make free, where what is free has left room for it."""
    room = room_for(snapshot, policy)
    _, candidates = sift(snapshot, policy)
    places = min(room.picks, room.unsat) - len(candidates)
    if not room.wedges or places <= 0 or len(snapshot.searches or ()) >= policy.grab.max_pages:
        return free
    return Step(_query(policy, "active"), f"what is free leaves {places} of {room.picks} places to a wedge: {free.why}")


def _query(policy: Policy, search_type: str) -> Query:
    grab = policy.grab
    return Query(
        search_type=search_type,
        min_size=grab.min_size,
        max_size=grab.max_size,
        min_leechers=grab.leecher_floor,
        max_seeders=grab.seeder_ceiling,
        sort=_SORTS[grab.strategy],
    )


def _surely_better(candidates: list[SearchResult], last: SearchPage, policy: Policy) -> list[SearchResult]:
    """Return the candidates that score above whatever may follow a page by demand."""
    if not last.results:
        return []
    grab = policy.grab
    bound = min(result.leechers for result in last.results) * grab.leecher_weight + grab.wedge_bonus
    # A tie goes to the newest id, which may be on the next page.
    return [one for one in candidates if score(one, grab) > bound]


def _fills(candidates: list[SearchResult], room: Room) -> bool:
    """Whether they fill the room, whichever of them are picked in the end."""
    sizes = sum(sorted((one.size_bytes for one in candidates), reverse=True)[: room.picks])
    return len(candidates) >= room.picks and sizes <= room.bytes
