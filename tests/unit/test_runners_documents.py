"""A document is read whole or not at all, and never more of it than there may be."""

import gzip
import io
import json
import stat
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.listing import write_snapshot
from harvestmouse.core.model import Snapshot
from harvestmouse.core.wire.snapshot import parse_snapshot
from harvestmouse.runners import documents
from harvestmouse.runners.commands import read_snapshot
from harvestmouse.runners.documents import DocumentError, read_document, write_document

PLAIN = b'{"a": [1, 2]}'


@pytest.mark.parametrize(
    "content",
    [PLAIN, gzip.compress(PLAIN), b"".join(map(gzip.compress, (PLAIN[:4], b"", PLAIN[4:])))],
    ids=["plain", "one member", "several members"],
)
def test_a_document_is_read_as_it_was_written(tmp_path: Path, content: bytes) -> None:
    """Plain, and compressed in one member or several."""
    (tmp_path / "a").write_bytes(content)
    assert read_document(str(tmp_path / "a")) == {"a": [1, 2]}


def test_a_dash_is_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compressed or not."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(PLAIN, mtime=0))))
    assert read_document("-") == {"a": [1, 2]}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (gzip.compress(b"  ", mtime=0), "it is empty"),
        (PLAIN[:-1], "is truncated"),
        (b"[" * 100_000, "is truncated"),
        (gzip.compress(PLAIN, mtime=0)[:-1], "no whole gzip file"),
        (gzip.compress(PLAIN, mtime=0) + gzip.compress(PLAIN, mtime=0)[:5], "no whole gzip file"),
        (gzip.compress(PLAIN, mtime=0) + b"more", "no whole gzip file"),
        (b"\x1f\x8bnothing", "no whole gzip file"),
    ],
)
def test_what_is_no_whole_document_is_an_error(tmp_path: Path, content: bytes, words: str) -> None:
    """Which says what is wrong."""
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(DocumentError, match=words):
        read_document(str(tmp_path / "a"))


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, lambda text: gzip.compress(text[:600], mtime=0) + gzip.compress(text[600:], mtime=0)]
)
def test_what_is_too_large_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: object) -> None:
    """Plain, and where a few bytes unfold to it; one byte less is read."""
    monkeypatch.setattr(documents, "LARGEST", 1000)
    assert callable(pack)
    for size, whole in ((1000, True), (1001, False)):
        (tmp_path / "a").write_bytes(pack(b" " * (size - 2) + b"[]"))
        if whole:
            assert read_document(str(tmp_path / "a")) == []
        else:
            with pytest.raises(DocumentError, match="larger than"):
                read_document(str(tmp_path / "a"))


def test_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """With the system's reason."""
    with pytest.raises(DocumentError, match="cannot be read: Is a directory"):
        read_document(str(tmp_path))


def test_a_snapshot_of_whole_rows_is_what_their_kept_part_says(tmp_path: Path) -> None:
    """With what a client sends of a torrent, and what stands for one and is none."""
    path = tmp_path / "a"
    write_snapshot(path, 40)
    document = json.loads(path.read_text())
    client = document["qbittorrent"]
    client["torrents"] += [{"magnet_uri": "magnet:?", "name": "nothing"}, {**client["torrents"][0], "state": "error"}]
    client["torrents"][1] |= {"tracker": "", "trackers": None, "tags": {"a": 1}}
    del client["torrents"][2]["progress"]
    path.write_text(json.dumps(document))
    assert read_snapshot(str(path)) == parse_snapshot(document)
    assert len(parse_snapshot(document).malformed_torrents) == 2


def test_of_a_large_snapshot_little_is_in_memory_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes and their text, and then less than the text besides it."""
    path = tmp_path / "a"
    write_snapshot(path, 2000)

    def peak(read: Callable[[], Snapshot]) -> int:
        tracemalloc.start()
        assert len(read().torrents or ()) == 2000
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    size = path.stat().st_size
    # So much room is made for what is read.
    monkeypatch.setattr(documents, "LARGEST", size)
    assert peak(lambda: read_snapshot(str(path))) < 2.6 * size
    assert peak(lambda: parse_snapshot(read_document(str(path)))) > 3 * size


def test_a_file_is_written_with_its_folder_and_for_its_owner_alone(tmp_path: Path) -> None:
    """Over an older one, of which nothing is left."""
    path = tmp_path / "new" / "a"
    write_document(path, PLAIN * 2)
    write_document(path, PLAIN)
    assert path.read_bytes() == PLAIN
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """As where a folder has the name."""
    folder = tmp_path / "a"
    (folder / "b").mkdir(parents=True)
    with pytest.raises(DocumentError, match=r"^cannot be written: Is a directory$"):
        write_document(folder, PLAIN)
    assert list(tmp_path.iterdir()) == [folder]
