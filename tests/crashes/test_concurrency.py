"""Many runs at once over one state directory, one session that rotates strictly, and one client."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from harvestmouse.core.model import LedgerOutcome
from tests.support.crash_world import (
    LONG,
    Run,
    Runner,
    Scene,
    books,
    damage,
    empty,
    environment_of,
    poor_account,
)
from tests.support.mam_server import MamServer, Verdict
from tests.support.qbittorrent import QBittorrent
from tests.support.rig import CATEGORY
from tests.support.torrents import MIB, make_torrent
from tests.support.tracker import Tracker

SECONDS = 60 if LONG else 10
SITE_JOBS, CLIENT_JOBS = ("grab", "spend"), ("janitor", "reconcile")
# A run that waited for the lock would take at least as long as this one.
LOCK_WAIT = "20s"
CASES = [(2, "0s"), (8, LOCK_WAIT), *([(8, "0s")] if LONG else [])]


@pytest.fixture
def scene(qbittorrent: QBittorrent, tracker: Tracker, runner: Runner, tmp_path: Path) -> Iterator[Scene]:
    """A site with more torrents than can be taken, a poor account, and a client with one torrent that stays."""
    account = poor_account()
    account.unsat_limit = 10_000
    content, _ = make_torrent("owing", MIB, tracker.announce_url())
    qbittorrent.add(content, category=CATEGORY, complete=True)
    with MamServer(account=account, catalogue=books(2000), tracker_url=tracker.announce_url()) as site:
        environment = environment_of(site, qbittorrent, tmp_path)
        # So that the janitor has work, and writes into the ledger as well.
        environment["HARVESTMOUSE_CLEANUP_NEVER_STARTED_AGE"] = "3s"
        yield Scene(site, tmp_path / "state", runner, environment)
    empty(qbittorrent)


def keep_running(scene: Scene, runner: Runner, jobs: Sequence[str], pause: float = 0) -> list[tuple[str, Run, float]]:
    """Run these jobs one after the other until the time is up; return what came of each, and how long it took."""
    until, done = time.monotonic() + SECONDS, []
    for job in itertools.cycle(jobs):
        begun = time.monotonic()
        if begun > until:
            break
        ended = runner(job, "--apply", "--json", environment=scene.environment)
        done.append((job, ended, time.monotonic() - begun))
        time.sleep(pause)
    return done


def run_together(scene: Scene, count: int) -> list[tuple[str, Run, float]]:
    """Let so many runners use the site, each beginning with another job, while two more look after the client."""
    rows = [SITE_JOBS[number % 2 :] + SITE_JOBS[: number % 2] for number in range(count)]
    with ExitStack() as stack, ThreadPoolExecutor(count + 2) as pool:
        runners = [stack.enter_context(Runner()) for _ in range(count + 2)]
        tasks = [pool.submit(keep_running, scene, runner, row) for runner, row in zip(runners, rows, strict=False)]
        looking_after = zip(runners[count:], CLIENT_JOBS, strict=True)
        tasks += [pool.submit(keep_running, scene, runner, (job,), 0.1) for runner, job in looking_after]
        return [one for task in tasks for one in task.result()]


def surprises(done: Iterable[tuple[str, Run, float]]) -> list[str]:
    """Return the runs that ended otherwise than well, or with the lock held by another."""
    return [
        f"{job}: {run.code} {run.err}" for job, run, _ in done if run.code not in ((0, 6) if job in SITE_JOBS else (0,))
    ]


@pytest.mark.parametrize(("count", "lock_wait"), CASES)
def test_runs_at_once_do_not_disturb_each_other(
    scene: Scene, qbittorrent: QBittorrent, count: int, lock_wait: str
) -> None:
    """No retired cookie is shown, nothing is bought or added twice, no line is torn, and the rest never waits."""
    scene.environment["HARVESTMOUSE_LOCK_WAIT"] = lock_wait
    done = run_together(scene, count)
    codes = Counter((job, run.code) for job, run, _ in done)
    print(f"{count} runners, waiting {lock_wait}: {dict(codes)}, {len(scene.downloads)} added")  # noqa: T201
    assert surprises(done) == []
    assert codes["grab", 0] > 1
    assert codes["janitor", 0] > 1
    assert scene.site.session.retired_presented == 0
    assert {request.cookie for request in scene.site.requests} == {Verdict.CURRENT}
    assert scene.cookie == scene.site.cookie
    assert scene.purchases == 1
    assert set(scene.downloads.values()) == {1}
    assert damage(scene.state_dir, torn_lines=0) == []
    assert_ledger_is_whole(scene, qbittorrent)
    assert max(took for job, _, took in done if job in CLIENT_JOBS) < 10


def assert_ledger_is_whole(scene: Scene, client: QBittorrent) -> None:
    """Hold the ledger against the site's log and the client: every torrent was begun, named and ended once."""
    entries = scene.ledger.entries()
    fetched = {int(one) for one in scene.downloads}
    # An addition is noted before the download, and again with its info-hash before the client gets it.
    for outcome, times in ((LedgerOutcome.ADDING, 2), (LedgerOutcome.GRABBED, 1)):
        noted = Counter(one.id for one in entries if one.outcome == outcome)
        assert noted == dict.fromkeys(fetched, times)
    removed = Counter(one.info_hash for one in entries if one.outcome == LedgerOutcome.NEVER_STARTED)
    assert set(removed.values()) == {1}
    added = {one.info_hash for one in entries if one.outcome == LedgerOutcome.GRABBED}
    left = {identity for identity, row in client.torrents().items() if row["name"] != "owing"}
    assert added == left | set(removed)
    assert not left & set(removed)
