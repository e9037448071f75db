"""What was seen: the words it is told in, and that nothing is taken for known which nobody told."""

from typing import Any

import pytest
from attrs import NOTHING, fields

from harvestmouse.core.model import (
    AccountClass,
    LedgerEntry,
    LedgerOutcome,
    Malformed,
    Preferences,
    Profile,
    SearchPage,
    SearchResult,
    Snapshot,
    Torrent,
)
from tests.support.builders import download, result


def test_the_classes_are_called_as_the_site_calls_them() -> None:
    """From the lowest rung to the highest."""
    assert [one.value for one in AccountClass] == ["Mouse", "User", "Power User", "VIP", "Elite VIP"]


def test_the_outcomes_are_called_as_the_ledger_s_file_has_them() -> None:
    """A file outlives the version that wrote it."""
    words = ["adding", "grabbed", "failed", "never_started", "retired"]
    assert [one.value for one in LedgerOutcome] == words


@pytest.mark.parametrize("kind", [Profile, Torrent, Preferences, Malformed])
def test_a_fact_that_nobody_told_is_unknown(kind: type) -> None:
    """It is `None`, and never nought, nothing or no."""
    assert {one.default for one in fields(kind)} - {NOTHING} == {None}


def test_an_empty_snapshot_knows_nothing() -> None:
    """Its parts are unknown; only what earlier runs would have left behind is taken for absent."""
    seen = Snapshot(taken_at=1)
    absent = {
        "malformed_torrents": (),
        "unsatisfied_paused": False,
        "purchase_pending": False,
        "balances": (),
        "leaving": frozenset(),
        "missing_clients": (),
        "queues": (),
    }
    told = {one.name: getattr(seen, one.name) for one in fields(Snapshot) if getattr(seen, one.name) is not None}
    assert told == {"taken_at": 1, **absent}


def test_a_result_is_free_only_where_that_was_told() -> None:
    """Every flag is down until the site raises it."""
    one = SearchResult(id=1, title="", size_bytes=1, seeders=1, leechers=1)
    assert (one.free, one.personal_freeleech, one.vip, one.fl_vip, one.snatched) == (False,) * 5
    assert (one.authors, one.is_free_for(AccountClass.ELITE_VIP)) == ((), False)


def test_a_page_without_rows_has_none() -> None:
    """And how many match in all stays unknown."""
    page = SearchPage()
    assert (page.results, page.malformed, page.found, page.row_count) == ((), (), None, 0)


def test_a_ledger_line_is_a_grab_unless_it_says_more() -> None:
    """As every line of the old format was."""
    line = LedgerEntry(id=1)
    assert (line.at, line.outcome, line.info_hash) == (None, "grabbed", None)


@pytest.mark.parametrize(
    ("facts", "completed"),
    [
        ({}, False),
        ({"progress": 0.999}, False),
        ({"progress": 1.0}, True),
        ({"completion_on": 1}, True),
        ({"seeding_time": 1}, True),
        ({"progress": None}, None),
        ({"completion_on": None}, None),
        ({"seeding_time": None}, None),
        ({"progress": None, "completion_on": None}, None),
        ({"progress": None, "seeding_time": 1}, True),
        ({"completion_on": None, "seeding_time": None, "progress": 1.0}, True),
    ],
)
def test_one_sign_of_completion_is_enough_and_its_absence_takes_all_three(
    facts: dict[str, Any], *, completed: bool | None
) -> None:
    """What is missing might be the sign."""
    assert download(**facts).has_completed is completed


@pytest.mark.parametrize("name", ["free", "personal_freeleech"])
def test_either_wedge_makes_a_result_free_for_everybody(name: str) -> None:
    """Also for a class nobody knows."""
    assert result(**{"free": False, name: True}).is_free_for(None) is True
