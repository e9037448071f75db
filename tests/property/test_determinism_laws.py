"""The same snapshot gives the same plan, byte for byte, whatever the order of its rows and keys."""

import copy
from random import Random
from typing import Any

from attrs import evolve
from hypothesis import event, example, given
from hypothesis import strategies as st

from harvestmouse.core.guarantees import g8
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.model import Snapshot
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import Policy
from harvestmouse.core.wire import parse_snapshot
from harvestmouse.core.wire.plan import dump, unparse_plan
from tests.property import strategies as my
from tests.support.builders import NOW, hash_of, raw_result, raw_search, raw_snapshot, raw_torrent, raw_tracker


def plans(document: dict[str, Any], policy: Policy) -> list[Plan]:
    """Return every job's plan for a snapshot document."""
    seen = parse_snapshot(document)
    return [decide(seen, policy) for decide in JOBS.values()]


def alike(ones: list[Plan], others: list[Plan]) -> bool:
    """Tell whether the plans are the same by the guarantee's predicate, and byte for byte."""
    pairs = list(zip(ones, others, strict=True))
    texts = [dump(unparse_plan(one)) == dump(unparse_plan(other)) for one, other in pairs]
    return all(texts) and not any(list(g8(one, other)) for one, other in pairs)


class TestG8:
    """G8: Plans are deterministic, and independent of input order."""

    @given(my.raw_snapshots(), my.policies())
    def test_the_same_document_gives_the_same_plans_twice(self, document: dict[str, Any], policy: Policy) -> None:
        """And planning leaves the document as it was."""
        before = copy.deepcopy(document)
        first = plans(document, policy)
        event(f"{sum(bool(plan.actions) for plan in first)} jobs act")
        assert alike(plans(document, policy), first)
        assert document == before

    @given(my.raw_snapshots(), st.integers(0, 999), my.policies())
    def test_the_order_of_rows_and_keys_does_not_matter(self, one: dict[str, Any], seed: int, policy: Policy) -> None:
        """Torrents, trackers, pages, results and ledger lines of different ids may come in any order."""
        other = my.shuffled(one, Random(seed))
        event("really shuffled" if repr(one) != repr(other) else "as it was")
        assert alike(plans(one, policy), plans(other, policy))

    @given(my.jobs)
    def test_the_predicate_tells_plans_apart_that_are_equal_but_written_differently(
        self, world: tuple[str, tuple[Snapshot, Policy]]
    ) -> None:
        """Figures in another order, a number of another kind, one piece of advice more."""
        job, (seen, policy) = world
        plan = JOBS[job](seen, policy)
        backwards = dict(reversed(list(plan.figures.items())))
        assert list(g8(plan, plan)) == []
        other_kind: dict[str, Any] = {"decided_at": float(plan.decided_at)}
        assert [one.subject for one in g8(plan, evolve(plan, **other_kind))] == ["decided_at"]
        assert bool(list(g8(plan, evolve(plan, figures=backwards)))) is (len(backwards) > 1)
        assert [one.subject for one in g8(plan, evolve(plan, advice=(*plan.advice, "Wait.")))] == ["advice"]


def both_ways(rows: list[Any], policy: Policy) -> bool:
    """Tell whether two orders of the same search results give the same plans."""
    documents = [raw_snapshot(mam={"profile": None, "searches": [raw_search(*order)]}) for order in (rows, rows[::-1])]
    for document in documents:
        document["mam"]["profile"] = raw_snapshot()["mam"]["profile"]
    return alike(plans(documents[0], policy), plans(documents[1], policy))


class TestRepetitions:
    """Where one id, one torrent's trackers or one ledger line come more than once, their order does not matter."""

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
        assert alike(*texts)

    def test_the_order_of_ledger_lines_with_times_does_not_matter(self) -> None:
        """Failed, then grabbed."""
        lines = [{"id": 1001, "at": NOW - 9, "outcome": "failed"}, {"id": 1001, "at": NOW - 5, "outcome": "grabbed"}]
        mam = {"profile": raw_snapshot()["mam"]["profile"], "searches": [raw_search(raw_result())]}
        texts = [plans(raw_snapshot(mam=mam, ledger=order), Policy()) for order in (lines, lines[::-1])]
        assert alike(*texts)
