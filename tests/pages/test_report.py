"""The page about recordings, as somebody meets it in a browser."""

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from playwright.sync_api import Browser

from harvestmouse.runners import html_report
from harvestmouse.runners.config import ConfigError
from tests.pages.history import EVIL, keep
from tests.pages.opened import Opened, opened
from tests.support.builders import MIB, hash_of, raw_snapshot
from tests.support.world import harvestmouse

JOBS = {"monitor", "janitor", "grab", "spend", "reconcile"}
SECTIONS = ["Account and jobs", "Timeline", "Deletions by reason", "Why search results were rejected",
            "Score against upload", "Decisions", "Runs"]  # fmt: skip


@cache
def plans(history: Path) -> list[dict[str, Any]]:
    """Return the plans of a history, the oldest first; read without the program."""
    read = [json.loads(gzip.decompress(path.read_bytes()))["plan"] for path in history.rglob("*.json.gz")]
    return sorted(read, key=lambda plan: int(plan["decided_at"]))


def last(history: Path, job: str) -> dict[str, Any]:
    """Return the last plan of a job."""
    return [plan for plan in plans(history) if plan["job"] == job][-1]


def row_of(page: Opened, caption: str, title: str) -> list[str]:
    """Return the cells of a table's row, after its head."""
    table = page.page.locator("table", has=page.page.get_by_text(caption, exact=True))
    return table.locator("tr", has=page.page.locator("th", has_text=title)).locator("td").all_inner_texts()


