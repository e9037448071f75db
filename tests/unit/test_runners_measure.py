"""What the end of a run is worth in figures: all of the run, and of the account only what it has learnt."""

from collections.abc import Iterable
from math import inf
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from harvestmouse.adapters.errors import (
    ACCOUNT_STATES,
    AccountMayBeDisabled,
    AdapterError,
    AddressNotAllowed,
    ClientUnavailable,
    LockHeld,
    MissingCookie,
    RateLimited,
    SessionInvalid,
    SiteUnavailable,
)
from harvestmouse.adapters.metrics import Group, Sample
from harvestmouse.adapters.metrics.catalogue import CATALOGUE, Owner
from harvestmouse.adapters.traffic import ENDPOINTS, Result
from harvestmouse.core.actions import AddTorrent
from harvestmouse.core.guarantees import Violation
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.plan import GUARDS, OUTCOMES, Plan, Verdict
from harvestmouse.runners.measure import Ending, measure
from harvestmouse.runners.report import Exit, Outcome, Report, Status
from harvestmouse.runners.run import run
from tests.support.builders import DAY, GIB, NOW, download, mouse, preferences, profile, result, torrent
from tests.support.world import Stage, world_of

Labels = frozenset[tuple[str, str]]
every_job = pytest.mark.parametrize("job", sorted(JOBS))
BEFORE_A_PLAN = [code for code in Exit if code is not Exit.DONE]
AT = NOW + 7.5


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A world in which every job has something to do."""
    torrents = [download(number, added_on=NOW - 2 * DAY) for number in range(1, 13)]
    torrents.append(torrent(20, state="queuedUP", seeding_time=60))
    return Stage(
        world_of(
            account=profile(downloaded_bytes=19 * GIB, uploaded_bytes=25 * GIB, bonus_points=60_000.0, wedges=3),
            torrents=torrents,
            catalogue=[result(1001), result(1002, snatched=True), result(1003, free=False)],
            preferences=preferences(max_active_uploads=4),
        ),
        tmp_path / "state",
    )


def ended(stage: Stage, job: str, *, apply: bool = False, **changes: Any) -> Ending:
    """Run a job to its end."""
    ports = stage.ports(mam__register_address="true")
    report = run(job, ports, apply=apply)
    known = {"exit_code": int(report.exit_code), "report": report, "profile": ports.profile}
    return Ending(**{"job": job, "apply": apply, "at": AT, "seconds": 1.25, **known, **changes})


def failed(job: str, code: int = Exit.UNAVAILABLE, **changes: Any) -> Ending:
    """Return the end of a run that had no plan."""
    return Ending(**{"job": job, "apply": True, "exit_code": code, "at": AT, "seconds": 0.5, **changes})


def picked_first(plan: Plan) -> AddTorrent:
    """Return the first of a plan's picks."""
    return next(one for one in plan.actions if isinstance(one, AddTorrent))


def values(ending: Ending, name: str) -> dict[Labels, float]:
    """Return the figures of one metric by their labels; each stands there once."""
    found = [(frozenset(one.labels.items()), one.value) for one in samples(measure(ending)) if one.name == name]
    assert len(dict(found)) == len(found)
    return dict(found)


def value(ending: Ending, name: str, **labels: str) -> float | None:
    """Return one figure, or ``None`` where it is not told."""
    return values(ending, name).get(frozenset(labels.items()))


def samples(groups: Iterable[Group]) -> list[Sample]:
    return [sample for group in groups for sample in group.samples]


