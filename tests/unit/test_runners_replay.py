"""Recordings are decided again: the same, or what differs, to people, as JSON and as JUnit."""

import errno
import gzip
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from harvestmouse.adapters.recordings import packed
from harvestmouse.core.cycle import PLANNERS
from harvestmouse.core.errors import RecordingError
from harvestmouse.core.guarantees import g12
from harvestmouse.core.policy import FIELD, SEED
from harvestmouse.runners import replay
from harvestmouse.runners.redecide import Replayed, decide_again, decided_again
from tests.support.builders import DAY, NOW, hash_of, raw_snapshot, raw_torrent
from tests.support.golden import GOLDEN, recording, situations
from tests.support.world import harvestmouse

Form = dict[str, Any]
OPTIONS = {"pairs": (), "preset": None, "config": None}
Printed = pytest.CaptureFixture[str]


def raw(number: int = 0) -> Form:
    """Return what a janitor saw: one torrent that goes, one that stays."""
    stuck = raw_torrent(1, state="queuedDL", added_on=NOW - 2 * DAY, progress=0, downloaded=0, completion_on=-1,
                        seeding_time=0)  # fmt: skip
    return raw_snapshot(
        taken_at=NOW + number,
        qbittorrent={"webapi_version": "2.8.19", "torrents": [stuck, raw_torrent(2)], "free_space_bytes": 1 << 40},
    )


def keep(path: Path, content: Form | None = None, *, zipped: bool = True) -> Path:
    """Write a recording."""
    text = json.dumps(content or recording("janitor", raw()))
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(packed(text) if zipped else text.encode())
    return path


def other(content: Form | None = None) -> Form:
    """Return a recording in which the torrent that goes was kept."""
    changed = content or recording("janitor", raw())
    row = next(row for row in changed["plan"]["decisions"] if row["decision"] == "delete")
    row |= {"decision": "keep", "reason": "active"}
    changed["plan"]["actions"] = []
    return changed


def read(path: Path) -> Form:
    content = path.read_bytes()
    form: Form = json.loads(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)
    return form


def replayed(*words: object, as_json: bool = False, junit: str | None = None, update: bool = False) -> int:
    return replay.replay(OPTIONS, [str(word) for word in words], as_json=as_json, junit=junit, update=update)


class TestGolden:
    """Recordings that earlier versions made."""

    def test_they_are_decided_the_same(self) -> None:
        """With the default policy, by every later version."""
        paths = sorted(GOLDEN.glob("*.json.gz"))
        found = [decide_again(path, SEED) for path in paths]
        assert [(one.path.name, one.error, one.differences) for one in found if one.result != "same"] == []
        assert [one for one in found if one.policy] == []

    def test_there_is_one_for_each_job_and_situation(self) -> None:
        """A folder that went empty would replay without a difference."""
        made = {path.name.removesuffix(".json.gz") for path in GOLDEN.iterdir()}
        assert made >= set(situations())
        assert {decide_again(path, SEED).job for path in GOLDEN.iterdir()} == set(PLANNERS)

    def test_they_hold_no_secret_and_no_path(self) -> None:
        """What a recorder keeps."""
        for path in GOLDEN.iterdir():
            text = json.dumps(read(path)["snapshot"])
            assert list(g12(text, ["/downloads", "/home/", "PASSKEY", "somebody"])) == []

    def test_another_policy_is_noticed(self) -> None:
        """They reach the rules that the presets disagree about."""
        found = {path.name for path in GOLDEN.iterdir() if decide_again(path, FIELD).differences}
        assert "janitor_deletes_for_every_reason.json.gz" in found