def brightness(colour: str) -> float:
    """Return the relative luminance of a colour, as the guidelines on contrast define it."""
    numbers = [int(number) / 255 for number in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in numbers)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21."""
    dark, bright = sorted((brightness(one), brightness(other)))
    return (bright + 0.05) / (dark + 0.05)


class TestPage:
    """What is seen without touching anything."""

    def test_has_every_section_and_chart(self, page: Opened) -> None:
        """Quietly, and asking for nothing: the fixture sees to that."""
        assert page.page.locator("h2").all_inner_texts() == SECTIONS
        boxes = [chart.bounding_box() for chart in page.page.locator(".chart svg").all()]
        assert len(boxes) == 4
        assert all(box is not None and box["height"] > 100 and box["width"] > 500 for box in boxes)

    def test_charts_do_not_share_their_ids(self, page: Opened) -> None:
        """A clip or marker of one chart is not looked up in another."""
        ids = page.page.locator("[id]").evaluate_all("found => found.map(one => one.id)")
        assert len(ids) > 100
        assert len(ids) == len(set(ids))

    def test_timeline_has_what_it_is_about(self, page: Opened) -> None:
        """Ratio, points, backlog and decisions."""
        words = page.page.locator("#timeline .chart text").all_text_contents()
        assert {"Ratio", "Bonus points", "backlog: never completed", "Decisions that asked for an action"} <= set(words)
        assert {"floor of grab (1.2)", "upload bought", "pick", "delete", "buy", "change"} <= set(words)

    def test_figures_are_those_of_the_recordings(self, page: Opened, history: Path) -> None:
        """First, lowest, highest and last, of every run that told."""
        points = [plan["figures"]["balance_bp"] for plan in plans(history) if "balance_bp" in plan["figures"]]
        told = [points[0], min(points), max(points), points[-1]]
        assert row_of(page, "What the lines show", "Bonus points") == [f"{value:,.0f}" for value in told]
        waiting = [
            sum(not one["facts"]["has_completed"] for one in plan["decisions"])
            for plan in plans(history)
            if plan["job"] == "janitor"
        ]
        assert row_of(page, "What the lines show", "Never completed") == [
            str(value) for value in (waiting[0], min(waiting), max(waiting), waiting[-1])
        ]

    def test_deletions_are_those_that_happened(self, page: Opened, history: Path) -> None:
        """Of actions that are done, each by its reason."""
        deleted = Counter(
            action["reason"]
            for plan in plans(history)
            for action in plan["actions"]
            if action["action"] == "delete_torrent" and plan["outcome"]["mode"] == "apply"
        )
        assert deleted == {"never_started": 40}
        assert row_of(page, "Deletions by reason", "never_started") == ["40", "0"]
        assert row_of(page, "Deletions by reason", "stalled_old") == ["0", "0"]

    def test_rejections_are_counted_for_the_last_run_and_all(self, page: Opened, history: Path) -> None:
        """Each reason, in the order of the rules."""
        counted = [plan["counts"]["reject"] for plan in plans(history) if plan["job"] == "grab" and not plan["skip"]]
        for reason in ("too_large", "no_demand", "not_selected"):
            told = row_of(page, "Rejections by reason", reason)
            assert told == [str(counted[-1][reason]), str(sum(one[reason] for one in counted))]

    def test_scores_are_joined_by_identity(self, page: Opened, history: Path) -> None:
        """Every torrent that was added is found again, but for those of the last run."""
        added = sum(action["action"] == "add_torrent" for plan in plans(history) for action in plan["actions"])
        assert f"{added - 5} of {added}" in page.page.locator("#scores figcaption").inner_text()
        seen = {
            one["subject"]: one["facts"]["uploaded_bytes"]
            for plan in plans(history)
            if plan["job"] == "janitor"
            for one in plan["decisions"]
        }
        joined = sorted(
            (action["score"], seen[hash_of(action["id"])])
            for plan in plans(history)
            for action in plan["actions"]
            if action["action"] == "add_torrent" and hash_of(action["id"]) in seen
        )
        assert len(joined) == 60
        medians = [f"{median(upload for _, upload in joined[low : low + 15]) / MIB:g} MiB" for low in (0, 15, 30, 45)]
        assert page.page.locator("#scores tbody td:nth-child(3)").all_inner_texts() == medians

    def test_the_last_run_of_each_job_is_told(self, page: Opened) -> None:
        """With its mode."""
        rows = page.page.locator("#account tbody tr").all_inner_texts()
        assert {row.split()[0] for row in rows} == JOBS
        assert [row.split()[0] for row in rows if "dry run" in row] == ["janitor"]

    @pytest.mark.parametrize("width", [360, 800, 1600])
    def test_nothing_has_to_be_scrolled_sideways(self, browser: Browser, report: Path, width: int) -> None:
        """On a telephone either."""
        with opened(browser, report, width=width) as page:
            assert page.page.evaluate("document.documentElement.scrollWidth") <= width

    def test_nothing_moves_while_it_loads(self, page: Opened) -> None:
        """The sum of layout shifts, as the browser measures them."""
        script = """() => new Promise(done => new PerformanceObserver(list =>
            done(list.getEntries().reduce((sum, one) => sum + one.value, 0))
        ).observe({type: 'layout-shift', buffered: true}) || setTimeout(() => done(0), 300))"""
        assert page.page.evaluate(script) < 0.01


class TestDecisions:
    """Every decision can be found with its reason."""

    def test_all_of_the_last_run_of_each_job_are_there(self, page: Opened, history: Path) -> None:
        """And of earlier ones what asked for an action, and nothing else."""
        page.page.get_by_role("button", name="Show all").click()
        rows = page.rows()
        for job in JOBS:
            told = [row for row in rows if row[1] == job]
            plan = last(history, job)
            earlier = sum(
                one["decision"] not in ("keep", "reject", "hold")
                for other in plans(history)
                if other["job"] == job and other is not plan
                for one in other["decisions"]
            )
            assert len(told) == len(plan["decisions"]) + earlier

    def test_a_search_finds_a_name(self, page: Opened, history: Path) -> None:
        """All words, in any case, anywhere in the row."""
        wanted = next(one for one in last(history, "grab")["decisions"] if one["decision"] == "pick")
        page.page.get_by_role("searchbox", name="Search").fill(f"{wanted['facts']['title'].upper()} selected")
        (row,) = page.rows()
        assert wanted["facts"]["title"] in row[3]
        assert "Among the best" in row[4]
        assert page.page.get_by_role("status").inner_text().startswith("1 of ")

    def test_a_search_finds_what_was_deleted_long_ago(self, page: Opened) -> None:
        """By its info-hash, with how it ended."""
        page.page.get_by_role("searchbox", name="Search").fill(hash_of(40))
        (row,) = page.rows()
        assert row[2].split() == ["delete", "done"]
        assert "Nothing was downloaded" in row[4]

    def test_a_search_that_finds_nothing_says_so(self, page: Opened) -> None:
        """No row is left."""
        page.page.get_by_role("searchbox", name="Search").fill("no such thing")
        assert page.rows() == []
        assert page.page.get_by_role("status").inner_text().startswith("0 of ")

    def test_filters_work_together(self, page: Opened, history: Path) -> None:
        """Job, decision and reason, each narrowing what the others leave."""
        rejected = last(history, "grab")["counts"]["reject"]
        page.page.get_by_role("combobox", name="Job").select_option("grab")
        assert {row[1] for row in page.rows()} == {"grab"}
        page.page.get_by_role("combobox", name="Decision").select_option("reject")
        assert len(page.rows()) == sum(rejected.values())
        page.page.get_by_role("combobox", name="Reason").select_option("oversupplied")
        assert len(page.rows()) == rejected["oversupplied"] > 0
        page.page.get_by_role("button", name="Clear").click()
        page.page.get_by_role("button", name="Show more").wait_for()
        assert len(page.rows()) == 100

    def test_more_are_shown_when_asked_for(self, page: Opened) -> None:
        """In steps, so that a long table opens quickly and a printed one is short."""
        assert len(page.rows()) == 100
        page.page.get_by_role("button", name="Show more").click()
        assert len(page.rows()) == 200
        page.page.get_by_role("button", name="Show all").click()
        assert len(page.rows()) > 200
        assert not page.page.get_by_role("button", name="Show all").is_visible()

    def test_the_head_sorts_by_keyboard(self, page: Opened) -> None:
        """Up, then down, and said to those who do not see it."""
        page.page.get_by_role("button", name="Show all").click()
        head = page.page.get_by_role("columnheader", name="Decision")
        head.get_by_role("button").focus()
        for order in ("ascending", "descending"):
            page.page.keyboard.press("Enter")
            assert head.get_attribute("aria-sort") == order
            told = [row[2].split("\n")[0] for row in page.rows()]
            assert told == sorted(told, reverse=order == "descending")
            assert len(set(told)) > 3

    def test_without_scripts_every_row_is_shown(self, browser: Browser, report: Path, page: Opened) -> None:
        """The table is in the page, not in the script."""
        page.page.get_by_role("button", name="Show all").click()
        with opened(browser, report, java_script_enabled=False) as plain:
            assert plain.page.locator("#table tbody tr").count() == len(page.rows())
            assert not plain.page.get_by_role("searchbox", name="Search").is_visible()


class TestComparison:
    """Policies side by side, where they are asked for."""

    def test_policies_have_a_column_each(self, history: Path, tmp_path: Path, browser: Browser) -> None:
        """With the figures in which they differ, and what they would have decided."""
        ended = harvestmouse(
            "report", str(history), "--policy", "seed", "--policy", "field", "-o", str(tmp_path / "report.html")
        )
        assert (ended.returncode, ended.stderr) == (0, "")
        with opened(browser, tmp_path / "report.html", width=800) as page:
            table = page.page.get_by_role("table", name="What each policy would have decided")
            assert table.locator("thead th").all_inner_texts() == ["Figure", "seed", "field"]
            assert row_of(page, "What each policy would have decided", "grab.seeder_ceiling") == ["50", "200"]
            asked = sum(len(plan["decisions"]) for plan in plans(history) if plan["job"] == "grab")
            assert row_of(page, "What each policy would have decided", "results looked at") == [str(asked)] * 2
            assert "Nothing is known of results that no search showed." in page.page.locator("#comparison").inner_text()
            page.page.get_by_role("link", name="Policies").click()
            assert page.page.url.endswith("#comparison")
            assert page.page.evaluate("document.documentElement.scrollWidth") <= 800

    def test_there_is_none_unless_asked_for(self, page: Opened) -> None:
        """Neither section nor link."""
        assert page.page.locator("#comparison").count() == 0
        assert page.page.get_by_role("link", name="Policies").count() == 0

    def test_one_policy_cannot_be_compared(self, history: Path) -> None:
        """That is a usage error, before anything is read."""
        ended = harvestmouse("report", str(history), "--policy", "seed")
        assert (ended.returncode, ended.stdout) == (2, "")
        assert "name two policies or more" in ended.stderr


class TestStrangers:
    """Titles are written by people nobody knows."""

    def test_markup_in_a_title_is_text(self, page: Opened) -> None:
        """It is shown as it was written, and does nothing."""
        page.page.get_by_role("searchbox", name="Search").fill("onerror")
        rows = page.rows()
        assert rows
        assert all(EVIL in row[3] for row in rows)
        assert page.page.title().startswith("Harvestmouse: ")
        assert page.page.locator("img").count() == 0
        assert page.page.locator("script").count() == 1

    def test_no_character_of_a_title_turns_text_round(self, tmp_path: Path) -> None:
        """What shows nothing of its own is shown as a replacement."""
        facts = {"name": "harmless\u202eexe.pdf\x1b[2J\ud800", "state": "\u2066"}
        plan = {
            "format": "harvestmouse-plan/1", "job": "janitor", "decided_at": 1_776_598_800, "outcome": {"run": "0a"},
            "decisions": [{"subject": "f0", "decision": "keep", "reason": "active", "facts": facts}],
        }  # fmt: skip
        path = keep(tmp_path, plan, raw_snapshot())
        assert html_report.write({}, [str(path)], output=str(tmp_path / "report.html")) == 0
        written = (tmp_path / "report.html").read_text(encoding="utf-8")
        assert "harmless\ufffdexe.pdf\ufffd[2J\ufffd" in written
        assert not set(written) & {"\u202e", "\x1b", "\u2066"}

    def test_a_page_that_cannot_be_written_says_where(self, tmp_path: Path) -> None:
        """The state directory, which a command of a run would name, has nothing to do with it."""
        plan = {
            "format": "harvestmouse-plan/1",
            "job": "janitor",
            "decided_at": 1_776_598_800,
            "outcome": {"run": "0a"},
        }
        path = keep(tmp_path, plan, raw_snapshot())
        with pytest.raises(ConfigError, match=f"^{tmp_path}: cannot be written: Is a directory$"):
            html_report.write({}, [str(path)], output=str(tmp_path))

    def test_the_page_may_ask_for_nothing(self, page: Opened) -> None:
        """Were something to get through, the page's own policy would stop it."""
        ways = ("new Image().src = 'http://127.0.0.1:9/x.png'", "fetch('http://127.0.0.1:9/').catch(() => 0)")
        for way in ways:
            page.page.evaluate(way)
        page.page.wait_for_timeout(200)
        assert {"Content Security Policy" in one for one in page.noise} == {True}
        assert len(page.noise) >= len(ways)
        page.noise.clear()
        del page.requests[1:]


