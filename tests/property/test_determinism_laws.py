"""The same snapshot gives the same plan, byte for byte, whatever the order of its rows and keys."""

import copy
from random import Random
from typing import Any

from hypothesis import event, example, given
from hypothesis import strategies as st

from harvestmouse.core.jobs import JOBS
from harvestmouse.core.policy import Policy
from harvestmouse.core.wire import parse_snapshot
from harvestmouse.core.wire.plan import dump, unparse_plan
from tests.property import strategies as my
from tests.support.builders import NOW, hash_of, raw_result, raw_search, raw_snapshot, raw_torrent, raw_tracker


def plans(document: dict[str, Any], policy: Policy) -> list[str]:
    """Return the text of every job's plan for a snapshot document."""
    seen = parse_snapshot(document)
    return [dump(unparse_plan(decide(seen, policy))) for decide in JOBS.values()]


class TestG8:
    """G8: Plans are deterministic, and independent of input order."""

    @given(my.raw_snapshots(), my.policies())
    def test_the_same_document_gives_the_same_plans_twice(self, document: dict[str, Any], policy: Policy) -> None:
        """And planning leaves the document as it was."""
        before = copy.deepcopy(document)
        first = plans(document, policy)
        idle = sum('"actions": []' in text for text in first)
        event(f"{len(first) - idle} jobs act")
        assert plans(document, policy) == first
        assert document == before

    @given(my.raw_snapshots(), st.integers(0, 999), my.policies())
    def test_the_order_of_rows_and_keys_does_not_matter(self, one: dict[str, Any], seed: int, policy: Policy) -> None:
        """Torrents, trackers, pages, results and ledger lines of different ids may come in any order."""
        other = my.shuffled(one, Random(seed))
        event("really shuffled" if repr(one) != repr(other) else "as it was")
        assert plans(one, policy) == plans(other, policy)


def both_ways(rows: list[Any], policy: Policy) -> bool:
    """Tell whether two orders of the same search results give the same plans."""
    documents = [raw_snapshot(mam={"profile": None, "searches": [raw_search(*order)]}) for order in (rows, rows[::-1])]
    for document in documents:
        document["mam"]["profile"] = raw_snapshot()["mam"]["profile"]
    return plans(documents[0], policy) == plans(documents[1], policy)


class TestG8WithRepetitions:
    """G8 where one id, one torrent's trackers or one ledger line come more than once."""

    @example([raw_result(seeders=10, leechers=10), raw_result(seeders=16, leechers=11)], Policy())
    @example([raw_result(size="big"), raw_result(seeders=None)], Policy())
    @given(st.lists(st.integers(1, 2).flatmap(my.raw_rows), max_size=4), my.policies())
    def test_the_order_of_rows_with_one_id_does_not_matter(self, rows: list[Any], policy: Policy) -> None:
        """A listing that shifts between two pages repeats rows."""
        assert both_ways(rows, policy)

    def test_the_order_of_a_torrent_s_trackers_does_not_matter(self) -> None:
        """Two refusals in different words on one of three torrents."""
        both = [raw_tracker("torrent not found"), raw_tracker("unregistered")]
        rows = [raw_torrent(number) for number in (1, 2, 3)]
        said: dict[str, object] = {hash_of(number): [raw_tracker("unregistered")] for number in (2, 3)}
        texts = [
            plans(raw_snapshot(qbittorrent={"torrents": rows, "trackers": said | {hash_of(1): order}}), Policy())
            for order in (both, both[::-1])
        ]
        assert texts[0] == texts[1]

    def test_the_order_of_ledger_lines_with_times_does_not_matter(self) -> None:
        """Failed, then grabbed."""
        lines = [{"id": 1001, "at": NOW - 9, "outcome": "failed"}, {"id": 1001, "at": NOW - 5, "outcome": "grabbed"}]
        mam = {"profile": raw_snapshot()["mam"]["profile"], "searches": [raw_search(raw_result())]}
        texts = [plans(raw_snapshot(mam=mam, ledger=order), Policy()) for order in (lines, lines[::-1])]
        assert texts[0] == texts[1]