class TestText:
    def test_the_same(self, tmp_path: Path, capsys: Printed) -> None:
        """One line, and 0."""
        keep(tmp_path / "a.json.gz")
        keep(tmp_path / "day" / "b.json", zipped=False)
        assert replayed(tmp_path) == 0
        assert capsys.readouterr().out == "replayed 2 recordings: 2 the same\n"

    def test_what_differs_is_told_by_item(self, tmp_path: Path, capsys: Printed) -> None:
        """Was, is, and why; then 1. What could not be read does not end it."""
        first = keep(tmp_path / "a.json.gz", other())
        keep(tmp_path / "b.json.gz")
        broken = keep(tmp_path / "c.json.gz")
        broken.write_bytes(broken.read_bytes()[:-9])
        assert replayed(tmp_path) == 1
        title, decision, why, error, summary = capsys.readouterr().out.splitlines()
        assert title == f"{first}: 1 difference (janitor, made by {read(first)['version']})"
        assert decision == (f'  decision {hash_of(1)} "Torrent 1": was keep active, is delete never_started')
        assert why.startswith("    was: No rule wants it gone; is: Nothing was downloaded in all the time")
        assert error.startswith(f"{broken}: it is no whole gzip file (")
        assert summary == "replayed 3 recordings: 1 the same, 1 differs, 1 could not be read"

    def test_few_items_are_shown(self, tmp_path: Path, capsys: Printed) -> None:
        """The rest is counted."""
        content = recording("janitor", raw_snapshot(qbittorrent={"torrents": [raw_torrent(n) for n in range(1, 15)]}))
        for row in content["plan"]["decisions"]:
            row["reason"] = "protected"
        keep(tmp_path / "a.json", content)
        keep(tmp_path / "b.json", content)
        assert replayed(tmp_path) == 1
        lines = capsys.readouterr().out.splitlines()
        assert sum(line.startswith("  decision ") for line in lines) == 20
        assert lines.count("  ... and 4 more; --json shows all") == 2
        assert lines[-1] == "replayed 2 recordings: 2 differ"

    def test_another_policy_is_told_once(self, tmp_path: Path, capsys: Printed) -> None:
        """And is no difference by itself."""
        content = recording("janitor", raw())
        content["plan"]["policy"] |= {"satisfied_seeder_floor": 4, "recovery_tag": "repair"}
        for name in "abc":
            keep(tmp_path / f"{name}.json.gz", content)
        assert replayed(tmp_path) == 0
        assert capsys.readouterr().out.splitlines() == [
            "the policy differs in recovery_tag of janitor: was repair, is recovery (3 recordings)",
            "the policy differs in satisfied_seeder_floor of janitor: was 4, is 5 (3 recordings)",
            "replayed 3 recordings: 3 the same",
        ]

    def test_every_kind_of_value_can_be_read(self, tmp_path: Path, capsys: Printed) -> None:
        """Nothing, lists, switches, and names that would move the cursor."""
        content = recording("grab", situations()["grab_picks_and_rejects"][1])
        content["plan"]["complete"] = False
        content["plan"]["actions"] = content["plan"]["actions"][::-1]
        content["plan"]["actions"][0] |= {"title": "\x1b[2Jgone", "tags": []}
        content["plan"]["figures"]["managed_torrents"] = None
        keep(tmp_path / "a.json", content)
        replayed(tmp_path)
        out = capsys.readouterr().out
        assert "complete grab: was false, is true" in out
        assert "order actions: was add_torrent " in out
        assert "figure managed_torrents: was nothing, is 1" in out
        assert "was action add_torrent, title �[2Jgone, tags []" in out
        assert "\x1b" not in out


