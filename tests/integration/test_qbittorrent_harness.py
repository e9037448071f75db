"""The harness itself: every version starts, ages its torrents as asked, and stays on loopback."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from tests.support.qbittorrent import Ages, Login, QBittorrent, wait_for
from tests.support.torrents import GIB, make_torrent
from tests.support.tracker import NOT_FOUND, UNREGISTERED, Tracker

DAY = timedelta(days=1)
LOOPBACK = {"0100007F", "00000000000000000000000001000000"}
LISTENING = {"tcp": "0A", "udp": "07"}


class TestStartingAndStopping:
    def test_answers_while_it_runs_and_not_afterwards(self, any_binary: Path, tmp_path: Path) -> None:
        """A client answers inside its `with` statement, also after a restart, and is gone behind it."""
        with QBittorrent(tmp_path / "client", any_binary) as client:
            version = client.version
            client.restart()
            assert client.version == version
        with pytest.raises(requests.ConnectionError):
            requests.get(client.url, timeout=5)

    def test_asks_for_its_password(self, any_binary: Path, tmp_path: Path) -> None:
        """With a login, the client refuses strangers and serves who knows the password."""
        with QBittorrent(tmp_path / "client", any_binary, login=Login()) as client:
            stranger = requests.get(f"{client.url}/api/v2/app/version", timeout=5)
            assert stranger.status_code == 403
            assert client.get("app/version").text == f"v{client.version}"

    def test_listens_on_loopback_only(self, any_qbittorrent: QBittorrent) -> None:
        """No socket of the client can be reached from another machine."""
        addresses = listening_addresses(any_qbittorrent.pid)
        assert addresses
        assert addresses <= LOOPBACK


class TestTorrents:
    def test_complete_ones_seed(self, any_qbittorrent: QBittorrent, tracker: Tracker) -> None:
        """A torrent added as complete seeds at once, labelled as asked, in the swarm the tracker tells of."""
        torrent, info_hash = make_torrent("barn", 5 * GIB, tracker.announce_url())
        assert any_qbittorrent.add(torrent, category="mam", tags=["ratio"], complete=True) == info_hash
        any_qbittorrent.wait_for_tracker(info_hash, 2)
        seeding = any_qbittorrent.wait_for_state(info_hash, "stalledUP")
        assert (seeding["category"], seeding["tags"]) == ("mam", "ratio")
        wait_for(lambda: swarm_of(any_qbittorrent, info_hash) == (7, 2), "the tracker's counts")
        assert tracker.announces(info_hash) == 1

    def test_paused_ones_stay_silent(self, any_qbittorrent: QBittorrent, tracker: Tracker) -> None:
        """A torrent added paused, complete or not, never talks to its tracker."""
        complete, full = make_torrent("full", GIB, tracker.announce_url())
        incomplete, empty = make_torrent("empty", GIB, tracker.announce_url())
        any_qbittorrent.add(complete, paused=True, complete=True)
        any_qbittorrent.add(incomplete, paused=True)
        assert any_qbittorrent.torrent(full)["state"] in {"pausedUP", "stoppedUP"}
        assert any_qbittorrent.torrent(empty)["state"] in {"pausedDL", "stoppedDL"}
        assert tracker.announces(full) == tracker.announces(empty) == 0

    def test_refusals_are_passed_on(self, any_qbittorrent: QBittorrent, tracker: Tracker) -> None:
        """What the tracker says against a torrent is the message of its tracker, word by word."""
        torrent, info_hash = make_torrent("stranger", GIB, tracker.announce_url("unreg"))
        any_qbittorrent.add(torrent, complete=True)
        row = any_qbittorrent.wait_for_tracker(info_hash, 4, 5)
        assert row["msg"] == UNREGISTERED
        assert row["status"] == (5 if any_qbittorrent.version.startswith("5.3") else 4)

    def test_the_tracker_may_change_its_mind(self, any_qbittorrent: QBittorrent, tracker: Tracker) -> None:
        """A torrent that seeded well is refused from the next announce on."""
        torrent, info_hash = make_torrent("exile", GIB, tracker.announce_url())
        any_qbittorrent.add(torrent, complete=True)
        any_qbittorrent.wait_for_tracker(info_hash, 2)
        tracker.refusals[info_hash] = NOT_FOUND
        any_qbittorrent.post("torrents/reannounce", hashes=info_hash)
        assert any_qbittorrent.wait_for_tracker(info_hash, 4, 5)["msg"] == NOT_FOUND


class TestAges:
    def test_complete_torrents_read_back(self, any_qbittorrent: QBittorrent, tracker: Tracker) -> None:
        """A complete torrent is as old, and has done as much, as the test claims."""
        torrent, info_hash = make_torrent("oak", 5 * GIB, tracker.announce_url())
        any_qbittorrent.add(torrent, complete=True)
        claims = Ages(
            added_ago=10 * DAY,
            completed_ago=9 * DAY,
            seeding_time=3 * DAY,
            active_time=4 * DAY,
            uploaded=7 * GIB,
            downloaded=5 * GIB,
        )
        any_qbittorrent.age({info_hash: claims})
        old = any_qbittorrent.wait_for_state(info_hash, "stalledUP")
        now = time.time()
        assert now - old["added_on"] == pytest.approx(10 * DAY.total_seconds(), abs=30)
        assert now - old["completion_on"] == pytest.approx(9 * DAY.total_seconds(), abs=30)
        assert old["seeding_time"] == pytest.approx(3 * DAY.total_seconds(), abs=30)
        assert old["time_active"] == pytest.approx(4 * DAY.total_seconds(), abs=30)
        assert (old["uploaded"], old["downloaded"]) == (7 * GIB, 5 * GIB)
        wait_for(lambda: swarm_of(any_qbittorrent, info_hash) == (7, 2), "the tracker's counts")

    def test_incomplete_torrents_stay_incomplete(self, any_qbittorrent: QBittorrent, tracker: Tracker) -> None:
        """An incomplete torrent grows old without becoming complete, and the others keep their age."""
        torrent, info_hash = make_torrent("seedling", GIB, tracker.announce_url())
        other, other_hash = make_torrent("neighbour", GIB, tracker.announce_url())
        any_qbittorrent.add(torrent)
        any_qbittorrent.add(other, complete=True)
        any_qbittorrent.age({info_hash: Ages(added_ago=2 * DAY)})
        old = any_qbittorrent.wait_for_state(info_hash, "stalledDL")
        assert time.time() - old["added_on"] == pytest.approx(2 * DAY.total_seconds(), abs=30)
        assert (old["progress"], max(old["completion_on"], 0)) == (0, 0)
        young = any_qbittorrent.wait_for_state(other_hash, "stalledUP")
        assert time.time() - young["added_on"] < 30

    def test_incomplete_torrents_cannot_have_been_complete(self, qbittorrent: QBittorrent, tracker: Tracker) -> None:
        """A claim that contradicts the torrent is an error, and the client runs on."""
        torrent, info_hash = make_torrent("seedling", GIB, tracker.announce_url())
        qbittorrent.add(torrent)
        with pytest.raises(ValueError, match="not complete"):
            qbittorrent.age({info_hash: Ages(completed_ago=DAY)})
        assert info_hash in qbittorrent.torrents()


class TestSettings:
    def test_go_before_the_harness_own(self, any_binary: Path, tmp_path: Path, tracker: Tracker) -> None:
        """With queueing switched on and no room for anything, a complete torrent waits in the queue."""
        queueing = {
            r"Session\QueueingSystemEnabled": "true",
            r"Session\MaxActiveTorrents": "0",
            r"Session\MaxActiveUploads": "0",
        }
        torrent, info_hash = make_torrent("queue", GIB, tracker.announce_url())
        with QBittorrent(tmp_path / "client", any_binary, settings={"BitTorrent": queueing}) as client:
            client.add(torrent, complete=True)
            client.wait_for_state(info_hash, "queuedUP")


def swarm_of(client: QBittorrent, info_hash: str) -> tuple[int, int]:
    torrent = client.torrent(info_hash)
    return torrent["num_complete"], torrent["num_incomplete"]


def listening_addresses(pid: int) -> set[str]:
    """Read from /proc at which addresses a process listens, as the kernel writes them: in hexadecimal."""
    own = {descriptor.readlink().name for descriptor in Path(f"/proc/{pid}/fd").iterdir()}
    addresses = set()
    for protocol in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{pid}/net/{protocol}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENING[protocol[:3]] and f"socket:[{fields[9]}]" in own:
                addresses.add(fields[1].partition(":")[0])
    return addresses
