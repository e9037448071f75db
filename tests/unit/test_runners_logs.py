"""The log: one event a line, for people or for machines, with the run's id and without secrets."""

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harvestmouse.adapters.secret import Secret
from harvestmouse.core.plan import Plan
from harvestmouse.runners import logs
from harvestmouse.runners.report import Report, Status
from harvestmouse.runners.words import describe
from tests.support.builders import DAY, GIB, NOW, download, hash_of, preferences, profile, result
from tests.support.world import Stage, world_of

JOB_NAMES = ("grab", "janitor", "spend", "reconcile")


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Give the log back as it was."""
    root, level = logging.getLogger(), logs.log.level
    handlers = list(root.handlers)
    yield
    root.handlers[:] = handlers
    logs.log.setLevel(level)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A world in which every job has something to do."""
    world = world_of(
        account=profile(downloaded_bytes=19 * GIB, uploaded_bytes=25 * GIB, bonus_points=60_000.0),
        torrents=[download(number, added_on=NOW - 2 * DAY) for number in range(1, 13)],
        catalogue=[result(1001), result(1002)],
        preferences=preferences(max_active_uploads=4),
    )
    return Stage(world, tmp_path / "state")


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return what was logged as JSON."""
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


class TestLines:
    def test_a_machine_gets_an_object_a_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Time, level, the run's context, the message and its facts, in this order."""
        logs.set_up("info", "json", run="0a1b", job="grab")
        logs.event('done: delete "A Barn"', subject="abc", reason="never_started")
        (line,) = lines(capsys)
        assert list(line) == ["time", "level", "run", "job", "message", "subject", "reason"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line.pop("time"))
        assert line == {"level": "info", "run": "0a1b", "job": "grab", "message": 'done: delete "A Barn"',
                        "subject": "abc", "reason": "never_started"}  # fmt: skip

    def test_a_person_gets_a_sentence(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Without colours where no terminal is, and without the facts, which the sentence tells."""
        logs.set_up("info", "text", run="0a1b", job="grab")
        logs.event('done: delete "A Barn"', subject="abc")
        logs.log.warning("%d addresses", 2)
        first, second = capsys.readouterr().err.splitlines()
        assert re.fullmatch(r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[info     \] done: delete "A Barn"', first)
        assert second.endswith("[warning  ] 2 addresses")

    def test_where_no_terminal_is_it_is_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Unless text is asked for."""
        logs.set_up("info", "auto")
        logs.log.info("hello")
        assert [line["message"] for line in lines(capsys)] == ["hello"]

    def test_on_a_terminal_it_is_text(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """In colour, unless NO_COLOR is set."""
        monkeypatch.delenv("NO_COLOR", raising=False)
        for colourful in (True, False):
            monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
            logs.set_up("info", "auto")
            logs.log.info("hello")
            text = capsys.readouterr().err
            assert ("\x1b[" in text) is colourful
            assert "hello" in text
            monkeypatch.setenv("NO_COLOR", "1")

    def test_only_what_is_grave_enough_is_logged(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Other libraries are heard where something is wrong."""
        logs.set_up("warning", "json")
        logs.log.info("quiet")
        logs.log.warning("loud")
        logging.getLogger("other").info("chatter")
        logging.getLogger("other").error("broken")
        assert [line["message"] for line in lines(capsys)] == ["loud", "broken"]

    def test_secrets_are_masked_in_messages_and_facts(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A second net; no error holds one in the first place."""
        logs.set_up("info", "json")
        logs.hide([Secret("swordfish"), Secret("")])
        logs.event("a swordfish", why="the swordfish", count=3)
        (line,) = lines(capsys)
        assert (line["message"], line["why"], line["count"]) == ("a ********", "the ********", 3)


class TestRuns:
    def test_every_action_is_a_line_with_its_end(self, stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
        """When it ended; subject and reason are facts of their own."""
        logs.set_up("info", "json")
        report = stage.run("janitor", apply=True)
        told = [line for line in lines(capsys) if "action" in line]
        assert len(told) == 12
        assert {line["subject"] for line in told} == {hash_of(number) for number in range(1, 13)}
        assert {(line["action"], line["status"], line["reason"]) for line in told} == {
            ("delete_torrent", "done", "never_started")
        }
        assert report.count(Status.DONE) == 12

    def test_every_decision_is_a_line_where_all_is_asked_for(
        self, stage: Stage, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """With its facts; a dry run has no other lines about single items."""
        logs.set_up("debug", "json")
        report = stage.run("grab")
        told = {line["subject"]: line["reason"] for line in lines(capsys) if "decision" in line}
        assert told == {one.subject: one.reason.value for one in report.plan.decisions}
        assert told

    @pytest.mark.parametrize("job", JOB_NAMES)
    @pytest.mark.parametrize("apply", [True, False])
    def test_the_summary_agrees_with_the_report(self, stage: Stage, job: str, apply: bool) -> None:
        """Every count of decisions, and how the actions ended."""
        report = stage.run(job, apply=apply)
        assert summary(describe(report)) == tally(report.plan)
        if apply:
            assert f"  actions     {report.count(Status.DONE)} done, 0 failed, 0 not attempted" in describe(report)

    def test_the_summary_counts_what_failed(self, stage: Stage) -> None:
        """One of each."""
        whole = stage.run("janitor", apply=True)
        first, second, *rest = whole.outcomes
        ends = (
            type(first)(first.action, Status.FAILED, "gone"),
            type(second)(second.action, Status.NOT_ATTEMPTED),
            *rest,
        )
        report = Report(plan=whole.plan, apply=True, outcomes=ends)
        assert "  actions     10 done, 1 failed, 1 not attempted" in describe(report)


def summary(text: str) -> dict[tuple[str, str], int]:
    """Read the counts off the lines for people."""
    found = re.findall(r"^  (\w+) +(\d+)  (\w+) +[A-Z]", text, re.MULTILINE)
    return {(verdict, reason): int(count) for verdict, count, reason in found}


def tally(plan: Plan) -> dict[tuple[str, str], int]:
    """Count the decisions."""
    pairs = [(one.decision.value, one.reason.value) for one in plan.decisions]
    return {pair: pairs.count(pair) for pair in pairs}
