"""`record` writes what the jobs decide from: the same plans come out of the file, and no secret is in it."""

from __future__ import annotations

import gzip
import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from harvestmouse.core.guarantees import g12
from harvestmouse.core.jobs import JOBS as JOBS_OF_CORE
from harvestmouse.core.wire import parse_snapshot
from harvestmouse.core.wire.plan import dump, unparse_plan
from harvestmouse.runners.config import load
from tests.support.builders import GIB, MIB
from tests.support.mam_catalogue import dl_hash
from tests.support.mam_server import PASSKEY, Account, CatalogueTorrent, MamServer
from tests.support.qbittorrent import QBittorrent
from tests.support.rig import Rig, environment_of
from tests.support.tracker import UNREGISTERED, Tracker
from tests.support.world import files_in

JOBS = ("grab", "janitor", "spend", "reconcile", "monitor")


@pytest.fixture
def rig(any_qbittorrent: QBittorrent, tracker: Tracker, tmp_path: Path) -> Iterator[Rig]:
    """An account in good standing, something on offer, and torrents of several kinds."""
    offers = [
        CatalogueTorrent(id=1001 + n, title=f"Book {n}", size_bytes=60 * MIB, leechers=n, free=1) for n in range(9)
    ]
    account = Account(uploaded_bytes=16 * GIB, downloaded_bytes=10 * GIB, seedbonus=60_000)
    with MamServer(catalogue=offers, account=account) as site:
        rig = Rig(site, any_qbittorrent, tracker, tmp_path, environment_of(site, any_qbittorrent, tmp_path))
        rig.put("whole", MIB, complete=True, tags=["mam"])
        rig.put("empty", MIB)
        rig.put("films", MIB, category="films")
        gone = rig.put("gone", MIB, complete=True)
        any_qbittorrent.settle()
        tracker.refusals[gone] = UNREGISTERED
        any_qbittorrent.post("torrents/reannounce", hashes=gone)
        any_qbittorrent.wait_for_tracker(gone, 4, 5)
        yield rig


def test_every_job_plans_from_the_file_what_it_plans_live(rig: Rig, tmp_path: Path) -> None:
    """Decision by decision, for every version of the client; facts that grow with the seconds aside."""
    path = tmp_path / "snapshot.json"
    done = rig.command("record", "-o", str(path))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    for job in JOBS:
        live = rig.job(job)
        offline = json.loads(rig.command("plan", job, str(path), "--json").stdout)
        for one in (live, offline):
            one["decisions"] = [(row["subject"], row["decision"], row["reason"]) for row in one["decisions"]]
        assert live["decisions"] == offline["decisions"], job
        assert [one["action"] for one in live["actions"]] == [one["action"] for one in offline["actions"]]
    assert {row["decision"] for row in rig.job("grab")["decisions"]} == {"pick", "reject"}


def test_no_secret_is_in_it_and_nothing_else_is_changed(rig: Rig, tmp_path: Path) -> None:
    """Nor the account's name; the file is the owner's alone, and of the state only the cookie is renewed."""
    rig.command("spend")
    before = files_in(rig.state_dir)
    path = tmp_path / "snapshot.json"
    assert rig.command("record", "-o", str(path)).returncode == 0
    after = files_in(rig.state_dir)
    assert {name for name in before | after if before.get(name) != after.get(name)} == {"mam_id"}
    text = path.read_text()
    account = rig.site.account
    dl = [dl_hash(one, PASSKEY) for one in rig.site.catalogue]
    hidden = [rig.site.cookie, rig.cookie_on_disk, PASSKEY, account.username, str(tmp_path), *dl]
    assert list(g12(text, hidden)) == []
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(rig.client.torrents()) == sorted(row["hash"] for row in json.loads(text)["qbittorrent"]["torrents"])


def test_a_secret_that_would_be_written_stops_it(rig: Rig, tmp_path: Path) -> None:
    """As where a torrent is named after one of them."""
    rig.put("hunter2hunter2", MIB)
    rig.client.settle()
    path = tmp_path / "snapshot.json"
    done = rig.command("record", "-o", str(path), HARVESTMOUSE_NOTIFY_URLS="hunter2hunter2")
    assert not path.exists()
    assert "hunter2hunter2" not in done.stdout + done.stderr
    assert done.returncode == 5, done.stderr
    assert "nothing was written" in done.stderr


def test_the_files_name_says_whether_it_is_compressed(rig: Rig, tmp_path: Path) -> None:
    """What ends in .gz can be unpacked by any tool; no file says what could not be written, and where."""
    path = tmp_path / "snapshot.json.gz"
    assert rig.command("record", "-o", str(path)).returncode == 0
    assert json.loads(gzip.decompress(path.read_bytes()))["format"] == "harvestmouse-snapshot/1"
    assert rig.command("plan", "janitor", str(path)).returncode == 0
    done = rig.command("record", "-o", str(tmp_path))
    assert (done.returncode, done.stderr) == (2, f"harvestmouse: {tmp_path}: cannot be written: Is a directory\n")


def test_without_a_file_it_goes_to_stdout(rig: Rig) -> None:
    """One line of JSON, which `plan` takes from a pipe."""
    done = rig.command("record")
    assert len(done.stdout.splitlines()) == 1
    assert json.loads(done.stdout)["format"] == "harvestmouse-snapshot/1"


@pytest.mark.parametrize("apply", [False, True])
def test_every_run_leaves_a_recording_that_decides_the_same(rig: Rig, apply: bool) -> None:
    """Byte for byte the plan that the run made, from the bodies that it received; the outcome besides."""
    for job in JOBS:
        document = rig.job(job, *(["--apply"] if apply and job != "monitor" else []))
        (path,) = (rig.state_dir / "recordings").rglob(f"*-{job}-{document['outcome']['run']}.json.gz")
        recording = json.loads(gzip.decompress(path.read_bytes()))
        assert recording["format"] == "harvestmouse-recording/1"
        assert recording["plan"] == document
        decided = JOBS_OF_CORE[job](parse_snapshot(recording["snapshot"]), load(rig.environment).policy)
        assert json.loads(dump(unparse_plan(decided))) == {
            key: value for key, value in recording["plan"].items() if key != "outcome"
        }
        hidden = [rig.site.cookie, rig.cookie_on_disk if (rig.state_dir / "mam_id").exists() else "", PASSKEY]
        assert list(g12(json.dumps(recording), [*hidden, rig.site.account.username])) == []


def test_recording_can_be_turned_off(rig: Rig) -> None:
    """Altogether, or for dry runs."""
    rig.job("janitor", HARVESTMOUSE_RECORDINGS_ENABLED="false")
    rig.job("janitor", HARVESTMOUSE_RECORDINGS_DRY_RUNS="false")
    assert not (rig.state_dir / "recordings").exists()
    rig.job("janitor", "--apply", HARVESTMOUSE_RECORDINGS_DRY_RUNS="false")
    assert len(list((rig.state_dir / "recordings").rglob("*.json.gz"))) == 1


def test_trouble_with_recording_fails_no_run(rig: Rig) -> None:
    """It is said."""
    rig.state_dir.mkdir()
    (rig.state_dir / "recordings").write_text("a file where the folder should be")
    done = rig.command("janitor", "--apply")
    assert done.returncode == 0
    assert "cannot write the recording" in done.stderr
