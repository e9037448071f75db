"""The purchase journal: written before a purchase is asked for, closed when its fate is known."""

import json
from contextlib import suppress
from pathlib import Path

from attrs import asdict, frozen

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
        """Return the purchase whose fate is unknown, if there is one."""
        pending = None
        for line in (read_text(self.path) or "").splitlines():
            with suppress(ValueError, TypeError, KeyError):
                row = json.loads(line)
                pending = Purchase(**row["open"]) if "open" in row else None
        return pending
