"""What a real Pushgateway and a textfile show after every end that a run can have."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from attrs import define
from filelock import FileLock

from harvestmouse.adapters.metrics.catalogue import CATALOGUE, Owner
from harvestmouse.core.plan import OUTCOMES, Verdict
from harvestmouse.runners import commands, logs
from harvestmouse.runners import run as run_module
from tests.support.components import require
from tests.support.mam_server import Account, CatalogueTorrent, Fault, MamServer
from tests.support.pushgateway import Pushgateway, figures_in, find_tool, promtool_findings
from tests.support.qbittorrent import QBittorrent
from tests.support.rig import CATEGORY, DAY, Rig, environment_of
from tests.support.torrents import GIB, MIB
from tests.support.tracker import Tracker
from tests.support.world import harvestmouse

PROFILE, DOWNLOAD = "/jsonLoad.php", "/tor/download.php"
# Its name is kept from the system that is replaced.
KNOWN_FINDING = ["mam_bp_spent_gb metric names should not contain abbreviated units"]
Labels = frozenset[tuple[str, str]]
Shown = dict[tuple[str, Labels], float]


@pytest.fixture(scope="module")
def program() -> Iterator[Pushgateway]:
    require(lambda: [find_tool(name) for name in ("prometheus-pushgateway", "promtool")])
    with Pushgateway() as running:
        yield running


@pytest.fixture
def gateway(program: Pushgateway) -> Iterator[Pushgateway]:
    yield program
    program.wipe()


@pytest.fixture
def site(tracker: Tracker) -> Iterator[MamServer]:
    books = [CatalogueTorrent(id=1000 + number, title=f"Book {number}", free=1) for number in range(3)]
    with MamServer(catalogue=books, tracker_url=tracker.announce_url()) as running:
        yield running


@pytest.fixture
def rig(site: MamServer, qbittorrent: QBittorrent, tracker: Tracker, gateway: Pushgateway, tmp_path: Path) -> Rig:
    environment = {
        **environment_of(site, qbittorrent, tmp_path),
        "HARVESTMOUSE_METRICS_PUSHGATEWAY_URL": gateway.url,
        "HARVESTMOUSE_METRICS_TEXTFILE": str(textfile_of(tmp_path)),
        "HARVESTMOUSE_LOCK_WAIT": "0s",
    }
    return Rig(site, qbittorrent, tracker, tmp_path, environment)


def textfile_of(directory: Path) -> Path:
    return directory / "harvestmouse.prom"


def shown(rig: Rig, gateway: Pushgateway) -> Shown:
    """Return every figure, as the gateway has it; the textfile says the same, and promtool finds nothing new."""
    text = textfile_of(rig.directory).read_text()
    figures = {(name, without(labels, "instance")): value for (name, labels), value in gateway.figures().items()}
    bare = {
        (name, labels if CATALOGUE[name].owner is Owner.RUN else without(labels, "job")): value
        for (name, labels), value in figures.items()
    }
    assert figures_in(text) == pytest.approx(bare)
    assert promtool_findings(text) in ([], KNOWN_FINDING)
    assert promtool_findings(gateway.text()) in ([], KNOWN_FINDING)
    return figures


def without(labels: Labels, name: str) -> Labels:
    return frozenset((one, value) for one, value in labels if one != name)


def of_group(figures: Shown, group: str, owner: Owner) -> Shown:
    """Return the figures of one group that one owner tells."""
    return {
        (name, without(labels, "job")): value
        for (name, labels), value in figures.items()
        if ("job", f"harvestmouse_{group}") in labels and CATALOGUE[name].owner is owner
    }


def hot(figures: Shown, name: str, label: str, **more: str) -> list[str]:
    """Return the label values of a metric whose figure is not 0."""
    return [
        dict(labels)[label]
        for (one, labels), value in figures.items()
        if one == name and value and more.items() <= labels
    ]


def value(figures: Shown, name: str, job: str, **labels: str) -> float | None:
    return figures.get((name, frozenset({("job", f"harvestmouse_{job}"), *labels.items()})))


@define
class End:
    """One way in which a run ends.

    Attributes:
        arrange: Arranges it, and returns what else the run is told.
        state: The account's state after it; empty where it is to stay as it was.
    """

    code: int
    arrange: Callable[[Rig, ExitStack], Mapping[str, str]]
    state: str = ""
    job: str = "grab"


def fault(**how: object) -> Callable[[Rig, ExitStack], Mapping[str, str]]:
    def arrange(rig: Rig, _: ExitStack) -> Mapping[str, str]:
        rig.site.faults.add(Fault(path=PROFILE, times=None, **how))  # type: ignore[arg-type]
        return {"HARVESTMOUSE_DEADLINE": "1s"} if how["kind"] == "trickle" else {}

    return arrange


def told(**environment: str) -> Callable[[Rig, ExitStack], Mapping[str, str]]:
    return lambda rig, stack: environment


def lock(rig: Rig, stack: ExitStack) -> Mapping[str, str]:
    stack.enter_context(FileLock(rig.state_dir / "lock"))
    return {}


def one_gone(rig: Rig, _: ExitStack) -> Mapping[str, str]:
    rig.site.catalogue.append(CatalogueTorrent(id=2000, title="Gone", free=1))
    rig.site.faults.add(Fault("status", DOWNLOAD, status=404, body="Torrent not found", cookie="rotated"))
    return {}


def frozen(rig: Rig, _: ExitStack) -> Mapping[str, str]:
    rig.site.catalogue.append(CatalogueTorrent(id=2000, title="Another", free=1))
    rig.site.account.unsat_count = 80
    text = "Attempted to Download Past Unsatisfied limit. Time Till Download Allowed: 02:00:00"
    rig.site.faults.add(Fault("status", DOWNLOAD, status=200, body=text, cookie="rotated"))
    return {}


ENDS = {
    "the cookie is refused": End(3, fault(kind="status", status=403, body="Invalid/missing cookie"), "session_invalid"),
    "the address is not allowed": End(
        3, fault(kind="status", status=403, body="Invalid session - ASN mismatch"), "address_not_allowed"
    ),
    "the site is down": End(4, fault(kind="status", status=503), "unavailable"),
    "the site is maintained": End(4, fault(kind="maintenance"), "maintenance"),
    "the site has enough of it": End(4, fault(kind="status", status=429), "rate_limited"),
    "the deadline passes": End(1, fault(kind="trickle", seconds=0.05)),
    "another run holds the lock": End(6, lock),
    "the configuration is wrong": End(2, told(HARVESTMOUSE_GRAB_PER_RUN="many")),
    "a variable is unknown": End(2, told(HARVESTMOUSE_GRAB_PER_RUNS="5")),
    "the file is missing": End(2, told(HARVESTMOUSE_CONFIG="/nowhere/harvestmouse.toml")),
    "one download fails": End(1, one_gone, "ok"),
    "downloads are frozen": End(1, frozen, "download_frozen"),
    "the client is away for the janitor": End(
        4, told(HARVESTMOUSE_QBITTORRENT_URL="http://127.0.0.1:9"), job="janitor"
    ),
    "the client is away for monitor": End(4, told(HARVESTMOUSE_QBITTORRENT_URL="http://127.0.0.1:9"), job="monitor"),
    "the client is away for reconcile": End(
        4, told(HARVESTMOUSE_QBITTORRENT_URL="http://127.0.0.1:9"), job="reconcile"
    ),
    "the site is down for the spender": End(4, fault(kind="cut"), "unavailable", job="spend"),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=list(ENDS))
def test_a_run_that_fails_is_seen_and_erases_nothing(rig: Rig, gateway: Pushgateway, end: End) -> None:
    """Its end is told; every figure that it cannot tell stays as the last good run left it (incidents I13, I14)."""
    rig.put("seeding", 60 * MIB, complete=True)
    for job in dict.fromkeys(("grab", end.job)):
        assert rig.command(job, "--apply").returncode == 0
    before = shown(rig, gateway)
    with ExitStack() as stack:
        environment = end.arrange(rig, stack)
        assert rig.command(end.job, "--apply", **environment).returncode == end.code
    after = shown(rig, gateway)
    assert set(before) <= set(after)
    assert value(after, "harvestmouse_exit_code", end.job) == end.code
    (last, earlier), success = (
        (value(after, name, end.job) or 0, value(before, name, end.job) or 0)
        for name in ("harvestmouse_last_run_timestamp_seconds", "harvestmouse_last_success_timestamp_seconds")
    )
    assert time.time() - 30 < earlier < last <= time.time()
    assert success[0] == success[1] == earlier
    assert (value(after, "harvestmouse_run_duration_seconds", end.job) or 0) > 0
    assert hot(after, "harvestmouse_account_state", "state") == [end.state or "ok"]
    if end.state not in ("ok", "download_frozen"):
        assert of_group(after, "account", Owner.ACCOUNT) == of_group(before, "account", Owner.ACCOUNT)
        told_anyway = {"mam_grabber_last_run_timestamp", "mam_janitor_last_run_timestamp", "qbt_connected"}
        for (name, labels), figure in of_group(before, end.job, Owner(end.job)).items():
            if name not in told_anyway:
                assert of_group(after, end.job, Owner(end.job))[name, labels] == figure
    assert rig.command("monitor").returncode == 0
    assert value(shown(rig, gateway), "qbt_connected", "monitor") == 1


def test_a_client_that_is_away_takes_nothing_from_the_account(rig: Rig, gateway: Pushgateway) -> None:
    """Grab has read the profile by then: its figures are new, the run's end is not good."""
    assert rig.command("spend").returncode == 0
    rig.site.account.seedbonus = 31_000.0
    assert rig.command("grab", HARVESTMOUSE_QBITTORRENT_URL="http://127.0.0.1:9").returncode == 4
    figures = shown(rig, gateway)
    assert value(figures, "mam_bp_balance", "account") == 31_000
    assert hot(figures, "harvestmouse_account_state", "state") == ["ok"]
    asked = {"name": "harvestmouse_requests", "job": "harvestmouse_grab"}
    assert hot(figures, label="endpoint", service="site", result="ok", **asked) == ["profile"]
    assert hot(figures, label="result", service="client", **asked) == ["no_answer"]


