"""Runs over the embedded world: dry and applied, interrupted, refused, and what each leaves behind."""

import logging
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve

from harvestmouse.adapters.bencode import info_hash
from harvestmouse.adapters.errors import (
    AdapterError,
    ClientUnavailable,
    DeadlineExceeded,
    DownloadFrozen,
    NotATorrent,
    PurchaseUncertain,
    SiteUnavailable,
    StateError,
    Terminated,
)
from harvestmouse.adapters.interface import Listing
from harvestmouse.adapters.memory import MemoryClient, MemorySite, World
from harvestmouse.adapters.state.journal import Journal
from harvestmouse.adapters.state.ledger import Ledger
from harvestmouse.adapters.state.lock import locked
from harvestmouse.adapters.state.memory import Memory
from harvestmouse.core.actions import AddTorrent, BuyUpload, BuyVip, DeleteTorrent
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.model import LedgerEntry, Profile, SearchPage, Snapshot, Torrent
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import Policy
from harvestmouse.core.search import Query
from harvestmouse.core.wire.mam import PurchaseReply
from harvestmouse.runners import run as run_module
from harvestmouse.runners.interrupt import StopSignal, deadline
from harvestmouse.runners.report import Exit, Report, Status
from tests.support.builders import DAY, GIB, HOUR, NOW, download, hash_of, mouse, preferences, profile, result, torrent
from tests.support.world import Stage, copy_of, world_of

JOB_NAMES = ("grab", "janitor", "spend", "reconcile")
MEMORY_FILES = {"account.json", "listing.json", "tracker_clock.json"}


def stuck(number: int) -> Torrent:
    """Return a torrent that never started."""
    return download(number, state="queuedDL", added_on=NOW - 2 * DAY)


def busy_world() -> World:
    """Return a world in which every job has something to do."""
    return world_of(
        account=profile(uploaded_bytes=15 * GIB, downloaded_bytes=10 * GIB, bonus_points=60_000.0),
        torrents=[stuck(1), stuck(2), torrent(3), torrent(4, category="other")],
        catalogue=[result(number, leechers=number - 1000) for number in range(1001, 1009)],
        preferences=preferences(max_active_uploads=4, queueing_enabled=False),
    )


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(busy_world(), tmp_path / "state")


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    log = logging.getLogger("harvestmouse")
    level = log.level
    log.setLevel(logging.INFO)
    yield
    log.setLevel(level)


def statuses(report: Report) -> list[str]:
    return [one.status.value for one in report.outcomes]


def whys(report: Report) -> list[str | None]:
    return [one.why for one in report.outcomes]


class TestDryRun:
    """A dry run plans, and changes nothing."""

    @pytest.mark.parametrize("job", JOB_NAMES)
    def test_changes_nothing_in_the_world(self, stage: Stage, job: str) -> None:
        """Account, torrents and preferences stay as they were."""
        before = copy_of(stage.world)
        report = stage.run(job)
        assert report.plan.actions
        assert stage.world == before
        assert set(statuses(report)) == {"not_attempted"}
        assert set(whys(report)) == {"dry run"}
        assert report.exit_code == Exit.DONE

    @pytest.mark.parametrize("job", JOB_NAMES)
    def test_writes_only_the_small_memory_files(self, stage: Stage, job: str) -> None:
        """Ledger and journal are not touched."""
        stage.run(job)
        assert set(stage.files()) <= MEMORY_FILES

    @pytest.mark.parametrize("job", JOB_NAMES)
    def test_plans_what_the_applied_run_does(self, stage: Stage, job: str) -> None:
        """The mode changes nothing in the plan."""
        assert stage.run(job).plan == stage.run(job, apply=True).plan


