"""Read recordings back: one, or all that files, folders and patterns name, one at a time."""

import os
import stat
from collections.abc import Iterable, Iterator
from glob import has_magic, iglob
from pathlib import Path
from typing import Any

from attrs import frozen

from harvestmouse.adapters.recordings import FORMAT
from harvestmouse.core.errors import RecordingError, SnapshotError
from harvestmouse.core.model import Snapshot
from harvestmouse.core.wire.snapshot import parse_snapshot
from harvestmouse.runners.documents import DocumentError, read_document

_SUFFIXES = (".json", ".json.gz")


@frozen
class Recording:
    """One run, as it was kept.

    Attributes:
        path: Its file.
        version: The version of the program that made it.
        run: The run's id.
        plan: The plan's JSON form, with its outcome.
        body: The snapshot's JSON form.
    """

    path: Path
    version: str
    run: str
    plan: dict[str, Any]
    body: dict[str, Any]

    @property
    def job(self) -> str:
        """Return the job's name."""
        return str(self.plan["job"])

    @property
    def taken_at(self) -> int:
        """Return when the snapshot was taken, unix seconds."""
        return int(self.body["taken_at"])

    def snapshot(self) -> Snapshot:
        """Read the snapshot.

        Raises:
            RecordingError: It is none.
        """
        try:
            return parse_snapshot(self.body)
        except SnapshotError as error:
            raise RecordingError(f"{self.path}: snapshot: {error}") from None


def paths_of(words: Iterable[str]) -> list[Path]:
    """Return the recordings that files, folders (with all below them) and patterns name, in the order of their times.

    Raises:
        RecordingError: A word names nothing, or a folder cannot be read: what it has must not be left out unsaid.
    """
    found: dict[Path, None] = {}
    for word in words:
        try:
            paths = list(_named(word))
        except OSError as error:
            raise RecordingError(f"{error.filename}: cannot be read: {error.strerror}") from None
        if not paths:
            raise RecordingError(f"{word}: there is no recording; name files, folders or patterns")
        found.update(dict.fromkeys(paths))
    return sorted(found, key=lambda path: (path.parent, path.name))


def read(path: Path) -> Recording:
    """Read one recording.

    Raises:
        RecordingError: It cannot be read, or is of a format that this version does not know.
    """
    try:
        document = read_document(str(path))
    except DocumentError as error:
        raise RecordingError(f"{path}: {error}") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = document.get("format") if isinstance(document, dict) else None
        raise RecordingError(f'{path}: expected a recording of format "{FORMAT}", found {found!r}')
    plan, body = document.get("plan"), document.get("snapshot")
    if not isinstance(plan, dict) or not isinstance(body, dict) or "job" not in plan or "taken_at" not in body:
        raise RecordingError(f"{path}: has no plan and snapshot")
    if type(body["taken_at"]) is not int:
        raise RecordingError(f"{path}: snapshot: taken_at: expected unix seconds, found {body['taken_at']!r}")
    return Recording(path, str(document.get("version")), str(document.get("run")), plan, body)


def _named(word: str) -> Iterator[Path]:
    if has_magic(word):
        for one in iglob(word, recursive=True):  # noqa: PTH207 - Path.glob takes no pattern from the root
            yield from _named(one)
    elif (mode := _mode(word)) is not None:
        yield from _below(word) if stat.S_ISDIR(mode) else (Path(word),)


def _mode(word: str) -> int | None:
    try:
        return Path(word).stat().st_mode
    except FileNotFoundError:
        return None


def _below(folder: str) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise error

    for place, _, names in os.walk(folder, onerror=refuse):
        files = (Path(place, name) for name in names if name.endswith(_SUFFIXES) and not name.startswith("."))
        yield from (one for one in files if one.is_file())
