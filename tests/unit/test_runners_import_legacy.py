"""What the old scripts left is taken over as it is, and takes nothing away."""

import stat
from pathlib import Path

import pytest

from harvestmouse.adapters.errors import StateError
from harvestmouse.adapters.state.cookie import CookieStore
from harvestmouse.adapters.state.ledger import Ledger
from harvestmouse.runners.config import ConfigError
from harvestmouse.runners.import_legacy import import_legacy
from tests.support.world import files_in, harvestmouse

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """What the scripts' folder holds."""
    directory = tmp_path / "old"
    directory.mkdir()
    (directory / "mam_id").write_text("camembert")
    (directory / "grabbed_ids.txt").write_text("1001\n1002\n1003")
    return directory


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def taken(old: Path, state: Path) -> int:
    return import_legacy({"pairs": (f"state_dir={state}", "lock_wait=0s"), "preset": None, "config": None}, str(old))


def test_both_are_taken_over(old: Path, state: Path, capsys: Printed) -> None:
    """As they are; the cookie is its owner's alone, and not shown."""
    before = files_in(old)
    assert taken(old, state) == 0
    assert files_in(old) == before
    assert (state / "grabbed_ids.txt").read_text() == "1001\n1002\n1003"
    (cookie,) = CookieStore(state / "mam_id").candidates()
    assert cookie.value.reveal() == "camembert"
    assert stat.S_IMODE((state / "mam_id").stat().st_mode) == 0o600
    out = capsys.readouterr().out
    assert out.splitlines() == [
        "mam_id: taken over; let the scripts not use it any more",
        "grabbed_ids.txt: 3 of 3 entries taken over",
    ]


def test_a_second_time_changes_nothing(old: Path, state: Path, capsys: Printed) -> None:
    """Nor does the cookie that has been renewed since."""
    taken(old, state)
    CookieStore(state / "mam_id").store("gouda")
    before = files_in(state)
    capsys.readouterr()
    assert taken(old, state) == 0
    assert files_in(state) == before
    assert capsys.readouterr().out.splitlines() == [
        f"mam_id: left alone: {state / 'mam_id'} has a cookie already",
        "grabbed_ids.txt: 0 of 3 entries taken over",
    ]


def test_a_ledger_that_is_there_gets_what_it_lacks(old: Path, state: Path, capsys: Printed) -> None:
    """What it knows of an id stays."""
    state.mkdir()
    line = f"1002 2026-04-19T11:40:00Z never_started {'a' * 40}\n"
    (state / "grabbed_ids.txt").write_text(line)
    taken(old, state)
    assert (state / "grabbed_ids.txt").read_text().startswith(line)
    assert [entry.id for entry in Ledger(state / "grabbed_ids.txt").entries()] == [1002, 1001, 1003]
    assert "2 of 3 entries taken over" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "\n", "deleted"])
def test_a_session_that_has_ended_is_not_taken_over(old: Path, state: Path, capsys: Printed, text: str) -> None:
    """Nor an empty file."""
    (old / "mam_id").write_text(text)
    taken(old, state)
    assert not (state / "mam_id").exists()
    assert "mam_id: it holds no cookie, or that of a session that has ended" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("there", "words"), [("mam_id", "0 of 0 entries"), ("grabbed_ids.txt", "mam_id: there is none")]
)
def test_one_of_the_two_is_enough(old: Path, state: Path, capsys: Printed, there: str, words: str) -> None:
    """The other is not made: an empty ledger would say that nothing was grabbed."""
    (missing,) = {"mam_id", "grabbed_ids.txt"} - {there}
    (old / missing).unlink()
    taken(old, state)
    assert set(files_in(state)) == {there}
    assert words in capsys.readouterr().out


def test_folders_with_nothing_to_take(tmp_path: Path, old: Path, state: Path) -> None:
    """One without the files, and the state directory itself; nothing is made."""
    with pytest.raises(ConfigError, match=r"has neither mam_id nor grabbed_ids\.txt"):
        taken(tmp_path / "none", state)
    with pytest.raises(ConfigError, match="is the state directory itself"):
        taken(old, old)
    assert not state.exists()


def test_an_old_file_that_cannot_be_read_is_named_before_anything_is_taken(old: Path, state: Path) -> None:
    """As those of another user; it is not the state directory that has to be looked at."""
    (old / "grabbed_ids.txt").unlink()
    (old / "grabbed_ids.txt").mkdir()
    with pytest.raises(ConfigError, match=rf"^cannot read {old / 'grabbed_ids.txt'}: Is a directory$"):
        taken(old, state)
    assert not state.exists()


def test_trouble_is_said(old: Path, tmp_path: Path) -> None:
    """A file where the state directory should be."""
    (tmp_path / "state").write_text("")
    with pytest.raises(StateError, match="cannot lock"):
        taken(old, tmp_path / "state")


def test_the_command_line(old: Path, state: Path) -> None:
    """With the state directory of the configuration."""
    done = harvestmouse("import-legacy", str(old), environment={"HARVESTMOUSE_STATE_DIR": str(state)})
    assert (done.returncode, done.stderr) == (0, "")
    assert "3 of 3 entries" in done.stdout
    assert "camembert" not in done.stdout
    assert harvestmouse("import-legacy", str(state / "none")).returncode == 2
