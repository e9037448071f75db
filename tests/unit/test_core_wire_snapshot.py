"""A snapshot document: each part may be absent, and absent is unknown, never zero."""

from typing import Any

import pytest

from harvestmouse.core.errors import SnapshotError
from harvestmouse.core.model import Connection, LedgerEntry, Snapshot
from harvestmouse.core.wire import parse_snapshot
from harvestmouse.core.wire.snapshot import FORMAT, unparse_memory
from tests.support.builders import GIB, NOW, hash_of, raw_result, raw_search, raw_snapshot, raw_torrent, raw_tracker

BARE = {"format": FORMAT, "taken_at": NOW}


def test_a_document_with_nothing_but_its_time_knows_nothing() -> None:
    """Every part is unknown."""
    assert parse_snapshot(BARE) == Snapshot(taken_at=NOW)


def test_a_whole_document_is_read_by_the_services_own_parsers() -> None:
    """Profile, searches, torrents, messages, preferences, free space, ledger."""
    document = raw_snapshot(
        mam={"profile": raw_snapshot()["mam"]["profile"], "searches": [raw_search(raw_result())]},
        qbittorrent={
            "webapi_version": "2.16.2",
            "torrents": [raw_torrent(), "broken"],
            "trackers": {hash_of(1): [raw_tracker("x", status=5)]},
            "free_space_bytes": GIB,
        },
        ledger=[{"id": 7, "at": NOW, "outcome": "retired", "info_hash": "AB" * 20}],
    )
    seen = parse_snapshot(document)
    assert seen.profile is not None
    assert seen.searches is not None
    assert [result.id for page in seen.searches for result in page.results] == [1001]
    assert seen.torrents is not None
    assert seen.torrents[0].messages is not None
    assert seen.torrents[0].messages[0].reports_tracker_errors is True
    assert len(seen.malformed_torrents) == 1
    assert (seen.preferences, seen.free_space_bytes) == (None, GIB)
    assert seen.ledger == (LedgerEntry(id=7, at=NOW, outcome="retired", info_hash="ab" * 20),)


@pytest.mark.parametrize(
    ("row", "entry"),
    [
        (7, LedgerEntry(id=7)),
        ("7", LedgerEntry(id=7)),
        ({"id": "7", "at": str(NOW)}, LedgerEntry(id=7, at=NOW)),
        ({"id": 7, "outcome": ""}, LedgerEntry(id=7)),
        ({"id": 7, "outcome": "a new word"}, LedgerEntry(id=7, outcome="a new word")),
        ({"id": -7}, None),
        ({}, None),
        (None, None),
        ("x", None),
    ],
)
def test_a_ledger_line_may_be_of_the_old_format(row: object, entry: LedgerEntry | None) -> None:
    """A bare id counts as grabbed; a line without an id is passed over."""
    assert parse_snapshot({**BARE, "ledger": [row]}).ledger == (() if entry is None else (entry,))


def test_a_search_that_is_no_page_is_passed_over() -> None:
    """The others are kept."""
    seen = parse_snapshot({**BARE, "mam": {"searches": ["Error", raw_search(), {}]}})
    assert seen.searches is not None
    assert len(seen.searches) == 1


@pytest.mark.parametrize("space", [-1, "lots", None, True])
def test_free_space_that_cannot_be_read_is_unknown(space: object) -> None:
    """A negative number among them."""
    assert parse_snapshot({**BARE, "qbittorrent": {"free_space_bytes": space}}).free_space_bytes is None


def test_the_connection_is_read_from_the_client_s_transfer_figures() -> None:
    """In its own words."""
    seen = parse_snapshot({**BARE, "qbittorrent": {"transfer": {"connection_status": "firewalled"}}})
    assert seen.connection == Connection(status="firewalled")


def test_a_full_disk_is_known_to_be_full() -> None:
    """Zero is not unknown either."""
    assert parse_snapshot({**BARE, "qbittorrent": {"free_space_bytes": 0}}).free_space_bytes == 0


