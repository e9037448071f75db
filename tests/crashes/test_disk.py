"""A state directory that is full or may not be written: the run ends, clearly, before anything is changed outside."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp

import pytest

from harvestmouse.adapters.state.journal import Journal
from harvestmouse.core.model import LedgerEntry, LedgerOutcome
from tests.support.crash_world import (
    DAY_SECONDS,
    SHOP,
    Kill,
    Run,
    Runner,
    Scene,
    books,
    empty,
    environment_of,
    poor_account,
    when_asked,
)
from tests.support.mam_server import MamServer, Quirks
from tests.support.qbittorrent import QBittorrent
from tests.support.rig import CATEGORY
from tests.support.torrents import MIB, make_torrent

NOBODY = 65534
PAGE = 4096
DISK = 16 * PAGE
LARGEST = 1 << 16
PROFILE, SEARCH, DOWNLOAD = "/jsonLoad.php", "/tor/js/loadSearchJSONbasic.php", "/tor/download.php"

SITE_JOBS = pytest.mark.parametrize("job", ["grab", "spend"])


@pytest.fixture
def scene(qbittorrent: QBittorrent, runner: Runner, tmp_path: Path) -> Iterator[Scene]:
    """A poor account with torrents to take, so that both jobs have something to do."""
    scenes: list[Scene] = []
    site = MamServer(
        account=poor_account(),
        catalogue=books(3),
        quirks=Quirks(balance_lag=timedelta(minutes=1)),
        clock=lambda: time.time() + (scenes[0].later if scenes else 0),
    )
    with site:
        scenes.append(Scene(site, tmp_path / "state", runner, environment_of(site, qbittorrent, tmp_path)))
        yield scenes[0]
    empty(qbittorrent)


@pytest.fixture
def small_disk(scene: Scene) -> Iterator[Path]:
    """Mount a file system of a few pages where the state directory is."""
    scene.state_dir.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(scene.state_dir)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
        trouble = "" if done.returncode == 0 else done.stderr.strip()
    except FileNotFoundError:
        trouble = "there is no mount program"
    if trouble:
        may_skip = os.getuid() != 0 or "permi" in trouble.lower() or os.environ.get("TEST_REQUIRE_COMPONENTS") != "1"
        (pytest.skip if may_skip else pytest.fail)(f"no small file system can be mounted: {trouble}")
    yield scene.state_dir
    subprocess.run(["umount", str(scene.state_dir)], check=True)


def fill(directory: Path) -> None:
    """Write until nothing more can be written."""
    with (directory / "filler").open("ab", buffering=0) as file:
        for size in (PAGE, 1):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))


def assert_clear_end(done: Run, *words: str) -> None:
    """Hold a run against what an error must look like: exit code 1, one line, no traceback."""
    assert done.code == 1, done.err
    text = done.complaint or done.document["outcome"]["error"]
    assert "Traceback" not in done.err
    assert "\n" not in text
    assert any(word in text for word in words), text
    assert "Check state_dir" in text


def assert_nothing_changed(scene: Scene, client: QBittorrent) -> None:
    """Hold the outside against how it was."""
    assert scene.purchases == 0
    assert scene.site.count(SHOP) == 0
    assert not scene.downloads
    assert client.torrents() == {}


class TestFullDisk:
    @SITE_JOBS
    def test_from_the_start(self, scene: Scene, small_disk: Path, qbittorrent: QBittorrent, job: str) -> None:
        """The run ends before it asks the site for anything that would have to be stored."""
        fill(small_disk)
        assert_clear_end(scene.run(job), "No space left")
        assert_nothing_changed(scene, qbittorrent)
        assert scene.site.requests == []

    @pytest.mark.parametrize(
        ("job", "endpoint"),
        [("grab", PROFILE), ("grab", SEARCH), ("spend", PROFILE)],
    )
    def test_before_the_first_change(
        self, scene: Scene, small_disk: Path, qbittorrent: QBittorrent, job: str, endpoint: str
    ) -> None:
        """A cookie that cannot be stored ends the run there, and the next one says that the session is lost."""
        when_asked(scene.site, endpoint, 1, lambda: fill(small_disk))
        assert_clear_end(scene.run(job), "No space left")
        assert scene.site.requests[-1].endpoint == endpoint
        assert_nothing_changed(scene, qbittorrent)
        (small_disk / "filler").unlink()
        assert scene.run(job).code == 3

    @pytest.mark.parametrize("nth", [1, 2])
    def test_between_adds(self, scene: Scene, small_disk: Path, qbittorrent: QBittorrent, nth: int) -> None:
        """The torrent in hand is not added, and no other is fetched; later none is fetched twice."""
        when_asked(scene.site, DOWNLOAD, nth, lambda: fill(small_disk))
        done = scene.run("grab")
        assert_clear_end(done, "No space left")
        assert sum(scene.downloads.values()) == nth
        assert len(qbittorrent.torrents()) == nth - 1
        (small_disk / "filler").unlink()
        scene.renew_cookie()
        assert scene.run("grab").code == 0
        assert set(scene.downloads.values()) == {1}

    def test_at_a_purchase(self, scene: Scene, small_disk: Path) -> None:
        """The purchase happened, and its reply could not be kept: it is settled later, and never made again."""
        when_asked(scene.site, SHOP, 1, lambda: fill(small_disk))
        assert_clear_end(scene.run("spend"), "No space left")
        (small_disk / "filler").unlink()
        scene.renew_cookie()
        for later in (0, 61, 200):
            scene.later = later
            assert scene.run("spend").code == 0
        assert scene.purchases == 1
        assert Journal(scene.state_dir / "purchases.jsonl").pending() is None


class TestShortWrite:
    """The disk ends in the middle of a line: the system writes a part of it, and says how much."""

    def prepare(self, scene: Scene, name: str, line: str) -> Path:
        """Leave room for thirty bytes in one file."""
        scene.state_dir.mkdir()
        path = scene.state_dir / name
        text = f"{line}\n" * (LARGEST // (len(line) + 1))
        path.write_text(text[: (LARGEST - 30) // (len(line) + 1) * (len(line) + 1)])
        path.write_text(path.read_text() + " " * (LARGEST - 31 - path.stat().st_size) + "\n")
        assert path.stat().st_size == LARGEST - 30
        return path

    def test_nothing_is_bought_on_a_torn_note(self, scene: Scene) -> None:
        """Where the journal could not take the whole note of a purchase, the purchase is not made."""
        self.prepare(scene, "purchases.jsonl", '{"closed": {"at": 1, "outcome": "done"}}')
        done = scene.run("spend", largest_file=LARGEST)
        assert scene.site.count(SHOP) == 0
        assert_clear_end(done, "cannot write")

    def test_a_torn_note_lets_nothing_be_bought_twice(self, scene: Scene) -> None:
        """Killed with its request on the way, a spender whose note is torn is followed by one that does not buy."""
        self.prepare(scene, "purchases.jsonl", '{"closed": {"at": 1, "outcome": "done"}}')
        buying = Kill("send GET /json/bonusBuy.php/", 1, "after")
        scene.run("spend", buying, largest_file=LARGEST)
        scene.renew_cookie()
        scene.run("spend")
        assert scene.purchases <= 1

    def test_nothing_is_fetched_on_a_torn_note(self, scene: Scene, qbittorrent: QBittorrent) -> None:
        """Where the ledger could not take the whole note of an add, the torrent is not fetched."""
        self.prepare(scene, "grabbed_ids.txt", "77 2026-01-01T00:00:00Z grabbed -")
        done = scene.run("grab", largest_file=LARGEST)
        assert not scene.downloads
        assert qbittorrent.torrents() == {}
        assert_clear_end(done, "cannot write")


@pytest.fixture
def sealed(scene: Scene, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Move the state directory to where another user may read, and not write."""
    parent = Path(mkdtemp())
    scene.state_dir = parent / "state"
    scene.environment["HARVESTMOUSE_STATE_DIR"] = str(scene.state_dir)
    scene.state_dir.mkdir()
    (scene.state_dir / "mam_id").write_text(f"{scene.site.cookie}\n")
    readable = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH
    (scene.state_dir / "mam_id").chmod(readable)
    for directory in (scene.state_dir, parent):
        directory.chmod(readable | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    yield scene.state_dir
    for directory in (parent, scene.state_dir):
        directory.chmod(stat.S_IRWXU)
    shutil.rmtree(parent)


def as_nobody(scene: Scene, job: str) -> Run:
    """Run a job without privileges: root may write where the modes forbid it."""
    return scene.run(job, user=NOBODY if os.getuid() == 0 else 0)


class TestReadOnly:
    @SITE_JOBS
    def test_the_site_is_not_asked(self, scene: Scene, sealed: Path, qbittorrent: QBittorrent, job: str) -> None:
        """Without a lock and a place for the next cookie nothing is asked, let alone changed."""
        assert_clear_end(as_nobody(scene, job), os.strerror(errno.EACCES))
        assert_nothing_changed(scene, qbittorrent)
        assert scene.site.requests == []

    @SITE_JOBS
    def test_a_directory_that_cannot_be_made(
        self, scene: Scene, sealed: Path, qbittorrent: QBittorrent, job: str
    ) -> None:
        """The same where the state directory is not there, and cannot be made."""
        scene.environment["HARVESTMOUSE_STATE_DIR"] = str(sealed.parent / "other")
        assert_clear_end(as_nobody(scene, job), os.strerror(errno.EACCES))
        assert_nothing_changed(scene, qbittorrent)

    def test_a_directory_that_may_not_be_read(self, scene: Scene, sealed: Path) -> None:
        """A cookie that is there and cannot be read is an error, and not an absent cookie."""
        sealed.parent.chmod(stat.S_IRWXU)
        if os.getuid() == 0:
            assert_clear_end(as_nobody(scene, "spend"), os.strerror(errno.EACCES))
            assert scene.site.requests == []

    def test_nothing_is_deleted(self, scene: Scene, sealed: Path, qbittorrent: QBittorrent) -> None:
        """A janitor that cannot note what it deletes deletes nothing."""
        content, identity = make_torrent("stuck", MIB, "http://127.0.0.1:9/announce")
        qbittorrent.add(content, category=CATEGORY)
        sealed.chmod(stat.S_IRWXU)
        scene.ledger.append(LedgerEntry(id=1001, at=0, outcome=LedgerOutcome.GRABBED, info_hash=identity))
        scene.ledger.path.chmod(0o444)
        sealed.chmod(0o555)
        scene.later = 2 * DAY_SECONDS
        done = as_nobody(scene, "janitor")
        assert set(qbittorrent.torrents()) == {identity}
        assert_clear_end(done, os.strerror(errno.EACCES))

    def test_reconciliation_needs_no_state(self, scene: Scene, sealed: Path) -> None:
        """It keeps nothing, so it works."""
        assert as_nobody(scene, "reconcile").code == 0
