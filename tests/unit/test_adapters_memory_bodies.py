"""A run in the embedded world is recorded as a real one is: its recording decides the same."""

import gzip
import json
from pathlib import Path

import pytest

from harvestmouse.adapters.memory import MemoryClient, MemorySite
from harvestmouse.adapters.tape import Tape
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.wire import parse_snapshot
from harvestmouse.core.wire.plan import dump, unparse_plan
from harvestmouse.runners.ports import Ports
from harvestmouse.runners.recorder import keep
from harvestmouse.runners.run import run
from tests.support.builders import DAY, GIB, NOW, download, message, preferences, profile, result, torrent
from tests.support.world import settings_of, world_of


@pytest.mark.parametrize("job", sorted(JOBS))
@pytest.mark.parametrize("apply", [False, True])
def test_every_job_s_recording_decides_the_same(tmp_path: Path, job: str, apply: bool) -> None:
    """To the byte, from the bodies that the services would have sent."""
    world = world_of(
        account=profile(downloaded_bytes=19 * GIB, uploaded_bytes=25 * GIB, bonus_points=60_000.0, vip_until=NOW + DAY),
        torrents=[
            download(1, added_on=NOW - 2 * DAY),
            torrent(2, tags=frozenset({"a", "b"}), tracker_host="t.example"),
            torrent(3, messages=(message("unregistered torrent"),)),
            torrent(4, category="films", state="stoppedUP", seeding_time=5),
        ],
        catalogue=[result(1001, authors=("One", "Two")), result(1002, free=False), result(1003, leechers=0)],
        preferences=preferences(max_active_uploads=4),
    )
    settings = settings_of(tmp_path)
    tape = Tape()
    ports = Ports(settings, lambda: world.now, run_id="0a1b2c3d", tape=tape)
    ports.client, ports.site = MemoryClient(world, tape=tape), MemorySite(world, tape=tape)
    report = run(job, ports, apply=apply)
    keep(report, ports)
    (path,) = (tmp_path / "recordings").rglob("*.json.gz")
    recording = json.loads(gzip.decompress(path.read_bytes()))
    decided = JOBS[job](parse_snapshot(recording["snapshot"]), settings.policy)
    plan = {key: value for key, value in recording["plan"].items() if key != "outcome"}
    assert json.loads(dump(unparse_plan(decided))) == plan
    assert plan["decisions"] or plan["figures"]