class TestErrors:
    """What cannot be decided again is said, and the rest goes on."""

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"format": "harvestmouse-recording/2"}, 'expected a recording of format "harvestmouse-recording/1"'),
            ({"plan": {"format": "harvestmouse-plan/2", "job": "janitor"}},
             'plan: expected a plan with format "harvestmouse-plan/1", found \'harvestmouse-plan/2\''),
            ({"snapshot": {"format": "harvestmouse-snapshot/2", "taken_at": 1}},
             'snapshot: format: expected "harvestmouse-snapshot/1"'),
            ({"plan": {"job": "dance"}}, "the job 'dance' is none that this version knows"),
            ({"plan": {**recording("janitor", raw())["plan"], "policy": 5}}, "the code fails on it: AttributeError"),
            ({"plan": None}, "has no plan and snapshot"),
            ({"snapshot": {"taken_at": "today"}}, "taken_at: expected unix seconds, found 'today'"),
            ({"snapshot": {"taken_at": True}}, "taken_at: expected unix seconds, found True"),
        ],
    )  # fmt: skip
    def test_names_the_file_and_what_was_found(
        self, tmp_path: Path, capsys: Printed, change: Form, words: str
    ) -> None:  # fmt: skip
        """An unknown format is one of them."""
        path = keep(tmp_path / "a.json.gz", {**recording("janitor", raw()), **change})
        keep(tmp_path / "b.json.gz")
        assert replayed(tmp_path) == 1
        error, summary = capsys.readouterr().out.splitlines()
        assert error.startswith(f"{path}: ")
        assert words in error
        assert summary == "replayed 2 recordings: 1 the same, 1 could not be read"

    def test_words_that_name_nothing_are_wrong_usage(self, tmp_path: Path) -> None:
        """Nothing is replayed."""
        with pytest.raises(RecordingError, match="there is no recording"):
            replayed(tmp_path / "*.gz")

    def test_a_folder_that_cannot_be_read_is_not_left_out(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The folder of a day is its owner's alone; another user would be told that all there is is the same."""
        keep(tmp_path / "a.json.gz")
        sealed = keep(tmp_path / "day" / "b.json.gz").parent
        look = os.scandir

        def scandir(path: str) -> Any:
            if Path(path) == sealed:
                raise PermissionError(errno.EACCES, "Permission denied", path)
            return look(path)

        monkeypatch.setattr(os, "scandir", scandir)
        with pytest.raises(RecordingError, match=f"^{sealed}: cannot be read: Permission denied$"):
            replayed(tmp_path)

    def test_a_word_that_no_file_can_have_is_said(self) -> None:
        with pytest.raises(RecordingError, match=r"^x+: cannot be read: File name too long$"):
            replayed("x" * 300)

    def test_a_pattern(self, tmp_path: Path, capsys: Printed) -> None:
        """Only what it names."""
        keep(tmp_path / "a-grab.json.gz", other())
        keep(tmp_path / "a-janitor.json.gz")
        assert replayed(tmp_path / "*-janitor*") == 0
        assert capsys.readouterr().out == "replayed 1 recording: 1 the same\n"


def test_json_has_everything(tmp_path: Path, capsys: Printed) -> None:
    """One object on one line."""
    content = other()
    content["plan"]["policy"]["satisfied_seeder_floor"] = 4
    first = keep(tmp_path / "a.json.gz", content)
    second = keep(tmp_path / "b.json.gz")
    third = tmp_path / "c.json"
    third.write_text("{")
    assert replayed(tmp_path, as_json=True) == 1
    (line,) = capsys.readouterr().out.splitlines()
    document = json.loads(line)
    assert document["format"] == "harvestmouse-replay/1"
    assert document["counts"] == {"same": 1, "differs": 1, "updated": 0, "error": 1}
    one, two, three = document["recordings"]
    version = content["version"]
    (difference,) = one.pop("differences")
    assert one == {
        "path": str(first), "job": "janitor", "version": version, "result": "differs",
        "policy": [{"figure": "satisfied_seeder_floor", "was": 4, "is": 5}], "error": None,
    }  # fmt: skip
    assert difference.pop("why").startswith("was: No rule wants it gone; is: ")
    assert difference == {
        "subject": hash_of(1), "name": "Torrent 1", "what": "decision",
        "was": {"decision": "keep", "reason": "active"}, "is": {"decision": "delete", "reason": "never_started"},
    }  # fmt: skip
    assert two == {
        "path": str(second), "job": "janitor", "version": version, "result": "same", "differences": [], "policy": [],
        "error": None,
    }  # fmt: skip
    assert (three["path"], three["result"], three["job"], three["version"]) == (str(third), "error", None, None)
    assert "is truncated" in three["error"]


class TestJUnit:
    def test_has_a_case_a_recording(self, tmp_path: Path, capsys: Printed) -> None:
        """A failure where something differs, an error where it could not be read."""
        keep(tmp_path / "r" / "a.json.gz", other())
        keep(tmp_path / "r" / "b.json.gz")
        (tmp_path / "r" / "c.json").write_text("{")
        assert replayed(tmp_path / "r", junit=str(tmp_path / "junit.xml")) == 1
        suite = ET.parse(tmp_path / "junit.xml").getroot()
        assert suite.tag == "testsuite"
        assert suite.attrib == {"name": "harvestmouse replay", "tests": "3", "failures": "1", "errors": "1"}
        assert [(Path(case.attrib["name"]).name, case.attrib["classname"]) for case in suite] == [
            ("a.json.gz", "janitor"), ("b.json.gz", "janitor"), ("c.json", "recording"),
        ]  # fmt: skip
        (failure,), passed, (error,) = suite
        assert (failure.tag, error.tag, len(passed)) == ("failure", "error", 0)
        assert "is delete never_started" in (failure.text or "")
        assert failure.attrib["message"].startswith("1 difference")
        assert "is truncated" in error.attrib["message"]

    def test_trouble_with_it_is_said(self, tmp_path: Path) -> None:
        """A folder that is not there."""
        keep(tmp_path / "a.json.gz")
        with pytest.raises(RecordingError, match=r"junit\.xml: cannot be written: No such file"):
            replayed(tmp_path, junit=str(tmp_path / "none" / "junit.xml"))


class TestUpdate:
    @pytest.mark.parametrize("zipped", [True, False])
    def test_writes_what_is_decided_today(self, tmp_path: Path, capsys: Printed, zipped: bool) -> None:
        """The rest stays: outcome, snapshot, compression and mode; the next replay finds no difference."""
        path = keep(tmp_path / "a.json.gz", other(), zipped=zipped)
        path.chmod(0o640)
        before = read(path)
        assert replayed(tmp_path, update=True) == 0
        assert "a.json.gz: updated, 1 difference (" in capsys.readouterr().out
        after = read(path)
        assert after == {
            **before,
            "plan": {**recording("janitor", raw())["plan"], "outcome": before["plan"]["outcome"]},
        }
        assert (path.read_bytes()[:2] == b"\x1f\x8b") is zipped
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert list(tmp_path.iterdir()) == [path]
        assert replayed(tmp_path) == 0
        assert "1 the same" in capsys.readouterr().out

    def test_leaves_alone_what_is_the_same(self, tmp_path: Path, capsys: Printed) -> None:
        """Not a byte."""
        path = keep(tmp_path / "a.json.gz")
        before = (path.read_bytes(), path.stat().st_mtime_ns)
        assert replayed(tmp_path, update=True) == 0
        assert (path.read_bytes(), path.stat().st_mtime_ns) == before
        assert capsys.readouterr().out == "replayed 1 recording: 1 the same\n"

    def test_brings_words_and_policy_up_to_date_too(self, tmp_path: Path) -> None:
        """Though they are no difference; a plan without an outcome gets none."""
        content = recording("janitor", raw())
        del content["plan"]["outcome"]
        path = keep(tmp_path / "a.json", {**content, "plan": {**content["plan"], "advice": ["Old words."]}})
        assert decide_again(path, SEED, update=True).result == "updated"
        assert read(path) == content

    def test_an_error_leaves_the_old_content(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """And no half written file."""
        path = keep(tmp_path / "a.json.gz", other())
        before = path.read_bytes()

        def full(self: Path, target: Path) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "replace", full)
        assert decide_again(path, SEED, update=True).error == f"{path}: cannot be written: No space left on device"
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]


