"""However a run ends, Prometheus has of it what its report says, and of its job when that was."""

from __future__ import annotations

import json
import socket
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from attrs import field, frozen

from harvestmouse.adapters.state.lock import locked
from harvestmouse.core.plan import GUARDS
from tests.monitoring.conftest import NewRig
from tests.monitoring.runs import Ran, applied, at_once, blocked, disable, go, lock_elsewhere, renew
from tests.monitoring.watch import Watch
from tests.support.mam_faults import JSON
from tests.support.mam_server import Account, Fault
from tests.support.qbittorrent import Ages, wait_for
from tests.support.rig import DAY, HOUR, Rig, seeded
from tests.support.torrents import GIB, MIB

JOBS = ("grab", "janitor", "spend", "reconcile", "monitor")
CLIENT_JOBS = ("grab", "janitor", "reconcile", "monitor")
SITE_JOBS = ("grab", "spend")
DELETED = {
    "unregistered",
    "never_started",
    "stalled_old",
    "graceful_retire",
    "zero_demand",
    "satisfied_redundant",
}
PROFILE, DOWNLOAD = "/jsonLoad.php", "/tor/download.php"

Told = Mapping[str, Mapping[frozenset[tuple[str, str]], float]]


def value(told: Told, name: str, **labels: str) -> float | None:
    """Return one figure, or None where there is none."""
    return told.get(name, {}).get(frozenset(labels.items()))


def ones(told: Told, name: str) -> set[str]:
    """Return the values of a metric's only label that are at 1; all others have to be at 0."""
    assert set(told[name].values()) <= {0.0, 1.0}
    return {dict(labels).popitem()[1] for labels, figure in told[name].items() if figure}


def assert_heard(watch: Watch, run: Ran, before: Told) -> Told:
    """Hold what Prometheus has against what the caller of a run has seen, and return it."""
    told = watch.figures(run.job, run.ended)
    last = value(told, "harvestmouse_last_run_timestamp_seconds")
    assert last is not None
    assert run.started <= last <= run.ended, run.errors
    assert value(told, "harvestmouse_exit_code") == run.code
    assert 0 < told["harvestmouse_run_duration_seconds"][frozenset()] <= run.ended - run.started
    success = value(told, "harvestmouse_last_success_timestamp_seconds")
    assert success == (last if run.code == 0 else value(before, "harvestmouse_last_success_timestamp_seconds"))
    if run.document:
        assert_reported(told, run.document)
    return told


def assert_reported(told: Told, document: Mapping[str, Any]) -> None:
    """Hold what Prometheus has against a report: skip, decisions, actions and mode."""
    skip, outcome = document["skip"], document["outcome"]
    assert value(told, "harvestmouse_exit_code") == outcome["exit_code"]
    assert value(told, "harvestmouse_dry_run") == (outcome["mode"] == "dry_run")
    assert ones(told, "harvestmouse_skipped_reason") == ({skip["reason"]} if skip else set())
    expected = {
        frozenset({("decision", verdict), ("reason", reason)}): float(count)
        for verdict, reasons in document["counts"].items()
        for reason, count in reasons.items()
    }
    assert told.get("harvestmouse_decisions", {}) == expected
    if outcome["violations"]:
        ended = Counter((one["action"], "blocked") for one in document["actions"])
    else:
        ended = Counter((one["action"], one["status"]) for one in outcome["actions"])
    acted = {tuple(sorted(labels)): figure for labels, figure in told["harvestmouse_actions"].items() if figure}
    assert acted == {(("action", kind), ("status", status)): count for (kind, status), count in ended.items()}


@pytest.fixture
def rigs(new_rig: NewRig) -> dict[str, Rig]:
    """Everything for runs side by side, by job."""
    return {job: new_rig() for job in JOBS}