def test_a_time_as_vip_ends_at_the_snapshot_s_time() -> None:
    """Not at the reader's."""
    row = raw_result(free=0, vip=1, fl_vip=0, vip_expire=NOW)
    for taken_at, vip in ((NOW - 1, True), (NOW, False)):
        seen = parse_snapshot({"format": FORMAT, "taken_at": taken_at, "mam": {"searches": [raw_search(row)]}})
        assert seen.searches is not None
        assert seen.searches[0].results[0].vip is vip


def test_what_earlier_runs_left_behind_is_read() -> None:
    """Freeze, pause, pending purchase, balances and the number of torrents left."""
    memory: dict[str, Any] = {
        "download_freeze_until": NOW + 5,
        "unsatisfied_paused": True,
        "purchase_pending": 1,
        "balances": [[NOW - 5, 10], [NOW, "20.5"], [NOW], "x", [None, 5], [NOW, None]],
        "remembered_count": 35,
    }
    seen = parse_snapshot({**BARE, "memory": memory})
    assert (seen.download_freeze_until, seen.unsatisfied_paused, seen.purchase_pending) == (NOW + 5, True, True)
    assert seen.balances == ((NOW - 5, 10.0), (NOW, 20.5))
    assert seen.remembered_count == 35


@pytest.mark.parametrize(
    ("document", "text"),
    [
        (None, r"object.* nothing"),
        ([], r"object.* a list"),
        ("x", r"object.* text"),
        (5, r"object.* a number"),
        (True, r"object.* true or false"),
        ({}, "format: expected"),
        ({"format": "harvestmouse-snapshot/2", "taken_at": NOW}, "harvestmouse-snapshot/2"),
        ({"format": FORMAT}, "taken_at: expected unix seconds, found None"),
        ({"format": FORMAT, "taken_at": 0}, "taken_at"),
        ({"format": FORMAT, "taken_at": "soon"}, "'soon'"),
        ({**BARE, "mam": []}, "^mam: expected an object, found a list"),
        ({**BARE, "mam": {"searches": {}}}, r"mam\.searches: expected a list, found an object"),
        ({**BARE, "qbittorrent": 5}, "qbittorrent: expected an object, found a number"),
        ({**BARE, "qbittorrent": {"torrents": "x"}}, r"qbittorrent\.torrents: expected a list, found text"),
        ({**BARE, "qbittorrent": {"trackers": []}}, r"qbittorrent\.trackers: expected an object"),
        ({**BARE, "ledger": {}}, "ledger: expected a list"),
        ({**BARE, "memory": []}, "memory: expected an object"),
        ({**BARE, "memory": {"balances": {}}}, r"memory\.balances: expected a list"),
    ],
)
def test_what_is_no_snapshot_is_an_error_that_names_the_place(document: object, text: str) -> None:
    """The operator finds it in the file."""
    with pytest.raises(SnapshotError, match=text):
        parse_snapshot(document)


def test_torrents_are_sorted_by_info_hash() -> None:
    """Equal worlds are equal values."""
    rows = [raw_torrent(2), raw_torrent(1)]
    assert parse_snapshot({**BARE, "qbittorrent": {"torrents": rows}}) == parse_snapshot(
        {**BARE, "qbittorrent": {"torrents": rows[::-1]}}
    )


def test_what_is_remembered_is_written_as_it_is_read() -> None:
    """For a recording, which decides again from it."""
    facts = {
        "download_freeze_until": NOW + 5,
        "unsatisfied_paused": True,
        "purchase_pending": True,
        "balances": ((NOW - 9, 5.5), (NOW, 6.0)),
        "remembered_count": 3,
    }
    seen = Snapshot(taken_at=NOW, **facts)  # type: ignore[arg-type]
    assert parse_snapshot({**BARE, "memory": unparse_memory(seen)}) == seen