class TestMany:
    """More than a few dozen are decided by several processes."""

    @pytest.fixture
    def paths(self, tmp_path: Path) -> Sequence[Path]:
        """Two hundred recordings, of which every fiftieth differs and one cannot be read."""
        paths = []
        for number in range(200):
            content = recording("janitor", raw(number))
            paths.append(keep(tmp_path / f"{number:03}.json.gz", other(content) if number % 50 == 7 else content))
        paths[100].write_bytes(b"")
        return paths

    def test_each_once_and_in_order(self, paths: Sequence[Path]) -> None:
        """As one process decides them."""
        found = list(decided_again(paths, SEED, workers=2))
        assert [one.path for one in found] == list(paths)
        assert [number for number, one in enumerate(found) if one.result == "differs"] == [7, 57, 107, 157]
        assert [number for number, one in enumerate(found) if one.result == "error"] == [100]
        assert found == [decide_again(path, SEED) for path in paths]

    def test_what_waits_is_bounded(self, paths: Sequence[Path], monkeypatch: pytest.MonkeyPatch) -> None:
        """However slowly they are taken."""
        asked: list[Path] = []

        class Pool:
            """Decides at once, in this process."""

            def __init__(self, *_: object, **__: object) -> None: ...
            def shutdown(self, **_: object) -> None: ...
            def submit(self, job: Callable[..., list[Replayed]], paths: Sequence[Path], *rest: Any, **how: Any) -> Any:
                asked.extend(paths)
                from concurrent.futures import Future  # noqa: PLC0415

                future: Future[list[Replayed]] = Future()
                future.set_result(job(paths, *rest, **how))
                return future

        monkeypatch.setattr("concurrent.futures.ProcessPoolExecutor", Pool)
        taken = decided_again(paths, SEED, workers=2)
        next(taken)
        assert len(asked) <= 5 * 8
        assert len(list(taken)) == 199

    def test_the_command_line(self, paths: Sequence[Path]) -> None:
        """With its code; no bar where stderr is no terminal."""
        done = harvestmouse("replay", str(paths[0].parent))
        assert done.returncode == 1
        assert done.stdout.splitlines()[-1] == "replayed 200 recordings: 195 the same, 4 differ, 1 could not be read"
        assert done.stderr == ""

    def test_sigterm_leaves_no_process_behind(self, paths: Sequence[Path]) -> None:
        """Once there is a first result; whoever is left would hold the pipe open."""
        command = [sys.executable, "-u", "-m", "harvestmouse", "replay", "--json", str(paths[0].parent)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as run:
            assert run.stdout is not None
            run.stdout.read(1)
            run.terminate()
            try:
                run.communicate(timeout=10)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(run.pid, signal.SIGKILL)
        assert run.returncode == 1

    def test_a_bar_on_a_terminal(self, tmp_path: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
        """On stderr; the result takes its line, and stdout has nothing of it."""
        for number in range(3):
            keep(tmp_path / f"{number}.json.gz", other() if number == 1 else None)
        monkeypatch.setattr(replay, "MANY", 2)
        for stream in ("stdout", "stderr"):
            monkeypatch.setattr(f"sys.{stream}.isatty", lambda: True)
        assert replayed(tmp_path) == 1
        printed = capsys.readouterr()
        assert "Replaying" in printed.err
        assert "100%" in printed.err
        assert "\r\033[K" in printed.err
        assert "\r" not in printed.out
        assert printed.out.endswith("replayed 3 recordings: 2 the same, 1 differs\n")


class TestRecordingsAsSnapshots:
    """`plan` and `explain` take a recording where they take a snapshot."""

    @pytest.mark.parametrize(
        "words", [("plan", "janitor"), ("explain", "janitor", "--torrent", "Torrent 1", "--snapshot")]
    )
    def test_decides_the_same_from_either(self, tmp_path: Path, words: tuple[str, ...]) -> None:
        """Byte for byte."""
        whole = keep(tmp_path / "whole.json.gz")
        part = keep(tmp_path / "part.json", read(whole)["snapshot"], zipped=False)
        done = [harvestmouse(*words, str(path), "--json") for path in (whole, part)]
        assert [one.returncode for one in done] == [0, 0], done[0].stderr
        assert done[0].stdout == done[1].stdout
        assert "never_started" in done[0].stdout

    def test_an_unknown_format_of_recordings_is_said(self, tmp_path: Path) -> None:
        """Not taken for one of this version's."""
        path = keep(tmp_path / "a.json.gz", {**recording("janitor", raw()), "format": "harvestmouse-recording/2"})
        done = harvestmouse("plan", "janitor", str(path))
        assert done.returncode == 2
        assert "found 'harvestmouse-recording/2'" in done.stderr
