"""What the monitor's plan says of itself, and where its figures have their edges."""

from typing import Any

import pytest

from harvestmouse.core.attribution import label_of, labels_of, plan_monitor
from harvestmouse.core.model import Connection, Malformed
from harvestmouse.core.plan import Reason, Skip
from harvestmouse.core.policy import SEED
from tests.support.builders import snapshot, torrent


def test_without_the_torrents_it_is_skipped_and_says_so() -> None:
    """The reason is the client."""
    made = plan_monitor(snapshot(torrents=None), SEED)
    assert made.skip == Skip(reason=Reason.CLIENT_UNKNOWN, detail="the client's torrent list is missing")


@pytest.mark.parametrize(
    ("parts", "complete"),
    [
        ({"torrents": (), "connection": Connection()}, True),
        ({"torrents": (), "connection": None}, False),
        ({"torrents": None, "connection": Connection()}, False),
        ({"torrents": None, "connection": None}, False),
    ],
)
def test_a_plan_is_whole_with_the_torrents_and_the_connection(parts: dict[str, Any], *, complete: bool) -> None:
    """One of them is not enough."""
    assert plan_monitor(snapshot(**parts), SEED).complete is complete


def test_rows_that_cannot_be_read_are_counted() -> None:
    """They belong to no tracker."""
    seen = snapshot(torrents=(), malformed_torrents=(Malformed(subject="x", problem="y"),))
    assert plan_monitor(seen, SEED).figures["malformed_torrents"] == 1


def test_the_plan_shows_the_figures_it_was_made_with() -> None:
    """The labels."""
    assert plan_monitor(snapshot(), SEED).policy == {"labels": ["mam-farming=mam", "myanonamouse.net=mam"]}


def test_a_label_may_hold_an_equals_sign() -> None:
    """A name may not."""
    assert labels_of(["books=a=b"]) == {"books": "a=b"}


def test_a_host_of_many_letters_keeps_them_all() -> None:
    """Only the root's dot goes."""
    assert label_of(torrent(category=None, tracker_host="exampleX."), {}) == "examplex"
    assert label_of(torrent(category=None, tracker_host="tracker.XX"), {}) == "tracker.xx"