@contextmanager
def silence() -> Iterator[str]:
    """Open an address where everybody is let in and nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


class TestDone:
    """Runs that end well."""

    def test_every_job_tells_what_it_did(self, watch: Watch, rigs: dict[str, Rig]) -> None:
        """Runs that act, each with something to do."""
        rigs["spend"].site.world.account = Account(uploaded_bytes=16 * GIB, downloaded_bytes=10 * GIB)
        stuck = rigs["janitor"].put("stuck", MIB)
        owing = rigs["reconcile"].put("owing", GIB, complete=True, paused=True)
        client = rigs["janitor"].client
        client.age({stuck: Ages(added_ago=2 * DAY), owing: seeded(2 * DAY, HOUR)})
        for job in JOBS:
            before = watch.known(job)
            told = assert_heard(watch, go(rigs[job], job, *applied(job)), before)
            assert value(told, "harvestmouse_exit_code") == 0
            _ASSERT_DONE[job](told, rigs[job])

    def test_the_account_is_as_the_site_has_it(self, watch: Watch, rig: Rig) -> None:
        """Every figure of the profile, in the group of its own."""
        rig.site.world.account = Account(
            uploaded_bytes=25 * GIB, downloaded_bytes=10 * GIB, seedbonus=70_000, unsat_count=7, inact_hnr=1, seed_hnr=2
        )
        assert go(rig, "grab").code == 0
        told = watch.figures("account")
        assert value(told, "mam_ratio") == 2.5
        assert value(told, "mam_bp_balance") == 70_000
        assert value(told, "mam_uploaded_bytes") == 25 * GIB
        assert value(told, "mam_downloaded_bytes") == 10 * GIB
        assert told["mam_class_code"] == {frozenset({("classname", "Power User")}): 2}
        assert value(told, "harvestmouse_unsatisfied_torrents") == 7
        assert value(told, "harvestmouse_unsatisfied_limit") == 100
        assert value(told, "harvestmouse_hit_and_runs") == 3
        assert ones(told, "harvestmouse_account_state") == {"ok"}
        assert value(told, "mam_farming_cookie_expired") == 0

    def test_all_six_reasons_of_the_janitor_are_there_after_one_run(self, watch: Watch, rig: Rig) -> None:
        """One torrent each; of the old scripts' figures each push replaced the last (incident I14)."""
        hashes = _six(rig)
        before = watch.known("janitor")
        planned = assert_heard(watch, go(rig, "janitor"), before)
        each = {frozenset({("reason", reason)}): 1.0 for reason in DELETED}
        nothing = dict.fromkeys(each, 0.0)
        assert planned["mam_janitor_dry_run_candidates"] == each
        assert planned["mam_janitor_deleted_per_run"] == nothing
        told = assert_heard(watch, go(rig, "janitor", "--apply"), planned)
        assert told["mam_janitor_deleted_per_run"] == each
        assert told["mam_janitor_dry_run_candidates"] == nothing
        assert value(told, "mam_janitor_preserved_hnr") == 2
        assert value(told, "mam_janitor_skipped_active") == 1
        assert set(rig.client.torrents()) == {hashes[name] for name in ("young", "owing", "owing too")}
        again = assert_heard(watch, go(rig, "janitor", "--apply"), told)
        assert again["mam_janitor_deleted_per_run"] == nothing


def _done_grab(told: Told, rig: Rig) -> None:
    assert value(told, "mam_farming_grabbed") == 2
    assert len(rig.site.world.snatched) == 2
    assert value(told, "mam_farming_total_seeding") == 2
    assert ones(told, "mam_grabber_skipped_reason") == set()


def _done_janitor(told: Told, rig: Rig) -> None:
    assert value(told, "mam_janitor_deleted_per_run", reason="never_started") == 1
    assert value(told, "mam_janitor_preserved_hnr") == 1
    assert value(told, "mam_janitor_dry_run") == 0


def _done_spend(told: Told, rig: Rig) -> None:
    # 20 GiB would be twice the download; 4 are missing, and one is added.
    assert value(told, "mam_bp_needed_gib") == 5
    assert value(told, "mam_bp_spent_gb") == 50
    assert rig.site.account.uploaded_bytes == 66 * GIB


