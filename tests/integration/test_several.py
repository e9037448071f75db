"""Several real clients together: two qBittorrents of different versions, and one beside a Transmission."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from harvestmouse.runners import config
from harvestmouse.runners import run as run_module
from harvestmouse.runners.ports import Ports
from harvestmouse.runners.report import Exit
from harvestmouse.testing import torrent_file
from tests.integration.conftest import binary_of
from tests.support import transmission
from tests.support.components import require
from tests.support.mam_server import CatalogueTorrent, MamServer
from tests.support.qbittorrent import VERSIONS, Ages, Login, QBittorrent
from tests.support.rig import CATEGORY, DAY, HOUR, environment_of, reasons, seeded, subjects
from tests.support.torrents import MIB
from tests.support.tracker import Tracker
from tests.support.transmission import Transmission
from tests.support.world import harvestmouse

STUCK = Ages(added_ago=2 * DAY)


@define
class Pair:
    """Two clients, the file that names them, and the command line over both.

    Attributes:
        home: The first, without a password.
        box: The second, with one.
        environment: All else that a run is told.
    """

    home: QBittorrent
    box: QBittorrent | Transmission
    tracker: Tracker
    file: Path
    environment: dict[str, str]

    def job(self, job: str, *words: str, code: int = 0) -> dict[str, Any]:
        """Run a job, hold its exit code against *code*, and return its plan with the outcome."""
        done = harvestmouse("--config", str(self.file), job, "--json", *words, environment=self.environment)
        assert done.returncode == code, done.stderr
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def fill(self) -> dict[str, str]:
        """Put a torrent that never started, and one that owes seed time, into each; return their info-hashes."""
        hashes, ages = {}, {"stuck": STUCK, "owing": seeded(DAY, 5 * HOUR)}
        for place, client in (("home", self.home), ("box", self.box)):
            own = {}
            for kind in ages:
                content = torrent_file(f"{kind} at {place}", 5 * MIB, self.tracker.announce_url())
                if isinstance(client, QBittorrent):
                    own[kind] = client.add(content, category=CATEGORY, complete=kind == "owing", settle=False)
                else:
                    own[kind] = client.add(content, labels=[CATEGORY], complete=kind == "owing")
                hashes[f"{kind} {place}"] = own[kind]
            client.age({own[kind]: age for kind, age in ages.items()})
            if isinstance(client, Transmission):
                # Nobody tells it how many seed before.
                client.wait_for_announce(own["stuck"])
        return hashes


def written(directory: Path, home: QBittorrent, box: QBittorrent | Transmission, adapter: str) -> Path:
    """Write the file that names both."""
    file = directory / "harvestmouse.toml"
    file.write_text(
        f'[[qbittorrent]]\nname = "home"\nurl = "{home.url}"\n'
        f'[[qbittorrent]]\nname = "box"\nurl = "{box.url}"\nusername = "{Login().username}"\nadapter = "{adapter}"\n'
    )
    return file


@pytest.fixture
def pair(tracker: Tracker, tmp_path: Path) -> Iterator[Pair]:
    oldest, newest = binary_of(VERSIONS[0]), binary_of(VERSIONS[-1])
    with (
        QBittorrent(tmp_path / "home", oldest) as home,
        QBittorrent(tmp_path / "box", newest, login=Login()) as box,
    ):
        environment = {
            "HARVESTMOUSE_STATE_DIR": str(tmp_path / "state"),
            "HARVESTMOUSE_QBITTORRENT_BOX_PASSWORD": Login().password,
        }
        yield Pair(home, box, tracker, written(tmp_path, home, box, "qbittorrent"), environment)


def test_one_that_is_killed_holds_its_own_torrents_only(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it is, both are cleaned up; between plan and act, and from then on, the other one is."""
    hashes = pair.fill()
    assert reasons(pair.job("janitor"), "delete") == {
        hashes["stuck home"]: "never_started",
        hashes["stuck box"]: "never_started",
    }

    def killed(_: object) -> None:
        pair.box.stop()

    with monkeypatch.context() as patched:
        patched.setattr(run_module, "announce_plan", killed)
        report = run_module.run("janitor", Ports(config.load(pair.environment, str(pair.file))), apply=True)
    assert {one.action.hash: one.status.value for one in report.outcomes if hasattr(one.action, "hash")} == {
        hashes["stuck home"]: "done",
        hashes["stuck box"]: "not_attempted",
    }
    assert report.exit_code == Exit.UNAVAILABLE
    assert set(pair.home.torrents()) == {hashes["owing home"]}

    plan = pair.job("janitor", "--apply", code=4)
    assert plan["complete"] is False
    assert reasons(plan, "keep") == {hashes["owing home"]: "hnr_window"}
    assert "client box" in plan["outcome"]["error"]

    pair.box.start()
    assert subjects(pair.job("janitor", "--apply"), "delete_torrent") == {hashes["stuck box"]}
    assert set(pair.box.torrents()) == {hashes["owing box"]}
    recordings = str(pair.file.parent / "state" / "recordings")
    replayed = harvestmouse("--config", str(pair.file), "replay", recordings, environment=pair.environment)
    assert (replayed.returncode, "replayed 3 recordings: 3 the same" in replayed.stdout) == (0, True), replayed.stdout


