"""What a run tells people, machines and dashboards."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvestmouse.core.attribution import plan_monitor
from harvestmouse.core.policy import SEED
from harvestmouse.core.spend import plan_spend
from harvestmouse.core.wire.plan import dump, parse_plan
from harvestmouse.runners.demo import demonstrate
from harvestmouse.runners.report import Report
from harvestmouse.runners.words import clean, describe, table
from tests.support.builders import DAY, GIB, HOUR, NOW, download, mouse, preferences, profile, result, snapshot
from tests.support.world import Stage, world_of

EVIL = "A \x1b[2J\x1b[31mbook\r\nDone: deleted=0\x00\x07\N{RIGHT-TO-LEFT OVERRIDE}"
JOB_NAMES = ("grab", "janitor", "spend", "reconcile")


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    log = logging.getLogger("harvestmouse")
    level = log.level
    log.setLevel(logging.INFO)
    yield
    log.setLevel(level)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A world full of names from strangers, in which every job has something to do."""
    return Stage(
        world_of(
            account=profile(class_name=EVIL, downloaded_bytes=19 * GIB, uploaded_bytes=25 * GIB, bonus_points=60_000.0),
            torrents=[download(number, name=EVIL, added_on=NOW - 2 * DAY) for number in range(1, 13)],
            catalogue=[result(1001, title=EVIL), result(1002, title="x" * 300)],
            preferences=preferences(max_active_uploads=4),
        ),
        tmp_path / "state",
    )


def control_free(text: str) -> bool:
    return all(character.isprintable() or character == "\n" for character in text)


class TestDescribe:
    @pytest.mark.parametrize("job", JOB_NAMES)
    @pytest.mark.parametrize("apply", [True, False])
    def test_is_free_of_control_characters(self, stage: Stage, job: str, apply: bool) -> None:
        """No name moves a terminal's cursor, and none makes a line of its own."""
        text = describe(stage.run(job, apply=apply))
        assert control_free(text)
        assert "\nDone:" not in text

    @pytest.mark.parametrize("job", JOB_NAMES)
    def test_says_in_which_mode(self, stage: Stage, job: str) -> None:
        """The first line says whether anything was changed."""
        assert describe(stage.run(job)).startswith(f"{job} (dry run, nothing is changed without --apply)")
        assert describe(stage.run(job, apply=True)).startswith(f"{job} (applied)")

    def test_shows_ten_actions_and_counts_the_rest(self, stage: Stage) -> None:
        """A long plan is cut, and says where all of it is."""
        text = describe(stage.run("janitor"))
        assert text.count("    delete ") == 10
        assert "... and 2 more; --json shows all" in text

    def test_says_when_a_run_can_buy_next(self) -> None:
        """949 points at 100 an hour; nothing is said by a run that buys, or where nobody knows."""
        earned = ((NOW - 10 * HOUR, 0.0), (NOW, 1_000.0))
        poor = plan_spend(snapshot(profile=mouse(), balances=earned), SEED)
        assert "\n  next useful run in about 9 h 29 min (deficit)\n" in describe(Report(plan=poor, apply=False))
        rich = plan_spend(snapshot(profile=mouse(bonus_points=26_000.0), balances=earned), SEED)
        lost = plan_spend(snapshot(profile=mouse()), SEED)
        for plan in (rich, lost):
            assert "next useful" not in describe(Report(plan=plan, apply=False))

    def test_a_long_name_is_cut(self, stage: Stage) -> None:
        """One name never fills the screen."""
        assert max(map(len, describe(stage.run("grab")).splitlines())) < 200

    def test_explains_every_reason(self, stage: Stage) -> None:
        """Counts come with a sentence."""
        assert "12  never_started        Nothing was downloaded in all the time" in describe(stage.run("janitor"))

    def test_a_skip_has_its_reason(self, tmp_path: Path) -> None:
        """A skipped job says why."""
        report = Stage(world_of(account=mouse()), tmp_path).run("grab")
        assert "skipped: mouse_class - class=Mouse" in describe(report)

    def test_a_monitor_that_saw_nothing_shows_no_figures(self) -> None:
        """None of them is known."""
        told = describe(Report(plan=plan_monitor(snapshot(torrents=None), SEED), apply=False))
        assert "skipped: client_unknown" in told
        assert "None" not in told

    @given(st.text())
    def test_any_text_can_be_cleaned(self, text: str) -> None:
        """What is left can be printed, character for character."""
        assert clean(text).isprintable()
        assert len(clean(text)) == len(text)


class TestLog:
    @pytest.mark.parametrize("job", JOB_NAMES)
    def test_is_free_of_control_characters(self, stage: Stage, caplog: pytest.LogCaptureFixture, job: str) -> None:
        """No text of a stranger makes a line of the log, or colours it."""
        stage.run(job, apply=True)
        assert caplog.messages
        assert all(message.isprintable() for message in caplog.messages)


class TestJson:
    @pytest.mark.parametrize("job", JOB_NAMES)
    def test_is_one_line_that_reads_back(self, stage: Stage, job: str) -> None:
        """The JSON form holds the whole plan, and what became of it."""
        report = stage.run(job, apply=True)
        text = dump(report.unparse())
        assert "\n" not in text
        assert text.isascii()
        document = json.loads(text)
        assert parse_plan(document) == report.plan
        assert document["outcome"]["mode"] == "apply"
        assert document["outcome"]["exit_code"] == 0
        assert {one["status"] for one in document["outcome"]["actions"]} == {"done"}


class TestTable:
    def test_columns_stand_below_each_other(self) -> None:
        """Rows are laid out to the widest cell, without space at the end."""
        assert table([("a", "bbb", "c"), ("aaaa", "b", "")]) == "a     bbb  c\naaaa  b"

    def test_no_row_is_no_text(self) -> None:
        """Nothing is nothing."""
        assert table([]) == ""


@pytest.fixture(scope="module")
def told() -> str:
    """Return what the demonstration says."""
    lines: list[str] = []
    demonstrate(lines.append)
    return "\n".join(lines)


class TestDemo:
    def test_shows_the_recovery(self, told: str) -> None:
        """466 torrents go and 35 stay, first dry, then for good, and the second run finds nothing."""
        assert told.count("466  never_started") == 2
        assert told.count("35  active") == 3
        assert told.count("janitor (applied)") == 2

    def test_shows_the_guard_and_the_way_out(self, told: str) -> None:
        """The grabber refuses, the spender advises."""
        assert "skipped: mouse_class" in told
        assert "1 GiB of upload credit for 500 BP would lift the ratio from 0.00 to 1.4" in told

    def test_ends_with_five_picks(self, told: str) -> None:
        """Out of class Mouse, five torrents are taken."""
        assert told.count("    add ") == 5
        assert "    5  selected" in told

    def test_is_the_same_every_time(self, told: str) -> None:
        """Nothing in it depends on the clock or on chance."""
        again: list[str] = []
        demonstrate(again.append)
        assert "\n".join(again) == told