class TestHeartbeat:
    """Whatever the end, it is seen (incident I13)."""

    @every_job
    @pytest.mark.parametrize("code", BEFORE_A_PLAN)
    def test_a_run_without_a_plan_tells_its_end(self, job: str, code: Exit) -> None:
        """When, how, how long; and no success."""
        ending = failed(job, code)
        assert value(ending, "harvestmouse_exit_code") == code
        assert value(ending, "harvestmouse_last_run_timestamp_seconds") == AT
        assert value(ending, "harvestmouse_run_duration_seconds") == 0.5
        assert values(ending, "harvestmouse_last_success_timestamp_seconds") == {}

    @every_job
    def test_exit_code_0_is_a_success_and_tells_all_there_is(self, stage: Stage, job: str) -> None:
        """What such a run does not tell is not so any more."""
        ending = ended(stage, job)
        assert value(ending, "harvestmouse_last_success_timestamp_seconds") == AT
        assert [group.whole for group in measure(ending) if group.name == job] == [True]

    @every_job
    @pytest.mark.parametrize("code", BEFORE_A_PLAN)
    def test_any_other_end_leaves_what_it_does_not_tell(self, stage: Stage, job: str, code: Exit) -> None:
        """With a plan and without."""
        for ending in (failed(job, code), ended(stage, job, exit_code=code)):
            assert [group.whole for group in measure(ending) if group.name == job] == [False]

    def test_the_legacy_heartbeats_beat_at_every_end(self) -> None:
        """The alert on a stuck grabber looks at their age."""
        assert value(failed("grab"), "mam_grabber_last_run_timestamp") == AT
        assert value(failed("janitor"), "mam_janitor_last_run_timestamp") == AT
        assert values(failed("spend"), "mam_grabber_last_run_timestamp") == {}

    def test_the_mode_is_told_at_every_end(self, stage: Stage) -> None:
        """A janitor that was forgotten in dry run is found."""
        assert value(failed("janitor"), "mam_janitor_dry_run") == 0
        assert value(ended(stage, "janitor"), "mam_janitor_dry_run") == 1
        assert value(ended(stage, "spend"), "harvestmouse_dry_run") == 1


class TestGroups:
    @every_job
    @pytest.mark.parametrize("apply", [True, False])
    def test_every_figure_is_in_the_group_of_its_owner(self, stage: Stage, job: str, apply: bool) -> None:
        """A job tells its own and what every job tells; the account's figures are nobody's."""
        for group in measure(ended(stage, job, apply=apply, income=5.0, session_expires_at=NOW + DAY)):
            owners = {one.metric.owner for one in group.samples}
            account = {Owner.ACCOUNT, Owner.SESSION}
            assert owners <= (account if group.name == "account" else {Owner.RUN, Owner(group.name)})

    def test_together_the_jobs_tell_the_whole_catalogue(self, stage: Stage) -> None:
        """No name is promised that nothing ever has a figure for."""
        told = {
            one.name
            for job in JOBS
            for one in samples(
                measure(ended(stage, job, income=5.0, session_expires_at=NOW + DAY, clients={"home": True}))
            )
        }
        assert told == set(CATALOGUE)

    @every_job
    def test_every_series_is_there_after_every_good_run(self, tmp_path: Path, stage: Stage, job: str) -> None:
        """A run that finds nothing tells the same names and labels as one that finds much, at 0 (incident I14)."""
        idle = Stage(world_of(account=profile(wedges=0), torrents=[torrent(20)]), tmp_path / "idle")
        busy, quiet = ({(one.name, *one.labels.values()) for one in samples(measure(ended(at, job)))}
                       for at in (stage, idle))  # fmt: skip
        # When something can be bought is told only where anybody knows.
        assert {one for one in busy if one[0] != "harvestmouse_spend_next_useful_seconds"} == quiet


