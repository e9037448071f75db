"""Runs that really went wrong make the alerts fire, up to Alertmanager, and runs that go well end them.

The rules are the real ones with shorter waits: see `impatient`. That the waits are right is for tests/alerts.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.monitoring.runs import at_once, blocked, disable, go, lock_elsewhere, renew
from tests.monitoring.watch import BACKLOG, HOUR_SECONDS, RULES, Watch
from tests.support.mam_server import Account
from tests.support.rig import DAY, HOUR, Rig, seeded
from tests.support.torrents import GIB, MIB

REFUSALS = {"MAMCookieExpired", "MAMAddressNotAllowed", "MAMAccountMayBeDisabled"}
DOWN = {"HARVESTMOUSE_QBITTORRENT_URL": "http://127.0.0.1:9"}
FORCE_START = {"HARVESTMOUSE_RECONCILE_FORCE_START": "true"}


@pytest.fixture(autouse=True)
def _nothing_left(watch: Watch) -> Iterator[None]:
    """Forget the figures of earlier runs; the ages of their jobs are remembered all the same."""
    watch.gateway.wipe()
    yield
    watch.gateway.wipe()


def test_every_alert_is_tried() -> None:
    """A rule that is added is seen to fire at Alertmanager too; those about `serve` have no figures at the gateway."""
    names = set(re.findall(r"- alert: (?!HarvestmouseServe)(\w+)", RULES.read_text(encoding="utf-8")))
    assert names <= set(re.findall(r'"(\w+)', Path(__file__).read_text(encoding="utf-8")))


def test_an_account_in_trouble(watch: Watch, rig: Rig) -> None:
    """The first run ends the alert that there is none; what it reads of the account raises five, the next ends them."""
    assert go(rig, "grab").code == 0
    watch.evaluate()
    watch.gateway.wipe()
    watch.wait("HarvestmouseNotReporting")
    trouble = (
        "MAMMouseClass",
        "MAMRatioBelowOne",
        "MAMHitAndRuns",
        "MAMUnsatisfiedNearLimit",
        "MAMPointsNearCap",
    )
    rig.site.world.account = Account(
        classname="Mouse",
        uploaded_bytes=5 * GIB,
        downloaded_bytes=10 * GIB,
        seedbonus=99_999,
        unsat_count=97,
        inact_hnr=2,
    )
    assert go(rig, "grab").document["skip"]["reason"] == "mouse_class"
    watch.wait(*trouble, quiet=("HarvestmouseNotReporting",))
    (alert,) = (one for one in watch.alertmanager.alerts() if one["labels"]["alertname"] == "MAMHitAndRuns")
    assert alert["annotations"]["description"].startswith("The site counts 2,")
    rig.site.world.account = Account()
    assert go(rig, "grab").code == 0
    watch.wait(quiet=trouble)


@pytest.mark.parametrize(
    ("alert", "arrange"),
    [
        ("MAMCookieExpired", renew),
        ("MAMAddressNotAllowed", lock_elsewhere),
        ("MAMAccountMayBeDisabled", disable),
    ],
)
def test_three_refusals(watch: Watch, rig: Rig, alert: str, arrange: Callable[[Rig], None]) -> None:
    """Each has its own alert and none of the others (incident I12); a run that is let in again ends it."""
    arrange(rig)
    assert go(rig, "grab").code == 3
    watch.wait(alert, quiet=tuple(REFUSALS - {alert}))
    rig.site.session.disabled = False
    rig.site.lock_session(None)
    rig.environment["MAM_ID"] = rig.site.mint_cookie()
    assert go(rig, "grab").code == 0
    watch.wait(quiet=(alert,))


def test_a_client_that_is_down(watch: Watch, rig: Rig) -> None:
    """The monitor cannot reach it, then it can."""
    assert go(rig, "monitor", **DOWN).code == 4
    watch.wait("QBittorrentDisconnected")
    assert go(rig, "monitor").code == 0
    watch.wait(quiet=("QBittorrentDisconnected",))


def test_torrents_that_owe_seed_time(watch: Watch, rig: Rig) -> None:
    """Three that are stopped, of two that the account may still have; they are started, and then they are gone."""
    rig.site.account.unsat_limit = 7
    hashes = [rig.put(f"owing {number}", GIB, complete=True, paused=True) for number in range(3)]
    rig.client.age(dict.fromkeys(hashes, seeded(2 * DAY, HOUR)))
    for job in ("grab", "monitor", "reconcile"):
        assert go(rig, job).code == 0
    watch.wait("QBittorrentMAMOwedNotAnnouncing", "QBittorrentMAMUnsatisfied")
    assert go(rig, "reconcile", "--apply", **FORCE_START).code == 0
    for identity in hashes:
        rig.client.wait_for_state(identity, "stalledUP", "uploading")
    assert go(rig, "reconcile").code == 0
    watch.wait(quiet=("QBittorrentMAMOwedNotAnnouncing",))
    assert "QBittorrentMAMUnsatisfied" in watch.firing()
    rig.client.post("torrents/delete", hashes=hashes[0], deleteFiles="true")
    assert go(rig, "monitor").code == 0
    watch.wait(quiet=("QBittorrentMAMUnsatisfied",))


def test_a_backlog(watch: Watch, rig: Rig) -> None:
    """As many as may be are none; one more is."""
    hashes = [rig.put(f"young {number}", MIB) for number in range(BACKLOG)]
    assert go(rig, "janitor").code == 0
    watch.evaluate()
    assert "MAMJanitorStuckBacklog backlog" not in watch.firing()
    rig.put("one too many", MIB)
    assert go(rig, "janitor").code == 0
    watch.wait("MAMJanitorStuckBacklog backlog")
    rig.client.post("torrents/delete", hashes=hashes[0], deleteFiles="true")
    assert go(rig, "janitor").code == 0
    watch.wait(quiet=("MAMJanitorStuckBacklog backlog",))


def test_a_guarantee(watch: Watch, rig: Rig) -> None:
    """A plan that was stopped is told; an empty client, which ends the janitor with the same code, is no such thing."""
    assert go(rig, "janitor", "--apply").code == 5
    assert blocked(rig, "grab").code == 5
    watch.wait("HarvestmouseBlockedByGuarantee grab", quiet=("HarvestmouseBlockedByGuarantee janitor",))
    assert go(rig, "grab").code == 0
    watch.wait(quiet=("HarvestmouseBlockedByGuarantee",))


def test_jobs_that_do_not_run_and_jobs_that_fail(watch: Watch, rig: Rig) -> None:
    """What stands still is stuck until it runs; a grabber that runs and is skipped is not (incident I13)."""
    rig.site.account.classname = "Mouse"
    rig.put("young", MIB)
    assert {run.code for run in at_once(("grab", "janitor", "reconcile"), lambda job: go(rig, job))} == {0}
    assert go(rig, "reconcile", **DOWN).code == 4
    grabber = ("MAMFarmingStuck", "HarvestmouseJobNotSucceeding grab")
    others = ("MAMJanitorStuckBacklog not_running", "HarvestmouseJobNotSucceeding reconcile")
    watch.wait(*grabber, *others)
    end = time.time() + 5 * HOUR_SECONDS
    while time.time() < end:
        assert go(rig, "grab").document["skip"]["reason"] == "mouse_class"
        watch.wait(quiet=grabber)
    assert set(others) <= watch.firing()
    assert {run.code for run in at_once(("janitor", "reconcile"), lambda job: go(rig, job))} == {0}
    watch.wait(quiet=others)
