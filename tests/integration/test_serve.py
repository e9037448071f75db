"""Serve over a real client and the stand-in site: runs, pages, figures, and the end."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.components import require
from tests.support.crash_world import DOWNLOAD, when_asked
from tests.support.mam_server import PASSKEY, CatalogueTorrent, MamServer
from tests.support.pushgateway import figures_in, find_tool, promtool_findings
from tests.support.qbittorrent import QBittorrent
from tests.support.rig import Rig, environment_of
from tests.support.serving import Serving
from tests.support.torrents import MIB
from tests.support.tracker import Tracker
from tests.support.world import harvestmouse

PAGES = ("/", "/metrics", "/healthz", "/readyz", "/style.css", "/nothing")
BOOKS = [f"Book {number} <i>" for number in range(3)]
SCHEDULED = ["monitor", "janitor", "spend", "reconcile", "grab"]
# Its name is kept from the system that is replaced.
KNOWN_FINDING = ["mam_bp_spent_gb metric names should not contain abbreviated units"]


@pytest.fixture
def site(tracker: Tracker) -> Iterator[MamServer]:
    books = [CatalogueTorrent(id=1000 + number, title=title, free=1) for number, title in enumerate(BOOKS)]
    with MamServer(catalogue=books, tracker_url=tracker.announce_url()) as running:
        yield running


@pytest.fixture
def rig(site: MamServer, qbittorrent_with_password: QBittorrent, tracker: Tracker, tmp_path: Path) -> Rig:
    environment = environment_of(site, qbittorrent_with_password, tmp_path)
    return Rig(site, qbittorrent_with_password, tracker, tmp_path, environment)


def served(rig: Rig, *words: str, **environment: str) -> Serving:
    return Serving(rig.directory, *words, environment={**rig.environment, **environment})


def ended(serving: Serving) -> dict[str, float]:
    """Return how many runs of each job have ended with exit code 0."""
    figures = figures_in(serving.get("/metrics").text)
    found = [
        (dict(labels), value) for (name, labels), value in figures.items() if name == "harvestmouse_serve_runs_total"
    ]
    return {labels["job"].removeprefix("harvestmouse_"): value for labels, value in found if labels["exit_code"] == "0"}


def test_every_job_is_run_and_shown(rig: Rig, site: MamServer, qbittorrent_with_password: QBittorrent) -> None:
    """What is picked is added, said on the page, and told to Prometheus; no page and no log line has a secret."""
    require(lambda: find_tool("promtool"))
    secrets = [site.cookie, PASSKEY]
    kept = rig.put("Another Book", MIB)
    with served(rig, "--run-at-start", "--apply") as serving:
        serving.until(lambda: ended(serving) == dict.fromkeys(SCHEDULED, 1))
        assert len(qbittorrent_with_password.torrents().keys() - {kept}) == len(BOOKS)
        page = serving.get("/").text
        assert "<strong>Applying:</strong>" in page
        for number in range(len(BOOKS)):
            assert f"Book {number} &lt;i&gt;" in page
        assert page.count("<td>done</td>") >= len(BOOKS)
        figures = serving.get("/metrics").text
        shown = figures_in(figures)
        for job in SCHEDULED:
            labels = frozenset({("job", f"harvestmouse_{job}")})
            last_run = shown["harvestmouse_last_run_timestamp_seconds", labels]
            assert shown["harvestmouse_serve_next_run_timestamp_seconds", labels] > last_run
        assert shown["harvestmouse_serve_up", frozenset()] == 1
        assert shown["mam_farming_grabbed", frozenset()] == len(BOOKS)
        assert promtool_findings(figures) in ([], KNOWN_FINDING)
        assert [serving.get(path).status_code for path in PAGES] == [200, 200, 200, 200, 200, 404]
        everything = "".join(serving.get(path).text for path in PAGES)
        assert serving.stop() == 0
        login = qbittorrent_with_password.login
        assert login is not None
        secrets += [login.password, site.cookie, rig.cookie_on_disk]
        assert [one for one in secrets if one in everything + serving.log] == []
        assert '"job": "grab"' in serving.log


def test_nothing_is_changed_without_apply(rig: Rig, qbittorrent_with_password: QBittorrent) -> None:
    """DRY_RUN wins over the flag."""
    kept = rig.put("Another Book", MIB)
    with served(rig, "--run-at-start", "--apply", DRY_RUN="1") as serving:
        serving.until(lambda: ended(serving) == dict.fromkeys(SCHEDULED, 1))
        page = serving.get("/").text
    assert "<strong>Dry run:</strong>" in page
    assert page.count("<td>planned</td>") >= len(BOOKS)
    assert qbittorrent_with_password.torrents().keys() == {kept}


def test_a_stop_lets_a_run_end_between_two_actions(
    rig: Rig, site: MamServer, qbittorrent_with_password: QBittorrent
) -> None:
    """No run is cut in two; the next start shows what the last one did."""
    (rig.directory / "serve.toml").write_text(
        "[serve]\nmonitor = ''\njanitor = ''\nspend = ''\nreconcile = ''\ngrab = '0 0 1 1 *'\n"
    )
    environment = {
        **rig.environment,
        "HARVESTMOUSE_CONFIG": str(rig.directory / "serve.toml"),
        "HARVESTMOUSE_MAM_READ_TIMEOUT": "20s",
    }
    lines: list[str] = []
    serving = Serving(rig.directory, "--run-at-start", "--apply", environment=environment)

    def stop() -> None:
        lines.extend(serving.command_lines())
        serving.tell()
        serving.until(lambda: "stopping (SIGTERM)" in serving.log)
        # The run is told next, and the site has not answered it yet.
        time.sleep(0.3)

    when_asked(site, DOWNLOAD, 1, stop)
    with serving:
        assert serving.wait() == 0
    with Serving(rig.directory, environment=environment) as serving:
        page = serving.get("/").text
    done = page.count("<td>done</td>")
    assert done == len(qbittorrent_with_password.torrents()) >= 1
    assert page.count("not attempted") == len(BOOKS) - done >= 1
    assert "told to end (SIGTERM)" in page
    (line,) = lines
    assert line.split()[1:] == ["-m", "harvestmouse", "--set", "serve.listen=127.0.0.1:0", "grab", "--json", "--apply"]


class TestAlone:
    """Without a client or a site."""

    @pytest.fixture
    def environment(self, tmp_path: Path) -> dict[str, str]:
        return {"HARVESTMOUSE_STATE_DIR": str(tmp_path / "state")}

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_ends_it_well(self, environment: dict[str, str], tmp_path: Path, number: int) -> None:
        with Serving(tmp_path, environment=environment) as serving:
            assert serving.get("/healthz").text == "ok\n"
            assert serving.stop(number) == 0

    def test_it_is_not_ready_where_it_cannot_write(self, environment: dict[str, str], tmp_path: Path) -> None:
        """And says why; it lives all the same."""
        (tmp_path / "state").write_text("a file")
        with Serving(tmp_path, environment=environment) as serving:
            assert serving.get("/healthz").status_code == 200
            answer = serving.get("/readyz")
            assert (answer.status_code, answer.text) == (
                503,
                f"cannot write in {tmp_path / 'state'}: Not a directory\n",
            )

    def test_an_address_that_is_taken_is_named(self, environment: dict[str, str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            listen = f"127.0.0.1:{taken.getsockname()[1]}"
            done = harvestmouse("serve", "--listen", listen, environment=environment)
        assert done.returncode == 2
        assert f"cannot listen on {listen}: Address already in use; --listen names another" in done.stderr

    def test_nothing_to_run_is_an_error(self, environment: dict[str, str], tmp_path: Path) -> None:
        lines = "".join(f"{job} = ''\n" for job in SCHEDULED)
        (tmp_path / "serve.toml").write_text(f"[serve]\n{lines}")
        done = harvestmouse("--config", str(tmp_path / "serve.toml"), "serve", environment=environment)
        assert (done.returncode, done.stdout) == (2, "")
        assert "no job has a time to run at" in done.stderr

    def test_an_unknown_time_zone_is_an_error(self, environment: dict[str, str]) -> None:
        done = harvestmouse("serve", environment={**environment, "TZ": "Mars/Olympus"})
        assert done.returncode == 2
        assert "TZ = 'Mars/Olympus'" in done.stderr

    @pytest.mark.parametrize("module", ["apscheduler", "jinja2", "waitress"])
    def test_what_is_not_installed_is_named(self, module: str) -> None:
        """With the command that installs it."""
        code = f"import sys; sys.modules['{module}'] = None; sys.argv[1:] = ['serve']\n"
        code += "from harvestmouse.runners.cli import main; main()"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 2
        assert "pip install 'harvestmouse[serve]'" in done.stderr
        assert module in done.stderr
