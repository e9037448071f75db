"""The ledger of grabbed ids: an append-only text file, one line for each thing that happened to an id.

A line is ``id time outcome info-hash``, with ``-`` for what is unknown; lines of the old format are a bare id.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from attrs import frozen

from harvestmouse.adapters.state.files import append_line, read_text
from harvestmouse.core.model import LedgerEntry, LedgerOutcome

NAME = "grabbed_ids.txt"
_LINE = re.compile(
    r"(?P<id>[0-9]{1,18})(?:\s+(?P<at>\S+)\s+(?P<outcome>[a-z_]+)(?:\s+(?P<info_hash>[0-9a-f]{40,64}|-))?)?", re.ASCII
)


@frozen
class Ledger:
    """Read and append ``state_dir/grabbed_ids.txt``."""

    path: Path

    def entries(self) -> tuple[LedgerEntry, ...]:
        """Return all entries, oldest first; a torn line is passed over."""
        text = read_text(self.path) or ""
        lines = text.splitlines()
        if not text.endswith("\n") and any(" " in line for line in lines[-2:-1]):
            # The old format has no lines like the one before: this one was torn, perhaps within its id.
            lines.pop()
        return tuple(entry for line in lines if (entry := _parse(line)) is not None)

    def append(self, entry: LedgerEntry) -> None:
        """Add one entry, durably."""
        at = "-" if entry.at is None else datetime.fromtimestamp(entry.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        append_line(self.path, f"{entry.id} {at} {entry.outcome} {entry.info_hash or '-'}")

    def ids(self) -> dict[str, int]:
        """Return the site's ids by info-hash, each as the newest line about it has it."""
        return {entry.info_hash: entry.id for entry in self.entries() if entry.info_hash}


@lru_cache(maxsize=1 << 16)
def _parse(line: str) -> LedgerEntry | None:
    # A run reads the ledger several times, and a few years of it are tens of thousands of lines.
    match = _LINE.fullmatch(line.strip())
    if match is None:
        return None
    return LedgerEntry(
        id=int(match["id"]),
        at=_time(match["at"]),
        outcome=match["outcome"] or LedgerOutcome.GRABBED,
        info_hash=None if match["info_hash"] in (None, "-") else match["info_hash"],
    )


def _time(text: str | None) -> int | None:
    try:
        return None if text is None else int(datetime.fromisoformat(text).timestamp())
    except ValueError:
        return None
