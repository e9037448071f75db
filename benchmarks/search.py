"""How many results worth having a search request finds: by demand, newest first, and as the replaced scripts asked.

    python -m benchmarks.search

makes up a catalogue of the live site's shape, asks it in three ways with the rules of both presets, and prints a table.
The catalogue is drawn from a fixed seed, so that the figures are the same everywhere.

What is known of the live site: some 300 000 titles, of which 1 000 to 1 300 are freeleech; 100 to 700 seeders on a
freeleech title are usual, leechers are few, and what uploads is freeleech that is new. The shape of the rest is made
up: a title is freeleech for about two months, and the crowd comes in its first days.
"""

from collections.abc import Callable, Iterator
from random import Random
from statistics import mean

from attrs import evolve, frozen

from harvestmouse.core.model import AccountClass, Profile, SearchPage, SearchResult, Snapshot
from harvestmouse.core.policy import PRESETS, Policy
from harvestmouse.core.room import room_for
from harvestmouse.core.search import NEWEST, Query, next_query
from harvestmouse.core.sift import score, sift
from harvestmouse.core.units import GIB, MIB

_TITLES, _FREE_TITLES, _FREE_DAYS, _ROUNDS = 300_000, 1_200, 60, 50
# The replaced scripts: 20 rows from a random place of all freeleech, filtered afterwards.
_OLD_ROWS = 20
_YOUNG_DAYS = 2.0


@frozen
class Offer:
    """A freeleech title, and for how many days it has been one."""

    result: SearchResult
    days: float


def main() -> None:
    """Measure and print one table."""
    luck = Random(1)  # noqa: S311 - no secret
    catalogues = [_catalogue(luck) for _ in range(_ROUNDS)]
    head = ("policy", "asked", "requests", "rows", "candidates", "per request", "young picks", "best score")
    print(_row(*head))  # noqa: T201 - it is the result
    for name, preset in PRESETS.items():
        for title, ask in _WAYS.items():
            seen = [_look(offers, preset, ask, luck) for offers in catalogues]
            requests, rows, found, young, best = (mean(column) for column in zip(*seen, strict=True))
            figures = (f"{requests:.1f}", f"{rows:.0f}", f"{found:.1f}", f"{found / requests:.1f}")
            print(_row(name, title, *figures, f"{young:.1f}", f"{best:.0f}"))  # noqa: T201


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _catalogue(luck: Random) -> list[Offer]:
    """Make up the freeleech titles; of the other titles no search for freeleech shows anything."""
    ids = sorted(luck.sample(range(1_000_000, 1_000_000 + _TITLES), _FREE_TITLES), reverse=True)
    days = sorted(luck.uniform(0, _FREE_DAYS) for _ in ids)
    return [Offer(_title(number, age, luck), age) for number, age in zip(ids, days, strict=True)]


def _title(number: int, days: float, luck: Random) -> SearchResult:
    """Draw one title: seeders grow with its days towards some hundred, and leechers go with its newness."""
    crowd = luck.lognormvariate(5.7, 0.5)
    seeders = round(crowd * days / (days + 1.5))
    wanted = crowd / 12 / (1 + days) + luck.expovariate(4.0)
    size = luck.lognormvariate(5.9, 1.0) * MIB
    return SearchResult(
        id=number, title=str(number), size_bytes=round(size), seeders=seeders, leechers=round(wanted), free=True
    )


def _look(
    offers: list[Offer],
    policy: Policy,
    ask: Callable[[list[Offer], Policy, Random], Iterator[SearchPage]],
    luck: Random,
) -> tuple[float, ...]:
    """Return requests, rows, candidates, and of what would be picked how many are young, and the best score."""
    pages = tuple(ask(offers, policy, luck))
    _, candidates = sift(_snapshot(pages), policy)
    picks = sorted(candidates, key=lambda one: score(one, policy.grab), reverse=True)[: policy.grab.per_run]
    days = {one.result.id: one.days for one in offers}
    young = sum(days[one.id] <= _YOUNG_DAYS for one in picks)
    best = score(picks[0], policy.grab) if picks else 0.0
    return len(pages), sum(page.row_count for page in pages), len(candidates), young, best


def _snapshot(pages: tuple[SearchPage, ...]) -> Snapshot:
    account = Profile(
        account_class=AccountClass.USER, uploaded_bytes=2, downloaded_bytes=1, unsat_count=0, unsat_limit=50
    )
    return Snapshot(taken_at=1, profile=account, torrents=(), ledger=(), searches=pages, free_space_bytes=500 * GIB)


def _by_strategy(strategy: str) -> Callable[[list[Offer], Policy, Random], Iterator[SearchPage]]:
    def ask(offers: list[Offer], policy: Policy, luck: Random) -> Iterator[SearchPage]:  # noqa: ARG001 - nothing is drawn
        wanted = evolve(policy, grab=evolve(policy.grab, strategy=strategy))
        seen = _snapshot(())
        assert room_for(seen, wanted).picks
        while (query := next_query(seen, wanted)) is not None:
            page = _answer([one.result for one in offers], query)
            seen = evolve(seen, searches=(*(seen.searches or ()), page))
            yield page

    return ask


def _answer(results: list[SearchResult], query: Query) -> SearchPage:
    """Filter, sort and page as the site does."""
    found = [
        one
        for one in results
        if query.min_size <= one.size_bytes <= query.max_size
        and one.seeders <= query.max_seeders
        and one.leechers >= query.min_leechers
    ]
    found.sort(key=lambda one: (0 if query.sort == NEWEST else one.leechers, one.id), reverse=True)
    return SearchPage(results=tuple(found[query.start : query.start + query.rows]), found=len(found))


def _at_random(offers: list[Offer], policy: Policy, luck: Random) -> Iterator[SearchPage]:  # noqa: ARG001 - it asks for all
    start = luck.randrange(len(offers) - _OLD_ROWS)
    rows = [one.result for one in offers[start : start + _OLD_ROWS]]
    yield SearchPage(results=tuple(rows), found=len(offers))


_WAYS = {"demand": _by_strategy("demand"), "new": _by_strategy("new"), "a random page": _at_random}


if __name__ == "__main__":
    main()