@pytest.mark.parametrize(
    ("account", "reason"),
    [
        (Account(classname="Mouse", uploaded_bytes=0, downloaded_bytes=715 * MIB), "mouse_class"),
        (Account(uploaded_bytes=9 * GIB), "low_ratio"),
        (Account(unsat_count=95), "unsatisfied_limit"),
        (Account(tells_unsat=False), "unsatisfied_unknown"),
        (Account(classname=None), "profile_unknown"),
    ],
)
def test_a_skip_is_a_good_run_with_its_reason(rig: Rig, gateway: Pushgateway, account: Account, reason: str) -> None:
    """Under both names; every other reason is there at 0."""
    rig.site.world.account = account
    assert rig.command("grab", "--apply").returncode == 0
    figures = shown(rig, gateway)
    for name in ("mam_grabber_skipped_reason", "harvestmouse_skipped_reason"):
        assert hot(figures, name, "reason") == [reason]
    assert value(figures, "mam_farming_grabbed", "grab") == 0
    assert value(figures, "harvestmouse_last_success_timestamp_seconds", "grab")


def test_a_listing_that_cannot_be_believed_is_seen(rig: Rig, gateway: Pushgateway) -> None:
    """Exit code 5, its reason, and no word about what would be kept."""
    assert rig.command("janitor", "--apply").returncode == 5
    figures = shown(rig, gateway)
    assert hot(figures, "harvestmouse_skipped_reason", "reason") == ["empty_listing"]
    assert value(figures, "harvestmouse_exit_code", "janitor") == 5
    assert value(figures, "harvestmouse_last_success_timestamp_seconds", "janitor") is None


