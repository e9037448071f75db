"""Whose a torrent is, and what is counted for each tracker."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvestmouse.core.attribution import STATES, label_of, labels_of, plan_monitor
from harvestmouse.core.model import Connection, Snapshot, Torrent
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import SEED
from harvestmouse.core.wire.plan import dump, unparse_plan
from tests.property import strategies as my
from tests.support.builders import DAY, HOUR, NOW, hash_of, torrent

LABELS = labels_of(SEED.monitor.labels)
CONNECTION = Connection(status="firewalled", dht_nodes=3, download_speed=10, upload_speed=20)


def monitor(*torrents: Torrent, connection: Connection | None = CONNECTION) -> Plan:
    return plan_monitor(Snapshot(taken_at=NOW, torrents=torrents, connection=connection), SEED)


def trackers(*torrents: Torrent) -> dict[str, Any]:
    found: dict[str, Any] = monitor(*torrents).figures["trackers"]
    return found


class TestLabel:
    """Category first, then the tracker's host by exact domain or subdomain, `unknown` where neither tells."""

    @pytest.mark.parametrize(
        ("category", "host", "label"),
        [
            ("mam-farming", None, "mam"),
            ("mam-farming", "tracker.example.org", "mam"),
            ("", "t.myanonamouse.net", "mam"),
            ("", "myanonamouse.net", "mam"),
            ("", "MyAnonamouse.net.", "mam"),
            ("books", "t.myanonamouse.net", "mam"),
            (None, "notmyanonamouse.net", "notmyanonamouse.net"),
            (None, "myanonamouse.net.example.org", "myanonamouse.net.example.org"),
            (None, "mam.example.org", "mam.example.org"),
            (None, "127.0.0.1", "127.0.0.1"),
            ("books", "tracker.example.org", "tracker.example.org"),
            ("mam-farming-old", None, "unknown"),
            ("mam", None, "unknown"),
            ("", "", "unknown"),
            (None, None, "unknown"),
        ],
    )
    def test_follows_the_rules(self, category: str | None, host: str | None, label: str) -> None:
        """Never by a part of a word (incident I6)."""
        assert label_of(torrent(category=category, tracker_host=host), LABELS) == label

    def test_the_nearest_domain_wins(self) -> None:
        """A label for a subdomain goes before the one for all of its domain."""
        labels = labels_of(["example.org=all", "tracker.example.org = one"])
        assert label_of(torrent(category=None, tracker_host="a.tracker.example.org"), labels) == "one"
        assert label_of(torrent(category=None, tracker_host="b.example.org"), labels) == "all"

    def test_a_queued_torrent_of_the_category_is_not_unknown(self) -> None:
        """Hundreds of queued torrents without a tracker hid under `unknown` (incident I6)."""
        queued = [torrent(number, state="queuedDL", tracker_host=None) for number in range(495)]
        assert {label: one["torrents"] for label, one in trackers(*queued).items()} == {"mam": 495}