class TestApplied:
    """An applied run does exactly what its plan says."""

    def test_grab_adds_its_picks(self, stage: Stage) -> None:
        """Five picks are in the client, labelled, and in the ledger with their info-hashes."""
        report = stage.run("grab", apply=True)
        added = {one.hash: one for one in stage.world.torrents.values() if one.added_on == NOW}
        assert statuses(report) == ["done"] * 5
        assert [one.action.id for one in report.outcomes if isinstance(one.action, AddTorrent)] == [
            1008, 1007, 1006, 1005, 1004
        ]  # fmt: skip
        assert {(one.category, one.tags) for one in added.values()} == {
            ("mam-farming", frozenset({"mam", "freeleech"}))
        }
        entries = Ledger(stage.state_dir / "grabbed_ids.txt").entries()
        assert {one.info_hash for one in entries if one.outcome == "grabbed"} == set(added)
        assert [one.outcome for one in entries] == ["adding", "adding", "grabbed"] * 5

    def test_grab_does_not_take_the_same_again(self, stage: Stage) -> None:
        """The next run picks others, and the one behind it nothing."""
        first = {one.id for one in stage.run("grab", apply=True).plan.actions if isinstance(one, AddTorrent)}
        second = {one.id for one in stage.run("grab", apply=True).plan.actions if isinstance(one, AddTorrent)}
        assert len(first | second) == 8
        assert stage.run("grab", apply=True).plan.actions == ()

    def test_janitor_deletes_its_candidates(self, stage: Stage) -> None:
        """What its plan names is gone, the rest is there, and the next run deletes nothing."""
        report = stage.run("janitor", apply=True)
        assert statuses(report) == ["done", "done"]
        assert set(stage.world.torrents) == {hash_of(3), hash_of(4)}
        assert stage.run("janitor", apply=True).plan.actions == ()

    def test_janitor_writes_to_the_ledger_how_a_grab_ended(self, stage: Stage) -> None:
        """A torrent that never started may be taken again after a while, so the ledger says so."""
        ledger = Ledger(stage.state_dir / "grabbed_ids.txt")
        ledger.append(LedgerEntry(id=7, at=NOW, info_hash=hash_of(1)))
        stage.run("janitor", apply=True)
        assert ledger.entries()[-1] == LedgerEntry(id=7, at=NOW, outcome="never_started", info_hash=hash_of(1))

    def test_spend_buys_once(self, stage: Stage) -> None:
        """The tier is bought, the journal closed, and the next run sees no deficit."""
        report = stage.run("spend", apply=True)
        assert [one.action for one in report.outcomes] == [BuyUpload(gib=50, cost_bp=25_000)]
        assert statuses(report) == ["done"]
        assert stage.world.profile.bonus_points == 35_000
        assert Journal(stage.state_dir / "purchases.jsonl").pending() is None
        assert stage.run("spend", apply=True).plan.actions == ()
        assert stage.world.profile.bonus_points == 35_000

    def test_reconcile_writes_and_reads_back(self, stage: Stage) -> None:
        """The client has what was wanted, and the next run changes nothing."""
        assert statuses(stage.run("reconcile", apply=True)) == ["done"]
        assert stage.world.preferences == preferences()
        assert stage.run("reconcile", apply=True).plan.actions == ()

    def test_reconcile_starts_what_owes_seed_time(self, tmp_path: Path) -> None:
        """Where the policy allows it, queued and stopped torrents that owe seed time are started."""
        owed = {"seeding_time": HOUR, "completion_on": NOW - HOUR}
        torrents = [torrent(1, state="queuedUP", **owed), torrent(2, state="pausedUP", **owed)]
        stage = Stage(world_of(torrents=torrents), tmp_path)
        report = stage.run("reconcile", apply=True, reconcile__force_start=True)
        assert statuses(report) == ["done", "done"]
        assert [stage.world.torrents[hash_of(number)].state for number in (1, 2)] == ["forcedUP", "stalledUP"]


class TestIncident:
    """The account of class Mouse, and the log lines its operator knows (incidents I1 and I2)."""

    @pytest.fixture
    def incident(self, tmp_path: Path) -> Stage:
        torrents = [stuck(number) for number in range(466)]
        torrents += [download(1000 + number, state="downloading", downloaded_bytes=1) for number in range(35)]
        account = mouse(downloaded_bytes=round(715.55 * (1 << 20)))
        catalogue = [result(number) for number in range(5)]
        return Stage(world_of(account=account, torrents=torrents, catalogue=catalogue), tmp_path / "state")

    def test_grab_is_skipped_in_the_words_of_old(self, incident: Stage, caplog: pytest.LogCaptureFixture) -> None:
        """The line names ratio, class, floor and reason."""
        report = incident.run("grab", apply=True)
        assert report.exit_code == Exit.DONE
        assert "Skip grab: ratio=0.0 class=Mouse (floor=1.2) reason=mouse_class" in caplog.messages

    def test_grab_asks_neither_client_nor_search(self, incident: Stage) -> None:
        """The guard is decided from the profile alone."""
        incident.client = Untouchable()
        incident.site = ProfileOnly(incident.world)
        assert incident.run("grab", apply=True).plan.skip is not None

    def test_spend_explains_itself_in_the_words_of_old(self, incident: Stage, caplog: pytest.LogCaptureFixture) -> None:
        """Need and means are in one line, and nothing is bought."""
        incident.run("spend", apply=True)
        assert (
            "Profile: ratio=0.0 class=Mouse DL=0.70 GiB UL=0.00 GiB BP=24551 | "
            "deficit=1.40 GiB needed=3 affordable=48 buy=0"
        ) in caplog.messages
        assert "Done: BP=24551, spent=0 GiB (needed=3, affordable=48)" in caplog.messages
        assert incident.world.profile.bonus_points == 24_551

    def test_janitor_counts_in_the_words_of_old(self, incident: Stage, caplog: pytest.LogCaptureFixture) -> None:
        """466 go, 35 stay, none is preserved for hit-and-run; the second run deletes nothing."""
        incident.run("janitor", apply=True)
        assert "Done: deleted=466 preserved_hnr=0 skipped_active=35 dry_run=False" in caplog.messages
        caplog.clear()
        incident.run("janitor", apply=True)
        assert "Done: deleted=0 preserved_hnr=0 skipped_active=35 dry_run=False" in caplog.messages


