"""Files in the state directory: written whole or not at all, for nobody else to read."""

import os
import stat
from pathlib import Path

import pytest

from harvestmouse.adapters.errors import StateError
from harvestmouse.adapters.state.files import append_line, read_text, replace_text


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "file"


def only(path: Path) -> list[str]:
    """Return the names of what stands beside a file, itself included."""
    return sorted(one.name for one in path.parent.iterdir())


class TestReplacing:
    def test_makes_the_directory_and_the_file(self, path: Path) -> None:
        """A first run needs no preparation."""
        replace_text(path, "mouse\n")
        assert path.read_text() == "mouse\n"

    def test_the_file_is_its_owner_s_alone(self, path: Path) -> None:
        """Mode 0600, also where a file with another mode stood."""
        replace_text(path, "one")
        path.chmod(0o644)
        replace_text(path, "two")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    @pytest.mark.parametrize("step", ["fsync", "fchmod", "open", "replace"])
    def test_a_failure_leaves_the_old_content(self, path: Path, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whatever fails on the way, the old content is there and nothing else lies about."""
        replace_text(path, "old")

        def fail(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        owner = Path if step == "replace" else os
        monkeypatch.setattr(owner, step, fail)
        with pytest.raises(StateError, match=f"cannot write {path}: No space left on device"):
            replace_text(path, "new")
        monkeypatch.undo()
        assert path.read_text() == "old"
        assert only(path) == ["file"]

    def test_a_file_in_the_way_of_the_directory_is_named(self, tmp_path: Path) -> None:
        """A state directory that is a file is an error with advice."""
        (tmp_path / "state").write_text("")
        with pytest.raises(StateError, match="Check state_dir") as raised:
            replace_text(tmp_path / "state" / "file", "x")
        assert raised.value.exit_code == 1

    @pytest.mark.parametrize("write", [replace_text, append_line])
    def test_a_directory_that_cannot_be_written_is_an_error(self, path: Path, write: object) -> None:
        """Neither way to write goes past a directory of the kernel's own, which no user may write."""
        assert callable(write)
        with pytest.raises(StateError, match="cannot write /proc/harvestmouse"):
            write(Path("/proc/harvestmouse"), "x")


class TestAppending:
    def test_adds_a_line(self, path: Path) -> None:
        """Lines follow each other."""
        append_line(path, "one")
        append_line(path, "two")
        assert path.read_text() == "one\ntwo\n"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_closes_a_torn_line_first(self, path: Path) -> None:
        """What an earlier crash left stays on a line of its own."""
        append_line(path, "one")
        path.write_text("one\ntw")
        append_line(path, "three")
        assert path.read_text() == "one\ntw !torn\nthree\n"

    def test_is_one_write(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Two processes that append at once cannot mix their lines, since each line is one write."""
        written: list[bytes] = []
        write = os.write

        def count(descriptor: int, data: bytes) -> int:
            written.append(data)
            return write(descriptor, data)

        monkeypatch.setattr(os, "write", count)
        append_line(path, "one")
        assert written == [b"one\n"]


class TestReading:
    def test_no_file_is_no_text(self, path: Path) -> None:
        """A file that is not there is ``None``, not an error."""
        assert read_text(path) is None

    def test_a_directory_is_an_error(self, tmp_path: Path) -> None:
        """What cannot be read is named."""
        with pytest.raises(StateError, match="cannot read"):
            read_text(tmp_path)

    def test_bytes_that_are_no_text_are_read(self, path: Path) -> None:
        """A damaged file does not end a run."""
        replace_text(path, "")
        path.write_bytes(b"12\xff\n34")
        assert (read_text(path) or "").splitlines()[1] == "34"