class TestKeyboard:
    """All of it without a mouse."""

    def test_the_first_stop_skips_to_the_decisions(self, page: Opened) -> None:
        """It is seen when it is reached."""
        page.page.keyboard.press("Tab")
        link = page.page.get_by_role("link", name="Skip to the decisions")
        box = link.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        page.page.keyboard.press("Enter")
        assert page.page.evaluate("document.activeElement.id") == "decisions"
        page.page.keyboard.press("Tab")
        page.page.keyboard.press("Tab")
        assert page.page.evaluate("document.activeElement.id") == "search"

    def test_every_stop_shows_where_it_is_and_has_a_name(self, page: Opened) -> None:
        """From the top to the end, in the order of the page."""
        seen = list(stops(page))
        assert {"search", "job", "verdict", "reason", "more", "all"} <= {one["id"] for one in seen}
        assert [one for one in seen if one["outline"] == "none" or not one["name"]] == []


def stops(page: Opened) -> Iterator[dict[str, str]]:
    """Go through the page with the Tab key."""
    script = """() => { const one = document.activeElement; return one === document.body ? null : {
        id: one.id, outline: getComputedStyle(one).outlineStyle,
        name: (one.labels?.[0] ?? one).textContent.trim() } }"""
    for _ in range(60):
        page.page.keyboard.press("Tab")
        found = page.page.evaluate(script)
        if found is None:
            return
        yield found


