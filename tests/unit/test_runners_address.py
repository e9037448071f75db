"""Telling the site the client's address: the run, the cycle, and what later runs know of it."""

from pathlib import Path
from typing import Any

import pytest

from harvestmouse.adapters.memory import MemoryClient, MemorySite, World
from harvestmouse.core.explain import explain_job
from harvestmouse.core.plan import Reason
from harvestmouse.runners.fetch import fetch_address
from harvestmouse.runners.report import Report, Status
from tests.support.builders import torrent
from tests.support.world import Stage, world_of

ON: dict[str, Any] = {"mam__register_address": "true"}


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(world_of(torrents=[torrent(1), torrent(2), torrent(3, category="films")]), tmp_path)


class Listening(MemoryClient):
    """Notes what is announced."""

    announced: tuple[str, ...] = ()

    def reannounce(self, hashes: object) -> None:
        Listening.announced = tuple(hashes)  # type: ignore[arg-type]


def outcome(report: Report) -> tuple[str, str | None]:
    (one,) = report.outcomes
    return one.status, one.why


def reason(report: Report) -> Reason:
    (one,) = [one for part in report.jobs for one in part.plan.decisions if one.subject == "client_address"]
    return one.reason


def test_a_new_address_is_registered_once(stage: Stage) -> None:
    assert outcome(stage.run("address", apply=True, **ON)) == (Status.DONE, None)
    assert stage.world.registered == (stage.world.now, stage.world.egress)
    assert reason(stage.run("address", apply=True, **ON)) is Reason.ADDRESS_REGISTERED


def test_what_is_managed_is_announced_again_after_a_change(stage: Stage) -> None:
    stage.client = Listening(stage.world)
    stage.run("address", apply=True, **ON)
    managed = {one.hash for one in stage.world.torrents.values() if one.category != "films"}
    assert set(Listening.announced) == managed


def test_a_dry_run_registers_nothing(stage: Stage) -> None:
    stage.run("address", **ON)
    assert stage.world.registered is None


def test_nothing_is_asked_where_it_is_off(stage: Stage) -> None:
    class Untouched(MemorySite):
        def address(self) -> str:
            raise AssertionError

    stage.site = Untouched(stage.world)
    assert reason(stage.run("address", apply=True)) is Reason.ADDRESS_OFF


def test_the_sites_hour_is_kept(stage: Stage) -> None:
    def move(world: World, to: str) -> None:
        world.egress, world.addresses = to, frozenset({to})

    stage.run("address", apply=True, **ON)
    move(stage.world, "redacted-00000b")
    assert reason(stage.run("address", apply=True, **ON)) is Reason.ADDRESS_TOO_RECENT
    stage.world.now += 3600
    assert outcome(stage.run("address", apply=True, **ON)) == (Status.DONE, None)


def test_a_site_that_knows_better_is_an_outcome(stage: Stage) -> None:
    """Another program registered an address, of which this one knows nothing."""
    stage.world.registered = (stage.world.now - 60, "redacted-0000ff")
    status, why = outcome(stage.run("address", apply=True, **ON))
    assert status == Status.FAILED
    assert "less than an hour" in str(why)


class TestCycle:
    def test_registers_before_it_rescues(self, stage: Stage) -> None:
        report = stage.run("cycle", apply=True, **ON)
        jobs = [part.plan.job for part in report.jobs]
        assert jobs.index("address") + 1 == jobs.index("rescue")
        assert stage.world.registered is not None

    def test_leaves_it_out_where_it_is_off(self, stage: Stage) -> None:
        assert "address" not in [part.plan.job for part in stage.run("cycle").jobs]


def test_the_explanation_tells_when_it_would_be_registered(stage: Stage) -> None:
    stage.run("address", apply=True, **ON)
    stage.world.now += 600
    stage.world.egress, stage.world.addresses = "redacted-00000b", frozenset({"redacted-00000b"})
    ports = stage.ports(**ON)
    policy = ports.settings.policy
    _, about = explain_job(fetch_address(ports, policy), policy, "address")
    assert [(one.change, one.amount) for one in about.flips] == [("time_seconds", 3000)]
    assert [step.outcome.value for step in about.steps].count("holds") == 1