def test_sigterm_is_seen(rig: Rig, gateway: Pushgateway) -> None:
    """A run that is told to end while the site is silent says so before it goes."""
    rig.site.faults.add(Fault("hang", PROFILE, seconds=15))
    own = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    command = [sys.executable, "-m", "harvestmouse", "grab", "--apply"]
    with subprocess.Popen(command, env={**own, **rig.environment}, stderr=subprocess.PIPE) as process:
        while not rig.site.requests:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    figures = shown(rig, gateway)
    assert process.returncode == value(figures, "harvestmouse_exit_code", "grab") == 1
    assert hot(figures, "harvestmouse_requests", "result", service="site") == ["no_answer"]
    assert of_group(figures, "account", Owner.SESSION) == {}


@pytest.mark.parametrize(("error", "code"), [(RuntimeError, 1), (KeyboardInterrupt, 130), (MemoryError, 1)])
def test_a_crash_is_seen(
    rig: Rig, gateway: Pushgateway, monkeypatch: pytest.MonkeyPatch, error: type[BaseException], code: int
) -> None:
    """Whatever is raised goes on its way, with its end told."""

    def crash(*_: object, **__: object) -> None:
        raise error("mozzarella")

    for name, text in rig.environment.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setattr(run_module, "check", crash)
    monkeypatch.setattr(logs, "set_up", lambda *_, **__: None)
    options = {"log_level": None, "log_format": None, "preset": None, "pairs": (), "config": None}
    with pytest.raises(error):
        commands.run_job("spend", options, apply=False, as_json=False)
    figures = shown(rig, gateway)
    assert value(figures, "harvestmouse_exit_code", "spend") == code
    assert value(figures, "mam_bp_balance", "account") == 30_000
    assert "mozzarella" not in gateway.text()


