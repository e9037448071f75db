"""The purchase journal: written before a purchase is asked for, closed when its fate is known."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from harvestmouse.adapters.errors import StateError
from harvestmouse.adapters.state.files import append_line, read_text
from harvestmouse.core.spend import Purchase

NAME = "purchases.jsonl"


@frozen
class Journal:
    """Append to ``state_dir/purchases.jsonl``."""

    path: Path

    def open(self, purchase: Purchase) -> None:
        """Note a purchase before it is asked for."""
        append_line(self.path, json.dumps({"open": asdict(purchase)}))

    def close(self, at: int, outcome: str) -> None:
        """Note the fate of the last purchase."""
        append_line(self.path, json.dumps({"closed": {"at": at, "outcome": outcome}}))

    def pending(self) -> Purchase | None:
        """Return the purchase whose fate is unknown, if there is one.

        Raises:
            StateError: There is one, and it cannot be read.
        """
        opened: Any = None
        for row in self._rows():
            opened = row.get("open", None if "closed" in row else opened)
        if opened is None:
            return None
        try:
            return Purchase(**opened)
        except TypeError:
            raise StateError(f"{self.path}: the last purchase cannot be read, so nothing more is bought") from None

    def last_closed(self) -> int | None:
        """Return when the last purchase was closed, in unix seconds."""
        closed = [row["closed"].get("at") for row in self._rows() if isinstance(row.get("closed"), dict)]
        return closed[-1] if closed and isinstance(closed[-1], int) else None

    def _rows(self) -> Iterator[Mapping[str, Any]]:
        return (_load(line) for line in (read_text(self.path) or "").splitlines())


def _load(line: str) -> Mapping[str, Any]:
    # A torn line of a crash is passed over: an opening is whole before anything is bought, a closing is made up later.
    with suppress(ValueError, RecursionError):
        row = json.loads(line)
        return row if isinstance(row, dict) else {}
    return {}