@define
class Untouchable:
    """A client that nobody may ask."""

    def __getattr__(self, name: str) -> Any:
        if name == "close":
            return lambda: None
        raise AssertionError(f"the client was asked for {name}")


class ProfileOnly(MemorySite):
    """A site that nobody may search."""

    def search(self, query: Query, now: int) -> SearchPage:
        raise AssertionError("a search was sent")


@define
class Changing(MemoryClient):
    """A client whose torrents change between the plan and the act."""

    change: Callable[[World], object]
    _listed: bool = False

    def look(self, hashes: Iterable[str]) -> Listing:
        if not self._listed:
            self._listed = True
            self.change(self.world)
        return super().look(hashes)


def becoming(number: int, **changes: Any) -> Callable[[World], None]:
    """Return what changes one torrent."""

    def change(world: World) -> None:
        world.torrents[hash_of(number)] = evolve(world.torrents[hash_of(number)], **changes)

    return change


class TestChanged:
    """A torrent that changed between plan and act is kept."""

    @pytest.mark.parametrize(
        ("changes", "word"),
        [
            ({"category": "other"}, "category"),
            ({"tags": frozenset({"keep"})}, "tags"),
            ({"state": "checkingDL"}, "state"),
            ({"downloaded_bytes": 5}, "downloaded_bytes"),
            ({"progress": 1.0}, "has_completed"),
            ({"completion_on": NOW}, "has_completed"),
        ],
    )
    def test_is_kept(self, stage: Stage, changes: dict[str, Any], word: str) -> None:
        """The changed one stays, with its reason; the other goes."""
        stage.client = Changing(stage.world, becoming(1, **changes))
        report = stage.run("janitor", apply=True)
        assert statuses(report) == ["not_attempted", "done"]
        assert f"kept: {word} changed" in str(whys(report)[0])
        assert hash_of(1) in stage.world.torrents
        assert report.exit_code == Exit.DONE

    def test_is_kept_where_its_seed_clock_fell(self, tmp_path: Path) -> None:
        """A torrent re-added in the meantime owes its time anew."""
        stage = Stage(world_of(torrents=[torrent(1, seeding_time=30 * DAY)]), tmp_path)
        stage.client = Changing(stage.world, becoming(1, seeding_time=HOUR))
        assert statuses(stage.run("janitor", apply=True)) == ["not_attempted"]
        assert hash_of(1) in stage.world.torrents

    def test_that_vanished_is_no_failure(self, stage: Stage) -> None:
        """What is gone already needs nothing."""
        stage.client = Changing(stage.world, lambda world: world.torrents.pop(hash_of(1)))
        report = stage.run("janitor", apply=True)
        assert statuses(report) == ["not_attempted", "done"]
        assert "does not list it any more" in str(whys(report)[0])