def test_a_changed_class_leaves_no_second_one(rig: Rig, gateway: Pushgateway) -> None:
    """Whichever job sees it first."""
    assert rig.command("grab").returncode == 0
    rig.site.account.classname = "VIP"
    assert rig.command("spend").returncode == 0
    classes = {labels: code for (name, labels), code in shown(rig, gateway).items() if name == "mam_class_code"}
    assert classes == {frozenset({("job", "harvestmouse_account"), ("classname", "VIP")}): 3}


def test_jobs_never_contradict_each_other_about_the_session(rig: Rig, gateway: Pushgateway) -> None:
    """The last one that asked the site tells; jobs that do not ask leave it."""
    rig.put("seeding", 60 * MIB, complete=True)
    assert rig.command("spend").returncode == 0
    refused = Fault("status", PROFILE, status=403, body="Invalid/missing cookie", cookie="kept")
    rig.site.faults.add(refused)
    assert rig.command("grab").returncode == 3
    for job in ("janitor", "reconcile", "monitor"):
        assert rig.command(job).returncode == 0
        figures = shown(rig, gateway)
        assert hot(figures, "harvestmouse_account_state", "state") == ["session_invalid"]
        assert value(figures, "mam_farming_cookie_expired", "account") == 1
        assert value(figures, "mam_bp_balance", "account") == 30_000
    assert rig.command("spend").returncode == 0
    figures = shown(rig, gateway)
    assert hot(figures, "harvestmouse_account_state", "state") == ["ok"]
    assert value(figures, "mam_farming_cookie_expired", "account") == 0
    left = (value(figures, "harvestmouse_session_expiry_timestamp_seconds", "account") or 0) - time.time()
    assert 15 * 86400 - 60 < left <= 15 * 86400


def test_every_reason_to_delete_arrives(rig: Rig, gateway: Pushgateway) -> None:
    """All six, with one figure each (incident I14)."""
    rig.put("seeding", 60 * MIB, complete=True)
    assert rig.command("janitor", "--apply").returncode == 0
    figures = shown(rig, gateway)
    for name in ("mam_janitor_deleted_per_run", "mam_janitor_dry_run_candidates"):
        reasons = [dict(labels)["reason"] for one, labels in figures if one == name]
        assert sorted(reasons) == sorted(one.value for one in OUTCOMES["janitor"][Verdict.DELETE])
    assert value(figures, "mam_janitor_preserved_hnr", "janitor") == 1


def test_places_do_not_stand_in_each_other_s_way(rig: Rig, gateway: Pushgateway) -> None:
    """A gateway that is down, a textfile that cannot be written: the other is served, and the run is as good."""
    password = {"HARVESTMOUSE_METRICS_PUSHGATEWAY_URL": "http://mouse:emmental@127.0.0.1:9"}
    done = rig.command("spend", **password)
    assert done.returncode == 0
    assert "cannot send the figures" in done.stderr
    assert "emmental" not in done.stdout + done.stderr
    assert "mam_bp_needed_gib" in textfile_of(rig.directory).read_text()
    assert "emmental" not in rig.command("config", "show", **password).stdout
    done = rig.command("spend", HARVESTMOUSE_METRICS_TEXTFILE="/nowhere/harvestmouse.prom")
    assert done.returncode == 0
    assert "/nowhere is no directory" in done.stderr
    assert value({(name, without(labels, "instance")): one for (name, labels), one in gateway.figures().items()},
                 "harvestmouse_exit_code", "spend") == 0  # fmt: skip


def test_a_run_without_metrics_imports_none_of_them(rig: Rig) -> None:
    """Cron jobs pay for what they use."""
    quiet = {name: text for name, text in rig.environment.items() if "METRICS" not in name}
    program = (
        "import sys, atexit\n"
        "atexit.register(lambda: print(sorted(one for one in sys.modules if 'prometheus' in one), file=sys.stderr))\n"
        "sys.argv = ['harvestmouse', 'spend']\n"
        "from harvestmouse.runners.cli import main\n"
        "main()\n"
    )
    own = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", program], env={**own, **quiet}, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr.splitlines()[-1] == "[]"


