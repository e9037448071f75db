"""The lock: it says who holds it, it makes others wait only so long, and it dies with its holder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.crash_world import Runner, Scene, books, environment_of, poor_account
from tests.support.mam_server import Fault, MamServer
from tests.support.qbittorrent import QBittorrent, wait_for

PROFILE = "/jsonLoad.php"


@pytest.fixture
def scene(runner: Runner, tmp_path: Path) -> Iterator[Scene]:
    with MamServer(account=poor_account(), catalogue=books(2)) as site:
        yield Scene(site, tmp_path / "state", runner, environment_of(site, None, tmp_path))


@contextmanager
def holding(scene: Scene) -> Iterator[subprocess.Popen[str]]:
    """Run a spend that hangs at the site, and so holds the lock until it is killed."""
    scene.site.faults.add(Fault("hang", PROFILE, seconds=60))
    kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    command = [sys.executable, "-m", "harvestmouse", "spend", "--apply"]
    with subprocess.Popen(command, env={**kept, **scene.environment}, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for(lambda: scene.site.count(PROFILE) == 1, "the run to ask the site")
            yield process
        finally:
            process.kill()


def run_beside(scene: Scene, job: str, lock_wait: str) -> Any:
    """Run a job while another holds the lock; return how it ended, and how long it took."""
    environment = {**scene.environment, "HARVESTMOUSE_LOCK_WAIT": lock_wait}
    begun = time.monotonic()
    done = scene.runner(job, "--apply", environment=environment)
    return done, time.monotonic() - begun


def test_the_holder_can_be_read(scene: Scene) -> None:
    """While a run holds the lock, a file tells which job it is, its process, and since when."""
    with holding(scene) as process:
        facts = json.loads((scene.state_dir / "lock.holder").read_text())
        assert (facts["purpose"], facts["pid"]) == ("spend", process.pid)
        assert abs(facts["since"] - time.time()) < 30


@pytest.mark.parametrize(("lock_wait", "least", "most"), [("0s", 0.0, 0.9), ("1s", 1.0, 3.0)])
def test_another_run_waits_so_long_and_names_the_holder(
    scene: Scene, lock_wait: str, least: float, most: float
) -> None:
    """It ends with 6 and one line that names job and process, and asks the site nothing."""
    with holding(scene) as process:
        done, took = run_beside(scene, "grab", lock_wait)
        assert done.code == 6
        assert f"spend (process {process.pid} on " in done.complaint
        assert least <= took < most
        assert len(scene.site.requests) == 1


def test_a_killed_holder_blocks_nobody(scene: Scene) -> None:
    """Its lock is free at once, though its name is still in the file; the next run overwrites that, and removes it."""
    with holding(scene) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert (scene.state_dir / "lock.holder").exists()
        done, took = run_beside(scene, "spend", "0s")
        assert (done.code, scene.purchases) == (0, 1)
        assert took < 3
        assert not (scene.state_dir / "lock.holder").exists()


def test_a_waiting_run_takes_over(scene: Scene) -> None:
    """A run that waits goes on as soon as the holder has died."""
    with holding(scene) as process:
        environment = {**scene.environment, "HARVESTMOUSE_LOCK_WAIT": "30s"}
        with subprocess.Popen(["sleep", "0.5"]) as delay, Runner() as other:
            delay.wait()
            process.kill()
            begun = time.monotonic()
            assert other("spend", "--apply", environment=environment).code == 0
            assert time.monotonic() - begun < 5
    assert scene.purchases == 1


@pytest.mark.parametrize("job", ["janitor", "reconcile"])
def test_jobs_without_the_site_do_not_wait(scene: Scene, qbittorrent: QBittorrent, job: str) -> None:
    """They go on while another run holds the lock, however long they could wait for it."""
    scene.environment["HARVESTMOUSE_QBITTORRENT_URL"] = qbittorrent.url
    with holding(scene):
        done, took = run_beside(scene, job, "30s")
        # An empty client is a safety stop of the janitor.
        assert done.code == (5 if job == "janitor" else 0)
        assert took < 5