class TestLooks:
    """Light, dark and on paper."""

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_everything_can_be_read(self, browser: Browser, report: Path, scheme: str, tmp_path: Path) -> None:
        """Text has a contrast of 4.5 and lines of 3, as the guidelines ask."""
        with opened(browser, report, color_scheme=scheme) as page:
            (paper,) = page.styles("body", "backgroundColor")
            assert (brightness(paper) > 0.5) is (scheme == "light")
            for selector in ("body", "figcaption", "code", "small", "td", "a", "dt", "input"):
                assert min(contrast(one, paper) for one in set(page.styles(selector, "color"))) >= 4.5
            assert min(contrast(one, paper) for one in set(page.styles(".chart text", "fill"))) >= 4.5
            lines = set(page.styles("#timeline .chart g[id*='-line2d'] > path", "stroke")) - {"none"}
            assert len(lines) >= 4
            ink = [one for one in lines if contrast(one, paper) >= 3]
            assert len(lines) - len(ink) <= 1, "the grid alone may be faint"
            assert len(page.page.screenshot(full_page=True, path=tmp_path / f"{scheme}.png")) > 50_000

    def test_prints_black_on_white(self, browser: Browser, report: Path) -> None:
        """In the dark too, without what only a screen can use."""
        with opened(browser, report, color_scheme="dark") as page:
            page.page.emulate_media(media="print")
            assert page.styles("body", "color") == ["rgb(0, 0, 0)"]
            assert brightness(page.styles("body", "backgroundColor")[0]) == 1
            assert set(page.styles(".chart text", "fill")) == {"rgb(0, 0, 0)"}
            lines = set(page.styles("#timeline .chart g[id*='-line2d'] > path", "stroke")) - {"none"}
            assert sum(contrast(line, "rgb(255, 255, 255)") < 3 for line in lines) <= 1, "the grid alone may be faint"
            assert not page.page.get_by_role("searchbox", name="Search").is_visible()
            assert not page.page.get_by_role("navigation").is_visible()
            printed = page.page.pdf(format="A4")
            assert printed.startswith(b"%PDF")
            assert 4 < len(re.findall(rb"/Type\s*/Page\b", printed)) < 20