def _done_reconcile(told: Told, rig: Rig) -> None:
    assert value(told, "harvestmouse_owed_torrents") == 1
    assert value(told, "harvestmouse_owed_not_announcing") == 1


def _done_monitor(told: Told, rig: Rig) -> None:
    listed = rig.client.torrents()
    assert value(told, "qbt_tracker_torrents_total", tracker="mam") == len(listed) == 3
    assert value(told, "qbt_tracker_unsatisfied", tracker="mam") == 1
    assert value(told, "qbt_connected") == 1


_ASSERT_DONE = {
    "grab": _done_grab,
    "janitor": _done_janitor,
    "spend": _done_spend,
    "reconcile": _done_reconcile,
    "monitor": _done_monitor,
}


def _six(rig: Rig) -> dict[str, str]:
    """Put torrents into the client, of which six are to go, each for a reason of its own; return their hashes."""
    due: dict[str, tuple[Ages, dict[str, Any]]] = {
        "stuck": (Ages(added_ago=2 * DAY), {}),
        "stalled": (Ages(added_ago=4 * DAY, downloaded=MIB), {}),
        "old": (seeded(20 * DAY, 15 * DAY), {"complete": True}),
        "unwanted": (seeded(8 * DAY, 5 * DAY, uploaded=0), {"complete": True}),
        "redundant": (seeded(6 * DAY, 5 * DAY), {"complete": True}),
        "gone": (seeded(6 * DAY, 4 * DAY + HOUR), {"complete": True, "kind": "unreg"}),
        "young": (Ages(added_ago=HOUR), {}),
        "owing": (seeded(2 * DAY, DAY), {"complete": True}),
        "owing too": (seeded(20 * DAY, DAY, uploaded=0), {"complete": True}),
    }
    hashes = {}
    for name, (_, how) in due.items():
        hashes[name] = rig.put(name, GIB if how.get("complete") else 100 * MIB, **how)
    rig.client.age({hashes[name]: ages for name, (ages, _) in due.items()})
    rig.client.wait_for_tracker(hashes["gone"], 4)
    wait_for(lambda: rig.client.torrent(hashes["redundant"])["num_complete"] == 7, "the tracker's counts")
    rig.client.wait_for_state(hashes["stalled"], "stalledDL")
    return hashes


def _account(**changes: Any) -> Callable[[Rig], None]:
    def arrange(rig: Rig) -> None:
        for name, changed in changes.items():
            setattr(rig.site.account, name, changed)

    return arrange


def _frozen(rig: Rig) -> None:
    body = "Attempted to Download Past Unsatisfied limit. Time Till Download Allowed: 02:00:00"
    rig.site.faults.add(Fault("status", DOWNLOAD, status=200, body=body, cookie="rotated"))
    assert go(rig, "grab", "--apply").code == 1


def _silent_profile(rig: Rig) -> None:
    body = json.dumps({"username": "testmouse", "uid": 123456, "classname": "User"})
    rig.site.faults.add(Fault("status", PROFILE, status=200, body=body, content_type=JSON, cookie="rotated"))


def _one_torrent(rig: Rig) -> None:
    rig.put("the only one", MIB)


def _shrunken(rig: Rig) -> None:
    hashes = [rig.put(f"book {number}", MIB) for number in range(12)]
    assert go(rig, "janitor", "--apply").code == 0
    rig.client.post("torrents/delete", hashes="|".join(hashes[1:]), deleteFiles="true")
    wait_for(lambda: len(rig.client.torrents()) == 1, "the torrents to go")


def _nothing(rig: Rig) -> None:
    pass


@frozen
class Skip:
    """A guard that ends a run: of which job, how it is brought about, and the exit code then."""

    job: str
    reason: str
    arrange: Callable[[Rig], None]
    environment: Mapping[str, str] = field(factory=dict)
    code: int = 0

    def __str__(self) -> str:
        return f"{self.job}-{self.reason}"


