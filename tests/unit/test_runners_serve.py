"""What `serve` is made of: runs, their summaries, the schedule, the page and the answers."""

import gzip
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from threading import Thread
from typing import Any
from wsgiref.util import setup_testing_defaults
from zoneinfo import ZoneInfo

import pytest
from attrs import evolve
from cronsim import CronSim

from harvestmouse.core.actions import ACTIONS, BuyUpload, DeleteTorrent
from harvestmouse.core.cycle import PLANNERS
from harvestmouse.core.errors import PlanError
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.plan import Plan, Reason, Skip
from harvestmouse.core.policy import Policy
from harvestmouse.core.wire.snapshot import parse_snapshot
from harvestmouse.runners.report import Outcome, Report, Status
from harvestmouse.runners.serve.page import Shown, ended_as, render
from harvestmouse.runners.serve.runs import Runs
from harvestmouse.runners.serve.schedule import Schedule, trigger
from harvestmouse.runners.serve.summary import MOST_ACTIONS, LastRun, recorded, told_by
from harvestmouse.runners.serve.web import Answer, Web, hosts_of
from harvestmouse.runners.settings import ServeSettings
from tests.support.builders import NOW

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = parse_snapshot(json.loads((ROOT / "docs" / "examples" / "snapshot.json").read_text(encoding="utf-8")))
EVIL = "<script>alert(1)</script>\u202e\x1b[2J"


def document(job: str, **changes: Any) -> dict[str, Any]:
    """Return what a dry run of the example prints, read back from its JSON."""
    report = Report(plan=PLANNERS[job](EXAMPLE, Policy()), apply=False)
    printed: dict[str, Any] = json.loads(json.dumps(evolve(report, **changes).unparse()))
    return printed


def deletions(count: int, name: str = "A Book") -> Plan:
    actions = tuple(DeleteTorrent(hash=f"{number:040x}", name=name, reason="never_started") for number in range(count))
    return Plan(job="janitor", decided_at=NOW, actions=actions)


class TestSummary:
    """What is kept of a run."""

    @pytest.mark.parametrize("job", JOBS)
    def test_has_every_decision_counted(self, job: str) -> None:
        (told,) = told_by(document(job))
        assert (told.job, told.apply, told.decided_at) == (job, False, EXAMPLE.taken_at)
        assert sum(count for *_, count in told.counts) == len(document(job)["decisions"])
        assert all(count for *_, count in told.counts)
        assert [one.kind for one in told.ended] == [one["action"] for one in document(job)["actions"]][:MOST_ACTIONS]
        assert {one.status for one in told.ended} <= {"planned"}

    def test_of_a_cycle_has_its_jobs(self) -> None:
        told = told_by(document("cycle"))
        assert [one.job for one in told] == [part["job"] for part in document("cycle")["parts"]]
        assert sum(one.actions for one in told) == len(document("cycle")["actions"]) > 0

    def test_says_how_each_action_ended(self) -> None:
        """One that is not in the outcome was not attempted."""
        plan = deletions(3)
        outcomes = (Outcome(plan.actions[1], Status.DONE), Outcome(plan.actions[0], Status.FAILED, "gone"))
        (told,) = told_by(Report(plan=plan, apply=True, outcomes=outcomes).unparse())
        assert [(one.status, one.why) for one in told.ended] == [
            ("failed", "gone"),
            ("done", ""),
            ("not_attempted", ""),
        ]

    def test_keeps_the_first_actions_of_many(self) -> None:
        (told,) = told_by(Report(plan=deletions(MOST_ACTIONS + 5), apply=False).unparse())
        assert (told.actions, len(told.ended)) == (MOST_ACTIONS + 5, MOST_ACTIONS)

    def test_has_an_error(self) -> None:
        (told,) = told_by(document("janitor", error="the client went away"))
        assert told.failures == ("the client went away",)

    def test_names_what_every_action_is_about(self) -> None:
        """A purchase has no name."""
        told = told_by(document("cycle"))
        assert {one.kind for part in told for one in part.ended} >= {"add_torrent", "delete_torrent", "set_preferences"}
        assert all(one.about for part in told for one in part.ended)
        bought = Plan(job="spend", decided_at=NOW, actions=(BuyUpload(gib=50, cost_bp=25_000),))
        assert told_by(Report(plan=bought, apply=False).unparse())[0].ended[0].about == "50 GiB for 25,000 points"
        assert set(ACTIONS) > {"buy_upload"}

    @pytest.mark.parametrize("broken", [{}, {"outcome": None}, {"outcome": {"actions": 3}}, {"job": "cook"}])
    def test_of_something_else_is_an_error(self, broken: dict[str, Any]) -> None:
        with pytest.raises(PlanError):
            told_by({**document("janitor"), **broken} if broken else {})


