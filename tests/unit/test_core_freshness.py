"""A torrent that changed between plan and act is not acted on."""

from typing import Any

import pytest

from harvestmouse.core.freshness import changed
from tests.support.builders import DAY, GIB, torrent


def test_a_torrent_that_is_as_it_was_may_be_acted_on() -> None:
    """Nothing changed, so there is nothing to say."""
    assert changed(torrent(), torrent()) is None


def test_a_torrent_that_is_gone_is_none() -> None:
    """Somebody else removed it."""
    assert changed(torrent(), None) == "the client does not list it any more"


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"category": "books"}, "category changed from mam-farming to books"),
        ({"tags": frozenset({"keep", "mam"})}, "tags changed from freeleech, mam to keep, mam"),
        ({"tags": frozenset[str]()}, "tags changed from freeleech, mam to none"),
        ({"tags": None}, "tags changed from freeleech, mam to None"),
        ({"state": "moving"}, "state changed from stalledUP to moving"),
        ({"downloaded_bytes": GIB}, "downloaded_bytes changed from 104857600 to 1073741824"),
        ({"seeding_time": 5 * DAY - 1}, "seeding_time fell from 432000 s to 431999 s"),
        ({"seeding_time": None}, "seeding_time fell from 432000 s to None s"),
    ],
)
def test_a_fact_that_changed_is_told(facts: dict[str, Any], words: str) -> None:
    """The operator reads what it was and what it is."""
    assert changed(torrent(), torrent(**facts)) == words


@pytest.mark.parametrize(
    "facts", [{"seeding_time": 6 * DAY}, {"uploaded_bytes": GIB}, {"seeders": 99}, {"messages": None}]
)
def test_what_only_argues_for_the_decision_may_move(facts: dict[str, Any]) -> None:
    """Seeding time grows, upload and swarm move all the time."""
    assert changed(torrent(), torrent(**facts)) is None


def test_seeding_time_that_nobody_knew_cannot_fall() -> None:
    """One second that is forgotten is a fall."""
    assert changed(torrent(seeding_time=None), torrent(seeding_time=0)) is None
    assert changed(torrent(seeding_time=1), torrent(seeding_time=None)) == "seeding_time fell from 1 s to None s"


def test_a_completion_between_plan_and_act_is_a_change() -> None:
    """It owes seed time from then on."""
    young = torrent(progress=0.5, completion_on=0, seeding_time=0)
    assert changed(young, torrent(progress=1.0, completion_on=0, seeding_time=0)) == (
        "has_completed changed from False to True"
    )
