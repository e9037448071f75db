"""Recordings are whole or not there, the owner's alone, and no more than there may be."""

import gzip
import json
import stat
from pathlib import Path

import pytest

from harvestmouse.adapters.errors import StateError
from harvestmouse.adapters.recordings import Recordings, packed
from harvestmouse.adapters.tape import Packed, Tape
from tests.support.builders import DAY, HOUR, NOW, raw_torrent


def store(directory: Path, **limits: int) -> Recordings:
    """Return a store without limits, but for those given."""
    return Recordings(directory / "recordings", **({"keep_days": 90, "most_files": 99, "most_bytes": 1 << 20} | limits))


def names(directory: Path) -> list[str]:
    """Return the files there are, by day and name."""
    root = directory / "recordings"
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


class TestWriting:
    def test_a_file_a_run_in_a_folder_a_day(self, tmp_path: Path) -> None:
        """Named by time, job and run; readable by nobody else."""
        path = store(tmp_path).write(NOW, "janitor", "0a1b2c3d", [packed('{"a":['), packed("1"), packed("]}")])
        assert names(tmp_path) == ["2026-04-19/114000-janitor-0a1b2c3d.json.gz"]
        assert json.loads(gzip.decompress(path.read_bytes())) == {"a": [1]}
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

    def test_the_same_content_is_the_same_file(self) -> None:
        """No time of writing in it."""
        assert packed("text") == packed("text")

    def test_what_cannot_be_written_is_said_and_leaves_nothing(self, tmp_path: Path) -> None:
        """A file where the folder should be."""
        (tmp_path / "recordings").write_text("")
        with pytest.raises(StateError, match=r"cannot write the recording .*(Not a directory|File exists)"):
            store(tmp_path).write(NOW, "grab", "0a", [b""])

    def test_an_error_half_way_leaves_the_old_ones_alone(self, tmp_path: Path) -> None:
        """The parts stop coming."""
        kept = store(tmp_path)
        kept.write(NOW, "grab", "01", [packed("{}")])

        def torn() -> object:
            yield b"half"
            raise OSError(28, "No space left on device")

        with pytest.raises(StateError, match="No space left"):
            kept.write(NOW, "grab", "02", torn())  # type: ignore[arg-type]
        assert names(tmp_path) == ["2026-04-19/114000-grab-01.json.gz"]


class TestRetention:
    def test_old_days_go_with_the_first_run_of_a_new_one(self, tmp_path: Path) -> None:
        """After so many days; what is no recording stays."""
        kept = store(tmp_path, keep_days=2)
        for day in range(4):
            for hour in (0, 1):
                kept.write(NOW + day * DAY + hour * HOUR, "grab", f"{day}{hour}", [packed("{}")])
        (tmp_path / "recordings" / "notes.txt").write_text("mine")
        (tmp_path / "recordings" / "2026-04-22" / ".235959-grab-99.json.gz").write_text("half")
        kept.write(NOW + 4 * DAY, "grab", "40", [packed("{}")])
        assert names(tmp_path) == [
            "2026-04-21/114000-grab-20.json.gz",
            "2026-04-21/124000-grab-21.json.gz",
            "2026-04-22/114000-grab-30.json.gz",
            "2026-04-22/124000-grab-31.json.gz",
            "2026-04-23/114000-grab-40.json.gz",
            "notes.txt",
        ]
        assert not (tmp_path / "recordings" / "2026-04-19").exists()

    @pytest.mark.parametrize(("limit", "value"), [("most_files", 3), ("most_bytes", 3 * len(packed("{}")))])
    def test_the_newest_stay_where_there_are_too_many(self, tmp_path: Path, limit: str, value: int) -> None:
        """By number or by size."""
        kept = store(tmp_path, **{limit: value})
        for hour in range(5):
            kept.write(NOW + hour * HOUR, "grab", f"0{hour}", [packed("{}")])
            assert len(names(tmp_path)) <= 3
        assert [name[-10:-8] for name in names(tmp_path)] == ["02", "03", "04"]

    def test_a_day_that_begins_takes_out_too_many(self, tmp_path: Path) -> None:
        """Those of earlier days count then."""
        kept = store(tmp_path, most_files=3)
        for hour in range(3):
            kept.write(NOW + hour * HOUR, "grab", f"0{hour}", [packed("{}")])
        few = store(tmp_path, most_files=1)
        few.write(NOW + DAY, "grab", "09", [packed("{}")])
        assert [name[-10:-8] for name in names(tmp_path)] == ["02", "09"]


class TestPacked:
    def test_rows_come_back(self) -> None:
        """Few, and more than one piece holds."""
        for count in (0, 1, 2, 1000):
            tape = Tape()
            seen = list(tape.through(raw_torrent(number) for number in range(count)))
            rows = tape.rows()
            assert rows is not None
            assert [row["hash"] for row in rows] == [row["hash"] for row in seen]  # type: ignore[index]

    def test_what_was_not_asked_for_is_none(self) -> None:
        """Not an empty list."""
        assert Tape().rows() is None

    @pytest.mark.parametrize(("word", "tainted"), [("swordfish", True), ("cod", False), ("", False)])
    def test_a_forbidden_word_in_any_row_is_seen(self, word: str, *, tainted: bool) -> None:
        """Wherever it is."""
        rows = Packed((word,))
        for number in range(500):
            rows.add({"name": "a" * 200 if number != 250 else "the swordfish"})
        rows.finish()
        assert rows.tainted is tainted
