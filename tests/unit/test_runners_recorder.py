"""A recording is the whole run in one file, packed in pieces, and is not written where a secret would be in any."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from harvestmouse.adapters.errors import SecretFound
from harvestmouse.adapters.memory import MemoryClient, MemorySite
from harvestmouse.adapters.secret import Secret
from harvestmouse.adapters.tape import Packed, Tape
from harvestmouse.core.wire import parse_snapshot
from harvestmouse.core.wire.plan import parse_plan
from harvestmouse.runners import recorder
from harvestmouse.runners.ports import Ports
from harvestmouse.runners.report import Report
from harvestmouse.runners.run import run
from tests.support.builders import DAY, NOW, download
from tests.support.world import settings_of, world_of

SECRET = "swordfish of the seven seas"


def taped(state_dir: Path, names: dict[int, str], *, job: str = "janitor") -> tuple[Ports, Report]:
    """Run a job over six hundred torrents, some of which have other names."""
    torrents = [download(number, added_on=NOW - 2 * DAY) for number in range(1, 601)]
    torrents = [evolve(one, name=names.get(number, one.name)) for number, one in enumerate(torrents)]
    world = world_of(torrents=torrents)
    settings = settings_of(state_dir)
    settings = evolve(settings, qbittorrent=evolve(settings.qbittorrent, password=Secret(SECRET)))
    ports = Ports(settings, lambda: world.now, run_id="0a1b2c3d", tape=Tape((SECRET,)))
    ports.client, ports.site = MemoryClient(world, tape=ports.tape), MemorySite(world, tape=ports.tape)
    return ports, run(job, ports, apply=False)


def files(state_dir: Path) -> list[Path]:
    return list((state_dir / "recordings").rglob("*.json.gz"))


@pytest.mark.parametrize("job", ["janitor", "spend"])
def test_a_recording_is_what_was_seen_and_decided(tmp_path: Path, job: str) -> None:
    """Plan, outcome and snapshot come back as they were, decisions and rows in their order."""
    ports, report = taped(tmp_path, {5: 'a "decisions":[] of "torrents":[]'}, job=job)
    recorder.keep(report, ports)
    (path,) = files(tmp_path)
    document: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    assert document["plan"] == json.loads(json.dumps(report.unparse()))
    plan = {name: part for name, part in document["plan"].items() if name not in ("outcome", "counts")}
    assert parse_plan(plan).decisions == report.plan.decisions
    assert ports.snapshot is not None
    seen = parse_snapshot(document["snapshot"])
    assert (seen.torrents, seen.profile) == (ports.snapshot.torrents, ports.snapshot.profile)
    assert (document["format"], document["run"]) == ("harvestmouse-recording/1", "0a1b2c3d")


def test_a_secret_that_is_no_ascii_is_found(tmp_path: Path) -> None:
    ports, report = taped(tmp_path, {5: "Käse und Brot"})
    settings = evolve(ports.settings, qbittorrent=evolve(ports.settings.qbittorrent, password=Secret("Käse und Brot")))
    ports.settings = settings
    with pytest.raises(SecretFound, match="the decisions"):
        recorder.keep(report, ports)
    assert files(tmp_path) == []


def test_a_secret_that_no_text_can_hold_is_in_none() -> None:
    """A variable of the environment may be any bytes."""
    packed = Packed(("\udcff",))
    packed.add({"name": "Käse \ud800"})
    assert not packed.tainted
    assert json.loads(gzip.decompress(packed.finish())) == {"name": "Käse \ud800"}


@pytest.mark.parametrize("number", [0, 300, 599])
def test_a_secret_in_any_row_stops_it(tmp_path: Path, number: int) -> None:
    """The last ones too, which wait for more."""
    ports, report = taped(tmp_path, {number: f"the {SECRET}"})
    with pytest.raises(SecretFound, match="torrent list"):
        recorder.keep(report, ports)
    assert files(tmp_path) == []


@pytest.mark.parametrize("spelt", [SECRET, SECRET.replace(" ", "%20")])
@pytest.mark.parametrize("number", [0, 599])
def test_a_secret_in_any_decision_stops_it(tmp_path: Path, number: int, spelt: str) -> None:
    """Wherever it got there from, and as an address spells it."""
    ports, report = taped(tmp_path, {})
    decisions = list(report.plan.decisions)
    decisions[number] = evolve(decisions[number], facts={"name": spelt})
    report = evolve(report, plan=evolve(report.plan, decisions=tuple(decisions)))
    with pytest.raises(SecretFound, match="decisions"):
        recorder.keep(report, ports)
    assert files(tmp_path) == []


def test_a_secret_elsewhere_stops_it(tmp_path: Path) -> None:
    """Such as in a sentence of advice."""
    ports, report = taped(tmp_path, {})
    report = evolve(report, plan=evolve(report.plan, advice=(SECRET,)))
    with pytest.raises(SecretFound, match="at character"):
        recorder.keep(report, ports)
    assert files(tmp_path) == []
