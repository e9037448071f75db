"""The tracker's clock from run to run, and the incident that it is for, in the embedded world."""

import gzip
import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve, field

from harvestmouse.adapters.errors import (
    AdapterError,
    RateLimited,
    SchemaChanged,
    SessionInvalid,
    SiteMaintenance,
    SiteUnavailable,
    StateError,
)
from harvestmouse.adapters.memory import MemoryClient, MemorySite
from harvestmouse.adapters.memory.swarm import Tracker
from harvestmouse.adapters.memory.world import identity_of
from harvestmouse.adapters.state.memory import Memory
from harvestmouse.adapters.tape import Tape
from harvestmouse.core.actions import DeleteTorrent, Reannounce
from harvestmouse.core.model import LedgerEntry, LedgerOutcome, Profile, Torrent
from harvestmouse.core.plan import Reason
from harvestmouse.core.units import DAY, HOUR, MINUTE
from harvestmouse.runners.recorder import keep
from harvestmouse.runners.redecide import decide_again
from harvestmouse.runners.report import Report
from harvestmouse.runners.run import run
from tests.support.builders import NOW, hash_of, preferences, result, torrent
from tests.support.world import Stage, snatch_in, world_of

SITE = 72 * HOUR
CLOCK = "tracker_clock.json"


def seeding(number: int = 1, **changes: Any) -> Torrent:
    """Return a torrent that has just completed, of which nobody has asked the tracker."""
    facts = {"seeding_time": 0, "messages": None, "added_on": NOW - HOUR, "completion_on": NOW, "seeders": 9}
    return torrent(number, **(facts | changes))


def stage_of(folder: Path, *torrents: Torrent, **changes: Any) -> Stage:
    """Return a world of these torrents, each known to the site from its completion on."""
    return Stage(world_of(torrents=torrents, **changes), folder / "state")


def row(stage: Stage, number: int = 1) -> dict[str, Any]:
    """Return what is remembered of a torrent."""
    facts: dict[str, Any] = json.loads(stage.files()[CLOCK])[hash_of(number)]
    return facts


def runs(stage: Stage, job: str, count: int, every: int = 15 * MINUTE, **pairs: Any) -> Report:
    """Let time pass and a job run, in turn; return the last report."""
    for _ in range(count):
        stage.world.pass_time(every)
        report = stage.run(job, **pairs)
    return report


def recorded(stage: Stage, job: str, *, apply: bool = False, **pairs: Any) -> tuple[Report, Path]:
    """Run a job with a tape; return its report and where its recording is."""
    ports = stage.ports(**pairs)
    ports.run_id, ports.tape = os.urandom(4).hex(), Tape()
    ports.client = MemoryClient(stage.world, tape=ports.tape)
    ports.site = MemorySite(stage.world, tape=ports.tape)
    report = run(job, ports, apply=apply)
    keep(report, ports)
    (path,) = (stage.state_dir / "recordings").rglob(f"*{ports.run_id}*")
    return report, path


def deleted(report: Report) -> list[str]:
    """Return the info-hashes of what a plan deletes."""
    return [action.hash for action in report.plan.actions if isinstance(action, DeleteTorrent)]


