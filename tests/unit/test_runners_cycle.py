"""All jobs in one run over the embedded world: whole, with half of it gone, and what the run leaves behind."""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve

from harvestmouse.adapters.errors import (
    AdapterError,
    AlreadyInClient,
    ClientUnavailable,
    LockHeld,
    MissingCookie,
    PurchaseUncertain,
    SessionInvalid,
    SiteUnavailable,
    StateError,
    Terminated,
)
from harvestmouse.adapters.interface import Listing
from harvestmouse.adapters.memory import MemoryClient, MemorySite, World
from harvestmouse.adapters.state.lock import locked
from harvestmouse.adapters.state.memory import Memory
from harvestmouse.adapters.tape import Tape
from harvestmouse.core.actions import AddTorrent, BuyUpload, BuyVip
from harvestmouse.core.compare import compare
from harvestmouse.core.model import Preferences, Profile, SearchPage, Torrent
from harvestmouse.core.plan import Reason
from harvestmouse.core.policy import PRESETS, SEED
from harvestmouse.core.search import Query
from harvestmouse.core.wire.mam import PurchaseReply
from harvestmouse.runners import history
from harvestmouse.runners.compare import runs_of
from harvestmouse.runners.html_report.collected import collect
from harvestmouse.runners.measure import Ending, measure
from harvestmouse.runners.notices import Ending as NoticeEnding
from harvestmouse.runners.notices import Told, news
from harvestmouse.runners.recorder import keep
from harvestmouse.runners.redecide import decide_again
from harvestmouse.runners.report import Exit, Report, Status
from harvestmouse.runners.run import run
from harvestmouse.runners.words import describe
from tests.support.builders import (
    DAY,
    GIB,
    NOW,
    decision_on,
    download,
    hash_of,
    mouse,
    preferences,
    profile,
    result,
    torrent,
)
from tests.support.world import Stage, copy_of, world_of

ALL = ["monitor", "janitor", "spend", "reconcile", "rescue", "grab"]
OF_THE_SITE, OF_THE_CLIENT = ["spend", "grab"], ["monitor", "janitor", "reconcile", "rescue", "grab"]


def stuck(number: int) -> Torrent:
    """Return a torrent that never started."""
    return download(number, state="queuedDL", added_on=NOW - 2 * DAY)


def busy_world(**changes: Any) -> World:
    """Return a world in which every job has something to do."""
    torrents = [stuck(1), stuck(2), torrent(3), torrent(4, state="queuedUP", seeding_time=60)]
    account = profile(uploaded_bytes=15 * GIB, downloaded_bytes=10 * GIB, bonus_points=60_000.0)
    offered = [result(number, leechers=number - 1000) for number in (1001, 1002, 1003)]
    queue = preferences(max_active_uploads=4)
    return world_of(**{"account": account, "torrents": torrents, "catalogue": offered, "preferences": queue, **changes})


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


def cycle(stage: Stage, *, apply: bool = True, **pairs: Any) -> Report:
    """Run all jobs, and start what owes seed time."""
    return stage.run("cycle", apply=apply, reconcile__force_start=True, **pairs)


def ends(report: Report) -> dict[str, str]:
    """Return how the actions of each job ended, in short."""
    return {
        job.plan.job: " ".join(dict.fromkeys(one.status.value for one in job.outcomes))
        for job in report.parts
        if job.outcomes
    }


def codes(report: Report) -> dict[str, int]:
    """Return the exit code of each job that has not done all."""
    return {job.plan.job: int(job.exit_code) for job in report.parts if job.exit_code}


@define
class LostSite(MemorySite):
    """A site that fails where it is told to.

    Attributes:
        errors: By the name of what is asked.
    """

    errors: Mapping[str, AdapterError]

    def _fail(self, name: str) -> None:
        if name in self.errors:
            raise self.errors[name]

    def profile(self) -> Profile:
        self._fail("profile")
        return super().profile()

    def address(self) -> str:
        self._fail("address")
        return super().address()

    def search(self, query: Query, now: int) -> SearchPage:
        self._fail("search")
        return super().search(query, now)

    def buy(self, purchase: BuyUpload | BuyVip) -> PurchaseReply:
        self._fail("buy")
        return super().buy(purchase)