def test_each_has_its_own_slots_and_the_first_takes_additions(pair: Pair) -> None:
    """Preferences are written by client; picks go where the free space was counted."""
    pair.fill()
    plan = pair.job("reconcile", "--apply")
    assert {one["client"] for one in plan["actions"]} == {"home", "box"}
    for client in (pair.home, pair.box):
        assert isinstance(client, QBittorrent)
        assert client.get("app/preferences").json()["max_active_uploads"] == 150
    catalogue = [CatalogueTorrent(id=1001, title="Book", leechers=9, free=1)]
    with MamServer(catalogue=catalogue, tracker_url=pair.tracker.announce_url()) as site:
        pair.environment |= environment_of(site, None, pair.file.parent)
        assert subjects(pair.job("grab", "--apply"), "add_torrent") == {"1001"}
        picked = site.world.info_hash(1001)
        assert picked in pair.home.torrents()
        assert picked not in pair.box.torrents()
        assert pair.job("grab", "--apply")["actions"] == []
        pair.box.stop()
        assert pair.job("grab", code=4)["skip"]["reason"] == "client_unknown"


def test_a_transmission_stands_beside_a_qbittorrent(tracker: Tracker, tmp_path: Path) -> None:
    """Each is spoken to in its own words."""
    daemon = require(transmission.find_binary)
    with (
        QBittorrent(tmp_path / "home", binary_of(VERSIONS[-1])) as home,
        Transmission(tmp_path / "box", daemon, login=Login()) as box,
    ):
        environment = {
            "HARVESTMOUSE_STATE_DIR": str(tmp_path / "state"),
            "HARVESTMOUSE_QBITTORRENT_BOX_PASSWORD": Login().password,
        }
        pair = Pair(home, box, tracker, written(tmp_path, home, box, "transmission"), environment)
        hashes = pair.fill()
        assert subjects(pair.job("janitor", "--apply"), "delete_torrent") == {
            hashes["stuck home"],
            hashes["stuck box"],
        }
        assert set(home.torrents()) | set(box.torrents()) == {hashes["owing home"], hashes["owing box"]}
        figures = pair.job("monitor")["figures"]["trackers"]
        assert sum(one["torrents"] for one in figures.values()) == 2

        done = harvestmouse("--config", str(pair.file), "doctor", "--json", environment=pair.environment)
        told = [one["detail"] for one in json.loads(done.stdout)["findings"] if one["check"] == "client"]
        assert told[0].startswith(f"home answers ({home.get('app/version').text}, Web API ")
        assert any(one.startswith("client home: it has the category mam-farming") for one in told)
        assert [one for one in told if one.startswith("client box: ")] == [
            "client box: its version, categories and save path are unknown: its adapter does not tell them"
        ]