SKIPS = [
    Skip("grab", "profile_unknown", _account(classname=None)),
    Skip("grab", "mouse_class", _account(classname="Mouse")),
    Skip("grab", "low_ratio", _account(uploaded_bytes=11 * GIB)),
    Skip("grab", "download_freeze", _frozen),
    Skip("grab", "unsatisfied_limit", _account(unsat_count=95)),
    Skip("grab", "unsatisfied_unknown", _account(tells_unsat=False)),
    Skip("grab", "hit_and_run", _account(inact_hnr=1), {"HARVESTMOUSE_GRAB_HOLD_ON_HIT_AND_RUN": "true"}),
    Skip("grab", "client_full", _one_torrent, {"HARVESTMOUSE_GRAB_MAX_TORRENTS": "1"}),
    Skip("grab", "quota_full", _one_torrent, {"HARVESTMOUSE_GRAB_CATEGORY_QUOTA": "1 B"}),
    Skip("grab", "disk_low", _nothing, {"HARVESTMOUSE_GRAB_DISK_RESERVE": "900 TiB"}),
    Skip("spend", "profile_unknown", _silent_profile),
    Skip("janitor", "empty_listing", _nothing, code=5),
    Skip("janitor", "shrunken_listing", _shrunken, code=5),
]
# Only snapshots from elsewhere lack these: a run whose client or ledger tells nothing ends with an error.
OFFLINE = {"client_unknown", "ledger_unknown"}


class TestSkipped:
    """Runs that a guard ended."""

    @pytest.mark.parametrize("skip", SKIPS, ids=str)
    def test_tells_the_reason(self, watch: Watch, rig: Rig, skip: Skip) -> None:
        """A skip is a success and moves the heartbeat, except where it is a safety stop."""
        skip.arrange(rig)
        before = watch.known(skip.job)
        run = go(rig, skip.job, "--apply", **skip.environment)
        assert run.code == skip.code, run.errors
        told = assert_heard(watch, run, before)
        assert ones(told, "harvestmouse_skipped_reason") == {skip.reason}
        if skip.job == "grab":
            assert ones(told, "mam_grabber_skipped_reason") == {skip.reason}
            assert value(told, "mam_farming_grabbed") == 0

    def test_every_reason_of_every_job_is_tried(self) -> None:
        """A guard that is added is told too."""
        tried = {(skip.job, skip.reason) for skip in SKIPS}
        assert tried == {(job, one.value) for job in JOBS for one in GUARDS[job] if one.value not in OFFLINE}


