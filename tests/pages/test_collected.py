"""What is taken from recordings, and what is not; no browser is needed."""

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from harvestmouse.core.errors import RecordingError
from harvestmouse.core.plan import Reason
from harvestmouse.runners import html_report
from harvestmouse.runners.html_report import collected as collecting
from harvestmouse.runners.html_report.charts import thin
from harvestmouse.runners.html_report.collected import Collected, collect
from tests.pages.history import keep
from tests.support.builders import HOUR, NOW, Body, hash_of, raw_snapshot
from tests.support.world import harvestmouse


def deletion(number: int = 1) -> tuple[Body, Body]:
    """Return an action, and the decision it follows from."""
    action = {
        "action": "delete_torrent", "hash": hash_of(number), "name": f"Volumé {number}", "reason": "stalled_old",
        "delete_files": True,
    }  # fmt: skip
    facts = {"name": f"Volumé {number}", "uploaded_bytes": number, "has_completed": False}
    return action, {"subject": hash_of(number), "decision": "delete", "reason": "stalled_old", "facts": facts}


def janitor(directory: Path, at: int = NOW, *, mode: str = "apply", status: str = "done", count: int = 1) -> Path:
    """Keep a run of the janitor that deletes some torrents, or tries to."""
    deletions = [deletion(number) for number in range(count)]
    ended = [{"subject": action["hash"], "status": status, "why": None} for action, _ in deletions]
    plan: dict[str, Any] = {
        "format": "harvestmouse-plan/1",
        "job": "janitor",
        "decided_at": at,
        "actions": [action for action, _ in deletions],
        "decisions": [decision for _, decision in deletions],
        "outcome": {"run": "0a", "mode": mode, "error": None, "actions": ended if mode == "apply" else []},
    }
    return keep(directory, plan, raw_snapshot(taken_at=at))


def told(collected: Collected) -> list[tuple[int, str]]:
    """Return when each decision was made, and how its action ended."""
    return [(row.at, row.ended) for row in collected.rows]


class TestOutcomes:
    """What was decided is not what was done."""

    def test_a_deletion_that_is_done_counts(self, tmp_path: Path) -> None:
        """By its reason."""
        collected = collect([janitor(tmp_path, count=3)])
        assert collected.deleted == {Reason.STALLED_OLD: 3}
        assert told(collected) == [(NOW, "done")] * 3

    @pytest.mark.parametrize(
        ("how", "ended"),
        [
            ({"mode": "dry_run"}, "dry run"),
            ({"status": "failed"}, "failed"),
            ({"status": "not_attempted"}, "not attempted"),
        ],
        ids=str,
    )
    def test_anything_else_does_not(self, tmp_path: Path, how: Body, ended: str) -> None:
        """And its row says how it ended."""
        collected = collect([janitor(tmp_path, **how)])
        assert collected.deleted == {}
        assert told(collected) == [(NOW, ended)]


class TestLongHistories:
    """Many recordings make a small page."""

    def test_the_newest_rows_are_kept(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The last run first."""
        monkeypatch.setattr(collecting, "MOST_ROWS", 5)
        paths = [janitor(tmp_path, NOW + hour * HOUR, count=2) for hour in range(4)]
        rows = collect(paths).rows
        assert [row.at for row in rows] == [NOW + hour * HOUR for hour in (3, 3, 2, 2, 1)]

    def test_the_last_run_is_the_newest_whatever_is_read_first(self, tmp_path: Path) -> None:
        """Two folders do not come in the order of time."""
        new, old = (janitor(tmp_path / name, at) for name, at in (("a", NOW + HOUR), ("b", NOW)))
        collected = collect([new, old])
        assert collected.last["janitor"][0].at == NOW + HOUR
        assert [row.at for row in collected.rows] == [NOW + HOUR, NOW]
        assert collected.series["incomplete"] == [(NOW, 1), (NOW + HOUR, 1)]

    def test_lines_keep_their_ends(self) -> None:
        """Of each span the last point, so that what is shown was true."""
        points = [(NOW + 60 * minute, float(minute)) for minute in range(40_000)]
        thinned = thin(points)
        assert len(thinned) == 500
        assert set(thinned) < set(points)
        assert thinned[-1] == points[-1]
        assert thin(points[:500]) == points[:500]


class TestCommand:
    """The command line."""

    def test_writes_to_stdout_or_a_file_of_the_owner(self, tmp_path: Path) -> None:
        """The same page."""
        path = janitor(tmp_path / "recordings")
        printed = harvestmouse("report", str(path), environment={"PYTHONIOENCODING": "ascii"})
        assert (printed.returncode, printed.stderr) == (0, "")
        written = harvestmouse("report", str(tmp_path / "recordings"), "-o", str(tmp_path / "page.html"))
        assert (written.returncode, written.stdout, written.stderr) == (0, "", "")
        assert (tmp_path / "page.html").read_text(encoding="utf-8") == printed.stdout
        assert (tmp_path / "page.html").stat().st_mode & 0o777 == 0o600

    def test_nothing_to_show_is_no_page(self, tmp_path: Path) -> None:
        """Each recording that cannot be read is named."""
        plan = {"job": "janitor", "decided_at": NOW, "outcome": {"run": "0a"}, "format": "harvestmouse-plan/9"}
        path = keep(tmp_path, plan, raw_snapshot())
        ended = harvestmouse("report", str(path), "-o", str(tmp_path / "page.html"))
        assert ended.returncode == 2
        assert f"left out: {path}: expected a plan with format" in ended.stderr
        assert ended.stderr.splitlines()[-1] == "harvestmouse: none of the recordings can be read"
        assert not (tmp_path / "page.html").exists()

    def test_says_how_to_get_what_is_missing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The libraries are an extra."""
        monkeypatch.delitem(sys.modules, "harvestmouse.runners.html_report.page", raising=False)
        monkeypatch.setitem(sys.modules, "jinja2", None)
        with pytest.raises(RecordingError, match=r"pip install 'harvestmouse\[report\]'"):
            html_report.write({}, [str(janitor(tmp_path))])

    def test_a_recording_with_a_body_of_any_shape_is_read(self, tmp_path: Path) -> None:
        """Ledger and outcome are not the plan's, and may be anything."""
        path = janitor(tmp_path)
        document = json.loads(gzip.decompress(path.read_bytes()))
        outcomes: list[Any] = [None, [], {"actions": None}, {"actions": [1]}, {"actions": 1}]
        for outcome in outcomes:
            document["plan"]["outcome"] = outcome
            document["snapshot"]["ledger"] = [1, {}, {"id": []}]
            (tmp_path / "one.json").write_text(json.dumps(document))
            assert collect([tmp_path / "one.json"]).count == 1

    @pytest.mark.parametrize("at", [-1, 0, 10**18])
    def test_a_time_outside_of_any_calendar_is_named(self, tmp_path: Path, at: int) -> None:
        """Instead of failing later, over all recordings."""
        path = janitor(tmp_path)
        document = json.loads(gzip.decompress(path.read_bytes()))
        document["plan"]["decided_at"] = at
        path.write_text(json.dumps(document))
        assert collect([path]).unreadable == [f"{path}: decided_at: {at} is no time"]