class TestStatistics:
    def test_adds_up_each_tracker_by_itself(self) -> None:
        """Counts, bytes, seeding time; the ratio is that of the sums."""
        mine = [
            torrent(1, uploaded_bytes=300, downloaded_bytes=100, size_bytes=7, seeding_time=4 * DAY),
            torrent(2, uploaded_bytes=100, downloaded_bytes=60, size_bytes=5, seeding_time=DAY, state="queuedUP"),
        ]
        other = torrent(3, category="", tracker_host="example.org", uploaded_bytes=1, downloaded_bytes=0, size_bytes=2)
        found = trackers(*mine, other)
        assert found["mam"] == {
            "torrents": 2,
            "states": {**dict.fromkeys(STATES, 0), "seeding": 1, "queued": 1},
            "uploaded_bytes": 400,
            "downloaded_bytes": 160,
            "ratio": 2.5,
            "size_bytes": 12,
            "seeding_seconds": 5 * DAY,
            "unsatisfied": 1,
        }
        assert found["example.org"]["ratio"] == "∞"
        assert list(found) == ["example.org", "mam"]

    @pytest.mark.parametrize(
        ("state", "counted"),
        [
            ("uploading", "seeding"),
            ("stalledUP", "seeding"),
            ("forcedUP", "seeding"),
            ("queuedUP", "queued"),
            ("queuedDL", "queued"),
            ("pausedUP", "stopped"),
            ("stoppedDL", "stopped"),
            ("metaDL", "downloading"),
            ("stalledDL", "downloading"),
            ("checkingResumeData", "checking"),
            ("moving", "checking"),
            ("missingFiles", "error"),
            ("error", "error"),
            ("somethingNew", "unknown"),
            (None, "unknown"),
        ],
    )
    def test_each_state_is_counted_once(self, state: str | None, counted: str) -> None:
        """A queued torrent does not seed, whatever has become of its data (incident I5)."""
        states = trackers(torrent(state=state))["mam"]["states"]
        assert {name for name, count in states.items() if count} == {counted}
        assert sum(states.values()) == 1

    @pytest.mark.parametrize(
        ("changes", "unsatisfied"),
        [
            ({"seeding_time": 72 * HOUR - 1}, 1),
            ({"seeding_time": 72 * HOUR}, 0),
            ({"seeding_time": None}, 1),
            ({"seeding_time": 0, "progress": 0.4, "completion_on": 0}, 0),
            ({"seeding_time": HOUR, "progress": 0.4, "completion_on": 0}, 1),
        ],
    )
    def test_unsatisfied_is_the_site_s_72_hours(self, changes: dict[str, Any], unsatisfied: int) -> None:
        """Of what has ever completed, without the janitor's margin."""
        assert trackers(torrent(**changes))["mam"]["unsatisfied"] == unsatisfied

    def test_what_nobody_knows_is_unknown(self) -> None:
        """A sum of nothing known is no 0; one known part is a sum."""
        vague = torrent(1, uploaded_bytes=None, size_bytes=None)
        assert trackers(vague)["mam"]["uploaded_bytes"] is None
        assert trackers(vague)["mam"]["ratio"] is None
        assert trackers(vague, torrent(2, uploaded_bytes=5))["mam"]["uploaded_bytes"] == 5


class TestPlan:
    def test_has_nothing_to_do(self) -> None:
        """It only looks."""
        plan = monitor(torrent(seeding_time=0))
        assert (plan.actions, plan.decisions, plan.skip, plan.counts) == ((), (), None, {})

    def test_tells_the_connection(self) -> None:
        """In the client's own word."""
        figures = monitor().figures
        assert (figures["connection_status"], figures["dht_nodes"]) == ("firewalled", 3)
        assert (figures["download_bytes_per_second"], figures["upload_bytes_per_second"]) == (10, 20)

    def test_an_unknown_connection_is_unknown(self) -> None:
        """And the plan says that a source was missing."""
        plan = monitor(connection=None)
        assert plan.figures["connection_status"] is None
        assert not plan.complete

    def test_without_a_list_it_skips(self) -> None:
        """An empty list is known, a missing one is not."""
        plan = plan_monitor(Snapshot(taken_at=NOW, connection=CONNECTION), SEED)
        assert plan.skip is not None
        assert "trackers" not in plan.figures
        assert plan.figures["dht_nodes"] == 3
        assert monitor().figures["trackers"] == {}

    @given(my.snapshots())
    def test_every_torrent_is_counted_once(self, snapshot: Snapshot) -> None:
        """Under one label, in one state; and the plan can be written."""
        plan = plan_monitor(snapshot, SEED)
        dump(unparse_plan(plan))
        if snapshot.torrents is not None:
            found = plan.figures["trackers"].values()
            assert sum(one["torrents"] for one in found) == len(snapshot.torrents)
            assert all(sum(one["states"].values()) == one["torrents"] for one in found)

    @given(st.permutations(range(6)))
    def test_the_order_of_the_list_changes_nothing(self, order: list[int]) -> None:
        """Byte for byte."""
        hosts = ["a.example.org", None, "t.myanonamouse.net"]
        torrents = [
            torrent(number, hash=hash_of(number), category=None, tracker_host=hosts[number % 3], uploaded_bytes=number)
            for number in range(6)
        ]
        assert json.dumps(monitor(*(torrents[place] for place in order)).figures) == json.dumps(
            monitor(*torrents).figures
        )