class TestOutput:
    """What the command says and writes."""

    def test_what_cannot_be_read_is_named_and_left_out(
        self, history: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], browser: Browser
    ) -> None:
        """A torn recording does not hide the others."""
        (tmp_path / "torn.json").write_text('{"format"')
        one = next(history.rglob("*-grab-*"))
        assert html_report.write({}, [str(tmp_path / "torn.json"), str(one)], output=str(tmp_path / "report.html")) == 0
        assert "torn.json: it is no JSON, or is truncated" in capsys.readouterr().err
        with opened(browser, tmp_path / "report.html") as page:
            assert "from 1 recording; 1 more could not be read" in page.page.locator("header").inner_text()

    def test_an_account_that_tells_nothing_has_a_page_too(self, tmp_path: Path, browser: Browser) -> None:
        """Unknown is said, not drawn as zero."""
        body = raw_snapshot(mam={}, qbittorrent={})
        plan = {
            "format": "harvestmouse-plan/1", "job": "grab", "decided_at": body["taken_at"],
            "skip": {"reason": "profile_unknown", "detail": "nothing was told"},
            "outcome": {"run": "0a", "mode": "apply", "error": None},
        }  # fmt: skip
        path = keep(tmp_path, plan, body)
        assert html_report.write({}, [str(path)], output=str(tmp_path / "report.html")) == 0
        with opened(browser, tmp_path / "report.html") as page:
            assert page.page.locator("dd").all_inner_texts() == ["unknown"] * 5 + ["0 GiB"]
            assert "skipped" in page.page.locator("#account tbody").inner_text()
            assert "not told by these recordings" in page.page.locator("#timeline .chart").inner_text()
            assert page.page.get_by_role("status").inner_text() == "0 of 0 decisions match; all are shown."