class TestRuns:
    @pytest.mark.parametrize("apply", [False, True])
    def test_the_janitor_counts_what_it_sees(self, tmp_path: Path, apply: bool) -> None:
        """In a dry run as well: looking is all it takes."""
        stage = stage_of(tmp_path, seeding())
        runs(stage, "janitor", 5, apply=apply)
        assert row(stage)["seconds"] == HOUR + 15 * MINUTE
        assert row(stage)["announced_at"] == stage.world.now

    @pytest.mark.parametrize("job", ["janitor", "rescue", "cycle"])
    def test_every_job_that_hears_the_trackers_counts(self, tmp_path: Path, job: str) -> None:
        """Whichever of them runs, the next goes on from there."""
        stage = stage_of(tmp_path, seeding())
        runs(stage, "janitor", 1)
        runs(stage, job, 2)
        assert row(stage)["seconds"] == 45 * MINUTE

    def test_grab_waits_for_slots_by_the_smaller_clock(self, tmp_path: Path) -> None:
        """The client's would promise one in twelve hours."""
        stage = stage_of(tmp_path, seeding(seeding_time=60 * HOUR, state="uploading"))
        stage.run("janitor", cleanup__trust_unseen=False)
        assert stage.run("grab").plan.figures["unsat_next_free_seconds"] == SITE
        assert stage.run("grab", cleanup__tracker_clock=False).plan.figures["unsat_next_free_seconds"] == 12 * HOUR

    @pytest.mark.parametrize("job", ["monitor", "reconcile", "grab"])
    def test_a_job_that_does_not_hear_them_sees_what_rests(self, tmp_path: Path, job: str) -> None:
        """What is stopped does not announce, whatever trackers say; of the rest such a look tells nothing."""
        stage = stage_of(tmp_path, seeding(1), seeding(2))
        runs(stage, "janitor", 1)
        MemoryClient(stage.world).stop([hash_of(2)])
        runs(stage, job, 1)
        assert (row(stage, 1)["announcing"], row(stage, 2)["announcing"]) == (True, False)
        assert row(stage, 1)["seconds"] == row(stage, 2)["seconds"] == 15 * MINUTE

    def test_switched_off_it_leaves_nothing_and_asks_nothing(self, tmp_path: Path) -> None:
        """No file, no fact, no request for messages of what owes."""
        stage = stage_of(tmp_path, seeding())
        report = runs(stage, "janitor", 2, cleanup__tracker_clock=False)
        assert CLOCK not in stage.files()
        assert "tracker_seconds" not in report.plan.decisions[0].facts

    def test_a_damaged_file_begins_anew(self, tmp_path: Path) -> None:
        """The client's clock decides alone then, with the margin that is for it."""
        stage = stage_of(tmp_path, seeding())
        runs(stage, "janitor", 5)
        (stage.state_dir / CLOCK).write_text('{"000')
        runs(stage, "janitor", 1)
        assert row(stage)["seconds"] == 90 * MINUTE

    @pytest.mark.parametrize("name", ["tracker_clock", "remember_tracker_clock"])
    def test_a_file_that_cannot_be_used_fails_no_run(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
    ) -> None:
        """It is told, and the run ends as it would have."""

        def broken(*_: object) -> None:
            raise StateError("the disk is gone")

        monkeypatch.setattr(Memory, name, broken)
        stage = stage_of(tmp_path, seeding())
        stage.world.pass_time(HOUR)
        with caplog.at_level(logging.WARNING, "harvestmouse"):
            report = stage.run("janitor")
        assert report.exit_code == 0
        assert {"the disk is gone" in message for message in caplog.messages} == {True}
        assert [one.reason for one in report.plan.decisions] == ["hnr_window"]

    def test_two_runs_at_once_count_nothing_twice(self, tmp_path: Path) -> None:
        """Both have read the same record; the last to write wins."""
        stage = stage_of(tmp_path, seeding())
        runs(stage, "janitor", 1)
        before = stage.files()[CLOCK]
        runs(stage, "janitor", 1)
        (stage.state_dir / CLOCK).write_text(before)
        stage.run("janitor")
        assert row(stage)["seconds"] == 30 * MINUTE
        runs(stage, "janitor", 1)
        assert row(stage)["seconds"] == 45 * MINUTE

    def test_the_fresh_look_before_a_deletion_knows_both_clocks(self, tmp_path: Path) -> None:
        """A torrent that both have seen long enough goes."""
        stage = stage_of(tmp_path, seeding(seeding_time=96 * HOUR - 30 * MINUTE))
        assert deleted(runs(stage, "janitor", 1, apply=True)) == []
        assert deleted(runs(stage, "janitor", 1, apply=True)) == [hash_of(1)]
        assert stage.world.torrents == {}