@define
class LostClient(MemoryClient):
    """A client that fails where it is told to.

    Attributes:
        errors: By the name of what is asked.
        keeps: What it goes on listing though it was deleted.
    """

    errors: Mapping[str, AdapterError] = {}
    keeps: frozenset[str] = frozenset()

    def _fail(self, name: str) -> None:
        if name in self.errors:
            raise self.errors[name]

    def preferences(self) -> Preferences:
        self._fail("preferences")
        return super().preferences()

    def everything(self) -> Listing:
        self._fail("everything")
        return super().everything()

    def with_messages(self, torrents: Iterable[Torrent]) -> tuple[Torrent, ...]:
        self._fail("with_messages")
        return super().with_messages(torrents)

    def set_preferences(self, values: Mapping[str, Any]) -> None:
        self._fail("set_preferences")
        super().set_preferences(values)

    def delete(self, hashes: Iterable[str], *, delete_files: bool) -> None:
        self._fail("delete")
        super().delete([one for one in hashes if one not in self.keeps], delete_files=delete_files)

    def add(self, torrent_file: bytes, info_hash: str, wanted: AddTorrent) -> None:
        self._fail("add")
        super().add(torrent_file, info_hash, wanted)


@define
class Speechless(MemoryClient):
    """A client that does not tell how it is connected."""

    def everything(self) -> Listing:
        return evolve(super().everything(), connection=None)


DOWN = ClientUnavailable("no connection")
MAINTENANCE = SiteUnavailable("503")


