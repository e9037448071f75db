"""The whole of it on loopback: a real client, a stand-in site, a tracker, and the command line over them."""

import json
import subprocess
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from attrs import define

from harvestmouse.runners import config
from harvestmouse.runners.ports import Ports
from harvestmouse.runners.report import Report
from harvestmouse.runners.run import run
from tests.support.mam_server import MamServer
from tests.support.qbittorrent import Ages, QBittorrent
from tests.support.torrents import make_torrent
from tests.support.tracker import Tracker
from tests.support.world import harvestmouse

CATEGORY = "mam-farming"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@define
class Rig:
    """Everything a run needs, and short ways to use it.

    Attributes:
        environment: All that a run is told.
    """

    site: MamServer
    client: QBittorrent
    tracker: Tracker
    directory: Path
    environment: dict[str, str]

    @property
    def state_dir(self) -> Path:
        """Where a run keeps its files."""
        return self.directory / "state"

    @property
    def cookie_on_disk(self) -> str:
        """The cookie a later run would use."""
        return (self.state_dir / "mam_id").read_text().splitlines()[0]

    def command(self, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run the command line in a process of its own."""
        return harvestmouse(*words, environment={**self.environment, **environment})

    def job(self, job: str, *words: str, code: int = 0, **environment: str) -> dict[str, Any]:
        """Run a job, hold its exit code against *code*, and return its plan with the outcome."""
        done = self.command(job, "--json", *words, **environment)
        assert done.returncode == code, done.stderr
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def run(self, job: str, *, later: float = 0, apply: bool = True) -> Report:
        """Run a job in this process, so many seconds from now."""
        ports = Ports(config.load(self.environment))
        clock = ports.clock
        ports.clock = lambda: clock() + round(later)
        return run(job, ports, apply=apply)

    def put(self, name: str, size: int, *, category: str = CATEGORY, kind: str = "", **how: Any) -> str:
        """Put a torrent into the client, and return its info-hash."""
        content, _ = make_torrent(name, size, self.tracker.announce_url(kind))
        return self.client.add(content, category=category, settle=False, **how)


def environment_of(site: MamServer, client: QBittorrent | None, directory: Path) -> dict[str, str]:
    """Return what a run is told, as a deployment does by environment alone."""
    environment = {
        "MAM_ID": site.cookie,
        "HARVESTMOUSE_STATE_DIR": str(directory / "state"),
        "HARVESTMOUSE_MAM_BASE_URL": site.url,
        "HARVESTMOUSE_MAM_TRACKER_URL": site.url,
        "HARVESTMOUSE_MAM_REQUEST_SPACING": "0s",
        "HARVESTMOUSE_MAM_READ_TIMEOUT": "1s",
        "HARVESTMOUSE_GRAB_DISK_RESERVE": "1 MiB",
        "HARVESTMOUSE_QBITTORRENT_SAVE_PATH": str(directory / "farm"),
    }
    if client is not None:
        environment["HARVESTMOUSE_QBITTORRENT_URL"] = client.url
        if client.login is not None:
            environment["HARVESTMOUSE_QBITTORRENT_USERNAME"] = client.login.username
            environment["HARVESTMOUSE_QBITTORRENT_PASSWORD"] = client.login.password
    return environment


def seeded(added: timedelta, seeding: timedelta, uploaded: int = 1) -> Ages:
    """Return the claims of a torrent that has been complete since it was added."""
    return Ages(added_ago=added, completed_ago=added, seeding_time=seeding, active_time=seeding, uploaded=uploaded)


def subjects(document: dict[str, Any], action: str) -> set[str]:
    """Return what a plan wants one kind of action for."""
    return {str(one.get("hash", one.get("id"))) for one in document["actions"] if one["action"] == action}


def statuses(document: dict[str, Any]) -> list[str]:
    """Return how the actions ended."""
    return [one["status"] for one in document["outcome"]["actions"]]


def reasons(document: dict[str, Any], verdict: str) -> dict[str, str]:
    """Return why each subject got a verdict."""
    return {one["subject"]: one["reason"] for one in document["decisions"] if one["decision"] == verdict}


def among(hashes: Iterable[str], names: dict[str, str]) -> set[str]:
    """Return the names that belong to info-hashes."""
    return {names[one] for one in hashes if one in names}