class TestIncident:
    """I5: the client's clock ran ahead of the tracker's, and the account got sixty hit-and-runs."""

    def test_what_the_tracker_refuses_stays(self, tmp_path: Path) -> None:
        """For a week, at the end of which the client says that nothing is owed; then it is seeded, and goes."""
        stage = stage_of(tmp_path, seeding())
        runs(stage, "janitor", 4)
        stage.world.tracker = Tracker(refusal="Unrecognized host/PassKey.")
        report = runs(stage, "janitor", 7 * 24 // 4, every=4 * HOUR)
        assert (report.plan.decisions[0].facts["seeding_seconds"] or 0) > 7 * DAY
        assert report.plan.decisions[0].reason == "hnr_window"
        assert report.plan.figures["clock_drift_seconds"] > 6 * DAY
        assert report.plan.figures["unseen_torrents"] == 1
        stage.world.tracker = Tracker()
        assert deleted(runs(stage, "janitor", 95, every=HOUR)) == []
        assert deleted(runs(stage, "janitor", 2, every=HOUR)) == [hash_of(1)]
        assert stage.world.snatches[hash_of(1)].seeded >= SITE

    def test_what_the_site_has_taken_away_goes_by_the_client_s_clock(self, tmp_path: Path) -> None:
        """Its tracker would stand still for ever; a recording of the run decides alike."""
        stage = stage_of(tmp_path, seeding(1), seeding(2, seeders=3))
        runs(stage, "janitor", 4)
        stage.world.swarms[hash_of(1)] = evolve(
            stage.world.swarm_of(stage.world.torrents[hash_of(1)]), registered=False
        )
        assert deleted(runs(stage, "janitor", 94, every=HOUR, apply=True)) == []
        assert row(stage)["seconds"] < 2 * HOUR
        stage.world.pass_time(HOUR)
        report, path = recorded(stage, "janitor", apply=True)
        assert report.plan.actions == (DeleteTorrent(hash=hash_of(1), name="Torrent 1", reason=Reason.UNREGISTERED),)
        assert [one.status.value for one in report.outcomes] == ["done"]
        assert list(stage.world.torrents) == [hash_of(2)]
        assert decide_again(path, stage.ports().settings.policy).result == "same"

    def test_with_the_client_s_clock_alone_it_would_have_gone(self, tmp_path: Path) -> None:
        """As the world is, and as the incident was."""
        stage = stage_of(tmp_path, seeding())
        runs(stage, "janitor", 4, cleanup__tracker_clock=False)
        stage.world.tracker = Tracker(refusal="Unrecognized host/PassKey.")
        report = runs(stage, "janitor", 7, every=DAY, cleanup__tracker_clock=False)
        assert deleted(report) == [hash_of(1)]
        assert stage.world.snatches[hash_of(1)].seeded < SITE

    def test_three_hundred_in_the_queue_are_rescued(self, tmp_path: Path) -> None:
        """150 slots for 300: reconcile gives them slots, rescue starts the rest, and nothing goes unseen."""
        narrow = preferences(max_active_uploads=150, max_active_torrents=150, dont_count_slow_torrents=False)
        stage = stage_of(tmp_path, *(seeding(number, uploaded_bytes=1) for number in range(300)), preferences=narrow)
        stage.world.pass_time(HOUR)
        first = stage.run("rescue")
        assert first.plan.figures["owed_not_announcing"] == 150
        assert first.plan.actions == ()
        started = stage.run("rescue", apply=True, reconcile__force_start=True)
        assert started.plan.counts["force_start"]["owed_queued"] == len(started.outcomes) == 50
        assert {one.status.value for one in started.outcomes} == {"done"}
        stage.run("reconcile", apply=True)
        assert stage.world.preferences.max_active_uploads == 300
        stage.run("janitor", apply=True)
        for _ in range(5 * 12):
            stage.world.pass_time(2 * HOUR)
            due = deleted(stage.run("janitor", apply=True, cleanup__tracker_gap="2h"))
            assert all(stage.world.snatches[one].seeded >= SITE for one in due)
        assert {one.seeded >= SITE for one in stage.world.snatches.values()} == {True}
        assert len(stage.world.snatches) == 300

    def test_a_refused_torrent_is_announced_once_more(self, tmp_path: Path) -> None:
        """Its tracker has come back, and the client would ask it in an hour only."""
        stage = stage_of(tmp_path, seeding())
        stage.world.tracker = Tracker(away=True)
        stage.world.pass_time(MINUTE)
        stage.world.tracker = Tracker()
        assert stage.run("rescue").plan.counts["keep"]["owed_refused"] == 1
        report = stage.run("rescue", apply=True, rescue__reannounce=True)
        assert report.plan.actions == (Reannounce(hash=hash_of(1), name="Torrent 1", reason="owed_refused"),)
        assert [one.status.value for one in report.outcomes] == ["done"]
        assert stage.run("rescue").plan.counts["keep"]["announcing"] == 1

    def test_what_has_changed_since_the_plan_is_not_announced(self, tmp_path: Path) -> None:
        """It is looked at once more right before."""

        class Stops(MemoryClient):
            def look(self, hashes: Any) -> Any:
                self.stop(list(hashes))
                return super().look(hashes)

        stage = stage_of(tmp_path, seeding())
        stage.world.tracker = Tracker(away=True)
        stage.world.pass_time(MINUTE)
        stage.client = Stops(stage.world)
        stage.world.tracker = Tracker()
        report = stage.run("rescue", apply=True, rescue__reannounce=True)
        assert [(one.status.value, one.why) for one in report.outcomes] == [
            ("not_attempted", "kept: state changed from stalledUP to stoppedUP")
        ]
        assert evolve(stage.world.said[hash_of(1)]).status == 4


class TestTheSiteSOwnFigures:
    """The site's list settles what its tracker has seen, where the operator has it asked."""

    def test_what_the_site_still_waits_for_stays(self, tmp_path: Path) -> None:
        """Both clocks say that nothing is owed; the site's figure is lower, and goes on from there."""
        stage = told_of(tmp_path, 5 * HOUR, seeding_time=60 * DAY)
        report = stage.run("cycle", mam__user_torrents=True)
        assert deleted(report) == []
        ((decision,),) = [part.decisions for part in report.plan.parts if part.job == "janitor"]
        assert (decision.reason, decision.facts["tracker_seconds"]) == ("hnr_window", 5 * HOUR)
        runs(stage, "janitor", 2)
        assert only(stage)["seconds"] == 5 * HOUR + 15 * MINUTE

    def test_what_it_has_seen_before_the_record_counts(self, tmp_path: Path) -> None:
        """Up to the age of the torrent."""
        stage = told_of(tmp_path, 71 * HOUR, seeding_time=60 * DAY)
        stage.run("cycle", cleanup__trust_unseen=False)
        assert only(stage)["seconds"] == 0
        stage.run("cycle", cleanup__trust_unseen=False, mam__user_torrents=True)
        assert only(stage)["seconds"] == 71 * HOUR

    @pytest.mark.parametrize("pairs", [{}, {"mam__user_torrents": True, "cleanup__tracker_clock": False}])
    def test_it_is_not_asked_unless_it_is_switched_on(self, tmp_path: Path, pairs: dict[str, bool]) -> None:
        """Nor where nobody keeps the clock that it is for."""
        stage = told_of(tmp_path, 5 * HOUR, seeding_time=60 * DAY)
        asked = stage.site = Listed(stage.world)
        assert len(deleted(stage.run("cycle", **pairs))) == 1
        assert asked.times == 0

    @pytest.mark.parametrize("job", ["janitor", "rescue", "reconcile", "monitor", "grab", "spend"])
    def test_it_is_asked_by_runs_that_need_it_and_the_site_anyway(self, tmp_path: Path, job: str) -> None:
        """Once; no other run asks the site for it."""
        stage = told_of(tmp_path, 5 * HOUR)
        asked = stage.site = Listed(stage.world)
        stage.run(job, mam__user_torrents=True)
        assert asked.times == 0
        stage.run("cycle", mam__user_torrents=True)
        assert asked.times == 1

    def test_it_is_not_asked_once_the_site_has_failed(self, tmp_path: Path) -> None:
        """The profile did not come; nothing more is asked."""

        class Away(Listed):
            def profile(self) -> Profile:
                raise SiteUnavailable("away")

        stage = told_of(tmp_path, 5 * HOUR)
        asked = stage.site = Away(stage.world)
        stage.run("cycle", mam__user_torrents=True)
        assert asked.times == 0

    @pytest.mark.parametrize("error", [SchemaChanged, SiteMaintenance, SiteUnavailable, RateLimited, SessionInvalid])
    def test_a_site_that_does_not_tell_fails_no_run(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, error: type[AdapterError]
    ) -> None:
        """It is an extra: all jobs go on with the two clocks, and the error is told."""
        stage = told_of(tmp_path, 5 * HOUR, seeding_time=60 * DAY)
        stage.site = Listed(stage.world, error=error("no list today"))
        with caplog.at_level(logging.WARNING, "harvestmouse"):
            report = stage.run("cycle", mam__user_torrents=True)
        assert report.exit_code == 0
        assert len(deleted(report)) == 1
        assert [one for one in caplog.messages if "no list today" in one] == [
            f"The site's own seed times are unknown: {error('no list today')}"
        ]

    def test_a_disk_that_fails_ends_the_run(self, tmp_path: Path) -> None:
        """As with any other request: the site's next cookie could not be kept."""
        stage = told_of(tmp_path, 5 * HOUR)
        stage.site = Listed(stage.world, error=StateError("the disk is gone"))
        with pytest.raises(StateError):
            stage.run("cycle", mam__user_torrents=True)

    def test_an_id_that_no_ledger_knows_is_nobody_s(self, tmp_path: Path) -> None:
        """Nothing is guessed by name."""
        stage = told_of(tmp_path, 5 * HOUR, known=False, seeding_time=DAY)
        stage.run("cycle", mam__user_torrents=True)
        assert only(stage)["seconds"] == DAY

    def test_the_recording_has_it_and_decides_alike(self, tmp_path: Path) -> None:
        """Ids and seconds alone; where it was not asked, the recording is as it was."""
        stage = told_of(tmp_path, 5 * HOUR, seeding_time=60 * DAY)
        for asked, expected in ((False, None), (True, {"7": 5 * HOUR})):
            _, path = recorded(stage, "cycle", mam__user_torrents=asked)
            document = json.loads(gzip.decompress(path.read_bytes()))
            assert document["snapshot"]["mam"].get("seed_times") == expected
            assert ("seed_times" in document["snapshot"]["mam"]) is asked
            assert decide_again(path, stage.ports().settings.policy).result == "same"


@define
class Listed(MemorySite):
    """A site that counts how often it is asked for its list, and has an error in its place where the test says so."""

    error: AdapterError | None = field(default=None, kw_only=True)
    times: int = field(default=0, init=False)

    def seed_times(self) -> dict[int, int]:
        self.times += 1
        if self.error is not None:
            raise self.error
        return super().seed_times()


def told_of(folder: Path, seeded: int, *, known: bool = True, **changes: Any) -> Stage:
    """Return a world of one torrent, of which the site has counted so much, and perhaps a ledger that knows it."""
    offered = result(7, snatched=True)
    facts = {"hash": identity_of(offered), "added_on": NOW - 90 * DAY, **changes}
    stage = stage_of(folder, evolve(seeding(1), **facts), catalogue=[offered])
    snatch_in(stage.world, 7, seeded)
    if known:
        entry = LedgerEntry(id=7, at=NOW, outcome=LedgerOutcome.GRABBED, info_hash=identity_of(offered))
        stage.ports().ledger.append(entry)
    return stage


def only(stage: Stage) -> dict[str, Any]:
    """Return what is remembered of the only torrent."""
    (facts,) = json.loads(stage.files()[CLOCK]).values()
    assert isinstance(facts, dict)
    return facts