class TestViolation:
    """A plan that would break a guarantee is refused as a whole."""

    @pytest.fixture
    def bad_planner(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def plan(snapshot: Snapshot, policy: Policy) -> Plan:
            good = JOBS["janitor"](snapshot, policy)
            bad = DeleteTorrent(hash=hash_of(4), name="x", reason="never_started")
            return evolve(good, actions=(*good.actions, bad))

        monkeypatch.setattr(run_module, "PLANNERS", {**JOBS, "janitor": plan})

    @pytest.mark.parametrize("apply", [True, False])
    def test_nothing_is_done(self, stage: Stage, bad_planner: None, apply: bool) -> None:
        """The good actions of the plan are not carried out either, and the exit code is its own."""
        before = copy_of(stage.world)
        report = stage.run("janitor", apply=apply)
        assert report.exit_code == Exit.BLOCKED
        assert stage.world == before
        assert report.outcomes == ()
        assert ("G2", hash_of(4)) in [(one.guarantee, one.subject) for one in report.violations]

    def test_is_logged(self, stage: Stage, bad_planner: None, caplog: pytest.LogCaptureFixture) -> None:
        """The log of a run that was refused says so, since stdout may be going nowhere."""
        stage.run("janitor", apply=True)
        assert "G2" in caplog.text

    def test_is_in_the_json_form(self, stage: Stage, bad_planner: None) -> None:
        """A machine reads which guarantee, about what."""
        outcome = stage.run("janitor", apply=True).unparse()["outcome"]
        assert outcome["exit_code"] == 5
        assert {one["guarantee"] for one in outcome["violations"]} >= {"G2"}
        assert outcome["actions"] == []

    @pytest.mark.parametrize("job", ["janitor"])
    def test_a_listing_that_cannot_be_believed_stops_the_job(self, tmp_path: Path, job: str) -> None:
        """An empty client is a safety stop with the same exit code; the next run takes it as it is."""
        stage = Stage(world_of(), tmp_path)
        report = stage.run(job, apply=True)
        assert report.exit_code == Exit.BLOCKED
        assert report.plan.skip is not None
        assert report.plan.skip.reason == "empty_listing"
        assert stage.run(job, apply=True).exit_code == Exit.DONE

    def test_a_listing_that_shrank_stops_the_job(self, tmp_path: Path) -> None:
        """Far fewer torrents than the last run left are a fault until shown otherwise."""
        stage = Stage(world_of(torrents=[stuck(number) for number in range(3)]), tmp_path)
        Memory(tmp_path).remember_listing(100)
        report = stage.run("janitor", apply=True)
        assert report.exit_code == Exit.BLOCKED
        assert len(stage.world.torrents) == 3


class TestOldPlan:
    """A plan older than ten minutes is declined."""

    @pytest.mark.parametrize("job", JOB_NAMES)
    @pytest.mark.parametrize(("seconds", "done"), [(600, True), (601, False)])
    def test_is_declined(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch, job: str, seconds: int, done: bool
    ) -> None:
        """The world has moved on in the meantime."""

        def slow(snapshot: Snapshot, policy: Policy) -> Plan:
            plan = JOBS[job](snapshot, policy)
            stage.world.now += seconds
            return plan

        monkeypatch.setattr(run_module, "PLANNERS", {**JOBS, job: slow})
        report = stage.run(job, apply=True)
        assert set(statuses(report)) == {"done" if done else "not_attempted"}
        if not done:
            assert set(whys(report)) == {f"the plan is {seconds} s old"}


@define
class FailingSite(MemorySite):
    """A site where some downloads or purchases fail."""

    errors: dict[int, AdapterError]

    def torrent_file(self, torrent_id: int, *, wedge: bool = False) -> bytes:
        if torrent_id in self.errors:
            raise self.errors[torrent_id]
        return super().torrent_file(torrent_id, wedge=wedge)

    def buy(self, purchase: BuyUpload | BuyVip) -> PurchaseReply:
        reply = super().buy(purchase)
        if 0 in self.errors:
            raise self.errors[0]
        return reply


class TestWedges:
    """A wedge is spent where the policy says so, once, on what nothing else makes free."""

    OFFERS = (result(2001), result(2002, free=False, leechers=90), result(2003, free=False, vip=True, leechers=99))

    @pytest.fixture
    def poor(self, tmp_path: Path) -> Stage:
        world = world_of(account=profile(wedges=3), catalogue=self.OFFERS)
        return Stage(world, tmp_path)

    def test_by_default_none_is_spent(self, poor: Stage) -> None:
        """However many there are, and nothing but what is free is asked for."""
        report = poor.run("grab", apply=True)
        assert [one.action.id for one in report.outcomes if isinstance(one.action, AddTorrent)] == [2001]
        assert poor.world.profile.wedges == 3
        assert [one["search_type"] for one in report.plan.figures["requests"]] == ["fl"]

    def test_a_place_that_nothing_free_takes_is_filled_by_a_wedge(self, poor: Stage) -> None:
        """After what is free, whatever the demand; a VIP torrent refuses it."""
        report = poor.run("grab", apply=True, grab__wedges=True)
        added = [one.action for one in report.outcomes if isinstance(one.action, AddTorrent)]
        assert [(one.id, one.use_wedge) for one in added] == [(2001, False), (2002, True)]
        assert statuses(report) == ["done", "done"]
        assert poor.world.profile.wedges == 2
        assert [one["search_type"] for one in report.plan.figures["requests"]] == ["fl", "active"]

    def test_no_second_wedge_is_spent_where_the_answer_to_the_first_was_lost(self, poor: Stage) -> None:
        """The addition stays open, and later runs leave the torrent alone."""
        site = FailingSite(poor.world, {2002: SiteUnavailable("no answer")})
        poor.site = site
        report = poor.run("grab", apply=True, grab__wedges=True)
        assert statuses(report) == ["done", "failed"]
        lines = Ledger(poor.state_dir / "grabbed_ids.txt").entries()
        assert [line.outcome for line in lines if line.id == 2002] == ["adding"]
        poor.site = None
        poor.world.now += 3600
        report = poor.run("grab", apply=True, grab__wedges=True)
        assert not [one for one in report.plan.actions if isinstance(one, AddTorrent)]


class TestItemErrors:
    """An error about one item is an outcome, and the rest go on."""

    @pytest.fixture
    def report(self, stage: Stage) -> Report:
        stage.site = FailingSite(stage.world, {1007: NotATorrent("torrent 1007: no torrent file")})
        return stage.run("grab", apply=True)

    def test_the_rest_go_on(self, stage: Stage, report: Report) -> None:
        """One of five fails; four are in the client."""
        assert statuses(report) == ["done", "failed", "done", "done", "done"]
        assert report.count(Status.DONE) == 4

    def test_the_run_failed_in_part(self, report: Report) -> None:
        """The exit code says that something went wrong."""
        assert report.exit_code == Exit.FAILED
        assert whys(report)[1] == "torrent 1007: no torrent file"
        assert report.error is None

    def test_what_failed_is_not_remembered_as_grabbed(self, stage: Stage, report: Report) -> None:
        """The next run may pick it again (incident I17)."""
        stage.site = None
        picks = {one.id for one in stage.run("grab").plan.actions if isinstance(one, AddTorrent)}
        assert picks == {1007, 1001, 1002, 1003}

    def test_a_torrent_the_client_has_under_another_name_fails_alone(self, stage: Stage) -> None:
        """The same bytes are no second torrent; later runs know it by its info-hash."""
        content = MemorySite(stage.world).torrent_file(1008)
        have = torrent(9, hash=info_hash(content), name="Something else", category="other")
        stage.world.torrents[have.hash] = have
        report = stage.run("grab", apply=True)
        assert statuses(report) == ["failed", "done", "done", "done", "done"]
        assert stage.world.torrents[have.hash] == have
        assert 1008 not in {one.id for one in stage.run("grab").plan.actions if isinstance(one, AddTorrent)}

    def test_a_torrent_that_does_not_go_is_a_failure(self, stage: Stage) -> None:
        """Deleting is believed only once the client lists it no more."""
        stage.client = Stubborn(stage.world)
        report = stage.run("janitor", apply=True)
        assert statuses(report) == ["failed", "failed"]
        assert whys(report) == ["the client still lists it"] * 2
        assert report.exit_code == Exit.FAILED

    def test_a_preference_that_does_not_change_is_a_failure(self, stage: Stage) -> None:
        """Writing is believed only once it reads back."""
        stage.client = Stubborn(stage.world)
        report = stage.run("reconcile", apply=True)
        assert statuses(report) == ["failed"]
        assert "max_active_uploads" in str(whys(report)[0])


class Stubborn(MemoryClient):
    """A client that says yes and does nothing."""

    def delete(self, hashes: Iterable[str], *, delete_files: bool) -> None:
        list(hashes)

    def set_preferences(self, values: Any) -> None:
        dict(values)


@define
class Vanishing(MemoryClient):
    """A client that is gone after some calls of one kind."""

    method: str
    passes: int = 0

    def _count(self, method: str) -> None:
        if method == self.method:
            if self.passes == 0:
                raise ClientUnavailable(f"{method}: no connection")
            self.passes -= 1

    def look(self, hashes: Iterable[str]) -> Listing:
        self._count("look")
        return super().look(hashes)

    def add(self, torrent_file: bytes, info_hash: str, wanted: AddTorrent) -> None:
        self._count("add")
        super().add(torrent_file, info_hash, wanted)

    def delete(self, hashes: Iterable[str], *, delete_files: bool) -> None:
        self._count("delete")
        super().delete(hashes, delete_files=delete_files)


class TestConnectionErrors:
    """An error about the connection ends the run; the report is there all the same."""

    def test_the_rest_is_not_attempted(self, stage: Stage) -> None:
        """The third download meets a site that is down: two are done, the later two not attempted."""
        stage.site = FailingSite(stage.world, {1006: SiteUnavailable("/tor/download.php: the site answers 503")})
        report = stage.run("grab", apply=True)
        assert statuses(report)[:2] == ["done", "done"]
        assert statuses(report)[3:] == ["not_attempted"] * 2
        assert whys(report)[4] == "the run ended early: /tor/download.php: the site answers 503"
        assert report.exit_code == Exit.UNAVAILABLE
        assert str(report.error).startswith("/tor/download.php: the site answers 503. ")

    def test_the_one_in_progress_failed(self, stage: Stage) -> None:
        """A download that was asked for was attempted; the site may have counted it as a snatch."""
        stage.site = FailingSite(stage.world, {1006: SiteUnavailable("/tor/download.php: the site answers 503")})
        assert statuses(stage.run("grab", apply=True))[2] == "failed"

    @pytest.mark.parametrize(("job", "method", "passes"), [("grab", "add", 0), ("janitor", "look", 1)])
    def test_what_was_sent_to_the_client_was_attempted(self, stage: Stage, job: str, method: str, passes: int) -> None:
        """A torrent handed over, or a deletion asked for, before the client went away is no "not attempted"."""
        stage.client = Vanishing(stage.world, method, passes)
        assert statuses(stage.run(job, apply=True))[0] == "failed"

    def test_a_grab_of_unknown_end_is_settled_by_what_the_client_has(self, stage: Stage) -> None:
        """The ledger says "adding" until a later run sees that the client never got it, or has it."""
        stage.client = Vanishing(stage.world, "add")
        assert stage.run("grab", apply=True).exit_code == Exit.UNAVAILABLE
        ledger = Ledger(stage.state_dir / "grabbed_ids.txt")
        assert [one.outcome for one in ledger.entries()] == ["adding", "adding"]
        stage.client = None
        assert 1008 not in {one.id for one in stage.run("grab").plan.actions if isinstance(one, AddTorrent)}
        # Half an hour later the site would show the download as snatched, had it counted it.
        stage.world.pass_time(1800)
        assert 1008 in {one.id for one in stage.run("grab").plan.actions if isinstance(one, AddTorrent)}
        assert ledger.entries()[-1].outcome == "failed"

    def test_a_download_whose_answer_is_lost_stays_open_too(self, stage: Stage) -> None:
        """The site may have counted it; half an hour later it would show."""
        stage.site = FailingSite(stage.world, {1008: SiteUnavailable("/tor/download.php: no answer")})
        stage.run("grab", apply=True)
        ledger = Ledger(stage.state_dir / "grabbed_ids.txt")
        assert [one.outcome for one in ledger.entries()] == ["adding"]
        stage.site = None
        assert 1008 not in {one.id for one in stage.run("grab").plan.actions if isinstance(one, AddTorrent)}
        stage.world.pass_time(1800)
        assert 1008 in {one.id for one in stage.run("grab").plan.actions if isinstance(one, AddTorrent)}

    def test_before_the_first_deletion_nothing_is_attempted(self, stage: Stage) -> None:
        """A client that is gone at the fresh look loses nothing."""
        stage.client = Vanishing(stage.world, "look")
        report = stage.run("janitor", apply=True)
        assert statuses(report) == ["not_attempted"] * 2
        assert report.exit_code == Exit.UNAVAILABLE
        assert len(stage.world.torrents) == 4

    def test_nothing_is_deleted_that_the_ledger_cannot_note(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A full state directory ends the run before anything is changed outside."""
        Ledger(stage.state_dir / "grabbed_ids.txt").append(LedgerEntry(id=7, at=NOW, info_hash=hash_of(1)))
        before = set(stage.world.torrents)

        def fail(self: Ledger, entry: LedgerEntry) -> None:
            raise StateError("cannot write the ledger: No space left on device")

        monkeypatch.setattr(Ledger, "append", fail)
        report = stage.run("janitor", apply=True)
        assert report.exit_code == Exit.FAILED
        assert set(stage.world.torrents) == before

    def test_a_freeze_is_remembered(self, stage: Stage) -> None:
        """After the site froze downloads nothing more is asked for, and later runs wait for its end."""
        stage.site = FailingSite(stage.world, {1008: DownloadFrozen("the site refuses downloads", 3600)})
        report = stage.run("grab", apply=True)
        assert statuses(report)[1:] == ["not_attempted"] * 4
        assert Memory(stage.state_dir).account()["download_freeze_until"] == NOW + 3600
        later = stage.run("grab", apply=True)
        assert later.plan.skip is not None
        assert later.plan.skip.reason == "download_freeze"
        stage.world.now += 3601
        stage.site = None
        assert len(stage.run("grab", apply=True).plan.actions) == 5

    def test_an_error_before_the_plan_is_raised(self, stage: Stage) -> None:
        """Without a snapshot there is no plan to report on."""
        stage.site = Gone(stage.world)
        with pytest.raises(SiteUnavailable):
            stage.run("spend", apply=True)
        assert stage.files() == {}


class Gone(MemorySite):
    """A site that is down."""

    def profile(self) -> Profile:
        raise SiteUnavailable("/jsonLoad.php: no connection")


class TestPurchases:
    """A purchase is made once, and whatever is unknown about it is settled before the next."""

    def test_a_refusal_closes_the_journal(self, stage: Stage) -> None:
        """The site's no is final for this run; the next may ask again."""
        stage.site = Refusing(stage.world)
        report = stage.run("spend", apply=True)
        assert statuses(report) == ["failed"]
        assert whys(report) == ["the site refused: Insufficient funds"]
        assert report.exit_code == Exit.FAILED
        assert Journal(stage.state_dir / "purchases.jsonl").pending() is None

    def test_a_lost_reply_holds_the_next_purchase(self, stage: Stage) -> None:
        """Until it is settled nothing more is bought, and a minute later the profile settles it."""
        account = stage.world.profile
        stage.site = FailingSite(stage.world, {0: PurchaseUncertain("the purchase was sent, and then: nothing")})
        report = stage.run("spend", apply=True)
        assert (statuses(report), report.exit_code) == (["failed"], Exit.FAILED)
        stage.site = None
        bought, stage.world.profile = stage.world.profile, account
        held = stage.run("spend", apply=True)
        assert [one.reason for one in held.plan.decisions] == ["purchase_pending"]
        stage.world.profile = bought
        stage.world.now += 61
        settled = stage.run("spend", apply=True)
        assert [one.reason for one in settled.plan.decisions] == ["no_deficit"]
        assert stage.world.profile == bought
        assert '"outcome": "happened"' in stage.files()["purchases.jsonl"]

    def test_a_lost_request_is_made_again_once_settled(self, stage: Stage) -> None:
        """A purchase that did not happen bars the one that is needed for a while, not for ever."""
        account = stage.world.profile
        stage.site = FailingSite(stage.world, {0: PurchaseUncertain("no connection")})
        stage.run("spend", apply=True)
        stage.site, stage.world.profile = None, account
        stage.world.now += 61
        assert statuses(stage.run("spend", apply=True)) == []
        assert '"outcome": "did not happen"' in stage.files()["purchases.jsonl"]
        stage.world.now += 91
        assert statuses(stage.run("spend", apply=True)) == ["done"]
        assert stage.world.profile.bonus_points == 35_000

    def test_a_success_that_costs_nothing_is_no_success(self, stage: Stage) -> None:
        """The balance in the reply must have dropped by the price."""
        stage.site = Generous(stage.world)
        report = stage.run("spend", apply=True)
        assert statuses(report) == ["failed"]
        assert whys(report) == ["the site says success, but 60000.0 BP became 60000.0"]
        assert Journal(stage.state_dir / "purchases.jsonl").pending() is not None

    def test_a_dry_run_settles_nothing_it_would_not_know(self, stage: Stage) -> None:
        """A pending purchase holds a dry run's plan too."""
        stage.site = FailingSite(stage.world, {0: PurchaseUncertain("no connection")})
        stage.run("spend", apply=True)
        stage.site = None
        assert stage.run("spend").plan.actions == ()

    def test_balances_are_remembered_in_their_order(self, stage: Stage) -> None:
        """The history from which income is estimated is oldest first."""
        ports = stage.ports()
        times = iter(range(NOW, NOW + 100))
        ports.clock = lambda: next(times)
        run_module.run("spend", ports, apply=True)
        assert [points for _, points in Memory(stage.state_dir).account()["balances"]] == [60_000.0, 35_000.0]


class Refusing(MemorySite):
    """A site whose shop says no."""

    def buy(self, purchase: BuyUpload | BuyVip) -> PurchaseReply:
        return PurchaseReply(success=False, error="Insufficient funds")


class Generous(MemorySite):
    """A site whose shop says yes and takes nothing."""

    def buy(self, purchase: BuyUpload | BuyVip) -> PurchaseReply:
        return PurchaseReply(success=True, bonus_points=self.world.profile.bonus_points)


class TestMemoryBetweenRuns:
    def test_the_unsatisfied_limit_has_hysteresis(self, stage: Stage) -> None:
        """Once held by the limit, twice the reserve must be free before grabbing goes on (5.1)."""
        stage.world.profile = evolve(stage.world.profile, unsat_count=40, unsat_limit=50)
        assert stage.run("grab", apply=True).plan.skip is not None
        stage.world.profile = evolve(stage.world.profile, unsat_count=35)
        assert stage.run("grab", apply=True).plan.skip is not None
        stage.world.profile = evolve(stage.world.profile, unsat_count=29)
        assert stage.run("grab", apply=True).plan.skip is None
        stage.world.profile = evolve(stage.world.profile, unsat_count=32)
        stage.world.now += DAY
        assert stage.run("grab", apply=True).plan.skip is None

    def test_the_janitor_remembers_what_it_left(self, stage: Stage) -> None:
        """The next run knows how long the list should be."""
        stage.run("janitor", apply=True)
        assert Memory(stage.state_dir).listing() == {"remembered_count": 1}


class TestLock:
    @pytest.mark.parametrize("job", ["grab", "spend"])
    def test_jobs_that_use_the_session_wait_their_turn(self, stage: Stage, job: str) -> None:
        """While another run holds the lock, nothing is asked and the exit code is 6."""
        stage.site, stage.client = Gone(stage.world), Untouchable()
        with locked(stage.state_dir, "cycle", 0), pytest.raises(AdapterError, match=r"cycle .* holds the lock") as held:
            stage.run(job)
        assert held.value.exit_code == Exit.LOCKED

    @pytest.mark.parametrize("job", ["janitor", "reconcile"])
    def test_the_others_do_not(self, stage: Stage, job: str) -> None:
        """Cleaning up never waits for the site."""
        stage.site = Gone(stage.world)
        with locked(stage.state_dir, "grab", 0):
            assert stage.run(job, apply=True).exit_code == Exit.DONE

    def test_is_free_after_an_error(self, stage: Stage) -> None:
        """A run that ends early leaves the lock to the next."""
        stage.site = Gone(stage.world)
        with pytest.raises(SiteUnavailable):
            stage.run("grab")
        stage.site = None
        assert stage.run("grab").exit_code == Exit.DONE


@define
class Terminating(MemoryClient):
    """A client in which the process is told to end while it adds the second torrent."""

    added: int = 0

    def add(self, torrent_file: bytes, info_hash: str, wanted: AddTorrent) -> None:
        self.added += 1
        if self.added == 2:
            signal.raise_signal(signal.SIGTERM)
        super().add(torrent_file, info_hash, wanted)


class TestBeingToldToEnd:
    def test_a_run_that_acts_ends_between_two_actions(self, stage: Stage) -> None:
        """The action under way is finished and noted, the rest is not begun, and the report is there."""
        stage.client = Terminating(stage.world)
        stop = StopSignal()
        with stop.listening():
            report = run_module.run("grab", stage.ports(), apply=True, stop=stop)
        assert statuses(report) == ["done", "done", *["not_attempted"] * 3]
        assert report.exit_code == Exit.FAILED
        assert "SIGTERM" in str(report.error)

    def test_a_run_that_looks_ends_at_once(self, stage: Stage) -> None:
        """Before there is a plan nothing can be half done, and the lock is free behind it."""
        stage.site = Dying(stage.world)
        stop = StopSignal()
        with stop.listening(), pytest.raises(Terminated):
            run_module.run("grab", stage.ports(), apply=True, stop=stop)
        stage.site = None
        assert stage.run("grab").exit_code == Exit.DONE

    def test_a_deadline_ends_a_run_that_waits(self, stage: Stage) -> None:
        """A run that hangs somewhere ends by itself (incident I15)."""
        stage.site = Slow(stage.world)
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded, match=r"0\.2 s"), deadline(0.2):
            stage.run("grab")
        assert time.monotonic() - started < 2

    def test_a_deadline_that_is_kept_rings_no_more(self, stage: Stage) -> None:
        """Behind the block there is no alarm, and the earlier handlers are back."""
        before = signal.getsignal(signal.SIGALRM), signal.getsignal(signal.SIGTERM)
        with deadline(0.1), StopSignal().listening():
            stage.run("grab")
        assert (signal.getsignal(signal.SIGALRM), signal.getsignal(signal.SIGTERM)) == before
        time.sleep(0.15)


class Dying(MemorySite):
    """A site during whose answer the process is told to end."""

    def profile(self) -> Profile:
        signal.raise_signal(signal.SIGTERM)
        return super().profile()


class Slow(MemorySite):
    """A site that takes its time."""

    def profile(self) -> Profile:
        time.sleep(5)
        return super().profile()


@define
class Closing(MemoryClient):
    closed: int = 0

    def close(self) -> None:
        self.closed += 1


class TestPorts:
    def test_are_closed_at_the_end(self, stage: Stage) -> None:
        """Whatever was opened is let go, after an error too."""
        client = stage.client = Closing(stage.world)
        stage.run("janitor")
        stage.site = Gone(stage.world)
        with pytest.raises(SiteUnavailable):
            stage.run("grab")
        assert client.closed == 2

    def test_a_job_opens_only_what_it_needs(self, stage: Stage) -> None:
        """The janitor never talks to the site, and spending never to the client."""
        stage.site = Gone(stage.world)
        assert stage.run("janitor").exit_code == Exit.DONE
        stage.site, stage.client = None, Untouchable()
        assert stage.run("spend").exit_code == Exit.DONE