class TestAccount:
    def test_the_profile_is_told_whole(self, stage: Stage) -> None:
        """All that the site says of the account."""
        ending = ended(stage, "grab", income=12.5)
        assert [group.whole for group in measure(ending) if group.name == "account"] == [True]
        expected = {
            "mam_ratio": 25 / 19,
            "mam_bp_balance": 60_000,
            "mam_uploaded_bytes": 25 * GIB,
            "mam_downloaded_bytes": 19 * GIB,
            "harvestmouse_unsatisfied_torrents": 2,
            "harvestmouse_unsatisfied_limit": 50,
            "harvestmouse_hit_and_runs": 0,
            "harvestmouse_bonus_points_per_hour": 12.5,
        }
        assert {name: value(ending, name) for name in expected} == expected
        assert values(ending, "mam_class_code") == {frozenset({("classname", "User")}): 1}

    @pytest.mark.parametrize("job", ["grab", "spend"])
    def test_it_is_told_by_a_run_that_fails_after_reading_it(self, job: str) -> None:
        """A client that is away takes nothing from what the site has said."""
        ending = failed(job, profile=profile())
        assert value(ending, "mam_bp_balance") == 5000
        assert value(ending, "harvestmouse_account_state", state="ok") == 1

    def test_an_unknown_fact_is_absent_and_no_other_is(self) -> None:
        """Unknown is not zero."""
        whole = profile(wedges=3)
        told = {one.name for one in samples(measure(failed("grab", profile=whole)))}
        names = {
            "unsat_count": "harvestmouse_unsatisfied_torrents",
            "unsat_limit": "harvestmouse_unsatisfied_limit",
            "hit_and_run_count": "harvestmouse_hit_and_runs",
            "wedges": "harvestmouse_wedges",
            "class_name": "mam_class_code",
        }
        for fact, name in names.items():
            less = evolve(whole, **{fact: None})
            assert told - {one.name for one in samples(measure(failed("grab", profile=less)))} == {name}
        poor = {one.name for one in samples(measure(failed("grab", profile=evolve(whole, bonus_points=None))))}
        assert told - poor == {"mam_bp_balance", "harvestmouse_points_at_cap"}

    @pytest.mark.parametrize(("points", "capped"), [(99_998.9, 0), (99_999.0, 1)])
    def test_a_balance_at_the_cap_is_told(self, points: float, capped: int) -> None:
        """From there on points are lost."""
        assert value(failed("grab", profile=profile(bonus_points=points)), "harvestmouse_points_at_cap") == capped

    def test_a_purchase_of_this_run_is_in_the_figures(self, stage: Stage) -> None:
        """The site shows old figures for a while; the reply has told better."""
        ending = ended(stage, "spend", apply=True)
        assert value(ending, "mam_bp_spent_gb") == 50
        assert value(ending, "mam_bp_balance") == 35_000
        assert value(ending, "mam_uploaded_bytes") == 75 * GIB
        assert value(ending, "mam_ratio") == 75 / 19

    @pytest.mark.parametrize(("status", "left"), [("done", 2), ("failed", 2), ("not_attempted", 3)])
    def test_a_wedge_that_the_site_was_asked_to_spend_is_gone(self, stage: Stage, status: str, left: int) -> None:
        """One whose answer never came too; in a dry run none is asked for."""
        plan = stage.run("grab", grab__wedges=True).plan
        wedge = evolve(picked_first(plan), use_wedge=True)
        report = Report(plan=plan, apply=True, outcomes=(Outcome(wedge, Status(status)),))
        ending = Ending(job="grab", apply=True, exit_code=0, at=AT, seconds=1, report=report, profile=profile(wedges=3))
        assert value(ending, "harvestmouse_wedges") == left

    def test_the_wait_for_slots_is_told_where_it_is_known(self, stage: Stage) -> None:
        """0 where grab waits for none; absent where nobody can tell."""
        assert value(ended(stage, "grab"), "harvestmouse_unsat_resume_seconds") == 0
        stage.world.profile = evolve(stage.world.profile, unsat_count=45)
        assert value(ended(stage, "grab"), "harvestmouse_unsat_resume_seconds") is None

    def test_the_next_purchase_and_the_reserve_are_told(self, stage: Stage) -> None:
        """This run buys, so it is none to wait for."""
        assert value(ended(stage, "spend"), "harvestmouse_spend_next_useful_seconds") == 0
        assert value(ended(stage, "spend"), "harvestmouse_spend_reserve_bp") == 500

    def test_a_dry_run_changes_no_figure(self, stage: Stage) -> None:
        """What would be bought is not bought."""
        assert value(ended(stage, "spend"), "mam_bp_balance") == 60_000
        assert value(ended(stage, "spend"), "mam_bp_spent_gb") == 0

    def test_a_ratio_without_download_is_infinite(self) -> None:
        """As the site has it."""
        assert value(failed("grab", profile=profile(downloaded_bytes=0)), "mam_ratio") == inf

    @pytest.mark.parametrize(
        ("name", "code"), [("Mouse", 0), ("User", 1), ("Power User", 2), ("VIP", 3), ("Elite VIP", 4), ("Uploader", -1)]
    )
    def test_each_class_has_its_code(self, name: str, code: int) -> None:
        """The legacy codes; a class on no known rung is -1."""
        from harvestmouse.core.wire import parse_profile  # noqa: PLC0415 - the names are the site's

        account = parse_profile({"username": "mouse", "classname": name})
        assert values(failed("grab", profile=account), "mam_class_code") == {frozenset({("classname", name)}): code}