class TestWhole:
    """Where everything answers, all is done that the jobs would do."""

    def test_every_job_does_what_it_has_to_do(self, stage: Stage) -> None:
        """Two torrents deleted, credit bought, the queue set, one torrent started, three added."""
        report = cycle(stage)
        assert ends(report) == dict.fromkeys(("janitor", "spend", "reconcile", "rescue", "grab"), "done")
        assert (report.exit_code, report.error) == (Exit.DONE, None)
        assert {hash_of(1), hash_of(2)}.isdisjoint(stage.world.torrents)
        assert stage.world.profile.bonus_points == 35_000
        assert stage.world.preferences.max_active_uploads == 150
        assert stage.world.torrents[hash_of(4)].state == "forcedUP"
        assert len(stage.world.torrents) == 5

    def test_the_next_one_has_nothing_left_to_do(self, stage: Stage) -> None:
        """Nothing is asked for twice."""
        cycle(stage)
        assert cycle(stage).plan.actions == ()

    def test_a_dry_run_changes_nothing(self, stage: Stage) -> None:
        """And plans what the applied one does."""
        before = copy_of(stage.world)
        report = cycle(stage, apply=False)
        assert stage.world == before
        assert {one.why for one in report.outcomes} == {"dry run"}
        assert set(stage.files()) <= {"account.json", "listing.json", "clock.json", "tracker_clock.json"}
        assert cycle(stage).plan == report.plan

    def test_does_what_the_jobs_do_one_after_the_other(self, stage: Stage, tmp_path: Path) -> None:
        """The same world stands at the end."""
        other = Stage(copy_of(stage.world), tmp_path / "other")
        cycle(stage)
        for job in ("monitor", "janitor", "reconcile", "rescue", "grab", "spend"):
            other.run(job, apply=True, reconcile__force_start=True)
        assert stage.world == other.world

    def test_asks_for_no_results_that_grab_may_not_take(self, stage: Stage) -> None:
        """An account of class Mouse is lifted and cleaned up without one search."""
        stage.world.profile = mouse(bonus_points=60_000.0)
        stage.site = LostSite(stage.world, {"search": AssertionError("a search was sent")})  # type: ignore[dict-item]
        assert ends(cycle(stage)) == dict.fromkeys(("janitor", "spend", "reconcile", "rescue"), "done")

    def test_asks_for_none_while_the_disk_is_full(self, stage: Stage) -> None:
        """What the deletions free is not there yet."""
        stage.world.free_space_bytes = GIB
        stage.site = LostSite(stage.world, {"search": AssertionError("a search was sent")})  # type: ignore[dict-item]
        assert "grab" not in ends(cycle(stage))

    def test_asks_the_trackers_of_what_owes_seed_time(self, stage: Stage) -> None:
        """The janitor does not have to know, but rescue does."""
        stage.world.torrents[hash_of(5)] = torrent(5, seeding_time=DAY, messages=None)
        plan = cycle(stage, apply=False, cleanup__tracker_clock="false").plan
        (rescued,) = (one for one in plan.parts if one.job == "rescue")
        assert rescued.complete
        assert decision_on(rescued, 5).reason is Reason.OWED_REFUSED

    def test_searches_for_the_places_that_the_janitor_frees(self, stage: Stage) -> None:
        """The client was full before."""
        report = cycle(stage, grab__max_torrents=4)
        assert ends(report)["grab"] == "done"
        assert len(stage.world.torrents) == 4

    def test_says_what_each_job_has_decided(self, stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
        """In the words of the single jobs."""
        text = describe(cycle(stage))
        assert text.splitlines()[0] == "cycle (applied)"
        assert [line.strip() for line in text.splitlines() if line.strip() in ALL] == ALL
        assert "      delete" in text
        assert "Done: deleted=2 preserved_hnr=1 skipped_active=1 dry_run=False" in caplog.messages
        assert "Done: grabbed=3 picks=3 results=3 dry_run=False" in caplog.messages
        assert any(line.startswith("Profile: ratio=1.5") for line in caplog.messages)

    def test_a_torrent_list_that_cannot_be_believed_stops_the_janitor_alone(self, stage: Stage) -> None:
        """And is what the run's exit code tells."""
        Memory(stage.state_dir).remember_listing(100)
        report = cycle(stage)
        assert codes(report) == {"janitor": 5}
        assert report.exit_code is Exit.BLOCKED
        assert ends(report) == dict.fromkeys(("spend", "reconcile", "rescue", "grab"), "done")

    def test_another_run_s_lock_is_respected(self, stage: Stage) -> None:
        """The cycle uses the session, so it waits as grab does."""
        with locked(stage.state_dir, "grab", 0), pytest.raises(LockHeld):
            cycle(stage)


class TestWithoutTheSite:
    """The client's jobs go on, and the error is told at the end."""

    @pytest.mark.parametrize(
        ("error", "code"),
        [(SessionInvalid("403"), 3), (MAINTENANCE, 4), (MissingCookie("no cookie"), 2)],
    )
    def test_before_the_plan(self, stage: Stage, error: AdapterError, code: int) -> None:
        """Nobody knows the account."""
        stage.site = LostSite(stage.world, {"profile": error})
        report = cycle(stage)
        assert ends(report) == dict.fromkeys(("janitor", "reconcile", "rescue"), "done")
        assert codes(report) == dict.fromkeys(OF_THE_SITE, code)
        assert (report.exit_code, report.error, report.error_state) == (code, str(error), error.state)
        skips = {job.plan.job: job.plan.skip.reason.value for job in report.parts if job.plan.skip is not None}
        assert skips == dict.fromkeys(OF_THE_SITE, "profile_unknown")

    def test_while_it_is_searched(self, stage: Stage) -> None:
        """Nothing more is asked of it, a purchase neither."""
        stage.site = LostSite(stage.world, {"search": MAINTENANCE})
        report = cycle(stage)
        assert ends(report) == {"janitor": "done", "spend": "not_attempted", "reconcile": "done", "rescue": "done"}
        assert codes(report) == {"spend": 4, "grab": 4}
        assert stage.world.profile.bonus_points == 60_000

    def test_a_client_that_does_not_tell_its_connection_is_not_to_blame(self, stage: Stage) -> None:
        """Monitor lacks that, whatever the site does."""
        stage.site = LostSite(stage.world, {"search": MAINTENANCE})
        stage.client = Speechless(stage.world)
        assert codes(cycle(stage)) == dict.fromkeys(OF_THE_SITE, 4)

    def test_while_it_is_asked_for_the_address(self, stage: Stage) -> None:
        """No search follows."""
        errors = {"address": MAINTENANCE, "search": AssertionError("a search was sent")}
        stage.site = LostSite(stage.world, errors)  # type: ignore[arg-type]
        report = cycle(stage, mam__register_address="true")
        assert ends(report) == {"janitor": "done", "spend": "not_attempted", "reconcile": "done", "rescue": "done"}
        assert report.exit_code is Exit.UNAVAILABLE

    def test_while_it_sells(self, stage: Stage) -> None:
        """The purchase is uncertain, and nothing is added; all else is done."""
        stage.site = LostSite(stage.world, {"buy": PurchaseUncertain("no answer")})
        report = cycle(stage)
        assert ends(report) == {
            "janitor": "done", "spend": "failed", "reconcile": "done", "rescue": "done", "grab": "not_attempted"
        }  # fmt: skip
        assert report.exit_code is Exit.FAILED
        assert "no answer" in str(report.error)

    def test_a_pause_is_not_forgotten(self, stage: Stage) -> None:
        """By a run that did not see the account; the unsatisfied limit has its hysteresis."""
        memory = Memory(stage.state_dir)
        memory.remember_account(unsatisfied_paused=True)
        stage.site = LostSite(stage.world, {"profile": MAINTENANCE})
        cycle(stage)
        assert memory.account()["unsatisfied_paused"] is True

    @pytest.mark.parametrize(
        ("held", "count", "paused"),
        [
            ("download_freeze", 35, True),
            ("download_freeze", 5, None),
            ("low_ratio", 35, True),
            ("low_ratio", 45, True),
            ("unsatisfied_unknown", None, True),
        ],
    )
    def test_a_pause_ends_by_the_count_alone(
        self, stage: Stage, held: str, count: int | None, *, paused: bool | None
    ) -> None:
        """Not by what else holds the grab; the freeze that follows too many unsatisfied torrents least of all."""
        memory = Memory(stage.state_dir)
        memory.remember_account(unsatisfied_paused=True)
        if held == "download_freeze":
            memory.remember_account(download_freeze_until=stage.world.now + 60)
        changes: dict[str, Any] = {"uploaded_bytes": 0} if held == "low_ratio" else {}
        stage.world.profile = evolve(stage.world.profile, unsat_count=count, unsat_limit=50, **changes)
        report = cycle(stage)
        assert [part.plan.skip.reason for part in report.jobs if part.plan.job == "grab" and part.plan.skip] == [held]
        assert memory.account().get("unsatisfied_paused") is paused


class TestWithoutTheClient:
    """Spend goes on, and the error is told at the end."""

    @pytest.mark.parametrize("asked", ["preferences", "everything", "with_messages"])
    def test_before_the_plan(self, stage: Stage, asked: str) -> None:
        """Half of what it told is as good as nothing."""
        stage.world.torrents[hash_of(3)] = evolve(stage.world.torrents[hash_of(3)], messages=None)
        stage.client = LostClient(stage.world, errors={asked: DOWN})
        report = cycle(stage)
        assert ends(report) == {"spend": "done"}
        assert codes(report) == dict.fromkeys(OF_THE_CLIENT, 4)
        assert report.exit_code is Exit.UNAVAILABLE

    def test_an_account_that_may_not_grab_does_not_miss_it(self, stage: Stage) -> None:
        """Alone, grab would be skipped before it asked the client."""
        stage.world.profile = mouse()
        stage.client = LostClient(stage.world, errors={"everything": DOWN})
        assert codes(cycle(stage)) == dict.fromkeys(OF_THE_CLIENT[:-1], 4)

    def test_while_it_deletes(self, stage: Stage) -> None:
        """The purchase is made; the client is left alone."""
        stage.client = LostClient(stage.world, errors={"delete": DOWN})
        report = cycle(stage)
        assert ends(report) == {
            "janitor": "failed",
            "spend": "done",
            "reconcile": "not_attempted",
            "rescue": "not_attempted",
            "grab": "not_attempted",
        }
        assert codes(report) == dict.fromkeys(("janitor", "reconcile", "rescue", "grab"), 4)

    def test_an_error_about_one_item_goes_on(self, stage: Stage) -> None:
        """The run has failed in part."""
        stage.client = LostClient(stage.world, errors={"add": AlreadyInClient("it is there")})
        report = cycle(stage)
        assert ends(report)["grab"] == "failed"
        assert (report.exit_code, report.error, codes(report)) == (Exit.FAILED, None, {"grab": 1})


class TestWithoutEither:
    """Nothing is done, and the report says so."""

    def test_every_job_is_skipped(self, stage: Stage) -> None:
        """The gravest error gives the exit code, and both are told."""
        stage.site = LostSite(stage.world, {"profile": SessionInvalid("403")})
        stage.client = LostClient(stage.world, errors={"everything": DOWN})
        report = cycle(stage)
        assert report.plan.actions == ()
        assert report.exit_code is Exit.SESSION_REFUSED
        assert "403" in str(report.error)
        assert "no connection" in str(report.error)


class TestNeither:
    """An error that is neither the site's nor the client's ends all that follows."""

    def test_a_state_directory_that_cannot_be_written(self, stage: Stage) -> None:
        """No action after it is tried."""
        stage.client = LostClient(stage.world, errors={"set_preferences": StateError("disk full")})
        report = cycle(stage)
        assert ends(report) == {
            "janitor": "done",
            "spend": "done",
            "reconcile": "failed",
            "rescue": "not_attempted",
            "grab": "not_attempted",
        }
        assert report.exit_code is Exit.FAILED

    def test_being_told_to_end(self, stage: Stage) -> None:
        """As it is between two jobs."""
        stage.client = LostClient(stage.world, errors={"set_preferences": Terminated("SIGTERM")})
        assert ends(cycle(stage))["grab"] == "not_attempted"

    def test_before_the_plan_it_ends_the_run(self, stage: Stage) -> None:
        """Half a world is enough; half a state directory is not."""
        stage.client = LostClient(stage.world, errors={"everything": StateError("disk full")})
        with pytest.raises(StateError):
            cycle(stage)


class TestPlaces:
    """Only so many are added as places have become free."""

    @pytest.mark.parametrize("kept", [0, 1, 2])
    def test_a_deletion_that_failed_costs_the_lowest_scored_their_places(self, stage: Stage, kept: int) -> None:
        """The category never holds more than it may."""
        stage.client = LostClient(stage.world, keeps=frozenset(hash_of(number) for number in range(1, kept + 1)))
        report = cycle(stage, grab__max_torrents=4)
        adds = {one.action.id: one for one in report.outcomes if isinstance(one.action, AddTorrent)}
        assert sorted(adds) == [1002, 1003]
        assert [id_ for id_, one in adds.items() if one.status is Status.DONE] == [1003, 1002][: 2 - kept]
        left = [one for one in adds.values() if one.status is not Status.DONE]
        assert {(one.status.value, one.why) for one in left} <= {
            ("not_attempted", "no place is free: not every deletion is done")
        }
        assert len(stage.world.torrents) == 4


class TestForm:
    """The JSON form says how each job ended."""

    def test_the_outcome_names_job_and_exit_code(self, stage: Stage) -> None:
        """Every action stands there once."""
        stage.site = LostSite(stage.world, {"profile": MAINTENANCE})
        document = json.loads(json.dumps(cycle(stage).unparse()))
        outcome = document["outcome"]
        assert outcome["exit_code"] == 4
        assert [one["job"] for one in outcome["actions"]] == ["janitor", "janitor", "reconcile", "rescue"]
        assert {one["job"]: one["exit_code"] for one in outcome["parts"]} == {
            **dict.fromkeys(ALL, 0), **dict.fromkeys(OF_THE_SITE, 4)
        }  # fmt: skip
        assert {one["job"] for one in outcome["parts"] if one["error"]} == set(OF_THE_SITE)


class TestFigures:
    """Whoever watches the single jobs sees the same of those in a cycle."""

    def ending(self, stage: Stage, report: Report, **changes: Any) -> Ending:
        """Return the end of the run, for the metrics."""
        facts = {"exit_code": int(report.exit_code), "report": report, "state": report.error_state, "at": NOW + 7.5}
        return Ending(**{"job": report.plan.job, "apply": True, "seconds": 1.0, **facts, **changes})

    def test_each_job_tells_what_it_tells_alone(self, stage: Stage, tmp_path: Path) -> None:
        """But for the time and the requests, which are the cycle's."""
        alone = Stage(copy_of(stage.world), tmp_path / "other")
        groups = {group.name: group for group in measure(self.ending(stage, cycle(stage)))}
        assert set(groups) == {"cycle", *ALL}
        for job in ALL:
            report = alone.run(job, apply=True, reconcile__force_start=True)
            (single,) = (one for one in measure(self.ending(alone, report)) if one.name == job)
            names = {one.name for one in single.samples} - {
                "harvestmouse_requests",
                "harvestmouse_run_duration_seconds",
            }
            assert {one.name for one in groups[job].samples} == names
            assert groups[job].whole

    def test_the_cycle_tells_no_decision_a_second_time(self, stage: Stage) -> None:
        """Sums over all jobs stay right."""
        (own,) = (one for one in measure(self.ending(stage, cycle(stage))) if one.name == "cycle")
        assert {one.name for one in own.samples} == {
            "harvestmouse_last_run_timestamp_seconds",
            "harvestmouse_last_success_timestamp_seconds",
            "harvestmouse_exit_code",
            "harvestmouse_dry_run",
            "harvestmouse_run_duration_seconds",
            "harvestmouse_requests",
            "harvestmouse_plan_age_seconds",
        }

    def test_a_job_that_could_not_decide_keeps_its_last_good_figures(self, stage: Stage) -> None:
        """As it does alone; the client is known to be away."""
        stage.client = LostClient(stage.world, errors={"everything": DOWN})
        groups = {group.name: group for group in measure(self.ending(stage, cycle(stage)))}
        assert [name for name, group in groups.items() if group.whole] == ["spend"]
        assert [one.value for one in groups["monitor"].samples if one.name == "qbt_connected"] == [0]
        assert "mam_janitor_deleted_per_run" not in {one.name for one in groups["janitor"].samples}
        assert [one.value for one in groups["janitor"].samples if one.name == "harvestmouse_exit_code"] == [4]

    def test_a_run_that_never_had_a_plan_tells_of_itself_alone(self, stage: Stage) -> None:
        """The jobs have not run."""
        ending = Ending(job="cycle", apply=True, exit_code=6, at=NOW + 0.0, seconds=0.1)
        assert [group.name for group in measure(ending)] == ["cycle"]

    def test_the_operator_is_told_what_the_jobs_tell(self, stage: Stage) -> None:
        """A purchase, hit-and-runs, the class, and a stopped janitor by its name."""
        stage.world.profile = evolve(stage.world.profile, hit_and_run_count=2)
        Memory(stage.state_dir).remember_listing(100)
        ending = NoticeEnding(job="cycle", report=cycle(stage), state="ok")
        notices, known = news(ending, Told(class_name="VIP"), NOW)
        assert sorted(one.cause for one in notices) == ["blocked janitor", "class User", "hit-and-run", "purchase"]
        assert known.class_name == "User"


class TestMemory:
    """What each job remembers, it remembers in a cycle."""

    def test_balances_listing_and_pause(self, stage: Stage) -> None:
        """Two of four torrents are left when grab begins."""
        stage.world.profile = evolve(stage.world.profile, unsat_count=45)
        cycle(stage)
        memory = Memory(stage.state_dir)
        assert memory.listing()["remembered_count"] == 2
        assert [points for _, points in memory.account()["balances"]][-1] == 35_000
        assert memory.account()["unsatisfied_paused"] is True


class TestRecording:
    """One recording holds all jobs, and counts as theirs."""

    @pytest.fixture
    def path(self, stage: Stage, request: pytest.FixtureRequest) -> Path:
        """Record a run over the world, or over half of it."""
        broken: Mapping[str, AdapterError] = getattr(request, "param", {})
        tape = Tape()
        ports = stage.ports(reconcile__force_start=True)
        ports.run_id, ports.tape = "0a1b2c3d", tape
        ports.site = LostSite(stage.world, broken, tape=tape)
        ports.client = LostClient(stage.world, errors=broken, tape=tape)
        keep(run("cycle", ports, apply=True), ports)
        (found,) = (stage.state_dir / "recordings").rglob("*.json.gz")
        return found

    @pytest.mark.parametrize(
        "path", [{}, {"profile": MAINTENANCE}, {"search": MAINTENANCE}, {"with_messages": DOWN}], indirect=True
    )
    def test_decides_the_same_again(self, path: Path) -> None:
        """What was lost half way is not in it."""
        policy = evolve(SEED, reconcile=evolve(SEED.reconcile, force_start=True))
        replayed = decide_again(path, policy)
        assert (replayed.error, replayed.differences, replayed.job) == (None, (), "cycle")

    def test_another_policy_differs_job_by_job(self, path: Path) -> None:
        """Figures carry the name of their job."""
        policy = evolve(SEED, grab=evolve(SEED.grab, per_run=1))
        replayed = decide_again(path, policy)
        assert {(one.what, one.subject) for one in replayed.differences} >= {
            ("decision", "1002"),
            ("decision", hash_of(4)),
        }
        assert {one.subject for one in replayed.policy} == {
            "grab.per_run",
            "rescue.force_start",
            "reconcile.force_start",
        }

    def test_counts_as_a_run_of_each_job(self, path: Path) -> None:
        """For the comparison of policies, and with what was really added and bought."""
        unread: list[str] = []
        runs = {one.job: one for one in runs_of([path], unread)}
        assert (list(runs), unread) == (ALL, [])
        assert runs["spend"].bought
        assert not runs["grab"].bought
        assert set(runs["grab"].added) == set(runs["grab"].scores) == {1001, 1002, 1003}
        assert runs["janitor"].scores == {}

    def test_fills_the_page_like_the_jobs_would(self, path: Path) -> None:
        """Last runs, purchases, deletions, and how actions ended."""
        collected = collect([path])
        assert (collected.count, collected.unreadable) == (1, [])
        assert list(collected.last) == ALL
        assert [gib for _, gib in collected.purchases] == [50]
        assert sum(collected.deleted.values()) == 2
        assert {row.ended for row in collected.rows if row.job == "janitor" and row.decision.decision == "delete"} == {
            "done"
        }

    def test_a_damaged_outcome_leaves_it_out(self, path: Path) -> None:
        """With a sentence."""
        recording = history.read(path)
        recording.plan["outcome"]["parts"] = [7]
        plain = path.with_name("damaged.json")
        document = {"format": "harvestmouse-recording/1", "version": "0", "run": "0", "plan": recording.plan}
        plain.write_text(json.dumps({**document, "snapshot": recording.body}))
        (problem,) = collect([plain]).unreadable
        assert "outcome" in problem


def test_freed_places_count_in_a_comparison(tmp_path: Path) -> None:
    """A policy under which the janitor deletes less has fewer places for grab."""
    stage = Stage(busy_world(), tmp_path / "state")
    tape = Tape()
    ports = stage.ports(grab__max_torrents=4)
    ports.run_id, ports.tape = "0a1b2c3d", tape
    ports.site, ports.client = MemorySite(stage.world, tape=tape), MemoryClient(stage.world, tape=tape)
    keep(run("cycle", ports, apply=True), ports)
    seed = evolve(PRESETS["seed"], grab=evolve(SEED.grab, max_torrents=4))
    patient = evolve(seed, cleanup=evolve(SEED.cleanup, never_started_age=10 * SEED.cleanup.never_started_age))
    paths = list((stage.state_dir / "recordings").rglob("*.json.gz"))
    results = compare(runs_of(paths, []), {"seed": seed, "patient": patient}).results
    assert {one.name: one.picks for one in results} == {"seed": 2, "patient": 0}