class TestMonitor:
    """The client's own figures, from a real one of each version."""

    @pytest.fixture
    def any_rig(
        self,
        site: MamServer,
        any_qbittorrent: QBittorrent,
        tracker: Tracker,
        gateway: Pushgateway,
        tmp_path: Path,
    ) -> Rig:
        environment = {
            **environment_of(site, any_qbittorrent, tmp_path),
            "HARVESTMOUSE_METRICS_PUSHGATEWAY_URL": gateway.url,
            "HARVESTMOUSE_METRICS_TEXTFILE": str(textfile_of(tmp_path)),
            "HARVESTMOUSE_MONITOR_LABELS": "mam-farming=mam,elsewhere=films",
        }
        return Rig(site, any_qbittorrent, tracker, tmp_path, environment)

    def test_attributes_every_torrent(self, any_rig: Rig, gateway: Pushgateway) -> None:
        """By category, by the tracker's host even before it has answered, in any state."""
        any_rig.put("seeds", 60 * MIB, complete=True)
        any_rig.put("waits", 60 * MIB, paused=True)
        any_rig.put("film", MIB, category="elsewhere", complete=True)
        any_rig.put("other", MIB, category="", paused=True)
        document = any_rig.job("monitor")
        found = document["figures"]["trackers"]
        assert {label: one["torrents"] for label, one in found.items()} == {"127.0.0.1": 1, "films": 1, "mam": 2}
        assert document["figures"]["connection_status"] in ("connected", "firewalled")
        assert (document["complete"], document["actions"], document["skip"]) == (True, [], None)
        figures = shown(any_rig, gateway)
        assert value(figures, "qbt_tracker_size_bytes", "monitor", tracker="mam") == 120 * MIB
        assert value(figures, "qbt_tracker_seeding", "monitor", tracker="mam") == 1
        assert value(figures, "qbt_tracker_unsatisfied", "monitor", tracker="mam") == 1
        assert value(figures, "harvestmouse_tracker_torrents", "monitor", tracker="mam", state="stopped") == 1
        assert value(figures, "qbt_connected", "monitor") == 1
        assert value(figures, "harvestmouse_requests", "monitor", service="client", endpoint="sync/maindata",
                     result="ok") == 1  # fmt: skip
        assert any_rig.site.requests == []

    def test_says_it_in_a_table(self, any_rig: Rig) -> None:
        """For people, a line for each tracker."""
        any_rig.put("seeds", 60 * MIB, complete=True)
        done = any_rig.command("monitor")
        assert (done.returncode, done.stdout.splitlines()[0]) == (0, "monitor")
        row = next(line.split() for line in done.stdout.splitlines() if line.startswith("  mam "))
        assert row[:4] == ["mam", "1", "1", "0"]

    def test_a_label_that_vanishes_leaves_the_gateway(self, any_rig: Rig, gateway: Pushgateway) -> None:
        """With its last torrent, in every metric; so does the last one of all."""
        any_rig.put("seeds", 60 * MIB, complete=True)
        film = any_rig.put("film", MIB, category="elsewhere", complete=True)
        for left in ({"mam", "films"}, {"mam"}, set()):
            if "films" not in left:
                any_rig.client.post("torrents/delete", hashes=film if left else "all", deleteFiles="true")
                wait_gone(any_rig, len(left))
            assert any_rig.command("monitor").returncode == 0
            labels = {dict(labels).get("tracker") for _, labels in shown(any_rig, gateway)} - {None}
            assert labels == left

    def test_waits_for_no_lock(self, any_rig: Rig) -> None:
        """Another run may use the site's session meanwhile."""
        any_rig.state_dir.mkdir()
        with FileLock(any_rig.state_dir / "lock"):
            assert any_rig.command("monitor").returncode == 0


def wait_gone(rig: Rig, left: int) -> None:
    deadline = time.monotonic() + 10
    while len(rig.client.torrents()) > left and time.monotonic() < deadline:
        time.sleep(0.05)


def test_monitor_decides_offline_from_a_snapshot(tmp_path: Path) -> None:
    """The same figures as live, from bodies anybody can fetch."""
    row = {"hash": "a" * 40, "name": "x", "category": CATEGORY, "state": "queuedDL", "tracker": "", "size": 5}
    snapshot = {
        "format": "harvestmouse-snapshot/1",
        "taken_at": int(time.time() - DAY.total_seconds()),
        "qbittorrent": {"torrents": [row], "transfer": {"connection_status": "disconnected"}},
    }
    (tmp_path / "snapshot.json").write_text(json.dumps(snapshot))
    done = harvestmouse("plan", "monitor", str(tmp_path / "snapshot.json"), "--json")
    assert done.returncode == 0
    document = json.loads(done.stdout)
    assert document["figures"]["trackers"]["mam"]["states"]["queued"] == 1
    assert document["figures"]["connection_status"] == "disconnected"