class TestSession:
    @pytest.mark.parametrize(
        "error", [SessionInvalid, AccountMayBeDisabled, AddressNotAllowed, SiteUnavailable, MissingCookie, RateLimited]
    )
    @pytest.mark.parametrize("job", ["grab", "spend"])
    def test_each_trouble_has_a_value_of_its_own(self, job: str, error: type[AdapterError]) -> None:
        """One state is 1, all others 0, whichever job tells it (incident I12)."""
        states = values(failed(job, error.exit_code, state=error.state), "harvestmouse_account_state")
        assert states == {frozenset({("state", state)}): float(state == error.state) for state in ACCOUNT_STATES}

    @pytest.mark.parametrize(
        ("error", "expired"),
        [(SessionInvalid, 1), (AccountMayBeDisabled, 0), (AddressNotAllowed, 0), (SiteUnavailable, None)],
    )
    def test_only_a_refused_cookie_looks_expired(self, error: type[AdapterError], expired: int | None) -> None:
        """A site that is down says nothing about the cookie."""
        assert value(failed("grab", state=error.state), "mam_farming_cookie_expired") == expired

    @pytest.mark.parametrize("error", [LockHeld, ClientUnavailable])
    def test_a_run_that_did_not_reach_the_site_leaves_the_account_alone(self, error: type[AdapterError]) -> None:
        """Locked out, or the client away before the profile was read."""
        assert [group.name for group in measure(failed("grab", error.exit_code, state=error.state))] == ["grab"]

    @pytest.mark.parametrize("job", ["janitor", "reconcile", "monitor"])
    def test_jobs_without_the_site_never_touch_it(self, stage: Stage, job: str) -> None:
        """They neither prove nor disprove a session."""
        assert [group.name for group in measure(ended(stage, job))] == [job]

    def test_a_refused_session_leaves_the_last_figures(self) -> None:
        """Only how it was found is replaced."""
        account = measure(failed("spend", Exit.SESSION_REFUSED, state=SessionInvalid.state))[1]
        assert (account.name, account.whole) == ("account", False)
        assert {one.metric.owner for one in account.samples} == {Owner.SESSION}

    def test_a_download_freeze_is_a_state_for_every_job_that_asks(self) -> None:
        """The one that ran into it says so, and so does the next, until it is over."""
        for until, state in ((NOW + DAY, "download_frozen"), (NOW - 1, "ok"), (None, "ok")):
            ending = failed("spend", Exit.FAILED, profile=profile(), frozen_until=until)
            assert value(ending, "harvestmouse_account_state", state=state) == 1

    def test_the_expiry_is_the_site_s_word_or_absent(self) -> None:
        """Unknown and past are no estimates; a refused session is over now."""
        name = "harvestmouse_session_expiry_timestamp_seconds"
        known = failed("grab", profile=profile())
        assert value(evolve(known, session_expires_at=NOW + DAY), name) == NOW + DAY
        assert value(evolve(known, session_expires_at=NOW - DAY), name) is None
        assert value(known, name) is None
        assert value(failed("grab", state=SessionInvalid.state, session_expires_at=NOW + DAY), name) == AT


