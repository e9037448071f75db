"""Jobs that change a real client are killed at every point between two side effects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import define, field

from harvestmouse.adapters.state.ledger import Ledger
from harvestmouse.core.model import LedgerEntry, LedgerOutcome
from tests.support.crash_world import (
    DAY_SECONDS,
    SHOP,
    Kill,
    Run,
    Runner,
    Scene,
    books,
    damage,
    empty,
    environment_of,
    kills_of,
    may_have_lost_cookie,
)
from tests.support.mam_server import MamServer
from tests.support.qbittorrent import QBittorrent, wait_for
from tests.support.rig import CATEGORY
from tests.support.torrents import MIB, make_torrent
from tests.support.tracker import Tracker

STUCK = ("stuck 1", "stuck 2", "stuck 3")
QUEUE = {"queueing_enabled": False, "max_active_uploads": 4, "max_active_torrents": 5, "max_active_downloads": 3}


@define
class Stage:
    """A client that many runs share, with what no run may take from it.

    Attributes:
        precious: Info-hashes of torrents that owe seed time, are protected, or are none of ours.
        owing: The one of them that is stopped, and owes seed time.
    """

    client: QBittorrent
    tracker: Tracker
    runner: Runner
    directory: Path
    precious: set[str] = field(factory=set)
    owing: str = ""
    _scenes: int = 0

    def furnish(self) -> None:
        """Put in what must stay."""
        self.owing = self.put("owing", complete=True, paused=True)
        protected = self.put("protected", tags=["keep"])
        foreign = self.put("foreign", category="films")
        self.precious = {self.owing, protected, foreign}
        self.client.settle()

    def put(self, name: str, *, category: str = CATEGORY, **how: object) -> str:
        """Put a torrent into the client, and return its info-hash."""
        content, _ = make_torrent(name, MIB, self.tracker.announce_url())
        return self.client.add(content, category=category, settle=False, **how)  # type: ignore[arg-type]

    @contextmanager
    def scene(self) -> Iterator[Scene]:
        """Open a new site with three torrents to take, an empty state directory, and the client as furnished."""
        self._scenes += 1
        directory = self.directory / str(self._scenes)
        empty(self.client, self.precious)
        with MamServer(catalogue=books(3), tracker_url=self.tracker.announce_url()) as site:
            yield Scene(site, directory / "state", self.runner, environment_of(site, self.client, directory))


@pytest.fixture
def stages(
    qbittorrent: QBittorrent, second_qbittorrent: QBittorrent, tracker: Tracker, tmp_path: Path
) -> Iterator[list[Stage]]:
    """Two clients, so that every other kill can go on beside."""
    clients = (qbittorrent, second_qbittorrent)
    with Runner() as first, Runner() as second:
        both = [
            Stage(client, tracker, runner, tmp_path / str(number))
            for number, (client, runner) in enumerate(zip(clients, (first, second), strict=True))
        ]
        for stage in both:
            stage.furnish()
        yield both
        for stage in both:
            empty(stage.client)


@define
class Row:
    """What came of a row of kills.

    Attributes:
        wrong: What must not be, by where the run was killed.
        counts: How often things happened that may.
    """

    wrong: dict[str, list[str]] = field(factory=dict)
    counts: Counter[str] = field(factory=Counter)


Outlive = Callable[[Stage, Scene, Kill, Counter[str]], list[str]]


def kill_everywhere(stages: list[Stage], whole: Run, outlive: Outlive) -> Row:
    """Kill a job at all its points, half of them on each stage."""
    row, kills = Row(), list(kills_of(whole.effects))

    def work(number: int) -> None:
        stage = stages[number]
        for kill in kills[number :: len(stages)]:
            with stage.scene() as scene:
                problems = outlive(stage, scene, kill, row.counts)
                problems += [] if stage.precious <= set(stage.client.torrents()) else ["a precious torrent is gone"]
                problems += ["a purchase"] if scene.site.count(SHOP) else []
            if problems:
                row.wrong[f"{kill.when} {kill.nth} {kill.effect}"] = problems
            row.counts["kills"] += 1

    with ThreadPoolExecutor(len(stages)) as pool:
        list(pool.map(work, range(len(stages))))
    row.counts["effects"] = len(whole.effects)
    return row


def died(scene: Scene, job: str, kill: Kill) -> tuple[Run, list[str]]:
    """Kill a run, and return it with what is wrong about it and the files it leaves."""
    dead = scene.run(job, kill)
    wrong = [] if dead.was_killed or kill.may_be_missed else [f"it lived: {dead.code} {dead.err}"]
    return dead, wrong + (damage(scene.state_dir, torn_lines=1) if scene.state_dir.exists() else [])


def run_clean(scene: Scene, job: str) -> list[str]:
    """Run the job to its end, and return what is wrong about that."""
    done = scene.run(job)
    return [f"the next run: {done.code} {done.err}"] if done.code else []


def outlive_grab(stage: Stage, scene: Scene, kill: Kill, counts: Counter[str]) -> list[str]:
    """Kill a grab and run another: no torrent is fetched twice, and none is in the client unknown to the ledger."""
    dead, wrong = died(scene, "grab", kill)
    if scene.cookie != scene.site.cookie:
        counts["lost sessions"] += 1
        wrong += [] if may_have_lost_cookie(dead, kill) else ["the cookie on disk is not the current one"]
        wrong += refused(scene)
    wrong += run_clean(scene, "grab")
    names = {scene.site.world.info_hash(one.id): str(one.id) for one in scene.site.catalogue}
    there = {names[one] for one in stage.client.torrents() if one in names}
    noted = {str(entry.id) for entry in scene.ledger.entries()}
    counts["snatched, and never added"] += len(set(scene.downloads) - there)
    wrong += [f"fetched twice: {scene.downloads}"] if max(scene.downloads.values(), default=0) > 1 else []
    wrong += [f"not in the ledger: {there - noted}"] if there - noted else []
    wrong += [f"no torrent of the site: {noted}"] if not noted <= set(names.values()) else []
    wrong += ["the cookie on disk is not the current one in the end"] if scene.cookie != scene.site.cookie else []
    return wrong


def refused(scene: Scene) -> list[str]:
    """Run with a lost session, which must be said clearly; then begin a new one, as the operator does."""
    done = scene.run("grab")
    scene.renew_cookie()
    clear = done.code == 3 and "The cookie may be mistyped, expired" in done.complaint
    return [] if clear else [f"a lost session ends with {done.code}: {done.err}"]


def test_a_killed_grab_takes_nothing_twice(stages: list[Stage]) -> None:
    """At every point: nothing is fetched twice, all that was added is known, only the expected sessions are lost."""
    with stages[0].scene() as scene:
        whole = scene.run("grab")
        assert (whole.code, len(scene.downloads)) == (0, 2)
    row = kill_everywhere(stages, whole, outlive_grab)
    print(f"grab: {dict(row.counts)}")  # noqa: T201
    assert row.wrong == {}
    # The test reaches the points where a session must be lost: after each of four requests at least.
    assert row.counts["lost sessions"] >= 4


def outlive_janitor(stage: Stage, scene: Scene, kill: Kill, counts: Counter[str]) -> list[str]:
    """Kill a cleanup and run another: what is due is gone, and only that."""
    stuck = fill(stage, scene)
    _, wrong = died(scene, "janitor", kill)
    last = scene.run("janitor")
    wrong += [f"the next run: {last.code} {last.err}"] if last.code else []
    left = stuck & set(stage.client.torrents())
    wrong += [f"still there: {left}: {last.out} {last.err}"] if left else []
    entries = scene.ledger.entries()
    counts["deletions the ledger missed"] += len(stuck - {one.info_hash for one in entries if one.outcome != "grabbed"})
    wrong += ["the site was asked"] if scene.site.requests else []
    return wrong


def fill(stage: Stage, scene: Scene) -> set[str]:
    """Put in what a cleanup two days from now deletes, as a grab noted it."""
    scene.later = 2 * DAY_SECONDS
    stuck = [stage.put(name, paused=True) for name in STUCK]
    for number, identity in enumerate(stuck, 1001):
        # A torrent whose state still changes is kept; a paused one comes to rest at once.
        stage.client.wait_for_state(identity, "pausedDL")
        scene.ledger.append(LedgerEntry(id=number, at=0, outcome=LedgerOutcome.GRABBED, info_hash=identity))
    return set(stuck)


def test_a_killed_janitor_deletes_only_what_is_due(stages: list[Stage]) -> None:
    """At every point: what owes seed time, is protected or foreign stays, and the next run does the rest."""
    with stages[0].scene() as scene:
        stuck = fill(stages[0], scene)
        whole = scene.run("janitor")
        assert whole.code == 0
        assert {one["subject"] for one in whole.document["outcome"]["actions"]} == stuck
        assert {one["status"] for one in whole.document["outcome"]["actions"]} == {"done"}
    row = kill_everywhere(stages, whole, outlive_janitor)
    print(f"janitor: {dict(row.counts)}")  # noqa: T201
    assert row.wrong == {}


def disorder(stage: Stage) -> None:
    """Give the client a queue that is not the wanted one, and stop what owes seed time."""
    stage.client.post("app/setPreferences", json=str(QUEUE).replace("'", '"').replace("False", "false"))
    stage.client.post("torrents/pause", hashes=stage.owing)
    stage.client.wait_for_state(stage.owing, "pausedUP")


def outlive_reconcile(stage: Stage, scene: Scene, kill: Kill, counts: Counter[str]) -> list[str]:
    """Kill a reconciliation and run another: the queue is the wanted one, and what owes seed time seeds."""
    disorder(stage)
    scene.environment["HARVESTMOUSE_RECONCILE_FORCE_START"] = "true"
    _, wrong = died(scene, "reconcile", kill)
    wrong += run_clean(scene, "reconcile")
    stage.client.wait_for_state(stage.owing, "stalledUP", "uploading", "forcedUP", "queuedUP")
    uploads = stage.client.get("app/preferences").json()["max_active_uploads"]
    return wrong + ([] if uploads == 150 else [f"{uploads} upload slots"])


def test_a_killed_reconciliation_is_finished_by_the_next(stages: list[Stage]) -> None:
    """At every point: the next run leaves the client as it is wanted."""
    with stages[0].scene() as scene:
        disorder(stages[0])
        scene.environment["HARVESTMOUSE_RECONCILE_FORCE_START"] = "true"
        whole = scene.run("reconcile")
        assert (whole.code, len(whole.document["actions"])) == (0, 2)
    row = kill_everywhere(stages, whole, outlive_reconcile)
    print(f"reconcile: {dict(row.counts)}")  # noqa: T201
    assert row.wrong == {}


def test_left_over_temporary_files_are_no_state(stages: list[Stage]) -> None:
    """What a killed run left of a replacement is not read: neither a cookie, nor grabbed ids, nor a holder."""
    with stages[0].scene() as scene:
        scene.state_dir.mkdir(parents=True)
        for name in ("mam_id", "grabbed_ids.txt", "account.json", "lock.holder", "refused.json", "purchases.jsonl"):
            (scene.state_dir / f".{name}.abcdefgh").write_text("1003\n")
        assert run_clean(scene, "grab") == []
        assert scene.cookie == scene.site.cookie
        assert set(scene.downloads) == {"1003", "1002"}
        entries = Ledger(scene.state_dir / "grabbed_ids.txt").entries()
        assert Counter(one.outcome for one in entries) == {"adding": 4, "grabbed": 2}
        wait_for(lambda: len(stages[0].client.torrents()) == 5, "both torrents")