class TestRecorded:
    """What the page shows before the first run."""

    def test_is_the_last_recording_of_each_job(self, tmp_path: Path) -> None:
        """Whatever lies beside it, and whatever cannot be read."""
        folder = tmp_path / "recordings"
        for day, name, error in (
            ("2026-01-01", "110000-janitor-aa", None),
            ("2026-01-01", "100000-janitor-ff", "older"),
            ("2025-12-31", "230000-janitor-ee", "older still"),
            ("2025-12-31", "230000-monitor-ee", None),
            ("2026-01-02", "100000-monitor-bb", "the client went away"),
        ):
            plan = document(name.split("-")[1], error=error)
            kept = {"format": "harvestmouse-recording/1", "plan": plan, "snapshot": {"taken_at": NOW}}
            (folder / day).mkdir(parents=True, exist_ok=True)
            (folder / day / f"{name}.json.gz").write_bytes(gzip.compress(json.dumps(kept).encode()))
        (folder / "2026-01-02" / "120000-janitor-cc.json.gz").write_text("torn")
        (folder / "2026-01-02" / ".120000-janitor-dd.json.gz").write_text("half")
        (folder / "notes").write_text("")
        last = recorded(folder, ("janitor", "monitor", "grab"))
        assert {job: (run.told[0].job, run.exit_code, run.seconds) for job, run in last.items()} == {
            "janitor": ("janitor", 0, None),
            "monitor": ("monitor", 1, None),
        }

    def test_is_nothing_where_there_is_no_folder(self, tmp_path: Path) -> None:
        assert recorded(tmp_path / "none", ("grab",)) == {}


def runs_of(script: str, most_seconds: float = 30) -> Runs:
    """Return runs of a program instead of jobs; its words are the job's name and flags."""
    return Runs(command=(sys.executable, "-c", script), flags=("--apply",), environment={}, most_seconds=most_seconds)