class TestReport:
    @every_job
    def test_every_reason_and_verdict_is_there(self, stage: Stage, job: str) -> None:
        """With its count, or 0."""
        ending = ended(stage, job)
        assert ending.report is not None
        expected = {
            frozenset({("decision", verdict.value), ("reason", reason.value)}): float(
                ending.report.plan.count(verdict, [reason])
            )
            for verdict, reasons in OUTCOMES[job].items()
            for reason in reasons
        }
        assert values(ending, "harvestmouse_decisions") == expected
        assert set(values(ending, "harvestmouse_skipped_reason")) == {
            frozenset({("reason", reason.value)}) for reason in GUARDS[job]
        }

    def test_rejections_are_counted(self, stage: Stage) -> None:
        """Each rule for itself."""
        ending = ended(stage, "grab")
        assert value(ending, "harvestmouse_decisions", decision="reject", reason="already_snatched") == 1
        assert value(ending, "harvestmouse_decisions", decision="pick", reason="selected") == 1

    def test_a_skip_has_its_reason(self, tmp_path: Path) -> None:
        """Under the legacy name and the one of every job; grabbed is 0, not absent."""
        ending = ended(Stage(world_of(account=mouse()), tmp_path), "grab")
        for name in ("mam_grabber_skipped_reason", "harvestmouse_skipped_reason"):
            hot = {labels for labels, hot in values(ending, name).items() if hot}
            assert hot == {frozenset({("reason", "mouse_class")})}
        assert value(ending, "mam_farming_grabbed") == 0

    def test_deletions_are_counted_by_reason(self, stage: Stage) -> None:
        """All six reasons, at 0 where nothing happened; candidates are a dry run's."""
        dry, real = ended(stage, "janitor"), ended(stage, "janitor", apply=True)
        names = [reason.value for reason in OUTCOMES["janitor"][Verdict.DELETE]]
        assert len(names) == 6
        for name in names:
            expected = 12 if name == "never_started" else 0
            assert value(dry, "mam_janitor_dry_run_candidates", reason=name) == expected
            assert value(dry, "mam_janitor_deleted_per_run", reason=name) == 0
            assert value(real, "mam_janitor_dry_run_candidates", reason=name) == 0
            assert value(real, "mam_janitor_deleted_per_run", reason=name) == expected
        assert value(dry, "mam_janitor_preserved_hnr") == 1

    def test_an_empty_list_says_nothing_of_what_is_kept(self, stage: Stage) -> None:
        """Nobody knows whether torrents are there that owe seed time."""
        stage.world.torrents.clear()
        ending = ended(stage, "janitor")
        assert ending.exit_code == Exit.BLOCKED
        assert values(ending, "mam_janitor_preserved_hnr") == {}
        assert value(ending, "harvestmouse_skipped_reason", reason="empty_listing") == 1

    def test_actions_are_counted_by_how_they_ended(self, stage: Stage) -> None:
        """Done, failed, left; and blocked, where a guarantee refused the plan."""
        real = ended(stage, "janitor", apply=True)
        assert value(real, "harvestmouse_actions", action="delete_torrent", status="done") == 12
        report = real.report
        assert report is not None
        outcomes = (evolve(report.outcomes[0], status=Status.FAILED), *report.outcomes[1:])
        broken = evolve(real, report=evolve(report, outcomes=outcomes))
        assert value(broken, "harvestmouse_actions", action="delete_torrent", status="failed") == 1
        refused = Report(plan=report.plan, apply=True, violations=(Violation("G1", "x", "y"),))
        ending = evolve(real, report=refused, exit_code=5)
        assert value(ending, "harvestmouse_actions", action="delete_torrent", status="blocked") == 12
        assert value(ending, "harvestmouse_actions", action="delete_torrent", status="done") == 0
        assert value(ending, "harvestmouse_actions", action="buy_upload", status="blocked") == 0

    def test_torrents_that_owe_but_do_not_announce_are_counted(self, stage: Stage) -> None:
        """One completed torrent waits in the queue."""
        ending = ended(stage, "reconcile")
        assert value(ending, "harvestmouse_owed_torrents") == 1
        assert value(ending, "harvestmouse_owed_not_announcing") == 1

    def test_the_plan_s_age_ends_with_carrying_out(self, stage: Stage) -> None:
        """In an embedded world no time passes by itself."""
        assert value(ended(stage, "janitor", apply=True), "harvestmouse_plan_age_seconds") == 0

    def test_requests_are_told_for_every_endpoint_of_the_job_s_services(self) -> None:
        """0 where nothing was asked; spend has nothing to ask of the client."""
        ending = failed("spend", requests={("site", "profile", Result.NO_ANSWER): 3})
        told = values(ending, "harvestmouse_requests")
        assert {dict(labels)["service"] for labels in told} == {"site"}
        assert len(told) == len(ENDPOINTS["site"]) * len(Result)
        assert {labels: number for labels, number in told.items() if number} == {
            frozenset({("service", "site"), ("endpoint", "profile"), ("result", "no_answer")}): 3
        }

    def test_requests_to_another_client_are_told_as_well(self) -> None:
        """Its endpoints have other names, and were not known before."""
        ending = failed("janitor", requests={("client", "torrent-get", Result.FAILED): 2})
        told = values(ending, "harvestmouse_requests")
        assert len(told) == (len(ENDPOINTS["client"]) + 1) * len(Result)
        assert {labels: number for labels, number in told.items() if number} == {
            frozenset({("service", "client"), ("endpoint", "torrent-get"), ("result", "failed")}): 2
        }


class TestMonitor:
    def test_tracker_figures_are_by_label(self, stage: Stage) -> None:
        """Twelve downloads and one queued torrent that has completed."""
        ending = ended(stage, "monitor")
        assert value(ending, "qbt_tracker_torrents_total", tracker="mam") == 13
        assert value(ending, "qbt_tracker_downloading", tracker="mam") == 12
        assert value(ending, "qbt_tracker_seeding", tracker="mam") == 0
        assert value(ending, "qbt_tracker_unsatisfied", tracker="mam") == 1
        assert value(ending, "harvestmouse_tracker_torrents", tracker="mam", state="queued") == 1
        assert value(ending, "qbt_connected") == 1

    def test_a_client_that_is_away_is_not_connected(self) -> None:
        """The last good figure would say the opposite for ever."""
        assert value(failed("monitor", Exit.UNAVAILABLE), "qbt_connected") == 0
        assert value(failed("monitor", Exit.USAGE), "qbt_connected") is None
        assert value(failed("janitor", Exit.UNAVAILABLE), "qbt_connected") is None
