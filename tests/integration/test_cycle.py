"""All jobs in one run, end to end: real clients, the stand-in for the site, and what is asked of both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from harvestmouse.runners import config
from harvestmouse.runners.ports import Ports
from harvestmouse.runners.run import run
from tests.support.mam_server import Account, CatalogueTorrent, MamServer
from tests.support.qbittorrent import Ages, QBittorrent
from tests.support.rig import CATEGORY, DAY, HOUR, Rig, environment_of, seeded, subjects
from tests.support.torrents import GIB, MIB
from tests.support.tracker import Tracker

ALL = ["monitor", "janitor", "spend", "reconcile", "rescue", "grab"]
START = {"HARVESTMOUSE_RECONCILE_FORCE_START": "true"}


@pytest.fixture
def site(tracker: Tracker) -> Iterator[MamServer]:
    """An account that lacks 4 GiB, has points for them, and is offered two torrents."""
    offered = [CatalogueTorrent(id=1001 + number, size_bytes=60 * MIB, leechers=5, free=1) for number in range(2)]
    with MamServer(catalogue=offered, tracker_url=tracker.announce_url()) as running:
        running.world.account = Account(uploaded_bytes=16 * GIB, downloaded_bytes=10 * GIB, seedbonus=30_000.5)
        yield running


@pytest.fixture
def rig(site: MamServer, any_qbittorrent: QBittorrent, tracker: Tracker, tmp_path: Path) -> Rig:
    """A client with one torrent to delete, one to start and one to leave, one version after the other."""
    made = Rig(site, any_qbittorrent, tracker, tmp_path, {**environment_of(site, any_qbittorrent, tmp_path), **START})
    stuck = made.put("stuck", 100 * MIB)
    owing = made.put("owing", GIB, complete=True, paused=True)
    young = made.put("young", 100 * MIB)
    claims = {stuck: Ages(added_ago=2 * DAY), owing: seeded(2 * DAY, HOUR), young: Ages(added_ago=HOUR)}
    made.client.age(claims)
    return made


def asked(rig: Rig, job: str) -> Counter[str]:
    """Run one job dry, and return how many requests each service got."""
    ports = Ports(config.load(rig.environment))
    run(job, ports, apply=False)
    counts: Counter[str] = Counter()
    for (service, _, _), number in ports.traffic.requests.items():
        counts[service] += number
    return counts


def test_does_what_the_jobs_do(rig: Rig) -> None:
    """One run deletes, buys, sets the queue, starts and adds; the next has nothing left to do."""
    stuck = subjects(rig.job("janitor"), "delete_torrent")
    document = rig.job("cycle", "--apply")
    assert [one["job"] for one in document["parts"]] == ALL
    kinds = {one["action"]: one["status"] for one in document["outcome"]["actions"]}
    assert kinds == dict.fromkeys(["delete_torrent", "buy_upload", "set_preferences", "resume", "add_torrent"], "done")
    assert subjects(document, "delete_torrent") == stuck
    held = rig.client.torrents()
    assert stuck.isdisjoint(held)
    assert {rig.site.world.info_hash(number) for number in (1001, 1002)} <= set(held)
    assert {one["category"] for one in held.values()} == {CATEGORY}
    assert rig.site.account.uploaded_bytes == 66 * GIB
    assert rig.site.session.retired_presented == 0
    (owing,) = subjects(document, "resume")
    rig.client.wait_for_state(owing, "stalledUP", "uploading")
    assert rig.job("cycle", "--apply")["actions"] == []
    recorded = [path for path in (rig.state_dir / "recordings").rglob("*.json.gz") if "cycle" in path.name]
    assert len(recorded) == 2
    assert rig.command("replay", *map(str, recorded)).returncode == 0


def test_asks_less_than_the_jobs_one_by_one(rig: Rig) -> None:
    """Of the site, and of the client."""
    single: Counter[str] = Counter()
    for job in ALL:
        single += asked(rig, job)
    joint = asked(rig, "cycle")
    print(f"one by one {dict(single)}, in a cycle {dict(joint)}")  # noqa: T201 - worth knowing
    assert 0 < joint["site"] < single["site"]
    assert 0 < joint["client"] < single["client"]


def test_goes_on_with_half_a_world(rig: Rig) -> None:
    """Without the site the client is seen to; without the client points are spent."""
    document = rig.job("cycle", "--apply", code=4, HARVESTMOUSE_QBITTORRENT_URL="http://127.0.0.1:9")
    assert {one["action"] for one in document["actions"]} == {"buy_upload"}
    rig.site.account.uploaded_bytes = 16 * GIB
    document = rig.job("cycle", "--apply", code=3, MAM_ID="of-another-session")
    assert {one["action"] for one in document["actions"]} == {"delete_torrent", "set_preferences", "resume"}
    assert {one["status"] for one in document["outcome"]["actions"]} == {"done"}