def until(there: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end
        time.sleep(0.01)


class TestRuns:
    """Processes of their own, one of a job at a time."""

    def test_tell_what_they_printed(self) -> None:
        plan = json.dumps(document("janitor"))
        runs = runs_of(f"import sys; print({plan!r}); raise SystemExit(len(sys.argv))")
        runs.run("janitor")
        assert runs.ended == {("janitor", 4): 1}
        last = runs.last["janitor"]
        assert (last.exit_code, last.told, last.earlier) == (4, told_by(document("janitor")), False)
        assert last.seconds is not None
        assert runs.started_at == {}

    @pytest.mark.parametrize("output", ["", "no plan", "[]", "{}"])
    def test_without_a_plan_leave_the_last_one(self, output: str) -> None:
        runs = runs_of(f"print(end={output!r}); raise SystemExit(4)")
        runs.last["janitor"] = LastRun(ended_at=NOW, exit_code=0, told=told_by(document("janitor")))
        runs.run("janitor")
        last = runs.last["janitor"]
        assert (last.exit_code, last.earlier) == (4, True)
        assert last.told == told_by(document("janitor"))
        assert last.ended_at > NOW

    def test_that_fail_are_named_in_the_log(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.WARNING, "harvestmouse"):
            runs_of("raise SystemExit(4)").run("janitor")
            runs_of("").run("grab")
        assert caplog.messages == ["janitor ended with exit code 4"]

    def test_that_take_too_long_are_killed(self) -> None:
        runs = runs_of("import time; time.sleep(60)", most_seconds=0.2)
        runs.run("grab")
        assert runs.ended == {("grab", 137): 1}

    def test_of_a_job_that_runs_are_left_out(self, tmp_path: Path) -> None:
        """Other jobs are not."""
        runs = runs_of("import sys, time; time.sleep(60 * (sys.argv[1] == 'grab'))")
        thread = Thread(target=runs.run, args=("grab",))
        thread.start()
        until(lambda: "grab" in runs.started_at)
        runs.run("grab")
        runs.run("spend")
        assert (runs.left_out, runs.ended) == ({"grab": 1}, {("spend", 0): 1})
        runs.stop(20)
        thread.join()
        assert runs.ended["grab", 143] == 1

    def test_are_told_to_end_and_then_killed(self, tmp_path: Path) -> None:
        """One that does not listen does not hold the stop for ever; nothing starts after it."""
        ready = tmp_path / "ready"
        script = "import pathlib, signal, time; signal.signal(signal.SIGTERM, lambda *_: None)\n"
        runs = runs_of(f"{script}pathlib.Path({str(ready)!r}).touch()\nwhile True: time.sleep(1)")
        thread = Thread(target=runs.run, args=("grab",))
        thread.start()
        until(ready.exists)
        runs.stop(0.2)
        thread.join(20)
        runs.run("spend")
        assert runs.ended == {("grab", 137): 1}


class TestSchedule:
    """When jobs start."""

    @pytest.mark.parametrize(
        "line",
        ["*/30 * * * *", "20 */6 * * *", "0 0 * * 0", "0 0 * * 5-7", "30 4 13 * fri", "0 0 */10 * 1", "5 2 29 2 *"],
    )
    @pytest.mark.parametrize("zone", [UTC, ZoneInfo("America/New_York")], ids=str)
    def test_is_that_of_cron(self, line: str, zone: Any) -> None:
        """Weekdays have cron's numbers; a day of the month or a weekday is enough where both are given."""
        start = datetime(2026, 4, 1, 12, 0, tzinfo=zone)
        assert list(islice(times(line, start), 6)) == list(islice(CronSim(line, start), 6))

    def test_the_first_lines_are_those_of_the_deployments(self) -> None:
        """Whoever moves from cron to serve finds the jobs at their minutes."""
        crontab = (ROOT / "deploy" / "cron" / "harvestmouse").read_text(encoding="utf-8")
        lines = [one.split() for one in crontab.splitlines() if "bin/harvestmouse" in one]
        for one in lines:
            assert getattr(ServeSettings(), one[7]) == " ".join(one[:5])
        assert len(lines) == 5

    def test_jitter_is_after_the_minute(self) -> None:
        start = datetime(2026, 4, 1, 12, 0, 30, tzinfo=UTC)
        lates = [
            trigger("*/30 * * * *", timedelta(minutes=1), UTC).get_next_fire_time(None, start)
            - datetime(2026, 4, 1, 12, 30, tzinfo=UTC)
            for _ in range(50)
        ]
        assert timedelta(0) <= min(lates) < max(lates) <= timedelta(minutes=1)

    def test_all_jobs_run_once_at_the_start_in_order(self) -> None:
        """Where that is asked for."""
        ran: list[str] = []
        schedule = schedule_of({"spend": "0 0 1 1 *", "grab": "0 0 1 1 *"}, ran.append)
        assert not schedule.alive
        schedule.start(all_now=True)
        until(lambda: len(ran) == 2)
        assert ran == ["spend", "grab"]
        assert set(schedule.next_runs()) == {"spend", "grab"}
        assert schedule.alive
        schedule.stop()
        until(lambda: not schedule.alive)
        assert schedule.next_runs() == {}

    def test_what_is_due_is_run_and_what_was_due_long_ago_is_missed(self) -> None:
        """As after a pause of the machine."""
        ran, missed = list[str](), list[str]()
        schedule = schedule_of({"spend": "0 0 1 1 *", "grab": "0 0 1 1 *"}, ran.append, missed.append)
        now = datetime.fromtimestamp(time.time(), UTC)
        schedule._scheduler.modify_job("grab", next_run_time=now - timedelta(minutes=4))
        schedule._scheduler.modify_job("spend", next_run_time=now - timedelta(minutes=6))
        schedule.start()
        until(lambda: ran and missed)
        assert (ran, missed) == (["grab"], ["spend"])
        assert all(at > now for at in schedule.next_runs().values())
        schedule.stop()


def times(line: str, start: datetime) -> Iterator[datetime]:
    chosen, previous = trigger(line, timedelta(0), start.tzinfo or UTC), None
    while True:
        previous = chosen.get_next_fire_time(previous, previous or start + timedelta(microseconds=1))
        yield previous


def schedule_of(
    lines: dict[str, str], run: Callable[[str], None], missed: Callable[[str], None] = lambda _: None
) -> Schedule:
    return Schedule(lines, run, missed, jitter=timedelta(0), grace=timedelta(minutes=5), zone=UTC)


def page_of(runs: Runs, **changes: Any) -> str:
    shown = Shown(
        apply=False,
        lines={"janitor": "1 2 3 4 5", "grab": "*/30 * * * *"},
        next_runs={"grab": datetime(2026, 4, 19, 12, 30, tzinfo=UTC)},
        runs=runs,
        now=NOW,
        zone=UTC,
    )
    return render(evolve(shown, **changes))


class TestPage:
    """What an operator reads."""

    def test_says_whether_the_jobs_act(self) -> None:
        assert "<strong>Dry run:</strong>" in page_of(runs_of(""))
        assert "<strong>Applying:</strong>" in page_of(runs_of(""), apply=True)

    def test_shows_no_run_before_there_was_one(self) -> None:
        """What is not known is said to be unknown, never 0."""
        text = page_of(runs_of(""))
        assert text.count("none yet") == 2
        assert text.count("<dd>unknown</dd>") == 5
        assert "2026-04-19 12:30" in text

    def test_shows_account_counts_reasons_actions_and_advice(self) -> None:
        runs = runs_of("")
        for job in ("grab", "janitor"):
            runs.last[job] = LastRun(ended_at=NOW, exit_code=0, seconds=2.5, told=told_by(document(job)))
        text = page_of(runs)
        account = EXAMPLE.profile
        assert account is not None
        assert f"<dd>{account.class_name}</dd>" in text
        assert f"<dd>{account.bonus_points:,.0f}</dd>" in text
        for verdict, reasons in document("janitor")["counts"].items():
            for reason, count in reasons.items():
                if count:
                    row = f"<code>{reason}</code></td><td>{verdict}</td><td>{count}</td>"
                    assert row in text
                    assert Reason(reason).sentence.split("'")[0] in text
        assert "<td>planned</td>" in text

    def test_a_skip_is_told_in_a_sentence(self) -> None:
        runs = runs_of("")
        plan = Plan(job="grab", decided_at=NOW, skip=Skip(reason=Reason.MOUSE_CLASS, detail="class Mouse"))
        told = told_by(Report(plan=plan, apply=False).unparse())
        runs.last["grab"] = LastRun(ended_at=NOW, exit_code=0, told=told)
        assert page_of(runs).count(Reason.MOUSE_CLASS.sentence) == 2

    def test_a_plan_of_an_earlier_run_is_not_taken_for_the_last_one(self) -> None:
        runs = runs_of("")
        runs.last["grab"] = LastRun(ended_at=NOW, exit_code=4, told=told_by(document("grab")), earlier=True)
        text = page_of(runs)
        assert "site or client unavailable" in text
        assert "Its last plan is of" in text

    def test_names_from_strangers_are_only_text(self) -> None:
        runs = runs_of("")
        outcome = Outcome(deletions(1).actions[0], Status.FAILED, EVIL)
        report = Report(plan=deletions(1, EVIL), apply=True, outcomes=(outcome,), error=EVIL)
        runs.last["janitor"] = LastRun(ended_at=NOW, exit_code=1, told=told_by(report.unparse()))
        text = page_of(runs)
        assert text.count("&lt;script&gt;") == 3
        assert "<script" not in text
        assert not {"\u202e", "\x1b"} & set(text)

    @pytest.mark.parametrize(
        ("code", "words"), [(0, "done"), (6, "another run holds the lock"), (137, "SIGKILL"), (99, "exit code 99")]
    )
    def test_exit_codes_are_words(self, code: int, words: str) -> None:
        assert words in ended_as(code)


def asked(
    web: Web, path: str = "/", method: str = "GET", host: str = "localhost:9798"
) -> tuple[str, dict[str, str], bytes]:
    """Ask the application as a server does."""
    environ: dict[str, Any] = {"PATH_INFO": path, "REQUEST_METHOD": method, "HTTP_HOST": host}
    setup_testing_defaults(environ)
    begun: list[Any] = []
    body = b"".join(web(environ, lambda *words: begun.extend(words)))
    return begun[0], dict(begun[1]), body


class TestWeb:
    """Pages to read, nothing to change."""

    web = Web({"/": lambda: Answer("<p>\u00fc", "text/html; charset=utf-8")}, hosts_of("127.0.0.1"))

    def test_a_page_comes_with_headers_that_keep_it_harmless(self) -> None:
        status, headers, body = asked(self.web)
        assert (status, body) == ("200 OK", "<p>\u00fc".encode())
        assert headers["Content-Length"] == "5"
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script" not in policy
        assert "unsafe" not in policy
        assert (headers["X-Content-Type-Options"], headers["Cache-Control"]) == ("nosniff", "no-store")

    def test_head_has_the_headers_alone(self) -> None:
        status, headers, body = asked(self.web, method="HEAD")
        assert (status, headers["Content-Length"], body) == ("200 OK", "5", b"")

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
    def test_nothing_else_is_done(self, method: str) -> None:
        status, headers, _ = asked(self.web, method=method)
        assert (status, headers["Allow"]) == ("405 Method Not Allowed", "GET, HEAD")

    @pytest.mark.parametrize("path", ["/nothing", "//", "/../etc/passwd", ""])
    def test_there_is_no_other_page(self, path: str) -> None:
        assert asked(self.web, path)[0] == "404 Not Found"

    @pytest.mark.parametrize(
        ("host", "status"),
        [
            ("127.0.0.1:9798", 200),
            ("localhost", 200),
            ("LOCALHOST:1", 200),
            ("[::1]:9798", 200),
            ("evil.example", 421),
            ("127.0.0.1.evil.example:9798", 421),
            ("", 421),
            ("[", 421),
        ],
    )
    def test_on_loopback_it_answers_to_its_own_names(self, host: str, status: int) -> None:
        """Otherwise a page of the web could read it through a name of its own (DNS rebinding)."""
        assert int(asked(self.web, host=host)[0].split()[0]) == status

    @pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "harvestmouse"])
    def test_beyond_loopback_it_answers_to_any(self, host: str) -> None:
        assert hosts_of(host) is None

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
    def test_loopback_is_more_than_one_address(self, host: str) -> None:
        allowed = hosts_of(host)
        assert allowed is not None
        assert host in allowed