class TestCutShort:
    """Runs that ended before they had done their work; the last good figures stay."""

    def test_a_client_that_is_down(self, watch: Watch, rigs: dict[str, Rig]) -> None:
        """Every job that needs it ends with exit code 4, and takes back nothing of what the run before it told."""
        rigs["janitor"].put("young", MIB)
        assert {run.code for run in at_once(CLIENT_JOBS, lambda job: go(rigs[job], job))} == {0}
        before = {job: watch.known(job) for job in CLIENT_JOBS}
        down = "http://127.0.0.1:9"
        runs = at_once(CLIENT_JOBS, lambda job: go(rigs[job], job, *applied(job), HARVESTMOUSE_QBITTORRENT_URL=down))
        for run in runs:
            assert run.code == 4, run.errors
            told = assert_heard(watch, run, before[run.job])
            assert told["harvestmouse_skipped_reason"] == before[run.job]["harvestmouse_skipped_reason"]
            if run.job == "monitor":
                assert value(told, "qbt_connected") == 0

    def test_a_deadline(self, watch: Watch, rigs: dict[str, Rig]) -> None:
        """Where nobody answers, every job ends at its deadline, and says so (incident I15)."""
        before = {job: watch.known(job) for job in JOBS}
        with silence() as nobody:
            urls = {"HARVESTMOUSE_MAM_BASE_URL": nobody, "HARVESTMOUSE_QBITTORRENT_URL": nobody}
            patient = {"HARVESTMOUSE_MAM_READ_TIMEOUT": "60s", **urls}
            runs = at_once(JOBS, lambda job: go(rigs[job], job, *applied(job), "--deadline", "1s", **patient))
        for run in runs:
            assert run.code == 1, run.errors
            assert "was not done within 1 s" in run.errors
            assert_heard(watch, run, before[run.job])

    def test_a_guarantee(self, watch: Watch, rigs: dict[str, Rig]) -> None:
        """A plan that the check finds fault with is not carried out, and every action of it is told as blocked."""
        rigs["spend"].site.world.account = Account(uploaded_bytes=16 * GIB, downloaded_bytes=10 * GIB)
        stuck = rigs["janitor"].put("stuck", MIB)
        client = rigs["janitor"].client
        client.age({stuck: Ages(added_ago=2 * DAY)})
        client.post("app/setPreferences", json='{"max_active_uploads": 5}')
        before = {job: watch.known(job) for job in JOBS}
        for run in at_once(JOBS, lambda job: blocked(rigs[job], job)):
            assert run.code == 5, run.errors
            told = assert_heard(watch, run, before[run.job])
            actions = run.document["actions"]
            assert bool(actions) == (run.job != "monitor")
            assert sum(told["harvestmouse_actions"].values()) == len(actions)
        assert set(client.torrents()) == {stuck}

    def test_another_run_that_holds_the_lock(self, watch: Watch, rigs: dict[str, Rig]) -> None:
        """The jobs that use the site's session end with exit code 6, and ask nothing."""
        before = {job: watch.known(job) for job in SITE_JOBS}
        with locked(rigs["grab"].state_dir, "test", 0), locked(rigs["spend"].state_dir, "test", 0):
            runs = at_once(SITE_JOBS, lambda job: go(rigs[job], job, HARVESTMOUSE_LOCK_WAIT="0s"))
        for run in runs:
            assert run.code == 6, run.errors
            assert_heard(watch, run, before[run.job])
            assert rigs[run.job].site.requests == []

    def test_a_configuration_that_cannot_be_used(self, watch: Watch, rig: Rig) -> None:
        """The heartbeat goes to where the rest of the configuration says."""
        before = watch.known("grab")
        run = go(rig, "grab", HARVESTMOUSE_GRAB_RATIO_FLOOR="much")
        assert run.code == 2, run.errors
        assert_heard(watch, run, before)


def _no_cookie(rig: Rig) -> None:
    rig.environment["MAM_ID"] = ""


def _maintenance(rig: Rig) -> None:
    rig.site.faults.add(Fault("maintenance", times=None))


@frozen
class Refusal:
    """A way in which the site turns a run away: what is told then, and the run's exit code.

    Attributes:
        expired: Whether it is the cookie that has expired; None where that is not learnt.
    """

    state: str
    code: int
    expired: float | None
    arrange: Callable[[Rig], None]

    def __str__(self) -> str:
        return self.state


REFUSALS = [
    Refusal("session_invalid", 3, 1, renew),
    Refusal("address_not_allowed", 3, 0, lock_elsewhere),
    Refusal("may_be_disabled", 3, 0, disable),
    Refusal("no_cookie", 2, 0, _no_cookie),
    Refusal("maintenance", 4, None, _maintenance),
]


class TestRefused:
    """Runs that the site turned away, each in its own way (incident I12)."""

    @pytest.mark.parametrize("refusal", REFUSALS, ids=str)
    def test_tells_the_state_of_the_account(self, watch: Watch, rigs: dict[str, Rig], refusal: Refusal) -> None:
        """One state is at 1, and the figures of the account stay as the last run that could read them left them."""
        for job in SITE_JOBS:
            refusal.arrange(rigs[job])
        before = {job: watch.known(job) for job in (*SITE_JOBS, "account")}
        for run in at_once(SITE_JOBS, lambda job: go(rigs[job], job)):
            assert run.code == refusal.code, run.errors
            assert_heard(watch, run, before[run.job])
        told, account = watch.figures("account"), before["account"]
        assert ones(told, "harvestmouse_account_state") == {refusal.state}
        expired = value(account, "mam_farming_cookie_expired") if refusal.expired is None else refusal.expired
        assert value(told, "mam_farming_cookie_expired") == expired
        assert told.get("mam_ratio") == account.get("mam_ratio")
