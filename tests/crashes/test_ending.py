"""A run that is told to end does so between two actions; one that takes too long says so."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harvestmouse.adapters.state.journal import Journal
from tests.support.crash_world import (
    DOWNLOAD,
    SHOP,
    Runner,
    Scene,
    books,
    empty,
    environment_of,
    poor_account,
    when_asked,
)
from tests.support.mam_server import Fault, MamServer
from tests.support.qbittorrent import QBittorrent

PICKS = 5


@pytest.fixture
def scene(qbittorrent: QBittorrent, runner: Runner, tmp_path: Path) -> Iterator[Scene]:
    with MamServer(catalogue=books(PICKS)) as site:
        environment = environment_of(site, qbittorrent, tmp_path)
        environment["HARVESTMOUSE_GRAB_PER_RUN"] = str(PICKS)
        yield Scene(site, tmp_path / "state", runner, environment)
    empty(qbittorrent)


@pytest.mark.parametrize("nth", [1, 3, PICKS])
def test_sigterm_ends_a_grab_between_two_adds(scene: Scene, qbittorrent: QBittorrent, nth: int) -> None:
    """The add in hand is finished, the rest is not attempted, the report is printed, and the exit code is 1."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    command = [sys.executable, "-m", "harvestmouse", "grab", "--apply", "--json"]
    started: list[subprocess.Popen[str]] = []
    when_asked(scene.site, DOWNLOAD, nth, lambda: started[0].send_signal(signal.SIGTERM))
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env={**kept, **scene.environment}, stdout=pipe, stderr=pipe, text=True) as process:
        started.append(process)
        out, err = process.communicate(timeout=60)
    outcome = json.loads(out)["outcome"]
    assert [one["status"] for one in outcome["actions"]] == ["done"] * nth + ["not_attempted"] * (PICKS - nth)
    assert len(qbittorrent.torrents()) == len(scene.downloads) == nth
    assert [entry.outcome for entry in scene.ledger.entries()] == ["adding", "adding", "grabbed"] * nth
    assert scene.cookie == scene.site.cookie
    assert "Traceback" not in err
    # Where nothing was left to do, the signal came too late to change anything.
    assert process.returncode == outcome["exit_code"] == (1 if nth < PICKS else 0)
    assert nth == PICKS or "told to end (SIGTERM)" in outcome["error"]


def test_after_sigterm_the_next_run_takes_the_rest(scene: Scene, qbittorrent: QBittorrent) -> None:
    """Nothing that was not attempted is forgotten, and nothing that was done is done again."""
    test_sigterm_ends_a_grab_between_two_adds(scene, qbittorrent, 2)
    assert scene.run("grab").code == 0
    assert len(qbittorrent.torrents()) == PICKS
    assert set(scene.downloads.values()) == {1}


@pytest.mark.parametrize("job", ["grab", "spend"])
def test_the_deadline_ends_a_run_while_a_server_trickles(scene: Scene, job: str) -> None:
    """A body that comes byte by byte keeps a run busy only until its deadline; the end is one clear line."""
    scene.site.faults.add(Fault("trickle", "/jsonLoad.php", seconds=0.05))
    scene.environment["HARVESTMOUSE_DEADLINE"] = "1s"
    begun = time.monotonic()
    done = scene.runner(job, "--apply", environment=scene.environment)
    assert done.code == 1
    assert "the run was not done within 1 s" in done.complaint
    assert 1 <= time.monotonic() - begun < 3
    assert done.out == ""
    assert scene.cookie == scene.site.cookie
    assert len(scene.site.requests) == 1


def test_the_deadline_in_the_middle_of_adds_is_reported(scene: Scene, qbittorrent: QBittorrent) -> None:
    """What was added is done, what was in hand has failed, and the rest is not attempted."""
    when_asked(scene.site, DOWNLOAD, 3, lambda: scene.site.faults.add(Fault("trickle", DOWNLOAD, seconds=0.05)))
    scene.environment["HARVESTMOUSE_DEADLINE"] = "3s"
    done = scene.runner("grab", "--apply", "--json", environment=scene.environment)
    assert done.code == 1
    outcome = done.document["outcome"]
    assert [one["status"] for one in outcome["actions"]] == ["done", "done", "failed", "not_attempted", "not_attempted"]
    assert "the run was not done within 3 s" in outcome["error"]
    assert scene.cookie == scene.site.cookie
    assert len(qbittorrent.torrents()) == 2


def terminated_at(scene: Scene, job: str, endpoint: str) -> subprocess.CompletedProcess[str]:
    """Run a job that is told to end while the site answers one request."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    started: list[subprocess.Popen[str]] = []
    when_asked(scene.site, endpoint, 1, lambda: started[0].send_signal(signal.SIGTERM))
    command, pipe = [sys.executable, "-m", "harvestmouse", job, "--apply"], subprocess.PIPE
    with subprocess.Popen(command, env={**kept, **scene.environment}, stdout=pipe, stderr=pipe, text=True) as process:
        started.append(process)
        out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def test_sigterm_before_there_is_a_plan_ends_the_run_at_once(scene: Scene) -> None:
    """Nothing is being changed, so nothing is waited for: one line, exit code 1."""
    scene.site.faults.add(Fault("hang", "/jsonLoad.php", seconds=15))
    begun = time.monotonic()
    done = terminated_at(scene, "grab", "/jsonLoad.php")
    assert time.monotonic() - begun < 5
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("harvestmouse: the run was told to end (SIGTERM)")
    assert "Traceback" not in done.stderr


def test_sigterm_does_not_interrupt_a_purchase(scene: Scene) -> None:
    """A purchase that has been asked for is seen to its end, in the journal too."""
    scene.site.world.account = poor_account()
    assert terminated_at(scene, "spend", SHOP).returncode == 0
    assert scene.purchases == 1
    assert Journal(scene.state_dir / "purchases.jsonl").pending() is None
    assert scene.cookie == scene.site.cookie
