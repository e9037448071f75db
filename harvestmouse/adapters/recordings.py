"""Recordings of runs: a compressed file each, in a folder a day, and not too many of them."""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import frozen

from harvestmouse.adapters.errors import StateError
from harvestmouse.adapters.tape import packer
from harvestmouse.core.units import DAY

NAME = "recordings"
FORMAT = "harvestmouse-recording/1"

_DAY_NAME = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_FILE_NAME = re.compile(r"\d{6}-[a-z]+-[0-9a-f]+\.json\.gz", re.ASCII)
_PRIVATE, _PRIVATE_FOLDER = 0o600, 0o700


@frozen
class Recordings:
    """Keep ``state_dir/recordings``.

    Attributes:
        keep_days: For how many days.
        most_files: How many at most.
        most_bytes: How much in all at most.
    """

    directory: Path
    keep_days: int
    most_files: int
    most_bytes: int

    def write(self, at: int, job: str, run_id: str, parts: Iterable[bytes]) -> Path:
        """Write one recording; the first one of a day takes out what is too old or too much, as does one of too many.

        Args:
            at: Unix seconds.
            job: The job's name.
            run_id: The run's id.
            parts: Compressed members of one gzip file.

        Raises:
            StateError: It cannot be written.
        """
        moment = datetime.fromtimestamp(at, UTC)
        folder = self.directory / f"{moment:%Y-%m-%d}"
        path = folder / f"{moment:%H%M%S}-{job}-{run_id}.json.gz"
        temporary = folder / f".{path.name}"
        try:
            if not folder.is_dir():
                folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
                self.prune(at)
            with open(temporary, "wb", opener=_private) as file:
                file.writelines(parts)
            # Not forced to the disk: a recording that a power cut loses is no loss to the account.
            temporary.replace(path)
            if self._is_crowded(folder):
                self.prune(at)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink()
            raise StateError(f"cannot write the recording {path}: {error.strerror}") from None
        return path

    def prune(self, now: int) -> None:
        """Take out what is older than it may be, and then the oldest until the rest is few and small enough."""
        oldest_day = f"{datetime.fromtimestamp(now - self.keep_days * DAY, UTC):%Y-%m-%d}"
        files = sorted(self._files(), reverse=True)
        size = 0
        for count, path in enumerate(files, 1):
            size += path.stat().st_size
            if path.parent.name < oldest_day or count > self.most_files or size > self.most_bytes:
                path.unlink()
        today = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d}"
        for folder in self._days():
            if folder.name < today:
                # What killed runs have left half written.
                for path in folder.glob(".*.json.gz"):
                    path.unlink()
                with suppress(OSError):
                    folder.rmdir()

    def _is_crowded(self, folder: Path) -> bool:
        """Whether one day alone has too much; to look through all of them takes too long for every run."""
        sizes = [entry.stat().st_size for entry in os.scandir(folder)]
        return len(sizes) > self.most_files or sum(sizes) > self.most_bytes

    def _days(self) -> Iterator[Path]:
        return (folder for folder in self.directory.iterdir() if _DAY_NAME.fullmatch(folder.name))

    def _files(self) -> Iterator[Path]:
        return (path for folder in self._days() for path in folder.iterdir() if _FILE_NAME.fullmatch(path.name))


def packed(text: str) -> bytes:
    """Return text as one member of a gzip file."""
    one = packer()
    return b"".join((one.compress(text.encode()), one.flush()))


def _private(path: str, flags: int) -> Any:
    return os.open(path, flags, _PRIVATE)
